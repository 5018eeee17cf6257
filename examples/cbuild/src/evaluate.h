#ifndef EVALUATE_H
#define EVALUATE_H

#include "node.h"
#include "scope.h"

/* The value of an expression. */
Value evaluate(const Node *node, Scope *scope);

#endif
