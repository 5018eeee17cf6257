#include "node.h"

#include "arena.h"

Node *make_node(NodeKind kind, int line)
{
    Node *node = allocate(sizeof(Node));
    node->kind = kind;
    node->line = line;
    return node;
}

void node_add(Node *node, Node *item)
{
    if (node->count == node->capacity) {
        node->capacity = 2 * node->capacity + 2;
        node->items = enlarge(node->items, node->count * sizeof(Node *), node->capacity * sizeof(Node *));
    }
    node->items[node->count++] = item;
}
