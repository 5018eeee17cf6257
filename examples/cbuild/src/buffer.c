#include "buffer.h"

#include <string.h>

#include "arena.h"

void append(Buffer *buffer, const char *bytes, size_t length)
{
    if (buffer->capacity - buffer->length < length) {
        buffer->capacity = 2 * (buffer->length + length) + 16;
        buffer->bytes = enlarge(buffer->bytes, buffer->length, buffer->capacity);
    }
    if (length)
        memcpy(buffer->bytes + buffer->length, bytes, length);
    buffer->length += length;
}

void append_string(Buffer *buffer, const char *string)
{
    append(buffer, string, strlen(string));
}

void append_byte(Buffer *buffer, char byte)
{
    append(buffer, &byte, 1);
}
