#include "equal.h"

#include "list.h"
#include "map.h"

static bool equal_lists(const List *left, const List *right)
{
    if (left->count != right->count)
        return false;
    for (size_t i = 0; i < left->count; i++)
        if (!equal(left->items[i], right->items[i]))
            return false;
    return true;
}

static bool equal_maps(const Map *left, const Map *right)
{
    if (left->count != right->count)
        return false;
    for (size_t i = 0; i < left->count; i++) {
        const Value *other = map_find(right, left->entries[i].key);
        if (!other || !equal(left->entries[i].value, *other))
            return false;
    }
    return true;
}

bool equal(Value left, Value right)
{
    if (left.kind != right.kind)
        return false;
    switch (left.kind) {
    case NOTHING:
        return true;
    case BOOLEAN:
        return left.boolean == right.boolean;
    case NUMBER:
        return left.number == right.number;
    case TEXT:
        return same_text(left.text, right.text);
    case LIST:
        return left.list == right.list || equal_lists(left.list, right.list);
    case MAP:
        return left.map == right.map || equal_maps(left.map, right.map);
    case FUNCTION:
        return left.function == right.function;
    case BUILTIN:
        return left.builtin == right.builtin;
    }
    return false;
}
