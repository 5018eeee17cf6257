//! Where everything stands, in pixels.
//!
//! Each component is laid out in columns from left to right; components then stand in rows, the highest
//! first. It is unaware of what a node looks like: it asks for its width and gives its place.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::columns::columns;
use crate::heights::{NODE, heights};
use crate::neighbours::{Component, Neighbours};
use crate::routes::Routes;

const MARGIN: i64 = 28;
const BETWEEN_COMPONENTS: i64 = 32;
/// How much wider than high a picture of many components is.
const SHAPE: f64 = 1.7;

/// The places of nodes and the lines of edges.
pub(crate) struct Layout {
    pub width: i64,
    pub height: i64,
    /// One for each node of the drawing.
    pub boxes: Vec<Rect>,
    /// One for each of [`Neighbours::edges`], from the right side of the parent to the left of the child.
    pub lines: Vec<Vec<Point>>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Rect {
    pub x: i64,
    pub y: i64,
    pub width: i64,
    pub height: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Point {
    pub x: i64,
    pub y: i64,
}

impl Layout {
    /// Lays out nodes of the given widths.
    pub fn of(neighbours: &Neighbours, widths: &[i64]) -> Self {
        let mut parts: Vec<(Component, Self)> = neighbours
            .components()
            .into_iter()
            .map(|component| {
                let layout = part(&component, widths);
                (component, layout)
            })
            .collect();
        parts.sort_by_key(|(_, part)| std::cmp::Reverse(part.height));
        let mut whole = Self {
            width: 2 * MARGIN,
            height: 2 * MARGIN,
            boxes: vec![Rect::default(); neighbours.len()],
            lines: vec![Vec::new(); neighbours.edges.len()],
        };
        let right = right_end(&parts);
        let (mut x, mut y, mut row) = (MARGIN, MARGIN, 0);
        for (component, part) in &parts {
            if x > MARGIN && x + part.width > right {
                (x, y, row) = (MARGIN, y + row + BETWEEN_COMPONENTS, 0);
            }
            whole.take(component, part, x, y);
            row = row.max(part.height);
            x += part.width + BETWEEN_COMPONENTS;
        }
        whole
    }

    /// Puts a component with its upper left corner at a place.
    fn take(&mut self, component: &Component, part: &Self, x: i64, y: i64) {
        for (&node, rect) in component.nodes.iter().zip(&part.boxes) {
            self.boxes[node] = Rect {
                x: rect.x + x,
                y: rect.y + y,
                ..*rect
            };
        }
        for (&edge, line) in component.edges.iter().zip(&part.lines) {
            let moved = line.iter().map(|point| Point {
                x: point.x + x,
                y: point.y + y,
            });
            self.lines[edge] = moved.collect();
        }
        self.width = self.width.max(x + part.width + MARGIN);
        self.height = self.height.max(y + part.height + MARGIN);
    }
}

/// How far right components may reach: as far as the widest, or as gives all together a screen's shape.
fn right_end(parts: &[(Component, Layout)]) -> i64 {
    let area =
        |part: &Layout| (part.width + BETWEEN_COMPONENTS) * (part.height + BETWEEN_COMPONENTS);
    let all: i64 = parts.iter().map(|(_, part)| area(part)).sum();
    let widest = parts.iter().map(|(_, part)| part.width).max().unwrap_or(0);
    MARGIN + widest.max((all as f64 * SHAPE).sqrt() as i64)
}

/// One component, its upper left corner at the origin.
fn part(component: &Component, widths: &[i64]) -> Layout {
    let graph = &component.inside;
    let routes = Routes::through(columns(graph), graph);
    let heights = heights(graph, &routes);
    let spans = spans(component, &routes, widths);
    let boxes = (0..graph.len()).map(|node| {
        let (left, right) = spans[routes.columns[node]];
        Rect {
            x: left,
            y: heights[node],
            width: right - left,
            height: NODE,
        }
    });
    let lines = routes.ways.iter().map(|way| {
        let sides = way.iter().flat_map(|&place| {
            let (left, right) = spans[routes.columns[place]];
            let y = heights[place] + NODE / 2;
            [Point { x: left, y }, Point { x: right, y }]
        });
        // Without the left side of the parent and the right side of the child.
        sides.skip(1).take(2 * way.len() - 2).collect()
    });
    Layout {
        width: spans.last().map_or(0, |&(_, right)| right),
        height: heights.iter().max().map_or(0, |lowest| lowest + NODE),
        boxes: boxes.collect(),
        lines: lines.collect(),
    }
}

/// The left and right side of every column. The more lines leave a column, the farther away is the next.
fn spans(component: &Component, routes: &Routes, widths: &[i64]) -> Vec<(i64, i64)> {
    let count = routes.columns.iter().max().map_or(0, |last| last + 1);
    let mut widest = vec![0; count];
    for (&node, &column) in component.nodes.iter().zip(&routes.columns) {
        widest[column] = widths[node].max(widest[column]);
    }
    let mut leaving = vec![0; count];
    for &place in routes.ways.iter().flat_map(|way| &way[..way.len() - 1]) {
        leaving[routes.columns[place]] += 1;
    }
    let mut x = 0;
    let columns = widest.iter().zip(leaving);
    let spans = columns.map(|(width, lines): (&i64, i64)| {
        let span = (x, x + width);
        x += width + (48 + lines).min(120);
        span
    });
    spans.collect()
}

/// A line as an SVG path.
pub(crate) fn path(line: &[Point]) -> String {
    let mut path = String::new();
    let mut end = None;
    line.windows(2)
        .for_each(|pair| draw(&mut path, &mut end, pair[0], pair[1]));
    path
}

/// All lines together, each piece once although many may share it: one path for what begins at one
/// distance from the left, in that order.
pub(crate) fn web(lines: &[Vec<Point>]) -> Vec<String> {
    let pairs = lines.iter().flat_map(|line| line.windows(2));
    let pieces: BTreeSet<(Point, Point)> = pairs.map(|pair| (pair[0], pair[1])).collect();
    let mut paths: Vec<(i64, String)> = Vec::new();
    let mut end = None;
    for (from, to) in pieces {
        if paths.last().is_none_or(|&(x, _)| x != from.x) {
            paths.push((from.x, String::new()));
            end = None;
        }
        if let Some((_, path)) = paths.last_mut() {
            draw(path, &mut end, from, to);
        }
    }
    paths.into_iter().map(|(_, path)| path).collect()
}

/// Draws on to a point, level at both ends and bent between.
fn draw(path: &mut String, end: &mut Option<Point>, from: Point, to: Point) {
    if *end != Some(from) {
        let _ = write!(path, "M{} {}", from.x, from.y);
    }
    let (dx, dy) = (to.x - from.x, to.y - from.y);
    let half = dx / 2;
    let _ = match dy {
        0 => write!(path, "h{dx}"),
        _ => write!(path, "c{half} 0 {half} {dy} {dx} {dy}"),
    };
    *end = Some(to);
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDTH: i64 = 100;

    fn laid_out(nodes: usize, edges: &[(usize, usize)]) -> (Neighbours, Layout) {
        let neighbours = Neighbours::new(nodes, edges.iter().copied());
        let layout = Layout::of(&neighbours, &vec![WIDTH; nodes]);
        (neighbours, layout)
    }

    /// Wide and deep, with edges of every length, a node that all read and one that reads all.
    fn tangle(nodes: usize) -> Vec<(usize, usize)> {
        let mut edges = Vec::new();
        for node in 1..nodes {
            edges.push((0, node));
            edges.push((node / 2, node));
            edges.push((node * 7919 % node, node));
        }
        edges.extend((1..nodes - 1).map(|node| (node, nodes - 1)));
        edges.sort_unstable();
        edges.dedup();
        edges.retain(|(parent, child)| parent != child);
        edges
    }

    fn apart(a: Rect, b: Rect) -> bool {
        a.x + a.width <= b.x
            || b.x + b.width <= a.x
            || a.y + a.height <= b.y
            || b.y + b.height <= a.y
    }

    #[test]
    fn nodes_stand_apart_and_lines_join_them_without_running_through_others() {
        let (neighbours, layout) = laid_out(300, &tangle(300));
        for (place, &rect) in layout.boxes.iter().enumerate() {
            assert!(rect.x >= MARGIN && rect.x + rect.width <= layout.width - MARGIN);
            assert!(rect.y >= MARGIN && rect.y + rect.height <= layout.height - MARGIN);
            assert!(
                layout.boxes[..place]
                    .iter()
                    .all(|&other| apart(rect, other)),
                "node {place}"
            );
        }
        for (&(parent, child), line) in neighbours.edges.iter().zip(&layout.lines) {
            let (from, to) = (layout.boxes[parent], layout.boxes[child]);
            assert!(
                from.x + from.width < to.x,
                "{parent} stands left of {child}"
            );
            let right = Point {
                x: from.x + from.width,
                y: from.y + from.height / 2,
            };
            let left = Point {
                x: to.x,
                y: to.y + to.height / 2,
            };
            assert_eq!((line.first(), line.last()), (Some(&right), Some(&left)));
            // Between its ends a line enters and leaves column after column.
            for pass in line[1..line.len() - 1].chunks(2) {
                let level = Rect {
                    x: pass[0].x,
                    y: pass[0].y,
                    width: pass[1].x - pass[0].x,
                    height: 1,
                };
                assert!(layout.boxes.iter().all(|&other| apart(level, other)));
            }
        }
    }

    #[test]
    fn a_thousand_nodes_of_one_depth_make_a_page_and_not_a_line() {
        let edges: Vec<_> = (1..1000)
            .flat_map(|node| [(0, node), (node, 1000)])
            .collect();
        let (_, layout) = laid_out(1001, &edges);
        let shape = layout.width as f64 / layout.height as f64;
        assert!(
            (0.5..4.0).contains(&shape),
            "{} by {}",
            layout.width,
            layout.height
        );
    }

    #[test]
    fn parts_without_edges_between_them_fill_rows() {
        let (_, layout) = laid_out(100, &[]);
        let rows: BTreeSet<i64> = layout.boxes.iter().map(|rect| rect.y).collect();
        assert!((5..50).contains(&rows.len()), "{} rows", rows.len());
    }

    #[test]
    fn a_cycle_is_drawn_all_the_same() {
        let (_, layout) = laid_out(3, &[(0, 1), (1, 2), (2, 0)]);
        assert!(layout.lines.iter().all(|line| line.len() >= 2));
        assert!(apart(layout.boxes[0], layout.boxes[1]) && apart(layout.boxes[1], layout.boxes[2]));
    }

    #[test]
    fn shared_pieces_are_drawn_once() {
        let [a, b, c] = [(0, 0), (10, 0), (20, 8)].map(|(x, y)| Point { x, y });
        assert_eq!(
            web(&[vec![a, b, c], vec![a, b]]),
            ["M0 0h10", "M10 0c5 0 5 8 10 8"]
        );
        assert_eq!(path(&[a, b, c]), "M0 0h10c5 0 5 8 10 8");
    }
}
