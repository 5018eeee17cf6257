//! Things in one column, brought as near to where each wants to be as their order and sizes allow.
//!
//! It is unaware of graphs: it knows wishes, weights and distances.

use std::collections::BinaryHeap;

/// The heights nearest to the wished ones, each wish with its weight, at which everything keeps its order
/// and its distance: `apart[i]` between the middles of `i` and `i + 1`.
///
/// The sum of weighted distances from the wishes is the least there is. Unlike the least sum of squares
/// this grants many wishes exactly, which makes straight lines.
pub(crate) fn settled(wishes: &[(i64, i64)], apart: &[i64]) -> Vec<i64> {
    // With distances taken off, heights may not sink. Going down the column, the cost of a lowest height is
    // convex and piecewise linear in it; the heap holds its bends, each with the change of slope, up to
    // where the cost is least. A wish adds a bend; what then lies beyond the least cost is taken off.
    let mut bends: BinaryHeap<(i64, i64)> = BinaryHeap::new();
    let mut heights = Vec::with_capacity(wishes.len());
    let mut taken_off = 0;
    for (place, &(wish, weight)) in wishes.iter().enumerate() {
        taken_off += if place == 0 { 0 } else { apart[place - 1] };
        bends.push((wish - taken_off, 2 * weight));
        let mut beyond = weight;
        while let Some((bend, change)) = bends.pop() {
            if change > beyond {
                bends.push((bend, change - beyond));
                heights.push(bend);
                break;
            }
            beyond -= change;
        }
    }
    let mut below = i64::MAX;
    for (place, height) in heights.iter_mut().enumerate().rev() {
        below = below.min(*height);
        *height = below + taken_off;
        taken_off -= if place == 0 { 0 } else { apart[place - 1] };
    }
    heights
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wishes_that_leave_room_are_granted() {
        assert_eq!(settled(&[(0, 1), (25, 1)], &[10]), [0, 25]);
    }

    #[test]
    fn what_would_overlap_stands_apart_where_most_weight_wants_it() {
        let wishes = [(5, 1), (5, 4), (6, 1), (90, 1)];
        assert_eq!(settled(&wishes, &[10, 10, 10]), [-5, 5, 15, 90]);
    }

    #[test]
    fn what_wants_to_pass_the_one_above_stays_below_it() {
        assert_eq!(settled(&[(100, 3), (0, 1)], &[10]), [100, 110]);
        assert_eq!(settled(&[(100, 1), (0, 3)], &[10]), [-10, 0]);
    }
}
