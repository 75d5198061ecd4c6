//! The parts of a round.

use collapipe::problem::ClusterRound;
use collapipe::schedule::ScheduleError;
use serde::Serialize;

use crate::roles::{Leg, MeasuredCluster, MeasuredRound, RoundOrder};

/// The parts, in the order of tables: all that a round consists of, then what its iterations consist of.
pub const PART_NAMES: [&str; 8] =
    ["distribution", "iterations", "collection", "upload", "round", "stages", "hops", "bubble"];

/// A part of a cluster's round, in planned seconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Part {
    /// Which cluster; none for the round as a whole.
    pub cluster: Option<usize>,
    /// Which part: `distribution`, `iterations` (forward and backward), `collection`, `upload`, `round` (the cluster's latency; of
    /// all clusters, the round's); of the iterations `stages` (what all stages compute, together), `hops` (what all
    /// transmissions occupy), `bubble` (what stages do not compute between begin and end of the iterations).
    pub part: &'static str,
    /// By the core's evaluation and timeline.
    pub predicted_s: f64,
    /// By the run's clock.
    pub measured_s: f64,
}

impl Part {
    /// (measured − predicted) / predicted; none for a part that takes no time.
    #[must_use]
    pub fn relative_error(&self) -> Option<f64> {
        (self.predicted_s > 0.0).then(|| (self.measured_s - self.predicted_s) / self.predicted_s)
    }
}

/// A round, predicted and measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Comparison {
    /// The parts.
    pub parts: Vec<Part>,
    /// Whether everything ended as planned. If not, the machine was too slow or too busy, and the differences say nothing
    /// about the prediction.
    pub valid: bool,
    /// How many operations ended late.
    pub late: u64,
    /// The largest lateness, in seconds of the wall clock.
    pub latest_s: f64,
    /// Bytes that nodes sent to each other since they joined.
    pub sent_bytes: u64,
}

fn predicted(order: &RoundOrder, round: &ClusterRound) -> Result<[f64; 8], ScheduleError> {
    let makespan_s = order.makespan_s(round)?;
    let iterations = f64::from(round.plan.local_iterations);
    let uses = iterations * f64::from(round.plan.micro_batches);
    let backward = if round.plan.schedule.has_backward() { round.backward.as_slice() } else { &[] };
    let stages: f64 = round.forward.iter().chain(backward).map(|time| time.0).sum::<f64>() * uses;
    let hops: f64 =
        round.forward_hops.iter().chain(&round.backward_hops).map(|hop| hop.occupied().0).sum::<f64>() * uses;
    let distribution: f64 = round.distribution.iter().map(|sent| sent.total().0).sum();
    let collection: f64 = round.collection.iter().map(|sent| sent.total().0).sum();
    let (upload, pipeline) = (round.upload.total().0, makespan_s * iterations);
    let latency = round.fixed.0 + distribution + pipeline + collection + upload;
    let bubble = pipeline * round.stages.len() as f64 - stages;
    Ok([distribution, pipeline, collection, upload, latency, stages, hops, bubble])
}

/// What was measured: every part from the end of the one before it, so that they add up to the round, whatever nodes waited for
/// between them; every operation from when its machine was free and its input there, as its energy is booked.
fn measured(cluster: &MeasuredCluster, stages: usize) -> [f64; 8] {
    let spans = || cluster.iterations.iter().flat_map(|iteration| &iteration.spans);
    let sum = |sends: bool| -> f64 {
        spans().filter(|span| span.operation.kind.is_send() == sends).map(|span| span.end_s - span.begin_s).sum()
    };
    let (compute, hops) = (sum(false), sum(true));
    let arrived = |legs: &[Leg]| legs.last().map(|leg| leg.arrived_s);
    let begun_s = cluster.fixed_s;
    let distributed_s = arrived(&cluster.distribution).unwrap_or(begun_s);
    let iterated_s = cluster.iterations.last().map_or(distributed_s, |iteration| iteration.end_s);
    let collected_s = arrived(&cluster.collection).unwrap_or(iterated_s);
    let iterations = iterated_s - distributed_s;
    [
        distributed_s - begun_s,
        iterations,
        collected_s - iterated_s,
        cluster.latency_s - collected_s,
        cluster.latency_s,
        compute,
        hops,
        iterations * stages as f64 - compute,
    ]
}

impl Comparison {
    /// Compares a round with its order.
    ///
    /// # Errors
    /// [`ScheduleError`] for a transmission without a rate, of which nothing can be predicted.
    pub fn new(order: &RoundOrder, round: &MeasuredRound) -> Result<Self, ScheduleError> {
        let mut parts = Vec::new();
        let mut latest = 0.0_f64;
        for (index, (planned, found)) in order.clusters.iter().zip(&round.clusters).enumerate() {
            let (predicted, measured) = (predicted(order, planned)?, measured(found, planned.stages.len()));
            for (part, (predicted_s, measured_s)) in PART_NAMES.into_iter().zip(predicted.into_iter().zip(measured)) {
                parts.push(Part { cluster: Some(index), part, predicted_s, measured_s });
                if part == "round" {
                    latest = latest.max(predicted_s);
                }
            }
        }
        parts.push(Part { cluster: None, part: "round", predicted_s: latest, measured_s: round.latency_s });
        let clusters = || round.clusters.iter();
        Ok(Self {
            parts,
            valid: round.is_valid(),
            late: clusters().map(|cluster| cluster.late).sum(),
            latest_s: clusters().map(|cluster| cluster.latest_s).fold(0.0, f64::max),
            sent_bytes: clusters().map(|cluster| cluster.sent_bytes).sum(),
        })
    }

    /// Largest |relative error| of a part, or of all.
    #[must_use]
    pub fn largest_error(&self, part: Option<&str>) -> f64 {
        let of = self.parts.iter().filter(|found| part.is_none_or(|part| found.part == part));
        of.filter_map(Part::relative_error).map(f64::abs).fold(0.0, f64::max)
    }
}
