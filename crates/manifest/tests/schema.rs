//! The schema describes what the parser takes: neither knows a key that the other does not.

use std::collections::BTreeSet;
use std::path::Path;

use refrain_manifest::{Manifest, schema, starter};
use serde_json::Value;

/// A manifest with every key in it.
const EVERYTHING: &str = include_str!("everything.toml");

fn parse(text: &str) -> Result<Manifest, String> {
    let parsed = Manifest::parse(text, Path::new("refrain.toml"));
    parsed.map_err(|problems| problems.to_string())
}

fn json(text: &str) -> Value {
    // JSON has no dates.
    let table: toml::Table = text.replace("2024-02-29", "'2024-02-29'").parse().unwrap();
    serde_json::to_value(table).unwrap()
}

/// The names below `properties` of a definition, or of one of its alternatives.
fn properties(definition: &Value) -> BTreeSet<String> {
    let own = definition["properties"].as_object().into_iter().flatten();
    let alternatives = definition["oneOf"].as_array().into_iter().flatten();
    let names = own.map(|(name, _)| name.clone());
    names.chain(alternatives.flat_map(properties)).collect()
}

/// Each table with keys of its own: how an unknown key is put into it, and its definition.
fn tables(schema: &Value) -> [(&'static str, &Value); 6] {
    let definitions = &schema["$defs"];
    [
        ("zzz = 1", schema),
        ("[pipeline]\nzzz = 1", &definitions["PipelineTable"]),
        ("[cache]\nzzz = 1", &definitions["CacheTable"]),
        ("[env]\nzzz = 1", &definitions["EnvTable"]),
        ("[inputs.x]\nzzz = 1", &definitions["Input"]),
        ("[nodes.x]\nrun = 'a'\nzzz = 1", &definitions["Node"]),
    ]
}

#[test]
fn the_parser_knows_the_keys_of_the_schema_and_no_others() {
    let schema = schema();
    for (text, definition) in tables(&schema) {
        let refused = parse(text).unwrap_err();
        let (_, known) = refused.split_once(" takes ").unwrap();
        let known: BTreeSet<String> = known.split(", ").map(str::to_owned).collect();
        assert_eq!(known, properties(definition), "{text}");
        for key in properties(definition) {
            // Whatever it takes, it does not take this.
            let text = text.replace("zzz = 1", &format!("{key} = {{ value = 2024-01-01 }}"));
            if let Err(refused) = parse(&text) {
                let unknown = format!("unknown key \"{key}\"");
                assert!(!refused.contains(&unknown), "{refused}");
            }
        }
    }
}

#[test]
fn what_the_parser_takes_the_schema_takes() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let everything = parse(EVERYTHING).unwrap();
    assert!(everything.nodes.len() > 2);
    for text in [EVERYTHING, starter()[0].1] {
        let errors: Vec<String> = validator
            .iter_errors(&json(text))
            .map(|e| e.to_string())
            .collect();
        assert!(errors.is_empty(), "{errors:?}");
    }
}

#[test]
fn every_key_is_shown_to_be_taken() {
    let schema = schema();
    let used = EVERYTHING.replace(['{', '}', ','], "\n");
    let used: BTreeSet<&str> = used
        .lines()
        .filter_map(|line| Some(line.split_once(" = ")?.0.trim()))
        .collect();
    for (_, definition) in &tables(&schema)[1..] {
        for key in properties(definition) {
            assert!(used.contains(&*key), "{key}");
        }
    }
}

#[test]
fn what_the_schema_refuses_the_parser_refuses() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    for text in [
        "node = 1",
        "[nodes.x]\nrum = 'a'",
        "[nodes.x]\nto = 'a'",
        "[nodes.x]\nrun = 1",
        "[nodes.x]\nrun = 'a'\nformat = 'xml'",
        "[nodes.x]\nrun = 'a'\nretries = -1",
        "[nodes.x]\nrun = 'a'\nmap = { a = 1 }",
        "[nodes.'a b']\nrun = 'a'",
        "[inputs]\noutput = 1",
        "[inputs]\nx = {}",
        "[inputs]\nx = { file = 'a', value = 1 }",
        "[inputs]\nx = { fil = 'a' }",
        "[cache]\nenabled = 'yes'",
    ] {
        assert!(!validator.is_valid(&json(text)), "{text}");
        assert!(parse(text).is_err(), "{text}");
    }
}

#[test]
fn every_key_is_described() {
    let schema = schema();
    for (_, definition) in tables(&schema) {
        let keys = definition["properties"].as_object().unwrap();
        for (name, key) in keys {
            assert!(key["description"].is_string(), "{name}");
        }
    }
}
