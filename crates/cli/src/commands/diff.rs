//! `diff`: what differs between two past runs, node by node.

use std::collections::BTreeMap;
use std::sync::Arc;

use refrain::{Explanation, Signature};
use refrain_store::Store;
use serde_json::{Value, json};

use super::FORMAT;
use crate::args::DiffArgs;
use crate::error::Result;
use crate::exit::Exit;
use crate::past::Past;
use crate::printer::Printer;
use crate::project::Project;
use crate::style::{DIM, NAME, NEW, OLD, WARN};
use crate::table::{Table, cell};

/// A node whose signature is another one.
struct Difference {
    node: Arc<str>,
    change: Change,
}

enum Change {
    Added,
    Removed,
    /// The way down to what changed; `None` where it is no longer kept.
    Changed(Option<Explanation>),
}

pub fn diff(args: &DiffArgs, project: &Project, printer: &Printer) -> Result<Exit> {
    let store = project.cache.store()?;
    let past = Past::of(&project.cache, &store);
    let (from, to) = (past.find(&args.from)?, past.find(&args.to)?);
    let (old, new) = (store.signatures_at(&from.id), store.signatures_at(&to.id));
    let differences = differences(project, &store, &old, &new);
    if args.print.json {
        let nodes: Vec<Value> = differences.iter().map(object).collect();
        let object = json!({"format": FORMAT, "from": from.id, "to": to.id, "nodes": nodes});
        printer.json(&object)?;
    } else {
        printer.text(table(&differences))?;
        printer.note(format_args!(
            "{} of {} nodes differ between {} and {}",
            differences.len(),
            new.len().max(old.len()),
            past.short(from),
            past.short(to)
        ));
    }
    Ok(Exit::Fine)
}

/// What differs, in topological order; what is no longer in the pipeline last.
fn differences(
    project: &Project,
    store: &Store,
    old: &BTreeMap<Arc<str>, Signature>,
    new: &BTreeMap<Arc<str>, Signature>,
) -> Vec<Difference> {
    let present = project.pipeline.nodes().map(Arc::from);
    let known = |name: &Arc<str>| project.pipeline.node(name).is_ok();
    let gone = old
        .keys()
        .chain(new.keys().filter(|name| !old.contains_key(*name)));
    let gone = gone.filter(|name| !known(name)).cloned();
    let compare = |node: Arc<str>| {
        let change = match (old.get(&node), new.get(&node)) {
            (Some(was), Some(is)) if was != is => {
                Change::Changed(Explanation::between(store, &node, was, is))
            }
            (None, Some(_)) => Change::Added,
            (Some(_), None) => Change::Removed,
            _ => return None,
        };
        Some(Difference { node, change })
    };
    present.chain(gone).filter_map(compare).collect()
}

fn table(differences: &[Difference]) -> Table {
    let mut table = Table::default();
    for Difference { node, change } in differences {
        let (style, kind, detail) = match change {
            Change::Added => (NEW, "added", String::new()),
            Change::Removed => (OLD, "removed", String::new()),
            Change::Changed(explanation) => {
                let step = explanation.as_ref().and_then(|told| told.steps.first());
                match step {
                    Some(step) => (
                        WARN,
                        step.reason.kind.name(),
                        step.reason.detail.to_string(),
                    ),
                    None => (WARN, "changed", "what it was is no longer kept".to_owned()),
                }
            }
        };
        table.row([cell(style, kind), cell(NAME, node), cell(DIM, detail)]);
    }
    table
}

fn object(Difference { node, change }: &Difference) -> Value {
    let (word, steps) = match change {
        Change::Added => ("added", None),
        Change::Removed => ("removed", None),
        Change::Changed(explanation) => ("changed", explanation.as_ref().map(|told| &told.steps)),
    };
    json!({"name": &**node, "change": word, "steps": steps})
}
