//! Caches that only holders of a key can put anything into.

use serde_json::Value;

use super::desk::{Desk, Said, with};
use super::{project, report};

const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

const MANIFEST: &str = "inputs.text = { file = \"text\" }\n\
    [nodes.upper]\nrun = \"tr a-z A-Z < {text}\"\n\
    [nodes.count]\nrun = \"wc -c < {upper}\"\n";

fn texts() -> Desk {
    let desk = project(MANIFEST);
    desk.write("text", "some text\n");
    desk
}

/// Runs with these variables.
fn run(desk: &Desk, variables: &[(&str, &str)]) -> (Value, Said) {
    let mut command = desk.command(["run", "--json"]);
    command.envs(variables.iter().copied());
    report(Said::of(command.output().unwrap()))
}

#[test]
fn who_has_a_key_uses_what_holders_made_and_nothing_else() {
    let desk = texts();
    let holder = [("REFRAIN_CACHE_KEY", KEY)];
    run(&desk, &[]);
    let (first, _) = run(&desk, &holder);
    assert_eq!(with(&first, "executed"), ["upper", "count"]);
    let reason = &first["nodes"][0]["reason"];
    assert_eq!(reason["kind"], "damaged", "{reason}");
    assert!(reason["detail"].as_str().unwrap().contains("not signed"));
    let (second, _) = run(&desk, &holder);
    assert_eq!(second["counts"]["executed"], 0, "{second}");
    // Who has no key uses what is there, and makes nothing that counts for holders.
    let (third, _) = run(&desk, &[]);
    assert_eq!(third["counts"]["executed"], 0, "{third}");
    desk.write("text", "another text\n");
    run(&desk, &[]);
    let (fourth, _) = run(&desk, &holder);
    assert_eq!(with(&fourth, "executed"), ["upper", "count"]);
    let other = [("REFRAIN_CACHE_KEY", &*KEY.replace("00", "99"))];
    let (fifth, _) = run(&desk, &other);
    assert_eq!(with(&fifth, "executed"), ["upper", "count"]);
}

#[test]
fn a_key_comes_from_a_file_that_the_manifest_or_the_environment_names() {
    let desk = texts();
    desk.write(
        "refrain.toml",
        format!("cache.key_file = \"key\"\n{MANIFEST}"),
    );
    desk.write("key", format!("{KEY}\n"));
    let (first, _) = run(&desk, &[]);
    assert_eq!(first["counts"]["executed"], 2);
    desk.write("refrain.toml", MANIFEST);
    let (same, _) = run(&desk, &[("REFRAIN_CACHE_KEY_FILE", "key")]);
    assert_eq!(same["counts"]["executed"], 0, "{same}");
    let (same, _) = run(&desk, &[("REFRAIN_CACHE_KEY", KEY)]);
    assert_eq!(same["counts"]["executed"], 0, "{same}");
}

#[test]
fn a_key_that_cannot_be_had_ends_the_command_and_is_not_quoted() {
    let desk = texts();
    desk.write("short", &KEY[1..]);
    for (name, value, told) in [
        ("REFRAIN_CACHE_KEY", "", "unset REFRAIN_CACHE_KEY"),
        ("REFRAIN_CACHE_KEY", &KEY[1..], "64 lowercase hexadecimal"),
        ("REFRAIN_CACHE_KEY_FILE", "short", "read the key in"),
        ("REFRAIN_CACHE_KEY_FILE", "absent", "No such file"),
        ("REFRAIN_CACHE_KEY_FILE", ".", "directory"),
    ] {
        for command in [&["run"][..], &["get", "count"], &["log"]] {
            let mut command = desk.command(command);
            let said = Said::of(command.env(name, value).output().unwrap());
            assert_eq!(said.code, Some(2), "{name}={value}: {}", said.err);
            assert!(said.err.contains(told), "{name}={value}: {}", said.err);
            assert!(!said.err.contains(&KEY[1..]), "{}", said.err);
        }
    }
}

#[test]
fn commands_and_the_cache_never_learn_the_key() {
    let desk = project(
        "env.tools = [\"env\"]\n\
         [nodes.all]\nrun = \"env; env >&2\"\nenv = [\"REFRAIN_CACHE_KEY\"]\n\
         [nodes.bad]\nrun = \"env; exit 1\"\n",
    );
    let mut command = desk.command(["run", "-k", "-vvv"]);
    let said = Said::of(command.env("REFRAIN_CACHE_KEY", KEY).output().unwrap());
    assert_eq!(said.code, Some(1), "{}", said.err);
    let mut command = desk.command(["get", "all"]);
    let got = Said::of(command.env("REFRAIN_CACHE_KEY", KEY).output().unwrap());
    assert!(got.out.contains("HOME="), "{}", got.out);
    assert!(!format!("{said:?}{got:?}").contains(KEY));
    let found = std::process::Command::new("grep")
        .args(["-rla", KEY, "."])
        .current_dir(desk.path(".cache"))
        .output();
    assert_eq!(String::from_utf8_lossy(&found.unwrap().stdout), "");
}
