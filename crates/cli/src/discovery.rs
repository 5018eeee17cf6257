//! Finds the manifest, reads it, and makes its directory the one to work in.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use refrain_manifest::Manifest;

use crate::error::{Error, Result};

/// What a manifest is called where none is named.
pub const NAME: &str = "refrain.toml";

/// Finds the manifest that is named, or else the nearest one upward from here.
/// The process works in the manifest's directory from then on.
pub fn find(named: Option<&Path>) -> Result<Manifest> {
    let here = env::current_dir().map_err(|error| Error::file("find", ".", error))?;
    let path = match named {
        Some(path) => here.join(path),
        None => nearest(&here).ok_or_else(|| Error::NoManifest(here.clone()))?,
    };
    let root = path.parent().unwrap_or(&here);
    let root = root
        .canonicalize()
        .map_err(|error| Error::file("read", &path, error))?;
    let shown = match named {
        Some(named) => named,
        None if path.parent() == Some(&here) => Path::new(NAME),
        None => &path,
    };
    let text = fs::read(&path).map_err(|error| Error::file("read", shown, error))?;
    let text = String::from_utf8(text).map_err(|error| Error::NoText {
        path: shown.to_owned(),
        offset: error.utf8_error().valid_up_to(),
    })?;
    let manifest = Manifest::parse(&text, shown).map_err(Box::new)?;
    env::set_current_dir(&root).map_err(|error| Error::file("enter", &root, error))?;
    Ok(manifest)
}

fn nearest(here: &Path) -> Option<PathBuf> {
    let mut files = here.ancestors().map(|directory| directory.join(NAME));
    files.find(|file| file.is_file())
}
