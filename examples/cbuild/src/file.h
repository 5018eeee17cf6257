#ifndef FILE_H
#define FILE_H

#include <stdbool.h>

#include "buffer.h"

/* Adds all that is in a file; "-" is the standard input. False, with errno, if it cannot be read. */
bool read_file(const char *path, Buffer *buffer);

/* Replaces what is in a file. False, with errno, if it cannot be written. */
bool write_file(const char *path, const char *bytes, size_t length);

#endif
