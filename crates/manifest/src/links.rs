//! What each node needs: the names in its command, found among inputs and nodes.

use std::ops::Range;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use serde_json::Value as Json;

use crate::findings::Findings;
use crate::input::{Input, InputKind};
use crate::node::{Format, Mapping, Node, Origin, Parameter, Run};
use crate::problem::{Problem, Span, Spanned};
use crate::template::{Form, Piece, Template};

/// Where each name comes from.
pub(crate) type Names = FxHashMap<Arc<str>, Origin>;

/// Finds what names stand for and refuses those that stand for nothing, or for something that cannot be
/// used in this way.
pub(crate) struct Links<'m, 'f, 't> {
    pub(crate) inputs: &'m [Input],
    pub(crate) nodes: &'m [Node],
    pub(crate) names: &'m Names,
    pub(crate) findings: &'f mut Findings<'t>,
}

impl Links<'_, '_, '_> {
    /// What a node needs.
    pub(crate) fn parameters(&mut self, node: &Node) -> Vec<Parameter> {
        let mut parameters = Vec::new();
        for mapping in &node.map {
            parameters.extend(self.mapping(mapping));
        }
        self.key(node);
        let mut writes = false;
        for template in node.run.templates() {
            for piece in template.names() {
                if let Piece::Name {
                    name: "output",
                    form: Form::Plain,
                    ..
                } = piece
                {
                    writes = true;
                } else {
                    self.placeholder(node, template, piece, &mut parameters);
                }
            }
            self.lists_stand_alone(&node.run, template, &parameters);
        }
        self.params(node, &mut parameters);
        self.output(node, writes);
        parameters
    }

    /// Refuses targets that no node gives.
    pub(crate) fn targets(&mut self, targets: &[Spanned<Arc<str>>]) {
        for target in targets {
            let message = match self.names.get(&**target) {
                Some(Origin::Node(_)) => continue,
                Some(Origin::Input(_)) => format!("\"{}\" is an input, and no node", **target),
                None => format!("no node is called \"{}\"", **target),
            };
            let known = self.nodes.iter().map(|node| &**node.name);
            self.findings
                .unknown_name(target.span, message, target, known, "name a node");
        }
    }

    fn find(&mut self, name: &str, span: Span, otherwise: &str) -> Option<Origin> {
        let found = self.names.get(name).copied();
        if found.is_none() {
            let known = self.names.keys().map(|name| &**name);
            let message = format!("no input and no node is called \"{name}\"");
            self.findings
                .unknown_name(span, message, name, known, otherwise);
        }
        found
    }

    fn name(&self, origin: Origin) -> Arc<str> {
        match origin {
            Origin::Input(index) => self.inputs[index].name.value.clone(),
            Origin::Node(index) => self.nodes[index].name.value.clone(),
        }
    }

    /// What a name stands for, in words.
    fn described(&self, origin: Origin) -> String {
        let name = self.name(origin);
        match origin {
            Origin::Input(_) => format!("input \"{name}\""),
            Origin::Node(_) => format!("node \"{name}\""),
        }
    }

    fn is_list(&self, origin: Origin) -> bool {
        match origin {
            Origin::Input(index) => self.inputs[index].is_list(),
            Origin::Node(index) => !self.nodes[index].map.is_empty(),
        }
    }

    /// Whether it holds its list as JSON, whose items can have a key.
    fn is_json(&self, origin: Origin) -> bool {
        match origin {
            Origin::Input(index) => {
                matches!(self.inputs[index].kind, InputKind::Value(Json::Array(_)))
            }
            Origin::Node(index) => {
                self.nodes[index].map.is_empty() && self.nodes[index].format == Format::Json
            }
        }
    }

    fn mapping(&mut self, mapping: &Mapping) -> Option<Parameter> {
        let otherwise = "declare the list under [inputs]";
        let origin = self.find(&mapping.list, mapping.list.span, otherwise)?;
        if !self.is_list(origin) && !self.is_json(origin) {
            let help = match origin {
                Origin::Input(_) => "map over { files = \"..\" }, an array, or a node".to_owned(),
                Origin::Node(_) => {
                    "give it format = \"json\" if its output is an array, or map it as well"
                        .to_owned()
                }
            };
            let message = format!("{} is no list", self.described(origin));
            self.findings
                .add(Problem::new(mapping.list.span, message).help(help));
        }
        Some(Parameter {
            name: mapping.item.value.clone(),
            origin,
            item: true,
        })
    }

    fn key(&mut self, node: &Node) {
        let Some(key) = &node.key else { return };
        if node.map.is_empty() {
            let problem = Problem::new(key.span, "a key without a map");
            self.findings
                .add(problem.help("add map = { item = \"list\" }, or leave the key out"));
            return;
        }
        let origins = node
            .map
            .iter()
            .filter_map(|mapping| self.names.get(&*mapping.list));
        let keyed: Vec<Origin> = origins
            .copied()
            .filter(|origin| self.is_json(*origin))
            .collect();
        if keyed.is_empty() {
            let problem = Problem::new(key.span, "nothing that is mapped over has keys of its own");
            self.findings
                .add(problem.help("files are told apart by their paths: leave the key out"));
            return;
        }
        for origin in keyed {
            let Origin::Input(index) = origin else {
                continue;
            };
            let InputKind::Value(Json::Array(items)) = &self.inputs[index].kind else {
                continue;
            };
            if let Some(lacking) = items.iter().position(|item| item.get(&**key).is_none()) {
                let name = &**self.inputs[index].name;
                let message = format!(
                    "item {} of input \"{name}\" has no \"{}\"",
                    lacking + 1,
                    **key
                );
                let problem = Problem::new(key.span, message).help("give it one");
                self.findings
                    .add(problem.also(self.inputs[index].name.span, "the list"));
            }
        }
    }

    fn placeholder(
        &mut self,
        node: &Node,
        template: &Spanned<Template>,
        piece: Piece<'_>,
        parameters: &mut Vec<Parameter>,
    ) {
        let Piece::Name { name, form, offset } = piece else {
            return;
        };
        let at = place(template, offset);
        if name == "output" {
            let span = self.findings.part(template.span, at);
            let problem = Problem::new(span, "where to write is one path, and no list");
            return self.findings.add(problem.help("write {output}"));
        }
        let known = parameters.iter().find(|parameter| &*parameter.name == name);
        let (origin, item) = match (known, self.names.get(name)) {
            (Some(known), _) => (known.origin, known.item),
            (None, Some(&origin)) => {
                parameters.push(Parameter {
                    name: self.name(origin),
                    origin,
                    item: false,
                });
                (origin, false)
            }
            // Its list is unknown, which has been told.
            (None, None) if node.map.iter().any(|mapping| &*mapping.item.value == name) => return,
            (None, None) => {
                let span = self.findings.part(template.span, at);
                let otherwise =
                    format!("declare it under [inputs], or write {{{{{name}}}}} for braces");
                self.find(name, span, &otherwise);
                return;
            }
        };
        if form != Form::Plain && (item || !self.is_list(origin)) {
            let span = self.findings.part(template.span, at);
            let message = match item {
                true => format!("\"{name}\" is one item of a list, and no list"),
                false => format!("{} is no list", self.described(origin)),
            };
            let problem = Problem::new(span, message);
            self.findings.add(problem.help(format!("write {{{name}}}")));
        }
    }

    /// A list becomes several words, which nothing can be glued to.
    fn lists_stand_alone(
        &mut self,
        run: &Run,
        template: &Spanned<Template>,
        parameters: &[Parameter],
    ) {
        let (before, after): (&[u8], &[u8]) = match run {
            Run::Shell(_) => (b" \t\n(;|&<>`", b" \t\n);|&<>`"),
            Run::Program(_) => (b"", b""),
        };
        let text = template.text().as_bytes();
        for piece in template.names() {
            let Piece::Name {
                name,
                form: Form::Plain,
                offset,
            } = piece
            else {
                continue;
            };
            let at = place(template, offset);
            let alone = text[..at.start]
                .last()
                .is_none_or(|byte| before.contains(byte))
                && text.get(at.end).is_none_or(|byte| after.contains(byte));
            let list = parameters.iter().find(|parameter| &*parameter.name == name);
            let list = list.is_some_and(|list| !list.item && self.is_list(list.origin));
            if list && !alone {
                let span = self.findings.part(template.span, at);
                let message = format!("\"{name}\" is a list and has to stand as a word of its own");
                let help = format!(
                    "put nothing right before and behind it, or write {{{name}:list}} for one file"
                );
                self.findings.add(Problem::new(span, message).help(help));
            }
        }
    }

    fn params(&mut self, node: &Node, parameters: &mut Vec<Parameter>) {
        for (index, param) in node.params.iter().enumerate() {
            let variable = variable(param);
            let before = node.params[..index].iter();
            if let Some(other) = before
                .clone()
                .find(|other| self::variable(other) == variable)
            {
                let message = format!("two parameters in one variable, {variable}");
                let problem = Problem::new(param.span, message).also(other.span, "the other");
                self.findings.add(problem.help("rename one of them"));
            }
            if &*param.value == "output" {
                let problem = Problem::new(param.span, "\"output\" is no parameter");
                self.findings
                    .add(problem.help("write {output} in the command"));
                continue;
            }
            if parameters.iter().any(|known| known.name == param.value) {
                continue;
            }
            if let Some(origin) = self.find(param, param.span, "declare it under [inputs]") {
                parameters.push(Parameter {
                    name: param.value.clone(),
                    origin,
                    item: false,
                });
            }
        }
    }

    /// Refuses what cannot become of a node that does or does not write to `{output}`.
    fn output(&mut self, node: &Node, writes: bool) {
        if node.format == Format::Dir && !writes {
            let span = command(node);
            let problem = Problem::new(span, "a directory cannot come from standard output");
            self.findings
                .add(problem.help("write {output} where the command takes the directory"));
        }
        let Some(depfile) = &node.depfile else { return };
        for piece in depfile.names() {
            let Piece::Name { name, form, offset } = piece else {
                continue;
            };
            let help = match (name, form) {
                ("output", Form::Plain) if writes => continue,
                ("output", Form::Plain) => "let the command write to {output} as well",
                _ => "a depfile stands beside the output: \"{output}.d\"",
            };
            let span = self.findings.part(depfile.span, place(depfile, offset));
            let message = format!("the command knows no path for {{{name}}}");
            self.findings.add(Problem::new(span, message).help(help));
        }
    }
}

/// The environment variable in which a command finds a parameter.
pub fn variable(name: &str) -> String {
    format!("REFRAIN_{}", name.to_uppercase().replace('-', "_"))
}

/// A placeholder's place in the template's text.
fn place(template: &Template, offset: usize) -> Range<usize> {
    let length = template.text()[offset..].find('}').map_or(0, |end| end + 1);
    offset..offset + length
}

/// The place of a node's command, or of its name where it has none.
fn command(node: &Node) -> Span {
    node.run
        .templates()
        .first()
        .map_or(node.name.span, |template| template.span)
}

/// Where a node names what it needs from `origin`.
pub(crate) fn mention(node: &Node, origin: Origin, findings: &Findings<'_>) -> Span {
    let needed = |parameter: &&Parameter| parameter.origin == origin;
    let Some(parameter) = node.parameters.iter().find(needed) else {
        return node.name.span;
    };
    if parameter.item {
        let mapping = node
            .map
            .iter()
            .find(|mapping| mapping.item.value == parameter.name);
        return mapping.map_or(node.name.span, |mapping| mapping.list.span);
    }
    for template in node.run.templates() {
        for piece in template.names() {
            if let Piece::Name { name, offset, .. } = piece
                && *name == *parameter.name
            {
                return findings.part(template.span, place(template, offset));
            }
        }
    }
    let param = node
        .params
        .iter()
        .find(|param| param.value == parameter.name);
    param.map_or(node.name.span, |param| param.span)
}
