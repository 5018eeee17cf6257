//! Every form of picture, without a browser.

mod support;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use refrain_drawing::{Drawing, DrawnNode};
use sha2::{Digest, Sha256};
use support::{HOSTILE, build, hostile, retrieval};

/// What stands between two texts.
fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let (_, rest) = text
        .split_once(start)
        .unwrap_or_else(|| panic!("no {start:?}"));
    rest.split_once(end)
        .unwrap_or_else(|| panic!("no {end:?}"))
        .0
}

fn data(page: &str) -> Vec<DrawnNode> {
    let data = between(
        page,
        "<script id=\"data\" type=\"application/json\">",
        "</script>",
    );
    serde_json::from_str(data).expect("the page's data is JSON")
}

#[test]
fn a_page_holds_every_node_and_edge_once() {
    for drawing in [retrieval(), build(200)] {
        let page = drawing.html();
        for place in 0..drawing.nodes.len() {
            assert_eq!(page.matches(&format!("id=\"n{place}\"")).count(), 1);
        }
        assert_eq!(page.matches("class=\"node").count(), drawing.nodes.len());
        let edges = between(&page, "<g id=\"edges\">", "</g>");
        assert_eq!(edges.matches("<path").count(), drawing.edges.len());
        for (parent, child) in &drawing.edges {
            assert_eq!(
                edges.matches(&format!("id=\"e{parent}-{child}\"")).count(),
                1
            );
        }
        assert_eq!(data(&page), drawing.nodes);
    }
}

#[test]
fn edges_that_join_nothing_are_left_out_and_doubled_ones_drawn_once() {
    let mut drawing = retrieval();
    drawing.edges.extend([(0, 2), (4, 4), (0, 99), (99, 0)]);
    assert_eq!(drawing.html(), retrieval().html());
    assert_eq!(drawing.dot(), retrieval().dot());
    assert_eq!(drawing.mermaid(), retrieval().mermaid());
}

#[test]
fn hostile_text_stays_text() {
    let page = hostile().html();
    assert_eq!(data(&page), hostile().nodes);
    // The page's own two, and none that a name opened or closed.
    assert_eq!(page.matches("<script").count(), 2);
    assert_eq!(page.matches("</script").count(), 2);
    assert_eq!(page.matches("<!--").count(), 0);
    for opened in ["<img", "<svg onload", "\u{202e}", "\u{1b}", "\0"] {
        let rest = page.replace(between(&page, "<script id=\"data\"", "</script>"), "");
        assert!(!rest.contains(opened), "{opened:?} in the page");
    }
}

#[test]
fn a_page_needs_nothing_from_outside() {
    let page = retrieval().html();
    for reference in [
        "http:", "https:", " src=", "<link", "@import", "<iframe", " style=",
    ] {
        assert!(!page.contains(reference), "{reference:?} in the page");
    }
    assert_eq!(page.matches("url(").count(), page.matches("url(#").count());
}

#[test]
fn a_pages_policy_allows_its_own_script_and_style_only() {
    let page = retrieval().html();
    let policy = between(
        &page,
        "http-equiv=\"Content-Security-Policy\" content=\"",
        "\"",
    );
    let digest = |text| format!("'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(text)));
    let style = digest(between(&page, "<style>", "</style>"));
    let script = digest(between(&page, "<script>", "</script>"));
    assert!(policy.starts_with("default-src 'none'"));
    assert!(
        policy.contains(&format!("style-src {style}"))
            && policy.contains(&format!("script-src {script}"))
    );
    assert!(!policy.contains("unsafe"));
}

#[test]
fn a_page_names_states_with_their_counts() {
    let page = build(200).html();
    let legend = between(&page, "<div id=\"legend\"", "</div>");
    for (state, count) in [
        ("current", 127),
        ("stale", 18),
        ("may be stale", 19),
        ("failed", 18),
        ("unknown", 18),
    ] {
        assert!(
            legend.contains(&format!("{state} <b>{count}</b>")),
            "{state}: {legend}"
        );
    }
}

#[test]
fn equal_drawings_give_equal_pages_and_large_ones_stay_small() {
    let page = build(1000).html();
    assert_eq!(page, build(1000).html());
    assert!(page.len() < 2_000_000, "{} bytes", page.len());
}

#[test]
fn ten_thousand_nodes_and_none_are_drawn() {
    assert_eq!(data(&build(10_000).html()).len(), 10_000);
    assert_eq!(data(&Drawing::default().html()).len(), 0);
}

#[test]
fn json_comes_back_as_it_was() {
    for drawing in [retrieval(), hostile()] {
        let json = drawing.json();
        assert!(json.starts_with("{\"format\":1,\"title\":"));
        assert_eq!(serde_json::from_str::<Drawing>(&json).unwrap(), drawing);
    }
    assert!(
        retrieval()
            .json()
            .contains("\"kind\":\"mapped\",\"state\":\"stale\"")
    );
    assert!(
        retrieval()
            .json()
            .contains("\"state\":\"may-be-stale\",\"target\":true")
    );
}

#[test]
fn dot_is_graphviz() {
    let expected = r##"digraph "retrieval" {
  rankdir=LR
  node [fontname="monospace", fontsize=11]
  n0 [label="✓ corpus_path", shape=ellipse, style="filled", fillcolor="#e6f4ec", color="#3d9a6b", peripheries=1]
  n1 [label="? model", shape=ellipse, style="filled,dotted", fillcolor="#edeff3", color="#7b8696", peripheries=1]
  n2 [label="✗ corpus", shape=box, style="filled,rounded", fillcolor="#fde7e8", color="#c93445", peripheries=1]
  n3 [label="↻ embeddings 228/233", shape=box3d, style="filled", fillcolor="#fff0da", color="#d9822b", peripheries=1]
  n4 [label="~ index", shape=box, style="filled,rounded,dashed", fillcolor="#fcf7d6", color="#b79a1f", peripheries=2]
  n0 -> n2
  n2 -> n3
  n1 -> n3
  n3 -> n4
  n2 -> n4
}
"##;
    assert_eq!(retrieval().dot(), expected);
}

#[test]
fn mermaid_is_a_flowchart() {
    let chart = retrieval().mermaid();
    let expected = r##"---
title: "retrieval"
---
flowchart LR
  n0(["✓ corpus#95;path"]):::current
  n1(["#63; model"]):::unknown
  n2["✗ corpus"]:::failed
  n3[["↻ embeddings 228/233"]]:::stale
  n4["#126; index"]:::may-be-stale
  n0 --> n2
  n2 --> n3
  n1 --> n3
  n3 --> n4
  n2 --> n4
  classDef current "##;
    assert!(chart.starts_with(expected), "{chart}");
    assert!(
        chart.ends_with("\n  style n4 stroke-width:4px\n"),
        "{chart}"
    );
}

#[test]
fn hostile_text_breaks_no_line() {
    let nodes = HOSTILE.len();
    assert_eq!(hostile().dot().lines().count(), 3 + nodes + (nodes - 1) + 1);
    assert_eq!(
        hostile().mermaid().lines().count(),
        4 + nodes + (nodes - 1) + 5
    );
}
