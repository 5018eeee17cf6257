//! Real processes: how they end, what is left of them, and what they may do to us.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use refrain_command::{Ending, Finished, Process, Waker};
use tempfile::TempDir;

/// A directory to run in, with a file `out` for the standard output.
struct Desk {
    dir: TempDir,
    grace: Duration,
}

impl Desk {
    fn new() -> Self {
        Desk {
            dir: tempfile::tempdir().unwrap(),
            grace: Duration::from_secs(60),
        }
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path().join(name)).unwrap()
    }

    fn run(&self, argv: &[&str]) -> Finished {
        self.process(argv, |process| process.run(drop, None).unwrap())
    }

    fn sh(&self, script: &str) -> Finished {
        self.run(&["sh", "-c", script])
    }

    /// Runs a script and stops it when it has said something on standard error.
    fn stopped(&self, script: &str) -> Finished {
        self.process(&["sh", "-c", script], |process| {
            let waker = std::cell::OnceCell::new();
            let keep = |given: Waker| waker.set(given).unwrap();
            let wake = |_: &[u8]| waker.get().unwrap().wake();
            process.run(keep, Some(&wake)).unwrap()
        })
    }

    fn process(&self, argv: &[&str], run: impl FnOnce(Process<'_>) -> Finished) -> Finished {
        let argv: Vec<OsString> = argv.iter().map(OsString::from).collect();
        run(Process {
            argv: &argv,
            dir: self.path(),
            env: &[("GIVEN".into(), OsStr::from_bytes(b"a\xff b").to_owned())],
            stdout: Some(File::create(self.path().join("out")).unwrap()),
            grace: self.grace,
        })
    }
}

/// Whether a process is there and not merely waiting to be forgotten.
fn is_running(pid: &str) -> bool {
    let ps = Command::new("ps")
        .args(["-o", "stat=", "-p", pid.trim()])
        .output()
        .unwrap();
    let state = String::from_utf8(ps.stdout).unwrap();
    !state.trim().is_empty() && !state.starts_with('Z')
}

#[test]
fn a_process_gets_its_place_and_its_environment_and_nothing_to_read() {
    let desk = Desk::new();
    let finished = desk.sh("cat; pwd; printf %s \"$GIVEN\"; echo said >&2; exit 3");
    assert_eq!(finished.ending, Ending::Exited(3));
    assert_eq!(finished.said.text(), "said\n");
    assert!(!finished.left_running);
    let place = desk.path().canonicalize().unwrap();
    let expected = [place.as_os_str().as_bytes(), b"\na\xff b"].concat();
    assert_eq!(desk.read("out"), expected);
}

#[test]
fn a_process_leads_its_own_group() {
    let desk = Desk::new();
    assert!(desk.sh("ps -o pgid= -p $$; echo $$").ending.is_success());
    let out = String::from_utf8(desk.read("out")).unwrap();
    let [group, process]: [&str; 2] = out
        .split_whitespace()
        .collect::<Vec<_>>()
        .try_into()
        .unwrap();
    assert_eq!(group, process);
}

#[test]
fn a_signal_is_told_from_an_exit() {
    let desk = Desk::new();
    let said = |script: &str| desk.sh(script).ending.to_string();
    assert_eq!(said("kill -SEGV $$"), "killed by SIGSEGV");
    assert_eq!(said("kill -KILL $$"), "killed by SIGKILL");
    assert_eq!(said("exit 139"), "exit code 139");
}

#[test]
fn what_cannot_start_says_why() {
    let desk = Desk::new();
    let write = |name: &str, text: &str, mode| {
        let path = desk.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    };
    write("plain", "", 0o644);
    write("script", "#!/no/such/interpreter -x\n", 0o755);
    write("text", "neither\n", 0o755);
    for (program, why) in [
        ("no-such-program", "not found on PATH"),
        ("./no-such-file", "there is no file"),
        ("./plain", "chmod +x"),
        (
            "./script",
            "its interpreter /no/such/interpreter is not there",
        ),
        ("./text", "does not begin with #!"),
        ("/", "is a directory"),
    ] {
        let finished = desk.run(&[program]);
        let Ending::NotStarted(said) = finished.ending else {
            panic!("{program}: {:?}", finished.ending);
        };
        assert!(said.contains(&format!("\"{program}\"")), "{said}");
        assert!(said.contains(why), "{said}");
    }
    let long = "x".repeat(1 << 20);
    let long = desk.run(&["true", &long, &long, &long]).ending.to_string();
    assert!(long.contains("{name:list}"), "{long}");
}

#[test]
fn a_stop_ends_all_that_was_started() {
    let desk = Desk::new();
    let finished = desk.stopped("sleep 1000 & sh -c 'sleep 1000; :' & echo $! >&2; wait");
    assert_eq!(finished.ending, Ending::Stopped);
    assert!(!is_running(&finished.said.text()));
}

#[test]
fn who_is_asked_to_end_may_tidy_up() {
    let desk = Desk::new();
    let child = "trap \"echo tidied >&2; exit\" TERM; echo ready >&2; while :; do sleep 0.01; done";
    let finished = desk.stopped(&format!("sh -c '{child}' & wait"));
    assert_eq!(finished.ending, Ending::Stopped);
    // A shell may also say that what it waited for was terminated.
    assert!(finished.said.text().ends_with("tidied\n"));
}

#[test]
fn who_does_not_end_is_killed() {
    let mut desk = Desk::new();
    desk.grace = Duration::from_millis(20);
    let finished = desk.stopped("trap '' TERM; sleep 1000 & echo $! >&2; wait; sleep 1000");
    assert_eq!(finished.ending, Ending::Stopped);
    assert!(!is_running(&finished.said.text()));
}

#[test]
fn a_wish_to_stop_that_came_early_is_heard() {
    let desk = Desk::new();
    let stop = |process: Process<'_>| process.run(|waker| waker.wake(), None).unwrap();
    let finished = desk.process(&["sleep", "1000"], stop);
    assert_eq!(finished.ending, Ending::Stopped);
}

#[test]
fn an_endless_printer_costs_no_memory_and_can_be_stopped() {
    let desk = Desk::new();
    let finished = desk.stopped("yes an endless line >&2");
    assert_eq!(finished.ending, Ending::Stopped);
    let much = desk.sh("head -c 10000000 /dev/zero >&2");
    assert_eq!(much.ending, Ending::Exited(0));
    let text = much.said.text();
    let left_out = 10_000_000 - 64 * 1024;
    assert!(text.contains(&format!("[{left_out} bytes left out]")));
    assert!(text.len() < 65 * 1024);
}

#[test]
fn who_outlives_the_command_is_killed() {
    let desk = Desk::new();
    let finished = desk.sh("(sleep 1000; echo late) & echo $! >&2; echo done");
    assert_eq!(finished.ending, Ending::Exited(0));
    assert!(finished.left_running);
    assert!(!is_running(&finished.said.text()));
    assert_eq!(desk.read("out"), b"done\n");
}

#[test]
fn who_leaves_the_group_is_not_waited_for() {
    let desk = Desk::new();
    let finished = desk.sh(
        "setsid sh -c 'echo $$ > pid; exec sleep 1000' & while ! [ -s pid ]; do sleep 0.01; done",
    );
    let pid = String::from_utf8(desk.read("pid")).unwrap();
    assert_eq!(finished.ending, Ending::Exited(0));
    assert!(is_running(&pid));
    Command::new("kill").arg(pid.trim()).status().unwrap();
}

#[test]
fn bytes_that_are_no_text_pass_through() {
    let desk = Desk::new();
    let name = OsStr::from_bytes(b"a \"b\"\n\xff'");
    let dir = desk.path().join(name);
    fs::create_dir(&dir).unwrap();
    let process = Process {
        argv: &[
            "sh".into(),
            "-c".into(),
            "echo x > \"$1\"; ls".into(),
            "sh".into(),
            name.to_owned(),
        ],
        dir: &dir,
        env: &[],
        stdout: None,
        grace: desk.grace,
    };
    let finished = process.run(drop, None).unwrap();
    assert_eq!(
        finished.ending,
        Ending::Exited(0),
        "{}",
        finished.said.text()
    );
    assert_eq!(fs::read(dir.join(name)).unwrap(), b"x\n");
    assert!(finished.said.text().contains('\u{fffd}'));
}
