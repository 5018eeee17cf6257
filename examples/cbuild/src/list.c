#include "list.h"

#include "arena.h"

List *make_list(void)
{
    return allocate(sizeof(List));
}

void list_add(List *list, Value item)
{
    if (list->count == list->capacity) {
        list->capacity = 2 * list->capacity + 4;
        list->items = enlarge(list->items, list->count * sizeof(Value), list->capacity * sizeof(Value));
    }
    list->items[list->count++] = item;
}
