//! The world that pipelines are run in, as their author sees it: nodes, the functions that they are made of, inputs and
//! files; and the edits that come to it. It is unaware of caches, and of how any of it is run.

use std::collections::BTreeSet;

use proptest::prelude::*;

pub const NODES: usize = 7;
pub const FUNCTIONS: usize = 6;
pub const HELPERS: usize = 2;
pub const VALUES: usize = 3;
pub const FILES: usize = 2;
pub const LISTS: usize = 2;
pub const SLOTS: usize = 4;
pub const HEADERS: usize = 3;

/// The value that takes a default where none is given.
pub const DEFAULTED: usize = VALUES - 1;
pub const DEFAULT: u8 = 1;

pub const NODE_NAMES: [&str; NODES] = ["n0", "n1", "n2", "n3", "n4", "n5", "n6"];
pub const VALUE_NAMES: [&str; VALUES] = ["v0", "v1", "v2"];
pub const FILE_NAMES: [&str; FILES] = ["f0", "f1"];
pub const LIST_NAMES: [&str; LISTS] = ["l0", "l1"];

/// All that a run can depend on.
#[derive(Clone, Debug)]
pub struct World {
    pub nodes: Vec<Design>,
    pub functions: [Text; FUNCTIONS],
    /// Whether what a function gives is kept, whoever calls it.
    pub cached: [bool; FUNCTIONS],
    pub helpers: [Text; HELPERS],
    /// Code that is too far away to count.
    pub distant: u8,
    pub values: [Option<u8>; VALUES],
    pub files: [u8; FILES],
    pub lists: [[Option<u8>; SLOTS]; LISTS],
    pub headers: [u8; HEADERS],
    /// What the environment variable is set to that some nodes declare.
    pub variable: Option<u8>,
    /// The configuration's own version.
    pub env_hash: Option<u8>,
}

/// The code of something: what it says, and how that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Text {
    pub version: u8,
    pub style: u8,
}

/// One node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Design {
    pub function: usize,
    /// Which of all earlier nodes and of the sources it reads.
    pub reads: u16,
    pub cache_key: Option<u8>,
    pub takes_variable: bool,
    /// The list that it is mapped over.
    pub list: Option<usize>,
    /// Whether its function finds headers while it runs.
    pub discovers: bool,
}

/// Something that a node reads, by the name of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Read {
    Node(usize),
    Value(usize),
    File(usize),
    List(usize),
}

impl Read {
    pub fn name(self) -> &'static str {
        match self {
            Read::Node(at) => NODE_NAMES[at],
            Read::Value(at) => VALUE_NAMES[at],
            Read::File(at) => FILE_NAMES[at],
            Read::List(at) => LIST_NAMES[at],
        }
    }
}

/// One edit. It may come to nothing.
#[derive(Clone, Debug)]
pub enum Edit {
    Value(usize, Option<u8>),
    File(usize, u8),
    Slot(usize, usize, Option<u8>),
    Header(usize, u8),
    Function(usize, u8),
    Helper(usize, u8),
    /// Changes how code is written, and nothing else.
    Style(usize, u8),
    Distant(u8),
    Variable(Option<u8>),
    EnvHash(Option<u8>),
    CacheKey(usize, Option<u8>),
    Cached(usize, bool),
    Rewire(usize, u16),
    Redesign(usize, Design),
}

fn maybe() -> impl Strategy<Value = Option<u8>> {
    prop_oneof![1 => Just(None), 3 => (0..3u8).prop_map(Some)]
}

fn design() -> impl Strategy<Value = Design> {
    let list = prop_oneof![5 => Just(None), 2 => (0..LISTS).prop_map(Some)];
    let switches = (prop::bool::weighted(0.2), prop::bool::weighted(0.15));
    (
        0..FUNCTIONS,
        any::<u16>(),
        any::<u16>(),
        maybe(),
        list,
        switches,
    )
        .prop_map(
            |(function, some, others, cache_key, list, (takes_variable, discovers))| Design {
                function,
                reads: some & others,
                cache_key: cache_key.filter(|key| *key == 0),
                takes_variable,
                list,
                discovers: discovers && list.is_none(),
            },
        )
}

fn text() -> impl Strategy<Value = Text> {
    (0..4u8).prop_map(|version| Text { version, style: 0 })
}

pub fn world() -> impl Strategy<Value = World> {
    let values = (0..4u8).prop_map(Some);
    let slots = prop::array::uniform4(maybe());
    (
        prop::collection::vec(design(), 3..=NODES),
        prop::array::uniform6((text(), prop::bool::weighted(0.7))),
        prop::array::uniform2(text()),
        prop::array::uniform3(values),
        prop::array::uniform2(0..4u8),
        prop::array::uniform2(slots),
        prop::array::uniform3(0..4u8),
    )
        .prop_map(
            |(nodes, functions, helpers, values, files, lists, headers)| World {
                nodes,
                functions: functions.map(|(text, _)| text),
                cached: functions.map(|(_, cached)| cached),
                helpers,
                distant: 0,
                values,
                files,
                lists,
                headers,
                variable: None,
                env_hash: None,
            },
        )
}

pub fn edit() -> impl Strategy<Value = Edit> {
    let content = || 0..4u8;
    prop_oneof![
        4 => (0..VALUES, maybe()).prop_map(|(at, value)| Edit::Value(at, value)),
        3 => (0..FILES, content()).prop_map(|(at, value)| Edit::File(at, value)),
        4 => (0..LISTS, 0..SLOTS, maybe()).prop_map(|(at, slot, value)| Edit::Slot(at, slot, value)),
        3 => (0..HEADERS, content()).prop_map(|(at, value)| Edit::Header(at, value)),
        3 => (0..FUNCTIONS, content()).prop_map(|(at, version)| Edit::Function(at, version)),
        1 => (0..HELPERS, content()).prop_map(|(at, version)| Edit::Helper(at, version)),
        2 => (0..FUNCTIONS + HELPERS, content()).prop_map(|(at, style)| Edit::Style(at, style)),
        1 => content().prop_map(Edit::Distant),
        1 => maybe().prop_map(Edit::Variable),
        1 => maybe().prop_map(Edit::EnvHash),
        1 => (0..NODES, maybe()).prop_map(|(at, key)| Edit::CacheKey(at, key)),
        1 => (0..FUNCTIONS, any::<bool>()).prop_map(|(at, is)| Edit::Cached(at, is)),
        1 => (0..NODES, any::<u16>()).prop_map(|(at, reads)| Edit::Rewire(at, reads)),
        1 => (0..NODES, design()).prop_map(|(at, design)| Edit::Redesign(at, design)),
    ]
}

impl World {
    pub fn apply(&mut self, edit: &Edit) {
        let nodes = self.nodes.len();
        match edit.clone() {
            // Only the last value has a default.
            Edit::Value(at, value) if value.is_some() || at == DEFAULTED => self.values[at] = value,
            Edit::Value(at, _) => self.values[at] = Some(3),
            Edit::File(at, content) => self.files[at] = content,
            Edit::Slot(at, slot, content) => self.lists[at][slot] = content,
            Edit::Header(at, content) => self.headers[at] = content,
            Edit::Function(at, version) => self.functions[at].version = version,
            Edit::Helper(at, version) => self.helpers[at].version = version,
            Edit::Style(at, style) => match at.checked_sub(FUNCTIONS) {
                None => self.functions[at].style = style,
                Some(helper) => self.helpers[helper].style = style,
            },
            Edit::Distant(version) => self.distant = version,
            Edit::Variable(value) => self.variable = value,
            Edit::EnvHash(value) => self.env_hash = value,
            Edit::CacheKey(at, key) => self.nodes[at % nodes].cache_key = key,
            Edit::Cached(at, is) => self.cached[at] = is,
            Edit::Rewire(at, reads) => self.nodes[at % nodes].reads = reads,
            Edit::Redesign(at, design) => self.nodes[at % nodes] = design,
        }
    }

    /// What a node reads, in the order of its parameters.
    pub fn reads(&self, node: usize) -> Vec<Read> {
        let design = &self.nodes[node];
        let nodes = (0..node).map(Read::Node);
        let values = (0..VALUES).map(Read::Value);
        let files = (0..FILES).map(Read::File);
        let lists = (0..LISTS).map(Read::List);
        let all = nodes.chain(values).chain(files).chain(lists);
        let bit = |read: &Read| match read {
            Read::Node(at) => *at,
            Read::Value(at) => NODES + at,
            Read::File(at) => NODES + VALUES + at,
            Read::List(at) => NODES + VALUES + FILES + at,
        };
        let mut reads: Vec<Read> = all
            .filter(|read| design.reads & (1 << bit(read)) != 0)
            .collect();
        if let Some(list) = design.list
            && !reads.iter().any(|read| self.is_axis(node, *read))
        {
            reads.push(Read::List(list));
        }
        reads
    }

    pub fn is_cached(&self, node: usize) -> bool {
        self.cached[self.nodes[node].function]
    }

    /// Whether a mapped node takes the items of what it reads, and not the whole.
    pub fn is_axis(&self, node: usize, read: Read) -> bool {
        let list = self.nodes[node].list;
        list.is_some()
            && match read {
                Read::Node(parent) => self.nodes[parent].list == list,
                Read::List(at) => list == Some(at),
                _ => false,
            }
    }

    /// The nodes that a node reads.
    pub fn parents(&self, node: usize) -> Vec<usize> {
        let node_of = |read: &Read| match read {
            Read::Node(at) => Some(*at),
            _ => None,
        };
        self.reads(node).iter().filter_map(node_of).collect()
    }

    /// What is in a list: the slots that are taken, with their contents.
    pub fn list(&self, at: usize) -> Vec<(usize, u8)> {
        let slots = self.lists[at].iter().enumerate();
        slots
            .filter_map(|(slot, content)| Some((slot, (*content)?)))
            .collect()
    }

    pub fn value(&self, at: usize) -> u8 {
        self.values[at].unwrap_or(DEFAULT)
    }

    /// The helper that a function uses.
    pub fn helper(&self, function: usize) -> Option<usize> {
        (function % 3).checked_sub(1)
    }

    /// The nodes that nothing else reads.
    pub fn sinks(&self) -> BTreeSet<usize> {
        let read: BTreeSet<usize> = (0..self.nodes.len())
            .flat_map(|node| self.parents(node))
            .collect();
        (0..self.nodes.len())
            .filter(|node| !read.contains(node))
            .collect()
    }

    /// The targets that a mask chooses; all that nothing else reads if it chooses none.
    pub fn targets(&self, mask: u8) -> BTreeSet<usize> {
        let chosen: BTreeSet<usize> = (0..self.nodes.len())
            .filter(|node| mask & (1 << node) != 0)
            .collect();
        if chosen.is_empty() {
            self.sinks()
        } else {
            chosen
        }
    }

    /// The nodes that some targets stand on, themselves included.
    pub fn ancestors(&self, targets: &BTreeSet<usize>) -> BTreeSet<usize> {
        let mut all = targets.clone();
        for node in (0..self.nodes.len()).rev() {
            if all.contains(&node) {
                all.extend(self.parents(node));
            }
        }
        all
    }
}
