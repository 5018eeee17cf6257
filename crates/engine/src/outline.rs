//! What a pipeline is made of, for whoever shows it or fills in its inputs.
//! It is unaware of runs.

use std::any::TypeId;
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::{Error, Result, suggest};
use crate::graph::SourceName;
use crate::inputs::Kind;
use crate::node::{Location, Param};
use crate::pipeline::Pipeline;

/// A node as it was declared.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NodeOutline<'a> {
    /// The node's name.
    pub name: &'a str,
    /// Where its function is written.
    pub location: &'a Location,
    /// Whether its output is remembered.
    pub cached: bool,
    /// Whether it is applied to each item of its lists.
    pub mapped: bool,
    /// The nodes that it reads, each once.
    pub reads: Vec<&'a str>,
    /// The inputs that it takes, each once.
    pub takes: Vec<&'a str>,
}

/// An input that a pipeline needs.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct InputOutline<'a> {
    /// The input's name.
    pub name: &'a str,
    /// How it is to be given.
    pub kind: InputKind,
    /// The Rust type as which the first node takes it.
    pub type_name: &'static str,
    /// Whether a run can do without it.
    pub optional: bool,
    /// The default's value as text, where it is short.
    pub default: Option<Arc<str>>,
    /// The nodes that take it.
    pub takers: Vec<&'a str>,
}

/// How an input is to be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InputKind {
    /// As a value.
    Value,
    /// As a text.
    Text,
    /// As a file or a directory.
    Path,
    /// As several files.
    Paths,
}

impl Pipeline {
    /// One node.
    ///
    /// # Errors
    /// No node has that name.
    pub fn node(&self, name: &str) -> Result<NodeOutline<'_>> {
        let graph = &*self.graph;
        let number = graph.find(name)?;
        let node = graph.node(number);
        let parents = graph.distinct_parents(number);
        let mut takes: Vec<u32> = graph.sources_of(number).collect();
        takes.sort_unstable();
        takes.dedup();
        Ok(NodeOutline {
            name: node.name(),
            location: &node.location,
            cached: node.cache,
            mapped: node.map.is_some(),
            reads: parents.iter().map(|at| &**graph.name_of(*at)).collect(),
            takes: takes
                .iter()
                .map(|at| &*graph.sources[*at as usize].name)
                .collect(),
        })
    }

    /// One input.
    ///
    /// # Errors
    /// No node takes an input of that name.
    pub fn input(&self, name: &str) -> Result<InputOutline<'_>> {
        let sources = &self.graph.sources;
        let found = sources.iter().find(|source| &*source.name == name);
        let source = found.ok_or_else(|| Error::UnknownInput {
            input: name.to_owned(),
            suggestion: suggest(name, self.inputs()),
        })?;
        let params: Vec<&Param> = self.params(source).collect();
        let default = params.iter().find_map(|param| param.default.as_ref());
        let shown = default.and_then(|default| match default().0 {
            Kind::Typed(typed) => typed.shown.clone(),
            Kind::File { .. } | Kind::Files(_) | Kind::Dir { .. } => None,
        });
        Ok(InputOutline {
            name: &source.name,
            kind: kind(&params),
            type_name: params.first().map_or("", |param| param.value_type.name()),
            optional: params.iter().all(|param| param.default.is_some()),
            default: shown,
            takers: source
                .takers
                .iter()
                .map(|(node, _)| &**self.graph.name_of(*node))
                .collect(),
        })
    }

    /// The names of the targets, in topological order.
    pub fn target_names(&self) -> impl Iterator<Item = &str> {
        self.targets.iter().map(|node| &**self.graph.name_of(*node))
    }

    fn params(&self, source: &SourceName) -> impl Iterator<Item = &Param> {
        let takers = source.takers.iter();
        takers.map(|&(node, param)| &self.graph.node(node).params[param as usize])
    }
}

/// What every function that takes an input takes it as.
fn kind(params: &[&Param]) -> InputKind {
    let all = |id: TypeId| params.iter().all(|param| param.value_type.id() == id);
    if all(TypeId::of::<PathBuf>()) {
        InputKind::Path
    } else if all(TypeId::of::<Vec<PathBuf>>()) {
        InputKind::Paths
    } else if all(TypeId::of::<String>()) {
        InputKind::Text
    } else {
        InputKind::Value
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::InputKind;
    use crate::node::{Node, Param};
    use crate::pipeline::Pipeline;

    #[test]
    fn a_pipeline_tells_what_it_is_made_of() {
        let words = Node::named("words")
            .param(Param::of::<PathBuf>("text"))
            .cached(|_| Ok(0_u32));
        let top = Node::named("top")
            .param(Param::new::<u32>("words"))
            .param(Param::new::<u32>("words"))
            .param(Param::with_default::<u64>("count", || 3))
            .param(Param::of::<String>("language"))
            .uncached(|_| Ok(0_u32));
        let pipeline = Pipeline::new(vec![words, top]).unwrap();
        let top = pipeline.node("top").unwrap();
        assert_eq!(top.reads, ["words"]);
        assert_eq!(top.takes, ["count", "language"]);
        assert!(!top.cached && pipeline.node("words").unwrap().cached);
        assert_eq!(pipeline.target_names().collect::<Vec<_>>(), ["top"]);

        let kind = |name: &str| pipeline.input(name).unwrap().kind;
        assert_eq!(kind("text"), InputKind::Path);
        assert_eq!(kind("count"), InputKind::Value);
        assert_eq!(kind("language"), InputKind::Text);
        let count = pipeline.input("count").unwrap();
        assert_eq!(
            (count.optional, count.default.as_deref()),
            (true, Some("3"))
        );
        assert!(!pipeline.input("text").unwrap().optional);
        let refused = pipeline.input("langage").unwrap_err().to_string();
        assert!(refused.contains("did you mean \"language\"?"), "{refused}");
    }
}
