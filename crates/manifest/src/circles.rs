//! Nodes that need each other in a circle.

use crate::findings::Findings;
use crate::links;
use crate::node::{Node, Origin};
use crate::problem::Problem;

/// How far a search has come with a node.
#[derive(Clone, Copy, PartialEq)]
enum Mark {
    Unseen,
    /// On the way that is being followed.
    Open,
    Done,
    /// On a circle that has been told.
    Told,
}

/// Refuses circles; of those that share a node only one.
pub(crate) fn check(nodes: &[Node], findings: &mut Findings<'_>) {
    let mut marks = vec![Mark::Unseen; nodes.len()];
    for start in 0..nodes.len() {
        if marks[start] == Mark::Unseen {
            follow(nodes, start, &mut marks, findings);
        }
    }
}

/// Follows everything that `start` needs, depth first; the way is a list, as it can be very long.
fn follow(nodes: &[Node], start: usize, marks: &mut [Mark], findings: &mut Findings<'_>) {
    // Each node of the way with the number of its parameters that have been followed.
    let mut way = vec![(start, 0)];
    marks[start] = Mark::Open;
    while let Some((node, followed)) = way.last_mut() {
        let Some(parameter) = nodes[*node].parameters.get(*followed) else {
            marks[*node] = Mark::Done;
            way.pop();
            continue;
        };
        *followed += 1;
        let Origin::Node(needed) = parameter.origin else {
            continue;
        };
        match marks[needed] {
            Mark::Unseen => {
                marks[needed] = Mark::Open;
                way.push((needed, 0));
            }
            Mark::Open => {
                let begin = way
                    .iter()
                    .rposition(|(node, _)| *node == needed)
                    .unwrap_or(0);
                let circle: Vec<usize> = way[begin..].iter().map(|(node, _)| *node).collect();
                tell(nodes, &circle, findings);
                way.truncate(begin);
                for node in circle {
                    marks[node] = Mark::Told;
                }
            }
            Mark::Done | Mark::Told => {}
        }
    }
}

/// The most nodes of a circle that are named.
const NAMED: usize = 8;

fn tell(nodes: &[Node], circle: &[usize], findings: &mut Findings<'_>) {
    let name = |node: usize| &**nodes[node].name;
    let mut around: Vec<&str> = circle.iter().take(NAMED).map(|node| name(*node)).collect();
    if circle.len() > NAMED {
        around.push("..");
    }
    around.push(name(circle[0]));
    let message = match circle {
        [alone] => format!("node \"{}\" needs its own output", name(*alone)),
        _ => format!("nodes need each other in a circle: {}", around.join(" -> ")),
    };
    let edge = |at: usize| {
        let (node, needed) = (circle[at], circle[(at + 1) % circle.len()]);
        let span = links::mention(&nodes[node], Origin::Node(needed), findings);
        (
            span,
            format!("\"{}\" needs \"{}\"", name(node), name(needed)),
        )
    };
    let mut problem = Problem::new(edge(0).0, message);
    for at in 1..circle.len().min(NAMED) {
        let (span, what) = edge(at);
        problem = problem.also(span, what);
    }
    findings.add(problem.help("let one of them do without the other"));
}
