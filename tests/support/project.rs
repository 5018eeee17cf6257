//! Copies of the example projects.

use std::fs;
use std::path::Path;

/// What a project has made where it stands, and no copy needs.
const MADE: [&str; 3] = [".cache", "build", "__pycache__"];

/// Copies a directory into another one, which may be there.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (path, name) = (entry.path(), entry.file_name());
        if MADE.iter().any(|made| name == *made) {
            continue;
        }
        match path.is_dir() {
            true => copy(&path, &to.join(name)),
            false => drop(fs::copy(path, to.join(name)).unwrap()),
        }
    }
}
