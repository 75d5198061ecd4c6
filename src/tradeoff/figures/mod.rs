//! Figures of a sweep.

mod over_v;
mod plans;

use super::axis::Axis;
use super::result::Tradeoff;
use crate::report::figures::style::Figure;

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
