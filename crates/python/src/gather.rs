//! What a file's words say about the modules it needs and what it reads of them.
//!
//! Filled with imports, names and texts, by whichever way the file is read: off its tree or, where it has none,
//! off its words. What they mean together is decided at the end.

use crate::module::{Import, Module, Reads};
use crate::names::{self, Meaning};

/// The longest text that may be a path, in bytes; what the kernel takes.
const LONGEST_PATH: usize = 4096;

/// How a name stands in the file.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Use {
    /// Imported, or called with what it loads written beside it.
    Known,
    /// In any other way.
    Free,
}

/// What was found so far.
#[derive(Default)]
pub(crate) struct Gather {
    imports: Vec<Import>,
    texts: Vec<(String, u32)>,
    loads: bool,
    runs_text: bool,
    /// It changes `sys.path` if what has a `path` is `sys`.
    has_path: bool,
    imports_sys: bool,
    searches: bool,
    package_path: Option<u32>,
    extends_path: bool,
    dynamic: Option<u32>,
    exports: bool,
    reads: Reads,
}

impl Gather {
    /// An import statement, or a call that is one.
    pub(crate) fn import(&mut self, import: Import) {
        let package = import.module.split('.').next().unwrap_or_default();
        if import.dots == 0 && names::reads_docstrings(package) {
            self.reads(Reads::Docstrings);
        }
        self.imports_sys |= package == "sys" || import.names.iter().any(|name| name == "sys");
        let parts = import.module.split('.');
        for name in parts.chain(import.names.iter().map(String::as_str)) {
            self.name(name, Use::Known, import.line);
            self.has_path |= name == "path";
        }
        self.imports.push(import);
    }

    /// A text, other than a docstring.
    pub(crate) fn text(&mut self, text: &str, line: u32) {
        // `getattr(module, "__doc__")`
        self.name(text, Use::Free, line);
        self.texts.push((text.to_owned(), line));
    }

    /// Something, other than `os`, has a `path`.
    pub(crate) fn has_path(&mut self) {
        self.has_path = true;
    }

    /// Any place where a name stands.
    pub(crate) fn name(&mut self, name: &str, used: Use, line: u32) {
        match names::meaning(name) {
            Some(Meaning::ByName | Meaning::ByFile) => {
                self.loads = true;
                if used == Use::Free {
                    self.dynamic.get_or_insert(line);
                }
            }
            Some(Meaning::RunsText) => self.runs_text = true,
            Some(Meaning::PackagePath) => _ = self.package_path.get_or_insert(line),
            Some(Meaning::ExtendsPath) => self.extends_path = true,
            Some(Meaning::SearchPath) => self.searches = true,
            Some(Meaning::Exports) => self.exports = true,
            Some(Meaning::Docstrings) => self.reads(Reads::Docstrings),
            Some(Meaning::Source) => self.reads(Reads::Source),
            None => {}
        }
    }

    /// The file reads that much of its own text.
    pub(crate) fn reads(&mut self, reads: Reads) {
        self.reads = self.reads.max(reads);
    }

    /// Writes down what all of it means. `inner` reads the imports off a text that is run as a program.
    pub(crate) fn finish(mut self, module: &mut Module, inner: impl Fn(&str, &mut Gather)) {
        let texts = std::mem::take(&mut self.texts);
        // `python -m pkg.mod`
        let loads = self.loads
            || texts
                .iter()
                .any(|(text, _)| words(text).any(|word| word == "-m"));
        for (text, line) in &texts {
            for word in words(text) {
                if is_script(word) {
                    module.scripts.push(word.to_owned());
                }
                if loads {
                    self.imports.extend(named(word, *line));
                }
            }
            if self.runs_text && text.contains("import") {
                let mut run = Gather::default();
                inner(text, &mut run);
                self.imports
                    .extend(run.imports.into_iter().map(|import| Import {
                        line: *line,
                        ..import
                    }));
            }
        }
        module.searches = self.searches || (self.has_path && self.imports_sys);
        let package_path = self.package_path.filter(|_| !self.extends_path);
        module.dynamic = self.dynamic.or(package_path);
        if module.searches || module.dynamic.is_some() {
            let texts = texts.into_iter().map(|(text, _)| text);
            module.texts = texts.filter(|text| text.len() <= LONGEST_PATH).collect();
        }
        module.exports = self.exports;
        module.reads = self.reads;
        module.imports = self.imports;
    }
}

/// Whether a text names a Python file.
pub(crate) fn is_script(word: &str) -> bool {
    (".py".len() + 1..=LONGEST_PATH).contains(&word.len()) && word.ends_with(".py")
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c.is_whitespace() || "'\"=;,()[]".contains(c))
}

/// The modules that `pkg.mod`, `.mod` or `pkg.mod:function` may name.
fn named(word: &str, line: u32) -> Vec<Import> {
    let name = word.split(':').next().unwrap_or(word);
    let module = name.trim_start_matches('.');
    let is_part =
        |part: &str| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || c == '_');
    if !module.split('.').all(is_part) {
        return Vec::new();
    }
    let import = |dots: usize| Import {
        dots: dots as u32,
        module: module.to_owned(),
        // A package that is run.
        names: vec!["__main__".to_owned()],
        line,
    };
    match name.len() - module.len() {
        // `__import__` takes a level: the name may be one of the file's own package.
        0 => vec![import(0), import(1)],
        dots => vec![import(dots)],
    }
}
