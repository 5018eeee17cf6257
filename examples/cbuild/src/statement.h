#ifndef STATEMENT_H
#define STATEMENT_H

#include "node.h"
#include "reader.h"

/* Statements in braces. */
Node *read_block(Reader *reader);

/* A whole script. */
Node *read_script(const char *script);

#endif
