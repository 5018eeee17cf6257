//! Outputs of no bytes, of very many, and at places where something stands.

use std::fs;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::process::Stdio;

use super::desk::with;
use super::{not_tried, project, run};

#[test]
fn an_output_may_be_empty() {
    let desk = project(
        "inputs.none = []\n\
         [nodes.printed]\nrun = \"true\"\nto = \"printed\"\n\
         [nodes.file]\nrun = \": > {output}\"\nto = \"file\"\n\
         [nodes.text]\nrun = \"true\"\nformat = \"text\"\n\
         [nodes.dir]\nrun = \"true {output}\"\nformat = \"dir\"\nto = \"dir\"\n\
         [nodes.items]\nmap = { one = \"none\" }\nrun = \"echo {one}\"\nto = \"items\"\n\
         [nodes.sum]\nrun = \"cat {printed} {file} {text} {items} {items:list}; ls -A {dir}; echo end\"\n\
         [nodes.json]\nrun = \"true\"\nformat = \"json\"\n",
    );
    let (report, said) = run(&desk, &["-k"]);
    assert_eq!(with(&report, "failed"), ["json"], "no bytes are no JSON");
    assert!(said.err.contains("{output} is no JSON"), "{}", said.err);
    assert_eq!(desk.ok(["get", "sum"]).out, "end\n");
    for node in ["printed", "file", "text", "items"] {
        assert_eq!(desk.ok(["get", node]).out, "", "{node}");
    }
    assert_eq!(desk.read("printed") + &desk.read("file"), "");
    for dir in ["dir", "items"] {
        assert_eq!(fs::read_dir(desk.path(dir)).unwrap().count(), 0, "{dir}");
    }
    let (report, _) = run(&desk, &["printed", "file", "text", "dir", "items", "sum"]);
    assert_eq!(with(&report, "hit").len(), 6, "{report}");
    desk.ok(["verify"]);
}

/// The most memory that a process has had so far, in bytes.
fn peak(status: &str) -> u64 {
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    let kilobytes = line.split_whitespace().nth(1).unwrap();
    kilobytes.parse::<u64>().unwrap() * 1024
}

const LARGE: u64 = 3 << 30;
/// What a process may have that handles an output larger than that.
const MEMORY: u64 = 150 << 20;

#[test]
fn an_output_of_gigabytes_is_never_in_memory() {
    let desk = project(
        // The file has no blocks, so that all of it costs no disk.
        "[nodes.large]\nrun = \"truncate -s 3G {output}\"\n\
         [nodes.peak]\nrun = \"grep VmHWM /proc/$PPID/status; : {large}\"\n",
    );
    if fs::metadata("/proc/self/status").is_err() {
        return not_tried("the memory that large outputs cost", "there is no /proc");
    }
    let (report, said) = run(&desk, &[]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert_eq!(report["nodes"][0]["bytes"], LARGE);
    let took = peak(&desk.ok(["get", "peak"]).out);
    assert!(took < MEMORY, "{took} bytes");
    let blobs = fs::read_dir(desk.path(".cache/blobs")).unwrap();
    let disk: u64 = blobs
        .map(|blob| blob.unwrap().metadata().unwrap().blocks() * 512)
        .sum();
    assert!(
        disk < 1 << 20,
        "it was taken over and not copied: {disk} bytes"
    );

    // Printed, it goes through in pieces. What is left at the end is more than
    // a pipe holds, so that the process is still there to be looked at.
    let mut get = desk.command(["get", "large"]);
    let mut get = get.stdout(Stdio::piped()).spawn().unwrap();
    let mut out = get.stdout.take().unwrap();
    let mut most = (&mut out).take(LARGE - (1 << 22));
    let (mut read, mut piece) = (0, vec![1; 1 << 20]);
    loop {
        match most.read(&mut piece).unwrap() {
            0 => break,
            length => read += length as u64,
        }
        assert!(piece[0] == 0);
    }
    let status = fs::read_to_string(format!("/proc/{}/status", get.id())).unwrap();
    assert!(peak(&status) < MEMORY, "{status}");
    read += std::io::copy(&mut out, &mut std::io::sink()).unwrap();
    assert_eq!((read, get.wait().unwrap().code()), (LARGE, Some(0)));
}

#[test]
fn what_stands_at_its_place_already_is_left_alone_whatever_it_is() {
    let desk = project(
        "inputs.docs = { files = \"*.txt\" }\n\
         [nodes.file]\nrun = \"echo a\"\nto = \"out/file\"\n\
         [nodes.dir]\nrun = \"mkdir {output}/empty; echo a > {output}/a; ln -s a {output}/b\"\nformat = \"dir\"\nto = \"out/dir\"\n\
         [nodes.files]\nmap = { doc = \"docs\" }\nrun = \"cat {doc}\"\nto = \"out/files\"\n\
         [nodes.dirs]\nmap = { doc = \"docs\" }\nrun = \"mkdir {output}/empty; cp {doc} {output}/copy\"\nformat = \"dir\"\nto = \"out/dirs\"\n",
    );
    desk.write("a.txt", "one");
    desk.write("b.txt", "two");
    desk.ok(["run"]);
    let stand = || {
        ["file", "dir", "files", "dirs"]
            .map(|name| fs::metadata(desk.path("out").join(name)).unwrap().ino())
    };
    let before = stand();
    desk.ok(["run"]);
    assert_eq!(stand(), before);
    assert_eq!(desk.read("out/dirs/b.txt/copy"), "two");
    // Whatever is too much, lacks or differs is not left so.
    fs::remove_dir(desk.path("out/dirs/a.txt/empty")).unwrap();
    desk.write("out/dir/empty/stray", "");
    desk.write("out/files/stray", "");
    desk.write("out/file", "b\n");
    desk.ok(["run"]);
    assert!(desk.path("out/dirs/a.txt/empty").is_dir());
    assert!(!desk.path("out/dir/empty/stray").exists() && !desk.path("out/files/stray").exists());
    assert_eq!(desk.read("out/file"), "a\n");
}

#[test]
fn what_nothing_keeps_is_put_at_its_place_as_well() {
    // The last two do the same, so they have one signature; only one is kept.
    let desk = project(
        "inputs.docs = { files = \"*.txt\" }\n\
         [nodes.dir]\nrun = \"mkdir {output}/sub; echo a > {output}/sub/a; ln -s sub {output}/link; chmod +x {output}/sub/a\"\n\
         format = \"dir\"\ncache = false\nto = \"dir\"\n\
         [nodes.kept]\nmap = { doc = \"docs\" }\nrun = \"cp {doc} {output}\"\nformat = \"dir\"\nto = \"kept\"\n\
         [nodes.made]\nmap = { doc = \"docs\" }\nrun = \"cp {doc} {output}\"\nformat = \"dir\"\ncache = false\nto = \"made\"\n",
    );
    desk.write("a.txt", "one");
    desk.write("b.txt", "two");
    for _ in 0..3 {
        desk.ok(["run"]);
        assert_eq!(desk.read("dir/link/a"), "a\n");
        assert!(fs::metadata(desk.path("dir/sub/a")).unwrap().mode() & 0o111 != 0);
        for name in ["kept", "made"] {
            assert_eq!(desk.read(&format!("{name}/a.txt/a.txt")), "one");
            assert_eq!(desk.read(&format!("{name}/b.txt/b.txt")), "two");
        }
    }
}

#[test]
fn one_place_that_cannot_be_written_to_costs_no_other_and_no_report() {
    let desk = project(
        "[nodes.a]\nrun = \"echo a\"\nto = \"file/a\"\n\
         [nodes.b]\nrun = \"echo b\"\nto = \"b\"\n",
    );
    desk.write("file", "in the way");
    let (report, said) = run(&desk, &[]);
    assert_eq!(said.code, Some(5));
    assert!(
        said.err.contains("error: put \"a\" at file/a: "),
        "{}",
        said.err
    );
    assert_eq!(report["counts"]["executed"], 2);
    assert_eq!(desk.read("b"), "b\n");
}
