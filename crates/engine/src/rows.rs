//! Rows of different lengths in one piece of memory: a graph's edges.

/// A list of rows. Much smaller than a list of lists, and walked faster.
#[derive(Clone, Debug)]
pub(crate) struct Rows<T> {
    /// Where each row ends; rows follow each other.
    ends: Vec<u32>,
    items: Vec<T>,
}

impl<T> Default for Rows<T> {
    fn default() -> Self {
        Rows {
            ends: Vec::new(),
            items: Vec::new(),
        }
    }
}

impl<T> Rows<T> {
    /// Adds a row at the end.
    pub fn push(&mut self, row: impl IntoIterator<Item = T>) {
        self.items.extend(row);
        self.ends.push(self.items.len() as u32);
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// One row.
    pub fn row(&self, index: u32) -> &[T] {
        let index = index as usize;
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.items[start as usize..self.ends[index] as usize]
    }

    /// All rows in order.
    pub fn rows(&self) -> impl Iterator<Item = &[T]> {
        (0..self.len() as u32).map(|index| self.row(index))
    }
}

impl Rows<u32> {
    /// Sorts pairs of row and item, given by calling back, into `rows` rows;
    /// within a row the items keep their order. `pairs` is walked twice.
    pub fn collect(rows: usize, pairs: impl Fn(&mut dyn FnMut(u32, u32))) -> Self {
        let mut ends = vec![0u32; rows];
        pairs(&mut |row, _| ends[row as usize] += 1);
        let mut next = Vec::with_capacity(rows);
        let mut total = 0;
        for end in &mut ends {
            next.push(total);
            total += *end;
            *end = total;
        }
        let mut items = vec![0u32; total as usize];
        pairs(&mut |row, item| {
            let at = &mut next[row as usize];
            items[*at as usize] = item;
            *at += 1;
        });
        Rows { ends, items }
    }
}

#[cfg(test)]
mod tests {
    use super::Rows;

    #[test]
    fn pairs_are_sorted_into_their_rows() {
        let pairs = [(2, 7), (0, 1), (2, 3), (0, 9)];
        let rows = Rows::collect(4, |visit| {
            pairs.iter().for_each(|(row, item)| visit(*row, *item))
        });
        let expected: [&[u32]; 4] = [&[1, 9], &[], &[7, 3], &[]];
        assert!(rows.rows().eq(expected));
        assert_eq!(rows.len(), 4);
    }
}
