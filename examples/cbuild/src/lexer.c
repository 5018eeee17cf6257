#include "lexer.h"

#include <ctype.h>
#include <stdbool.h>

#include "error.h"

static bool is_word(char byte)
{
    return isalnum((unsigned char)byte) || byte == '_';
}

/* Passes spaces, and comments from # to the end of their line. */
static void skip_blank(Lexer *lexer)
{
    for (;; lexer->at++) {
        if (*lexer->at == '#')
            while (*lexer->at && *lexer->at != '\n')
                lexer->at++;
        if (*lexer->at == '\n')
            lexer->line++;
        else if (!isspace((unsigned char)*lexer->at))
            return;
    }
}

static void skip_text(Lexer *lexer)
{
    int line = lexer->line;
    for (lexer->at++; *lexer->at != '"'; lexer->at++) {
        if (*lexer->at == '\\' && lexer->at[1])
            lexer->at++;
        if (!*lexer->at)
            fail(line, "this text has no end");
        if (*lexer->at == '\n')
            lexer->line++;
    }
    lexer->at++;
}

static void skip_number(Lexer *lexer)
{
    while (isdigit((unsigned char)*lexer->at))
        lexer->at++;
    if (*lexer->at == '.' && isdigit((unsigned char)lexer->at[1])) {
        lexer->at++;
        while (isdigit((unsigned char)*lexer->at))
            lexer->at++;
    }
}

/* The kind of a token of two characters, or zero. */
static int pair_kind(const char *at)
{
    if (at[0] == '\0' || at[1] != '=')
        return 0;
    switch (at[0]) {
    case '=':
        return T_EQUAL;
    case '!':
        return T_UNEQUAL;
    case '<':
        return T_AT_MOST;
    case '>':
        return T_AT_LEAST;
    }
    return 0;
}

Token next_token(Lexer *lexer)
{
    skip_blank(lexer);
    Token token = {.line = lexer->line, .start = lexer->at};
    char first = *lexer->at;
    if (!first) {
        token.kind = T_END;
    } else if (isdigit((unsigned char)first)) {
        token.kind = T_NUMBER;
        skip_number(lexer);
    } else if (is_word(first)) {
        while (is_word(*lexer->at))
            lexer->at++;
        token.kind = word_kind(token.start, (size_t)(lexer->at - token.start));
    } else if (first == '"') {
        token.kind = T_TEXT;
        skip_text(lexer);
    } else {
        int pair = pair_kind(lexer->at);
        token.kind = pair ? pair : first;
        lexer->at += pair ? 2 : 1;
    }
    token.length = (size_t)(lexer->at - token.start);
    return token;
}
