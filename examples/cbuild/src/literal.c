#include "literal.h"

#include <stdlib.h>

#include "buffer.h"
#include "error.h"

static char unescape(char escaped, int line)
{
    switch (escaped) {
    case 'n':
        return '\n';
    case 't':
        return '\t';
    case '"':
    case '\\':
        return escaped;
    }
    fail(line, "\\%c means nothing in a text", escaped);
}

Value literal(Token token)
{
    if (token.kind == T_NUMBER)
        return number(strtod(token.start, NULL));
    Buffer buffer = {0};
    for (size_t i = 1; i + 1 < token.length; i++) {
        char byte = token.start[i];
        if (byte == '\\')
            byte = unescape(token.start[++i], token.line);
        append_byte(&buffer, byte);
    }
    return text(make_text(buffer.bytes, buffer.length));
}
