//! Imports, names and texts read off a syntax tree.

use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{
    Alias, Arguments, Expr, ExprCall, InterpolatedStringElement, Stmt, StringLiteral, Suite,
};
use ruff_text_size::{Ranged, TextSize};

use crate::gather::{Gather, Use, is_script};
use crate::module::{Import, Reads};
use crate::names::{self, Meaning};

/// The highest level that a call of `__import__` is believed to have.
const MOST_DOTS: usize = 4;

/// Takes all that `body` has, in its order.
pub(crate) fn visit(body: &Suite, source: &str, gather: &mut Gather) {
    let ends = source.match_indices('\n').map(|(at, _)| at as u32);
    let mut walk = Walk {
        ends: ends.collect(),
        gather,
    };
    walk.visit_body(body);
}

struct Walk<'a> {
    /// Where the lines of the source end.
    ends: Vec<u32>,
    gather: &'a mut Gather,
}

impl Walk<'_> {
    fn line(&self, at: TextSize) -> u32 {
        self.ends.partition_point(|end| *end < at.to_u32()) as u32 + 1
    }

    fn name(&mut self, name: &str, used: Use, at: TextSize) {
        // Most have none, and finding the line takes longer.
        if names::meaning(name).is_some() {
            self.gather.name(name, used, self.line(at));
        }
    }

    /// A name that is imported under another one may be called by that.
    fn renamed(&mut self, alias: &Alias, line: u32) {
        if alias.asname.is_some() {
            for part in alias.name.split('.') {
                self.gather.name(part, Use::Free, line);
            }
        }
    }

    /// A call of a function that imports, if it tells what.
    fn loads(&mut self, function: &str, arguments: &Arguments, at: TextSize) -> Use {
        let meaning = names::meaning(function);
        if !matches!(meaning, Some(Meaning::ByName | Meaning::ByFile)) {
            return Use::Free;
        }
        let mut inside = Texts::default();
        inside.visit_arguments(arguments);
        let mut texts = inside.0;
        if meaning == Some(Meaning::ByFile) {
            let known = texts.iter().any(|text| is_script(text));
            return if known { Use::Known } else { Use::Free };
        }
        let Some(Expr::StringLiteral(name)) = arguments.find_argument_value("name", 0) else {
            return Use::Free;
        };
        let (name, line) = (name.value.to_str(), self.line(at));
        // Once: `__import__("a", fromlist=["a"])`
        if let Some(own) = texts.iter().position(|text| text == name) {
            texts.remove(own);
        }
        let module = name.trim_start_matches('.');
        let dots = name.len() - module.len();
        let mut import = |dots: usize, module: &str| {
            self.gather.import(Import {
                dots: dots as u32,
                module: module.to_owned(),
                names: texts.clone(),
                line,
            });
        };
        import(dots, module);
        // `import_module(".b", "a")`
        for package in texts.iter().filter(|_| dots > 0) {
            let up = package.rsplitn(dots, '.').last().unwrap_or_default();
            import(0, &format!("{up}.{module}"));
        }
        // The level of `__import__` is a number, and it may be a computed one.
        if arguments.find_argument_value("level", 4).is_some() {
            (1..=MOST_DOTS).for_each(|dots| import(dots, module));
        }
        Use::Known
    }
}

impl<'a> Visitor<'a> for Walk<'_> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        let line = self.line(statement.start());
        match statement {
            Stmt::Import(import) => {
                for alias in &import.names {
                    let module = alias.name.to_string();
                    self.gather.import(Import {
                        dots: 0,
                        module,
                        names: Vec::new(),
                        line,
                    });
                    self.renamed(alias, line);
                }
            }
            Stmt::ImportFrom(import) => {
                self.gather.import(Import {
                    dots: import.level,
                    module: import
                        .module
                        .as_ref()
                        .map(ToString::to_string)
                        .unwrap_or_default(),
                    names: import
                        .names
                        .iter()
                        .map(|alias| alias.name.to_string())
                        .collect(),
                    line,
                });
                for alias in &import.names {
                    self.renamed(alias, line);
                }
            }
            // A docstring or the like.
            Stmt::Expr(alone) if alone.value.is_string_literal_expr() => {}
            _ => visitor::walk_stmt(self, statement),
        }
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        let at = expression.start();
        match expression {
            Expr::Call(ExprCall {
                func, arguments, ..
            }) => {
                match &**func {
                    Expr::Name(name) if name.id == "help" => self.gather.reads(Reads::Docstrings),
                    Expr::Name(name) => {
                        let used = self.loads(&name.id, arguments, at);
                        self.name(&name.id, used, at);
                    }
                    Expr::Attribute(attribute) => {
                        let used = self.loads(&attribute.attr, arguments, at);
                        self.name(&attribute.attr, used, at);
                        self.visit_expr(&attribute.value);
                    }
                    other => self.visit_expr(other),
                }
                self.visit_arguments(arguments);
            }
            Expr::Name(name) if name.id == "__doc__" => self.gather.reads(Reads::OwnDocstrings),
            Expr::Name(name) => self.name(&name.id, Use::Free, at),
            Expr::Attribute(attribute) => {
                let owner = attribute.value.as_name_expr().map_or("", |name| &name.id);
                if owner != "os" && &*attribute.attr == "path" {
                    self.gather.has_path();
                }
                self.name(&attribute.attr, Use::Free, at);
                self.visit_expr(&attribute.value);
            }
            Expr::StringLiteral(text) => self.gather.text(text.value.to_str(), self.line(at)),
            _ => visitor::walk_expr(self, expression),
        }
    }

    // Only those among the parts of an f-string come here.
    fn visit_string_literal(&mut self, text: &'a StringLiteral) {
        self.gather.text(&text.value, self.line(text.start()));
    }

    fn visit_interpolated_string_element(&mut self, element: &'a InterpolatedStringElement) {
        if let InterpolatedStringElement::Literal(text) = element {
            self.gather.text(&text.value, self.line(text.start()));
        }
        visitor::walk_interpolated_string_element(self, element);
    }
}

/// The texts anywhere in an expression.
#[derive(Default)]
struct Texts(Vec<String>);

impl<'a> Visitor<'a> for Texts {
    fn visit_expr(&mut self, expression: &'a Expr) {
        match expression {
            Expr::StringLiteral(text) => self.0.push(text.value.to_str().to_owned()),
            _ => visitor::walk_expr(self, expression),
        }
    }
}
