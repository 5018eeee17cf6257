//! The files that a manifest's patterns stand for at this moment.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use serde_json::Value as Json;

use crate::input::{Input, InputKind};
use crate::manifest::Manifest;
use crate::pattern::Pattern;
use crate::problem::{Problem, Problems, Spanned};
use crate::walk::{Found, Walk};

/// The files of all lists of a manifest, by their paths relative to the project's root.
#[derive(Clone, Debug)]
pub struct Files {
    inputs: Vec<Arc<[PathBuf]>>,
    sources: Vec<Arc<[PathBuf]>>,
    warnings: Option<Problems>,
    folders: FxHashSet<PathBuf>,
}

impl Files {
    /// The files of the input of this index; none where it is no list of files.
    pub fn of_input(&self, index: usize) -> &Arc<[PathBuf]> {
        &self.inputs[index]
    }

    /// The `sources` of the node of this index.
    pub fn of_node(&self, index: usize) -> &Arc<[PathBuf]> {
        &self.sources[index]
    }

    /// The directories in which the files were looked for, relative to the root: a new name in one of them
    /// may be a file of a list.
    pub fn folders(&self) -> impl Iterator<Item = &Path> {
        self.folders.iter().map(PathBuf::as_path)
    }

    /// Patterns that match nothing, what could not be read, and texts that may have been meant as files.
    pub fn warnings(&self) -> Option<&Problems> {
        self.warnings.as_ref()
    }
}

impl Manifest {
    /// Finds the files of every `files` input and of every node's `sources` below `root`, in one walk.
    ///
    /// A list has each file once, in the order of their paths' bytes. Wildcards leave out hidden files unless
    /// they ask for them, what git ignores, the cache's directory and the places where outputs are put. One
    /// that matches nothing is a warning; a path without wildcards that is no file of the project is an error.
    pub fn files(&self, root: &Path, cache_dir: &Path) -> Result<Files, Problems> {
        let mut search = Search::default();
        let lists = self.inputs.iter().map(|input| match &input.kind {
            InputKind::Files(patterns) => patterns.as_slice(),
            _ => &[],
        });
        let lists = lists.chain(self.nodes.iter().map(|node| node.sources.as_slice()));
        let lists: Vec<Vec<usize>> = lists.map(|list| search.enter(list)).collect();
        search.run(root, || self.places(root, cache_dir));
        if !search.errors.is_empty() {
            return Err(self.problems(search.errors));
        }
        let mut inputs: Vec<_> = lists.into_iter().map(|list| search.list(list)).collect();
        let sources = inputs.split_off(self.inputs.len());
        let mut warnings = search.warnings;
        warnings.extend(
            self.inputs
                .iter()
                .filter_map(|input| meant_file(input, root)),
        );
        Ok(Files {
            inputs,
            sources,
            warnings: (!warnings.is_empty()).then(|| self.problems(warnings)),
            folders: search.folders,
        })
    }

    /// Where refrain itself writes, relative to the root.
    fn places(&self, root: &Path, cache_dir: &Path) -> FxHashSet<PathBuf> {
        let cache = cache_dir.strip_prefix(root).unwrap_or(cache_dir);
        let cache = cache.components().filter(|part| *part != Component::CurDir);
        let places = self.nodes.iter().filter_map(|node| node.to.as_ref());
        let places = places.map(|to| to.value.clone());
        places.chain([cache.collect()]).collect()
    }
}

/// A search for the files of many lists: each pattern is looked for once.
#[derive(Default)]
struct Search<'m> {
    known: FxHashMap<&'m Pattern, usize>,
    patterns: Vec<&'m Spanned<Pattern>>,
    /// For each pattern what it matches.
    found: Vec<Vec<PathBuf>>,
    /// Lists of the same patterns are the same list.
    lists: FxHashMap<Vec<usize>, Arc<[PathBuf]>>,
    errors: Vec<Problem>,
    warnings: Vec<Problem>,
    /// The directories walked through.
    folders: FxHashSet<PathBuf>,
}

impl<'m> Search<'m> {
    fn enter(&mut self, list: &'m [Spanned<Pattern>]) -> Vec<usize> {
        let enter = |pattern: &'m Spanned<Pattern>| {
            let next = self.patterns.len();
            let at = *self.known.entry(&pattern.value).or_insert(next);
            if at == next {
                self.patterns.push(pattern);
            }
            at
        };
        list.iter().map(enter).collect()
    }

    fn run(&mut self, root: &Path, left_out: impl FnOnce() -> FxHashSet<PathBuf>) {
        self.found = vec![Vec::new(); self.patterns.len()];
        let mut wild = Vec::new();
        for (at, pattern) in self.patterns.iter().enumerate() {
            match pattern.as_path() {
                None => wild.push(at),
                Some(path) => match check_file(root, path) {
                    Ok(()) => self.found[at].push(path.to_owned()),
                    Err((message, help)) => {
                        let problem = Problem::new(pattern.span, message);
                        self.errors.push(problem.help(help));
                    }
                },
            }
        }
        if wild.is_empty() {
            return;
        }
        let patterns = wild
            .iter()
            .map(|at| self.patterns[*at].value.clone())
            .collect();
        match Walk::new(root, patterns, left_out()) {
            Ok(walk) => self.take(&wild, walk.run()),
            Err(error) => {
                let message = format!("cannot look for files in {}: {error}", root.display());
                self.errors
                    .push(Problem::new(self.patterns[wild[0]].span, message));
            }
        }
    }

    fn take(&mut self, wild: &[usize], found: Found) {
        let Found {
            files,
            ignored,
            failures,
            folders,
        } = found;
        self.folders = folders;
        for ((at, files), ignored) in wild.iter().zip(files).zip(ignored) {
            let pattern = self.patterns[*at];
            if files.is_empty() {
                let message = format!("no file matches \"{}\"", pattern.as_str());
                let help = match ignored {
                    0 => "a list may be empty; check the pattern if it should not be".to_owned(),
                    1 => "one file does, but .gitignore leaves it out: name it by its path"
                        .to_owned(),
                    many => format!(
                        "{many} files do, but .gitignore leaves them out: name them by their paths"
                    ),
                };
                let problem = Problem::new(pattern.span, message).warning();
                self.warnings.push(problem.help(help));
            }
            self.found[*at] = files;
        }
        for failure in failures {
            let problem = Problem::new(self.patterns[wild[0]].span, failure).warning();
            self.warnings
                .push(problem.help("make it readable, or the list lacks what is in it"));
        }
    }

    /// The files of a list, each once.
    fn list(&mut self, patterns: Vec<usize>) -> Arc<[PathBuf]> {
        if let Some(known) = self.lists.get(&patterns) {
            return known.clone();
        }
        let mut paths: Vec<&PathBuf> = patterns.iter().flat_map(|at| &self.found[*at]).collect();
        paths.sort_unstable_by_key(|path| path.as_os_str().as_bytes());
        paths.dedup();
        let list: Arc<[PathBuf]> = paths.into_iter().cloned().collect();
        self.lists.insert(patterns, list.clone());
        list
    }
}

/// A warning about a text, or texts, that may have been meant as files: an edit of these would change nothing.
fn meant_file(input: &Input, root: &Path) -> Option<Problem> {
    let span = input.plain?;
    let (text, files, value) = match &input.kind {
        InputKind::Value(Json::String(text)) => (text.as_str(), "file = \"..\"", "value = \"..\""),
        InputKind::Value(Json::Array(items)) => {
            (items.first()?.as_str()?, "files = [..]", "value = [..]")
        }
        _ => return None,
    };
    root.join(text).is_file().then(|| {
        let message = format!("\"{text}\" is a text, and the content of the file does not count");
        let help = format!("write {{ {files} }} if it should, or {{ {value} }} if it should not");
        Problem::new(span, message).warning().help(help)
    })
}

/// Whether a path is a file in the project; what to say and to do if it is not.
fn check_file(root: &Path, path: &Path) -> Result<(), (String, String)> {
    let shown = path.display();
    let there = root.join(path);
    let meant = there
        .canonicalize()
        .and_then(|real| Ok((fs::metadata(&real)?, real)));
    match meant {
        Ok((metadata, _)) if metadata.is_dir() => {
            let help = format!("write \"{shown}/**\" for the files in it");
            Err((format!("{shown} is a directory"), help))
        }
        Ok((metadata, _)) if !metadata.is_file() => Err((
            format!("{shown} is no regular file"),
            "name a file".to_owned(),
        )),
        Ok((_, real)) if !root.canonicalize().is_ok_and(|root| real.starts_with(root)) => {
            let help =
                "copy it into the project, or make it a { file = \"..\" } of its own".to_owned();
            Err((
                format!("{shown} is a link that leads out of the project"),
                help,
            ))
        }
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err((
            format!("there is no file {shown}"),
            "create it, or correct the path".to_owned(),
        )),
        Err(error) => Err((
            format!("cannot read {shown}: {error}"),
            "make it readable".to_owned(),
        )),
    }
}
