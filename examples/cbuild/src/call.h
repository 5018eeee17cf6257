#ifndef CALL_H
#define CALL_H

#include "node.h"
#include "scope.h"

/* A function of the script, with the variables around it. */
struct Function {
    const Node *lambda;
    Scope *scope;
};

/* Calls a function, of the script or built in. */
Value call(Value callee, const Value *arguments, size_t count, int line);

#endif
