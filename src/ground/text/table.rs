//! Columns of text.

use std::fmt::{self, Formatter};

use super::layout::{WIDTH, broken};
use super::value;

/// Spaces before a line, and between columns.
const GAP: usize = 2;

/// A table for a terminal: columns as wide as their widest cell, the first flush left, the others right.
///
/// The width of the format is that of the screen (80 columns without one): `format!("{table:120}")`. A table that is wider has
/// its headings broken first; if that is not enough, cells of words; and then its columns stand in several blocks, each beginning
/// with the first column, or as many as [`keyed`](Self::keyed) says.
///
/// ```
/// use collapipe::text::Table;
/// let mut table = Table::new(&[&["Node", "energy"], &["", "[J]"]]);
/// table.push(vec!["board".into(), "1.5".into()]);
/// assert_eq!(table.to_string(), "  Node   energy\n            [J]\n  board     1.5\n");
/// ```
#[derive(Clone, Debug)]
pub struct Table {
    /// How many of the rows are headings.
    heads: usize,
    /// How many of the columns say what a row is about.
    keys: usize,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these rows of headings.
    #[must_use]
    pub fn new(headings: &[&[&str]]) -> Self {
        let rows: Vec<_> = headings.iter().map(|row| row.iter().map(ToString::to_string).collect()).collect();
        Self { heads: rows.len(), keys: 1, rows }
    }

    /// The same table, with so many columns that say what a row is about: flush left, and in every block.
    #[must_use]
    pub fn keyed(self, keys: usize) -> Self {
        Self { keys: keys.max(1), ..self }
    }

    /// Adds a row; what would confuse a terminal in names is escaped.
    pub fn push(&mut self, row: Vec<String>) {
        self.rows.push(row.iter().map(|cell| value(cell)).collect());
    }

    /// The widest cell of a column among some rows.
    fn widest(&self, rows: std::ops::Range<usize>, column: usize, of: impl Fn(&str) -> usize) -> usize {
        let rows = self.rows.get(rows).unwrap_or_default();
        rows.iter().filter_map(|row| row.get(column)).map(|cell| of(cell)).max().unwrap_or_default()
    }

    /// Widths of the columns on a screen.
    fn widths(&self, screen: usize) -> Vec<usize> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or_default();
        let all = 0..self.rows.len();
        let widths: Vec<usize> = (0..columns).map(|column| self.widest(all.clone(), column, length)).collect();
        if total(&widths) <= screen {
            return widths;
        }
        let word = |cell: &str| cell.split(' ').map(length).max().unwrap_or_default();
        let narrow = |column| {
            let below = self.widest(self.heads..self.rows.len(), column, length);
            below.max(self.widest(0..self.heads, column, word))
        };
        // What a row is about and one more column have room side by side whatever stands in them.
        let half = (screen / 2).saturating_sub(GAP).max(1);
        let key = ((screen / 2) / self.keys).saturating_sub(GAP).max(1);
        let most = |column: usize| if column < self.keys { key } else { half };
        let narrow: Vec<usize> = (0..columns).map(|column| narrow(column).min(most(column))).collect();
        // Headings that are broken and save no block are broken for nothing.
        let whole = widths.into_iter().enumerate().map(|(column, width)| width.min(most(column)));
        let whole: Vec<usize> = whole.collect();
        if self.blocks(&narrow, screen).len() < self.blocks(&whole, screen).len() { narrow } else { whole }
    }

    /// Columns that fit side by side, the keys in every block.
    fn blocks(&self, widths: &[usize], screen: usize) -> Vec<Vec<usize>> {
        let keys = self.keys.min(widths.len());
        let keyed = total(widths.get(..keys).unwrap_or_default());
        let mut blocks = vec![(0..keys).collect::<Vec<_>>()];
        let mut used = keyed;
        for (column, width) in widths.iter().enumerate().skip(keys) {
            if used + width + GAP > screen && used > keyed {
                blocks.push((0..keys).collect());
                used = keyed;
            }
            if let Some(block) = blocks.last_mut() {
                block.push(column);
            }
            used += width + GAP;
        }
        blocks
    }
}

fn length(cell: &str) -> usize {
    cell.chars().count()
}

/// Width of a line of such columns.
fn total(widths: &[usize]) -> usize {
    widths.iter().map(|width| width + GAP).sum()
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let screen = f.width().unwrap_or(WIDTH);
        let widths = self.widths(screen);
        for (place, block) in self.blocks(&widths, screen).iter().enumerate() {
            if place > 0 {
                writeln!(f)?;
            }
            for (index, row) in self.rows.iter().enumerate() {
                let cell = |column: &usize| {
                    let width = widths.get(*column).copied().unwrap_or_default();
                    let text = row.get(*column).map_or("", String::as_str);
                    (*column, width, if length(text) <= width { vec![text.to_owned()] } else { broken(text, width) })
                };
                let cells: Vec<_> = block.iter().map(cell).collect();
                let height = cells.iter().map(|(_, _, lines)| lines.len()).max().unwrap_or_default();
                for at in 0..height {
                    let mut line = String::new();
                    for (column, width, lines) in &cells {
                        // Headings stand on the cells below them.
                        let above = if index < self.heads { height - lines.len() } else { 0 };
                        let text = at.checked_sub(above).and_then(|at| lines.get(at)).map_or("", String::as_str);
                        match *column < self.keys {
                            true => line.push_str(&format!("  {text:<width$}")),
                            false => line.push_str(&format!("  {text:>width$}")),
                        }
                    }
                    writeln!(f, "{}", line.trim_end())?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(columns: usize, name: &str) -> Table {
        let heads: Vec<String> = (0..columns).map(|column| format!("a heading {column}")).collect();
        let mut table = Table::new(&[&heads.iter().map(String::as_str).collect::<Vec<_>>()]);
        for row in 0..3 {
            table.push(
                (0..columns).map(|c| if c == 0 { format!("{name} {row}") } else { format!("{row}.{c}") }).collect(),
            );
        }
        table
    }

    #[test]
    fn every_cell_is_printed_and_no_line_is_too_long() {
        for (columns, name) in [(1, "node"), (3, "node"), (12, "node"), (40, "node"), (5, &*"long-name ".repeat(12))] {
            let table = table(columns, name);
            for screen in [20, 40, 80, 120, 1000] {
                let text = format!("{table:screen$}");
                assert!(text.lines().all(|line| line.chars().count() <= screen), "{screen}:\n{text}");
                for (row, column) in (0..3).flat_map(|row| (1..columns).map(move |column| (row, column))) {
                    let cell = format!("{row}.{column}");
                    assert_eq!(text.split_whitespace().filter(|word| *word == cell).count(), 1, "{cell}\n{text}");
                }
            }
            let rows: Vec<usize> = format!("{table:1000}").lines().map(length).collect();
            assert_eq!(rows.len(), 4, "one block where there is room");
        }
    }

    #[test]
    fn what_rows_are_about_stands_in_every_block() {
        let text = format!("{:44}", table(8, "node").keyed(2));
        for block in text.split("\n\n") {
            assert!(block.contains("node 2") && block.contains("2.1"), "{text}");
        }
        assert!(text.lines().all(|line| length(line) <= 44) && text.matches("2.7").count() == 1, "{text}");
    }

    #[test]
    fn blocks_begin_with_the_first_column() {
        let text = format!("{:30}", table(8, "node"));
        let blocks: Vec<&str> = text.split("\n\n").collect();
        assert!(blocks.len() > 1, "{text}");
        for block in blocks {
            assert!(block.lines().last().is_some_and(|line| line.starts_with("  node 2 ")), "{block}");
        }
    }
}
