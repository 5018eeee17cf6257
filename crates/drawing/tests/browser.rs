//! The page in a real browser: its script runs to its end, and what names hold runs nothing.
//!
//! This needs a Chromium in the `PATH`, by one of the names below; without one the test says that it was
//! left out. Run it with `cargo test -p refrain-drawing --test browser -- --nocapture`.

mod support;

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use refrain_drawing::Drawing;
use support::{build, hostile, retrieval};

const NAMES: [&str; 5] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
];

fn chromium() -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let candidates = env::split_paths(&path).flat_map(|dir| NAMES.map(|name| dir.join(name)));
    candidates.into_iter().find(|candidate| candidate.is_file())
}

/// The document as it is after its script ran, and what the browser had to say.
fn opened(browser: &Path, page: &str, fragment: &str) -> (String, String) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("graph.html");
    std::fs::write(&file, page).unwrap();
    let output = Command::new(browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
        ])
        .args([
            "--no-first-run",
            "--disable-extensions",
            "--enable-logging=stderr",
            "--dump-dom",
        ])
        .arg(format!(
            "--user-data-dir={}",
            dir.path().join("profile").display()
        ))
        .arg(format!("file://{}{fragment}", file.display()))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

/// Opens a drawing's page and checks that its script reached its end without a word on the console.
fn works(browser: &Path, drawing: &Drawing, fragment: &str) -> String {
    let (document, said) = opened(browser, &drawing.html(), fragment);
    let ready = format!("data-ready=\"{}\"", drawing.nodes.len());
    assert!(
        document.contains(&ready),
        "no {ready}; the browser said:\n{said}"
    );
    assert!(!said.contains("CONSOLE"), "{said}");
    document
}

#[test]
fn the_page_works_in_a_browser() {
    let Some(browser) = chromium() else {
        println!("left out: none of {} is in the PATH", NAMES.join(", "));
        return;
    };

    let document = works(&browser, &retrieval(), "#node=embeddings");
    assert!(
        document.contains("stale \u{b7} mapped node"),
        "the panel tells kind and state"
    );
    assert!(document.contains("228 of 233 items current"));
    assert!(document.contains("Parents (2)") && document.contains("3 ancestors in all"));
    assert!(
        document.contains("href=\"#node=index\""),
        "children are links"
    );
    assert!(
        document.contains("class=\"node source current on up\""),
        "ancestors stand out"
    );

    let document = works(&browser, &hostile(), "");
    assert!(
        !document.contains("<title>hurt") && !document.contains("<img"),
        "a name ran"
    );

    let document = works(&browser, &build(1000), "");
    assert!(
        document.contains("class=\"far\""),
        "a thousand nodes are seen from afar first"
    );
}
