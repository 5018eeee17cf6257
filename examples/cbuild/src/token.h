#ifndef TOKEN_H
#define TOKEN_H

#include <stddef.h>

/* A token is a character that stands for itself, or one of these. */
enum TokenKind {
    T_END = 256, T_NAME, T_NUMBER, T_TEXT,
    T_EQUAL, T_UNEQUAL, T_AT_MOST, T_AT_LEAST,
    T_AND, T_BREAK, T_CONTINUE, T_ELSE, T_FALSE, T_FN, T_FOR, T_IF, T_IN, T_LET, T_NOT, T_NOTHING, T_OR,
    T_RETURN, T_TRUE, T_WHILE,
};

typedef struct Token {
    int kind;
    int line;
    const char *start;
    size_t length;
} Token;

/* The kind of a word: a keyword's own, or a name. */
int word_kind(const char *start, size_t length);

/* As messages name it; valid until the next call. */
const char *token_name(int kind);

#endif
