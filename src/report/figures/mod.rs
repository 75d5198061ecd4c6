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

use super::digest::Digest;
use crate::drawing::figure::Figure;
use crate::simulation::RunRecord;

/// A run as it is drawn.
#[derive(Clone, Copy, Debug)]
pub(super) struct RunView<'a> {
    /// All but the slots; those as well, where they are at hand.
    pub(super) record: &'a RunRecord,
    pub(super) digest: &'a Digest,
    /// Latencies of all rounds, in increasing order.
    pub(super) latencies: &'a [f64],
}

impl RunView<'_> {
    /// Numbers of the first slot and the last one.
    fn slots(&self) -> impl Iterator<Item = u64> + Clone {
        let stretches = &self.digest.stretches;
        let ends = stretches.first().zip(stretches.last()).map(|(first, last)| [first.ends[0], last.ends[1]]);
        ends.into_iter().flatten()
    }
}

type Draw = fn(&RunView) -> Figure;

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
