//! Which files are found, at which level, in the layouts that projects have.

mod fixture;

use std::io;
use std::path::Path;
use std::sync::Arc;

use fixture::{Fixture, listing, paths};
use refrain_python::{Error, Module, Project, Start, read};

#[test]
fn levels_are_the_imports_on_the_shortest_way() {
    let project = Fixture::new(&[
        ("main.py", "import a\nimport d\n"),
        ("a.py", "import b, numpy\n"),
        ("b.py", "import c\nimport main\n"),
        ("c.py", "import d\n"),
        ("d.py", "import b\n"),
        ("e.py", ""),
    ]);
    let all = ["0 main.py", "1 a.py", "1 d.py", "2 b.py", "3 c.py"];
    for depth in 0..4 {
        let found = project.find(&Start::script("main.py"), depth);
        let some = all
            .iter()
            .filter(|line| line.as_bytes()[0] - b'0' <= depth as u8);
        assert_eq!(listing(&found), some.copied().collect::<Vec<_>>());
    }
}

#[test]
fn all_files_of_packages_on_the_way_count() {
    let project = Fixture::new(&[
        (
            "main.py",
            "import a.b.c as x\nfrom p import q, name\nfrom n.m import o\n",
        ),
        ("a/__init__.py", ""),
        (
            "a/b/__init__.py",
            "from . import d\nfrom .. import e\nfrom ..f import g\nfrom .d import *\n",
        ),
        ("a/b/c.py", ""),
        ("a/b/d.py", ""),
        ("a/b/other.py", ""),
        ("a/e.py", ""),
        ("a/f/__init__.py", ""),
        ("a/f/g.py", ""),
        ("p/__init__.py", "name = 1\n"),
        ("p/q/__init__.py", ""),
        ("p/name.py", ""),
        // Without any file of its own.
        ("n/m/o.py", ""),
        ("n/m/other.py", ""),
    ]);
    let found = listing(&project.script("main.py"));
    let expected = [
        "0 main.py",
        "1 a/__init__.py",
        "1 a/b/__init__.py",
        "1 a/b/c.py",
        "1 n/m/o.py",
        "1 p/__init__.py",
        "1 p/name.py",
        "1 p/q/__init__.py",
        "2 a/b/d.py",
        "2 a/e.py",
        "2 a/f/__init__.py",
        "2 a/f/g.py",
    ];
    assert_eq!(found, expected);
}

#[test]
fn imports_count_wherever_they_stand() {
    let project = Fixture::new(&[
        (
            "main.py",
            "from typing import TYPE_CHECKING\n\
             if TYPE_CHECKING:\n    import a\n\
             try:\n    import b\nexcept ImportError:\n    b = None\n\
             def f():\n    from c import x\n    return lambda: __import__('d')\n\
             class A:\n    async def g(self):\n        with h: import e\n\
             match f:\n    case 1:\n        import g\n\
             import importlib\n\
             importlib.import_module('h.i')\n\
             importlib.import_module('.j', package='h')\n\
             importlib.import_module(name='h.k')\n\
             __import__('h', fromlist=['l'])\n",
        ),
        ("a.py", ""),
        ("b.py", ""),
        ("c.py", ""),
        ("d.py", ""),
        ("e.py", ""),
        ("g.py", ""),
        ("h/__init__.py", ""),
        ("h/i.py", ""),
        ("h/j.py", ""),
        ("h/k.py", ""),
        ("h/l.py", ""),
        ("h/other.py", ""),
    ]);
    let program = project.script("main.py");
    let found = paths(&program);
    let expected = [
        "main.py",
        "a.py",
        "b.py",
        "c.py",
        "d.py",
        "e.py",
        "g.py",
        "h/__init__.py",
        "h/i.py",
        "h/j.py",
        "h/k.py",
        "h/l.py",
    ];
    assert_eq!(found, expected.map(Path::new));
    assert_eq!(program.incomplete, None);
}

#[test]
fn names_that_are_only_known_at_run_time_may_be_anything_below() {
    let files = |loader: &str| {
        Fixture::new(&[
            ("main.py", "import plugins\nimport names\n"),
            ("plugins/__init__.py", loader),
            ("plugins/a.py", ""),
            ("plugins/deep/b.py", ""),
            ("plugins/.hidden/c.py", ""),
            ("plugins/env/pyvenv.cfg", ""),
            ("plugins/env/lib/d.py", ""),
            ("names.py", ""),
            ("other.py", ""),
        ])
    };
    for loader in [
        "import importlib\ndef load(n): return importlib.import_module(f'plugins.{n}')\n",
        "from importlib import import_module as load\nload('plugins.a')\n",
        "import importlib\nload = importlib.import_module\n",
        "import pkgutil\nfor m in pkgutil.iter_modules(__path__): pass\n",
        "load = getattr(importlib, 'import_module')\n",
    ] {
        let program = files(loader).script("main.py");
        let expected = [
            "0 main.py",
            "1 names.py",
            "1 plugins/__init__.py",
            "2 plugins/a.py",
            "2 plugins/deep/b.py",
        ];
        assert_eq!(listing(&program), expected, "{loader}");
        let reason = program.incomplete.unwrap();
        assert!(reason.starts_with("plugins/__init__.py:"), "{reason}");
    }
    // From a folder that is named, be it as a package or as a path.
    for loader in [
        "importlib.import_module(f'plugins.{name}')\n",
        "importlib.import_module('plugins' + '.' + name)\n",
        "spec_from_file_location(name, Path(__file__).parent.parent / 'plugins' / name)\n",
        "for path in glob('../plugins/*.py'): load_source(path)\nHERE = '../plugins'\n",
    ] {
        let project = files("");
        project.write("tools/main.py", loader);
        let program = project.script("tools/main.py");
        let expected = [
            "0 tools/main.py",
            "1 plugins/__init__.py",
            "1 plugins/a.py",
            "1 plugins/deep/b.py",
        ];
        assert_eq!(listing(&program), expected, "{loader}");
    }
    // Names in a list, an entry point, a command.
    for loader in [
        "for n in ['plugins.a']: importlib.import_module(n)\n",
        "ENTRY = 'plugins.a:main'\nload_module(ENTRY)\n",
        "run(['python', '-m', 'plugins.a'])\n",
        "%run plugins/a.py\n",
        "run('python3 -m plugins.a --fast', shell=True)\n",
        "exec('import plugins.a')\n",
        "run(['python', 'plugins/a.py'])\n",
        "runpy.run_path('../plugins/a.py')\n",
    ] {
        let project = files("");
        project.write("tools/main.py", loader);
        let program = project.script("tools/main.py");
        assert!(
            listing(&program).contains(&"1 plugins/a.py".to_owned()),
            "{loader}"
        );
    }
}

#[test]
fn a_star_brings_modules_only_where_the_package_says_what_it_brings() {
    let project = |own: &str| {
        Fixture::new(&[
            ("main.py", "from a import *\n"),
            ("a/__init__.py", own),
            ("a/b.py", ""),
            ("a/c/__init__.py", ""),
        ])
    };
    let silent = project("x = 1\n").script("main.py");
    assert_eq!(listing(&silent), ["0 main.py", "1 a/__init__.py"]);
    let telling = project("__all__ = ['b', 'c']\n").script("main.py");
    let all = [
        "0 main.py",
        "1 a/__init__.py",
        "1 a/b.py",
        "1 a/c/__init__.py",
    ];
    assert_eq!(listing(&telling), all);
}

#[test]
fn modules_are_searched_where_python_may_search_them() {
    let project = Fixture::new(&[
        (
            "tools/run/main.py",
            "import beside, top, sourced, member.m, named\n",
        ),
        ("tools/run/beside.py", ""),
        ("top.py", ""),
        ("src/sourced.py", ""),
        (
            "pyproject.toml",
            "[tool.uv.workspace]\nmembers = [\"packages/*\"]\npackages = [{from = \"lib\"}]\n",
        ),
        ("packages/one/src/member/__init__.py", ""),
        ("packages/two/member/m.py", ""),
        ("lib/named.py", ""),
        ("far/away.py", ""),
    ]);
    let expected = [
        "0 tools/run/main.py",
        "1 lib/named.py",
        "1 packages/one/src/member/__init__.py",
        "1 packages/two/member/m.py",
        "1 src/sourced.py",
        "1 tools/run/beside.py",
        "1 top.py",
    ];
    assert_eq!(listing(&project.script("tools/run/main.py")), expected);

    project.write("main.py", "import away\n");
    assert_eq!(listing(&project.script("main.py")), ["0 main.py"]);
    let told = Project::new(project.root())
        .with_search("far")
        .find(&Start::script("main.py"), 1);
    assert_eq!(listing(&told.unwrap()), ["0 main.py", "1 far/away.py"]);
}

#[test]
fn a_program_may_change_where_modules_are_searched() {
    for change in [
        "import sys\nsys.path.insert(0, 'far/lib')\n",
        "import os, sys\nsys.path.append(os.path.join(os.path.dirname(__file__), '..', 'far', 'lib'))\n",
        "from sys import path\nfrom pathlib import Path\npath.append(str(Path(__file__).parent.parent / 'far' / 'lib'))\n",
        "import site\nsite.addsitedir('far/lib')\n",
        "import sys as system\nsystem.path += ['far', 'lib']\n",
    ] {
        // The change is made by one module, the import by another that was read before.
        let project = Fixture::new(&[
            ("tools/main.py", "import change\nimport first\n"),
            ("tools/change.py", change),
            ("tools/first.py", "import away\n"),
            ("far/lib/away.py", ""),
        ]);
        let found = listing(&project.script("tools/main.py"));
        let expected = [
            "0 tools/main.py",
            "1 tools/change.py",
            "1 tools/first.py",
            "2 far/lib/away.py",
        ];
        assert_eq!(found, expected, "{change}");
    }
}

#[test]
fn a_module_is_found_by_its_name() {
    let project = Fixture::new(&[
        ("src/pkg/__init__.py", ""),
        ("src/pkg/__main__.py", "from .mod import x\n"),
        ("src/pkg/mod.py", "import pkg.other\n"),
        ("src/pkg/other.py", ""),
        ("tool.py", "import pkg\n"),
    ]);
    let find = |name: &str| listing(&project.find(&Start::module(name), 9));
    let package = [
        "0 src/pkg/__init__.py",
        "0 src/pkg/__main__.py",
        "1 src/pkg/mod.py",
        "2 src/pkg/other.py",
    ];
    assert_eq!(find("pkg"), package);
    let module = [
        "0 src/pkg/__init__.py",
        "0 src/pkg/mod.py",
        "1 src/pkg/other.py",
    ];
    assert_eq!(find("pkg.mod"), module);
    assert_eq!(find("tool"), ["0 tool.py", "1 src/pkg/__init__.py"]);
    assert_eq!(
        listing(&project.script("src/pkg")),
        [
            "0 src/pkg/__main__.py",
            "1 src/pkg/__init__.py",
            "1 src/pkg/mod.py",
            "2 src/pkg/other.py"
        ]
    );
    for name in ["numpy", "pkg.none", "", ".", "../pkg", "/etc"] {
        let error = Project::new(project.root())
            .find(&Start::module(name), 9)
            .unwrap_err();
        assert!(matches!(error, Error::NoModule { .. }), "{name}: {error}");
    }
}

#[test]
fn a_text_is_followed_but_is_no_file() {
    let files = [
        ("pkg/__init__.py", "from .mod import x\n"),
        ("pkg/mod.py", "'''Doc.'''\n"),
        ("-c", "import other\n"),
        ("other.py", ""),
    ];
    let project = Fixture::new(&files);
    let find = |text: &str, depth| project.find(&Start::text(text), depth);
    let all = ["1 pkg/__init__.py", "2 pkg/mod.py"];
    for text in [
        "import pkg",
        "import pkg as p; p.name",
        "from pkg import name",
        "print 'Python 2'; import pkg",
    ] {
        assert_eq!(listing(&find(text, 9)), all, "{text}");
        assert_eq!(listing(&find(text, 1)), all[..1], "{text}");
    }
    let hash = |text: &str| find(text, 9).files[1].hash;
    assert_ne!(
        hash("import pkg"),
        hash("import pkg; print(pkg.mod.__doc__)")
    );
    // One after another, in the same project.
    let mut project = Project::new(project.root());
    let mut find = |text: &str| listing(&project.find(&Start::text(text), 9).unwrap());
    assert_eq!(
        find("import pkg.mod"),
        ["1 pkg/__init__.py", "1 pkg/mod.py"]
    );
    assert_eq!(find("import json"), [""; 0]);
    assert_eq!(find("import other"), ["1 other.py"]);
}

#[test]
fn docstrings_count_where_any_file_reads_them() {
    let hash = |main: &str, doc: &str| {
        let project = Fixture::new(&[("main.py", main), ("a.py", doc)]);
        project.script("main.py").files[1].hash
    };
    let (a, b) = ("'''A.'''\nx = 1\n", "'''B.'''\nx = 1\n");
    let commented = "'''A.'''\n# why\nx = 1\n";
    let silent = "import a\nprint(__doc__)\n";
    assert_eq!(hash(silent, a), hash(silent, b));
    for reading in [
        "import a\nprint(a.__doc__)\n",
        "import a\nprint(getattr(a, '__doc__'))\n",
        "import a, doctest\n",
        "import a\nfrom inspect import getdoc\n",
        "import a\nhelp(a)\n",
        "import a, click\n",
    ] {
        assert_ne!(hash(reading, a), hash(reading, b), "{reading}");
        assert_eq!(hash(reading, a), hash(reading, commented), "{reading}");
    }
    let reading = "import a, inspect\nprint(inspect.getsource(a))\n";
    assert_ne!(hash(reading, a), hash(reading, commented));

    let own = |doc: &str| {
        let main =
            format!("{doc}\nimport argparse\nargparse.ArgumentParser(description=__doc__)\n");
        Fixture::new(&[("main.py", &main)]).script("main.py").files[0].hash
    };
    assert_ne!(own("'''A.'''"), own("'''B.'''"));
}

#[test]
fn what_is_known_of_a_file_can_be_kept() {
    let project = Fixture::new(&[("main.py", "import a\n"), ("a.py", "'''Doc.'''\nx = 1\n")]);
    let mut given = Vec::new();
    let root = project.root();
    let reader = |path: &Path| -> io::Result<Arc<Module>> {
        given.push(path.to_owned());
        let module = read(&std::fs::read(root.join(path))?);
        let kept = serde_json::to_string(&module)?;
        Ok(Arc::new(serde_json::from_str(&kept)?))
    };
    let mut kept = Project::new(&root).with_reader(reader);
    let program = kept.find(&Start::script("main.py"), 2).unwrap();
    assert_eq!(kept.find(&Start::script("main.py"), 2).unwrap(), program);
    drop(kept);
    assert_eq!(program, project.script("main.py"));
    assert_eq!(given, ["main.py", "a.py"].map(Path::new));
    assert_eq!(program.files[1].text(), "x = 1\n");
    assert_eq!(program.files[1].lines().collect::<Vec<_>>(), [(2, "x = 1")]);
}
