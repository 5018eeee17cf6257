//! A drawing in Mermaid's language.

use std::fmt::Write as _;

use crate::drawing::{Drawing, DrawnNode, NodeKind, NodeState};
use crate::label::{captioned, visible};
use crate::neighbours::Neighbours;

impl Drawing {
    /// The drawing as a Mermaid flowchart, from left to right: states by colour, outline and sign, sources
    /// round, mapped nodes with double sides, targets with a thick outline.
    ///
    /// Mermaid itself refuses more than 500 edges unless it is configured otherwise.
    pub fn mermaid(&self) -> String {
        let mut chart = format!("---\ntitle: {}\n---\nflowchart LR\n", title(&self.title));
        for (place, node) in self.nodes.iter().enumerate() {
            let (open, close) = shape(node);
            let class = node.state.key();
            let label = escaped(&captioned(node));
            let _ = writeln!(chart, "  n{place}{open}\"{label}\"{close}:::{class}");
        }
        for (parent, child) in Neighbours::of(self).edges {
            let _ = writeln!(chart, "  n{parent} --> n{child}");
        }
        for state in NodeState::ALL {
            let (fill, line) = state.colours();
            let outline = match state {
                NodeState::MayBeStale => ",stroke-dasharray:6 3",
                NodeState::Unknown => ",stroke-dasharray:2 3",
                _ => "",
            };
            let class = state.key();
            let _ = writeln!(
                chart,
                "  classDef {class} fill:{fill},stroke:{line},color:#1d2330{outline}"
            );
        }
        for (place, _) in self
            .nodes
            .iter()
            .enumerate()
            .filter(|(_, node)| node.target)
        {
            let _ = writeln!(chart, "  style n{place} stroke-width:4px");
        }
        chart
    }
}

/// A YAML string: what JSON writes is one.
fn title(text: &str) -> String {
    serde_json::to_string(&visible(text)).expect("text can be written as JSON")
}

fn shape(node: &DrawnNode) -> (&'static str, &'static str) {
    match node.kind {
        NodeKind::Source => ("([", "])"),
        NodeKind::Node => ("[", "]"),
        NodeKind::Mapped => ("[[", "]]"),
    }
}

/// Text as Mermaid's entities, except what has no meaning to it, to Markdown or to HTML.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii() && !c.is_ascii_alphanumeric() && !" .,/:=".contains(c) {
            let _ = write!(escaped, "#{};", u32::from(c));
        } else {
            escaped.push(c);
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn names_stay_names() {
        assert_eq!(
            escaped("a_b \"<c>\" #35; é"),
            "a#95;b #34;#60;c#62;#34; #35;35#59; é"
        );
    }
}
