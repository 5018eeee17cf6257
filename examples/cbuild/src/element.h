#ifndef ELEMENT_H
#define ELEMENT_H

#include "value.h"

/* An item of a list or a text by its number, counted from 0, or a value of a map by its key, which is nothing
   if there is none. */
Value get_element(Value whole, Value which, int line);

void set_element(Value whole, Value which, Value value, int line);

#endif
