//! What reaches a terminal of what commands print and of what somebody else wrote into a cache.

use std::fs::File;
use std::io::Read;
use std::process::Stdio;

use nix::pty::openpty;

use super::desk::Desk;
use super::project;

/// A command that fails with orders to the terminal: the screen cleared, a title, a colour.
const ORDERS: &str = "[nodes.loud]\n\
    run = '''printf 'be\\033[2Jgin\\033]0;title\\007\\033[31mred\\033[0m\\n' >&2; exit 1'''\n";

/// What a command shows on a terminal that is its standard output.
fn on_terminal(desk: &Desk, arguments: &[&str]) -> String {
    let pty = openpty(None, None).unwrap();
    let mut command = desk.command(arguments);
    command.env("TERM", "xterm-256color").stdout(pty.slave);
    let mut child = command.stderr(Stdio::null()).spawn().unwrap();
    // It holds the terminal too.
    drop(command);
    let mut screen: File = pty.master.into();
    let mut shown = Vec::new();
    // The last reader of a terminal that nobody holds is told of an error.
    let _ = screen.read_to_end(&mut shown);
    child.wait().unwrap();
    String::from_utf8(shown).unwrap()
}

fn gives_orders(text: &str) -> bool {
    text.contains("\x1b[2J") || text.contains('\x07') || text.contains("\x1b]")
}

#[test]
fn what_a_command_printed_gives_no_orders() {
    let desk = project(ORDERS);
    let said = desk.say(["--color", "always", "run"]).err;
    assert!(!gives_orders(&said), "{said:?}");
    assert!(said.contains("be^[[2Jgin"), "{said:?}");
    assert!(said.contains("\x1b[31mred\x1b[0m"), "{said:?}");
    let piped = desk.ok(["log", "@", "loud"]).out;
    assert!(gives_orders(&piped), "a file gets it as it is: {piped:?}");
    let shown = on_terminal(&desk, &["log", "@", "loud"]);
    assert!(!gives_orders(&shown), "{shown:?}");
    assert!(shown.contains("be^[[2Jgin"), "{shown:?}");
}

#[test]
fn an_output_gives_no_orders_and_is_piped_as_it_is() {
    let desk = project("[nodes.text]\nrun = '''printf 'a\\033[2Jb\\nc'''' \n");
    desk.ok(["run"]);
    assert_eq!(desk.ok(["get", "text"]).out, "a\x1b[2Jb\nc");
    assert_eq!(on_terminal(&desk, &["get", "text"]), "a^[[2Jb\r\nc");
}

#[test]
fn names_in_a_cache_give_no_orders() {
    let desk = project("[nodes.plain]\nrun = \"echo 1\"\n");
    desk.ok(["run"]);
    let database = rusqlite::Connection::open(desk.path(".cache/records.db")).unwrap();
    let name = "ok\u{1b}[2J\u{9b}2J\nforged";
    database
        .execute("UPDATE runs SET status = ?1", [name])
        .unwrap();
    drop(database);
    let table = desk.ok(["--color", "always", "log"]).out;
    assert!(
        !gives_orders(&table) && !table.contains('\u{9b}'),
        "{table:?}"
    );
    assert_eq!(table.lines().count(), 1, "{table:?}");
    let json = desk.ok(["log", "--json"]).out;
    assert!(!json.contains('\u{9b}'), "{json:?}");
    let told: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(told["runs"][0]["status"], name);
}
