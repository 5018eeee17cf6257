//! An atlas: Python, a shell and a program that is compiled on the way.

use std::fs;

use crate::Example;

const DRAWN: [&str; 3] = ["drawings 1 of 6", "inside 1 of 6", "pictures 1 of 6"];

fn mixed() -> Option<Example> {
    let mixed = Example::copy("mixed", &["cc", "python3"])?;
    mixed.executes(&[
        "places",
        "views",
        "draw",
        "drawings 6 of 6",
        "inside 6 of 6",
        "pictures 6 of 6",
        "atlas",
    ]);
    Some(mixed)
}

#[test]
fn a_page_comes_out_with_its_pictures() {
    let Some(mixed) = mixed() else { return };
    let page = mixed.0.read("build/atlas/index.html");
    assert_eq!(page.matches("<img ").count(), 6);
    assert!(page.contains("Seahorse valley"));
    let picture = fs::read(mixed.0.path("build/atlas/whole.png")).unwrap();
    assert!(picture.starts_with(b"\x89PNG"));
    mixed.executes(&[]);
    mixed.touch();
    mixed.executes(&[]);

    // The directory is replaced as a whole.
    let list = mixed.0.read("places.json");
    let without = list.lines().filter(|line| !line.contains("\"needle\""));
    mixed
        .0
        .write("places.json", without.collect::<Vec<_>>().join("\n"));
    mixed.executes(&["places", "views", "atlas"]);
    assert!(!mixed.0.path("build/atlas/needle.png").exists());
    mixed.0.write("places.json", list);
    mixed.executes(&[]);
    assert!(mixed.0.path("build/atlas/needle.png").exists());
}

#[test]
fn json_counts_by_what_it_says() {
    let Some(mixed) = mixed() else { return };
    let crossroads = r#""id": "crossroads", "title": "Crossroads""#;
    let swapped = r#""title":   "Crossroads", "id": "crossroads""#;
    mixed.edit("places.json", crossroads, swapped);
    mixed.executes(&["places"]);
    // No picture shows the title.
    mixed.edit("places.json", "\"Crossroads\"", "\"Lightning\"");
    mixed.executes(&["places", "views", "atlas"]);
    mixed.edit("places.json", "\"x\": -0.1011", "\"x\": -0.1012");
    mixed.executes(&[&["places", "views", "atlas"], &DRAWN[..]].concat());
}

#[test]
fn a_helper_counts_where_it_is_imported() {
    let Some(mixed) = mixed() else { return };
    mixed.prepend("atlas/blend.py", "# Another comment.\n");
    mixed.edit(
        "atlas/palette.py",
        "\"\"\"Palettes: colours",
        "\"\"\"Colours",
    );
    mixed.executes(&[]);
    mixed.edit(
        "atlas/blend.py",
        "round(a + (b - a) * share)",
        "round(b + (a - b) * share)",
    );
    mixed.executes(&["pictures 6 of 6", "atlas"]);
    mixed.edit("atlas/place.py", "STEPS = 500", "STEPS = 400");
    let four = ["drawings 4 of 6", "inside 4 of 6", "pictures 4 of 6"];
    mixed.executes(&[&["places", "views", "atlas"], &four[..]].concat());
}

#[test]
fn a_program_counts_by_its_bytes() {
    let Some(mixed) = mixed() else { return };
    mixed.prepend("draw.c", "/* Another comment. */\n");
    mixed.executes(&["draw"]);
    mixed.edit("draw.c", "MOST = 1000", "MOST = 999");
    let all = ["draw", "drawings 6 of 6", "pictures 6 of 6", "atlas"];
    mixed.executes(&[&all[..], &["inside 6 of 6"]].concat());
}
