#include "builtins.h"
#include "list.h"
#include "map.h"

static Value call_keys(const Arguments *arguments)
{
    const Map *all = map_argument(arguments, 0);
    List *keys = make_list();
    for (size_t i = 0; i < all->count; i++)
        list_add(keys, text(all->entries[i].key));
    return list(keys);
}

static Value call_has(const Arguments *arguments)
{
    return boolean(map_find(map_argument(arguments, 0), text_argument(arguments, 1)) != NULL);
}

static Value call_remove(const Arguments *arguments)
{
    return boolean(map_remove(map_argument(arguments, 0), text_argument(arguments, 1)));
}

const Builtin map_builtins[] = {
    {"keys", 1, 1, call_keys},
    {"has", 2, 2, call_has},
    {"remove", 2, 2, call_remove},
    {NULL, 0, 0, NULL},
};
