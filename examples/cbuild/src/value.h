#ifndef VALUE_H
#define VALUE_H

#include <stdbool.h>

#include "text.h"

typedef struct List List;
typedef struct Map Map;
typedef struct Function Function;
typedef struct Builtin Builtin;

typedef enum Kind { NOTHING, BOOLEAN, NUMBER, TEXT, LIST, MAP, FUNCTION, BUILTIN } Kind;

/* What an expression gives. Lists and maps are shared, everything else is copied. */
typedef struct Value {
    Kind kind;
    union {
        bool boolean;
        double number;
        const Text *text;
        List *list;
        Map *map;
        const Function *function;
        const Builtin *builtin;
    };
} Value;

Value nothing(void);
Value boolean(bool value);
Value number(double value);
Value text(const Text *value);
Value list(List *value);
Value map(Map *value);

/* As messages name it. */
const char *kind_name(Kind kind);

/* Everything is true but `nothing` and `false`. */
bool is_true(Value value);

#endif
