//! Files that cannot be parsed, and projects that try to lead astray.

mod fixture;

use std::os::unix::fs::symlink;
use std::path::Path;

use fixture::{Fixture, listing};
use refrain_python::{Error, Project, Start, read};

/// Texts that are no Python, each importing `a`, `b`, `b.c` and `d`.
const BROKEN: &[&str] = &[
    "import a, b\nfrom b import c\nfrom . import d\nprint 'Python 2'\n",
    "import a, \\\n  b\nfrom b import (  # see (there)\n  x,\n  c)\nfrom .d import *\nx = = 1\n",
    "try:\n  import a; import b\n  from b import c as e\n from .import d\n",
    "def f(:\n  import a as x, b as y\n  from b import (c\n  from d import z\n",
    "x = '#'; import a\nx = \"\"\"unfinished\nimport b\nfrom b import c\nimport d\n",
    "import a\r\nimport b\r\nfrom b \\\r\n import c\r\nimport d\r\n$$$\r\n",
    "from a import *\nimport b.c\nfrom .  d import x\n?\n",
];

fn unparsed(bytes: &[u8]) -> String {
    let module = read(bytes);
    let hashes = module.hashes;
    assert_eq!(
        (hashes.code, hashes.documented),
        (hashes.bytes, hashes.bytes)
    );
    module.unparsed.expect("it cannot be parsed")
}

#[test]
fn a_file_that_cannot_be_parsed_counts_by_its_bytes_and_its_imports_are_found() {
    for broken in BROKEN {
        let project = Fixture::new(&[
            ("main.py", broken),
            ("a.py", ""),
            ("b/__init__.py", ""),
            ("b/c.py", ""),
            ("d.py", ""),
        ]);
        let program = project.script("main.py");
        let found = listing(&program);
        let all = [
            "0 main.py",
            "1 a.py",
            "1 b/__init__.py",
            "1 b/c.py",
            "1 d.py",
        ];
        assert_eq!(found, all, "{broken}");
        assert!(program.files[0].unparsed().is_some());
        let hash = program.files[0].hash;
        project.write("main.py", format!("{broken}# a comment\n"));
        assert_ne!(project.script("main.py").files[0].hash, hash);
    }
}

#[test]
fn bytes_that_python_would_not_read_are_told_as_such() {
    let cases: [(&[u8], &str); 6] = [
        (b"x = 1\0", "it has NUL bytes"),
        (b"x = '\xff'", "byte 5 is not UTF-8"),
        (
            b"# coding: latin-1\nx = '\xe9'",
            "it is in the encoding latin-1",
        ),
        (
            b"#!/bin/python\n# -*- coding: utf-7 -*-\n",
            "it is in the encoding utf-7",
        ),
        (b"# coding: rot13\r\n", "it is in the encoding rot13"),
        (b"x = 1\ny = (\n", "line 3: unexpected EOF while parsing"),
    ];
    for (bytes, reason) in cases {
        assert_eq!(unparsed(bytes), reason);
    }
    // Only the first two lines declare one.
    assert_eq!(read(b"\n\n# coding: latin-1\n").unparsed, None);
    assert_eq!(read(b"").unparsed, None);
    let random: Vec<u8> = (0..100_000_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    unparsed(&random);
}

#[test]
fn nesting_has_a_bound_and_no_stack_overflows() {
    let deep = |open: &str, middle: &str, close: &str, times: usize| {
        let source = format!(
            "import a\nx = {}{middle}{}\n",
            open.repeat(times),
            close.repeat(times)
        );
        read(source.as_bytes())
    };
    let blocks = |times: usize| {
        let mut source = "import a\n".to_owned();
        for depth in 0..times {
            source += &format!("{}if x:\n", "\t".repeat(depth));
        }
        read(format!("{source}{}x\n", "\t".repeat(times)).as_bytes())
    };
    let shapes = [
        ("(", "1", ")"),
        ("[", "1", "]"),
        ("{1: ", "1", "}"),
        ("-", "1", ""),
        ("not ", "x", ""),
        ("x + ", "x", ""),
        ("x ** ", "x", ""),
        ("", "x", ".y"),
        ("", "x", "()"),
        ("", "x", "[0]"),
        ("lambda: ", "x", ""),
        ("lambda x, y: ", "x", ""),
        ("x if x else ", "x", ""),
        ("(x, ", "x", ")"),
        ("f(x for y in ", "x", ")"),
        ("await ", "x", ""),
        ("f'{", "x", "}'"),
        ("x < (", "x", ")"),
        ("(yield ", "x", ")"),
        ("(y := ", "x", ")"),
        ("*", "x", ""),
        ("x[x:", "x", "]"),
        ("x and (y or ", "x", ")"),
    ];
    for (open, middle, close) in shapes {
        // Few enough to be parsed, about as many as are, and more.
        for times in [10, 1_000, 20_000] {
            let module = deep(open, middle, close, times);
            let is_a = |import: &refrain_python::Import| import.module == "a";
            assert!(module.imports.iter().any(is_a), "{open} {times}");
            assert!(
                times < 20_000 || module.unparsed.is_some(),
                "{open} {times}"
            );
        }
    }
    assert_eq!(deep("[", "1", "]", 1_000).unparsed, None);
    assert_eq!(deep("x + ", "x", "", 3_900).unparsed, None);
    assert_eq!(blocks(90).unparsed, None);
    assert!(
        blocks(1_000)
            .imports
            .iter()
            .any(|import| import.module == "a")
    );
    // Long is not deep.
    assert_eq!(deep("-1, ", "1", "", 10_000).unparsed, None);
    assert_eq!(deep("x = 1; ", "1", "", 10_000).unparsed, None);
    let large = read(format!("import a\nx = '{}'\n", "x".repeat(4 << 20)).as_bytes());
    assert_eq!(large.unparsed.as_deref(), Some("it is larger than 4 MiB"));
    assert_eq!(large.imports[0].module, "a");
}

#[test]
fn nothing_outside_of_the_project_is_read() {
    let outside = Fixture::new(&[
        ("a.py", "import b\n"),
        ("b.py", ""),
        ("p/__init__.py", ""),
        ("p/q.py", ""),
    ]);
    let project = Fixture::new(&[
        (
            "main.py",
            "import a, p.q, c, d.e\nfrom ... import a\nfrom p import *\nx = '../../../a.py'\n",
        ),
        ("real/c.py", ""),
        ("real/e.py", ""),
    ]);
    let root = project.root();
    let program = |start: &str| Project::new(&root).find(&Start::script(start), 9);
    symlink(outside.root().join("a.py"), root.join("a.py")).unwrap();
    symlink(outside.root().join("p"), root.join("p")).unwrap();
    // Links that stay inside are followed.
    symlink("real/c.py", root.join("c.py")).unwrap();
    symlink("real", root.join("d")).unwrap();
    symlink("nowhere", root.join("b.py")).unwrap();
    let found = program("main.py").unwrap();
    assert_eq!(listing(&found), ["0 main.py", "1 c.py", "1 d/e.py"]);
    assert_eq!(
        found.incomplete.as_deref(),
        Some("the link a.py leads out of the project")
    );
    let absolute = outside.root().join("b.py");
    for (start, is_outside) in [
        ("a.py", true),
        (absolute.to_str().unwrap(), true),
        ("none.py", false),
        ("b.py", false),
        ("real", false),
        ("", false),
    ] {
        match program(start).unwrap_err() {
            Error::Outside { .. } => assert!(is_outside, "{start}"),
            Error::NoScript { .. } => assert!(!is_outside, "{start}"),
            error => panic!("{start}: {error}"),
        }
    }
    for start in ["./real/../main.py", root.join("main.py").to_str().unwrap()] {
        assert_eq!(program(start).unwrap(), found, "{start}");
    }
}

#[test]
fn what_is_no_regular_python_file_is_no_module() {
    let project = Fixture::new(&[
        ("main.py", "import a, b, c, d, e\nfrom importlib import *\n"),
        ("a.pyi", ""),
        ("b.pyc", ""),
        ("b.so", ""),
        ("c.py/d.py", ""),
        (
            "plugins/main.py",
            "import importlib\nimportlib.import_module(x)\n",
        ),
        ("plugins/a.py", ""),
    ]);
    let status = std::process::Command::new("mkfifo")
        .arg(project.root().join("e.py"))
        .status();
    assert!(status.unwrap().success());
    assert_eq!(listing(&project.script("main.py")), ["0 main.py"]);
    let error = Project::new(project.root())
        .find(&Start::script("e.py"), 1)
        .unwrap_err();
    assert!(matches!(error, Error::NoScript { .. }), "{error}");
    // Long ways to nowhere.
    let long = "/plugins".repeat(500);
    let parts = "a.".repeat(20_000);
    project.write(
        "main.py",
        format!("import sys\nimport {parts}b\nsys.path += ['{long}', '{long}x.py']\n"),
    );
    assert_eq!(listing(&project.script("main.py")), ["0 main.py"]);
    // A circle of folders.
    symlink("..", project.root().join("plugins/up")).unwrap();
    let found = listing(&project.script("plugins/main.py"));
    assert_eq!(found.len(), 4, "{found:?}");
    project.write(
        "main.py",
        "import sys\nsys.path += ['plugins', 'up']\nimport a\n",
    );
    assert_eq!(
        listing(&project.script("main.py")),
        ["0 main.py", "1 plugins/a.py"]
    );
}

#[test]
fn a_file_that_counts_but_cannot_be_read_is_an_error() {
    let project = Fixture::new(&[("main.py", "import a\n"), ("a.py", "")]);
    let reader = |path: &Path| match path.to_str() {
        Some("main.py") => Ok(std::sync::Arc::new(read(b"import a\n"))),
        _ => Err(std::io::ErrorKind::PermissionDenied.into()),
    };
    let error = Project::new(project.root())
        .with_reader(reader)
        .find(&Start::script("main.py"), 1);
    assert_eq!(
        error.unwrap_err().to_string(),
        "read `a.py`: permission denied"
    );
}
