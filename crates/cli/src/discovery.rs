//! Finds the manifest, reads it, and makes its directory the one to work in.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use refrain_manifest::Manifest;

use crate::error::{Error, Result};

/// What a manifest is called where none is named.
const NAME: &str = "refrain.toml";

/// Where a manifest is.
#[derive(Debug)]
pub struct Place {
    /// Its path: an absolute one.
    path: PathBuf,
    /// The path as people are told it.
    shown: PathBuf,
    /// Where the user is: an absolute path.
    here: PathBuf,
}

/// A manifest that was found.
#[derive(Debug)]
pub struct Found {
    /// The manifest.
    pub manifest: Manifest,
    /// Its path: an absolute one.
    pub path: PathBuf,
    /// Its directory, the project's root: an absolute path.
    pub root: PathBuf,
    /// Where the user is: an absolute path.
    pub here: PathBuf,
}

/// Finds and reads the manifest that is named, or else the nearest one upward
/// from here. The process works in the manifest's directory from then on.
pub fn find(named: Option<&Path>) -> Result<Found> {
    locate(named)?.read()
}

/// Finds a manifest and reads nothing.
pub fn locate(named: Option<&Path>) -> Result<Place> {
    let here = env::current_dir().map_err(|error| Error::file("find", ".", error))?;
    let path = match named {
        Some(path) => here.join(path),
        None => nearest(&here).ok_or_else(|| Error::NoManifest(here.clone()))?,
    };
    let shown = match named {
        Some(named) => named,
        None if path.parent() == Some(&here) => Path::new(NAME),
        None => &path,
    };
    Ok(Place {
        shown: shown.to_owned(),
        path,
        here,
    })
}

impl Place {
    /// Reads the manifest as it is now. The process works in its directory from
    /// then on.
    pub fn read(&self) -> Result<Found> {
        let Place { path, shown, here } = self;
        let unreadable = |error| Error::file("read", shown, error);
        let text = fs::read(path).map_err(unreadable)?;
        let text = String::from_utf8(text).map_err(|error| Error::NoText {
            path: shown.to_owned(),
            offset: error.utf8_error().valid_up_to(),
        })?;
        let manifest = Manifest::parse(&text, shown).map_err(Box::new)?;
        let root = path.parent().unwrap_or(here).canonicalize();
        let root = root.map_err(unreadable)?;
        env::set_current_dir(&root).map_err(|error| Error::file("enter", &root, error))?;
        Ok(Found {
            manifest,
            path: path.clone(),
            root,
            here: here.clone(),
        })
    }
}

/// The nearest manifest upward from here, for whoever only wants to know of it;
/// none if it cannot be read.
pub fn glance() -> Option<Manifest> {
    let path = nearest(&env::current_dir().ok()?)?;
    Manifest::parse(&fs::read_to_string(&path).ok()?, &path).ok()
}

/// The names of its nodes.
pub fn nodes() -> Vec<String> {
    let nodes = glance().map(|manifest| manifest.nodes).unwrap_or_default();
    nodes.iter().map(|node| node.name.to_string()).collect()
}

fn nearest(here: &Path) -> Option<PathBuf> {
    let mut files = here.ancestors().map(|directory| directory.join(NAME));
    files.find(|file| file.is_file())
}
