//! `clean`: forgets everything that is cached.

use refrain_store::Store;

use crate::error::Result;
use crate::exit::Exit;
use crate::printer::Printer;
use crate::project::Cache;
use crate::style::GOOD;

pub fn clean(cache: &Cache, printer: &Printer) -> Result<Exit> {
    let dir = &cache.config.cache_dir;
    Store::clear(dir)?;
    printer.note(format_args!("{GOOD}cleared{GOOD:#} {}", dir.display()));
    Ok(Exit::Fine)
}
