#include "element.h"

#include <math.h>

#include "error.h"
#include "list.h"
#include "map.h"

/* Fails if there is no such item. */
static size_t position(Value which, size_t count, int line)
{
    if (which.kind != NUMBER)
        fail(line, "%s is no place in a list", kind_name(which.kind));
    if (which.number != floor(which.number) || which.number < 0 || which.number >= (double)count)
        fail(line, "there is no item %g among %zu", which.number, count);
    return (size_t)which.number;
}

static const Text *map_key(Value which, int line)
{
    if (which.kind != TEXT)
        fail(line, "%s cannot be a key of a map", kind_name(which.kind));
    return which.text;
}

Value get_element(Value whole, Value which, int line)
{
    if (whole.kind == LIST)
        return whole.list->items[position(which, whole.list->count, line)];
    if (whole.kind == TEXT)
        return text(make_text(&whole.text->bytes[position(which, whole.text->length, line)], 1));
    if (whole.kind == MAP) {
        const Value *found = map_find(whole.map, map_key(which, line));
        return found ? *found : nothing();
    }
    fail(line, "%s has no items", kind_name(whole.kind));
}

void set_element(Value whole, Value which, Value value, int line)
{
    if (whole.kind == LIST)
        whole.list->items[position(which, whole.list->count, line)] = value;
    else if (whole.kind == MAP)
        map_set(whole.map, map_key(which, line), value);
    else
        fail(line, "the items of %s cannot be changed", kind_name(whole.kind));
}
