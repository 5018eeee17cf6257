#include "execute.h"

#include "element.h"
#include "error.h"
#include "evaluate.h"
#include "list.h"

static Flow execute_block(const Node *node, Scope *outer, Value *result)
{
    Scope *scope = make_scope(outer);
    for (size_t i = 0; i < node->count; i++) {
        Flow flow = execute(node->items[i], scope, result);
        if (flow != ON)
            return flow;
    }
    return ON;
}

static void assign(const Node *node, Scope *scope)
{
    const Node *place = node->left;
    if (place->kind == INDEX) {
        Value whole = evaluate(place->left, scope);
        Value which = evaluate(place->right, scope);
        set_element(whole, which, evaluate(node->right, scope), node->line);
        return;
    }
    Value value = evaluate(node->right, scope);
    Value *variable = find_variable(scope, place->name);
    if (!variable)
        fail(node->line, "nothing is called %s; begin with let", place->name->bytes);
    *variable = value;
}

static Flow execute_while(const Node *node, Scope *scope, Value *result)
{
    while (is_true(evaluate(node->left, scope))) {
        Flow flow = execute(node->right, scope, result);
        if (flow == RETURNED)
            return flow;
        if (flow == BROKEN)
            break;
    }
    return ON;
}

/* Over the items of a list, or the keys of a map. */
static Flow execute_for(const Node *node, Scope *outer, Value *result)
{
    Value all = evaluate(node->left, outer);
    if (all.kind != LIST && all.kind != MAP)
        fail(node->line, "%s has no items", kind_name(all.kind));
    for (size_t i = 0; i < (all.kind == LIST ? all.list->count : all.map->count); i++) {
        Value item = all.kind == LIST ? all.list->items[i] : text(all.map->entries[i].key);
        Scope *scope = make_scope(outer);
        map_set(&scope->variables, node->name, item);
        Flow flow = execute(node->right, scope, result);
        if (flow == RETURNED)
            return flow;
        if (flow == BROKEN)
            break;
    }
    return ON;
}

Flow execute(const Node *node, Scope *scope, Value *result)
{
    switch (node->kind) {
    case BLOCK:
        return execute_block(node, scope, result);
    case LET:
        map_set(&scope->variables, node->name, evaluate(node->left, scope));
        return ON;
    case SET:
        assign(node, scope);
        return ON;
    case IF:
        if (is_true(evaluate(node->left, scope)))
            return execute(node->right, scope, result);
        return node->other ? execute(node->other, scope, result) : ON;
    case WHILE:
        return execute_while(node, scope, result);
    case FOR:
        return execute_for(node, scope, result);
    case RETURN:
        *result = node->left ? evaluate(node->left, scope) : nothing();
        return RETURNED;
    case BREAK:
        return BROKEN;
    case CONTINUE:
        return CONTINUED;
    default:
        evaluate(node->left, scope);
        return ON;
    }
}
