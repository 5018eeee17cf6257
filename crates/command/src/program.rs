//! The code of commands: what is written, and the files of the project that it names. It knows no node.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use refrain::{Code, Digest, Item};
use refrain_manifest::{Node, Run};

use crate::argv::{self, marked};
use crate::mention::{self, Mention};

/// A longer file is known by its digest alone: nobody looks for the changed line in it.
const SHOWN: u64 = 64 * 1024;

/// From how many directories the words of one command are looked up at most.
const ENTERED: usize = 8;

/// The files of a project, as far as they are code of commands, as they are at one time.
///
/// Meant for one look at the project: each file is read once, and a later change of it is not noticed.
pub struct Programs {
    root: PathBuf,
    /// The root without symbolic links in it.
    real_root: PathBuf,
    /// What is at each path that was looked up.
    files: HashMap<PathBuf, Option<Arc<Item>>>,
    /// What each command names.
    commands: HashMap<Texts, Vec<Arc<Item>>>,
}

/// Whether a shell reads a command, and its texts with a NUL for each placeholder.
type Texts = (bool, Vec<Vec<u8>>);

impl Programs {
    /// Nothing is read yet.
    ///
    /// # Errors
    /// The root is not there.
    pub fn new(root: &Path) -> io::Result<Self> {
        Ok(Programs {
            root: root.to_owned(),
            real_root: root.canonicalize()?,
            files: HashMap::new(),
            commands: HashMap::new(),
        })
    }

    /// The code of a node: an item for each thing that is written about its command, and one for each file
    /// of the project that the command names, or that is among `sources`, which are relative to the root.
    ///
    /// Any word of the command counts that is the path of a regular file inside the project, however it is
    /// used; only what the shell writes to does not.
    pub fn code(&mut self, node: &Node, sources: &[PathBuf]) -> Code {
        let mut files = self.named(&node.run);
        files.extend(sources.iter().filter_map(|source| self.file(source)));
        files.sort_by(|one, other| one.path.cmp(&other.path));
        files.dedup_by(|one, other| one.path == other.path);
        Code::new(files.into_iter().chain(written(node).map(Arc::new)), None)
    }

    /// The files that a command names. Commands that differ in their placeholders alone name the same.
    fn named(&mut self, run: &Run) -> Vec<Arc<Item>> {
        let texts: Vec<Vec<u8>> = run.templates().iter().map(|text| marked(text)).collect();
        let key = (matches!(run, Run::Shell(_)), texts);
        if let Some(known) = self.commands.get(&key) {
            return known.clone();
        }
        let mentions = match &key {
            (true, texts) => mention::of_shell(&texts[0]),
            (false, texts) => mention::of_program(texts),
        };
        let mut places = vec![PathBuf::new()];
        let mut files = Vec::new();
        for mention in &mentions {
            for index in 0..places.len() {
                let path = places[index].join(OsStr::from_bytes(mention.word()));
                match mention {
                    Mention::Enter(_) if places.len() < ENTERED => places.extend(self.dir(&path)),
                    Mention::Enter(_) => {}
                    _ => files.extend(self.file(&path)),
                }
            }
        }
        self.commands.insert(key, files.clone());
        files
    }

    fn dir(&self, path: &Path) -> Option<PathBuf> {
        let path = normal(&self.root, path);
        self.root.join(&path).is_dir().then_some(path)
    }

    /// A regular file inside the project.
    fn file(&mut self, path: &Path) -> Option<Arc<Item>> {
        let path = normal(&self.root, path);
        if let Some(known) = self.files.get(&path) {
            return known.clone();
        }
        let item = self
            .is_inside(&path)
            .then(|| Arc::new(item(&self.root, &path)));
        self.files.insert(path, item.clone());
        item
    }

    fn is_inside(&self, path: &Path) -> bool {
        let path = self.root.join(path);
        path.is_file()
            && path
                .canonicalize()
                .is_ok_and(|real| real.starts_with(&self.real_root))
    }
}

/// A path relative to the root, if it is below it, and without `.` in it.
fn normal(root: &Path, path: &Path) -> PathBuf {
    let path = path.strip_prefix(root).unwrap_or(path);
    let parts = path.components();
    parts.filter(|part| *part != Component::CurDir).collect()
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
    let format = format!("{:?}", node.format).to_lowercase();
    let items = [
        ("run", kind, argv::text(&node.run).into_owned()),
        ("format", "", format),
        ("depfile", "", depfile.to_owned()),
        ("params", "", params.join(" ")),
    ];
    let items = items.into_iter().filter(|(.., text)| !text.is_empty());
    items.map(|(name, kind, text)| Item {
        level: 0,
        path: Cow::Borrowed(name),
        hash: Digest::of(&[kind, &text].concat().into_bytes()),
        text: Cow::Owned(text),
        file: Cow::Borrowed(""),
        line: 0,
    })
}

/// A file, by its bytes. One that cannot be read is known as that.
fn item(root: &Path, path: &Path) -> Item {
    let name = shown(path);
    let (hash, text) = read(&root.join(path)).unwrap_or_else(|error| {
        let told = format!("cannot be read: {error}");
        (Digest::of(told.as_bytes()), told)
    });
    Item {
        level: 0,
        path: Cow::Owned(name.clone()),
        hash,
        text: Cow::Owned(text),
        file: Cow::Owned(name),
        line: 1,
    }
}

/// The digest of a file, and its text if it is one that is worth showing.
fn read(path: &Path) -> io::Result<(Digest, String)> {
    let mut file = File::open(path)?;
    if file.metadata()?.len() <= SHOWN {
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let digest = Digest::of(&bytes);
        return Ok((digest, String::from_utf8(bytes).unwrap_or_default()));
    }
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(file)?;
    Ok((
        Digest::from_bytes(*hasher.finalize().as_bytes()),
        String::new(),
    ))
}

/// A path as text, different for different paths.
fn shown(path: &Path) -> String {
    match path.to_str() {
        Some(text) => text.to_owned(),
        None => path.as_os_str().as_bytes().escape_ascii().to_string(),
    }
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
        let mut programs = Programs::new(root).unwrap();
        programs.code(&manifest.nodes[0], &sources)
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
        assert_eq!((&*small.text, small.line), ("a.sh", 1));
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
