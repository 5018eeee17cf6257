//! The way down from a node to what changed, in lines: one for each node on
//! the way, and at its end the old and the new.

use std::fmt::Write;

use refrain::{Explanation, Step};

use crate::style::{DIM, NAME, NEW, OLD, WARN};

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
        let changed = depth == last && (step.old.is_some() || step.new.is_some());
        let detail = match changed {
            true => heading(step),
            false => step.reason.detail.to_string(),
        };
        if !detail.is_empty() {
            let _ = write!(text, ": {detail}");
        }
        text.push('\n');
        if changed {
            text += &change(step, &indent);
        }
    }
    text
}

/// The leaf that changed and, where it is in a file, its place.
fn heading(step: &Step) -> String {
    let leaf = step.leaf.as_deref().unwrap_or_default();
    match &step.place {
        Some(place) => format!("{leaf}{DIM} ({place}){DIM:#}"),
        None => leaf.to_owned(),
    }
}

/// What the leaf was and what it is; of a file or of code, the changed line.
fn change(step: &Step, indent: &str) -> String {
    let lines = [(OLD, '-', &step.old), (NEW, '+', &step.new)];
    let mut text = String::new();
    for (style, sign, line) in lines {
        if let Some(line) = line {
            let _ = writeln!(text, "{indent}  {style}{sign} {line}{style:#}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use refrain::{CacheConfig, Node, Param, Pipeline, Runner, inputs};

    use super::describe;

    #[test]
    fn the_way_down_ends_with_old_and_new() {
        let parent = Node::named("parent")
            .param(Param::of::<u64>("x"))
            .cached(|args| Ok(*args.get::<u64>(0)));
        let child = Node::named("child")
            .param(Param::of::<u64>("parent"))
            .cached(|args| Ok(*args.get::<u64>(0)));
        let pipeline = Pipeline::new(vec![parent, child]).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let runner = Runner::new(CacheConfig::new(dir.path())).unwrap();
        runner.run(&pipeline, inputs! { x: 5 }).unwrap();
        let run = runner.run(&pipeline, inputs! { x: 6 }).unwrap();
        let told =
            anstream::adapter::strip_str(&describe(&run.explain("child").unwrap())).to_string();
        assert_eq!(
            told,
            "child  dependency: parent changed\n  parent  inputs: x\n    - 5\n    + 6\n"
        );
    }
}
