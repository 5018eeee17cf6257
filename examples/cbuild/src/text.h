#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes that never change, with a zero byte behind the last one. */
typedef struct Text {
    size_t length;
    char bytes[];
} Text;

const Text *make_text(const char *bytes, size_t length);
const Text *join_texts(const Text *left, const Text *right);
bool same_text(const Text *left, const Text *right);

/* Less than, equal to or greater than zero, in the order of the bytes. */
int compare_texts(const Text *left, const Text *right);

#endif
