/* calc: runs a script, or says what an expression is. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "builtins.h"
#include "error.h"
#include "execute.h"
#include "file.h"
#include "statement.h"

static void run(const char *name, const Buffer *script)
{
    set_script(name);
    Scope *scope = make_scope(NULL);
    declare_builtins(scope);
    /* A text ends with the zero byte that the lexer looks for. */
    const Node *block = read_script(make_text(script->bytes, script->length)->bytes);
    Value result = nothing();
    execute(block, scope, &result);
}

static void print_expression(const char *expression)
{
    Buffer script = {0};
    append_string(&script, "print(");
    append_string(&script, expression);
    append_string(&script, ");");
    run("expression", &script);
}

int main(int count, char **arguments)
{
    atexit(release_arena);
    if (count == 3 && strcmp(arguments[1], "-e") == 0) {
        print_expression(arguments[2]);
        return 0;
    }
    if (count != 2) {
        fputs("usage: calc SCRIPT | calc -e EXPRESSION\n", stderr);
        return 2;
    }
    Buffer script = {0};
    if (!read_file(arguments[1], &script)) {
        fprintf(stderr, "calc: cannot read %s: %s\n", arguments[1], strerror(errno));
        return 2;
    }
    run(arguments[1], &script);
    return 0;
}
