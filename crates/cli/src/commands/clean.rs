//! `clean`: forgets everything that is cached.

use refrain_store::Store;

use crate::error::Result;
use crate::exit::Exit;
use crate::printer::Printer;
use crate::project::Project;
use crate::style::GOOD;

pub fn clean(project: &Project, printer: &Printer) -> Result<Exit> {
    let dir = &project.cache.cache_dir;
    Store::clear(dir)?;
    printer.note(format_args!("{GOOD}cleared{GOOD:#} {}", dir.display()));
    Ok(Exit::Fine)
}
