//! The manifest to begin with is whole.

use std::fs;
use std::path::Path;

use refrain_manifest::{Manifest, starter};

#[test]
fn the_manifest_to_begin_with_finds_its_files() {
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in starter() {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let (path, text) = starter()[0];
    let manifest = Manifest::parse(text, Path::new(path)).unwrap();
    let files = manifest.files(dir.path(), Path::new(".cache")).unwrap();
    assert!(files.warnings().is_none());
    assert_eq!(files.of_input(0).len(), 2);
    assert_eq!(manifest.targets(), ["report".into()]);
}
