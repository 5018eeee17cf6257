#include "token.h"

#include <stdio.h>
#include <string.h>

static const struct {
    int kind;
    const char *name;
} words[] = {
    {T_AND, "and"}, {T_BREAK, "break"},   {T_CONTINUE, "continue"}, {T_ELSE, "else"},     {T_FALSE, "false"},
    {T_FN, "fn"},   {T_FOR, "for"},       {T_IF, "if"},             {T_IN, "in"},         {T_LET, "let"},
    {T_NOT, "not"}, {T_NOTHING, "nothing"}, {T_OR, "or"},           {T_RETURN, "return"}, {T_TRUE, "true"},
    {T_WHILE, "while"},
    /* No keywords, as each has a character that no word has. */
    {T_END, "the end"}, {T_NAME, "a name"}, {T_NUMBER, "a number"}, {T_TEXT, "a text"},
    {T_EQUAL, "=="},    {T_UNEQUAL, "!="},  {T_AT_MOST, "<="},      {T_AT_LEAST, ">="},
};

enum { COUNT = sizeof words / sizeof words[0] };

int word_kind(const char *start, size_t length)
{
    for (size_t i = 0; i < COUNT; i++)
        if (strlen(words[i].name) == length && memcmp(words[i].name, start, length) == 0)
            return words[i].kind;
    return T_NAME;
}

const char *token_name(int kind)
{
    static char character[4];
    for (size_t i = 0; i < COUNT; i++)
        if (words[i].kind == kind)
            return words[i].name;
    snprintf(character, sizeof character, "'%c'", kind);
    return character;
}
