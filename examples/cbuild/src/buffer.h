#ifndef BUFFER_H
#define BUFFER_H

#include <stddef.h>

/* Bytes that grow. A zeroed one is empty. */
typedef struct Buffer {
    char *bytes;
    size_t length, capacity;
} Buffer;

void append(Buffer *buffer, const char *bytes, size_t length);
void append_string(Buffer *buffer, const char *string);
void append_byte(Buffer *buffer, char byte);

#endif
