#include "text.h"

#include <string.h>

#include "arena.h"

static Text *blank(size_t length)
{
    Text *text = allocate(sizeof(Text) + length + 1);
    text->length = length;
    return text;
}

const Text *make_text(const char *bytes, size_t length)
{
    Text *text = blank(length);
    if (length)
        memcpy(text->bytes, bytes, length);
    return text;
}

const Text *join_texts(const Text *left, const Text *right)
{
    Text *text = blank(left->length + right->length);
    memcpy(text->bytes, left->bytes, left->length);
    memcpy(text->bytes + left->length, right->bytes, right->length);
    return text;
}

bool same_text(const Text *left, const Text *right)
{
    return left->length == right->length && compare_texts(left, right) == 0;
}

int compare_texts(const Text *left, const Text *right)
{
    size_t shorter = left->length < right->length ? left->length : right->length;
    int order = memcmp(left->bytes, right->bytes, shorter);
    if (order)
        return order;
    return (left->length > right->length) - (left->length < right->length);
}
