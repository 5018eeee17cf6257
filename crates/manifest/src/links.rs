//! What each node needs: the names in its command, found among inputs and nodes.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::findings::Findings;
use crate::node::{Node, Origin, Parameter};
use crate::problem::{Problem, Span, Spanned};
use crate::template::{Piece, Template};

/// Where each name comes from.
pub(crate) type Names = FxHashMap<Arc<str>, Origin>;

/// Finds what names stand for, and refuses those that stand for nothing.
pub(crate) struct Links<'m, 'f, 't> {
    pub(crate) nodes: &'m [Node],
    pub(crate) names: &'m Names,
    pub(crate) findings: &'f mut Findings<'t>,
}

impl Links<'_, '_, '_> {
    /// What a node needs: items of mapped lists first, then what its command names, then its `params`.
    pub(crate) fn parameters(&mut self, node: &Node) -> Vec<Parameter> {
        let mut parameters = Vec::new();
        for mapping in &node.map {
            let otherwise = "declare the list under [inputs]";
            if let Some(origin) = self.find(&mapping.list, mapping.list.span, otherwise) {
                let name = mapping.item.value.clone();
                parameters.push(Parameter {
                    name,
                    origin,
                    item: true,
                });
            }
        }
        for template in node.run.templates() {
            for piece in template.names() {
                parameters.extend(self.placeholder(node, template, piece, &parameters));
            }
        }
        for param in &node.params {
            parameters.extend(self.param(param, &parameters));
        }
        self.variables(node);
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
            let otherwise = "name a node";
            self.findings
                .unknown_name(target.span, message, target, known, otherwise);
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

    /// What a placeholder adds to what its node needs.
    fn placeholder(
        &mut self,
        node: &Node,
        template: &Spanned<Template>,
        piece: Piece<'_>,
        known: &[Parameter],
    ) -> Option<Parameter> {
        let Piece::Name { name, offset, .. } = piece else {
            return None;
        };
        // A mapped item is known, or its list is not, which has been told.
        let item = || node.map.iter().any(|mapping| &*mapping.item.value == name);
        if name == "output" || known.iter().any(|known| &*known.name == name) || item() {
            return None;
        }
        if let Some((name, origin)) = self.names.get_key_value(name) {
            let (name, origin) = (name.clone(), *origin);
            return Some(Parameter {
                name,
                origin,
                item: false,
            });
        }
        let span = self.findings.part(template.span, template.place(offset));
        let otherwise = format!("declare it under [inputs], or write {{{{{name}}}}} for braces");
        self.find(name, span, &otherwise);
        None
    }

    fn param(&mut self, param: &Spanned<Arc<str>>, known: &[Parameter]) -> Option<Parameter> {
        if &***param == "output" {
            let problem = Problem::new(param.span, "\"output\" is no parameter");
            self.findings
                .add(problem.help("write {output} in the command"));
            return None;
        }
        if known.iter().any(|known| known.name == param.value) {
            return None;
        }
        let origin = self.find(param, param.span, "declare it under [inputs]")?;
        let name = param.value.clone();
        Some(Parameter {
            name,
            origin,
            item: false,
        })
    }

    /// Refuses parameters that a command would find in one and the same variable.
    fn variables(&mut self, node: &Node) {
        for (index, param) in node.params.iter().enumerate() {
            let variable = variable(param);
            let mut before = node.params[..index].iter();
            if let Some(other) = before.find(|other| self::variable(other) == variable) {
                let message = format!("two parameters in one variable, {variable}");
                let problem = Problem::new(param.span, message).also(other.span, "the other");
                self.findings.add(problem.help("rename one of them"));
            }
        }
    }
}

/// The environment variable in which a command finds a parameter.
pub fn variable(name: &str) -> String {
    format!("REFRAIN_{}", name.to_uppercase().replace('-', "_"))
}

/// Where a node names what it needs from `origin`.
pub(crate) fn mention(node: &Node, origin: Origin, findings: &Findings<'_>) -> Span {
    let needed = |parameter: &&Parameter| parameter.origin == origin;
    let Some(parameter) = node.parameters.iter().find(needed) else {
        return node.name.span;
    };
    let mut lists = node.map.iter();
    if let Some(mapping) = lists.find(|mapping| mapping.item.value == parameter.name) {
        return mapping.list.span;
    }
    for template in node.run.templates() {
        for piece in template.names() {
            if let Piece::Name { name, offset, .. } = piece
                && *name == *parameter.name
            {
                return findings.part(template.span, template.place(offset));
            }
        }
    }
    let mut params = node.params.iter();
    let param = params.find(|param| param.value == parameter.name);
    param.map_or(node.name.span, |param| param.span)
}
