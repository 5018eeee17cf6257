//! Binds the inputs of a run to the sources of a graph: which are missing, what
//! each is known by, and what it is to each function that takes it. It reads
//! files; it changes nothing and is unaware of the database.

use std::any::TypeId;
use std::sync::Arc;

use refrain_store::{Digest, Store};
use rustc_hash::FxHashSet;

use crate::db::Bound;
use crate::error::{Error, Result, suggest};
use crate::files::{self, Tracked};
use crate::graph::{Graph, SourceName};
use crate::inputs::{Input, Inputs, Kind, Typed};
use crate::node::Param;
use crate::spread::spread;
use crate::value::Value;

/// What one binding works with.
pub(super) struct Binder<'a> {
    pub graph: &'a Graph,
    /// The nodes that the targets need, sorted.
    pub needed: &'a [u32],
    pub inputs: &'a Inputs,
    pub store: Option<&'a Store>,
}

/// What an input is known by.
struct Known {
    digest: Digest,
    shown: Option<Arc<str>>,
    unhashable: Option<Arc<str>>,
    files: Option<Tracked>,
}

impl Binder<'_> {
    /// Refuses inputs that nothing takes, and the lack of those that are needed.
    pub fn refuse_names(&self) -> Result<()> {
        let mut absent = self.graph.sources.iter().collect::<Vec<_>>();
        absent.retain(|source| self.inputs.get(&source.name).is_none());
        let taken = self.graph.sources.len() - absent.len();
        if taken < self.inputs.names().count() {
            self.refuse_unknown()?;
        }
        let mut missing = Vec::new();
        for source in absent {
            let mut takers = self.needed_takers(source);
            if let Some((node, _)) = takers.find(|(_, param)| param.default.is_none()) {
                let taker = self.graph.node(node).location.clone();
                missing.push((source.name.to_string(), taker));
            }
        }
        if missing.is_empty() {
            Ok(())
        } else {
            Err(Error::MissingInputs(missing))
        }
    }

    fn refuse_unknown(&self) -> Result<()> {
        let names = || self.graph.sources.iter().map(|source| &*source.name);
        let known: FxHashSet<&str> = names().collect();
        let mut given = self.inputs.names();
        match given.find(|name| !known.contains(name)) {
            Some(unknown) => Err(Error::UnknownInput {
                input: unknown.to_owned(),
                suggestion: suggest(unknown, names()),
            }),
            None => Ok(()),
        }
    }

    /// The new values of these sources, each with the digest it had; those that
    /// are what they were, or neither given nor needed, are left out.
    pub fn bind_all(&self, sources: &[(u32, Option<Digest>)]) -> Result<Vec<(u32, Bound)>> {
        if let Some(store) = self.store
            && sources.len() > 1
        {
            let names = sources
                .iter()
                .map(|(number, _)| &self.graph.sources[*number as usize].name);
            let given = names.filter_map(|name| self.inputs.get(name));
            store.recall_files(given.filter_map(Input::as_file));
        }
        let bound = spread(sources, |(number, before)| {
            let bound = self.bind(*number, *before).transpose()?;
            Some(bound.map(|bound| (*number, bound)))
        });
        bound.into_iter().flatten().collect()
    }

    /// The new value of a source; `None` if it is what it was, or neither given
    /// nor needed.
    fn bind(&self, number: u32, before: Option<Digest>) -> Result<Option<Bound>> {
        let source = &self.graph.sources[number as usize];
        let given = self.inputs.get(&source.name).cloned();
        let Some(input) = given.or_else(|| self.default(source)) else {
            return Ok(None);
        };
        // A file that nothing is going to read may be missing.
        if input.is_file() && self.needed_takers(source).next().is_none() {
            return Ok(None);
        }
        let known = self.identify(source, &input)?;
        if before == Some(known.digest) {
            return Ok(None);
        }
        Ok(Some(Bound {
            digest: known.digest,
            shown: known.shown,
            unhashable: known.unhashable,
            values: self.convert(source, &input)?,
            files: known.files.map(Arc::new),
        }))
    }

    /// The default of the first function that needs the source and has one.
    fn default(&self, source: &SourceName) -> Option<Input> {
        let mut defaults = self
            .needed_takers(source)
            .filter_map(|(_, param)| param.default.as_ref());
        Some(defaults.next()?())
    }

    /// The needed nodes that take a source, each with its parameter.
    fn needed_takers(&self, source: &SourceName) -> impl Iterator<Item = (u32, &Param)> {
        let takers = source.takers.iter();
        takers
            .filter(|(node, _)| self.needed.binary_search(node).is_ok())
            .map(|&(node, param)| (node, self.param(node, param)))
    }

    fn param(&self, node: u32, param: u32) -> &Param {
        &self.graph.node(node).params[param as usize]
    }

    fn identify(&self, source: &SourceName, input: &Input) -> Result<Known> {
        let read = match &input.0 {
            Kind::Typed(typed) => return Ok(identify_typed(typed)),
            Kind::File { path, named } => files::one(path, *named, self.store),
            Kind::Files(paths) => files::list(paths, self.store),
            Kind::Dir { path, named } => files::below(path, *named, self.store),
        };
        let (digest, files) = read.map_err(|(path, cause)| Error::SourceFile {
            input: source.name.to_string(),
            path,
            cause,
        })?;
        Ok(Known {
            digest,
            shown: None,
            unhashable: None,
            files: Some(files),
        })
    }

    /// The input as every type that some parameter takes it as.
    fn convert(&self, source: &SourceName, input: &Input) -> Result<Arc<[(TypeId, Value)]>> {
        let mut values: Vec<(TypeId, Value)> = Vec::new();
        for &(node, param) in &source.takers {
            let param = self.param(node, param);
            if values.iter().any(|(id, _)| *id == param.value_type.id()) {
                continue;
            }
            let value = input.as_param(param).map_err(|problem| Error::InputValue {
                input: source.name.to_string(),
                problem: format!("{problem} (taken by {})", self.graph.node(node).location),
            })?;
            values.push((param.value_type.id(), value));
        }
        Ok(values.into())
    }
}

fn identify_typed(typed: &Typed) -> Known {
    let (digest, unhashable) = match &typed.digest {
        Ok(digest) => (*digest, None),
        Err(unhashed) => (unhashed.known_by, Some(unhashed.why.clone())),
    };
    Known {
        digest,
        shown: typed.shown.clone(),
        unhashable,
        files: None,
    }
}
