//! Names of files and of items: of any bytes, and on their way out of the
//! project. And very many names.

use std::ffi::OsStr;
use std::fmt::Write;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::{Value, json};

use super::desk::Desk;
use super::{outcomes, project, run};

/// Names that are text, and have no newline in them.
const TEXTS: [&str; 9] = [
    " ",
    "#",
    "$(id)`x`",
    "*",
    "-n",
    "a \"b\" 'c'",
    "back\\slash",
    "{x}",
    "é😀\t",
];

const NAMES: &str = "inputs.all = { files = \"in/*\" }\n\
    [nodes.each]\nmap = { one = \"all\" }\nrun = \"cat {one}\"\nto = \"out\"\n\
    [nodes.words]\nrun = \"for f in {all}; do cat \\\"$f\\\"; echo .; done\"\n\
    [nodes.program]\nrun = [\"cat\", \"{all}\"]\n\
    [nodes.list]\nrun = \"cat {all:list}\"\n\
    [nodes.json]\nrun = \"cat {all:json}\"\nformat = \"json\"\n\
    [nodes.variable]\nrun = \"printf '%s\\\\n' \\\"$REFRAIN_ALL\\\"\"\nparams = [\"all\"]\n\
    [nodes.keys]\nrun = \"cat {each:json}\"\nformat = \"json\"\n";

/// A file whose content is its name.
fn write_named(desk: &Desk, name: &[u8]) {
    fs::create_dir_all(desk.path("in")).unwrap();
    fs::write(desk.path("in").join(OsStr::from_bytes(name)), name).unwrap();
}

#[test]
fn names_of_any_text_reach_commands_as_they_are() {
    let desk = project(NAMES);
    TEXTS
        .iter()
        .for_each(|name| write_named(&desk, name.as_bytes()));
    let (_, said) = run(&desk, &["-k"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    let get = |node: &str| desk.ok(["get", node]).out;
    let lines = |prefix: &str, end: &str| -> String {
        TEXTS
            .iter()
            .map(|name| format!("{prefix}{name}{end}"))
            .collect()
    };
    assert_eq!(get("words"), lines("", ".\n"));
    assert_eq!(get("program"), lines("", ""));
    assert_eq!(get("list"), lines("in/", "\n"));
    assert_eq!(get("variable"), lines("in/", "\n"));
    let told: Value = serde_json::from_str(&get("json")).unwrap();
    let paths: Vec<Value> = TEXTS
        .iter()
        .map(|name| json!(format!("in/{name}")))
        .collect();
    let of = |told: &Value, field: &str| -> Vec<Value> {
        told.as_array()
            .unwrap()
            .iter()
            .map(|file| file[field].clone())
            .collect()
    };
    assert_eq!(of(&told, "path"), paths);
    // The keys of items are those of the files that they are made from, and name each of them.
    let keys: Value = serde_json::from_str(&get("keys")).unwrap();
    assert_eq!(of(&keys, "key"), of(&told, "key"));
    for (key, name) in of(&keys, "key").iter().zip(TEXTS) {
        assert_eq!(get(&format!("each[{}]", key.as_str().unwrap())), name);
        assert_eq!(desk.read(&format!("out/{}", key.as_str().unwrap())), name);
    }
    assert_eq!(
        outcomes(&run(&desk, &[]).0)
            .iter()
            .filter(|(_, outcome)| *outcome != "hit")
            .count(),
        0
    );
}

#[test]
fn names_that_no_text_can_have_are_words_and_keys_and_refused_where_they_cannot_be() {
    let desk = project(NAMES);
    let names: [&[u8]; 4] = [b"b\xff\xfe", b"b\\xff\\xfe", b"two\nlines", b"two\\nlines"];
    names.iter().for_each(|name| write_named(&desk, name));
    let (report, said) = run(&desk, &["-k"]);
    assert_eq!(said.code, Some(1), "{}", said.err);
    let mut failed = super::desk::with(&report, "failed");
    failed.sort_unstable();
    assert_eq!(failed, ["json", "list", "variable"]);
    assert!(
        said.err.contains("two\\nlines has a newline in it"),
        "{}",
        said.err
    );
    assert!(
        said.err.contains("b\\xff\\xfe is not UTF-8"),
        "{}",
        said.err
    );
    let words = desk.command(["get", "program"]).output().unwrap();
    let mut sorted = names;
    sorted.sort_unstable();
    assert_eq!(words.stdout, sorted.concat());
    // Each is told apart, and each is a file of its own.
    let keys: Value = serde_json::from_str(&desk.ok(["get", "keys"]).out).unwrap();
    for (file, name) in keys.as_array().unwrap().iter().zip(sorted) {
        assert_eq!(fs::read(file["path"].as_str().unwrap()).unwrap(), name);
        let placed = desk.path("out").join(file["key"].as_str().unwrap());
        assert_eq!(fs::read(placed).unwrap(), name);
    }
    fs::remove_file(desk.path("in/two\nlines")).unwrap();
    let (report, _) = run(&desk, &["list"]);
    assert_eq!(super::desk::with(&report, "executed"), ["list"]);
    let list = desk.command(["get", "list"]).output().unwrap().stdout;
    assert_eq!(list, b"in/b\\xff\\xfe\nin/b\xff\xfe\nin/two\\nlines\n");
}

#[test]
fn no_name_of_a_manifest_leaves_the_project() {
    let manifest = |path: &str| {
        [
            format!("inputs.a = {{ file = \"{path}\" }}\n"),
            format!("inputs.a = {{ dir = \"{path}\" }}\n"),
            format!("inputs.a = {{ files = \"{path}\" }}\n"),
            format!("inputs.a = {{ files = \"{path}/*\" }}\n"),
            format!("[nodes.a]\nrun = \"echo a\"\nto = \"{path}\"\n"),
            format!("[nodes.a]\nrun = \"echo a\"\nsources = [\"{path}\"]\n"),
            format!("[nodes.a]\nrun = \"echo a > {{output}}\"\ndepfile = \"{path}\"\n"),
        ]
    };
    for path in ["../x", "sub/../../x", "..", "/tmp/x", "a\\u0000b"] {
        for (index, text) in manifest(path).iter().enumerate() {
            // These may be anywhere, as long as that is said.
            if path.starts_with('/') && (index < 2 || index == 6) {
                continue;
            }
            // Where a compiler writes is the command's business.
            if index == 6 && path != "a\\u0000b" {
                continue;
            }
            let text = format!("{text}[nodes.ran]\nrun = \"echo ran > ran\"\n");
            let desk = project(&text);
            let said = desk.say(["run"]);
            assert_eq!(said.code, Some(2), "{text}");
            assert!(said.err.contains("refrain.toml:"), "{text}{}", said.err);
            assert!(!desk.path("ran").exists());
        }
    }
}

#[test]
fn no_link_puts_an_output_out_of_the_project_or_into_the_cache() {
    let desk = project("");
    let place = |to: &str| format!("[nodes.a]\nrun = \"echo a\"\nto = \"{to}\"\n");
    desk.write("outside/kept", "kept");
    desk.write("p/inside/kept", "kept");
    symlink("../outside", desk.path("p/out")).unwrap();
    symlink("inside", desk.path("p/in")).unwrap();
    symlink(".cache", desk.path("p/hidden")).unwrap();
    symlink("../outside/kept", desk.path("p/file")).unwrap();
    desk.write("p/refrain.toml", "[nodes.a]\nrun = \"echo a\"\n");
    desk.ok(["-C", "p", "run"]);
    for (to, why) in [
        ("out/kept", "out of the project"),
        ("out/deep/x", "out of the project"),
        ("hidden/records.db", "into the cache"),
    ] {
        desk.write("p/refrain.toml", place(to));
        let said = desk.say(["-C", "p", "run", "--force"]);
        assert_eq!(said.code, Some(5), "{to}");
        assert!(said.err.contains(why), "{}", said.err);
        assert!(!said.err.contains("executed a"), "{}", said.err);
    }
    // A link itself is replaced, and what it leads to is left alone.
    for (to, found) in [("in/kept", "inside/kept"), ("file", "file")] {
        desk.write("p/refrain.toml", place(to));
        desk.ok(["-C", "p", "run"]);
        assert_eq!(desk.read(&format!("p/{found}")), "a\n");
    }
    assert_eq!(desk.read("outside/kept"), "kept");
    desk.ok(["-C", "p", "verify"]);
}

#[test]
fn no_key_puts_an_item_out_of_its_directory() {
    let desk = project(
        "inputs.list = [\"../../up\", \"/abs\", \".\", \"a/b\", \"a/c\"]\n\
         [nodes.each]\nmap = { one = \"list\" }\nrun = \"echo {one}\"\nto = \"deep/out\"\n",
    );
    desk.ok(["run"]);
    let mut found = files_below(&desk.path("deep"));
    found.sort();
    let expected = ["%/abs", "%2e", "%2e%2e/%2e%2e/up", "a/b", "a/c"];
    assert_eq!(found, expected.map(|name| format!("out/{name}")));

    let said = desk.say(["run", "--set", "list=[\"a\", \"b\", \"a/b\"]"]);
    assert_eq!(said.code, Some(5));
    let expected = "put \"each\" at deep/out: the items \"a\" and \"a/b\" cannot both be there";
    assert!(said.err.contains(expected), "{}", said.err);
    assert_eq!(
        desk.read("deep/out/a/c"),
        "a/c\n",
        "what was there is there"
    );
}

fn files_below(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut pending = vec![dir.to_owned()];
    while let Some(next) = pending.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => pending.push(path),
                false => found.push(path.strip_prefix(dir).unwrap().to_str().unwrap().to_owned()),
            }
        }
    }
    found
}

#[test]
fn a_hundred_thousand_nodes_are_read_and_planned() {
    let mut manifest = "inputs.x = 1\n".to_owned();
    for node in 0..100_000 {
        // A chain and a fan, so that the graph is deep and wide.
        let parent = match node {
            0 => "x".to_owned(),
            1..50_000 => format!("n{}", node - 1),
            _ => format!("n{}", node - 50_000),
        };
        let _ = write!(
            manifest,
            "[nodes.n{node}]\nrun = [\"true\", \"{{{parent}}}\"]\n"
        );
    }
    let desk = project(&manifest);
    let said = desk.ok(["plan"]);
    assert_eq!(said.out.lines().count(), 100_000);
    assert!(said.err.contains("1 to run, 99999 perhaps"), "{}", said.err);
}
