#include "statement.h"

#include "error.h"
#include "expression.h"

static Node *read_statement(Reader *reader);

static Node *read_let(Reader *reader)
{
    Node *node = make_node(LET, take(reader).line);
    node->name = expect_name(reader);
    expect(reader, '=');
    node->left = read_expression(reader);
    expect(reader, ';');
    return node;
}

/* `fn name(..) { .. }` is `let name = fn(..) { .. };`. */
static Node *read_function(Reader *reader)
{
    Node *node = make_node(LET, take(reader).line);
    node->name = expect_name(reader);
    node->left = read_lambda(reader, node->name);
    return node;
}

static Node *read_if(Reader *reader)
{
    Node *node = make_node(IF, take(reader).line);
    node->left = read_expression(reader);
    node->right = read_block(reader);
    if (accept(reader, T_ELSE))
        node->other = reader->token.kind == T_IF ? read_if(reader) : read_block(reader);
    return node;
}

static Node *read_while(Reader *reader)
{
    Node *node = make_node(WHILE, take(reader).line);
    node->left = read_expression(reader);
    node->right = read_block(reader);
    return node;
}

static Node *read_for(Reader *reader)
{
    Node *node = make_node(FOR, take(reader).line);
    node->name = expect_name(reader);
    expect(reader, T_IN);
    node->left = read_expression(reader);
    node->right = read_block(reader);
    return node;
}

static Node *read_return(Reader *reader)
{
    Node *node = make_node(RETURN, take(reader).line);
    if (reader->token.kind != ';')
        node->left = read_expression(reader);
    expect(reader, ';');
    return node;
}

static Node *read_jump(Reader *reader, NodeKind kind)
{
    Node *node = make_node(kind, take(reader).line);
    expect(reader, ';');
    return node;
}

/* An expression, or a place that gets the value of one. */
static Node *read_simple(Reader *reader)
{
    Node *left = read_expression(reader);
    Node *node = make_node(DO, left->line);
    node->left = left;
    if (accept(reader, '=')) {
        if (left->kind != NAME && left->kind != INDEX)
            fail(left->line, "nothing can be assigned to this");
        node->kind = SET;
        node->right = read_expression(reader);
    }
    expect(reader, ';');
    return node;
}

static Node *read_statement(Reader *reader)
{
    switch (reader->token.kind) {
    case '{':
        return read_block(reader);
    case T_LET:
        return read_let(reader);
    case T_FN:
        return read_function(reader);
    case T_IF:
        return read_if(reader);
    case T_WHILE:
        return read_while(reader);
    case T_FOR:
        return read_for(reader);
    case T_RETURN:
        return read_return(reader);
    case T_BREAK:
        return read_jump(reader, BREAK);
    case T_CONTINUE:
        return read_jump(reader, CONTINUE);
    }
    return read_simple(reader);
}

Node *read_block(Reader *reader)
{
    Node *block = make_node(BLOCK, expect(reader, '{').line);
    while (reader->token.kind != '}' && reader->token.kind != T_END)
        node_add(block, read_statement(reader));
    expect(reader, '}');
    return block;
}

Node *read_script(const char *script)
{
    Reader reader = make_reader(script);
    Node *block = make_node(BLOCK, 1);
    while (reader.token.kind != T_END)
        node_add(block, read_statement(&reader));
    return block;
}
