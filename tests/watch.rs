//! `refrain watch`: each test is a project in a directory, the real program
//! that watches it, and edits, each made when the revision before it was told.
//! That something is no revision shows by the next one being that of a later edit.

#[path = "support/desk.rs"]
mod desk;
#[path = "support/example.rs"]
mod example;
#[path = "support/watching.rs"]
mod watching;

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Instant;

use desk::{Desk, with};
use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use serde_json::Value;
use watching::Watching;

/// A project with this manifest.
fn project(manifest: &str) -> Desk {
    project_for(env!("CARGO_BIN_EXE_refrain"), manifest)
}

/// The same, to start another program there.
fn project_for(program: &str, manifest: &str) -> Desk {
    let desk = Desk::new(Path::new(program));
    desk.write("refrain.toml", manifest);
    desk
}

/// Two files, one node each, and one that joins them.
fn two_files() -> Desk {
    two_files_for(env!("CARGO_BIN_EXE_refrain"))
}

fn two_files_for(program: &str) -> Desk {
    let desk = project_for(
        program,
        "inputs.left = { file = 'left.txt' }\ninputs.right = { file = 'right.txt' }\n\
         [nodes.a]\nrun = 'cat {left}'\n[nodes.b]\nrun = 'cat {right}'\n\
         [nodes.both]\nrun = 'cat {a} {b}'\nto = 'both.txt'\n",
    );
    desk.write("left.txt", "1");
    desk.write("right.txt", "2");
    desk
}

/// A list of files, each taken by itself.
fn listed() -> Desk {
    let desk = project(
        "inputs.texts = { files = 'texts/**/*.txt' }\n\
         [nodes.words]\nmap = { text = 'texts' }\nrun = 'cat {text}'\n\
         [nodes.all]\nrun = 'cat {words}'\nto = 'texts/all.txt'\n",
    );
    desk.write("texts/a.txt", "a");
    desk.write("texts/b.txt", "b");
    desk
}

/// How many items of a mapped node executed, of how many.
fn items(revision: &Value, node: &str) -> (u64, u64) {
    let nodes = revision["nodes"].as_array().unwrap();
    let node = nodes.iter().find(|other| other["name"] == node).unwrap();
    let count = |name: &str| node["items"][name].as_u64().unwrap();
    (count("executed"), count("total"))
}

#[test]
fn an_edit_executes_what_it_reaches() {
    let desk = two_files();
    let watching = Watching::start(&desk, &[]);
    assert_eq!(watching.executed(), ["a", "b", "both"]);
    desk.write("left.txt", "3");
    assert_eq!(watching.executed(), ["a", "both"]);
    assert_eq!(desk.read("both.txt"), "32");
    // As most editors save: a file of another name takes the place.
    desk.write(".right.txt.tmp", "4");
    fs::rename(desk.path(".right.txt.tmp"), desk.path("right.txt")).unwrap();
    assert_eq!(watching.executed(), ["b", "both"]);
    // Back again: everything is known, and that is a revision, too.
    desk.write("right.txt", "2");
    let back = watching.next();
    assert_eq!(with(&back, "executed"), [""; 0]);
    assert_eq!(desk.read("both.txt"), "32");
    assert_eq!(watching.interrupt(), Some(130));
}

#[test]
fn a_pipeline_written_in_rust_is_watched_too() {
    let what = ["--package", "refrain-cli", "--example", "words"];
    let desk = Desk::new(&example::build(&example::workspace(), &what));
    desk.write("text.txt", "rain and rain");
    let watching = Watching::start(&desk, &["--set", "text=text.txt", "--set", "title=T"]);
    assert_eq!(watching.executed(), ["words", "counts", "top", "report"]);
    desk.write("text.txt", "Rain, and rain");
    assert_eq!(watching.executed(), ["words"]);
    desk.write("text.txt", "sun");
    assert_eq!(watching.executed(), ["words", "counts", "top", "report"]);
    assert_eq!(watching.interrupt(), Some(130));
}

#[test]
fn what_is_asked_for_is_as_for_a_run() {
    let desk = two_files();
    desk.write("other.txt", "5");
    let watching = Watching::start(&desk, &["a", "--set", "left=other.txt", "-j", "1", "-k"]);
    assert_eq!(watching.executed(), ["a"]);
    desk.write("left.txt", "nobody reads this");
    desk.write("right.txt", "nor this");
    desk.write("other.txt", "6");
    assert_eq!(watching.executed(), ["a"]);
    let refused = desk.say(["watch", "nothing"]);
    assert_eq!(refused.code, Some(2), "{}", refused.err);
}

#[test]
fn files_that_come_and_go_are_seen() {
    let desk = listed();
    let watching = Watching::start(&desk, &[]);
    assert_eq!(items(&watching.next(), "words"), (2, 2));
    desk.write("texts/c.txt", "c");
    assert_eq!(items(&watching.next(), "words"), (1, 3));
    fs::remove_file(desk.path("texts/a.txt")).unwrap();
    assert_eq!(items(&watching.next(), "words"), (0, 2));
    desk.write("texts/deep/er/d.txt", "d");
    assert_eq!(items(&watching.next(), "words"), (1, 3));
    desk.write("texts/deep/er/d.txt", "new");
    assert_eq!(items(&watching.next(), "words"), (1, 3));
    assert_eq!(desk.read("texts/all.txt"), "bcnew");
}

#[test]
fn a_directory_that_moves_away_and_back_is_followed() {
    let desk = listed();
    // Whatever is put into a directory makes it.
    let manifest = desk.read("refrain.toml");
    desk.write("refrain.toml", manifest.replace("to = ", "cache_key = "));
    let watching = Watching::start(&desk, &[]);
    watching.next();
    fs::rename(desk.path("texts"), desk.path("away")).unwrap();
    assert_eq!(with(&watching.next(), "executed"), ["all"]);
    // It is not watched there.
    desk.write("away/a.txt", "changed");
    fs::rename(desk.path("away"), desk.path("texts")).unwrap();
    assert_eq!(items(&watching.next(), "words"), (1, 2));
    desk.write("texts/b.txt", "changed");
    assert_eq!(items(&watching.next(), "words"), (1, 2));
    // Another one in its place.
    fs::remove_dir_all(desk.path("texts")).unwrap();
    desk.write("texts/x.txt", "x");
    while desk.say(["get", "all"]).out != "x" {
        watching.next();
    }
    desk.write("texts/x.txt", "y");
    assert_eq!(items(&watching.next(), "words"), (1, 1));
}

#[test]
fn links_are_followed_to_where_they_lead() {
    let desk = project(
        "inputs.now = { file = 'now/x' }\ninputs.link = { file = 'link' }\n\
         [nodes.a]\nrun = 'cat {now}'\n[nodes.b]\nrun = 'cat {link}'\n",
    );
    desk.write("v1/x", "1");
    desk.write("v2/x", "2");
    desk.write("far/target", "t");
    symlink("v1", desk.path("now")).unwrap();
    symlink("far/target", desk.path("link")).unwrap();
    let watching = Watching::start(&desk, &[]);
    assert_eq!(watching.executed(), ["a", "b"]);
    desk.write("far/target", "u");
    assert_eq!(watching.executed(), ["b"]);
    symlink("v2", desk.path("next")).unwrap();
    fs::rename(desk.path("next"), desk.path("now")).unwrap();
    assert_eq!(watching.executed(), ["a"]);
    desk.write("v2/x", "3");
    assert_eq!(watching.executed(), ["a"]);
}

#[test]
fn a_directory_is_watched_all_the_way_down() {
    let desk = project(
        "inputs.tree = { dir = 'tree' }\n[nodes.list]\nrun = 'cd {tree} && find . -type f'\n",
    );
    desk.write("tree/a", "");
    fs::create_dir(desk.path("tree/empty")).unwrap();
    let watching = Watching::start(&desk, &[]);
    watching.next();
    desk.write("tree/empty/b", "");
    assert_eq!(watching.executed(), ["list"]);
    desk.write("tree/new/c", "");
    assert_eq!(watching.executed(), ["list"]);
    desk.write("tree/new/c", "changed");
    assert_eq!(watching.executed(), ["list"]);
    // Also where a link leads.
    desk.write("far/d", "");
    symlink("../far", desk.path("tree/link")).unwrap();
    assert_eq!(watching.executed(), ["list"]);
    desk.write("far/d", "changed");
    assert_eq!(watching.executed(), ["list"]);
}

#[test]
fn programs_count_with_what_they_import() {
    let desk = project(
        "[nodes.a]\nrun = 'python3 load.py > {output}'\n\
         [nodes.b]\nrun = 'sh tool.sh'\nsources = ['lib/*.sh']\n",
    );
    desk.write("load.py", "import helper\nprint(helper.x)\n");
    desk.write("helper.py", "x = 1\n");
    desk.write("tool.sh", "for part in lib/*.sh; do . ./$part; done\n");
    desk.write("lib/a.sh", "echo a\n");
    let watching = Watching::start(&desk, &[]);
    assert_eq!(watching.executed(), ["a", "b"]);
    desk.write("helper.py", "x = 2\n");
    assert_eq!(watching.executed(), ["a"]);
    desk.write(
        "tool.sh",
        "for part in lib/*.sh; do . ./$part; done; echo end\n",
    );
    assert_eq!(watching.executed(), ["b"]);
    desk.write("lib/b.sh", "echo b\n");
    assert_eq!(watching.executed(), ["b"]);
    // A comment changes nothing in Python; the next revision is that of the shell.
    desk.write("helper.py", "x = 2  # two\n");
    desk.write("lib/b.sh", "echo c\n");
    assert_eq!(watching.executed(), ["b"]);
}

#[test]
fn a_manifest_is_taken_up_and_a_broken_one_told() {
    let desk = two_files();
    let manifest = desk.read("refrain.toml");
    let watching = Watching::start(&desk, &[]);
    watching.next();
    let longer = format!("{manifest}[nodes.more]\nrun = 'cat {{a}}; echo more'\n");
    desk.write("refrain.toml", &longer);
    assert_eq!(watching.executed(), ["more"]);
    desk.write("refrain.toml", longer.replace("{a}; echo", "{c}; echo"));
    watching.hear("no input and no node is called \"c\"");
    watching.hear("refrain.toml:");
    // The last good one stays live.
    desk.write("left.txt", "3");
    assert_eq!(watching.executed(), ["a", "both", "more"]);
    desk.write("refrain.toml", longer.replace("echo more", "echo less"));
    assert_eq!(watching.executed(), ["more"]);
    fs::remove_file(desk.path("refrain.toml")).unwrap();
    watching.hear("read refrain.toml:");
    desk.write("refrain.toml", &manifest);
    let shorter = watching.next();
    assert_eq!(with(&shorter, "executed"), [""; 0]);
    assert_eq!(shorter["nodes"].as_array().unwrap().len(), 3);
}

#[test]
fn another_cache_takes_effect_at_once() {
    let desk = two_files();
    let manifest = desk.read("refrain.toml");
    let watching = Watching::start(&desk, &["a"]);
    assert_eq!(watching.executed(), ["a"]);
    let named = format!("{manifest}[cache]\nenv_hash = 'other'\n");
    desk.write("refrain.toml", &named);
    assert_eq!(watching.executed(), ["a"]);
    let moved = format!("{manifest}[cache]\ncache_dir = 'cache'\n");
    desk.write("refrain.toml", &moved);
    assert_eq!(watching.executed(), ["a"]);
    desk.write("left.txt", "3");
    assert_eq!(watching.executed(), ["a"]);
    assert!(desk.path("cache/records.db").exists());
    desk.write("refrain.toml", &manifest);
    assert_eq!(watching.executed(), ["a"], "the edited file is new to it");
}

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
fn a_header_that_a_command_finds_is_watched() {
    let desk = project(
        "inputs.main = { file = 'main.c' }\n\
         [nodes.object]\ndepfile = '{output}.d'\n\
         run = 'd=include; cat {main} $d/x.h > {output}; echo o: $d/x.h > {output}.d'\n",
    );
    desk.write("main.c", "main");
    desk.write("include/x.h", "1");
    let watching = Watching::start(&desk, &[]);
    assert_eq!(watching.executed(), ["object"]);
    for text in ["2", "3"] {
        desk.write("include/x.h", text);
        assert_eq!(watching.executed(), ["object"]);
    }
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
         [nodes.say]\nrun = 'cat {x} {all}; echo >> runs'\ncache = false\nto = 'far/away/said'\n",
    );
    desk.write("x", "1");
    desk.write("a.txt", "a");
    let watching = Watching::start(&desk, &["-vv"]);
    assert_eq!(watching.executed(), ["say"]);
    desk.write("x", "2");
    assert_eq!(watching.executed(), ["say"]);
    assert_eq!(desk.read("far/away/said"), "2a");
    assert_eq!(watching.interrupt(), Some(130));
    // It is not remembered, so that whatever was taken up would have executed it.
    assert_eq!(desk.read("runs"), "\n\n");
}

#[test]
fn what_git_ignores_is_no_file_of_a_list() {
    let desk = listed();
    desk.write(".gitignore", "ignored.txt");
    let watching = Watching::start(&desk, &[]);
    assert_eq!(items(&watching.next(), "words"), (2, 2));
    desk.write("texts/ignored.txt", "i");
    desk.write("texts/c.txt", "c");
    assert_eq!(items(&watching.next(), "words"), (1, 3));
    desk.write(".gitignore", "");
    assert_eq!(items(&watching.next(), "words"), (1, 4));
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
    assert!(!runs_in(&desk, None), "the command is gone");
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
    assert!(!runs_in(&desk, None));
    let report = desk.json(["run", "quick", "--json", "-q"]);
    assert_eq!(with(&report, "executed"), [""; 0]);
}

#[test]
fn a_node_that_never_ends_is_cancelled_by_an_edit() {
    let desk = project(
        "inputs.x = { file = 'x' }\n\
         [nodes.node]\nrun = 'echo > started; if grep -q slow {x}; then sleep 1000; fi; cat {x}'\n",
    );
    desk.write("x", "slow");
    let mut started = pipe(&desk, "started");
    let watching = Watching::start(&desk, &[]);
    wait(&mut started);
    desk.write("x", "quick");
    assert_eq!(watching.executed(), ["node"]);
    assert!(!runs_in(&desk, Some(watching.id())), "the first is gone");
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

/// Whether a process works in the project, besides this one.
fn runs_in(desk: &Desk, besides: Option<u32>) -> bool {
    let root = desk.path("").canonicalize().unwrap();
    let besides = besides.map(|id| id.to_string());
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let mut others = processes.filter(|process| besides.as_deref() != process.file_name().to_str());
    others.any(|process| fs::read_link(process.path().join("cwd")).is_ok_and(|at| at == root))
}
