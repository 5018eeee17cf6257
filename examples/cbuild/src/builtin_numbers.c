#include <math.h>
#include <stdlib.h>

#include "builtins.h"
#include "error.h"

static Value call_sqrt(const Arguments *arguments)
{
    double value = number_argument(arguments, 0);
    if (value < 0)
        fail(arguments->line, "%g has no square root", value);
    return number(sqrt(value));
}

static Value call_floor(const Arguments *arguments)
{
    return number(floor(number_argument(arguments, 0)));
}

static Value call_abs(const Arguments *arguments)
{
    return number(fabs(number_argument(arguments, 0)));
}

static Value call_power(const Arguments *arguments)
{
    return number(pow(number_argument(arguments, 0), number_argument(arguments, 1)));
}

/* The number that a text is, or nothing. */
static Value call_number(const Arguments *arguments)
{
    const Text *written = text_argument(arguments, 0);
    char *end;
    double value = strtod(written->bytes, &end);
    bool whole = written->length && end == written->bytes + written->length;
    return whole ? number(value) : nothing();
}

const Builtin number_builtins[] = {
    {"sqrt", 1, 1, call_sqrt},   {"floor", 1, 1, call_floor},   {"abs", 1, 1, call_abs},
    {"power", 2, 2, call_power}, {"number", 1, 1, call_number}, {NULL, 0, 0, NULL},
};
