//! What changes the hash of a file and what does not.

use refrain_python::{Module, read};

/// Each pair does the same.
const SAME: &[(&str, &str)] = &[
    ("x = 1\n", "x = 1  # a comment\n"),
    ("x = 1\n", "#!/usr/bin/env python3\n\n\nx=1\n\n"),
    ("x = 1\ny = 2\n", "x = 1; y = 2"),
    ("x = 1\n", "\"\"\"Says what it is.\"\"\"\nx = 1\n"),
    (
        "def f():\n    return 1\n",
        "def f():\n  'Doc.'\n  return 1\n",
    ),
    ("def f():\n    '''Doc.'''\n", "def f():\n    pass\n"),
    ("def f(): ...\n", "def f(): pass\n"),
    (
        "class A:\n    x = 1\n",
        "class A:\n    '''Doc.'''\n    x = 1\n    '''Of x.'''\n",
    ),
    ("x = (1 + 2)\n", "x = 1 + 2\n"),
    ("x = f((a))\n", "x = f(\n    a,\n)\n"),
    ("x = a + \\\n  b\n", "x = (a\n     + b)\n"),
    ("x = 'a'\n", "x = \"a\"\n"),
    ("x = 'a' 'b'\n", "x = \"\"\"ab\"\"\"\n"),
    ("x = u'a'\n", "x = 'a'\n"),
    ("x = r'a\\b'\n", "x = 'a\\\\b'\n"),
    ("x = 'é'\n", "x = '\\xe9'\n"),
    ("x = f'{a}b'\n", "x = f\"{ a }\" 'b'\n"),
    ("x = 1_000\n", "x = 1000\n"),
    ("x = 0x10\n", "x = 16\n"),
    ("x = 1.0\n", "x = 1e0\n"),
    ("x = '''a\nb'''\n", "x = '''a\r\nb'''\r\n"),
    ("x = 1\n", "\u{feff}x = 1\n"),
    ("x = 1\n", "# -*- coding: utf-8 -*-\nx = 1\n"),
    ("x = 1\n", "# vim: set fileencoding=latin-1 :\nx = 1\n"),
    ("x = []\n", "x = []  # type: list[int]\n"),
    (
        "with a as b, c as d:\n    f()\n",
        "with (a as b, c as d,):\n    f()\n",
    ),
    ("del (a), b\n", "del a, b\n"),
    ("class A():\n    x = 1\n", "class A:\n    x = 1\n"),
    ("from a import (b, c)\n", "from a import b, c\n"),
    ("x = a[(1, 2)]\n", "x = a[1, 2]\n"),
    (
        "if a:\n    f()\nelse:\n    if b:\n        g()\n",
        "if a:\n\tf()\nelse:\n\tif b: g()\n",
    ),
];

/// Each pair does something else.
const OTHER: &[(&str, &str)] = &[
    ("x = 1\n", "x = 2\n"),
    ("x = 1\n", "x = 1.0\n"),
    ("x = 1\n", "x = True\n"),
    ("x = 0.1\n", "x = 0.10000000000000002\n"),
    (
        "x = 99999999999999999999999999\n",
        "x = 99999999999999999999999998\n",
    ),
    ("x = 1j\n", "x = 2j\n"),
    ("x = -1\n", "x = 1\n"),
    ("x = 'a'\n", "x = b'a'\n"),
    ("x = 'a'\n", "x = 'A'\n"),
    ("x = 'a'\n", "x = f'a{b}'\n"),
    ("x = '\\d800'\n", "x = '\\d801'\n"),
    ("x = '\\ud800'\n", "x = '\\ud801'\n"),
    ("x = '\\ud800'\n", "x = '\\ufffd'\n"),
    ("x = f'\\U0000d800{a}'\n", "x = f'\\U0000d801{a}'\n"),
    ("x = f'{a}'\n", "x = f'{b}'\n"),
    ("x = f'{a}'\n", "x = f'{a!r}'\n"),
    ("x = f'{a:>3}'\n", "x = f'{a:>4}'\n"),
    ("x = f'{a=}'\n", "x = f'{a = }'\n"),
    ("x = f'{{a}}'\n", "x = f'{a}'\n"),
    ("x = f'{f\"{a}\"}'\n", "x = f'{f\"{a!s}\"}'\n"),
    ("x = t'{a+b}'\n", "x = t'{a + b}'\n"),
    ("x = t'{a}'\n", "x = f'{a}'\n"),
    ("x: int = 1\n", "x: str = 1\n"),
    ("x: int = 1\n", "(x): int = 1\n"),
    ("x: int\n", "x = int\n"),
    ("def f(a): pass\n", "def f(a: int): pass\n"),
    ("def f(): pass\n", "def f() -> int: pass\n"),
    ("def f(a=1): pass\n", "def f(a=2): pass\n"),
    ("def f(a, b=1): pass\n", "def f(a, *, b=1): pass\n"),
    ("def f(a, b=1): pass\n", "def f(a, /, b=1): pass\n"),
    ("def f(*a): pass\n", "def f(**a): pass\n"),
    ("def f(): pass\n", "async def f(): pass\n"),
    ("def f(): pass\n", "@g\ndef f(): pass\n"),
    ("@g\ndef f(): pass\n", "@h\ndef f(): pass\n"),
    ("def f(): pass\n", "def f(): yield\n"),
    ("def f(): return 1\n", "def f(): 1\n"),
    ("def f[T](a): pass\n", "def f[T: int](a): pass\n"),
    ("type A = int\n", "type A = str\n"),
    ("class A[T]: pass\n", "class A[*T]: pass\n"),
    ("class A(B): pass\n", "class A(B, metaclass=C): pass\n"),
    ("x = lambda a: a\n", "x = lambda a, b: a\n"),
    ("x = (y := 1)\n", "x = y = 1\n"),
    ("x = (1)\n", "x = (1,)\n"),
    ("x = [a for a in b]\n", "x = (a for a in b)\n"),
    ("x = [a for a in b if a]\n", "x = [a for a in b if not a]\n"),
    ("x = {a: b}\n", "x = {a, b}\n"),
    ("x = {**a, 'b': 1}\n", "x = {'b': 1, **a}\n"),
    ("x = a < b < c\n", "x = (a < b) < c\n"),
    ("x = a and b or c\n", "x = a and (b or c)\n"),
    ("x = a - (b - c)\n", "x = a - b - c\n"),
    ("x = a[1:2]\n", "x = a[1:2:1]\n"),
    ("x = a.b\n", "x = a.c\n"),
    ("x = a is b\n", "x = a is not b\n"),
    ("x += 1\n", "x -= 1\n"),
    ("f(a, *b)\n", "f(a, b)\n"),
    ("f(a=1)\n", "f(b=1)\n"),
    ("global a\n", "nonlocal a\n"),
    ("import a\n", "import a as b\n"),
    ("from a import b\n", "from .a import b\n"),
    ("from a import b\n", "from a import *\n"),
    ("from __future__ import annotations\nx = 1\n", "x = 1\n"),
    ("assert a, 'b'\n", "assert a, 'c'\n"),
    ("assert (a, 'b')\n", "assert a, 'b'\n"),
    ("raise A from b\n", "raise A\n"),
    (
        "try:\n    f()\nexcept A:\n    g()\n",
        "try:\n    f()\nexcept* A:\n    g()\n",
    ),
    (
        "try:\n    f()\nexcept A:\n    g()\n",
        "try:\n    f()\nexcept A as e:\n    g()\n",
    ),
    (
        "try:\n    f()\nfinally:\n    g()\n",
        "try:\n    f()\nexcept:\n    g()\n",
    ),
    (
        "for a in b:\n    f()\nelse:\n    g()\n",
        "for a in b:\n    f()\ng()\n",
    ),
    ("with a: f()\n", "with a as b: f()\n"),
    ("with a, b: f()\n", "with ((a, b)): f()\n"),
    (
        "match a:\n    case b: f()\n",
        "match a:\n    case 'b': f()\n",
    ),
    (
        "match a:\n    case [b, *c]: f()\n",
        "match a:\n    case [b, c]: f()\n",
    ),
    (
        "match a:\n    case B(c=1): f()\n",
        "match a:\n    case B(c=1) if d: f()\n",
    ),
    (
        "match a:\n    case 1 | 2: f()\n",
        "match a:\n    case 1 | 3: f()\n",
    ),
    ("if a:\n    f()\ng()\n", "if a:\n    f()\n    g()\n"),
    ("if a:\n    pass\n", "x = 1\n"),
    (
        "if a:\n    f()\nelif b:\n    g()\n",
        "if a:\n    f()\nif b:\n    g()\n",
    ),
    ("f()\ng()\n", "g()\nf()\n"),
    ("await_ = 1\n", "await_ = 1\ndel await_\n"),
];

fn parsed(source: &str) -> Module {
    let module = read(source.as_bytes());
    assert_eq!(module.unparsed, None, "{source}");
    module
}

#[test]
fn what_does_nothing_changes_no_hash() {
    for (a, b) in SAME {
        assert_eq!(parsed(a).hashes.code, parsed(b).hashes.code, "{a:?} {b:?}");
    }
}

#[test]
fn what_does_something_changes_the_hash() {
    for (a, b) in OTHER {
        assert_ne!(parsed(a).hashes.code, parsed(b).hashes.code, "{a:?} {b:?}");
        let documented = parsed(b).hashes.documented;
        assert_ne!(parsed(a).hashes.documented, documented, "{a:?} {b:?}");
    }
}

#[test]
fn documented_hashes_change_with_docstrings_and_those_of_bytes_with_any_byte() {
    let (a, b) = (
        parsed("def f():\n    'A.'\n"),
        parsed("def f():\n    'B.'\n"),
    );
    assert_eq!(a.hashes.code, b.hashes.code);
    assert_ne!(a.hashes.documented, b.hashes.documented);
    let spaced = parsed("def f():\n    'A.' \n");
    assert_eq!(a.hashes.documented, spaced.hashes.documented);
    assert_ne!(a.hashes.bytes, spaced.hashes.bytes);
}

/// Another hash for the same file makes every cache miss: when this fails for a good reason, such as a new
/// version of the parser, the new hash belongs here.
#[test]
fn hashes_stay_the_same_over_time() {
    let source = "from a import b\n\n\ndef f(x: int = 3) -> str:\n    return f'{x!r:>{b}}' + 'é'\n";
    let hex: String = parsed(source)
        .hashes
        .code
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(
        hex,
        "318c1285b173613619a58f5bcd989bff47cfc089181ba20a4d41b2da3af23892"
    );
}

#[test]
fn the_text_is_code_line_by_line_in_one_layout() {
    let source = "'''Doc.'''\nimport os # why\n\nX = { 'a' : 1,\n  'b': -1 }\n\ndef f( a , *b,c = 1 ):\n\n  '''Doc.'''\n  return a [1: 2]  \\\n     if not c else f'{a }'\n";
    let module = parsed(source);
    let lines: Vec<(u32, bool, &str)> = module
        .lines
        .iter()
        .zip(module.text.lines())
        .map(|(line, text)| (line.number, line.docstring, text))
        .collect();
    let expected = [
        (1, true, "'''Doc.'''"),
        (2, false, "import os"),
        (4, false, "X = {\"a\": 1,"),
        (5, false, "    \"b\": -1}"),
        (7, false, "def f(a, *b, c=1):"),
        (9, true, "    '''Doc.'''"),
        (10, false, "    return a[1:2]"),
        (11, false, "    if not c else f'{a }'"),
    ];
    assert_eq!(lines, expected);
}
