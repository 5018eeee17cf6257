#include <ctype.h>
#include <string.h>

#include "buffer.h"
#include "builtins.h"
#include "error.h"
#include "list.h"
#include "show.h"

/* A value as it is printed. */
static Value call_text(const Arguments *arguments)
{
    Buffer buffer = {0};
    show(&buffer, arguments->values[0]);
    return text(make_text(buffer.bytes, buffer.length));
}

static Value change_case(const Arguments *arguments, int (*change)(int))
{
    const Text *given = text_argument(arguments, 0);
    Buffer buffer = {0};
    for (size_t i = 0; i < given->length; i++)
        append_byte(&buffer, (char)change((unsigned char)given->bytes[i]));
    return text(make_text(buffer.bytes, buffer.length));
}

static Value call_upper(const Arguments *arguments)
{
    return change_case(arguments, toupper);
}

static Value call_lower(const Arguments *arguments)
{
    return change_case(arguments, tolower);
}

/* The parts of a text between a separator. */
static Value call_split(const Arguments *arguments)
{
    const Text *whole = text_argument(arguments, 0);
    const Text *separator = text_argument(arguments, 1);
    if (!separator->length)
        fail(arguments->line, "split needs something to split at");
    List *parts = make_list();
    const char *start = whole->bytes, *found;
    while ((found = strstr(start, separator->bytes))) {
        list_add(parts, text(make_text(start, (size_t)(found - start))));
        start = found + separator->length;
    }
    list_add(parts, text(make_text(start, strlen(start))));
    return list(parts);
}

/* The opposite of split. */
static Value call_join(const Arguments *arguments)
{
    const List *parts = list_argument(arguments, 0);
    const Text *separator = text_argument(arguments, 1);
    Buffer buffer = {0};
    for (size_t i = 0; i < parts->count; i++) {
        if (i)
            append(&buffer, separator->bytes, separator->length);
        show(&buffer, parts->items[i]);
    }
    return text(make_text(buffer.bytes, buffer.length));
}

const Builtin text_builtins[] = {
    {"text", 1, 1, call_text},   {"upper", 1, 1, call_upper}, {"lower", 1, 1, call_lower},
    {"split", 2, 2, call_split}, {"join", 2, 2, call_join},   {NULL, 0, 0, NULL},
};
