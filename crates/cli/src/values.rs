//! Values typed on the command line, as inputs.

use std::path::Path;

use refrain::{Input, InputKind, IntoInput, dir, file, files};
use serde_json::Value;

use crate::args::Assignment;
use crate::error::Result;
use crate::project::Project;

/// Adds what was assigned to a project's inputs.
pub fn assign(mut project: Project, assigned: &[Assignment]) -> Result<Project> {
    for Assignment { name, value } in assigned {
        let kind = match project.pipeline.input(name)?.kind {
            InputKind::Value if project.texts.iter().any(|text| **text == **name) => {
                InputKind::Text
            }
            kind => kind,
        };
        let input = as_input(&project, kind, value);
        project.inputs = project.inputs.with(name, input);
    }
    Ok(project)
}

fn as_input(project: &Project, kind: InputKind, text: &str) -> Input {
    match kind {
        InputKind::Text => text.to_owned().into_input(),
        InputKind::Path => {
            let path = project.input_path(Path::new(text));
            let input = match path.is_dir() {
                true => dir(path),
                false => file(path),
            };
            match project.here {
                Some(_) => input.named(), // a command sees the path
                None => input,
            }
        }
        InputKind::Paths => {
            let paths = paths(text);
            files(paths.iter().map(|path| project.input_path(Path::new(path))))
        }
        _ => read(text).into_input(),
    }
}

/// One path, or a list of them.
fn paths(text: &str) -> Vec<String> {
    match read(text) {
        Value::Array(items) if items.iter().all(Value::is_string) => items
            .iter()
            .filter_map(|item| item.as_str().map(str::to_owned))
            .collect(),
        _ => vec![text.to_owned()],
    }
}

/// Reads JSON, or else a TOML value, or else takes the text as it is.
pub fn read(text: &str) -> Value {
    let json = || serde_json::from_str(text).ok();
    let toml = || {
        let table: toml::Table = format!("value = {text}").parse().ok()?;
        let whole = table.len() == 1;
        plain(table.get("value").filter(|_| whole)?)
    };
    json().or_else(toml).unwrap_or_else(|| text.into())
}

/// A TOML value as JSON has it; `None` for dates and numbers that JSON lacks,
/// which are better taken as they were typed.
fn plain(value: &toml::Value) -> Option<Value> {
    Some(match value {
        toml::Value::String(text) => text.as_str().into(),
        toml::Value::Integer(number) => (*number).into(),
        toml::Value::Float(number) => Value::Number(serde_json::Number::from_f64(*number)?),
        toml::Value::Boolean(flag) => (*flag).into(),
        toml::Value::Datetime(_) => return None,
        toml::Value::Array(items) => items.iter().map(plain).collect::<Option<Vec<_>>>()?.into(),
        toml::Value::Table(table) => {
            let entries = table
                .iter()
                .map(|(key, value)| Some((key.clone(), plain(value)?)));
            Value::Object(entries.collect::<Option<_>>()?)
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_read_as_json_or_toml_and_else_are_text() {
        assert_eq!(read("5"), json!(5));
        assert_eq!(read("0x10"), json!(16));
        assert_eq!(read("{\"a\": [1.5, null]}"), json!({"a": [1.5, null]}));
        assert_eq!(read("{ a = 1 }"), json!({"a": 1}));
        assert_eq!(read("'quoted'"), json!("quoted"));
        for text in [
            "flat",
            "",
            "a=b",
            "nan",
            "2024-01-31",
            "1\nother = 2",
            "1.2.3",
        ] {
            assert_eq!(read(text), json!(text));
        }
    }

    #[test]
    fn several_paths_are_a_list_and_one_is_itself() {
        assert_eq!(paths("[\"a b\", \"c\"]"), ["a b", "c"]);
        assert_eq!(paths("a.txt"), ["a.txt"]);
    }
}
