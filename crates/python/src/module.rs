//! What is known of one file by itself: plain data that depends on its bytes alone.

use serde::{Deserialize, Serialize};

use crate::hash::Hash;

/// What one file says, whatever surrounds it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Module {
    /// Its hashes, of which one counts.
    pub hashes: Hashes,
    /// Its code line by line, laid out one way, without comments and empty lines. Never hashed.
    pub text: String,
    /// Where the lines of `text` come from.
    pub lines: Vec<Line>,
    /// The imports it may carry out, in the order of the file.
    pub imports: Vec<Import>,
    /// Words of its texts that look like the path of a Python file.
    pub scripts: Vec<String>,
    /// It changes where modules are searched for.
    pub searches: bool,
    /// The line where it imports by a name, or from a file, that is only known when it runs.
    pub dynamic: Option<u32>,
    /// The texts in it, if either: some of them may name folders.
    pub texts: Vec<String>,
    /// It says what a `from .. import *` of it brings, which may be modules.
    pub exports: bool,
    /// What the program reads of its own text, as far as this file tells.
    pub reads: Reads,
    /// Why it could not be parsed, if so: then all its hashes are of the bytes, and `imports` has every
    /// name that may be one.
    pub unparsed: Option<String>,
}

impl Module {
    /// The hash that counts where the program reads `reads` of its own text.
    pub(crate) fn hash(&self, reads: Reads) -> Hash {
        match reads {
            Reads::Nothing => self.hashes.code,
            Reads::OwnDocstrings | Reads::Docstrings => self.hashes.documented,
            Reads::Source => self.hashes.bytes,
        }
    }
}

/// The hashes of a file, by what of it counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hashes {
    /// Of the syntax tree without docstrings and other statements that do nothing.
    pub code: Hash,
    /// Of the whole syntax tree.
    pub documented: Hash,
    /// Of the bytes.
    pub bytes: Hash,
}

/// Where a line of a [`Module`]'s text comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Its number in the file, from 1.
    pub number: u32,
    /// It holds nothing but a docstring.
    pub docstring: bool,
}

/// One import, as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Import {
    /// The dots in front: 0 for an absolute import, 1 for one from the file's own package.
    pub dots: u32,
    /// The dotted name after them; empty in `from . import a`.
    pub module: String,
    /// The names after `import`, which may be modules as well; `*` for all of them.
    pub names: Vec<String>,
    /// The line it starts on, from 1.
    pub line: u32,
}

impl Import {
    /// `import module`, at no place.
    pub(crate) fn of(module: &str) -> Self {
        Import {
            dots: 0,
            module: module.to_owned(),
            names: Vec::new(),
            line: 0,
        }
    }
}

/// What a program reads of its own text while it runs: what comes later includes what comes before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Reads {
    /// Nothing: only its code counts.
    #[default]
    Nothing,
    /// The docstring of the file itself: `description=__doc__`.
    OwnDocstrings,
    /// Docstrings of any file: `doctest`, `inspect.getdoc`, command lines made of docstrings.
    Docstrings,
    /// The source of any file: `inspect.getsource`.
    Source,
}
