//! Figures of a sweep.

mod over_v;
mod plans;

use super::axis::Axis;
use super::result::Tradeoff;
use crate::drawing::figure::Figure;
use crate::report::table::number;

type Draw = fn(&Tradeoff) -> Figure;

/// File name and drawing of every figure of a sweep.
pub(super) fn of(axis: Axis) -> &'static [(&'static str, Draw)] {
    match axis {
        Axis::LatencyWeight => &[
            ("tradeoff.svg", over_v::latency_and_overspend),
            ("scaling.svg", over_v::scaling),
            ("plans.svg", plans::draw),
        ],
        Axis::Target => &[("plans.svg", plans::draw)],
    }
}

/// The text of a value that was varied.
fn value_name(value: f64) -> String {
    let text = number(value);
    match text.contains(['.', 'e']) {
        true if !text.contains('e') => text.trim_end_matches('0').trim_end_matches('.').into(),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_called_by_their_digits() {
        assert_eq!([0.1, 2.0, 123.4, 1e-5].map(value_name), ["0.1", "2", "123.4", "1.00e-5"].map(String::from));
    }
}
