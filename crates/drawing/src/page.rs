//! One page that needs nothing but a browser: no network, no fonts, no other file.
//!
//! Its script and its style are the only ones it may run, by their digests; whatever a node is called is
//! text in it.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use crate::drawing::{Drawing, NodeState};
use crate::label::visible;
use crate::neighbours::Neighbours;
use crate::svg::{sign, svg};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

impl Drawing {
    /// The drawing as one self-contained HTML page, laid out from left to right, to be moved and zoomed,
    /// searched and asked for details. Without scripts it is still a picture.
    pub fn html(&self) -> String {
        let neighbours = Neighbours::of(self);
        let title = visible(&self.title);
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta http-equiv="Content-Security-Policy" content=(policy());
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    title { (title) }
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    header {
                        h1 { (title) }
                        p { (count(self.nodes.len(), "node")) ", " (count(neighbours.edges.len(), "edge")) }
                        (legend(self))
                        (search())
                    }
                    main {
                        (svg(self, &neighbours))
                        (tools())
                        aside #details hidden aria-label="Details" {}
                    }
                    script #data type="application/json" { (PreEscaped(self.data())) }
                    script { (PreEscaped(SCRIPT)) }
                }
            }
        };
        page.into_string()
    }

    /// The nodes as JSON that cannot end the element it stands in.
    fn data(&self) -> String {
        let nodes = serde_json::to_string(&self.nodes).expect("plain data can be written as JSON");
        nodes
            .replace('<', "\\u003c")
            .replace('>', "\\u003e")
            .replace('&', "\\u0026")
    }
}

fn policy() -> String {
    let digest = |text: &str| BASE64_STANDARD.encode(Sha256::digest(text));
    format!(
        "default-src 'none'; base-uri 'none'; form-action 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'",
        digest(STYLE),
        digest(SCRIPT),
    )
}

fn count(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

/// The states that occur, with their signs and counts; pressed, one stands out in the graph.
fn legend(drawing: &Drawing) -> Markup {
    let count = |state| {
        drawing
            .nodes
            .iter()
            .filter(|node| node.state == state)
            .count()
    };
    html! {
        #legend role="group" aria-label="States" {
            @for state in NodeState::ALL {
                @let count = count(state);
                @if count > 0 {
                    button type="button" class=(state.key()) data-state=(state.key()) aria-pressed="false" {
                        svg viewBox="6 6 20 20" aria-hidden="true" {
                            circle cx="16" cy="16" r="10" {}
                            path.sign d=(sign(state)) {}
                        }
                        (state.word()) " " b { (count) }
                    }
                }
            }
        }
    }
}

fn search() -> Markup {
    html! {
        #search role="search" {
            input #find type="search" placeholder="Find a node  ( / )" aria-label="Find a node"
                autocomplete="off" spellcheck="false";
            output #found for="find" {}
        }
    }
}

/// What stands over the graph: buttons, and how to read and use it.
fn tools() -> Markup {
    html! {
        #zoom role="group" aria-label="Zoom" {
            button type="button" data-zoom="in" title="Zoom in (+)" aria-label="Zoom in" { "+" }
            button type="button" data-zoom="out" title="Zoom out (\u{2212})" aria-label="Zoom out" { "\u{2212}" }
            button type="button" data-zoom="fit" title="Show everything (0)" { "Fit" }
        }
        details #help {
            summary { "How to read and use this" }
            ul.shapes {
                li { span.shape.source {} "source: a value from outside" }
                li { span.shape {} "node" }
                li { span.shape.mapped {} "mapped node: current items / items" }
                li { span.shape.target {} "target: its output is asked for" }
                li { span.line.up {} "what the selected node stands on" }
                li { span.line.down {} "what stands on it" }
            }
            dl {
                dt { "drag, wheel, pinch" } dd { "move and zoom" }
                dt { kbd { "/" } } dd { "find; " kbd { "Enter" } " for the next" }
                dt { kbd { "\u{2190}" } kbd { "\u{2192}" } kbd { "\u{2191}" } kbd { "\u{2193}" } }
                dd { "to a parent, a child, the node above or below" }
                dt { kbd { "+" } kbd { "\u{2212}" } kbd { "0" } } dd { "zoom; show everything" }
                dt { kbd { "Esc" } } dd { "let go" }
            }
        }
    }
}
