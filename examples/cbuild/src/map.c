#include "map.h"

#include <string.h>

#include "arena.h"
#include "hash.h"

Map *make_map(void)
{
    return allocate(sizeof(Map));
}

/* The slot that has the key, or the empty one where it belongs. */
static uint32_t *find_slot(const Map *map, const Text *key, uint64_t hash)
{
    size_t mask = 2 * map->capacity - 1;
    size_t at = hash & mask;
    for (;; at = (at + 1) & mask) {
        uint32_t *slot = &map->slots[at];
        if (!*slot)
            return slot;
        const Entry *entry = &map->entries[*slot - 1];
        if (entry->hash == hash && same_text(entry->key, key))
            return slot;
    }
}

static void fill_slots(Map *map)
{
    memset(map->slots, 0, 2 * map->capacity * sizeof(uint32_t));
    for (size_t i = 0; i < map->count; i++) {
        const Entry *entry = &map->entries[i];
        *find_slot(map, entry->key, entry->hash) = (uint32_t)i + 1;
    }
}

static void grow(Map *map)
{
    map->capacity = map->capacity ? 2 * map->capacity : 4;
    map->entries = enlarge(map->entries, map->count * sizeof(Entry), map->capacity * sizeof(Entry));
    map->slots = allocate(2 * map->capacity * sizeof(uint32_t));
    fill_slots(map);
}

Value *map_find(const Map *map, const Text *key)
{
    if (!map->count)
        return NULL;
    uint32_t slot = *find_slot(map, key, hash_bytes(key->bytes, key->length));
    return slot ? &map->entries[slot - 1].value : NULL;
}

void map_set(Map *map, const Text *key, Value value)
{
    Value *known = map_find(map, key);
    if (known) {
        *known = value;
        return;
    }
    if (map->count == map->capacity)
        grow(map);
    uint64_t hash = hash_bytes(key->bytes, key->length);
    uint32_t *slot = find_slot(map, key, hash);
    map->entries[map->count++] = (Entry){key, hash, value};
    *slot = (uint32_t)map->count;
}

bool map_remove(Map *map, const Text *key)
{
    Value *value = map_find(map, key);
    if (!value)
        return false;
    Entry *entry = (Entry *)((char *)value - offsetof(Entry, value));
    size_t behind = (size_t)(map->entries + map->count - entry) - 1;
    memmove(entry, entry + 1, behind * sizeof(Entry));
    map->count--;
    fill_slots(map);
    return true;
}
