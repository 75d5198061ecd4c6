//! Figures of a run: what there is to see in a record. How it is drawn, for papers, screens and slides, knows
//! [`drawing`](crate::drawing).

mod certificates;
mod clusters;
mod drift;
mod files;
mod latency;
mod lines;
mod segments;

pub(super) use drift::{DriftView, OF_DRIFT};
pub(crate) use files::files;

use crate::drawing::figure::Figure;
use crate::simulation::RunRecord;

type Draw = fn(&RunRecord) -> Figure;

/// File name and drawing of every figure.
pub(super) const ALL: [(&str, Draw); 5] = [
    ("latency.svg", latency::draw),
    ("queues.svg", lines::queues),
    ("energy.svg", lines::energy),
    ("segments.svg", segments::draw),
    ("certificates.svg", certificates::draw),
];

/// A title that says who decided, where that is not the exact solver.
fn titled(record: &RunRecord, title: &str) -> String {
    match record.provenance.policy.as_str() {
        "exact" => title.into(),
        policy => format!("{title} (policy {policy})"),
    }
}
