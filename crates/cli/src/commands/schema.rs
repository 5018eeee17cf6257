//! `schema`: the JSON schema of manifests.

use crate::error::Result;
use crate::exit::Exit;
use crate::printer::Printer;

pub fn schema(printer: &Printer) -> Result<Exit> {
    let schema = refrain_manifest::schema();
    printer.text(format_args!("{schema:#}\n"))?;
    Ok(Exit::Fine)
}
