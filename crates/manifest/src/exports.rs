//! Where outputs are put: no two in one place, and none over what is read.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustc_hash::FxHashMap;

use crate::findings::Findings;
use crate::input::{Input, InputKind};
use crate::node::Node;
use crate::pattern::Pattern;
use crate::problem::{Problem, Span, Spanned};

/// The places of outputs, by their bytes.
type Places<'m> = FxHashMap<&'m [u8], &'m Node>;

/// Refuses places that collide. `own` are the paths that belong to refrain: the manifest and the cache.
pub(crate) fn check(inputs: &[Input], nodes: &[Node], own: &[&Path], findings: &mut Findings<'_>) {
    let mut places = Places::default();
    for node in nodes {
        let Some(to) = &node.to else { continue };
        if let Some(other) = places.insert(bytes(to), node) {
            let message = format!(
                "nodes \"{}\" and \"{}\" are put in one place",
                *other.name, *node.name
            );
            refuse(to.span, message, other, findings);
        }
    }
    if places.is_empty() {
        return;
    }
    let dirs: FxHashMap<&[u8], &Input> = inputs
        .iter()
        .filter_map(|input| match &input.kind {
            InputKind::Dir(dir) => Some((bytes(dir), input)),
            _ => None,
        })
        .collect();
    for node in nodes {
        let Some(to) = &node.to else { continue };
        if let Some(outer) = above(bytes(to)).find_map(|dir| places.get(dir)) {
            let message = format!(
                "node \"{}\" is put inside of \"{}\"",
                *node.name, *outer.name
            );
            refuse(to.span, message, outer, findings);
        }
        if let Some(dir) = above(bytes(to)).find_map(|dir| dirs.get(dir)) {
            let message = format!(
                "node \"{}\" is put into input \"{}\"",
                *node.name, *dir.name
            );
            let problem = Problem::new(to.span, message).also(dir.name.span, "the input");
            findings.add(problem.help("choose a place that no node reads"));
        }
        if let Some(own) = own.iter().find(|own| lies_in(bytes(to), bytes(own))) {
            let message = format!("{} belongs to refrain itself", own.display());
            findings.add(Problem::new(to.span, message).help("choose another place"));
        }
    }
    for input in inputs {
        match &input.kind {
            InputKind::File(path) | InputKind::Dir(path) => {
                read(path, path.span, &places, findings)
            }
            InputKind::Files(patterns) => read_patterns(patterns, &places, findings),
            _ => {}
        }
    }
    for node in nodes {
        read_patterns(&node.sources, &places, findings);
    }
}

fn read_patterns(patterns: &[Spanned<Pattern>], places: &Places<'_>, findings: &mut Findings<'_>) {
    // What a wildcard matches leaves out the places of outputs.
    for pattern in patterns {
        if let Some(path) = pattern.as_path() {
            read(path, pattern.span, places, findings);
        }
    }
}

/// Refuses to read from where an output is put.
fn read(path: &Path, span: Span, places: &Places<'_>, findings: &mut Findings<'_>) {
    let path = bytes(path);
    if let Some(node) = std::iter::once(path)
        .chain(above(path))
        .find_map(|path| places.get(path))
    {
        let message = format!("this is where the output of node \"{}\" is put", *node.name);
        let problem =
            Problem::new(span, message).help(format!("name the node: {{{}}}", *node.name));
        findings.add(problem);
    }
}

fn refuse(span: Span, message: String, other: &Node, findings: &mut Findings<'_>) {
    let there = other.to.as_ref().map_or(other.name.span, |to| to.span);
    let problem = Problem::new(span, message).also(there, "the other one");
    findings.add(problem.help("give each a place of its own"));
}

fn bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_bytes()
}

/// Whether a normalised path is this one, or lies in it.
fn lies_in(path: &[u8], dir: &[u8]) -> bool {
    path.strip_prefix(dir)
        .is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
}

/// The directories that a normalised path lies in, from the inside out.
fn above(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let slashes = path
        .iter()
        .enumerate()
        .rev()
        .filter(|(_, byte)| **byte == b'/');
    slashes.map(|(at, _)| &path[..at])
}
