//! A laid-out drawing as SVG.
//!
//! Colours are the page's: everything here carries classes, and each state its sign as well.

use maud::{Markup, html};

use crate::drawing::{Drawing, DrawnNode, NodeKind, NodeState};
use crate::heights::NODE;
use crate::label::{cells, shortened, visible};
use crate::layout::{Layout, Rect, path, web};
use crate::neighbours::Neighbours;

/// Widths of one character of the two font sizes in use, in tenths of a pixel.
const NAME_CELL: usize = 79;
const ITEMS_CELL: usize = 67;
/// The part of a node that holds its sign, and the room around its name.
const TAB: i64 = 30;
const ROOM: i64 = 10;

/// The whole picture. Nodes are `n` and their place, edges `e` and the places of their ends.
///
/// What is seen of the edges is the web of them all, in which shared pieces are drawn once; each edge by
/// itself is there to be shown when it is looked at.
pub(crate) fn svg(drawing: &Drawing, neighbours: &Neighbours) -> Markup {
    let widths: Vec<i64> = drawing.nodes.iter().map(width).collect();
    let layout = Layout::of(neighbours, &widths);
    html! {
        svg #graph tabindex="0" viewBox={ "0 0 " (layout.width) " " (layout.height) }
            data-width=(layout.width) data-height=(layout.height)
            aria-label={ "Graph of " (drawing.nodes.len()) " nodes, read from left to right" } {
            (patterns())
            g #web {
                @for path in web(&layout.lines) {
                    path d=(path) {}
                }
            }
            g #edges {
                @for ((parent, child), line) in neighbours.edges.iter().zip(&layout.lines) {
                    path id={ "e" (parent) "-" (child) } d=(path(line)) {}
                }
            }
            g #nodes {
                @for (place, (drawn, rect)) in drawing.nodes.iter().zip(&layout.boxes).enumerate() {
                    (node(place, drawn, *rect))
                }
            }
        }
    }
}

fn node(place: usize, drawn: &DrawnNode, rect: Rect) -> Markup {
    let round = if drawn.kind == NodeKind::Source {
        NODE / 2
    } else {
        6
    };
    let kind = match drawn.kind {
        NodeKind::Source => " source",
        NodeKind::Node => "",
        NodeKind::Mapped => " mapped",
    };
    html! {
        g id={ "n" (place) } class={ "node" (kind) " " (drawn.state.key()) }
            transform={ "translate(" (rect.x) " " (rect.y) ")" } {
            title { (visible(&drawn.name)) " \u{2013} " (drawn.state.word()) }
            @if drawn.target {
                rect.ring x="-4" y="-4" width=(rect.width + 8) height=(NODE + 8) rx=(round + 4) {}
            }
            @if drawn.kind == NodeKind::Mapped {
                rect.back x="4" y="4" width=(rect.width) height=(NODE) rx=(round) {}
            }
            rect.box width=(rect.width) height=(NODE) rx=(round) {}
            path.sign d=(sign(drawn.state)) {}
            text x=(TAB) y="21" { (shortened(&drawn.name)) }
            @if let Some(items) = items(drawn) {
                text.items x=(rect.width - ROOM) y="20.5" { (items) }
            }
        }
    }
}

/// How many of its items are current, as it stands in a node.
fn items(drawn: &DrawnNode) -> Option<String> {
    drawn.items.map(|(done, total)| format!("{done}/{total}"))
}

fn width(drawn: &DrawnNode) -> i64 {
    let name = cells(&shortened(&drawn.name)) * NAME_CELL;
    let items = items(drawn).map_or(0, |items| cells(&items) * ITEMS_CELL);
    let gap = if items > 0 { ROOM } else { 0 };
    TAB + i64::try_from((name + items).div_ceil(10)).unwrap_or(0) + gap + ROOM + 2
}

/// The sign of a state as the path of a line around (16, 16).
pub(crate) fn sign(state: NodeState) -> &'static str {
    match state {
        NodeState::Current => "M11 16.5l3.5 3.5 6-7.5",
        NodeState::Stale => "M20.8 13.2a5.6 5.6 0 1 0 .6 4.6M21.4 9.6v4h-4",
        NodeState::MayBeStale => "M10.5 17.6c1.8-4 3.7-3.4 5.5-1.6s3.7 2.4 5.5-1.6",
        NodeState::Failed => "M11.7 11.7l8.6 8.6m0-8.6l-8.6 8.6",
        NodeState::Unknown => "M13 13.4a3 3 0 1 1 4.4 2.6c-1 .5-1.4 1-1.4 2M16 21.3v.1",
    }
}

/// What fills the nodes of each state where their signs are too small to be seen.
fn patterns() -> Markup {
    html! {
        defs {
            @for (state, lines) in [
                (NodeState::Stale, "M-2 8L8-2M4 14L14 4"),
                (NodeState::MayBeStale, "M0 6H12"),
                (NodeState::Failed, "M0 0L12 12M12 0L0 12"),
                (NodeState::Unknown, "M6 5v2"),
            ] {
                pattern id={ "fill-" (state.key()) } class=(state.key())
                    width="12" height="12" patternUnits="userSpaceOnUse" {
                    rect width="12" height="12" {}
                    path d=(lines) {}
                }
            }
        }
    }
}
