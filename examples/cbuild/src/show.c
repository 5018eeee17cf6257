#include "show.h"

#include <stdio.h>
#include <stdlib.h>

#include "list.h"
#include "map.h"

/* Deeper ones are cut off: a list may be in itself. */
enum { DEPTH = 20 };

static void show_value(Buffer *buffer, Value value, int depth);

/* The shortest digits that are read back as the same number. */
static void show_number(Buffer *buffer, double value)
{
    char digits[32];
    for (int precision = 15; precision <= 17; precision++) {
        snprintf(digits, sizeof digits, "%.*g", precision, value);
        if (strtod(digits, NULL) == value)
            break;
    }
    append_string(buffer, digits);
}

static void show_quoted(Buffer *buffer, const Text *text)
{
    append_byte(buffer, '"');
    for (size_t i = 0; i < text->length; i++) {
        char byte = text->bytes[i];
        if (byte == '"' || byte == '\\')
            append_byte(buffer, '\\');
        append_byte(buffer, byte);
    }
    append_byte(buffer, '"');
}

static void show_list(Buffer *buffer, const List *list, int depth)
{
    append_byte(buffer, '[');
    for (size_t i = 0; i < list->count; i++) {
        if (i)
            append_string(buffer, ", ");
        show_value(buffer, list->items[i], depth);
    }
    append_byte(buffer, ']');
}

static void show_map(Buffer *buffer, const Map *map, int depth)
{
    append_byte(buffer, '{');
    for (size_t i = 0; i < map->count; i++) {
        if (i)
            append_string(buffer, ", ");
        show_quoted(buffer, map->entries[i].key);
        append_string(buffer, ": ");
        show_value(buffer, map->entries[i].value, depth);
    }
    append_byte(buffer, '}');
}

static void show_value(Buffer *buffer, Value value, int depth)
{
    if (depth > DEPTH) {
        append_string(buffer, "...");
        return;
    }
    switch (value.kind) {
    case NOTHING:
        append_string(buffer, "nothing");
        break;
    case BOOLEAN:
        append_string(buffer, value.boolean ? "true" : "false");
        break;
    case NUMBER:
        show_number(buffer, value.number);
        break;
    case TEXT:
        show_quoted(buffer, value.text);
        break;
    case LIST:
        show_list(buffer, value.list, depth + 1);
        break;
    case MAP:
        show_map(buffer, value.map, depth + 1);
        break;
    case FUNCTION:
    case BUILTIN:
        append_string(buffer, "a function");
        break;
    }
}

void show(Buffer *buffer, Value value)
{
    if (value.kind == TEXT)
        append(buffer, value.text->bytes, value.text->length);
    else
        show_value(buffer, value, 0);
}
