//! Aligned text, and numbers in it.

use std::fmt::{self, Formatter};

use crate::text::value;

/// Columns of text, each as wide as its widest cell; the first is flush left, the others right.
pub(crate) struct Table(Vec<Vec<String>>);

impl Table {
    pub(crate) fn new(headers: &[&[&str]]) -> Self {
        Self(headers.iter().map(|row| row.iter().map(ToString::to_string).collect()).collect())
    }

    /// Adds a row; what would confuse a terminal in names is escaped.
    pub(crate) fn push(&mut self, row: Vec<String>) {
        self.0.push(row.iter().map(|cell| value(cell)).collect());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let columns = self.0.iter().map(Vec::len).max().unwrap_or_default();
        let width = |column: usize| self.0.iter().filter_map(|row| row.get(column)).map(|c| c.chars().count()).max();
        let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or_default()).collect();
        for row in &self.0 {
            let mut line = String::from("  ");
            for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                match column {
                    0 => line.push_str(&format!("{cell:<width$}")),
                    _ => line.push_str(&format!("  {cell:>width$}")),
                }
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// Four significant digits.
pub(crate) fn number(value: f64) -> String {
    significant(value, 4)
}

/// This number of significant digits, in scientific notation where plain digits would hide or inflate the number.
pub(crate) fn significant(value: f64, digits: i32) -> String {
    let size = value.abs();
    if value == 0.0 {
        return "0".into();
    }
    if !(1e-3..1e6).contains(&size) {
        return format!("{value:.2e}");
    }
    let decimals = (digits - 1 - size.log10().floor() as i32).clamp(0, 6) as usize;
    format!("{value:.decimals$}")
}

pub(crate) fn percent(share: f64) -> String {
    format!("{:.1}", 100.0 * share)
}

pub(crate) fn or_dash<T>(value: Option<T>, show: impl Fn(T) -> String) -> String {
    value.map_or_else(|| "-".into(), show)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_four_digits() {
        let shown = [0.0, 1.0, 12.3456, 123_456.0, -0.0123456, 1e-5, 2.5e7].map(number);
        assert_eq!(shown, ["0", "1.000", "12.35", "123456", "-0.01235", "1.00e-5", "2.50e7"]);
    }
}
