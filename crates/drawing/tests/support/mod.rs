//! Drawings to make pictures of.

#![allow(dead_code, reason = "each test program uses its own part")]

use refrain_drawing::{Drawing, DrawnNode, NodeKind, NodeState};

pub fn node(name: &str, kind: NodeKind, state: NodeState) -> DrawnNode {
    DrawnNode {
        name: name.to_owned(),
        kind,
        state,
        target: false,
        detail: Vec::new(),
        items: None,
    }
}

/// The guide's pipeline, with one node of each kind and state.
pub fn retrieval() -> Drawing {
    let mut nodes = vec![
        node("corpus_path", NodeKind::Source, NodeState::Current),
        node("model", NodeKind::Source, NodeState::Unknown),
        node("corpus", NodeKind::Node, NodeState::Failed),
        node("embeddings", NodeKind::Mapped, NodeState::Stale),
        node("index", NodeKind::Node, NodeState::MayBeStale),
    ];
    nodes[3].items = Some((228, 233));
    nodes[4].target = true;
    Drawing {
        title: "retrieval".to_owned(),
        nodes,
        edges: vec![(0, 2), (2, 3), (1, 3), (3, 4), (2, 4)],
    }
}

/// Names that end elements, attributes, strings, comments and lines where they are not escaped.
pub const HOSTILE: [&str; 9] = [
    "</script><img src=x onerror=\"document.title='hurt'\">",
    "<!--<script>",
    "\"><svg onload=alert(1)>",
    "' onclick='alert(1)",
    "]]> --> &lt; &#60; \\N \\\" #quot;",
    "a\nb\r\0\u{1b}[31m",
    "\u{202e}drawkcab",
    "naïve 文字 \u{2028} 🦀",
    "",
];

/// A drawing whose every text is hostile.
pub fn hostile() -> Drawing {
    let nodes = HOSTILE.map(|name| DrawnNode {
        detail: vec![(name.to_owned(), name.to_owned())],
        ..node(name, NodeKind::Node, NodeState::Stale)
    });
    Drawing {
        title: HOSTILE.join(" "),
        edges: (1..nodes.len()).map(|place| (place - 1, place)).collect(),
        nodes: nodes.to_vec(),
    }
}

/// A program of that many nodes: sources and headers, objects that read them, and all in one.
pub fn build(nodes: usize) -> Drawing {
    let objects = nodes * 9 / 20;
    let headers = nodes - 2 * objects - 1;
    let mut drawing = Drawing {
        title: format!("build of {nodes}"),
        ..Drawing::default()
    };
    let mut add = |name: String, kind, state| {
        let digest = |part: usize| format!("{part:064x}");
        let rows = ["signature", "code", "env", "inputs", "deps"];
        let detail = rows
            .iter()
            .enumerate()
            .map(|(part, row)| ((*row).to_owned(), digest(part)));
        drawing.nodes.push(DrawnNode {
            detail: detail.collect(),
            ..node(&name, kind, state)
        });
    };
    for object in 0..objects {
        add(
            format!("src/module_{object:04}.c"),
            NodeKind::Source,
            NodeState::Current,
        );
    }
    for header in 0..headers {
        add(
            format!("include/header_{header:04}.h"),
            NodeKind::Source,
            NodeState::Current,
        );
    }
    for object in 0..objects {
        let state = NodeState::ALL[object % NodeState::ALL.len()];
        add(format!("module_{object:04}.o"), NodeKind::Node, state);
    }
    add("program".to_owned(), NodeKind::Node, NodeState::MayBeStale);
    for object in 0..objects {
        let place = objects + headers + object;
        drawing.edges.push((object, place));
        drawing.edges.push((objects + object * 7 % headers, place));
        drawing.edges.push((place, nodes - 1));
    }
    drawing.nodes[nodes - 1].target = true;
    drawing
}
