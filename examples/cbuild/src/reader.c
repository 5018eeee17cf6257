#include "reader.h"

#include "error.h"

Reader make_reader(const char *script)
{
    Reader reader = {.lexer = {.at = script, .line = 1}};
    reader.token = next_token(&reader.lexer);
    return reader;
}

Token take(Reader *reader)
{
    Token token = reader->token;
    reader->token = next_token(&reader->lexer);
    return token;
}

bool accept(Reader *reader, int kind)
{
    if (reader->token.kind != kind)
        return false;
    take(reader);
    return true;
}

Token expect(Reader *reader, int kind)
{
    Token token = reader->token;
    if (token.kind == T_END)
        fail(token.line, "%s is missing at the end", token_name(kind));
    if (token.kind != kind)
        fail(token.line, "%s is missing before %.*s", token_name(kind), (int)token.length, token.start);
    return take(reader);
}

const Text *expect_name(Reader *reader)
{
    Token token = expect(reader, T_NAME);
    return make_text(token.start, token.length);
}
