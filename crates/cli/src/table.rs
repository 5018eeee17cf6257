//! Rows of cells under one another, each column as wide as its widest cell.

use std::fmt;

use anstyle::Style;
use unicode_width::UnicodeWidthStr;

use crate::escape;

/// Between two columns.
const GAP: &str = "  ";

/// Rows of cells.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<Vec<Cell>>,
    right: Vec<usize>,
}

/// One cell: a text in one style.
#[derive(Debug)]
pub struct Cell {
    style: Style,
    text: String,
}

/// A cell of a table.
pub fn cell(style: Style, text: impl fmt::Display) -> Cell {
    let text = escape::word(&text.to_string()).into_owned();
    Cell { style, text }
}

/// A cell in no style.
pub fn plain(text: impl fmt::Display) -> Cell {
    cell(Style::new(), text)
}

impl Table {
    /// A table whose columns of these numbers are aligned to the right.
    pub fn right(columns: &[usize]) -> Self {
        Table {
            rows: Vec::new(),
            right: columns.to_vec(),
        }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    fn widths(&self) -> Vec<usize> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.text.width()).max().unwrap_or(0)
        };
        (0..columns).map(width).collect()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths = self.widths();
        for row in &self.rows {
            let mut pending = String::new();
            for (column, Cell { style, text }) in row.iter().enumerate() {
                let fill = " ".repeat(widths[column] - text.width());
                let right = self.right.contains(&column);
                if right {
                    pending += &fill;
                }
                // No blanks at the end of a line.
                if !text.is_empty() {
                    write!(f, "{pending}{style}{text}{style:#}")?;
                    pending.clear();
                }
                if !right {
                    pending += &fill;
                }
                pending += GAP;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_one_another_and_lines_end_with_text() {
        let mut table = Table::right(&[1]);
        table.row([plain("run"), plain("5ms"), plain("é")]);
        table.row([plain("perhaps"), plain("12.5ms"), plain("")]);
        assert_eq!(table.to_string(), "run         5ms  é\nperhaps  12.5ms\n");
    }
}
