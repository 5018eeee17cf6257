#ifndef LITERAL_H
#define LITERAL_H

#include "token.h"
#include "value.h"

/* What a token of a number or a text is written for. */
Value literal(Token token);

#endif
