//! Which files the patterns of a manifest stand for.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;

use refrain_manifest::{Files, Manifest, Problems};
use tempfile::TempDir;

fn project(files: &[&str]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for file in files {
        write(dir.path(), file, "");
    }
    dir
}

fn write(root: &Path, file: impl AsRef<OsStr>, text: &str) {
    let path = root.join(Path::new(file.as_ref()));
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn manifest(patterns: &str) -> Manifest {
    let text = format!("[inputs]\nlist = {{ files = {patterns} }}\n");
    Manifest::parse(&text, Path::new("refrain.toml")).unwrap()
}

fn files(dir: &TempDir, patterns: &str) -> Result<Files, Problems> {
    manifest(patterns).files(dir.path(), Path::new(".cache"))
}

/// The paths of the only list, one blank apart.
fn paths(dir: &TempDir, patterns: &str) -> String {
    let files = files(dir, patterns).unwrap();
    let paths = files.of_input(0).iter().map(|path| path.to_str().unwrap());
    paths.collect::<Vec<_>>().join(" ")
}

fn warning(dir: &TempDir, patterns: &str) -> String {
    let files = files(dir, patterns).unwrap();
    files
        .warnings()
        .map_or_else(String::new, Problems::to_string)
}

#[test]
fn a_list_is_sorted_by_bytes_and_has_each_file_once() {
    let dir = project(&["a.txt", "B.txt", "a/b.txt", "a-b.txt", "é.txt", "a.md"]);
    assert_eq!(paths(&dir, "'*.txt'"), "B.txt a-b.txt a.txt é.txt");
    assert_eq!(
        paths(&dir, "'**/*.txt'"),
        "B.txt a-b.txt a.txt a/b.txt é.txt"
    );
    assert_eq!(
        paths(&dir, "['a/b.txt', './a*', '{B,a}.{md,txt}']"),
        "B.txt a-b.txt a.md a.txt a/b.txt"
    );
}

#[test]
fn hidden_files_are_meant_only_where_asked_for() {
    let dir = project(&["a", ".b", ".c/d", "e/.f", ".git/config", ".cache/x"]);
    assert_eq!(paths(&dir, "'**'"), "a");
    assert_eq!(paths(&dir, "['.*', '.c/*']"), ".b .c/d");
    assert_eq!(paths(&dir, "'**/.*'"), ".b e/.f");
}

#[test]
fn what_git_ignores_is_left_out_unless_it_is_named() {
    let dir = project(&[
        "a.txt",
        "b.txt",
        "sub/c.txt",
        "sub/d.txt",
        "out/e.txt",
        "out/sub/f.txt",
    ]);
    write(dir.path(), ".gitignore", "/b.txt\nout/\n");
    write(dir.path(), "sub/.gitignore", "d.txt\n");
    assert_eq!(paths(&dir, "'**/*.txt'"), "a.txt sub/c.txt");
    assert_eq!(paths(&dir, "['a.txt', 'b.txt']"), "a.txt b.txt");
    assert_eq!(paths(&dir, "'out/**/*.txt'"), "out/e.txt out/sub/f.txt");
    assert_eq!(
        warning(&dir, "['a.txt', 'sub/d*.txt', 'z*']"),
        "refrain.toml:2:28: no file matches \"sub/d*.txt\"; \
         one file does, but .gitignore leaves it out: name it by its path\n\
         refrain.toml:2:42: no file matches \"z*\"; \
         a list may be empty; check the pattern if it should not be"
    );
}

#[test]
fn rules_above_the_project_count_inside_a_repository() {
    let dir = project(&["repository/project/a.txt", "repository/project/b.txt"]);
    let repository = dir.path().join("repository");
    write(&repository, ".gitignore", "b.txt\n");
    let project = repository.join("project");
    let count = || {
        let files = manifest("'*.txt'")
            .files(&project, Path::new(".cache"))
            .unwrap();
        files.of_input(0).len()
    };
    assert_eq!(count(), 2);
    fs::create_dir(repository.join(".git")).unwrap();
    assert_eq!(count(), 1);
}

#[test]
fn what_refrain_writes_is_left_out() {
    let dir = project(&["a.txt", "build/b.txt", "build/c/d.txt", "store/e.txt"]);
    let text = "[inputs]\nlist = { files = '**/*.txt' }\n\
                [nodes.b]\nrun = 'echo'\nto = 'build/b.txt'\n\
                [nodes.c]\nrun = 'mkdir {output}'\nformat = 'dir'\nto = 'build/c'\n";
    let manifest = Manifest::parse(text, Path::new("refrain.toml")).unwrap();
    let paths = |cache: &Path| {
        let files = manifest.files(dir.path(), cache).unwrap();
        files
            .of_input(0)
            .iter()
            .map(|path| path.to_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(paths(Path::new("./store/")), ["a.txt"]);
    assert_eq!(paths(&dir.path().join("store")), ["a.txt"]);
    assert_eq!(paths(Path::new("/elsewhere")), ["a.txt", "store/e.txt"]);
}

#[test]
fn links_are_followed_to_files_in_the_project() {
    let dir = project(&["real/a.txt"]);
    let outside = project(&["b.txt"]);
    symlink("real/a.txt", dir.path().join("inside.txt")).unwrap();
    symlink(outside.path().join("b.txt"), dir.path().join("outside.txt")).unwrap();
    symlink("nowhere", dir.path().join("dangling.txt")).unwrap();
    symlink("real", dir.path().join("link")).unwrap();
    symlink(outside.path(), dir.path().join("away")).unwrap();
    assert_eq!(paths(&dir, "'**/*.txt'"), "inside.txt real/a.txt");
    assert_eq!(paths(&dir, "'link/*.txt'"), "link/a.txt");
    assert_eq!(paths(&dir, "'away/*.txt'"), "");
    assert_eq!(
        files(&dir, "['inside.txt', 'outside.txt', 'dangling.txt']")
            .unwrap_err()
            .to_string(),
        "refrain.toml:2:33: outside.txt is a link that leads out of the project; \
         copy it into the project, or make it a { file = \"..\" } of its own\n\
         refrain.toml:2:48: there is no file dangling.txt; create it, or correct the path"
    );
}

#[test]
fn a_path_without_wildcards_is_a_file() {
    let dir = project(&["a/b.txt", "c[1].txt"]);
    assert_eq!(
        paths(&dir, "['a/b.txt', 'c\\[1\\].txt']"),
        "a/b.txt c[1].txt"
    );
    assert_eq!(
        files(&dir, "['a', 'a/b.text']").unwrap_err().to_string(),
        "refrain.toml:2:19: a is a directory; write \"a/**\" for the files in it\n\
         refrain.toml:2:24: there is no file a/b.text; create it, or correct the path"
    );
}

#[test]
fn names_may_have_any_bytes() {
    let dir = project(&["a b", "c\nd", "e\\xff"]);
    write(dir.path(), OsStr::from_bytes(b"e\xff"), "");
    let files = files(&dir, "'*'").unwrap();
    let names = files.of_input(0).iter();
    let names: Vec<&[u8]> = names.map(|path| path.as_os_str().as_bytes()).collect();
    assert_eq!(names, [&b"a b"[..], b"c\nd", b"e\\xff", b"e\xff"]);
}

#[test]
fn sources_of_nodes_are_found_as_well() {
    let dir = project(&["lib/a.py", "lib/b/c.py", "main.py"]);
    let text = "[nodes.x]\nrun = 'echo'\nsources = 'lib/**/*.py'\n\
                [nodes.y]\nrun = 'echo'\nsources = ['main.py', 'lib/*.py']\n\
                [nodes.z]\nrun = 'echo'\n";
    let manifest = Manifest::parse(text, Path::new("refrain.toml")).unwrap();
    let files = manifest.files(dir.path(), Path::new(".cache")).unwrap();
    let paths = |node: usize| {
        files
            .of_node(node)
            .iter()
            .map(|path| path.to_str().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(paths(0), ["lib/a.py", "lib/b/c.py"]);
    assert_eq!(paths(1), ["lib/a.py", "main.py"]);
    assert!(paths(2).is_empty());
    assert!(files.warnings().is_none());
}

#[test]
fn a_text_that_is_a_file_is_told() {
    let dir = project(&["data.csv", "b.csv", "mini/model"]);
    let warning = |value: &str| {
        let text = format!("[inputs]\nx = {value}\n");
        let manifest = Manifest::parse(&text, Path::new("refrain.toml")).unwrap();
        let files = manifest.files(dir.path(), Path::new(".cache")).unwrap();
        files.warnings().map(Problems::to_string)
    };
    for (value, help) in [
        ("\"data.csv\"", "{ file = \"..\" }"),
        ("\"./data.csv\"", "{ file = \"..\" }"),
        ("[\"b.csv\", \"data.csv\"]", "{ files = [..] }"),
    ] {
        let told = warning(value).unwrap();
        assert!(
            told.starts_with("refrain.toml:2:5: ") && told.contains(help),
            "{told}"
        );
    }
    for value in [
        "\"mini\"",
        "\"\"",
        "\"csv\"",
        "{ value = \"data.csv\" }",
        "[1]",
        "{ file = \"data.csv\" }",
    ] {
        assert_eq!(warning(value), None, "{value}");
    }
}
