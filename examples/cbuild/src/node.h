#ifndef NODE_H
#define NODE_H

#include "operators.h"
#include "value.h"

typedef enum NodeKind {
    /* Expressions, and what they are made of. */
    LITERAL,   /* value */
    NAME,      /* name */
    MAKE_LIST, /* items */
    MAKE_MAP,  /* items: a key, its value, the next key */
    LAMBDA,    /* name or NULL, items: the parameters, left: the body */
    UNARY,     /* operator, left */
    BINARY,    /* operator, left, right */
    AND,       /* left, right */
    OR,        /* left, right */
    CALL,      /* left, items */
    INDEX,     /* left, right */
    /* Statements. */
    BLOCK,     /* items */
    LET,       /* name, left */
    SET,       /* left: a name or an index, right */
    IF,        /* left, right, other or NULL */
    WHILE,     /* left, right */
    FOR,       /* name, left, right */
    RETURN,    /* left or NULL */
    BREAK,
    CONTINUE,
    DO,        /* left: an expression */
} NodeKind;

typedef struct Node Node;

/* A part of a script. What it has depends on its kind. */
struct Node {
    NodeKind kind;
    Operator operator;
    int line;
    Value value;
    const Text *name;
    Node *left, *right, *other;
    Node **items;
    size_t count, capacity;
};

Node *make_node(NodeKind kind, int line);
void node_add(Node *node, Node *item);

#endif
