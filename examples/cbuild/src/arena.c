#include "arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 64 * 1024 };

typedef struct Block Block;
struct Block {
    Block *before;
    size_t used, size;
    max_align_t bytes[];
};

static Block *newest;

static Block *add_block(size_t size)
{
    Block *block = calloc(1, sizeof(Block) + size);
    if (!block) {
        fputs("calc: no memory left\n", stderr);
        exit(2);
    }
    block->size = size;
    block->before = newest;
    return newest = block;
}

void *allocate(size_t size)
{
    size_t rounded = (size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    Block *block = newest;
    if (!block || block->size - block->used < rounded)
        block = add_block(rounded > BLOCK ? rounded : BLOCK);
    void *memory = (char *)block->bytes + block->used;
    block->used += rounded;
    return memory;
}

void *enlarge(const void *old, size_t used, size_t size)
{
    void *memory = allocate(size);
    if (used)
        memcpy(memory, old, used);
    return memory;
}

void release_arena(void)
{
    while (newest) {
        Block *before = newest->before;
        free(newest);
        newest = before;
    }
}
