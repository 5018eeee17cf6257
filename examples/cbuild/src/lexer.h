#ifndef LEXER_H
#define LEXER_H

#include "token.h"

/* A place in a script, which ends with a zero byte. */
typedef struct Lexer {
    const char *at;
    int line;
} Lexer;

Token next_token(Lexer *lexer);

#endif
