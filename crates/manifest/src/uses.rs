//! Whether each parameter can be used as it is: one thing as one thing, a list as a list.

use serde_json::Value as Json;

use crate::findings::Findings;
use crate::input::{Input, InputKind};
use crate::node::{Format, Node, Origin, Run};
use crate::problem::{Problem, Span, Spanned};
use crate::template::{Form, Piece, Template};

/// Refuses uses that cannot be.
pub(crate) struct Uses<'m, 'f, 't> {
    pub(crate) inputs: &'m [Input],
    pub(crate) nodes: &'m [Node],
    pub(crate) findings: &'f mut Findings<'t>,
}

impl Uses<'_, '_, '_> {
    pub(crate) fn check(&mut self, node: &Node) {
        self.mapped(node);
        self.key(node);
        let mut writes = false;
        for template in node.run.templates() {
            for piece in template.names() {
                writes |= matches!(piece, Piece::Name { name: "output", .. });
                self.placeholder(node, template, piece);
            }
        }
        self.output(node, writes);
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

    fn mapped(&mut self, node: &Node) {
        let items = node.parameters.iter().filter(|parameter| parameter.item);
        for parameter in items {
            let origin = parameter.origin;
            let mut lists = node.map.iter();
            let list = lists.find(|mapping| mapping.item.value == parameter.name);
            let Some(list) = list.filter(|_| !self.is_list(origin) && !self.is_json(origin)) else {
                continue;
            };
            let name = &*list.list.value;
            let (message, help) = match origin {
                Origin::Input(_) => (
                    format!("input \"{name}\" is no list"),
                    "map over { files = \"..\" }, an array, or a node",
                ),
                Origin::Node(_) => (
                    format!("node \"{name}\" is no list"),
                    "give it format = \"json\" if its output is an array, or map it as well",
                ),
            };
            self.findings
                .add(Problem::new(list.list.span, message).help(help));
        }
    }

    fn key(&mut self, node: &Node) {
        let Some(key) = &node.key else { return };
        let (message, help) = if node.map.is_empty() {
            (
                "a key without a map",
                "add map = { item = \"list\" }, or leave the key out",
            )
        } else {
            let items = node.parameters.iter().filter(|parameter| parameter.item);
            let origins = items.map(|parameter| parameter.origin);
            let keyed: Vec<Origin> = origins.filter(|origin| self.is_json(*origin)).collect();
            for origin in &keyed {
                self.keyed(key, *origin);
            }
            if !keyed.is_empty() {
                return;
            }
            (
                "nothing that is mapped over has keys of its own",
                "files are told apart by their paths: leave the key out",
            )
        };
        self.findings
            .add(Problem::new(key.span, message).help(help));
    }

    /// Refuses items without the key, where they can be seen.
    fn keyed(&mut self, key: &Spanned<String>, origin: Origin) {
        let Origin::Input(index) = origin else { return };
        let input = &self.inputs[index];
        let InputKind::Value(Json::Array(items)) = &input.kind else {
            return;
        };
        if let Some(lacking) = items.iter().position(|item| item.get(&**key).is_none()) {
            let (name, key_name) = (&*input.name.value, &**key);
            let message = format!(
                "item {} of input \"{name}\" has no \"{key_name}\"",
                lacking + 1
            );
            let problem = Problem::new(key.span, message).also(input.name.span, "the list");
            self.findings.add(problem.help("give it one"));
        }
    }

    fn placeholder(&mut self, node: &Node, template: &Spanned<Template>, piece: Piece<'_>) {
        let Piece::Name { name, form, offset } = piece else {
            return;
        };
        let mut parameters = node.parameters.iter();
        let parameter = parameters.find(|parameter| &*parameter.name == name);
        let list = parameter.is_some_and(|it| !it.item && self.is_list(it.origin));
        let (message, help) = match (form, parameter) {
            (Form::Plain, _) if !list || stands_alone(&node.run, template, offset) => return,
            (Form::Plain, _) => (
                format!("\"{name}\" is a list and has to stand as a word of its own"),
                format!(
                    "put nothing right before and behind it, or write {{{name}:list}} for one file"
                ),
            ),
            (_, Some(parameter)) if !list => (
                match (parameter.item, parameter.origin) {
                    (true, _) => format!("\"{name}\" is one item of a list, and no list"),
                    (false, Origin::Input(_)) => format!("input \"{name}\" is no list"),
                    (false, Origin::Node(_)) => format!("node \"{name}\" is no list"),
                },
                format!("write {{{name}}}"),
            ),
            (_, None) if name == "output" => (
                "where to write is one path, and no list".to_owned(),
                "write {output}".to_owned(),
            ),
            _ => return,
        };
        let span = self.findings.part(template.span, template.place(offset));
        self.findings.add(Problem::new(span, message).help(help));
    }

    /// Refuses what cannot become of a node that does or does not write to `{output}`.
    fn output(&mut self, node: &Node, writes: bool) {
        if node.format == Format::Dir && !writes {
            let problem = Problem::new(
                command(node),
                "a directory cannot come from standard output",
            );
            let help = "write {output} where the command takes the directory";
            self.findings.add(problem.help(help));
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
            let span = self.findings.part(depfile.span, depfile.place(offset));
            let message = format!("the command knows no path for {{{name}}}");
            self.findings.add(Problem::new(span, message).help(help));
        }
    }
}

/// Whether nothing is joined to a placeholder: a list becomes several words.
fn stands_alone(run: &Run, template: &Template, offset: usize) -> bool {
    let place = template.place(offset);
    let (before, after) = template.text().split_at(place.start);
    let after = &after[place.len()..];
    let ends = |byte: Option<&u8>| match run {
        Run::Shell(_) => byte.is_none_or(|byte| b" \t\n;&|()".contains(byte)),
        Run::Program(_) => byte.is_none(),
    };
    let redirected = before.trim_end().ends_with(['<', '>']);
    ends(before.as_bytes().last()) && ends(after.as_bytes().first()) && !redirected
}

/// The place of a node's command, or of its name where it has none.
fn command(node: &Node) -> Span {
    let template = node.run.templates().first();
    template.map_or(node.name.span, |template| template.span)
}
