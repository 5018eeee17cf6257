//! One file, from its bytes to what is known of it.

use std::thread;

use ruff_python_parser::parse_module;

use crate::gather::Gather;
use crate::hash;
use crate::module::{Hashes, Module};
use crate::{depth, imports, layout, scan, source, tree};

/// The rules by which files are read. Who keeps a [`Module`] keeps it under this number as well: another
/// version may find something else in the same bytes.
pub const VERSION: u32 = 1;

/// Enough for trees of [`depth::DEEPEST`] in a build without optimisation. Memory that is not touched costs
/// nothing.
const STACK: usize = 64 << 20;

/// Reads a file. Never fails: what cannot be parsed is said by [`Module::unparsed`].
pub fn read(bytes: &[u8]) -> Module {
    parsed(bytes).unwrap_or_else(|reason| unparsed(bytes, reason))
}

fn parsed(bytes: &[u8]) -> Result<Module, String> {
    let source = source::decode(bytes)?;
    if depth::too_deep(&source) {
        return Err(format!(
            "it is nested deeper than {} levels",
            depth::DEEPEST
        ));
    }
    let mut module = thread::scope(|scope| {
        let reader = thread::Builder::new()
            .name("refrain-python".to_owned())
            .stack_size(STACK)
            .spawn_scoped(scope, || of_source(&source))
            .map_err(|error| format!("no thread to parse it on: {error}"))?;
        // A panic of the parser is a file that cannot be parsed.
        reader
            .join()
            .unwrap_or_else(|_| Err("the parser gave up on it".to_owned()))
    })?;
    module.hashes.bytes = hash::of_bytes(bytes);
    Ok(module)
}

fn of_source(source: &str) -> Result<Module, String> {
    let parsed = parse_module(source).map_err(|error| {
        let before = &source.as_bytes()[..error.location.start().to_usize()];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        format!("line {line}: {}", error.error)
    })?;
    let mut gather = Gather::default();
    imports::visit(parsed.suite(), source, &mut gather);
    let mut module = Module::default();
    gather.finish(&mut module, scan::words);
    (module.text, module.lines) = layout::lines(source, parsed.tokens());
    let tokens = parsed.tokens().to_vec();
    (module.hashes.code, module.hashes.documented) =
        tree::hashes(&mut parsed.into_syntax(), source, &tokens);
    Ok(module)
}

fn unparsed(bytes: &[u8], reason: String) -> Module {
    let hash = hash::of_bytes(bytes);
    let text = String::from_utf8_lossy(bytes);
    let mut gather = Gather::default();
    scan::words(&text, &mut gather);
    let mut module = Module {
        hashes: Hashes {
            code: hash,
            documented: hash,
            bytes: hash,
        },
        unparsed: Some(reason),
        ..Module::default()
    };
    gather.finish(&mut module, scan::words);
    if bytes.len() <= source::LARGEST {
        (module.text, module.lines) = layout::plain(&text);
    }
    module
}
