//! The plain data a picture is made of, and its JSON.
//!
//! Whoever has a pipeline fills it in; nothing here knows what a pipeline is.

use serde::{Deserialize, Serialize};

/// A graph to be drawn: what stands in it and what reads what.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drawing {
    /// What the picture is called, as a rule the pipeline's name.
    pub title: String,
    /// Everything that stands in the graph, in the pipeline's order.
    pub nodes: Vec<DrawnNode>,
    /// Pairs of places in `nodes`: the first is read by the second. A pair that names no node, or a
    /// node twice, is left out of every picture; one that is given twice is drawn once.
    pub edges: Vec<(usize, usize)>,
}

/// One node, or one source, and what there is to say about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrawnNode {
    /// Its name, which may hold any text.
    pub name: String,
    /// What it is.
    pub kind: NodeKind,
    /// How its last known output stands to what it would be now.
    pub state: NodeState,
    /// Whether its output is asked for.
    pub target: bool,
    /// Rows of name and value, shown in this order.
    pub detail: Vec<(String, String)>,
    /// Of a mapped node, how many items are current and how many there are.
    pub items: Option<(usize, usize)>,
}

/// What stands in a graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NodeKind {
    /// A value from outside: a parameter or a file.
    Source,
    /// A node that executes once.
    Node,
    /// A node that executes once for each item.
    Mapped,
}

/// How a node stands. Sources are current, or unknown when they cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NodeState {
    /// A run would not execute it.
    Current,
    /// A run would execute it.
    Stale,
    /// A run would execute it unless what it reads comes out the same.
    MayBeStale,
    /// Its last execution failed.
    Failed,
    /// Nothing is known of it.
    Unknown,
}

impl NodeState {
    /// All of them, in the order in which legends name them.
    pub const ALL: [Self; 5] = [
        Self::Current,
        Self::Stale,
        Self::MayBeStale,
        Self::Failed,
        Self::Unknown,
    ];

    /// Its name in prose.
    pub fn word(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Stale => "stale",
            Self::MayBeStale => "may be stale",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }

    /// Its name as one identifier, the same as in JSON.
    pub fn key(self) -> &'static str {
        match self {
            Self::MayBeStale => "may-be-stale",
            other => other.word(),
        }
    }

    /// A character that tells it from the others without colour.
    pub fn sign(self) -> char {
        match self {
            Self::Current => '✓',
            Self::Stale => '↻',
            Self::MayBeStale => '~',
            Self::Failed => '✗',
            Self::Unknown => '?',
        }
    }

    /// The colours of its nodes and of their outlines, where a picture brings no style of its own.
    pub(crate) fn colours(self) -> (&'static str, &'static str) {
        match self {
            Self::Current => ("#e6f4ec", "#3d9a6b"),
            Self::Stale => ("#fff0da", "#d9822b"),
            Self::MayBeStale => ("#fcf7d6", "#b79a1f"),
            Self::Failed => ("#fde7e8", "#c93445"),
            Self::Unknown => ("#edeff3", "#7b8696"),
        }
    }
}

impl Drawing {
    /// The drawing as JSON, with `"format": 1` before its fields; edges are pairs of places in `nodes`.
    ///
    /// # Panics
    ///
    /// Never: plain data can always be written.
    pub fn json(&self) -> String {
        #[derive(Serialize)]
        struct Versioned<'a> {
            format: u32,
            #[serde(flatten)]
            drawing: &'a Drawing,
        }
        let versioned = Versioned {
            format: 1,
            drawing: self,
        };
        serde_json::to_string(&versioned).expect("plain data can be written as JSON")
    }
}
