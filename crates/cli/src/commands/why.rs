//! `why`: what made a node run, or would.

use refrain::{Explanation, Step};
use serde_json::json;

use super::FORMAT;
use crate::args::WhyArgs;
use crate::error::Result;
use crate::exit::Exit;
use crate::explanation::describe;
use crate::printer::Printer;
use crate::project::Project;
use crate::style::{GOOD, NAME, WARN};

pub fn why(args: WhyArgs, project: Project, printer: &Printer) -> Result<Exit> {
    let node = args.node.as_str();
    let project = project
        .set(&args.bindings.set)?
        .targets(&[node.to_owned()])?;
    let plan = project
        .runner()?
        .plan(&project.pipeline, project.inputs.clone())?;
    let planned = plan.node(node).expect("a target is looked at");
    let steps = planned.reason.as_ref().map(|reason| Step {
        node: planned.name.clone(),
        reason: reason.clone(),
        leaf: None,
        place: None,
        old: None,
        new: None,
    });
    let explanation = Explanation {
        steps: steps.into_iter().collect(),
    };
    if args.print.json {
        printer.json(&json!({
            "format": FORMAT,
            "node": node,
            "would_run": planned.reason.is_some(),
            "steps": explanation.steps,
        }))?;
    } else if planned.reason.is_some() {
        printer.text(format_args!(
            "{NAME}{node}{NAME:#} {WARN}would run{WARN:#}\n"
        ))?;
        printer.text(describe(&explanation))?;
    } else {
        printer.text(format_args!(
            "{NAME}{node}{NAME:#} is {GOOD}current{GOOD:#}\n"
        ))?;
    }
    Ok(Exit::Fine)
}
