//! `push`: puts what is remembered into remotes.

use refrain_store::Traffic;
use serde_json::json;

use super::FORMAT;
use crate::args::PushArgs;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::figures::bytes;
use crate::printer::Printer;
use crate::project::Project;
use crate::signals;
use crate::transfers;
use crate::values::assign;

pub fn push(args: PushArgs, project: Project, printer: &Printer) -> Result<Exit> {
    let project = assign(project, &args.bindings.set)?.targets(&args.targets)?;
    if !project
        .cache
        .config
        .remote
        .iter()
        .any(|remote| remote.usage.writes())
    {
        return Err(Error::Usage {
            problem: "there is no remote that is written".to_owned(),
            help: Some("name one: --remote URL, REFRAIN_REMOTE, or [cache] remote".to_owned()),
        });
    }
    let runner = project.looker(printer)?;
    signals::cancels(runner.cancel(), printer.clone());
    let records = runner.push(&project.pipeline, project.inputs.clone())?;
    let (left, traffic) = runner.store().map_or_else(Default::default, |store| {
        let left = transfers::finish(&store, printer, || runner.cancel().is_cancelled());
        transfers::tell_problems(&store, &[], printer);
        (left, store.traffic())
    });
    let sum = |count: fn(&Traffic) -> u64| traffic.iter().map(count).sum::<u64>();
    let (blobs, sent) = (sum(|tier| tier.blobs_up), sum(|tier| tier.bytes_up));
    if args.print.json {
        printer.json(&json!({
            "format": FORMAT,
            "records": records,
            "left": left,
            "records_up": sum(|tier| tier.records_up),
            "blobs_up": blobs,
            "bytes_up": sent,
        }))?;
    } else {
        let new = sum(|tier| tier.records_up);
        printer.note(format_args!(
            "{records} records, of which {new} were not there; {blobs} blobs, {} sent",
            bytes(sent)
        ));
    }
    Ok(match left {
        0 => Exit::Fine,
        _ => Exit::Failed,
    })
}
