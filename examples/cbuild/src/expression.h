#ifndef EXPRESSION_H
#define EXPRESSION_H

#include "node.h"
#include "reader.h"

Node *read_expression(Reader *reader);

/* What follows `fn` and its name, if it has one: `(parameters) { body }`. */
Node *read_lambda(Reader *reader, const Text *name);

#endif
