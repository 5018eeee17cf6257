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

#[test]
fn init_writes_a_project_once() {
    let desk = refrain();
    desk.ok(["init", "words"]);
    let manifest = desk.read("words/refrain.toml");
    assert!(manifest.contains("[nodes."), "{manifest}");
    desk.write("words/refrain.toml", "mine");
    let said = desk.say(["-C", "words", "init"]);
    assert_eq!(said.code, Some(2));
    assert!(
        said.err.contains("refrain.toml is there already"),
        "{}",
        said.err
    );
    assert_eq!(desk.read("words/refrain.toml"), "mine");
}

#[test]
fn the_schema_is_json() {
    let desk = refrain();
    let schema = desk.json(["schema"]);
    assert!(schema["properties"]["nodes"].is_object(), "{schema}");
}

#[test]
fn what_is_wrong_with_a_manifest_is_shown_where_it_is() {
    let desk = refrain();
    desk.write(
        "refrain.toml",
        "[nodes.a]\nrun = \"cat {tetx}\"\nretires = 2\n\n[inputs]\ntext = 'x'\n",
    );
    desk.write("sub/file", "");
    for arguments in [
        &["status"][..],
        &["-C", "sub", "run"],
        &["-f", "refrain.toml", "plan"],
    ] {
        let said = desk.say(arguments);
        assert_eq!(
            (said.code, said.out.as_str()),
            (Some(2), ""),
            "{arguments:?}"
        );
        for part in [
            "refrain.toml:2:12",
            "refrain.toml:3:1",
            "did you mean \"text\"?",
            "did you mean \"retries\"?",
        ] {
            assert!(said.err.contains(part), "{part}: {}", said.err);
        }
        assert!(!said.err.contains('\u{1b}'), "{}", said.err);
    }
    let coloured = desk.say(["status", "--color", "always"]);
    assert!(coloured.err.contains('\u{1b}'), "{}", coloured.err);

    desk.write("refrain.toml", b"# \xff\n");
    let said = desk.say(["status"]);
    assert_eq!(said.code, Some(2));
    assert!(
        said.err.contains("refrain.toml: byte 2 is not UTF-8"),
        "{}",
        said.err
    );
    let said = desk.say(["-C", "/", "status"]);
    assert_eq!(said.code, Some(2));
    assert!(
        said.err.contains("help: write one with `refrain init`"),
        "{}",
        said.err
    );
}
