//! `init`: writes a small project that runs, and overwrites nothing.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use refrain_manifest::starter;

use crate::args::InitArgs;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::printer::Printer;
use crate::style::{GOOD, NAME};

pub fn init(args: &InitArgs, printer: &Printer) -> Result<Exit> {
    let place = args.place.as_deref().unwrap_or(Path::new(""));
    let files = starter().map(|(name, text)| (place.join(name), text));
    if let Some((path, _)) = files
        .iter()
        .find(|(path, _)| path.symlink_metadata().is_ok())
    {
        return Err(Error::Usage {
            problem: format!("{} is there already, and is left as it is", path.display()),
            help: Some("choose another directory with `init DIR`".to_owned()),
        });
    }
    for (path, text) in &files {
        write(path, text).map_err(|error| Error::file("write", path, error))?;
        printer.note(format_args!("{GOOD}wrote{GOOD:#} {}", path.display()));
    }
    printer.note(format_args!("try {NAME}refrain run{NAME:#}"));
    Ok(Exit::Fine)
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    File::create_new(path)?.write_all(text.as_bytes())
}
