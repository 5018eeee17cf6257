#include "call.h"

#include "builtins.h"
#include "error.h"
#include "execute.h"

/* Calls within calls; more would leave no room on the stack of the interpreter itself. */
enum { DEPTH = 2000 };

static const char *plural(size_t count)
{
    return count == 1 ? "" : "s";
}

static Value call_function(const Function *function, const Value *arguments, size_t count, int line)
{
    static int depth;
    const Node *lambda = function->lambda;
    const char *name = lambda->name ? lambda->name->bytes : "this function";
    if (count != lambda->count)
        fail(line, "%s takes %zu value%s, and gets %zu", name, lambda->count, plural(lambda->count), count);
    if (depth == DEPTH)
        fail(line, "%s calls too deep", name);
    Scope *scope = make_scope(function->scope);
    for (size_t i = 0; i < count; i++)
        map_set(&scope->variables, lambda->items[i]->name, arguments[i]);
    Value result = nothing();
    depth++;
    execute(lambda->left, scope, &result);
    depth--;
    return result;
}

static Value call_builtin(const Builtin *builtin, const Value *values, size_t count, int line)
{
    if (count < builtin->least || count > builtin->most)
        fail(line, "%s cannot take %zu value%s", builtin->name, count, plural(count));
    Arguments arguments = {builtin->name, values, count, line};
    return builtin->call(&arguments);
}

Value call(Value callee, const Value *arguments, size_t count, int line)
{
    if (callee.kind == FUNCTION)
        return call_function(callee.function, arguments, count, line);
    if (callee.kind == BUILTIN)
        return call_builtin(callee.builtin, arguments, count, line);
    fail(line, "%s cannot be called", kind_name(callee.kind));
}
