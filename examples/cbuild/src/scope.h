#ifndef SCOPE_H
#define SCOPE_H

#include "map.h"

/* The variables of a block, and those around it. */
typedef struct Scope {
    struct Scope *outer;
    Map variables;
} Scope;

Scope *make_scope(Scope *outer);

/* The variable, of this scope or the nearest one around it; NULL if there is none. */
Value *find_variable(const Scope *scope, const Text *name);

#endif
