//! The project of a world: a manifest, the scripts that its commands name, and the files that they read.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::model::behaviour::Function;
use crate::model::world::{
    DEFAULT, DEFAULTED, FILE_NAMES, LIST_NAMES, NODE_NAMES, Read, VALUE_NAMES, World,
};

/// What all functions do.
const FOLD: &str = include_str!("fold.sh");

/// The manifest of a world.
pub fn manifest(world: &World) -> String {
    let mut text = String::from("[pipeline]\nname = 'model'\n[cache]\n");
    if let Some(hash) = world.env_hash {
        writeln!(text, "env_hash = '{hash}'").unwrap();
    }
    text += "[inputs]\n";
    for (at, name) in VALUE_NAMES.iter().enumerate() {
        let value = if at == DEFAULTED {
            DEFAULT
        } else {
            world.value(at)
        };
        writeln!(text, "{name} = {{ value = {value} }}").unwrap();
    }
    for name in FILE_NAMES {
        writeln!(text, "{name} = {{ file = '{name}' }}").unwrap();
    }
    let values: Vec<u8> = world
        .list(0)
        .into_iter()
        .map(|(_, content)| content)
        .collect();
    writeln!(text, "l0 = {values:?}\nl1 = {{ files = 'l1/*' }}").unwrap();
    for node in 0..world.nodes.len() {
        text += &table(world, node);
    }
    text
}

/// The table of one node. How it is written, and what comments stand in it, is the style of its function.
fn table(world: &World, node: usize) -> String {
    let design = &world.nodes[node];
    let style = world.functions[design.function].style;
    let comment = format!("# style {style}\n").repeat(usize::from(style));
    let mut table = format!("{comment}[nodes.{}]\n{comment}", NODE_NAMES[node]);
    let kind = Function::of(world, node).kind();
    let mut words = vec![
        "sh".to_owned(),
        format!("functions/f{}.sh", design.function),
        "{output}".to_owned(),
        kind,
    ];
    words.push(
        world
            .helper(design.function)
            .map_or("-".to_owned(), |helper| format!("helpers/h{helper}.sh")),
    );
    words.push(if design.takes_variable { "taken" } else { "-" }.to_owned());
    let mut axes = Vec::new();
    for read in world.reads(node) {
        let item = format!("item_{}", read.name());
        let is_axis = world.is_axis(node, read);
        words.push("--".to_owned());
        words.push(format!("{{{}}}", if is_axis { &item } else { read.name() }));
        if is_axis {
            axes.push(format!("{item} = '{}'", read.name()));
        }
    }
    let words: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    let separator = if style == 2 { ",\n    " } else { ", " };
    writeln!(table, "run = [{}]", words.join(separator)).unwrap();
    if !axes.is_empty() {
        writeln!(table, "map = {{ {} }}", axes.join(", ")).unwrap();
    }
    if let Some(key) = design.cache_key {
        writeln!(table, "cache_key = '{key}'").unwrap();
    }
    if design.takes_variable {
        table += "env = ['VARIABLE']\n";
    }
    if design.discovers {
        table += "depfile = '{output}.d'\n";
    }
    if !world.is_cached(node) {
        table += "cache = false\n";
    }
    table
}

/// What is given on the command line.
pub fn settings(world: &World) -> Vec<String> {
    let given =
        world.values[DEFAULTED].map(|value| format!("--set={}={value}", VALUE_NAMES[DEFAULTED]));
    // An input that nothing takes cannot be set.
    let taken =
        (0..world.nodes.len()).any(|node| world.reads(node).contains(&Read::Value(DEFAULTED)));
    given.filter(|_| taken).into_iter().collect()
}

/// Writes those files of a world that are not there as they should be.
pub fn write(world: &World, dir: &Path) {
    let put = |name: &str, content: Option<String>| {
        let path = dir.join(name);
        let there = fs::read_to_string(&path).ok();
        match content {
            Some(content) if there.as_ref() != Some(&content) => {
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, content).unwrap();
            }
            None if there.is_some() => fs::remove_file(path).unwrap(),
            _ => {}
        }
    };
    put("refrain.toml", Some(manifest(world)));
    put("fold.sh", Some(FOLD.to_owned()));
    put(
        "notes.md",
        Some(format!("read by nobody, {}\n", world.distant)),
    );
    for (number, function) in world.functions.iter().enumerate() {
        let text = format!(
            "NUMBER={number} VERSION={}\n. ./fold.sh\n",
            function.version
        );
        put(&format!("functions/f{number}.sh"), Some(text));
    }
    for (number, helper) in world.helpers.iter().enumerate() {
        put(
            &format!("helpers/h{number}.sh"),
            Some(format!("HELPER={}\n", helper.version)),
        );
    }
    for (name, content) in FILE_NAMES.iter().zip(world.files) {
        put(name, Some(content.to_string()));
    }
    for (at, content) in world.headers.iter().enumerate() {
        put(&format!("headers/h{at}"), Some(content.to_string()));
    }
    fs::create_dir_all(dir.join(LIST_NAMES[1])).unwrap();
    for (slot, content) in world.lists[1].iter().enumerate() {
        put(
            &format!("l1/{slot}"),
            content.map(|content| content.to_string()),
        );
    }
}
