//! What may come in the way of `refrain watch`: floods of changes, files that
//! are nobody's, failures, limits, and an end at any time. That something is no
//! revision shows by the next one being that of a later edit.

#[path = "support/desk.rs"]
mod desk;
#[path = "support/projects.rs"]
mod projects;
#[path = "support/watching.rs"]
mod watching;

use std::fs::{self, File};
use std::io::Read;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Instant;

use desk::{Desk, with};
use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use projects::{items, listed, project, two_files, two_files_for};
use watching::{DEADLINE, Watching};

#[test]
fn a_missing_file_is_told_and_waited_for() {
    let desk = two_files();
    let watching = Watching::start(&desk, &[]);
    watching.next();
    fs::remove_file(desk.path("left.txt")).unwrap();
    watching.hear("left.txt");
    desk.write("left.txt", "new");
    assert_eq!(watching.executed(), ["a", "both"]);
    // A file that only the new manifest names, in a directory that is not there.
    let manifest = desk
        .read("refrain.toml")
        .replace("left.txt", "far/left.txt");
    desk.write("refrain.toml", manifest);
    watching.hear("far/left.txt");
    desk.write("far/left.txt", "far");
    assert_eq!(watching.executed(), ["a", "both"]);
}

#[test]
fn a_checkout_of_many_files_is_few_revisions() {
    let desk = listed();
    for number in 0..300 {
        desk.write(&format!("texts/{number}.txt"), "old ");
    }
    let watching = Watching::start(&desk, &[]);
    watching.next();
    let edits = || {
        for number in 0..300 {
            desk.write(&format!("texts/{number}.txt"), "new ");
        }
    };
    let expected = format!("{}ab", "new ".repeat(300));
    few_revisions(&watching, edits, || desk.read("texts/all.txt") == expected);
    // The directory is gone, and there again with other files and directories.
    let edits = || {
        fs::remove_dir_all(desk.path("texts")).unwrap();
        for number in 0..300 {
            desk.write(&format!("texts/{}/{number}.txt", number % 7), "other ");
        }
    };
    let expected = "other ".repeat(300);
    few_revisions(&watching, edits, || desk.read("texts/all.txt") == expected);
}

#[test]
fn what_refrain_and_editors_write_is_no_revision() {
    let desk = listed();
    let watching = Watching::start(&desk, &["-vv"]);
    watching.next();
    // The place of an output lies where files of a list are looked for.
    desk.write("texts/all.txt", "somebody's own");
    desk.write(".cache/stray", "");
    // What vim leaves while it edits, and what it tries.
    desk.write("texts/4913", "");
    fs::remove_file(desk.path("texts/4913")).unwrap();
    desk.write("texts/.a.txt.swp", "swap");
    desk.write("texts/a.txt", "a");
    watching.hear("changes are taken up");
    // Whatever is edited next is the next revision.
    desk.write("texts/a.txt", "edited");
    let next = watching.next();
    assert_eq!(items(&next, "words"), (1, 2));
    assert_eq!(desk.read("texts/all.txt"), "editedb");
    assert!(
        !watching.said().contains("all.txt\""),
        "{}",
        watching.said()
    );
}

#[test]
fn what_a_revision_writes_is_not_taken_up() {
    let desk = project(
        "inputs.x = { file = 'x' }\ninputs.all = { files = '*.txt' }\n\
         [nodes.say]\nrun = 'cat {x} {all}; echo >> runs; test -e made/x || mkdir -p made'\ncache = false\nto = 'far/away/said'\n",
    );
    desk.write("x", "1");
    desk.write("a.txt", "a");
    let watching = Watching::start(&desk, &["-vv"]);
    assert_eq!(watching.executed(), ["say"]);
    // New names are looked at, for they could be files of the list.
    watching.hear("changes are taken up");
    desk.write("x", "2");
    assert_eq!(watching.executed(), ["say"]);
    assert_eq!(desk.read("far/away/said"), "2a");
    assert_eq!(watching.interrupt(), Some(130));
    assert_eq!(desk.read("runs"), "\n\n");
}

#[test]
fn a_full_queue_of_notifications_costs_no_edit() {
    let desk = two_files();
    let watching = Watching::start(&desk, &[]);
    watching.next();
    watching.signal(Signal::SIGSTOP);
    // More than the system keeps: 16,384 where nobody has changed that.
    for _ in 0..4_000 {
        desk.write("one", "");
        desk.write("two", "");
    }
    desk.write("left.txt", "3");
    watching.signal(Signal::SIGCONT);
    assert_eq!(watching.executed(), ["a", "both"]);
    desk.write("right.txt", "4");
    assert_eq!(watching.executed(), ["b", "both"]);
}

#[test]
fn ten_thousand_files_at_once_are_few_revisions() {
    let desk = project(
        "inputs.all = { files = 'many/*' }\n[nodes.count]\nrun = 'wc -l < {all:list} > {output}'\n\
         to = 'count'\n",
    );
    desk.write("many/first", "");
    let watching = Watching::start(&desk, &[]);
    watching.next();
    let edits = || {
        for number in 0..10_000 {
            fs::write(desk.path(&format!("many/{number}")), "").unwrap();
        }
    };
    few_revisions(&watching, edits, || desk.read("count").trim() == "10001");
}

#[test]
fn two_that_watch_one_project_share_the_work() {
    let desk = project("inputs.x = { file = 'x' }\n[nodes.a]\nrun = 'echo did >> log; cat {x}'\n");
    desk.write("x", "1");
    let both = [0; 2].map(|_| Watching::start(&desk, &[]));
    both.iter().for_each(|watching| drop(watching.next()));
    desk.write("x", "2");
    for watching in &both {
        assert_eq!(watching.next()["status"], "ok");
    }
    assert_eq!(desk.read("log"), "did\ndid\n");
    let once = desk.json(["run", "--json", "-q"]);
    assert_eq!(with(&once, "executed"), [""; 0]);
}

#[test]
fn it_looks_for_itself_where_the_system_refuses() {
    let limit = |more: &str| format!("echo 0 > /proc/sys/user/max_inotify_watches && {more}");
    let desk = two_files_for("unshare");
    if desk.say(["-Ur", "sh", "-c", &limit("true")]).code != Some(0) {
        return eprintln!("skipped: the system lets nobody set limits of their own");
    }
    let watch = limit("exec \"$0\" watch --json");
    let refrain = env!("CARGO_BIN_EXE_refrain");
    let watching = Watching::spawn(&mut desk.command(["-Ur", "sh", "-c", &watch, refrain]));
    watching.next();
    watching.hear("looking for changes every 500 ms instead");
    desk.write("left.txt", "3");
    assert_eq!(watching.executed(), ["a", "both"]);
}

#[test]
fn a_failure_is_a_revision_and_is_mended_by_an_edit() {
    let desk = project("inputs.x = { file = 'x' }\n[nodes.check]\nrun = 'grep good {x}'\n");
    desk.write("x", "bad");
    let watching = Watching::start(&desk, &[]);
    let failed = watching.next();
    assert_eq!(failed["status"], "failed");
    watching.hear("error: check failed");
    desk.write("x", "good");
    assert_eq!(watching.executed(), ["check"]);
}

#[test]
fn a_command_follows_good_revisions_and_is_ended_by_the_next() {
    let desk = two_files();
    let command = "cat both.txt >> log; echo now $(cat both.txt); sleep 1000";
    let watching = Watching::start(&desk, &["--exec", command]);
    watching.next();
    watching.hear("now 12");
    desk.write("left.txt", "3");
    watching.next();
    watching.hear("now 32");
    desk.write(
        "refrain.toml",
        desk.read("refrain.toml")
            .replace("cat {a}", "exit 1; cat {a}"),
    );
    assert_eq!(watching.next()["status"], "failed");
    desk.write(
        "refrain.toml",
        desk.read("refrain.toml")
            .replace("exit 1; cat {a}", "cat {b}"),
    );
    watching.next();
    watching.hear("now 22");
    assert_eq!(watching.interrupt(), Some(130));
    assert_eq!(desk.read("log"), "123222");
    assert!(!runs_in(&desk), "the command is gone");
}

#[test]
fn an_interrupt_ends_what_runs_and_keeps_what_is_finished() {
    let desk = project(
        "[nodes.quick]\nrun = 'echo done'\n\
         [nodes.slow]\nrun = 'cat {quick}; echo > started; sleep 1000'\n",
    );
    let mut started = pipe(&desk, "started");
    let watching = Watching::start(&desk, &[]);
    wait(&mut started);
    assert_eq!(watching.interrupt(), Some(130));
    assert!(!runs_in(&desk));
    let report = desk.json(["run", "quick", "--json", "-q"]);
    assert_eq!(with(&report, "executed"), [""; 0]);
}

#[test]
fn a_node_that_never_ends_is_cancelled_by_an_edit() {
    let desk = project(
        "inputs.x = { file = 'x' }\n\
         [nodes.node]\nrun = 'if grep -q slow {x}; then exec 3> held; sleep 1000; fi; cat {x}'\n",
    );
    desk.write("x", "slow");
    let held = desk.path("held");
    mkfifo(&held, Mode::S_IRWXU).unwrap();
    let watching = Watching::start(&desk, &[]);
    // Opened as soon as the node runs, and at its end once no process holds it.
    let mut held = File::open(held).unwrap();
    desk.write("x", "quick");
    assert_eq!(watching.executed(), ["node"]);
    let (send, gone) = channel();
    thread::spawn(move || send.send(held.read_to_end(&mut Vec::new()).unwrap()));
    assert_eq!(gone.recv_timeout(DEADLINE), Ok(0), "processes are left");
}

#[test]
fn it_can_look_for_itself() {
    let desk = listed();
    let watching = Watching::start(&desk, &["--poll=20"]);
    watching.next();
    desk.write("texts/a.txt", "c");
    assert_eq!(items(&watching.next(), "words"), (1, 2));
    desk.write("texts/new/c.txt", "c");
    assert_eq!(items(&watching.next(), "words"), (1, 3));
    desk.write("texts/new/c.txt", "d");
    assert_eq!(items(&watching.next(), "words"), (1, 3));
    fs::remove_dir_all(desk.path("texts/new")).unwrap();
    assert_eq!(watching.executed(), [""; 0]);
    let refused = desk.say(["watch", "--poll=0"]);
    assert_eq!(refused.code, Some(2));
}

/// Makes edits and waits until they have come to their end. Each revision but
/// the last few takes a pause of 50 ms, which only a busy machine makes.
fn few_revisions(watching: &Watching, edits: impl Fn(), done: impl Fn() -> bool) {
    let start = Instant::now();
    edits();
    let pauses = start.elapsed().as_millis() / 50;
    let mut revisions = 0;
    while revisions == 0 || !done() {
        watching.next();
        revisions += 1;
    }
    assert!(revisions <= pauses + 3, "{revisions} in {pauses} pauses");
}

/// A pipe that a command of the project says a line to.
fn pipe(desk: &Desk, name: &str) -> File {
    let path = desk.path(name);
    mkfifo(&path, Mode::S_IRWXU).unwrap();
    // Open to write as well, so that opening waits for nobody.
    File::options().read(true).write(true).open(path).unwrap()
}

/// Waits for that line.
fn wait(pipe: &mut File) {
    pipe.read_exact(&mut [0]).unwrap();
}

/// Whether a process works in the project.
fn runs_in(desk: &Desk) -> bool {
    let root = desk.path("").canonicalize().unwrap();
    let mut processes = fs::read_dir("/proc").unwrap().flatten();
    processes.any(|process| fs::read_link(process.path().join("cwd")).is_ok_and(|at| at == root))
}
