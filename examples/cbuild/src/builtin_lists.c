#include "arena.h"
#include "builtins.h"
#include "call.h"
#include "error.h"
#include "list.h"
#include "map.h"
#include "operators.h"

static Value call_length(const Arguments *arguments)
{
    Value value = arguments->values[0];
    switch (value.kind) {
    case TEXT:
        return number((double)value.text->length);
    case LIST:
        return number((double)value.list->count);
    case MAP:
        return number((double)value.map->count);
    default:
        fail(arguments->line, "%s has no length", kind_name(value.kind));
    }
}

static Value call_add(const Arguments *arguments)
{
    list_add(list_argument(arguments, 0), arguments->values[1]);
    return arguments->values[0];
}

/* The numbers from 0, or the first of two, up to but without the last. */
static Value call_range(const Arguments *arguments)
{
    size_t last = arguments->count - 1;
    double from = last ? number_argument(arguments, 0) : 0;
    double to = number_argument(arguments, last);
    List *numbers = make_list();
    for (; from < to; from++)
        list_add(numbers, number(from));
    return list(numbers);
}

/* What a function gives for each item. */
static Value call_collect(const Arguments *arguments)
{
    const List *items = list_argument(arguments, 0);
    List *collected = make_list();
    for (size_t i = 0; i < items->count; i++)
        list_add(collected, call(arguments->values[1], &items->items[i], 1, arguments->line));
    return list(collected);
}

/* The items for which a function gives something true. */
static Value call_keep(const Arguments *arguments)
{
    const List *items = list_argument(arguments, 0);
    List *kept = make_list();
    for (size_t i = 0; i < items->count; i++)
        if (is_true(call(arguments->values[1], &items->items[i], 1, arguments->line)))
            list_add(kept, items->items[i]);
    return list(kept);
}

/* Sorts by merging, so that equal items stay in their order. */
static void sort(Value *items, Value *spare, size_t count, int line)
{
    if (count < 2)
        return;
    size_t half = count / 2;
    sort(items, spare, half, line);
    sort(items + half, spare, count - half, line);
    for (size_t i = 0; i < count; i++)
        spare[i] = items[i];
    size_t left = 0, right = half;
    for (size_t i = 0; i < count; i++) {
        bool from_left = right == count || (left < half && compare(spare[left], spare[right], line) <= 0);
        items[i] = spare[from_left ? left++ : right++];
    }
}

/* A sorted copy. */
static Value call_sort(const Arguments *arguments)
{
    const List *items = list_argument(arguments, 0);
    List *sorted = make_list();
    for (size_t i = 0; i < items->count; i++)
        list_add(sorted, items->items[i]);
    sort(sorted->items, allocate(items->count * sizeof(Value)), items->count, arguments->line);
    return list(sorted);
}

const Builtin list_builtins[] = {
    {"length", 1, 1, call_length},   {"add", 2, 2, call_add},   {"range", 1, 2, call_range},
    {"collect", 2, 2, call_collect}, {"keep", 2, 2, call_keep}, {"sort", 1, 1, call_sort},
    {NULL, 0, 0, NULL},
};
