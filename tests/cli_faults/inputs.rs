//! Inputs that are files: missing, unreadable, no files, or changing.

use std::fs::{self, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use super::desk::{Desk, Said, with};
use super::{outcomes, project, run};

const ONE_FILE: &str = "inputs.text = { file = \"a.txt\" }\n\
                        [nodes.copy]\nrun = \"cat {text}\"\n\
                        [nodes.beside]\nrun = \"echo ran > beside\"\n";

#[test]
fn a_file_that_cannot_be_read_is_refused_before_anything_runs() {
    type Make = fn(&Path);
    let cases: [(Make, &str); 6] = [
        (|_| {}, "No such file or directory"),
        (
            |file| symlink("nowhere", file).unwrap(),
            "No such file or directory",
        ),
        (|file| symlink("a.txt", file).unwrap(), "symbolic links"),
        (|file| fs::create_dir(file).unwrap(), "is a directory"),
        // Reading these would never end.
        (
            |file| mkfifo(file, Mode::S_IRUSR).unwrap(),
            "not a regular file",
        ),
        (
            |file| symlink("/dev/zero", file).unwrap(),
            "not a regular file",
        ),
    ];
    for (make, why) in cases {
        let desk = project(ONE_FILE);
        make(&desk.path("a.txt"));
        for command in ["run", "plan", "status", "graph"] {
            let said = desk.say([command]);
            assert_eq!((said.code, &*said.out), (Some(2), ""), "{why}: {command}");
            let expected = "error: input \"text\": cannot read a.txt: ";
            assert!(
                said.err.contains(expected) && said.err.contains(why),
                "{}",
                said.err
            );
        }
        assert!(!desk.path("beside").exists());
    }
    let desk = project("inputs.all = { dir = \"in\" }\n[nodes.list]\nrun = \"ls {all}\"\n");
    desk.write("in", "no directory");
    let said = desk.say(["run"]);
    assert_eq!(said.code, Some(2));
    assert!(
        said.err.contains("input \"all\": cannot read in: "),
        "{}",
        said.err
    );
}

#[test]
fn a_list_may_lack_nothing_that_it_names() {
    let manifest = |patterns: &str| {
        format!("inputs.texts = {{ files = {patterns} }}\n[nodes.all]\nrun = \"cat {{texts}}\"\n")
    };
    for (pattern, why) in [
        ("\"none.txt\"", "there is no file none.txt"),
        ("[\"*.txt\", \"sub\"]", "sub is a directory"),
        ("\"gone\"", "there is no file gone"),
    ] {
        let desk = project(&manifest(pattern));
        desk.write("sub/a.txt", "a");
        symlink("nowhere", desk.path("gone")).unwrap();
        let said = desk.say(["run"]);
        assert_eq!(said.code, Some(2), "{pattern}");
        assert!(said.err.contains(why), "{}", said.err);
        assert!(said.err.contains("refrain.toml:1:"), "{}", said.err);
    }
    // What a wildcard finds are files; that there is something else is no mistake.
    let desk = project(&manifest("\"in/*\""));
    desk.write("in/a", "a");
    desk.write("in/sub/b", "b");
    symlink("nowhere", desk.path("in/gone")).unwrap();
    mkfifo(&desk.path("in/pipe"), Mode::S_IRUSR).unwrap();
    desk.ok(["run"]);
    assert_eq!(desk.ok(["get", "all"]).out, "a");
}

/// Runs as somebody who has no rights on files of others.
fn as_nobody(desk: &Desk, arguments: &[&str]) -> Said {
    let is_root = fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0);
    let mut command = desk.command(arguments);
    if is_root {
        // The program may stand where only we may go.
        let program = desk.path("refrain");
        if !program.exists() {
            fs::copy(env!("CARGO_BIN_EXE_refrain"), &program).unwrap();
        }
        let mut copy = std::process::Command::new(program);
        copy.args(arguments).current_dir(desk.path("."));
        copy.env("HOME", desk.path("."))
            .env_remove("XDG_CONFIG_HOME");
        command = copy;
        command.uid(65534).gid(65534);
    }
    Said::of(command.output().unwrap())
}

#[test]
fn what_may_not_be_read_is_told_and_costs_nothing_else() {
    let set = |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    let desk = project(ONE_FILE);
    set(&desk.path("."), 0o777);
    desk.write("a.txt", "a");
    set(&desk.path("a.txt"), 0);
    let said = as_nobody(&desk, &["run"]);
    assert_eq!(said.code, Some(2), "{}", said.err);
    assert!(
        said.err.contains("cannot read a.txt: Permission denied"),
        "{}",
        said.err
    );
    assert!(said.err.contains("help: make it readable"), "{}", said.err);
    set(&desk.path("a.txt"), 0o644);

    // A file of the code that cannot be read is no file that is read.
    desk.write("secret.sh", "echo secret");
    desk.write(
        "refrain.toml",
        "[nodes.a]\nrun = \"echo ran; : secret.sh\"\n",
    );
    set(&desk.path("secret.sh"), 0);
    let said = as_nobody(&desk, &["run"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    set(&desk.path("secret.sh"), 0o644);
    assert!(
        desk.ok(["why", "a"]).out.contains("secret.sh"),
        "from then on it counts"
    );

    desk.write(
        "refrain.toml",
        "inputs.texts = { files = \"**/*.txt\" }\n[nodes.all]\nrun = \"cat {texts}\"\n",
    );
    desk.write("closed/b.txt", "b");
    set(&desk.path("closed"), 0);
    let said = as_nobody(&desk, &["run"]);
    set(&desk.path("closed"), 0o755);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(
        said.err.contains("warning") && said.err.contains("closed"),
        "{}",
        said.err
    );
    let (report, _) = run(&desk, &[]);
    assert_eq!(outcomes(&report), [("all", "executed")]);
    assert_eq!(desk.ok(["get", "all"]).out, "ab");
}

#[test]
fn a_file_that_never_stays_the_same_is_not_hashed() {
    let desk = project("inputs.log = { file = \"log\" }\n[nodes.size]\nrun = \"wc -c < {log}\"\n");
    let mut log = OpenOptions::new()
        .create(true)
        .append(true)
        .open(desk.path("log"))
        .unwrap();
    // Long enough that nobody reads it between two writes.
    log.set_len(1 << 28).unwrap();
    let stop = AtomicBool::new(false);
    let said = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                log.write_all(b"more").unwrap();
            }
        });
        let said = desk.say(["run"]);
        stop.store(true, Ordering::Relaxed);
        said
    });
    assert_eq!(said.code, Some(2), "{}", said.err);
    assert!(
        said.err.contains("the file changed while it was read"),
        "{}",
        said.err
    );
}

#[test]
fn what_is_made_of_a_file_that_changes_meanwhile_is_not_remembered() {
    let desk = project(
        "inputs.text = { file = \"a.txt\" }\n\
         [nodes.racing]\nrun = \"cat {text}; echo new > {text}\"\n\
         [nodes.below]\nrun = \"cat {racing}\"\n",
    );
    for _ in 0..2 {
        desk.write("a.txt", "old\n");
        let (report, said) = run(&desk, &[]);
        assert_eq!(
            outcomes(&report),
            [("racing", "executed"), ("below", "executed")]
        );
        assert!(
            said.err.contains("changed while the node ran"),
            "{}",
            said.err
        );
    }
    // It makes itself the same from then on.
    run(&desk, &[]);
    let (report, _) = run(&desk, &[]);
    assert_eq!(report["counts"]["executed"], 0, "{report}");
    assert_eq!(desk.ok(["get", "below"]).out, "new\n");
    desk.write("a.txt", "old\n");
    let (report, _) = run(&desk, &["racing"]);
    assert_eq!(with(&report, "executed"), ["racing"]);
}
