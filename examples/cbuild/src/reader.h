#ifndef READER_H
#define READER_H

#include <stdbool.h>

#include "lexer.h"
#include "text.h"

/* The tokens of a script, one ahead. */
typedef struct Reader {
    Lexer lexer;
    Token token;
} Reader;

Reader make_reader(const char *script);

/* The next token, which is passed. */
Token take(Reader *reader);

/* Passes the next token if it is of this kind. */
bool accept(Reader *reader, int kind);

/* Passes the next token, and fails if it is of another kind. */
Token expect(Reader *reader, int kind);

const Text *expect_name(Reader *reader);

#endif
