//! `why`: what makes a node run, or made it run.

use refrain::Explanation;
use serde_json::json;

use super::FORMAT;
use crate::args::WhyArgs;
use crate::error::Result;
use crate::exit::Exit;
use crate::explanation::describe;
use crate::printer::Printer;
use crate::project::Project;
use crate::style::{GOOD, NAME};
use crate::values::assign;

pub fn why(args: WhyArgs, project: Project, printer: &Printer) -> Result<Exit> {
    let node = args.node.as_str();
    let project = assign(project, &args.bindings.set)?.targets(&[node.to_owned()])?;
    let runner = project.runner()?;
    let plan = runner.plan(&project.pipeline, project.inputs.clone())?;
    let planned = plan.node(node).expect("a target is looked at");
    let explanation = match planned.reason {
        Some(_) => runner.why(&project.pipeline, project.inputs.clone(), node)?,
        None => Explanation { steps: Vec::new() },
    };
    if args.print.json {
        printer.json(&json!({
            "format": FORMAT,
            "node": node,
            "would_run": planned.reason.is_some(),
            "steps": explanation.steps,
        }))?;
    } else if planned.reason.is_some() {
        printer.text(describe(&explanation))?;
    } else {
        printer.text(format_args!(
            "{NAME}{node}{NAME:#} is {GOOD}current{GOOD:#}\n"
        ))?;
    }
    Ok(Exit::Fine)
}
