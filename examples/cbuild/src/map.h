#ifndef MAP_H
#define MAP_H

#include <stdint.h>

#include "value.h"

typedef struct Entry {
    const Text *key;
    uint64_t hash;
    Value value;
} Entry;

/* Values by text, in the order in which the keys came. A zeroed one is empty. */
struct Map {
    Entry *entries;
    size_t count, capacity;
    /* Open addressing: an entry's place plus one, or zero. Twice as many as there is room for entries. */
    uint32_t *slots;
};

Map *make_map(void);

/* The value of a key, to be read or changed until the next key is added; NULL if there is none. */
Value *map_find(const Map *map, const Text *key);

void map_set(Map *map, const Text *key, Value value);

/* Says whether the key was there. */
bool map_remove(Map *map, const Text *key);

#endif
