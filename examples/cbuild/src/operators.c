#include "operators.h"

#include <math.h>

#include "equal.h"
#include "error.h"
#include "list.h"

static const char *const names[] = {
    [ADD] = "+",   [SUBTRACT] = "-", [MULTIPLY] = "*", [DIVIDE] = "/",
    [REMAINDER] = "%", [NEGATE] = "-",
};

static Value arithmetic(Operator operator, double left, double right, int line)
{
    switch (operator) {
    case ADD:
        return number(left + right);
    case SUBTRACT:
        return number(left - right);
    case MULTIPLY:
        return number(left * right);
    default:
        break;
    }
    if (right == 0)
        fail(line, "division by zero");
    return number(operator == DIVIDE ? left / right : left - right * floor(left / right));
}

static Value join_lists(const List *left, const List *right)
{
    List *joined = make_list();
    for (size_t i = 0; i < left->count; i++)
        list_add(joined, left->items[i]);
    for (size_t i = 0; i < right->count; i++)
        list_add(joined, right->items[i]);
    return list(joined);
}

int compare(Value left, Value right, int line)
{
    if (left.kind == NUMBER && right.kind == NUMBER)
        return (left.number > right.number) - (left.number < right.number);
    if (left.kind == TEXT && right.kind == TEXT)
        return compare_texts(left.text, right.text);
    fail(line, "%s and %s cannot be compared", kind_name(left.kind), kind_name(right.kind));
}

Value apply(Operator operator, Value left, Value right, int line)
{
    switch (operator) {
    case EQUAL:
        return boolean(equal(left, right));
    case UNEQUAL:
        return boolean(!equal(left, right));
    case LESS:
        return boolean(compare(left, right, line) < 0);
    case AT_MOST:
        return boolean(compare(left, right, line) <= 0);
    case MORE:
        return boolean(compare(left, right, line) > 0);
    case AT_LEAST:
        return boolean(compare(left, right, line) >= 0);
    case NOT:
        return boolean(!is_true(left));
    case NEGATE:
        if (left.kind != NUMBER)
            fail(line, "- cannot be used with %s", kind_name(left.kind));
        return number(-left.number);
    default:
        break;
    }
    if (left.kind == NUMBER && right.kind == NUMBER)
        return arithmetic(operator, left.number, right.number, line);
    if (operator == ADD && left.kind == TEXT && right.kind == TEXT)
        return text(join_texts(left.text, right.text));
    if (operator == ADD && left.kind == LIST && right.kind == LIST)
        return join_lists(left.list, right.list);
    fail(line, "%s cannot be used with %s and %s", names[operator], kind_name(left.kind), kind_name(right.kind));
}
