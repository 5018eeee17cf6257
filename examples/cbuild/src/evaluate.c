#include "evaluate.h"

#include "arena.h"
#include "call.h"
#include "element.h"
#include "error.h"
#include "list.h"

static Value evaluate_name(const Node *node, const Scope *scope)
{
    const Value *value = find_variable(scope, node->name);
    if (!value)
        fail(node->line, "nothing is called %s", node->name->bytes);
    return *value;
}

static Value evaluate_list(const Node *node, Scope *scope)
{
    List *items = make_list();
    for (size_t i = 0; i < node->count; i++)
        list_add(items, evaluate(node->items[i], scope));
    return list(items);
}

static Value evaluate_map(const Node *node, Scope *scope)
{
    Map *entries = make_map();
    for (size_t i = 0; i < node->count; i += 2) {
        Value key = evaluate(node->items[i], scope);
        if (key.kind != TEXT)
            fail(node->items[i]->line, "%s cannot be a key of a map", kind_name(key.kind));
        map_set(entries, key.text, evaluate(node->items[i + 1], scope));
    }
    return map(entries);
}

static Value evaluate_lambda(const Node *node, Scope *scope)
{
    Function *function = allocate(sizeof(Function));
    *function = (Function){node, scope};
    return (Value){.kind = FUNCTION, .function = function};
}

static Value evaluate_call(const Node *node, Scope *scope)
{
    Value callee = evaluate(node->left, scope);
    Value arguments = evaluate_list(node, scope);
    return call(callee, arguments.list->items, arguments.list->count, node->line);
}

Value evaluate(const Node *node, Scope *scope)
{
    Value left = nothing(), right = nothing();
    switch (node->kind) {
    case LITERAL:
        return node->value;
    case NAME:
        return evaluate_name(node, scope);
    case MAKE_LIST:
        return evaluate_list(node, scope);
    case MAKE_MAP:
        return evaluate_map(node, scope);
    case LAMBDA:
        return evaluate_lambda(node, scope);
    case CALL:
        return evaluate_call(node, scope);
    default:
        break;
    }
    left = evaluate(node->left, scope);
    if ((node->kind == AND && !is_true(left)) || (node->kind == OR && is_true(left)))
        return left;
    if (node->right)
        right = evaluate(node->right, scope);
    switch (node->kind) {
    case AND:
    case OR:
        return right;
    case INDEX:
        return get_element(left, right, node->line);
    default:
        return apply(node->operator, left, right, node->line);
    }
}
