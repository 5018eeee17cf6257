//! The pipeline of a world, as the library has it, and the inputs of its runs.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use refrain::{Args, Code, Digest, Failure, Inputs, Item, Node, Param, Pipeline, file, files};

use crate::model::behaviour::{Function, number};
use crate::model::known::{Key, hash};
use crate::model::world::{
    DEFAULT, DEFAULTED, FILE_NAMES, NODE_NAMES, Read, Text, VALUE_NAMES, World,
};

/// What executed, by label.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<BTreeMap<String, usize>>>);

impl Log {
    fn note(&self, label: String) {
        *self.0.lock().unwrap().entry(label).or_default() += 1;
    }

    /// What executed since the last call.
    pub fn take(&self) -> BTreeMap<String, usize> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// Where the files of a world are.
pub fn path(dir: &Path, name: &str) -> PathBuf {
    dir.join(name)
}

pub fn header_name(at: usize) -> String {
    format!("h{at}")
}

pub fn slot_name(list: usize, slot: usize) -> String {
    format!("l{list}-{slot}")
}

/// What a pipeline stands on: of two worlds with one of it the pipelines are equal.
pub fn structure(world: &World) -> Key {
    let World {
        nodes,
        functions,
        cached,
        helpers,
        distant,
        variable,
        ..
    } = world;
    hash((nodes, functions, cached, helpers, distant, variable))
}

pub fn pipeline(world: &World, dir: &Path, log: &Log) -> Pipeline {
    let nodes = (0..world.nodes.len()).map(|at| node(world, at, dir, log));
    Pipeline::new(nodes.collect()).unwrap().named("model")
}

/// How a parameter comes to the function.
#[derive(Clone, Copy)]
enum Taken {
    Value,
    File,
    Text,
    Texts,
    Values,
    Files,
}

fn taken(world: &World, node: usize, read: Read) -> Taken {
    match (read, world.is_axis(node, read)) {
        (Read::Value(_), _) | (Read::List(0), true) => Taken::Value,
        (Read::File(_), _) | (Read::List(_), true) => Taken::File,
        (Read::List(0), false) => Taken::Values,
        (Read::List(_), false) => Taken::Files,
        (Read::Node(_), true) => Taken::Text,
        (Read::Node(parent), false) if world.nodes[parent].list.is_none() => Taken::Text,
        (Read::Node(_), false) => Taken::Texts,
    }
}

fn param(read: Read, taken: Taken) -> Param {
    let name = read.name();
    match taken {
        Taken::Value if read == Read::Value(DEFAULTED) => {
            Param::with_default::<u8>(name, || DEFAULT)
        }
        Taken::Value => Param::of::<u8>(name),
        Taken::File => Param::new::<PathBuf>(name),
        Taken::Text => Param::of::<String>(name),
        Taken::Texts => Param::of::<Vec<String>>(name),
        Taken::Values => Param::of::<Vec<u8>>(name),
        Taken::Files => Param::new::<Vec<PathBuf>>(name),
    }
}

fn node(world: &World, at: usize, dir: &Path, log: &Log) -> Node {
    let design = &world.nodes[at];
    let reads: Vec<(Read, Taken)> = world
        .reads(at)
        .into_iter()
        .map(|read| (read, taken(world, at, read)))
        .collect();
    let mut node = Node::named(NODE_NAMES[at]).code(code(world, at));
    if let Some(key) = design.cache_key {
        node = node.cache_key(&key.to_string());
    }
    if design.takes_variable {
        let variable = world.variable.map(|value| value.to_string());
        node = node.env("VARIABLE", variable.as_deref());
    }
    if design.discovers {
        node = node.discovers();
    }
    let action = action(
        Function::of(world, at),
        reads.iter().map(|(_, taken)| *taken).collect(),
        dir,
        log,
    );
    if design.list.is_none() {
        let node = reads
            .iter()
            .fold(node, |node, (read, taken)| node.param(param(*read, *taken)));
        return match world.is_cached(at) {
            true => node.cached(action),
            false => node.uncached(action),
        };
    }
    let node = reads.iter().fold(node.mapped(), |node, (read, taken)| {
        match (world.is_axis(at, *read), taken) {
            (true, Taken::Value) => node.over_items::<u8>(read.name()),
            (true, Taken::File) => node.over_items::<PathBuf>(read.name()),
            (true, _) => node.over_items::<String>(read.name()),
            (false, taken) => node.param(param(*read, *taken)),
        }
    });
    match world.is_cached(at) {
        true => node.cached(action),
        false => node.uncached(action),
    }
}

/// The function itself, a helper that it imports, and what is too far away to count.
fn code(world: &World, at: usize) -> Code {
    let function = Function::of(world, at);
    let number = world.nodes[at].function;
    let kind = (function.is_mapped, function.discovers);
    let mut items = vec![item(
        0,
        format!("f{number}{kind:?}"),
        world.functions[number],
    )];
    if let Some(helper) = world.helper(number) {
        items.push(item(1, format!("helper{helper}"), world.helpers[helper]));
    }
    let distant = Text {
        version: world.distant,
        style: 0,
    };
    items.push(item(3, "distant".to_owned(), distant));
    Code::new(items, None)
}

fn item(level: u32, path: String, text: Text) -> Item {
    Item {
        level,
        path: path.into(),
        hash: Digest::of(&[text.version]),
        text: format!(
            "{}version {}",
            "\n".repeat(usize::from(text.style)),
            text.version
        )
        .into(),
        file: "functions".into(),
        line: u32::from(text.style) + 1,
        lines: Cow::Borrowed(&[]),
    }
}

fn action(
    function: Function,
    taken: Vec<Taken>,
    dir: &Path,
    log: &Log,
) -> impl Fn(&Args) -> Result<String, Failure> + Send + Sync + 'static {
    let (dir, log) = (dir.to_owned(), log.clone());
    move |args| {
        let arg = |(at, taken): (usize, &Taken)| match taken {
            Taken::Value => vec![*args.get::<u8>(at)],
            Taken::File => vec![read(args.get::<PathBuf>(at))],
            Taken::Text => vec![number(args.get::<String>(at))],
            Taken::Texts => args
                .get::<Vec<String>>(at)
                .iter()
                .map(|text| number(text))
                .collect(),
            Taken::Values => args.get::<Vec<u8>>(at).clone(),
            Taken::Files => args
                .get::<Vec<PathBuf>>(at)
                .iter()
                .map(|path| read(path))
                .collect(),
        };
        let numbers: Vec<Vec<u8>> = taken.iter().enumerate().map(arg).collect();
        log.note(function.label(&numbers));
        let header = |at: usize| path(&dir, &header_name(at));
        let headers = function.headers(&numbers, |at| read(&header(at)));
        if function.discovers.is_some() {
            args.execution()
                .discover(headers.into_iter().map(header).collect());
        }
        function
            .apply(&numbers, |at| read(&header(at)))
            .map_err(Failure::new)
    }
}

fn read(path: &Path) -> u8 {
    number(&fs::read_to_string(path).unwrap())
}

/// The inputs that a run of some nodes takes.
pub fn inputs(world: &World, dir: &Path) -> Inputs {
    let all = (0..world.nodes.len()).flat_map(|node| world.reads(node));
    let mut read: Vec<Read> = all.collect();
    read.sort_unstable();
    read.dedup();
    read.into_iter()
        .fold(Inputs::new(), |inputs, read| match read {
            Read::Node(_) => inputs,
            Read::Value(at) => match world.values[at] {
                Some(value) => inputs.with(VALUE_NAMES[at], value),
                None => inputs,
            },
            Read::File(at) => inputs.with(FILE_NAMES[at], file(path(dir, FILE_NAMES[at]))),
            Read::List(0) => {
                let values = world.list(0).into_iter().map(|(_, content)| content);
                inputs.with(read.name(), values.collect::<Vec<u8>>())
            }
            Read::List(at) => {
                let paths = world
                    .list(at)
                    .into_iter()
                    .map(|(slot, _)| path(dir, &slot_name(at, slot)));
                inputs.with(read.name(), files(paths))
            }
        })
}

/// Writes the files of a world that are others than those of the one before.
pub fn write(world: &World, before: Option<&World>, dir: &Path) {
    let put = |name: &str, content: Option<u8>| match content {
        Some(content) => fs::write(path(dir, name), content.to_string()).unwrap(),
        None => drop(fs::remove_file(path(dir, name))),
    };
    for (at, content) in world.files.iter().enumerate() {
        if before.is_none_or(|before| before.files[at] != *content) {
            put(FILE_NAMES[at], Some(*content));
        }
    }
    for (at, content) in world.headers.iter().enumerate() {
        if before.is_none_or(|before| before.headers[at] != *content) {
            put(&header_name(at), Some(*content));
        }
    }
    for (list, slots) in world.lists.iter().enumerate() {
        for (slot, content) in slots.iter().enumerate() {
            if before.is_none_or(|before| before.lists[list][slot] != *content) {
                put(&slot_name(list, slot), *content);
            }
        }
    }
}
