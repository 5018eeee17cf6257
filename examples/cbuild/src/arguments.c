#include "arguments.h"

#include "error.h"

static Value expect_kind(const Arguments *arguments, size_t place, Kind kind)
{
    Value value = arguments->values[place];
    if (value.kind != kind)
        fail(arguments->line, "%s takes %s, and gets %s", arguments->function, kind_name(kind),
             kind_name(value.kind));
    return value;
}

double number_argument(const Arguments *arguments, size_t place)
{
    return expect_kind(arguments, place, NUMBER).number;
}

const Text *text_argument(const Arguments *arguments, size_t place)
{
    return expect_kind(arguments, place, TEXT).text;
}

List *list_argument(const Arguments *arguments, size_t place)
{
    return expect_kind(arguments, place, LIST).list;
}

Map *map_argument(const Arguments *arguments, size_t place)
{
    return expect_kind(arguments, place, MAP).map;
}
