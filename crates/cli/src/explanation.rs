//! The way down from a node to what changed, in lines: one for each node on
//! the way, and at its end the old and the new.

use std::fmt::Write;

use refrain::{Explanation, Step};
use similar::{ChangeTag, TextDiff};

use crate::style::{DIM, NAME, NEW, OLD, WARN};

/// Unchanged lines around a changed one.
const CONTEXT: usize = 2;

/// The way down, indented by a level for each node.
pub fn describe(explanation: &Explanation) -> String {
    let mut text = String::new();
    let last = explanation.steps.len().saturating_sub(1);
    for (depth, step) in explanation.steps.iter().enumerate() {
        let indent = "  ".repeat(depth);
        let kind = step.reason.kind.name();
        let _ = write!(
            text,
            "{indent}{NAME}{}{NAME:#}  {WARN}{kind}{WARN:#}",
            step.node
        );
        let change = (depth == last).then(|| change(step, &indent)).flatten();
        let detail = match &change {
            Some(_) => heading(step),
            None => step.reason.detail.to_string(),
        };
        if !detail.is_empty() {
            let _ = write!(text, ": {detail}");
        }
        text.push('\n');
        text += &change.unwrap_or_default();
    }
    text
}

/// The leaf that changed and, for code, where it stands.
fn heading(step: &Step) -> String {
    let leaf = step.leaf.as_deref().unwrap_or_default();
    let place = [&step.new, &step.old]
        .into_iter()
        .flatten()
        .find_map(|text| place(text));
    match place {
        Some(place) => format!("{leaf}{DIM} ({place}){DIM:#}"),
        None => leaf.to_owned(),
    }
}

/// A text of code starts with a line `file:line`.
fn place(text: &str) -> Option<&str> {
    let (place, _) = text.split_once('\n')?;
    let (file, line) = place.rsplit_once(':')?;
    (!file.is_empty() && line != "0").then_some(place)
}

/// What the leaf was and what it is, line by line; `None` where neither is known.
fn change(step: &Step, indent: &str) -> Option<String> {
    if step.old.is_none() && step.new.is_none() {
        return None;
    }
    let body = |text: &Option<std::sync::Arc<str>>| {
        let text = text.as_deref().unwrap_or_default();
        let code = text.split_once('\n').map(|(_, code)| code);
        code.unwrap_or(text).to_owned()
    };
    let (old, new) = (body(&step.old), body(&step.new));
    let diff = TextDiff::from_lines(&old, &new);
    let mut text = String::new();
    for group in diff.grouped_ops(CONTEXT) {
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let (style, sign) = match change.tag() {
                ChangeTag::Delete => (OLD, '-'),
                ChangeTag::Insert => (NEW, '+'),
                ChangeTag::Equal => (DIM, ' '),
            };
            let line = change.value().trim_end_matches('\n');
            let _ = writeln!(text, "{indent}    {style}{sign} {line}{style:#}");
        }
    }
    (!text.is_empty()).then_some(text)
}
