//! `export` and `import`: what is remembered, as one file.

use refrain_store::Carried;
use serde_json::json;

use super::FORMAT;
use crate::args::{ExportArgs, ImportArgs};
use crate::error::Result;
use crate::exit::Exit;
use crate::figures::bytes;
use crate::printer::Printer;
use crate::project::{Cache, Project};
use crate::values::assign;

/// What an archive may bring unless somebody allows more: what is packed well may be much larger than its file.
const LIMIT: u64 = 64 << 30;

pub fn export(args: ExportArgs, project: Project, printer: &Printer) -> Result<Exit> {
    let project = assign(project, &args.bindings.set)?.targets(&args.targets)?;
    let runner = project.looker(printer)?;
    let to = project.path(&args.archive);
    let carried = runner.export(&project.pipeline, project.inputs.clone(), &to)?;
    tell(&carried, "exported", args.print.json, printer)
}

pub fn import(args: &ImportArgs, cache: &Cache, printer: &Printer) -> Result<Exit> {
    let store = cache.store()?;
    let carried = store.import_archive(&args.archive, args.max_size.unwrap_or(LIMIT))?;
    tell(&carried, "imported", args.print.json, printer)
}

fn tell(carried: &Carried, verb: &str, as_json: bool, printer: &Printer) -> Result<Exit> {
    for refused in carried.refused.iter().take(10) {
        printer.warning(refused);
    }
    if let Some(more) = carried.refused.len().checked_sub(11) {
        printer.warning(format_args!("and {} more", more + 1));
    }
    if as_json {
        printer.json(&json!({
            "format": FORMAT,
            "records": carried.records,
            "blobs": carried.blobs,
            "bytes": carried.bytes,
            "refused": carried.refused,
        }))?;
    } else {
        printer.note(format_args!(
            "{verb} {} records and {} blobs, {}",
            carried.records,
            carried.blobs,
            bytes(carried.bytes)
        ));
    }
    Ok(Exit::Fine)
}
