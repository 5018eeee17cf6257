//! The files that the real Python imports are among those that are found.

mod fixture;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use fixture::Fixture;
use refrain_python::Start;

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

/// Printed by a program at its end: the files of all modules it has.
const TELL: &str = "
import sys
for module in list(sys.modules.values()):
    if getattr(module, '__file__', None):
        print(module.__file__)
";

fn has_python() -> bool {
    let version = Command::new("python3")
        .arg("--version")
        .stdout(Stdio::null())
        .status();
    let there = version.is_ok_and(|status| status.success());
    if !there {
        eprintln!("skipped: there is no python3");
    }
    there
}

/// The files inside of the project that a run of `python3` with these arguments imported.
fn imported(project: &Fixture, arguments: &[&str]) -> BTreeSet<PathBuf> {
    let run = Command::new("python3")
        .args(["-B", "-S"])
        .args(arguments)
        .env_remove("PYTHONPATH")
        .current_dir(project.root())
        .output()
        .unwrap();
    assert!(
        run.status.success(),
        "{}",
        String::from_utf8_lossy(&run.stderr)
    );
    let output = String::from_utf8(run.stdout).unwrap();
    let absolute = output.lines().map(|line| project.root().join(line));
    let real = absolute.filter_map(|path| path.canonicalize().ok());
    real.filter_map(|path| Some(path.strip_prefix(project.root()).ok()?.to_owned()))
        .collect()
}

fn found(project: &Fixture, start: &Start) -> BTreeSet<PathBuf> {
    project
        .find(start, u32::MAX)
        .files
        .into_iter()
        .map(|file| file.path)
        .collect()
}

/// A source of numbers that is the same every time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }

    fn one_of<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }
}

/// A project of packages in packages, with names that stand for several things, whose modules import one
/// another in all the ways there are.
fn generated(seed: u64) -> Fixture {
    let mut numbers = Numbers(seed);
    let project = Fixture::new(&[]);
    for _ in 0..60 {
        let root = numbers.one_of(&["", "", "src/", "tools/"]);
        let depth = 1 + numbers.below(3);
        let names: Vec<&str> = (0..depth).map(|_| numbers.one_of(&NAMES)).collect();
        let end = numbers.one_of(&[".py", ".py", "/__init__.py"]);
        project.write(
            &format!("{root}{}{end}", names.join("/")),
            statements(&mut numbers),
        );
    }
    let path = "import sys\nsys.path.insert(1, 'src')\n";
    for (start, first) in [
        ("tools/run.py", ""),
        ("main.py", path),
        ("start/__main__.py", "from . import x\n"),
    ] {
        project.write(
            start,
            format!(
                "{first}{}{}{TELL}",
                statements(&mut numbers),
                statements(&mut numbers)
            ),
        );
    }
    project.write("start/x.py", statements(&mut numbers));
    project
}

/// Some imports, each of which may fail.
fn statements(numbers: &mut Numbers) -> String {
    let count = 2 + numbers.below(4);
    (0..count).map(|_| statement(numbers)).collect()
}

fn statement(numbers: &mut Numbers) -> String {
    let mut name = || numbers.one_of(&NAMES);
    let (one, two, three) = (name(), name(), name());
    let dots = ".".repeat(1 + numbers.below(3));
    let import = match numbers.below(12) {
        0 => format!("import {one}"),
        1 => format!("import {one}.{two} as x, {three}"),
        2 => format!("from {one} import {two}"),
        3 => format!("from {one}.{two} import ({three}, a)"),
        4 => format!("from {dots} import {one}"),
        5 => format!("from {dots}{one} import {two}"),
        6 => format!("from {dots}{one}.{two} import *"),
        7 => format!("__all__ = ['{one}', '{two}']"),
        8 => format!("from {one} import *"),
        9 => format!("import importlib; importlib.import_module('{one}.{two}')"),
        10 => format!("import importlib; importlib.import_module('{dots}{one}', __package__)"),
        _ => format!(
            "__import__('{one}', globals(), locals(), ['{two}'], {})",
            numbers.below(3)
        ),
    };
    format!("try: {import}\nexcept Exception: pass\n")
}

#[test]
fn what_python_imports_is_found() {
    if !has_python() {
        return;
    }
    let mut most = 0;
    for seed in 0..5 {
        let project = generated(seed);
        for (arguments, start) in [
            (vec!["tools/run.py"], Start::script("tools/run.py")),
            (vec!["main.py"], Start::script("main.py")),
            (vec!["-m", "start"], Start::module("start")),
        ] {
            let imported = imported(&project, &arguments);
            let found = found(&project, &start);
            let missed: Vec<_> = imported.difference(&found).collect();
            assert!(missed.is_empty(), "{seed} {arguments:?}: {missed:?}");
            most = most.max(imported.len());
        }
    }
    assert!(most > 10, "the projects are too plain: {most}");
}
