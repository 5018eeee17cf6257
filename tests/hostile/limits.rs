//! Limits that the system sets to files, memory and processes, directories that vanish, clocks that jump: a run
//! completes or stops with a message, and what is cached stays good.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use super::desk::{Desk, Said, with};
use super::{project, report};

/// Commands, a directory, a list and an output that refrain writes itself, large and small.
const MANIFEST: &str = "inputs.docs = { files = \"*.txt\" }\n\
    [nodes.large]\nrun = \"seq 1 100000\"\n\
    [nodes.json]\nrun = \"printf '['; seq -s, 1 200000; printf ']'\"\nformat = \"json\"\n\
    [nodes.dir]\nrun = \"mkdir {output}/a; cp {large} {output}/a/b\"\nformat = \"dir\"\n\
    [nodes.items]\nmap = { doc = \"docs\" }\nrun = \"cat {doc} {dir}/a/b\"\n\
    [nodes.last]\nrun = \"cat {items} {json} | wc -c\"\n";

fn desk() -> Desk {
    let desk = project(MANIFEST);
    for name in ["a", "b", "c"] {
        desk.write(&format!("{name}.txt"), format!("{name}\n"));
    }
    desk
}

/// Runs with what the shell's `ulimit` is told.
fn limited(desk: &Desk, limit: &str) -> Said {
    let mut command = Command::new("sh");
    command
        .arg("-c")
        .arg(format!("ulimit {limit} && exec \"$0\" run -k -j 2"))
        .arg(env!("CARGO_BIN_EXE_refrain"))
        .current_dir(desk.path("."))
        .stdin(Stdio::null())
        .env("HOME", desk.path("."));
    Said::of(command.output().unwrap())
}

/// What is in the cache is good, and a run without limits completes with it.
fn check(desk: &Desk, what: &str) {
    let said = desk.say(["verify"]);
    assert_eq!(said.code, Some(0), "{what}: {}{}", said.out, said.err);
    desk.ok(["run"]);
    let last = desk.ok(["get", "last"]).out;
    assert_eq!(last.trim(), "3055588", "{what}");
    let (again, _) = report(desk.say(["run", "--json"]));
    assert_eq!(again["counts"]["executed"], 0, "{what}");
}

/// It completed, or said why not.
fn is_told(said: &Said, what: &str) {
    let told = match said.code {
        Some(0) => true,
        Some(1 | 2 | 5) => said.err.contains("error: "),
        // The system ended it, and the shell says so.
        None => true,
        // It had not even begun.
        Some(127) => said.err.contains("error while loading"),
        _ => said.err.contains("memory") || said.err.contains("panicked"),
    };
    assert!(told, "{what}: {said:?}");
}

#[test]
fn few_open_files_fail_nodes_and_harm_nothing() {
    for files in [8, 16, 24, 40] {
        let desk = desk();
        let what = format!("{files} open files");
        let said = limited(&desk, &format!("-n {files}"));
        is_told(&said, &what);
        check(&desk, &what);
    }
}

#[test]
fn files_that_may_not_be_large_fail_nodes_and_harm_nothing() {
    for blocks in [1, 128, 1200] {
        let desk = desk();
        let what = format!("files of {blocks} blocks");
        is_told(&limited(&desk, &format!("-f {blocks}")), &what);
        check(&desk, &what);
    }
}

#[test]
fn little_memory_fails_nodes_and_harms_nothing() {
    for kilobytes in [20_000, 60_000, 120_000] {
        let desk = desk();
        let what = format!("{kilobytes} KiB of memory");
        is_told(&limited(&desk, &format!("-v {kilobytes}")), &what);
        check(&desk, &what);
    }
}

/// Runs as a user who may have so many processes and threads; `None` where that cannot be had. The limit does not bind
/// root, and counts all that a user has, so it is a user who has nothing else.
fn with_processes(desk: &Desk, most: u32) -> Option<Said> {
    if fs::metadata("/proc/self").ok()?.uid() != 0 {
        eprintln!("NOT TESTED: only root can run as a user who has no other processes");
        return None;
    }
    let user = 61_000 + std::process::id() % 4000;
    let program = desk.path("program");
    let built = env!("CARGO_BIN_EXE_refrain");
    fs::hard_link(built, &program)
        .or_else(|_| fs::copy(built, &program).map(drop))
        .unwrap();
    for entry in [".", "refrain.toml", "a.txt", "b.txt", "c.txt"] {
        chown(desk.path(entry), Some(user), Some(user)).unwrap();
    }
    let mut command = Command::new("prlimit");
    command
        .arg(format!("--nproc={most}"))
        .arg(program)
        .args(["run", "-k", "-j", "2"])
        .current_dir(desk.path("."))
        .stdin(Stdio::null())
        .env("HOME", desk.path("."))
        .uid(user)
        .gid(user);
    Some(Said::of(command.output().unwrap()))
}

#[test]
fn few_processes_and_threads_fail_nodes_and_harm_nothing() {
    for most in [1, 2, 4, 7] {
        let desk = desk();
        let what = format!("{most} processes and threads");
        let Some(said) = with_processes(&desk, most) else {
            return;
        };
        assert!(!said.err.contains("panicked"), "{what}: {said:?}");
        is_told(&said, &what);
        check(&desk, &what);
    }
}

#[test]
fn a_cache_that_a_command_removes_costs_the_caching() {
    let desk = project(
        "[nodes.first]\nrun = \"seq 1 5000\"\n\
         [nodes.vandal]\nrun = \"rm -rf .cache; wc -l < {first} || echo lost\"\n\
         [nodes.after]\nrun = \"seq 1 5000; cat {vandal}\"\n",
    );
    let said = desk.say(["run", "-k"]);
    is_told(&said, "a removed directory");
    assert!(!said.err.contains("panicked"), "{}", said.err);
    desk.write("refrain.toml", "[nodes.first]\nrun = \"seq 1 5000\"\n");
    desk.ok(["run"]);
    let (again, _) = report(desk.say(["run", "--json"]));
    assert_eq!(with(&again, "hit"), ["first"]);
    desk.ok(["verify"]);
}

#[test]
fn files_of_any_time_are_known_by_what_is_in_them() {
    let desk = project(
        "inputs.text = { file = \"text\" }\n[nodes.upper]\nrun = \"tr a-z A-Z < {text}\"\n",
    );
    let day = Duration::from_secs(86_400);
    let now = SystemTime::now();
    let times = [
        SystemTime::UNIX_EPOCH,
        now - day,
        now,
        now + day,
        now + 9999 * day,
    ];
    for (number, time) in times.into_iter().enumerate() {
        for letter in ["a", "b"] {
            // The same size and time, whatever is in it.
            let text = format!("{letter}{number}");
            desk.write("text", &text);
            let file = fs::File::options().write(true).open(desk.path("text"));
            file.unwrap().set_modified(time).unwrap();
            desk.ok(["run"]);
            assert_eq!(desk.ok(["get", "upper"]).out, text.to_uppercase());
            let (again, _) = report(desk.say(["run", "--json"]));
            assert_eq!(again["counts"]["executed"], 0, "{text}");
        }
    }
}
