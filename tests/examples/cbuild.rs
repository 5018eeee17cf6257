//! A program in C: files that are found while running, and what a compiler says.

use std::fs;
use std::process::Command;

use crate::Example;
use crate::desk::Said;

fn cbuild() -> Option<Example> {
    let cbuild = Example::copy("cbuild", &["cc"])?;
    let total = sources(&cbuild).len();
    assert!(total >= 20);
    let compiled = format!("objects {total} of {total}");
    cbuild.executes(&[&compiled, "calc", "tests 8 of 8"]);
    Some(cbuild)
}

fn sources(cbuild: &Example) -> Vec<String> {
    let names = fs::read_dir(cbuild.0.path("src")).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.ends_with(".c")).collect()
}

/// The sources that include a header, as the compiler says without refrain.
fn including(cbuild: &Example, header: &str) -> usize {
    let includes = |source: &String| {
        let mut cc = Command::new("cc");
        let cc = cc.arg("-MM").arg(cbuild.0.path("src").join(source));
        let rule = String::from_utf8(cc.output().unwrap().stdout).unwrap();
        rule.split_whitespace()
            .any(|file| file.ends_with(&format!("/{header}")))
    };
    sources(cbuild)
        .iter()
        .filter(|source| includes(source))
        .count()
}

fn calc(cbuild: &Example, expression: &str) -> String {
    let mut calc = Command::new(cbuild.0.path("build/calc"));
    let said = Said::of(calc.args(["-e", expression]).output().unwrap());
    assert_eq!(said.code, Some(0), "{}", said.err);
    said.out
}

#[test]
fn the_program_works_and_nothing_is_built_twice() {
    let Some(cbuild) = cbuild() else { return };
    assert_eq!(calc(&cbuild, "6 * 7"), "42\n");
    cbuild.executes(&[]);
    cbuild.touch();
    cbuild.executes(&[]);
}

#[test]
fn a_comment_recompiles_one_file_and_links_nothing() {
    let Some(cbuild) = cbuild() else { return };
    let total = sources(&cbuild).len();
    cbuild.prepend("src/map.c", "/* Another\n   comment. */\n");
    cbuild.executes(&[&format!("objects 1 of {total}")]);
}

#[test]
fn a_header_recompiles_what_includes_it() {
    let Some(cbuild) = cbuild() else { return };
    let total = sources(&cbuild).len();
    let mut fans = Vec::new();
    for header in ["hash.h", "file.h", "arena.h", "value.h"] {
        let including = including(&cbuild, header);
        cbuild.prepend(&format!("src/{header}"), "/* Another comment. */\n");
        cbuild.executes(&[&format!("objects {including} of {total}")]);
        fans.push(including);
    }
    assert!(fans.is_sorted() && fans[0] < fans[3], "{fans:?}");
}

#[test]
fn an_edit_is_linked_and_taken_back_at_no_cost() {
    let Some(cbuild) = cbuild() else { return };
    let total = sources(&cbuild).len();
    let compiled = format!("objects 1 of {total}");
    cbuild.edit(
        "src/operators.c",
        "number(left * right)",
        "number(left / right)",
    );
    let failed = cbuild.0.say(["run"]);
    assert_eq!(failed.code, Some(1));
    assert!(failed.err.contains("and should be"), "{}", failed.err);
    assert_eq!(calc(&cbuild, "6 * 2"), "3\n");

    cbuild.edit(
        "src/operators.c",
        "number(left / right)",
        "number(left * right)",
    );
    cbuild.executes(&[]);
    assert_eq!(calc(&cbuild, "6 * 2"), "12\n");

    cbuild.edit("src/main.c", "usage: calc SCRIPT", "usage: calc FILE");
    cbuild.executes(&[&compiled, "calc", "tests 8 of 8"]);
}

#[test]
fn what_the_compiler_says_is_shown() {
    let Some(cbuild) = cbuild() else { return };
    cbuild.edit(
        "src/lexer.c",
        "int line = lexer->line;",
        "int line = lexer->lime;",
    );
    let failed = cbuild.0.say(["run"]);
    assert_eq!(failed.code, Some(1));
    assert!(failed.err.contains("src/lexer.c:"), "{}", failed.err);
    assert!(failed.err.contains("has no member named"), "{}", failed.err);
    cbuild.edit(
        "src/lexer.c",
        "int line = lexer->lime;",
        "int line = lexer->line;",
    );
    cbuild.executes(&[]);
}

#[test]
fn sources_come_and_go() {
    let Some(cbuild) = cbuild() else { return };
    let total = sources(&cbuild).len() + 1;
    cbuild.0.write(
        "src/more.c",
        "int more(void);\nint more(void) { return 1; }\n",
    );
    cbuild.executes(&[&format!("objects 1 of {total}"), "calc", "tests 8 of 8"]);
    fs::remove_file(cbuild.0.path("src/more.c")).unwrap();
    cbuild.executes(&[]);
    cbuild.0.write("tests/more.calc", "check(1 + 1, 2);\n");
    cbuild.executes(&["tests 1 of 9"]);
}
