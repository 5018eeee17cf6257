#ifndef BUILTINS_H
#define BUILTINS_H

#include "arguments.h"
#include "scope.h"

/* A function that is there without being written. */
struct Builtin {
    const char *name;
    size_t least, most;
    Value (*call)(const Arguments *arguments);
};

/* Each room's own; the last one has no name. */
extern const Builtin number_builtins[];
extern const Builtin text_builtins[];
extern const Builtin list_builtins[];
extern const Builtin map_builtins[];
extern const Builtin world_builtins[];

/* Declares all of them. */
void declare_builtins(Scope *scope);

#endif
