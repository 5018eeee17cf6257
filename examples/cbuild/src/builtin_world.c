#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "builtins.h"
#include "equal.h"
#include "error.h"
#include "file.h"
#include "show.h"

/* All values on one line, with spaces between them. */
static Value call_print(const Arguments *arguments)
{
    Buffer line = {0};
    for (size_t i = 0; i < arguments->count; i++) {
        if (i)
            append_byte(&line, ' ');
        show(&line, arguments->values[i]);
    }
    append_byte(&line, '\n');
    fwrite(line.bytes, 1, line.length, stdout);
    return nothing();
}

static Value call_read(const Arguments *arguments)
{
    const Text *path = text_argument(arguments, 0);
    Buffer content = {0};
    if (!read_file(path->bytes, &content))
        fail(arguments->line, "cannot read %s: %s", path->bytes, strerror(errno));
    return text(make_text(content.bytes, content.length));
}

static Value call_write(const Arguments *arguments)
{
    const Text *path = text_argument(arguments, 0);
    const Text *content = text_argument(arguments, 1);
    if (!write_file(path->bytes, content->bytes, content->length))
        fail(arguments->line, "cannot write %s: %s", path->bytes, strerror(errno));
    return nothing();
}

/* Fails unless a value is the expected one. */
static Value call_check(const Arguments *arguments)
{
    if (equal(arguments->values[0], arguments->values[1]))
        return nothing();
    Buffer found = {0}, expected = {0};
    show(&found, arguments->values[0]);
    show(&expected, arguments->values[1]);
    fail(arguments->line, "it is %.*s, and should be %.*s", (int)found.length, found.bytes,
         (int)expected.length, expected.bytes);
}

const Builtin world_builtins[] = {
    {"print", 0, 100, call_print}, {"read", 1, 1, call_read}, {"write", 2, 2, call_write},
    {"check", 2, 2, call_check},   {NULL, 0, 0, NULL},
};
