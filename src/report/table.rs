//! Numbers in text, and the tables they stand in.

use crate::schedule::ScheduleKind;
pub(crate) use crate::text::Table;

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

/// As `2 local iterations, 16 micro-batches (I = 2, M = 16), fill-drain`.
pub(crate) fn plan_in_words(iterations: u32, micro_batches: u32, schedule: ScheduleKind) -> String {
    let iteration = if iterations == 1 { "iteration" } else { "iterations" };
    let piece = if micro_batches == 1 { "micro-batch" } else { "micro-batches" };
    format!(
        "{iterations} local {iteration}, {micro_batches} {piece} (I = {iterations}, M = {micro_batches}), {schedule}"
    )
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
