//! What a manifest is refused for, and where.

use std::path::Path;

use refrain_manifest::{Manifest, Problems};

fn problems(text: &str) -> Problems {
    match Manifest::parse(text, Path::new("refrain.toml")) {
        Ok(_) => panic!("nothing is wrong with {text}"),
        Err(problems) => problems,
    }
}

/// A line for each problem: its line and column, what stands there, message and help.
fn told(text: &str) -> Vec<String> {
    let problems = problems(text);
    let source = problems.source();
    let tell = |problem: &refrain_manifest::Problem| {
        let (line, column) = source.position(problem.span.start);
        let there = &text[problem.span.start..problem.span.end];
        let help = problem.help.as_deref().unwrap_or("no help");
        let mut told = format!("{line}:{column} <{there}> {}; {help}", problem.message);
        for (span, what) in &problem.also {
            let (line, column) = source.position(span.start);
            told += &format!("; {line}:{column} <{}> {what}", &text[span.start..span.end]);
        }
        told
    };
    problems.list().iter().map(tell).collect()
}

/// Checks what is said of a text.
#[track_caller]
fn check(text: &str, expected: &[&str]) {
    assert_eq!(told(text), expected, "{text}");
}

#[test]
fn broken_syntax_is_told_all_at_once() {
    check(
        "[pipeline\nname = \n[nodes.x]\nrun = 'a\n",
        &[
            "1:10 <> unclosed table, expected `]`; no help",
            "2:8 <> string values must be quoted, expected literal string; no help",
            "4:9 <> invalid literal string, expected `'`; no help",
        ],
    );
    check(
        "[inputs]\nday = 2024-13-01\n",
        &["2:7 <2024-13-01> invalid date, expected month between 01 and 12; no help"],
    );
}

#[test]
fn nothing_is_defined_twice() {
    check(
        "[inputs]\nx = 1\nx = 2\n",
        &["3:1 <x> \"x\" is defined twice; keep one of them; 2:1 <x> first here"],
    );
    check(
        "[nodes.x]\nrun = 'a'\n[nodes.x]\n",
        &["3:8 <x> \"x\" is defined twice; keep one of them; 1:8 <x> first here"],
    );
    check(
        "inputs.x = 1\n[inputs]\n",
        &["2:2 <inputs> \"inputs\" is defined twice; keep one of them; 1:1 <inputs> first here"],
    );
    check(
        "[inputs]\nx = { value = 1, value = 2 }\n",
        &["2:18 <value> \"value\" is defined twice; keep one of them; 2:7 <value> first here"],
    );
    check(
        "[nodes.x]\nrun = 'a'\nmap.a = 'b'\n[nodes.x.map]\na = 'b'\n",
        &["4:10 <map> \"map\" is defined twice; keep one of them; 3:1 <map> first here"],
    );
}

#[test]
fn unknown_keys_are_refused_with_the_nearest() {
    check(
        "[node.x]\nrun = 'a'\n",
        &["1:2 <node> unknown key \"node\"; did you mean \"nodes\"?"],
    );
    check(
        "[nodes.x]\nrum = 'a'\n",
        &["2:1 <rum> unknown key \"rum\"; did you mean \"run\"?"],
    );
    check(
        "[pipeline]\nzzz = 1\n",
        &["2:1 <zzz> unknown key \"zzz\"; [pipeline] takes name, targets"],
    );
    check(
        "[cache]\nmax-size = '1 GB'\n[env]\ntool = []\n",
        &[
            "2:1 <max-size> unknown key \"max-size\"; did you mean \"max_size\"?",
            "4:1 <tool> unknown key \"tool\"; did you mean \"tools\"?",
        ],
    );
    check(
        "[inputs]\nx = { fil = 'a' }\n",
        &["2:7 <fil> unknown key \"fil\"; did you mean \"file\"?"],
    );
}

#[test]
fn types_are_checked() {
    check(
        "nodes = 5\n",
        &["1:9 <5> expected a table, found an integer; no help"],
    );
    check(
        "[nodes]\nx = 5\n",
        &["2:5 <5> expected a table with a command to run, found an integer; no help"],
    );
    check(
        "[nodes.x]\nrun = 5\n",
        &[
            "2:7 <5> expected a command, as a string or an array of strings, found an integer; no help",
        ],
    );
    check(
        "[nodes.x]\nrun = ['a', 5]\n",
        &["2:13 <5> expected a string, found an integer; no help"],
    );
    check(
        "[nodes.x]\nrun = 'a'\nmap = 'docs'\ncache = 'yes'\nretries = -1\nformat = 'jsn'\nenv = ['A', 5, 'B=c']\n",
        &[
            "3:7 <'docs'> expected a table such as { item = \"list\" }, found a string; no help",
            "4:9 <'yes'> expected true or false, found a string; no help",
            "5:11 <-1> this is not between 0 and 4294967295; no help",
            "6:10 <'jsn'> unknown format \"jsn\"; did you mean \"json\"?",
            "7:13 <5> expected a string, found an integer; no help",
            "7:16 <'B=c'> this cannot be a variable's name; leave out \"=\" and what follows",
        ],
    );
    check(
        "[cache]\nenabled = 1\ndependency_depth = 'a'\nmax_size = '10 parsecs'\ncache_dir = ''\n",
        &[
            "2:11 <1> expected true or false, found an integer; no help",
            "3:20 <'a'> expected a whole number, found a string; no help",
            "4:12 <'10 parsecs'> \"10 parsecs\" is no size; write \"500 MB\" or \"10 GiB\"",
            "5:13 <''> this is empty; fill it in, or leave the key out",
        ],
    );
    check(
        "[nodes.x]\nrun = 'a'\ntimeout = '10 parsecs'\n[nodes.y]\nrun = 'a'\ntimeout = '1mo'\n[nodes.z]\nrun = 'a'\ntimeout = '0s'\n",
        &[
            "3:11 <'10 parsecs'> \"10 parsecs\" is no duration; write \"90s\", \"10m\", \"1h 30m\" or \"7d\"",
            "6:11 <'1mo'> months and years vary in length; write \"90s\", \"10m\", \"1h 30m\" or \"7d\"",
            "9:11 <'0s'> this is no time at all; write \"90s\", \"10m\", \"1h 30m\" or \"7d\"",
        ],
    );
}

#[test]
fn a_command_has_something_to_run() {
    check(
        "[nodes.x]\nto = 'a'\n",
        &["1:8 <x> node \"x\" has nothing to run; add run = \"<command>\""],
    );
    check(
        "[nodes.x]\nrun = ' '\n",
        &["2:7 <' '> there is nothing to run; write a command"],
    );
    check(
        "[nodes.x]\nrun = []\n",
        &["2:7 <[]> there is nothing to run; write a command"],
    );
    check(
        "[nodes.x]\nrun = ['', 'a']\n",
        &["2:7 <['', 'a']> there is nothing to run; write a command"],
    );
    check(
        "[nodes.x]\nrun = \"echo a\\u0000b\"\n",
        &["2:14 <\\u0000> a NUL byte cannot be passed to any program; leave it out"],
    );
}

#[test]
fn placeholders_are_checked() {
    check(
        "[nodes.x]\nrun = \"echo '{x}'\"\n",
        &[
            "2:14 <{x}> `{x}` stands in quotes; values are quoted by themselves: drop the quotes, or end them before it, as in \"a \"{x}\" b\"",
        ],
    );
    check(
        "[nodes.x]\nrun = ['echo', 'a {x']\n",
        &["2:19 <{> this brace is never closed; write `{{` for a brace of the text itself"],
    );
    check(
        "[nodes.x]\nrun = \"awk '{print $1}'\"\n",
        &[
            "2:13 <{print $1}> `{print $1}` is no placeholder; write `{{print $1}}` for braces of the text itself",
        ],
    );
    check(
        "[nodes.x]\nrun = 'a {output:list}'\n",
        &["2:10 <{output:list}> where to write is one path, and no list; write {output}"],
    );
}

#[test]
fn names_stand_for_something() {
    check(
        "[inputs]\ncorpus = 1\n[nodes.x]\nrun = 'cat {corpsu} {zzz}'\nparams = ['corpis', 'output']\n",
        &[
            "4:12 <{corpsu}> no input and no node is called \"corpsu\"; did you mean \"corpus\"?",
            "4:21 <{zzz}> no input and no node is called \"zzz\"; declare it under [inputs], or write {{zzz}} for braces",
            "5:11 <'corpis'> no input and no node is called \"corpis\"; did you mean \"corpus\"?",
            "5:21 <'output'> \"output\" is no parameter; write {output} in the command",
        ],
    );
    check(
        "[inputs]\ndocs = { files = '*.txt' }\n[nodes.x]\nrun = 'cat {doc}'\nmap = { doc = 'dosc' }\n",
        &["5:15 <'dosc'> no input and no node is called \"dosc\"; did you mean \"docs\"?"],
    );
    check(
        "[pipeline]\ntargets = ['text', 'nod', 'zzzz']\n[inputs]\ntext = 'a'\n[nodes.node]\nrun = 'echo {text}'\n",
        &[
            "2:12 <'text'> \"text\" is an input, and no node; name a node",
            "2:20 <'nod'> no node is called \"nod\"; did you mean \"node\"?",
            "2:27 <'zzzz'> no node is called \"zzzz\"; name a node",
        ],
    );
}

#[test]
fn names_are_names() {
    check(
        "[nodes.output]\nrun = 'a'\n",
        &[
            "1:8 <output> a node cannot be called \"output\"; {output} is where a command writes to; choose another name",
        ],
    );
    check(
        "[nodes.\"a b\"]\nrun = 'a'\n",
        &[
            "1:8 <\"a b\"> \"a b\" cannot be a name; names are letters, digits, \"_\" and \"-\", and begin with a letter or \"_\"",
        ],
    );
    check(
        "[inputs]\n9 = 1\n",
        &[
            "2:1 <9> \"9\" cannot be a name; names are letters, digits, \"_\" and \"-\", and begin with a letter or \"_\"",
        ],
    );
    check(
        "[inputs]\nx = 1\n[nodes.x]\nrun = 'a'\n",
        &["3:8 <x> \"x\" is both an input and a node; rename one of them; 2:1 <x> the input"],
    );
    check(
        "[inputs]\na-b = 1\na_b = 2\n[nodes.x]\nrun = 'a'\nparams = ['a-b', 'a_b']\n",
        &[
            "6:18 <'a_b'> two parameters in one variable, REFRAIN_A_B; rename one of them; 6:11 <'a-b'> the other",
        ],
    );
}

#[test]
fn only_lists_are_lists() {
    check(
        "[inputs]\na = 1\n[nodes.x]\nrun = 'cat {a:list}'\n",
        &["4:12 <{a:list}> input \"a\" is no list; write {a}"],
    );
    check(
        "[inputs]\ndocs = { files = '*.txt' }\n[nodes.x]\nrun = 'cat {doc:json}'\nmap = { doc = 'docs' }\n",
        &["4:12 <{doc:json}> \"doc\" is one item of a list, and no list; write {doc}"],
    );
    check(
        "[inputs]\ndocs = { file = 'a' }\n[nodes.x]\nrun = 'cat {doc}'\nmap = { doc = 'docs' }\n",
        &[
            "5:15 <'docs'> input \"docs\" is no list; map over { files = \"..\" }, an array, or a node",
        ],
    );
    check(
        "[nodes.a]\nrun = 'a'\n[nodes.x]\nrun = 'cat {doc}'\nmap = { doc = 'a' }\n",
        &[
            "5:15 <'a'> node \"a\" is no list; give it format = \"json\" if its output is an array, or map it as well",
        ],
    );
    check(
        "[nodes.x]\nrun = 'a'\nmap = {}\n",
        &["3:7 <{}> this maps over nothing; name a list: { item = \"list\" }"],
    );
    check(
        "[inputs]\ndocs = { files = '*.txt' }\n[nodes.x]\nrun = 'cat -{docs}'\n[nodes.y]\nrun = ['cat', '{docs}', '{docs},']\n",
        &[
            "4:13 <{docs}> \"docs\" is a list and has to stand as a word of its own; put nothing right before and behind it, or write {docs:list} for one file",
            "6:26 <{docs}> \"docs\" is a list and has to stand as a word of its own; put nothing right before and behind it, or write {docs:list} for one file",
        ],
    );
}

#[test]
fn keys_tell_items_of_json_apart() {
    check(
        "[nodes.x]\nrun = 'a'\nkey = 'id'\n",
        &["3:7 <'id'> a key without a map; add map = { item = \"list\" }, or leave the key out"],
    );
    check(
        "[inputs]\ndocs = { files = '*.txt' }\n[nodes.x]\nrun = 'cat {doc}'\nmap = { doc = 'docs' }\nkey = 'id'\n",
        &[
            "6:7 <'id'> nothing that is mapped over has keys of its own; files are told apart by their paths: leave the key out",
        ],
    );
    check(
        "[inputs]\ndocs = [{ id = 1 }, { name = 2 }]\n[nodes.x]\nrun = 'cat {doc}'\nmap = { doc = 'docs' }\nkey = 'id'\n",
        &["6:7 <'id'> item 2 of input \"docs\" has no \"id\"; give it one; 2:1 <docs> the list"],
    );
}

#[test]
fn circles_are_named_all_around() {
    check(
        "[nodes.a]\nrun = 'cat {a}'\n",
        &["2:12 <{a}> node \"a\" needs its own output; let one of them do without the other"],
    );
    check(
        "[nodes.a]\nrun = 'cat {b}'\nformat = 'json'\n[nodes.b]\nrun = 'cat'\nparams = ['c']\n[nodes.c]\nrun = 'cat {x}'\nmap = { x = 'a' }\n[nodes.d]\nrun = 'cat {a} {e}'\n[nodes.e]\nrun = 'cat {d}'\n",
        &[
            "2:12 <{b}> nodes need each other in a circle: a -> b -> c -> a; let one of them do without the other; 6:11 <'c'> \"b\" needs \"c\"; 9:13 <'a'> \"c\" needs \"a\"",
            "11:16 <{e}> nodes need each other in a circle: d -> e -> d; let one of them do without the other; 13:12 <{d}> \"e\" needs \"d\"",
        ],
    );
}

#[test]
fn outputs_have_places_of_their_own() {
    check(
        "[nodes.a]\nrun = 'a'\nto = 'build/a'\n[nodes.b]\nrun = 'a'\nto = './build//a/'\n",
        &[
            "6:6 <'./build//a/'> nodes \"a\" and \"b\" are put in one place; give each a place of its own; 3:6 <'build/a'> the other one",
        ],
    );
    check(
        "[nodes.a]\nrun = 'a'\nto = 'build/a'\n[nodes.b]\nrun = 'a'\nto = 'build'\n",
        &[
            "3:6 <'build/a'> node \"a\" is put inside of \"b\"; give each a place of its own; 6:6 <'build'> the other one",
        ],
    );
    check(
        "[nodes.a]\nrun = 'a'\nto = 'refrain.toml'\n[nodes.b]\nrun = 'a'\nto = '.cache/b'\n",
        &[
            "3:6 <'refrain.toml'> refrain.toml belongs to refrain itself; choose another place",
            "6:6 <'.cache/b'> .cache belongs to refrain itself; choose another place",
        ],
    );
    check(
        "[inputs]\nd = { dir = 'data' }\nf = { file = 'build/a' }\n[nodes.a]\nrun = 'cat {d} {f}'\nto = 'build/a'\nsources = ['build/*', 'build/a/c']\n[nodes.b]\nrun = 'a'\nto = 'data/b'\n",
        &[
            "3:14 <'build/a'> this is where the output of node \"a\" is put; name the node: {a}",
            "7:23 <'build/a/c'> this is where the output of node \"a\" is put; name the node: {a}",
            "10:6 <'data/b'> node \"b\" is put into input \"d\"; choose a place that no node reads; 2:1 <d> the input",
        ],
    );
}

#[test]
fn paths_stay_in_the_project() {
    check(
        "[nodes.a]\nrun = 'a'\nto = '/build/a'\n[nodes.b]\nrun = 'a'\nto = 'a/../../b'\n[nodes.c]\nrun = 'a'\nto = './.'\n",
        &[
            "3:6 <'/build/a'> an absolute path leads out of the project; write it relative to the manifest's directory",
            "6:6 <'a/../../b'> \"..\" leads out of the project; name a place below the manifest's directory",
            "9:6 <'./.'> this is the project itself; name a place below it",
        ],
    );
    check(
        "[inputs]\na = { file = '../a' }\nb = { dir = '.' }\nc = { files = '/etc/*' }\nd = { files = ['a/../*', 'a[', 'a'] }\n[nodes.x]\nrun = 'a'\nsources = '../lib/*.py'\n",
        &[
            "2:14 <'../a'> \"..\" leads out of the project; write an absolute path to go elsewhere",
            "3:13 <'.'> this is the project itself; name a place below it",
            "4:15 <'/etc/*'> an absolute path leads out of the project; write it relative to the manifest's directory",
            "5:16 <'a/../*'> \"..\" leads out of the project; name files below the manifest's directory",
            "5:26 <'a['> this is no pattern: unclosed character class; missing ']'; write a backslash before \"[\", \"{\" and \"*\" in a file's name",
            "8:11 <'../lib/*.py'> \"..\" leads out of the project; name files below the manifest's directory",
        ],
    );
}

#[test]
fn inputs_are_one_thing() {
    check(
        "[inputs]\nx = {}\ny = { help = 'what it is for' }\n",
        &[
            "2:1 <x> input \"x\" has no value; add one of value, file, files, dir and env; a table as a value is { value = { .. } }",
            "3:1 <y> input \"y\" has no value; add one of value, file, files, dir and env; a table as a value is { value = { .. } }",
        ],
    );
    check(
        "[inputs]\nx = { file = 'a', dir = 'b' }\n",
        &[
            "2:19 <dir> input \"x\" is two things at once; give each an input of its own; 2:7 <file> it already is this",
        ],
    );
    check(
        "[inputs]\nx = inf\ny = { env = 'A=B' }\n",
        &[
            "2:5 <inf> inf is no number that JSON has; write it as a string",
            "3:13 <'A=B'> this cannot be a variable's name; leave out \"=\" and what follows",
        ],
    );
    check(
        "[inputs]\nx = 99999999999999999999\n",
        &["2:5 <99999999999999999999> this does not fit into 64 bits; no help"],
    );
}

#[test]
fn outputs_can_be_written() {
    check(
        "[nodes.x]\nrun = 'a'\nformat = 'dir'\n",
        &[
            "2:7 <'a'> a directory cannot come from standard output; write {output} where the command takes the directory",
        ],
    );
    check(
        "[nodes.x]\nrun = 'a'\ndepfile = '{output}.d'\n",
        &[
            "3:12 <{output}> the command knows no path for {output}; let the command write to {output} as well",
        ],
    );
    check(
        "[nodes.x]\nrun = 'a {output}'\ndepfile = '{x}.d'\n",
        &[
            "3:12 <{x}> the command knows no path for {x}; a depfile stands beside the output: \"{output}.d\"",
        ],
    );
}

#[test]
fn places_are_right_behind_anything() {
    check(
        "[nodes.x]\r\n\trun = \"\\té\\u00e9 {nope}\"\r\n",
        &[
            "2:19 <{nope}> no input and no node is called \"nope\"; declare it under [inputs], or write {{nope}} for braces",
        ],
    );
    check(
        "[nodes.x]\nrun = '''\ncat \\\r\n  é {nope}'''\n",
        &[
            "4:5 <{nope}> no input and no node is called \"nope\"; declare it under [inputs], or write {{nope}} for braces",
        ],
    );
    check(
        "[nodes.x]\nrun = \"\"\"\\\n   cat \\\n   \\\"{nope}\"\"\"\n",
        &[
            "4:6 <{nope}> `{nope}` stands in quotes; values are quoted by themselves: drop the quotes, or end them before it, as in \"a \"{nope}\" b\"",
        ],
    );
}
