#include "value.h"

Value nothing(void)
{
    return (Value){.kind = NOTHING};
}

Value boolean(bool value)
{
    return (Value){.kind = BOOLEAN, .boolean = value};
}

Value number(double value)
{
    return (Value){.kind = NUMBER, .number = value};
}

Value text(const Text *value)
{
    return (Value){.kind = TEXT, .text = value};
}

Value list(List *value)
{
    return (Value){.kind = LIST, .list = value};
}

Value map(Map *value)
{
    return (Value){.kind = MAP, .map = value};
}

const char *kind_name(Kind kind)
{
    static const char *const names[] = {
        [NOTHING] = "nothing", [BOOLEAN] = "a boolean",   [NUMBER] = "a number",
        [TEXT] = "a text",     [LIST] = "a list",         [MAP] = "a map",
        [FUNCTION] = "a function", [BUILTIN] = "a function",
    };
    return names[kind];
}

bool is_true(Value value)
{
    return value.kind != NOTHING && (value.kind != BOOLEAN || value.boolean);
}
