#ifndef ARGUMENTS_H
#define ARGUMENTS_H

#include "value.h"

/* What a built-in function is called with. */
typedef struct Arguments {
    const char *function;
    const Value *values;
    size_t count;
    int line;
} Arguments;

/* The value at a place; fails if it is of another kind. */
double number_argument(const Arguments *arguments, size_t place);
const Text *text_argument(const Arguments *arguments, size_t place);
List *list_argument(const Arguments *arguments, size_t place);
Map *map_argument(const Arguments *arguments, size_t place);

#endif
