//! A drawing in Graphviz' language.

use std::fmt::Write as _;

use crate::drawing::{Drawing, DrawnNode, NodeKind, NodeState};
use crate::label::{captioned, visible};
use crate::neighbours::Neighbours;

impl Drawing {
    /// The drawing in Graphviz' language, from left to right: states by colour, outline and sign, sources
    /// round, mapped nodes as stacks, targets with a double outline.
    pub fn dot(&self) -> String {
        let mut dot = format!("digraph {} {{\n", quoted(&visible(&self.title)));
        dot.push_str("  rankdir=LR\n  node [fontname=\"monospace\", fontsize=11]\n");
        for (place, node) in self.nodes.iter().enumerate() {
            let _ = writeln!(
                dot,
                "  n{place} [label={}, {}]",
                quoted(&captioned(node)),
                look(node)
            );
        }
        for (parent, child) in Neighbours::of(self).edges {
            let _ = writeln!(dot, "  n{parent} -> n{child}");
        }
        dot.push_str("}\n");
        dot
    }
}

fn look(node: &DrawnNode) -> String {
    let (shape, corners) = match node.kind {
        NodeKind::Source => ("ellipse", ""),
        NodeKind::Node => ("box", ",rounded"),
        NodeKind::Mapped => ("box3d", ""),
    };
    let outline = match node.state {
        NodeState::MayBeStale => ",dashed",
        NodeState::Unknown => ",dotted",
        _ => "",
    };
    let (fill, line) = node.state.colours();
    let rings = if node.target { 2 } else { 1 };
    format!(
        "shape={shape}, style=\"filled{corners}{outline}\", fillcolor=\"{fill}\", color=\"{line}\", peripheries={rings}"
    )
}

/// Text between quotes. Besides the quote itself, a label's own escapes and entities are turned off.
fn quoted(text: &str) -> String {
    let escaped = text
        .replace('&', "&amp;")
        .replace('\\', "\\\\")
        .replace('"', "\\\"");
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn names_stay_names() {
        assert_eq!(quoted(r#"a "b" \N &lt;"#), r#""a \"b\" \\N &amp;lt;""#);
    }
}
