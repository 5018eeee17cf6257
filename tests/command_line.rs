//! The `refrain` program says what it can do, and refuses what it cannot.

#[path = "support/desk.rs"]
mod desk;

use std::path::Path;

use desk::Desk;

fn refrain() -> Desk {
    Desk::new(Path::new(env!("CARGO_BIN_EXE_refrain")))
}

#[test]
fn it_tells_its_version_and_its_commands() {
    let version = refrain().ok(["--version"]).out;
    assert_eq!(version, format!("refrain {}\n", env!("CARGO_PKG_VERSION")));
    let help = refrain().ok(["--help"]).out;
    for command in ["run", "plan", "status", "why", "get", "log", "completions"] {
        assert!(help.contains(&format!("\n  {command}")), "{help}");
    }
}

#[test]
fn it_refuses_what_it_does_not_know() {
    for arguments in [&[][..], &["rnu"], &["--colour"], &["run", "-j", "many"]] {
        let said = refrain().say(arguments);
        assert_eq!(said.code, Some(2), "{arguments:?}");
        assert_eq!(said.out, "");
    }
}
