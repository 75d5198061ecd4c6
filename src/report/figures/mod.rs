//! Figures of a run as SVG, 800 px wide, for screen, print and colour-blind eyes, and what all figures are made of.

mod certificates;
mod clusters;
mod drift;
#[cfg_attr(not(feature = "experiments"), allow(dead_code, reason = "pieces that only experiments use"))]
pub(crate) mod frame;
mod latency;
mod lines;
#[cfg_attr(not(feature = "experiments"), allow(dead_code, reason = "pieces that only experiments use"))]
pub(crate) mod panel;
mod segments;
#[cfg_attr(not(feature = "experiments"), allow(dead_code, reason = "pieces that only experiments use"))]
pub(crate) mod style;

pub(super) use drift::{DriftView, OF_DRIFT};

use style::Figure;

use crate::simulation::RunRecord;

type Draw = fn(&RunRecord) -> Figure;

/// File name and drawing of every figure.
pub(super) const ALL: [(&str, Draw); 5] = [
    ("latency.svg", latency::draw),
    ("queues.svg", lines::queues),
    ("energy.svg", lines::energy_shares),
    ("segments.svg", segments::draw),
    ("certificates.svg", certificates::draw),
];
