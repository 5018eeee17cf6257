//! The `refrain` program says what it can do, and refuses what it cannot.

use std::process::{Command, Output};

fn refrain(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_refrain"));
    command.args(arguments).output().unwrap()
}

#[test]
fn it_tells_its_version() {
    let output = refrain(&["--version"]);
    assert!(output.status.success());
    let version = String::from_utf8(output.stdout).unwrap();
    assert_eq!(version, format!("refrain {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn it_refuses_every_command_rather_than_doing_nothing() {
    for arguments in [
        &["run"][..],
        &["status", "--check"],
        &["run", "index", "-j", "2"],
    ] {
        let output = refrain(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert_eq!(output.stdout, b"");
        let told = String::from_utf8(output.stderr).unwrap();
        let refusal = format!("`refrain {}` is not built yet", arguments[0]);
        assert!(told.contains(&refusal), "{told}");
    }
    assert_eq!(refrain(&[]).status.code(), Some(2), "no command at all");
}
