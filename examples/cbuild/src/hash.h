#ifndef HASH_H
#define HASH_H

#include <stddef.h>
#include <stdint.h>

/* FNV-1a: short, and good enough for the names in a script. */
uint64_t hash_bytes(const char *bytes, size_t length);

#endif
