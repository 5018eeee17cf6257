//! What a command is given for each of its parameters: words, files that list them, environment variables.
//! It knows no process and writes nothing.

use std::borrow::Cow;
use std::cell::RefCell;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use refrain::{Args, OutputList, OutputPath, shown_path};
use refrain_manifest::Form;
use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::items;

/// A parameter of a command.
#[derive(Clone, Debug)]
pub(crate) struct Parameter {
    /// What the command calls it.
    pub name: Arc<str>,
    pub kind: Kind,
    /// Its place among the values that the action is given.
    pub index: usize,
}

/// What the value of a parameter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A value from the manifest or the command line.
    Value,
    /// An item of a JSON array, as text.
    Item,
    /// A file or a directory of the project.
    Path,
    /// Files of the project.
    Paths,
    /// The output of a node, or of one of its items.
    Output,
    /// The outputs of all items of a node.
    Outputs,
}

/// The value of a parameter.
enum Given<'a> {
    Value(&'a Value),
    Item(&'a str),
    Path(&'a Path),
    /// Paths, each with its key.
    List(Vec<(Cow<'a, str>, &'a Path)>),
}

impl Parameter {
    fn given<'a>(&self, args: &'a Args) -> Given<'a> {
        match self.kind {
            Kind::Value => Given::Value(args.get(self.index)),
            Kind::Item => Given::Item(args.get::<String>(self.index)),
            Kind::Path => Given::Path(args.get::<PathBuf>(self.index)),
            Kind::Outputs => {
                let outputs = args.get::<OutputList>(self.index).items();
                Given::List(outputs.map(|(key, path)| (key.into(), path)).collect())
            }
            Kind::Output => Given::Path(args.get::<OutputPath>(self.index).path()),
            Kind::Paths => {
                let paths = args.get::<Vec<PathBuf>>(self.index).iter();
                Given::List(
                    paths
                        .map(|path| (shown_path(path).into(), path.as_path()))
                        .collect(),
                )
            }
        }
    }
}

/// What is given to one execution, or would be: nothing is written, but `files` tells what has to be.
pub(crate) struct Arguments<'a> {
    pub parameters: &'a [Parameter],
    pub args: &'a Args,
    /// Where the command is to write.
    pub output: &'a Path,
    /// The directory of files that list things.
    pub dir: &'a Path,
    /// Files that were asked for, with their content.
    pub files: RefCell<Vec<(PathBuf, Vec<u8>)>>,
}

impl Arguments<'_> {
    /// The words that a placeholder stands for.
    pub fn words(&self, name: &str, form: Form) -> Result<Vec<OsString>> {
        if name == "output" {
            return Ok(vec![self.output.into()]);
        }
        let given = self.parameter(name).given(self.args);
        let (extension, content) = match form {
            Form::Plain => return Ok(given.words()),
            Form::List => ("list", given.lines()),
            Form::Json => ("json", given.json()),
        };
        let content = content.map_err(|problem| refused(name, problem))?;
        let path = self.dir.join(format!("{name}.{extension}"));
        let mut files = self.files.borrow_mut();
        if !files.iter().any(|(known, _)| *known == path) {
            files.push((path.clone(), content));
        }
        Ok(vec![path.into()])
    }

    /// The environment variable of a parameter, and its value.
    pub fn variable(&self, name: &str) -> Result<(OsString, OsString)> {
        let value = match self.parameter(name).given(self.args) {
            Given::Value(value) => plain(value).into(),
            Given::Item(json) => items::plain(json).into(),
            Given::Path(path) => path.into(),
            list => {
                let mut lines = list.lines().map_err(|problem| refused(name, problem))?;
                lines.pop();
                OsString::from_vec(lines)
            }
        };
        if value.as_bytes().contains(&0) {
            return Err(refused(
                name,
                "has a NUL byte in it, which no variable can hold",
            ));
        }
        Ok((refrain_manifest::variable(name).into(), value))
    }

    /// All paths that the command is given.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        let given = self
            .parameters
            .iter()
            .map(|parameter| parameter.given(self.args));
        given.flat_map(|given| match given {
            Given::Value(_) | Given::Item(_) => Vec::new(),
            Given::Path(path) => vec![path],
            Given::List(items) => items.into_iter().map(|(_, path)| path).collect(),
        })
    }

    fn parameter(&self, name: &str) -> &Parameter {
        let mut parameters = self.parameters.iter();
        let found = parameters.find(|parameter| &*parameter.name == name);
        found.expect("a manifest names what is there")
    }
}

fn refused(name: &str, problem: impl Into<String>) -> Error {
    Error::Value {
        name: name.to_owned(),
        problem: problem.into(),
    }
}

impl Given<'_> {
    fn words(&self) -> Vec<OsString> {
        match self {
            Given::Value(Value::Array(items)) => {
                items.iter().map(|item| plain(item).into()).collect()
            }
            Given::Value(value) => vec![plain(value).into()],
            Given::Item(json) => vec![items::plain(json).into()],
            Given::Path(path) => vec![word(path)],
            Given::List(items) => items.iter().map(|(_, path)| word(path)).collect(),
        }
    }

    /// One word a line.
    fn lines(&self) -> Result<Vec<u8>, String> {
        let mut lines = Vec::new();
        for word in self.words() {
            if word.as_bytes().contains(&b'\n') {
                let word = word.as_bytes().escape_ascii();
                return Err(format!(
                    "{word} has a newline in it, and a list one item a line; write :json"
                ));
            }
            lines.extend_from_slice(word.as_bytes());
            lines.push(b'\n');
        }
        Ok(lines)
    }

    fn json(&self) -> Result<Vec<u8>, String> {
        let text = |path: &Path| {
            let text = path.to_str().map(str::to_owned);
            text.ok_or_else(|| {
                let path = path.as_os_str().as_bytes().escape_ascii();
                format!("{path} is not UTF-8, which JSON has to be; write :list")
            })
        };
        let value = match self {
            Given::Value(value) => (*value).clone(),
            Given::Item(json) => return Ok(format!("{json}\n").into_bytes()),
            Given::Path(path) => Value::String(text(path)?),
            Given::List(items) => {
                let item = |(key, path): &(Cow<str>, &Path)| {
                    Ok(json!({ "key": key, "path": text(path)? }))
                };
                Value::Array(items.iter().map(item).collect::<Result<_, String>>()?)
            }
        };
        let mut json = value.to_string().into_bytes();
        json.push(b'\n');
        Ok(json)
    }
}

/// A value as one word.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A path as a word that no program takes for an option.
fn word(path: &Path) -> OsString {
    match path.as_os_str().as_bytes().first() {
        Some(b'-') => Path::new(".").join(path).into(),
        _ => path.into(),
    }
}
