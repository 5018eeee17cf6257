#ifndef ARENA_H
#define ARENA_H

#include <stddef.h>

/* Memory that is given back all at once, when the program ends: scripts are short. */

/* Zeroed memory for any type. Ends the program if there is none left. */
void *allocate(size_t size);

/* A larger copy of something, of which the first `used` bytes count. */
void *enlarge(const void *old, size_t used, size_t size);

/* Gives everything back. */
void release_arena(void);

#endif
