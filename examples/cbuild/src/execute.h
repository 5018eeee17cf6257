#ifndef EXECUTE_H
#define EXECUTE_H

#include "node.h"
#include "scope.h"

/* What comes after a statement. */
typedef enum Flow { ON, BROKEN, CONTINUED, RETURNED } Flow;

/* Executes a statement; what is returned is put into `result`. */
Flow execute(const Node *node, Scope *scope, Value *result);

#endif
