//! The command `refrain` on several machines: each test is one project in several directories, at different paths and
//! with caches of their own, that have a remote in common.

#[path = "support/desk.rs"]
mod desk;
#[path = "support/redis.rs"]
mod redis;
#[path = "support/watching.rs"]
mod watching;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;

use desk::{Desk, with};
use nix::sys::signal::Signal;
use redis::Server;
use serde_json::Value;
use watching::Watching;

const MANIFEST: &str = r#"
[inputs]
kind = "flat"
docs = { files = "docs/*.txt" }
main = { file = "src/main.c" }

[nodes.shout]
map = { doc = "docs" }
run = "echo run >> ran.txt; tr a-z A-Z < {doc}; yes {doc} | head -3000"

[nodes.object]
run = "echo run >> ran.txt; cat {main} src/a.h > {output}; echo x.o: src/main.c $PWD/src/a.h > {output}.d"
depfile = "{output}.d"

[nodes.site]
run = "echo run >> ran.txt; mkdir -p {output}/sub; cat {shout} > {output}/sub/all; cp {object} {output}/object"
format = "dir"

[nodes.index]
run = "echo run >> ran.txt; echo {kind}; cat {site}/sub/all {site}/object"
"#;

/// Machines that share a directory.
struct Shared {
    remote: tempfile::TempDir,
}

impl Shared {
    fn new() -> Self {
        Shared {
            remote: tempfile::tempdir().unwrap(),
        }
    }

    fn url(&self) -> String {
        format!("dir:{}", self.remote.path().display())
    }

    /// A machine with the project, at a path of its own.
    fn machine(&self) -> Desk {
        machine(&format!("[cache]\nremote = \"{}\"\n{MANIFEST}", self.url()))
    }

    fn names(&self) -> Vec<PathBuf> {
        let mut names = Vec::new();
        list(self.remote.path(), &mut names);
        names.retain(|path| !path.ends_with("CACHEDIR.TAG"));
        names.sort();
        names
    }
}

fn list(dir: &Path, to: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        match entry.file_type().unwrap().is_dir() {
            true => list(&entry.path(), to),
            false => to.push(entry.path()),
        }
    }
}

fn machine(manifest: &str) -> Desk {
    let desk = Desk::new(Path::new(env!("CARGO_BIN_EXE_refrain")));
    desk.write("refrain.toml", manifest);
    for name in ["a", "b", "c"] {
        desk.write(&format!("docs/{name}.txt"), name);
    }
    desk.write("src/main.c", "main\n");
    desk.write("src/a.h", "header\n");
    desk
}

/// How many executions there were since the last time.
fn executed(desk: &Desk) -> usize {
    let ran = desk.path("ran.txt");
    let count = fs::read_to_string(&ran).map_or(0, |text| text.lines().count());
    let _ = fs::remove_file(ran);
    count
}

fn run(desk: &Desk, arguments: &[&str]) -> Value {
    desk.json([&["run", "--json", "-q"], arguments].concat())
}

fn traffic<'a>(report: &'a Value, count: &str) -> &'a Value {
    &report["tiers"][0][count]
}

#[test]
fn a_machine_elsewhere_executes_nothing_and_downloads_only_the_target() {
    let shared = Shared::new();
    let (a, b) = (shared.machine(), shared.machine());
    let first = run(&a, &[]);
    assert_eq!(executed(&a), 6);
    assert!(
        traffic(&first, "records_up").as_u64().unwrap() >= 6,
        "{first}"
    );

    let second = run(&b, &[]);
    assert_eq!(executed(&b), 0, "{second}");
    assert_eq!(with(&second, "hit"), ["index"]);
    assert_eq!(second["nodes"][3]["tier"], shared.url());
    assert_eq!(first["outputs"], second["outputs"]);
    assert_eq!(traffic(&second, "blobs_down"), 1);
    // From then on it is the directory's own; what only the remote has is no damage.
    b.ok(["plan", "--set", "kind=x"]);
    b.ok(["verify"]);
    fs::remove_dir_all(shared.remote.path()).unwrap();
    let third = run(&b, &[]);
    assert_eq!(with(&third, "hit"), ["index"]);
    assert_eq!(third["nodes"][3]["tier"], Value::Null);
    assert_eq!(b.ok(["get", "index"]).out, a.ok(["get", "index"]).out);
}

#[test]
fn what_changed_is_executed_and_what_that_reads_is_downloaded() {
    let shared = Shared::new();
    let (a, b, c) = (shared.machine(), shared.machine(), shared.machine());
    run(&a, &[]);
    executed(&a);
    // One document is another one: one item, and what stands on it. The others come.
    b.write("docs/b.txt", "changed");
    run(&b, &[]);
    assert_eq!(executed(&b), 3);
    let said = b.ok(["get", "index"]).out;
    assert!(
        said.contains("CHANGED") && said.contains("docs/c.txt"),
        "{said}"
    );
    // A header that was only found while running is another one.
    c.write("src/a.h", "other\n");
    run(&c, &[]);
    assert_eq!(executed(&c), 3);
    assert!(c.ok(["get", "index"]).out.ends_with("main\nother\n"));
    // And everybody finds what others have made of the same.
    for (from, doc, header) in [(&b, "b", "other\n"), (&c, "b", "header\n")] {
        from.write("docs/b.txt", doc);
        from.write("src/a.h", header);
        run(from, &[]);
        assert_eq!(executed(from), 0, "{doc} {header}");
    }
}

#[test]
fn warm_says_how_much_and_fetches_it() {
    let shared = Shared::new();
    let (a, b) = (shared.machine(), shared.machine());
    run(&a, &[]);
    let planned = b.json(["warm", "--json", "--dry-run"]);
    assert_eq!(
        (&planned["outputs"], &planned["to_run"]),
        (&1.into(), &0.into())
    );
    let size = a.json(["get", "index", "--json"])["bytes"].clone();
    assert_eq!(planned["bytes"], size);
    b.ok(["warm"]);
    let all = b.json(["warm", "--all", "--json"]);
    assert!(all["outputs"].as_u64().unwrap() >= 4, "{all}");
    fs::remove_dir_all(shared.remote.path()).unwrap();
    b.write(
        "refrain.toml",
        b.read("refrain.toml").replace("\"flat\"", "\"tree\""),
    );
    run(&b, &["--no-remote"]);
    assert_eq!(executed(&b), 1);
}

#[test]
fn push_puts_there_what_is_not_there() {
    let shared = Shared::new();
    let (a, b) = (shared.machine(), shared.machine());
    run(&a, &["--no-remote"]);
    assert!(shared.names().is_empty());
    a.ok(["push"]);
    let names = shared.names();
    let again = a.json(["push", "--json"]);
    assert_eq!((&again["records_up"], shared.names()), (&0.into(), names));
    run(&b, &[]);
    // One item is another one, so that the items count one by one.
    b.write("docs/b.txt", "changed");
    executed(&b);
    run(&b, &[]);
    assert_eq!(executed(&b), 3);
    assert_eq!(a.say(["push", "--no-remote"]).code, Some(2));
}

#[test]
fn an_archive_brings_everything() {
    let (a, b) = (machine(MANIFEST), machine(MANIFEST));
    run(&a, &[]);
    let file = a.path("all.refrain");
    let exported = a.json(["export", "--json", file.to_str().unwrap()]);
    b.write("here/x", "");
    fs::copy(&file, b.path("here/moved")).unwrap();
    let mut import = b.command(["import", "moved", "--json"]);
    let imported = import.current_dir(b.path("here")).output().unwrap();
    let imported: Value = serde_json::from_slice(&imported.stdout).unwrap();
    assert_eq!(exported["records"], imported["records"]);
    assert_eq!(imported["refused"], Value::Array(Vec::new()));
    run(&b, &[]);
    assert_eq!(executed(&b), 0);
    assert_eq!(b.ok(["get", "index"]).out, a.ok(["get", "index"]).out);
    b.ok(["verify"]);
    b.write("docs/b.txt", "changed");
    run(&b, &[]);
    assert_eq!(executed(&b), 3);
}

/// Items that find files, items of items, and what stands on them.
const NESTED: &str = r#"
[inputs]
docs = { files = "docs/*.txt" }

[nodes.object]
map = { doc = "docs" }
run = "echo run >> ran.txt; cat {doc} src/a.h > {output}; echo x.o: src/a.h > {output}.d"
depfile = "{output}.d"

[nodes.twice]
map = { one = "object" }
run = "echo run >> ran.txt; cat {one} {one}; yes | head -3000"

[nodes.all]
run = "echo run >> ran.txt; cat {twice}"
"#;

#[test]
fn what_is_known_of_single_items_comes_along_wherever_they_go() {
    let shared = Shared::new();
    let with_remote = format!("[cache]\nremote = \"{}\"\n{NESTED}", shared.url());
    let [a, pushed, warmed, moved] = [(); 4].map(|()| machine(&with_remote));
    run(&a, &["--no-remote"]);
    assert_eq!(executed(&a), 7);
    a.ok(["export", "--no-remote", "all.refrain"]);
    a.ok(["push"]);
    // One item is another one. Its neighbours are known with the files that they found, and
    // so is what is made of them.
    for desk in [&pushed, &warmed, &moved] {
        desk.write("docs/b.txt", "changed");
    }
    run(&pushed, &[]);
    assert_eq!(executed(&pushed), 3);
    fs::copy(a.path("all.refrain"), moved.path("all.refrain")).unwrap();
    moved.ok(["import", "all.refrain"]);
    run(&moved, &["--no-remote"]);
    assert_eq!(executed(&moved), 3);
    // Before the others put it there.
    let early = Shared::new();
    a.ok(["push", "--remote", &early.url()]);
    warmed.ok(["warm", "--remote", &early.url()]);
    fs::remove_dir_all(early.remote.path()).unwrap();
    run(&warmed, &["--no-remote"]);
    assert_eq!(executed(&warmed), 3);
    assert_eq!(warmed.ok(["get", "all"]).out, pushed.ok(["get", "all"]).out);
}

#[test]
fn damaged_archives_are_refused() {
    let a = machine(MANIFEST);
    run(&a, &[]);
    a.ok(["export", "whole"]);
    let whole = fs::read(a.path("whole")).unwrap();
    for (what, bytes) in [
        ("cut", &whole[..whole.len() / 2]),
        ("empty", b""),
        ("other", b"something else"),
    ] {
        let b = machine(MANIFEST);
        b.write("archive", bytes);
        let said = b.say(["import", "archive"]);
        assert_eq!(said.code, Some(5), "{what}: {}", said.err);
        b.ok(["verify"]);
    }
}

#[test]
fn flags_and_the_environment_go_before_the_manifest() {
    let (shared, other) = (Shared::new(), Shared::new());
    let a = shared.machine();
    let environment = |names: &[(&str, &str)], arguments: &[&str]| {
        let mut command = a.command(arguments);
        command.envs(names.iter().copied());
        assert!(command.output().unwrap().status.success());
    };
    let url = other.url();
    environment(&[("REFRAIN_REMOTE_MODE", "read")], &["run"]);
    environment(&[("REFRAIN_REMOTE", "")], &["run", "--set", "kind=x"]);
    environment(&[], &["run", "--set", "kind=y", "--no-remote"]);
    assert!(shared.names().is_empty() && other.names().is_empty());
    environment(&[("REFRAIN_REMOTE", &url)], &["run", "--set", "kind=z"]);
    assert!(shared.names().is_empty() && !other.names().is_empty());
    environment(
        &[("REFRAIN_REMOTE", &url)],
        &["run", "--set", "kind=1", "--remote", &shared.url()],
    );
    assert!(!shared.names().is_empty());
}

#[test]
fn a_remote_that_cannot_be_one_is_refused_without_its_password() {
    let desk = machine(MANIFEST);
    for url in ["redis://me:secret@host:x", "nothing://me:secret@host"] {
        let said = desk.say(["run", "--remote", url]);
        assert_eq!(said.code, Some(2), "{}", said.err);
        assert!(!said.err.contains("secret"), "{}", said.err);
    }
}

#[test]
fn a_mistake_in_a_manifest_is_shown_without_the_password_beside_it() {
    let desk = machine("[cache]\nremote = { url = \"redis://me:secret@host\", mod = \"read\" }\n");
    let said = desk.say(["run"]);
    assert_eq!(said.code, Some(2), "{}", said.err);
    assert!(said.err.contains("@host"), "{}", said.err);
    assert!(!said.err.contains("secret"), "{}", said.err);
}

/// A server that takes connections and says nothing, or nonsense.
fn server(answer: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        let mut open = Vec::new();
        for stream in listener.incoming().flatten() {
            let mut stream = stream;
            let _ = stream.write_all(answer);
            open.push(stream);
        }
    });
    url
}

#[test]
fn a_remote_that_is_dead_silent_or_lying_costs_only_time() {
    let dead = "redis://127.0.0.1:1".to_owned();
    for url in [dead, server(b""), server(b"HTTP/1.1 200 OK\r\n\r\n")] {
        let table = format!("[[cache.remote]]\nurl = \"{url}\"\ntimeout = \"200ms\"\n");
        let desk = machine(&(table + MANIFEST));
        let report = run(&desk, &[]);
        assert_eq!(
            (&report["status"], executed(&desk)),
            (&"ok".into(), 6),
            "{url}"
        );
        let warnings = report["warnings"].to_string();
        assert!(warnings.contains("127.0.0.1"), "{report}");
        let again = run(&desk, &[]);
        assert_eq!(with(&again, "hit"), ["index"]);
    }
}

/// A machine with the project, and this server for a remote.
fn machine_beside(server: &Server) -> Desk {
    let url = server.url();
    machine(&format!("[cache]\nremote = \"{url}\"\n{MANIFEST}"))
}

#[test]
fn a_server_that_dies_in_the_middle_of_a_run_costs_nothing_else() {
    let mut server = Server::start(&[]);
    let (a, b) = (machine_beside(&server), machine_beside(&server));
    run(&a, &[]);
    executed(&a);
    let command = "echo {kind};";
    let kills = format!("kill -9 {}; {command}", server.id());
    b.write(
        "refrain.toml",
        b.read("refrain.toml").replace(command, &kills),
    );
    let report = run(&b, &[]);
    assert_eq!((&report["status"], executed(&b)), (&"ok".into(), 1));
    assert_eq!(b.ok(["get", "index"]).out, a.ok(["get", "index"]).out);
    // It is back and has nothing; then it has what the next one makes.
    server.restart();
    for executions in [6, 0] {
        let desk = machine_beside(&server);
        run(&desk, &[]);
        assert_eq!(executed(&desk), executions);
    }
}

#[test]
fn who_ends_a_watch_is_told_what_it_still_waits_for() {
    let desk = machine(&format!(
        "[[cache.remote]]\nurl = \"{}\"\nmode = \"write\"\ntimeout = \"1h\"\n{MANIFEST}",
        server(b"")
    ));
    let watching = Watching::start(&desk, &[]);
    watching.next();
    watching.signal(Signal::SIGINT);
    watching.hear("records to go");
    // And does not have to.
    assert_eq!(watching.interrupt(), Some(130));
}

#[test]
fn machines_that_make_the_same_at_once_do_not_disturb_each_other() {
    let shared = Shared::new();
    let machines: Vec<Desk> = (0..3).map(|_| shared.machine()).collect();
    let running: Vec<_> = machines
        .iter()
        .map(|desk| desk.command(["run", "-q"]).spawn().unwrap())
        .collect();
    for mut process in running {
        assert!(process.wait().unwrap().success());
    }
    let late = shared.machine();
    run(&late, &[]);
    assert_eq!(executed(&late), 0);
    let outputs: Vec<String> = machines
        .iter()
        .map(|desk| desk.ok(["get", "index"]).out)
        .collect();
    assert!(outputs.iter().all(|output| *output == outputs[0]));
}

#[test]
fn machines_with_a_key_believe_only_each_other() {
    let shared = Shared::new();
    let (a, b, c) = (shared.machine(), shared.machine(), shared.machine());
    let with_key = |desk: &Desk, key: &str| -> Value {
        let mut command = desk.command(["run", "--json", "-q"]);
        let output = command
            .env("REFRAIN_CACHE_KEY", key.repeat(64))
            .output()
            .unwrap();
        assert!(output.status.success());
        serde_json::from_slice(&output.stdout).unwrap()
    };
    run(&a, &[]);
    let report = with_key(&b, "1");
    assert_eq!(executed(&b), 6);
    assert!(
        report["warnings"].to_string().contains("not signed"),
        "{report}"
    );
    with_key(&c, "1");
    assert_eq!(executed(&c), 0);
    let stranger = shared.machine();
    let report = with_key(&stranger, "2");
    assert_eq!(executed(&stranger), 6);
    assert!(
        report["warnings"].to_string().contains("holder of the key"),
        "{report}"
    );
}

#[test]
fn what_goes_from_a_cache_in_the_middle_of_a_run_costs_nothing_but_itself() {
    let shared = Shared::new();
    let (a, b) = (shared.machine(), shared.machine());
    let index = "cat {site}/sub/all {site}/object";
    let gone =
        format!("{index}; test -e gone || (touch gone; rm -rf .cache/blobs .cache/records.db*)");
    a.write("refrain.toml", a.read("refrain.toml").replace(index, &gone));
    assert_eq!(run(&a, &[])["status"], "ok");
    // Whatever of it could still be shared is right.
    let report = run(&b, &[]);
    assert_eq!(
        (&report["status"], &report["warnings"]),
        (&"ok".into(), &Value::Null)
    );
    let expected = b.ok(["get", "index"]).out;
    // What was written while the records went may have gone with them; the next run makes it.
    assert_eq!(run(&a, &[])["status"], "ok");
    assert_eq!(a.ok(["get", "index"]).out, expected);
    a.ok(["verify"]);
}

#[test]
fn a_machine_that_is_killed_leaves_nothing_wrong() {
    let shared = Shared::new();
    for _ in 0..3 {
        let a = shared.machine();
        let mut process = a
            .command(["run", "-v"])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // It has made something by then, and is perhaps putting it there.
        let mut said = [0; 1];
        let _ = process.stderr.take().unwrap().read(&mut said);
        process.kill().unwrap();
        process.wait().unwrap();
    }
    let (b, c) = (shared.machine(), shared.machine());
    run(&b, &[]);
    let report = run(&c, &[]);
    assert_eq!((executed(&c), &report["warnings"]), (0, &Value::Null));
    assert_eq!(b.ok(["get", "index"]).out, c.ok(["get", "index"]).out);
}
