#include "expression.h"

#include "error.h"
#include "literal.h"
#include "statement.h"

static const struct Binary {
    int token, strength;
    NodeKind kind;
    Operator operator;
} binaries[] = {
    {T_OR, 1, OR, 0},            {T_AND, 2, AND, 0},
    {T_EQUAL, 3, BINARY, EQUAL}, {T_UNEQUAL, 3, BINARY, UNEQUAL},
    {'<', 4, BINARY, LESS},      {T_AT_MOST, 4, BINARY, AT_MOST},
    {'>', 4, BINARY, MORE},      {T_AT_LEAST, 4, BINARY, AT_LEAST},
    {'+', 5, BINARY, ADD},       {'-', 5, BINARY, SUBTRACT},
    {'*', 6, BINARY, MULTIPLY},  {'/', 6, BINARY, DIVIDE},
    {'%', 6, BINARY, REMAINDER},
};

static const struct Binary *find_binary(int token)
{
    for (size_t i = 0; i < sizeof binaries / sizeof binaries[0]; i++)
        if (binaries[i].token == token)
            return &binaries[i];
    return NULL;
}

static Node *make_literal(Value value, int line)
{
    Node *node = make_node(LITERAL, line);
    node->value = value;
    return node;
}

/* Expressions with commas between them up to `end`, which may come after a last comma. */
static void read_items(Reader *reader, Node *node, int end)
{
    while (!accept(reader, end)) {
        node_add(node, read_expression(reader));
        if (node->kind == MAKE_MAP) {
            expect(reader, ':');
            node_add(node, read_expression(reader));
        }
        if (!accept(reader, ',')) {
            expect(reader, end);
            return;
        }
    }
}

Node *read_lambda(Reader *reader, const Text *name)
{
    Node *lambda = make_node(LAMBDA, expect(reader, '(').line);
    lambda->name = name;
    while (!accept(reader, ')')) {
        Node *parameter = make_node(NAME, reader->token.line);
        parameter->name = expect_name(reader);
        node_add(lambda, parameter);
        if (!accept(reader, ',')) {
            expect(reader, ')');
            break;
        }
    }
    lambda->left = read_block(reader);
    return lambda;
}

static Node *read_primary(Reader *reader)
{
    Token token = take(reader);
    Node *node;
    switch (token.kind) {
    case T_NUMBER:
    case T_TEXT:
        return make_literal(literal(token), token.line);
    case T_TRUE:
    case T_FALSE:
        return make_literal(boolean(token.kind == T_TRUE), token.line);
    case T_NOTHING:
        return make_literal(nothing(), token.line);
    case T_NAME:
        node = make_node(NAME, token.line);
        node->name = make_text(token.start, token.length);
        return node;
    case T_FN:
        return read_lambda(reader, NULL);
    case '(':
        node = read_expression(reader);
        expect(reader, ')');
        return node;
    case '[':
        node = make_node(MAKE_LIST, token.line);
        read_items(reader, node, ']');
        return node;
    case '{':
        node = make_node(MAKE_MAP, token.line);
        read_items(reader, node, '}');
        return node;
    }
    fail(token.line, "an expression cannot begin with %s", token_name(token.kind));
}

/* What is called, indexed, or asked for a member by a dot. */
static Node *read_postfix(Reader *reader)
{
    Node *left = read_primary(reader);
    for (;;) {
        int line = reader->token.line;
        Node *node;
        if (accept(reader, '(')) {
            node = make_node(CALL, line);
            read_items(reader, node, ')');
        } else if (accept(reader, '[')) {
            node = make_node(INDEX, line);
            node->right = read_expression(reader);
            expect(reader, ']');
        } else if (accept(reader, '.')) {
            node = make_node(INDEX, line);
            node->right = make_literal(text(expect_name(reader)), line);
        } else {
            return left;
        }
        node->left = left;
        left = node;
    }
}

static Node *read_unary(Reader *reader)
{
    int kind = reader->token.kind;
    if (kind != '-' && kind != T_NOT)
        return read_postfix(reader);
    Node *node = make_node(UNARY, take(reader).line);
    node->operator = kind == '-' ? NEGATE : NOT;
    node->left = read_unary(reader);
    return node;
}

/* Operators that bind at least this strongly; those of one strength from the left. */
static Node *read_binary(Reader *reader, int strength)
{
    Node *left = read_unary(reader);
    for (;;) {
        const struct Binary *binary = find_binary(reader->token.kind);
        if (!binary || binary->strength < strength)
            return left;
        Node *node = make_node(binary->kind, take(reader).line);
        node->operator = binary->operator;
        node->left = left;
        node->right = read_binary(reader, binary->strength + 1);
        left = node;
    }
}

Node *read_expression(Reader *reader)
{
    return read_binary(reader, 1);
}
