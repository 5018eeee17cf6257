#ifndef SHOW_H
#define SHOW_H

#include "buffer.h"
#include "value.h"

/* Writes a value as it is printed: texts as they are, but in quotes within lists and maps. */
void show(Buffer *buffer, Value value);

#endif
