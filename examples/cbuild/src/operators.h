#ifndef OPERATORS_H
#define OPERATORS_H

#include "value.h"

typedef enum Operator {
    ADD, SUBTRACT, MULTIPLY, DIVIDE, REMAINDER,
    EQUAL, UNEQUAL, LESS, AT_MOST, MORE, AT_LEAST,
    NEGATE, NOT,
} Operator;

/* The value of an operator; one that takes one value takes the left one. Fails for values it is not made for. */
Value apply(Operator operator, Value left, Value right, int line);

/* Less than, equal to or greater than zero: numbers by their size, texts by their bytes. */
int compare(Value left, Value right, int line);

#endif
