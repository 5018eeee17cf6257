//! Readers of what people and programs write, as functions of any bytes.

#![allow(dead_code)] // each fuzzer has one of them

use std::path::Path;

use refrain_command::{depfile, json};
use refrain_manifest::{Manifest, Template};

/// A reader of any bytes.
pub type Target = fn(&[u8]);

/// All of them, by name.
pub const TARGETS: [(&str, Target); 7] = [
    ("depfile", depfile_of_a_compiler),
    ("items", items_of_an_array),
    ("json", json_output),
    ("manifest", manifest),
    ("name", names),
    ("python", python),
    ("template", template),
];

/// `refrain.toml`. What it says may be wrong, and then there are problems to be told, each with its place.
pub fn manifest(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Err(problems) = Manifest::parse(text, Path::new("refrain.toml")) {
        assert!(!problems.to_string().is_empty());
    }
}

/// The argument of a command, for a shell and not.
pub fn template(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let _ = Template::parse(text);
    let _ = Template::parse_shell(text);
}

/// What a compiler says it read.
pub fn depfile_of_a_compiler(bytes: &[u8]) {
    if let Ok(files) = depfile::parse(bytes, Path::new("/root/of/it")) {
        assert!(files.is_sorted());
    }
}

/// An output that is JSON: its canonical form is its own.
pub fn json_output(bytes: &[u8]) {
    if let Ok(canonical) = json::canonical(bytes) {
        let again = json::canonical(&canonical);
        assert_eq!(again.ok(), Some(canonical));
    }
}

/// An output that is a JSON array, taken apart: by a member of its items, and by themselves.
pub fn items_of_an_array(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let _ = refrain_command::split(text, None);
    let _ = refrain_command::split(text, Some("id"));
}

/// A Python program, for what it imports.
pub fn python(bytes: &[u8]) {
    refrain_python::read(bytes);
}

/// Digests and keys as texts.
pub fn names(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(digest) = text.parse::<refrain::Digest>() {
        assert_eq!(digest.to_string(), text, "a name has one spelling");
    }
    let _ = refrain::SealKey::from_hex(text);
}
