//! Registry and git packages, known by what Cargo.lock says of them.

use std::collections::BTreeSet;
use std::path::Path;

use cargo_lock::{Lockfile, Package};

use crate::fingerprint::{self, Fingerprint, Hash};

/// The packages of a Cargo.lock; none where there is no such file or it cannot be read.
#[derive(Debug)]
pub(crate) struct Lock {
    packages: Vec<Package>,
    /// Of the whole file, where it cannot be read package by package.
    whole: Option<Hash>,
}

/// What a package counts as.
pub(crate) struct Locked {
    /// `serde_json 1.0.154`, with every version there is of that name.
    pub(crate) label: String,
    /// Over name, version, source and checksum of the package and everything below it.
    pub(crate) hash: Hash,
    /// One `name version` a line: the package first, then everything below it in order.
    pub(crate) text: String,
}

impl Lock {
    pub(crate) fn read(path: &Path) -> Self {
        match (std::fs::read_to_string(path), Lockfile::load(path)) {
            (_, Ok(lock)) => Lock {
                packages: lock.packages,
                whole: None,
            },
            (text, Err(_)) => Lock {
                packages: Vec::new(),
                whole: text
                    .ok()
                    .map(|text| fingerprint::of_content(Some(text.as_bytes()))),
            },
        }
    }

    /// Whether every package of this name is a directory of this machine.
    pub(crate) fn is_local(&self, name: &str) -> bool {
        let mut found = self.named(name).peekable();
        found.peek().is_some() && found.all(|package| package.source.is_none())
    }

    /// The package `name` in all its versions, with everything below it.
    pub(crate) fn package(&self, name: &str) -> Locked {
        let roots: Vec<&Package> = self.named(name).collect();
        let mut below = BTreeSet::new();
        let mut todo = roots.clone();
        while let Some(package) = todo.pop() {
            if below.insert(package) {
                todo.extend(package.dependencies.iter().flat_map(|dependency| {
                    self.packages
                        .iter()
                        .filter(|package| dependency.matches(package))
                }));
            }
        }
        let versions: Vec<String> = roots
            .iter()
            .map(|package| package.version.to_string())
            .collect();
        let mut print = Fingerprint::new("locked package");
        print.field(b'N', name.as_bytes());
        if let Some(whole) = &self.whole {
            print.field(b'W', whole);
        }
        for package in &below {
            print.field(b'p', package.name.as_str().as_bytes());
            print.field(b'v', package.version.to_string().as_bytes());
            print.field(
                b's',
                package
                    .source
                    .as_ref()
                    .map(ToString::to_string)
                    .unwrap_or_default()
                    .as_bytes(),
            );
            print.field(
                b'c',
                package
                    .checksum
                    .as_ref()
                    .map(ToString::to_string)
                    .unwrap_or_default()
                    .as_bytes(),
            );
        }
        let line = |package: &&Package| format!("{} {}\n", package.name, package.version);
        let first: String = roots.iter().map(line).collect();
        let rest: String = below
            .iter()
            .filter(|package| !roots.contains(package))
            .map(line)
            .collect();
        let label = if versions.is_empty() {
            name.to_owned()
        } else {
            format!("{name} {}", versions.join(", "))
        };
        Locked {
            label,
            hash: print.finish(),
            text: first + &rest,
        }
    }

    fn named(&self, name: &str) -> impl Iterator<Item = &Package> {
        self.packages
            .iter()
            .filter(move |package| package.name.as_str() == name)
    }
}
