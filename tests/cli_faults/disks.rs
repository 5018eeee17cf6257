//! Disks that are full, cannot be written to, or are not the project's.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use super::desk::{Desk, Said, with};
use super::mount::Mount;
use super::{not_tried, outcomes, project, run};

/// Two nodes that need little and one that needs more than there is.
const GREEDY: &str = "[nodes.little]\nrun = \"echo little\"\n\
    [nodes.much]\nrun = \"head -c 100M /dev/zero > {output}\"\n\
    [nodes.more]\nrun = \"echo more; cat {little}\"\n";

/// A disk with a few megabytes, as `desk/small`.
fn small_disk(desk: &Desk, what: &str) -> Option<Mount> {
    let mount = Mount::small(&desk.path("small"), "size=4m");
    mount.inspect_err(|why| not_tried(what, why)).ok()
}

/// After a command has filled the disk: it failed, and nothing of it is left.
fn check_greedy(desk: &Desk, said: &Said, cache: &Path) {
    assert_eq!(said.code, Some(1), "{}", said.err);
    assert!(said.err.contains("error: much failed"), "{}", said.err);
    let left = Command::new("find")
        .arg(cache)
        .args(["-name", "output"])
        .output();
    assert_eq!(String::from_utf8(left.unwrap().stdout).unwrap(), "");
    let (report, _) = run(desk, &["-k", "--cache-dir", cache.to_str().unwrap()]);
    assert_eq!(with(&report, "hit"), ["more"], "{report}");
    desk.ok(["get", "more", "--cache-dir", cache.to_str().unwrap()]);
}

#[test]
fn a_command_that_fills_the_disk_fails_alone() {
    let desk = project(GREEDY);
    if let Some(_mount) = small_disk(&desk, "a command that fills the disk") {
        let said = desk.say(["run", "-k", "-j", "1", "--cache-dir", "small/cache"]);
        assert!(said.err.contains("No space left on device"), "{}", said.err);
        check_greedy(&desk, &said, &desk.path("small/cache"));
    }
    // The same of a command that may not write so much.
    let mut limited = Command::new("sh");
    limited
        .args(["-c", "ulimit -f 2048; exec \"$0\" run -k"])
        .arg(env!("CARGO_BIN_EXE_refrain"));
    let output = limited
        .current_dir(desk.path("."))
        .env("HOME", desk.path("."))
        .output();
    let said = Said::of(output.unwrap());
    assert!(
        said.err.contains("SIGXFSZ") || said.err.contains("exit code"),
        "{}",
        said.err
    );
    check_greedy(&desk, &said, &desk.path(".cache"));
}

#[test]
fn a_full_disk_costs_the_caching_and_what_is_put_there_but_no_node() {
    let desk = project("");
    let Some(_mount) = small_disk(&desk, "a store on a full disk") else {
        return;
    };
    desk.write(
        "small/refrain.toml",
        "[nodes.large]\nrun = \"head -c 2M /dev/zero\"\nto = \"a\"\n\
         [nodes.larger]\nrun = \"cat {large} {large}\"\nto = \"b\"\n\
         [nodes.size]\nrun = \"wc -c < {larger}\"\nto = \"c\"\n",
    );
    let cache = desk.path("cache");
    let place = ["--cache-dir", cache.to_str().unwrap()];
    let (report, said) = run(&desk, &[&["-C", "small"], &place[..]].concat());
    assert_eq!(said.code, Some(5), "{}", said.err);
    assert_eq!(report["counts"]["executed"], 3);
    assert!(
        said.err
            .contains("put \"larger\" at b: No space left on device"),
        "{}",
        said.err
    );
    assert_eq!(desk.read("small/c").trim(), (4 << 20).to_string());
    let mut left: Vec<_> = fs::read_dir(desk.path("small"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    left.sort();
    assert_eq!(left, ["a", "c", "refrain.toml"], "nothing half-written");

    // Now the cache is there as well: what cannot be kept is made nevertheless.
    desk.write(
        "refrain.toml",
        "[nodes.small]\nrun = \"echo a\"\n[nodes.below]\nrun = \"cat {small}\"\n",
    );
    desk.write("small/fill", "");
    let fill = fs::File::options()
        .write(true)
        .open(desk.path("small/fill"));
    let _ = std::io::copy(&mut std::io::repeat(1), &mut fill.unwrap());
    let (report, said) = run(&desk, &["--cache-dir", "small/cache"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert_eq!(with(&report, "executed"), ["small", "below"]);
    assert!(said.err.contains("cached: "), "{}", said.err);
}

#[test]
fn a_cache_that_cannot_be_written_to_is_read() {
    let desk = project("");
    let mount = match Mount::small(&desk.path("p"), "size=16m") {
        Ok(mount) => mount,
        Err(why) => return not_tried("a cache directory that is read-only", why),
    };
    desk.write(
        "p/refrain.toml",
        "[nodes.a]\nrun = \"seq 1 10000\"\n\
         [nodes.dir]\nrun = \"cp {a} {output}/a\"\nformat = \"dir\"\n\
         [nodes.sum]\nrun = \"cat {dir}/a | wc -l\"\n",
    );
    desk.ok(["-C", "p", "run"]);
    mount.seal();
    let (report, said) = run(&desk, &["-C", "p"]);
    assert_eq!(with(&report, "hit"), ["sum"]);
    assert!(said.err.contains("Read-only file system"), "{}", said.err);
    // What is asked for anew is made of what is there.
    let (report, _) = run(&desk, &["-C", "p", "--force=sum"]);
    assert_eq!(with(&report, "executed"), ["sum"]);
    assert_eq!(desk.ok(["-C", "p", "get", "sum"]).out, "10000\n");
    for command in [
        &["plan"][..],
        &["status", "--check"],
        &["why", "sum"],
        &["log"],
        &["log", "@"],
        &["stats"],
        &["graph"],
        &["verify"],
    ] {
        desk.ok([&["-C", "p"], command].concat());
    }
    for command in ["gc", "clean"] {
        let said = desk.say(["-C", "p", command]);
        assert_eq!(said.code, Some(5), "{command}: {}", said.err);
        assert!(said.err.contains("Read-only file system"), "{}", said.err);
    }
}

#[test]
fn a_cache_that_cannot_be_there_costs_the_caching_and_is_told() {
    let desk = project("[nodes.a]\nrun = \"echo a\"\n");
    desk.write("file", "");
    // Below a file there is no directory, whoever asks.
    let place = ["--cache-dir", "file/cache"];
    for _ in 0..2 {
        let (report, said) = run(&desk, &place);
        assert_eq!(outcomes(&report), [("a", "executed")]);
        assert!(
            said.err.contains("warning: nothing is cached: "),
            "{}",
            said.err
        );
    }
    for command in ["plan", "status", "graph"] {
        let said = desk.ok([&[command], &place[..]].concat());
        assert!(
            said.err.contains("warning: nothing is cached: "),
            "{command}: {}",
            said.err
        );
    }
    for command in [
        &["get", "a"][..],
        &["why", "a", "--run", "@"],
        &["log"],
        &["stats"],
        &["gc"],
        &["verify"],
    ] {
        let said = desk.say([command, &place[..]].concat());
        assert_eq!(
            (said.code, &*said.out),
            (Some(5), ""),
            "{command:?}: {}",
            said.err
        );
        assert!(said.err.contains("file/cache"), "{}", said.err);
    }
}

#[test]
fn a_cache_may_be_on_another_file_system() {
    let desk = project(
        "inputs.docs = { files = \"*.txt\" }\n\
         [nodes.large]\nrun = \"seq 1 100000\"\nto = \"out/large\"\n\
         [nodes.dir]\nrun = \"cp {large} {output}/a; chmod +x {output}/a; ln -s a {output}/b\"\nformat = \"dir\"\nto = \"out/dir\"\n\
         [nodes.items]\nmap = { doc = \"docs\" }\nrun = \"cat {doc} {dir}/b\"\nto = \"out/items\"\n\
         [nodes.made]\nrun = \"cat {items} | wc -l\"\ncache = false\nto = \"out/made\"\n",
    );
    desk.write("a.txt", "a\n");
    desk.write("b.txt", "b\n");
    let elsewhere = tempfile::tempdir_in("/dev/shm");
    let device = |path: &Path| fs::metadata(path).unwrap().dev();
    let elsewhere = match elsewhere {
        Ok(dir) if device(dir.path()) != device(&desk.path(".")) => dir,
        Ok(_) => return not_tried("a cache on another file system", "/dev/shm is none"),
        Err(why) => return not_tried("a cache on another file system", why),
    };
    let cache = elsewhere.path().join("cache");
    let place = ["--cache-dir", cache.to_str().unwrap()];
    let (report, said) = run(&desk, &place);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert_eq!(report["counts"]["executed"], 4);
    let check = || {
        assert_eq!(desk.read("out/made").trim(), "200002");
        assert_eq!(desk.read("out/dir/b"), desk.read("out/large"));
        assert!(desk.read("out/items/b.txt").starts_with("b\n1\n2\n"));
    };
    check();
    fs::remove_dir_all(desk.path("out")).unwrap();
    let (report, _) = run(&desk, &place);
    assert_eq!(with(&report, "executed"), ["made"]);
    check();
    desk.ok([&["verify", "--rerun", "100"], &place[..]].concat());
    desk.ok([&["clean"], &place[..]].concat());
}
