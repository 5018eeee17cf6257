#include "error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const char *script = "";

void set_script(const char *name)
{
    script = name;
}

void fail(int line, const char *format, ...)
{
    va_list arguments;
    fflush(stdout);
    fprintf(stderr, "calc: %s:%d: ", script, line);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(1);
}
