#ifndef LIST_H
#define LIST_H

#include "value.h"

struct List {
    Value *items;
    size_t count, capacity;
};

List *make_list(void);
void list_add(List *list, Value item);

#endif
