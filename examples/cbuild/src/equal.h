#ifndef EQUAL_H
#define EQUAL_H

#include "value.h"

/* Lists and maps are equal if what is in them is. Functions are equal to themselves. */
bool equal(Value left, Value right);

#endif
