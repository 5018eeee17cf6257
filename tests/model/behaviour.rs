//! What functions do, and the naive evaluation of a world. Outputs are small numbers, so that different inputs often
//! give the same; some functions fail now and then, and some give much. It is unaware of caches.

use super::world::{Read, World};

/// The failure of a function.
pub const FAILURE: &str = "no fives";

/// What a node's function is: what counts as its code, by whom it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Function {
    pub number: usize,
    pub version: u8,
    pub helper: Option<u8>,
    pub variable: Option<Option<u8>>,
    pub is_mapped: bool,
    /// One that finds headers is of one node alone.
    pub discovers: Option<usize>,
}

impl Function {
    pub fn of(world: &World, node: usize) -> Self {
        let design = &world.nodes[node];
        let helper = world.helper(design.function);
        Function {
            number: design.function,
            version: world.functions[design.function].version,
            helper: helper.map(|helper| world.helpers[helper].version),
            variable: design.takes_variable.then_some(world.variable),
            is_mapped: design.list.is_some(),
            discovers: design.discovers.then_some(node),
        }
    }

    /// What it works out of its arguments, each a few numbers; `header` reads the header of this number.
    pub fn apply(
        &self,
        args: &[Vec<u8>],
        mut header: impl FnMut(usize) -> u8,
    ) -> Result<String, String> {
        let variable = self
            .variable
            .map_or(0, |variable| variable.map_or(1, |value| value + 2));
        let helper = self.helper.map_or(0, |version| version * 3);
        let mut sum = u32::from(self.number as u8 + 2 * self.version + helper + variable);
        let mut take = |number: u8| sum = (sum * 3 + u32::from(number) + 1) % 7;
        args.iter().flatten().for_each(|number| take(*number));
        if self.discovers.is_some() {
            for at in self.headers(args, &mut header) {
                take(header(at));
            }
        }
        let sum = sum % 7;
        match self.number % 2 == 1 && sum == 5 {
            true => Err(FAILURE.to_owned()),
            false => Ok(sum.to_string().repeat(self.length())),
        }
    }

    /// The headers that it reads: what is in one says whether there is another.
    pub fn headers(&self, args: &[Vec<u8>], mut header: impl FnMut(usize) -> u8) -> Vec<usize> {
        if self.discovers.is_none() {
            return Vec::new();
        }
        let first = args
            .iter()
            .flatten()
            .map(|number| usize::from(*number))
            .sum::<usize>()
            % 3;
        match header(first) % 2 {
            1 => vec![first, (first + 1) % 3],
            _ => vec![first],
        }
    }

    /// Some outputs are too long to stand in a record.
    fn length(&self) -> usize {
        if self.version == 3 { 5000 } else { 1 }
    }

    /// Tells executions apart as a function can.
    pub fn label(&self, args: &[Vec<u8>]) -> String {
        let digit =
            |version: Option<u8>| version.map_or("-".to_owned(), |version| version.to_string());
        let variable = match self.variable {
            None => "-".to_owned(),
            Some(value) => value.map_or("unset".to_owned(), |value| value.to_string()),
        };
        let (number, version, helper) = (self.number, self.version, digit(self.helper));
        let kind = self.kind();
        let word = |number: &u8| number.to_string();
        let args = args
            .iter()
            .map(|arg| format!(" [{}]", arg.iter().map(word).collect::<Vec<_>>().join(",")));
        format!(
            "{kind}{number}.{version}.{helper}.{variable}{}",
            args.collect::<String>()
        )
    }

    /// What tells a function apart from others of its number.
    pub fn kind(&self) -> String {
        match (self.is_mapped, self.discovers) {
            (true, _) => "m".to_owned(),
            (_, Some(node)) => format!("d{node}-"),
            _ => "f".to_owned(),
        }
    }
}

/// What a node gives: one text, or one for each item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Given {
    One(String),
    /// By key.
    Items(Vec<(String, String)>),
}

/// One call of a function.
#[derive(Clone, Debug)]
pub struct Call {
    /// The item's key, for a mapped node.
    pub key: Option<String>,
    /// `None` where something that it is made of failed.
    pub args: Option<Vec<Vec<u8>>>,
    /// What it gives; `None` where it fails or cannot be called.
    pub gives: Option<String>,
}

/// A node evaluated: its calls, and its output if all of them give something.
#[derive(Clone, Debug)]
pub struct Evaluated {
    pub calls: Vec<Call>,
    pub output: Option<Given>,
}

/// The number that stands for a text.
pub fn number(text: &str) -> u8 {
    text.as_bytes().first().map_or(0, |digit| digit - b'0')
}

/// The key of an item: of the first list its value, of others the file.
pub fn key(list: usize, slot: usize, content: u8) -> String {
    match list {
        0 => format!("={content}"),
        _ => format!("#{slot}"),
    }
}

/// Evaluates all nodes of a world.
pub fn evaluate(world: &World) -> Vec<Evaluated> {
    let mut done: Vec<Evaluated> = Vec::new();
    for node in 0..world.nodes.len() {
        let calls = calls(world, node, &done);
        let there = |parent: &usize| done[*parent].output.is_some();
        let whole =
            world.parents(node).iter().all(there) && calls.iter().all(|call| call.gives.is_some());
        let is_mapped = world.nodes[node].list.is_some();
        let one = |call: &Call| call.gives.clone().unwrap_or_default();
        let item = |call: &Call| (call.key.clone().unwrap_or_default(), one(call));
        let output = match is_mapped {
            true => Given::Items(calls.iter().map(item).collect()),
            false => Given::One(one(&calls[0])),
        };
        done.push(Evaluated {
            calls,
            output: whole.then_some(output),
        });
    }
    done
}

fn calls(world: &World, node: usize, done: &[Evaluated]) -> Vec<Call> {
    let function = Function::of(world, node);
    let reads = world.reads(node);
    let keys: Vec<Option<String>> = match world.nodes[node].list {
        None => vec![None],
        Some(list) => {
            let slots = world.list(list).into_iter();
            let keys = slots.map(|(slot, content)| Some(key(list, slot, content)));
            keys.collect()
        }
    };
    let call = |(at, key): (usize, Option<String>)| {
        let arg = |read: &Read| match world.is_axis(node, *read) {
            true => item(world, *read, at, done),
            false => whole(world, *read, done),
        };
        let args: Option<Vec<Vec<u8>>> = reads.iter().map(arg).collect();
        let header = |at: usize| world.headers[at];
        let gives = args
            .as_ref()
            .and_then(|args| function.apply(args, header).ok());
        Call { key, args, gives }
    };
    keys.into_iter().enumerate().map(call).collect()
}

fn item(world: &World, read: Read, at: usize, done: &[Evaluated]) -> Option<Vec<u8>> {
    match read {
        Read::Node(parent) => Some(vec![number(done[parent].calls[at].gives.as_ref()?)]),
        Read::List(list) => Some(vec![world.list(list)[at].1]),
        _ => unreachable!("only lists have items"),
    }
}

fn whole(world: &World, read: Read, done: &[Evaluated]) -> Option<Vec<u8>> {
    Some(match read {
        Read::Value(at) => vec![world.value(at)],
        Read::File(at) => vec![world.files[at]],
        Read::List(at) => world
            .list(at)
            .into_iter()
            .map(|(_, content)| content)
            .collect(),
        Read::Node(parent) => match done[parent].output.as_ref()? {
            Given::One(text) => vec![number(text)],
            Given::Items(items) => items.iter().map(|(_, text)| number(text)).collect(),
        },
    })
}
