//! `refrain watch`: each test is a project in a directory, the real program
//! that watches it, and edits, each made when the revision before it was told.

#[path = "support/desk.rs"]
mod desk;
#[path = "support/example.rs"]
mod example;
#[path = "support/projects.rs"]
mod projects;
#[path = "support/watching.rs"]
mod watching;

use std::fs;
use std::os::unix::fs::symlink;

use desk::{Desk, with};
use projects::{items, listed, project, two_files};
use watching::Watching;

#[test]
fn an_edit_executes_what_it_reaches() {
    let desk = two_files();
    let watching = Watching::start(&desk, &[]);
    assert_eq!(watching.executed(), ["a", "b", "both"]);
    desk.write("left.txt", "3");
    assert_eq!(watching.executed(), ["a", "both"]);
    assert_eq!(desk.read("both.txt"), "32");
    // As most editors save: a file of another name takes the place.
    desk.write(".right.txt.tmp", "4");
    fs::rename(desk.path(".right.txt.tmp"), desk.path("right.txt")).unwrap();
    assert_eq!(watching.executed(), ["b", "both"]);
    // Back again: everything is known, and that is a revision, too.
    desk.write("right.txt", "2");
    let back = watching.next();
    assert_eq!(with(&back, "executed"), [""; 0]);
    assert_eq!(desk.read("both.txt"), "32");
    assert_eq!(watching.interrupt(), Some(130));
}

#[test]
fn a_pipeline_written_in_rust_is_watched_too() {
    let desk = Desk::new(&example::example("words"));
    desk.write("text.txt", "rain and rain");
    let watching = Watching::start(&desk, &["--set", "text=text.txt", "--set", "title=T"]);
    assert_eq!(watching.executed(), ["words", "counts", "top", "report"]);
    desk.write("text.txt", "Rain, and rain");
    assert_eq!(watching.executed(), ["words"]);
    desk.write("text.txt", "sun");
    assert_eq!(watching.executed(), ["words", "counts", "top", "report"]);
    assert_eq!(watching.interrupt(), Some(130));
}

#[test]
fn what_is_asked_for_is_as_for_a_run() {
    let desk = two_files();
    desk.write("other.txt", "5");
    let watching = Watching::start(&desk, &["a", "--set", "left=other.txt", "-j", "1", "-k"]);
    assert_eq!(watching.executed(), ["a"]);
    desk.write("left.txt", "nobody reads this");
    desk.write("right.txt", "nor this");
    desk.write("other.txt", "6");
    assert_eq!(watching.executed(), ["a"]);
    let refused = desk.say(["watch", "nothing"]);
    assert_eq!(refused.code, Some(2), "{}", refused.err);
}

#[test]
fn files_that_come_and_go_are_seen() {
    let desk = listed();
    let watching = Watching::start(&desk, &[]);
    assert_eq!(items(&watching.next(), "words"), (2, 2));
    desk.write("texts/c.txt", "c");
    assert_eq!(items(&watching.next(), "words"), (1, 3));
    fs::remove_file(desk.path("texts/a.txt")).unwrap();
    assert_eq!(items(&watching.next(), "words"), (0, 2));
    desk.write("texts/deep/er/d.txt", "d");
    assert_eq!(items(&watching.next(), "words"), (1, 3));
    desk.write("texts/deep/er/d.txt", "new");
    assert_eq!(items(&watching.next(), "words"), (1, 3));
    assert_eq!(desk.read("texts/all.txt"), "bcnew");
}

#[test]
fn a_directory_that_moves_away_and_back_is_followed() {
    let desk = listed();
    // Whatever is put into a directory makes it.
    let manifest = desk.read("refrain.toml");
    desk.write("refrain.toml", manifest.replace("to = ", "cache_key = "));
    let watching = Watching::start(&desk, &[]);
    watching.next();
    fs::rename(desk.path("texts"), desk.path("away")).unwrap();
    assert_eq!(with(&watching.next(), "executed"), ["all"]);
    // It is not watched there.
    desk.write("away/a.txt", "changed");
    fs::rename(desk.path("away"), desk.path("texts")).unwrap();
    assert_eq!(items(&watching.next(), "words"), (1, 2));
    desk.write("texts/b.txt", "changed");
    assert_eq!(items(&watching.next(), "words"), (1, 2));
    // Another one in its place.
    fs::remove_dir_all(desk.path("texts")).unwrap();
    desk.write("texts/x.txt", "x");
    while desk.say(["get", "all"]).out != "x" {
        watching.next();
    }
    desk.write("texts/x.txt", "y");
    assert_eq!(items(&watching.next(), "words"), (1, 1));
}

#[test]
fn links_are_followed_to_where_they_lead() {
    let desk = project(
        "inputs.now = { file = 'now/x' }\ninputs.link = { file = 'link' }\n\
         [nodes.a]\nrun = 'cat {now}'\n[nodes.b]\nrun = 'cat {link}'\n",
    );
    desk.write("v1/x", "1");
    desk.write("v2/x", "2");
    desk.write("far/target", "t");
    symlink("v1", desk.path("now")).unwrap();
    symlink("far/target", desk.path("link")).unwrap();
    let watching = Watching::start(&desk, &[]);
    assert_eq!(watching.executed(), ["a", "b"]);
    desk.write("far/target", "u");
    assert_eq!(watching.executed(), ["b"]);
    symlink("v2", desk.path("next")).unwrap();
    fs::rename(desk.path("next"), desk.path("now")).unwrap();
    assert_eq!(watching.executed(), ["a"]);
    desk.write("v2/x", "3");
    assert_eq!(watching.executed(), ["a"]);
}

#[test]
fn a_directory_is_watched_all_the_way_down() {
    let desk = project(
        "inputs.tree = { dir = 'tree' }\n[nodes.list]\nrun = 'cd {tree} && find . -type f'\n",
    );
    desk.write("tree/a", "");
    fs::create_dir(desk.path("tree/empty")).unwrap();
    let watching = Watching::start(&desk, &[]);
    watching.next();
    desk.write("tree/empty/b", "");
    assert_eq!(watching.executed(), ["list"]);
    desk.write("tree/new/c", "");
    assert_eq!(watching.executed(), ["list"]);
    desk.write("tree/new/c", "changed");
    assert_eq!(watching.executed(), ["list"]);
    // Also where a link leads.
    desk.write("far/d", "");
    symlink("../far", desk.path("tree/link")).unwrap();
    assert_eq!(watching.executed(), ["list"]);
    desk.write("far/d", "changed");
    assert_eq!(watching.executed(), ["list"]);
}

#[test]
fn programs_count_with_what_they_import() {
    let desk = project(
        "[nodes.a]\nrun = 'python3 load.py > {output}'\n\
         [nodes.b]\nrun = 'sh tool.sh'\nsources = ['lib/*.sh']\n",
    );
    desk.write("load.py", "import helper\nprint(helper.x)\n");
    desk.write("helper.py", "x = 1\n");
    desk.write("tool.sh", "for part in lib/*.sh; do . ./$part; done\n");
    desk.write("lib/a.sh", "echo a\n");
    let watching = Watching::start(&desk, &[]);
    assert_eq!(watching.executed(), ["a", "b"]);
    desk.write("helper.py", "x = 2\n");
    assert_eq!(watching.executed(), ["a"]);
    desk.write(
        "tool.sh",
        "for part in lib/*.sh; do . ./$part; done; echo end\n",
    );
    assert_eq!(watching.executed(), ["b"]);
    desk.write("lib/b.sh", "echo b\n");
    assert_eq!(watching.executed(), ["b"]);
    // A comment changes nothing in Python; the next revision is that of the shell.
    desk.write("helper.py", "x = 2  # two\n");
    desk.write("lib/b.sh", "echo c\n");
    assert_eq!(watching.executed(), ["b"]);
}

#[test]
fn a_manifest_is_taken_up_and_a_broken_one_told() {
    let desk = two_files();
    let manifest = desk.read("refrain.toml");
    let watching = Watching::start(&desk, &[]);
    watching.next();
    let longer = format!("{manifest}[nodes.more]\nrun = 'cat {{a}}; echo more'\n");
    desk.write("refrain.toml", &longer);
    assert_eq!(watching.executed(), ["more"]);
    desk.write("refrain.toml", longer.replace("{a}; echo", "{c}; echo"));
    watching.hear("no input and no node is called \"c\"");
    watching.hear("refrain.toml:");
    // The last good one stays live.
    desk.write("left.txt", "3");
    assert_eq!(watching.executed(), ["a", "both", "more"]);
    desk.write("refrain.toml", longer.replace("echo more", "echo less"));
    assert_eq!(watching.executed(), ["more"]);
    fs::remove_file(desk.path("refrain.toml")).unwrap();
    watching.hear("read refrain.toml:");
    desk.write("refrain.toml", &manifest);
    let shorter = watching.next();
    assert_eq!(with(&shorter, "executed"), [""; 0]);
    assert_eq!(shorter["nodes"].as_array().unwrap().len(), 3);
}

#[test]
fn another_cache_takes_effect_at_once() {
    let desk = two_files();
    let manifest = desk.read("refrain.toml");
    let watching = Watching::start(&desk, &["a"]);
    assert_eq!(watching.executed(), ["a"]);
    let named = format!("{manifest}[cache]\nenv_hash = 'other'\n");
    desk.write("refrain.toml", &named);
    assert_eq!(watching.executed(), ["a"]);
    let moved = format!("{manifest}[cache]\ncache_dir = 'cache'\n");
    desk.write("refrain.toml", &moved);
    assert_eq!(watching.executed(), ["a"]);
    desk.write("left.txt", "3");
    assert_eq!(watching.executed(), ["a"]);
    assert!(desk.path("cache/records.db").exists());
    desk.write("refrain.toml", &manifest);
    assert_eq!(watching.executed(), ["a"], "the edited file is new to it");
}

#[test]
fn a_header_that_a_command_finds_is_watched() {
    let desk = project(
        "inputs.main = { file = 'main.c' }\n\
         [nodes.object]\ndepfile = '{output}.d'\n\
         run = 'd=include; cat {main} $d/x.h > {output}; echo o: $d/x.h > {output}.d'\n",
    );
    desk.write("main.c", "main");
    desk.write("include/x.h", "1");
    let watching = Watching::start(&desk, &[]);
    assert_eq!(watching.executed(), ["object"]);
    for text in ["2", "3"] {
        desk.write("include/x.h", text);
        assert_eq!(watching.executed(), ["object"]);
    }
}

#[test]
fn what_git_ignores_is_no_file_of_a_list() {
    let desk = listed();
    desk.write(".gitignore", "ignored.txt");
    let watching = Watching::start(&desk, &[]);
    assert_eq!(items(&watching.next(), "words"), (2, 2));
    desk.write("texts/ignored.txt", "i");
    desk.write("texts/c.txt", "c");
    assert_eq!(items(&watching.next(), "words"), (1, 3));
    desk.write(".gitignore", "");
    assert_eq!(items(&watching.next(), "words"), (1, 4));
}
