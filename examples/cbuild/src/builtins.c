#include "builtins.h"

#include <string.h>

static void declare(Scope *scope, const Builtin *builtins)
{
    for (; builtins->name; builtins++) {
        const Text *name = make_text(builtins->name, strlen(builtins->name));
        map_set(&scope->variables, name, (Value){.kind = BUILTIN, .builtin = builtins});
    }
}

void declare_builtins(Scope *scope)
{
    declare(scope, number_builtins);
    declare(scope, text_builtins);
    declare(scope, list_builtins);
    declare(scope, map_builtins);
    declare(scope, world_builtins);
}
