#include "scope.h"

#include "arena.h"

Scope *make_scope(Scope *outer)
{
    Scope *scope = allocate(sizeof(Scope));
    scope->outer = outer;
    return scope;
}

Value *find_variable(const Scope *scope, const Text *name)
{
    for (; scope; scope = scope->outer) {
        Value *value = map_find(&scope->variables, name);
        if (value)
            return value;
    }
    return NULL;
}
