//! The code of commands: what is written, and the files of the project that it names. It knows no node.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use refrain::{Code, Digest, Item};
use refrain_manifest::{Format, Node, Run};
use rustc_hash::FxHashMap;

use crate::argv::{self, marked};
use crate::files::{Files, Found};
use crate::mention::{self, Mention};
use crate::python::Python;

/// From how many directories the words of one command are looked up at most.
const ENTERED: usize = 8;

/// The files of a project, as far as they are code of commands, as they are at one time.
///
/// Meant for one look at the project: each file is read once, and a later change of it is not noticed.
pub struct Programs {
    files: Files,
    python: Python,
    /// What each command names.
    commands: FxHashMap<Texts, Arc<Found>>,
}

/// What a node's command runs.
pub struct Program {
    /// The node's code.
    pub(crate) code: Code,
    /// The files that this was read from, with the digests of their bytes.
    pub(crate) files: Vec<(PathBuf, Digest)>,
}

/// Whether a shell reads a command, and its texts with a NUL for each placeholder.
type Texts = (bool, Vec<Vec<u8>>);

/// Where the words of a command are looked up.
struct Places {
    /// The directories that it goes to, the root first.
    entered: Vec<PathBuf>,
    /// The directories in which it has Python modules searched for.
    search: Vec<PathBuf>,
}

impl Program {
    /// What it was when it was read: another one may be another program, even if it has the same code.
    pub fn state(&self) -> Digest {
        let mut bytes = Vec::new();
        for item in self.code.items() {
            bytes.extend(item.level.to_le_bytes());
            bytes.extend(item.path.as_bytes());
            bytes.extend(item.hash.as_bytes());
        }
        for (path, digest) in &self.files {
            bytes.extend(path.as_os_str().as_bytes());
            bytes.extend(digest.as_bytes());
        }
        Digest::of(&bytes)
    }
}

impl Programs {
    /// Nothing is read yet. Imports of Python files are followed up to `depth` files away.
    ///
    /// # Errors
    /// The root is not there.
    pub fn new(root: &Path, depth: u32) -> io::Result<Self> {
        Ok(Programs {
            files: Files::new(root)?,
            python: Python::new(root, depth),
            commands: FxHashMap::default(),
        })
    }

    /// The program of a node. Its code is an item for each thing that is written about its command, and one
    /// for each file of the project that the command names, or that is among `sources`, which are relative to
    /// the root.
    ///
    /// Any word of the command counts that is the path of a regular file inside the project, however it is
    /// used; only what the shell writes to does not. A file counts by its bytes, but a program that Python
    /// runs by its syntax tree. What Python files import counts with them.
    pub fn program(&mut self, node: &Node, sources: &[PathBuf]) -> Program {
        let mut found = self.named(&node.run);
        if !sources.is_empty() {
            let all = Arc::make_mut(&mut found);
            for source in sources {
                self.word(source, &[], all);
            }
            all.tidy();
        }
        let items = found.files.iter().map(|file| file.item.clone());
        let items = items.chain(written(node).map(Arc::new));
        let read = found.files.iter().filter_map(|file| file.read.clone());
        Program {
            code: Code::new(items, found.incomplete.clone().map(Cow::Owned)),
            files: read.collect(),
        }
    }

    /// What the programs found so far were looked for: paths of files, there or not, relative to the root.
    /// If one of them changes, comes or goes, a program may be another one.
    pub fn looked_up(&self) -> impl Iterator<Item = PathBuf> {
        let files = self.files.looked_up().map(Path::to_owned);
        files.chain(self.python.looked_up())
    }

    /// The directories, relative to the root, in which Python modules were looked for: a new name in one of
    /// them may be such a module.
    pub fn folders(&self) -> impl Iterator<Item = &Path> {
        self.python.folders()
    }

    /// The files that a command names. Commands that differ in their placeholders alone name the same.
    fn named(&mut self, run: &Run) -> Arc<Found> {
        let texts: Vec<Vec<u8>> = run.templates().iter().map(|text| marked(text)).collect();
        let key = (matches!(run, Run::Shell(_)), texts);
        if let Some(known) = self.commands.get(&key) {
            return known.clone();
        }
        let mentions = match &key {
            (true, texts) => mention::of_shell(&texts[0]),
            (false, texts) => mention::of_program(texts),
        };
        let places = self.places(&mentions);
        let mut found = Found::default();
        for mention in &mentions {
            self.mention(mention, &places, &mut found);
        }
        found.tidy();
        let found = Arc::new(found);
        self.commands.insert(key, found.clone());
        found
    }

    fn places(&self, mentions: &[Mention]) -> Places {
        let mut entered = vec![PathBuf::new()];
        let mut search = Vec::new();
        for mention in mentions {
            let path = Path::new(OsStr::from_bytes(mention.word()));
            match mention {
                Mention::Enter(_) if entered.len() < ENTERED => {
                    let dirs = entered.iter();
                    let dirs = dirs.filter_map(|place| self.files.dir(&place.join(path)));
                    let dirs: Vec<PathBuf> = dirs.collect();
                    search.extend(dirs.iter().cloned());
                    entered.extend(dirs);
                }
                Mention::Search(_) => search.extend(self.files.dir(path)),
                _ => {}
            }
        }
        Places { entered, search }
    }

    fn mention(&mut self, mention: &Mention, places: &Places, found: &mut Found) {
        let search = &places.search;
        let word = match mention {
            Mention::Module(name) => return found.extend(self.python.module(name, search)),
            Mention::Inline(text) => return found.extend(self.python.inline(text, search)),
            Mention::Enter(_) | Mention::Search(_) => return,
            Mention::Program(word) | Mention::Script(word) | Mention::Word(word) => word,
        };
        for place in &places.entered {
            let path = place.join(OsStr::from_bytes(word));
            let run = match mention {
                Mention::Script(_) => true,
                Mention::Program(_) => self
                    .files
                    .get(&path)
                    .is_some_and(|file| is_script(&file.item)),
                _ => false,
            };
            match run {
                true => found.extend(self.python.script(&path, search)),
                false => self.word(&path, search, found),
            }
        }
    }

    /// What may be the name of a file. What a Python file imports may be run, however that is named.
    fn word(&mut self, path: &Path, search: &[PathBuf], found: &mut Found) {
        let Some(file) = self.files.get(path) else {
            return;
        };
        if is_script(&file.item) {
            found.extend(self.python.script(path, search));
        }
        found.files.push(file);
    }
}

/// What is written about a command, as far as it makes its output another one.
fn written(node: &Node) -> impl Iterator<Item = Item> {
    // An array may look like a string, and is run in another way.
    let kind = match node.run {
        Run::Shell(_) => "",
        Run::Program(_) => "program\0",
    };
    let params: Vec<&str> = node.params.iter().map(|param| &*param.value).collect();
    let depfile = node.depfile.as_ref().map_or("", |depfile| depfile.text());
    let format = match node.format {
        Format::Bytes => "",
        Format::Text => "text",
        Format::Json => "json",
        Format::Dir => "dir",
    };
    let items = [
        ("run", kind, argv::text(&node.run)),
        ("format", "", format.into()),
        ("depfile", "", depfile.into()),
        ("params", "", params.join(" ").into()),
    ];
    let items = items.into_iter().filter(|(.., text)| !text.is_empty());
    items.map(|(name, kind, text)| Item {
        level: 0,
        path: Cow::Borrowed(name),
        hash: Digest::of(&[kind, &text].concat().into_bytes()),
        text: Cow::Owned(text.into_owned()),
        file: Cow::Borrowed(""),
        line: 0,
        lines: Cow::Borrowed(&[]),
    })
}

/// Whether a file is a program for Python, by its name or its first line.
fn is_script(file: &Item) -> bool {
    let first = file.text.lines().next().unwrap_or_default();
    file.path.ends_with(".py") || (first.starts_with("#!") && first.contains("python"))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use refrain_manifest::Manifest;
    use tempfile::TempDir;

    use super::*;

    fn project(files: &[&str]) -> TempDir {
        let dir = tempfile::tempdir().unwrap();
        for name in files {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, name).unwrap();
        }
        dir
    }

    /// The code of a node with this run, and more lines about it.
    fn code(root: &Path, run: &str, more: &str, sources: &[&str]) -> Code {
        let text = format!("inputs.x = 1\n[nodes.a]\nrun = {run}\n{more}");
        let manifest = Manifest::parse(&text, Path::new("refrain.toml")).unwrap();
        let sources: Vec<PathBuf> = sources.iter().map(PathBuf::from).collect();
        let mut programs = Programs::new(root, 2).unwrap();
        programs.program(&manifest.nodes[0], &sources).code
    }

    /// The names of the files.
    fn names(root: &Path, run: &str, sources: &[&str]) -> Vec<String> {
        let code = code(root, run, "", sources);
        let names = code.items().filter(|item| !item.file.is_empty());
        names.map(|item| item.path.to_string()).collect()
    }

    #[test]
    fn files_of_the_project_count_however_they_are_named() {
        let dir = project(&[
            "tokenize",
            "lib/a.sh",
            "lib/b c.sh",
            "data.txt",
            "out.txt",
            "x.py",
        ]);
        let root = dir.path();
        let absolute = root.join("data.txt");
        let text = format!(
            "'./tokenize {{x}} --rules=./lib/a.sh {} >out.txt'",
            absolute.display()
        );
        assert_eq!(
            names(root, &text, &[]),
            ["data.txt", "lib/a.sh", "tokenize"]
        );
        let nested = r#"'''sh -c 'cd lib && sh "b c.sh" a.sh' lib'''"#;
        assert_eq!(names(root, nested, &[]), ["lib/a.sh", "lib/b c.sh"]);
        let program = r#"["python3", "-u", "x.py", "{x}", "lib"]"#;
        assert_eq!(
            names(root, program, &["lib/a.sh", "x.py"]),
            ["lib/a.sh", "x.py"]
        );
    }

    #[test]
    fn files_outside_of_the_project_do_not_count() {
        let dir = project(&["project/a", "outside"]);
        symlink("../outside", dir.path().join("project/link")).unwrap();
        symlink("a", dir.path().join("project/inside")).unwrap();
        let run = "'cat ../outside link inside /bin/sh ../project/a nothing . {x}'";
        let names = names(&dir.path().join("project"), run, &[]);
        assert_eq!(names, ["../project/a", "inside"]);
    }

    #[test]
    fn what_python_runs_counts_by_its_syntax_tree_with_its_imports() {
        let dir = project(&["pkg/__init__.py", "pkg/main.py", "run", "data.py", "lib/x"]);
        let root = dir.path();
        let write = |name: &str, text: &str| fs::write(root.join(name), text).unwrap();
        write("load.py", "import lib.util");
        write("lib/util.py", "import deep");
        write("lib/deep.py", "x = 1");
        write("deep.py", "import deeper");
        write("deeper.py", "x = 1");
        write("run", "#!/usr/bin/env python3\nimport deeper");
        let all = |run: &str| {
            let mut names = names(root, run, &[]);
            names.sort();
            names
        };
        let loaded = ["deep.py", "lib/util.py", "load.py"];
        assert_eq!(all("'python3 load.py'"), loaded);
        assert_eq!(all("'python3 load.py data.py'")[..1], ["data.py"]);
        assert_eq!(all("'./run'"), ["deeper.py", "run"]);
        assert_eq!(
            all("'python3 -m pkg.main'"),
            ["pkg/__init__.py", "pkg/main.py"]
        );
        assert_eq!(
            all("['python3', '-c', 'import deep, json']"),
            ["deep.py", "deeper.py"]
        );
        let util = ["deep.py", "deeper.py", "lib/deep.py", "lib/util.py"];
        assert_eq!(all("'cd lib && python3 util.py'"), util);
        assert_eq!(all("'PYTHONPATH=lib python3 -m util'"), util);

        let hash = |run: &str| {
            let code = code(root, run, "", &[]);
            let item = code.items().find(|item| item.path == "load.py");
            item.unwrap().hash
        };
        let runs = [
            "'python3 load.py'",
            "'wc -l load.py'",
            "'python3 load.py; wc -l load.py'",
        ];
        let before = runs.map(hash);
        write("load.py", "# a comment\nimport  lib.util");
        let after = runs.map(hash);
        let same: Vec<bool> = before
            .iter()
            .zip(after)
            .map(|(before, after)| *before == after)
            .collect();
        assert_eq!(same, [true, false, false]);
    }

    #[test]
    fn content_and_text_are_told_apart() {
        let dir = project(&["a.sh"]);
        let large = dir.path().join("large");
        fs::write(&large, vec![b'x'; 100_000]).unwrap();
        let item = |name: &str| {
            let code = code(dir.path(), "'sh a.sh large'", "", &[]);
            let item = code.items().find(|item| item.path == name);
            item.unwrap().clone()
        };
        let (small, long) = (item("a.sh"), item("large"));
        assert_eq!((&*small.text, small.line), ("a.sh", 0));
        assert_eq!(small.hash, Digest::of(b"a.sh"));
        assert_eq!((long.hash, &*long.text), (Digest::of(&[b'x'; 100_000]), ""));
        fs::write(large, b"\xff").unwrap();
        assert_eq!(
            (item("large").hash, &*item("large").text),
            (Digest::of(b"\xff"), "")
        );
    }

    #[test]
    fn whatever_is_written_about_a_command_is_its_code() {
        let dir = project(&[]);
        let of = |run: &str, more: &str| code(dir.path(), run, more, &[]);
        let first = of(r#"'["a","b"]'"#, "");
        assert_eq!(first, of(r#"'["a","b"]'"#, "retries = 3"));
        let others = [
            of(r#"["a", "b"]"#, ""),
            of(r#"'["a","b"] '"#, ""),
            of(r#"'["a","b"]'"#, "format = 'json'"),
            of(r#"'["a","b"]'"#, "depfile = 'd'"),
            of(r#"'["a","b"]'"#, "params = ['x']"),
        ];
        assert!(others.iter().all(|other| *other != first));
    }
}
