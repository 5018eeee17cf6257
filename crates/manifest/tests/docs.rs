//! Every manifest that the documentation shows is one.

use std::path::Path;

use refrain_manifest::Manifest;

#[test]
fn every_manifest_shown_parses() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/manifest.md");
    let page = std::fs::read_to_string(page).unwrap();
    let mut shown = 0;
    for block in page.split("\n```toml\n").skip(1) {
        let (text, _) = block.split_once("\n```\n").unwrap();
        Manifest::parse(text, Path::new("docs/manifest.md"))
            .unwrap_or_else(|problems| panic!("{problems}\n{text}"));
        shown += 1;
    }
    assert!(shown > 5);
}

#[test]
fn every_key_is_documented() {
    let page = include_str!("../../../docs/manifest.md");
    let definitions = &refrain_manifest::schema()["$defs"];
    for table in ["PipelineTable", "CacheTable", "EnvTable", "Node"] {
        for key in definitions[table]["properties"].as_object().unwrap().keys() {
            assert!(page.contains(&format!("\n| `{key}` |")), "{key}");
        }
    }
}
