//! What was measured in a round, in planned seconds.

use serde::Serialize;

use crate::wire::{Learned, Span};

/// A transmission that a round makes once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Leg {
    /// When it began.
    pub start_s: f64,
    /// From when on it was to be sent.
    pub begin_s: f64,
    /// When the last bit was out.
    pub end_s: f64,
    /// When it had arrived.
    pub arrived_s: f64,
}

/// An iteration of a pipeline.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct MeasuredIteration {
    /// When it began.
    pub start_s: f64,
    /// When its last operation had ended.
    pub end_s: f64,
    /// All operations, by node and operation, whatever the order in which their ends were reported: sums over them are the same every time.
    pub spans: Vec<Span>,
    /// What the edge server learned.
    pub learned: Option<Learned>,
}

/// A cluster's part of a round; all times are from the beginning of the round.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct MeasuredCluster {
    /// When the part that no decision changes was over.
    pub fixed_s: f64,
    /// To the active devices.
    pub distribution: Vec<Leg>,
    /// The iterations.
    pub iterations: Vec<MeasuredIteration>,
    /// From the active devices.
    pub collection: Vec<Leg>,
    /// To the edge server.
    pub upload: Leg,
    /// T_n.
    pub latency_s: f64,
    /// Operations and transmissions that ended later than planned by more than the tolerance: how many, and the largest
    /// lateness in seconds of the wall clock.
    pub late: u64,
    /// The largest lateness.
    pub latest_s: f64,
    /// Bytes that the cluster's nodes have sent to each other since they joined.
    pub sent_bytes: u64,
    /// Of every node of the pipeline's stages: bytes of memory, at most.
    pub memory_bytes: Vec<u64>,
}

/// A round.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct MeasuredRound {
    /// The clusters.
    pub clusters: Vec<MeasuredCluster>,
    /// T: the last cluster's latency.
    pub latency_s: f64,
}

impl MeasuredRound {
    /// Whether everything ended as planned, so that a comparison with the plan says something.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.clusters.iter().all(|cluster| cluster.late == 0)
    }

    /// Batch-weighted mean of what the edge servers learned in the last iteration.
    #[must_use]
    pub fn learned(&self) -> Option<Learned> {
        let last = self.clusters.iter().filter_map(|cluster| cluster.iterations.last()?.learned);
        Learned::of(last)
    }
}

impl MeasuredCluster {
    /// Moves all times to the beginning of the round, and out of the scale of the emulation; operations in their order.
    pub(super) fn settle(&mut self, begin_s: f64, scale: f64) {
        let relative = |moment: &mut f64| *moment = (*moment - begin_s) / scale;
        let moments = [&mut self.fixed_s, &mut self.latency_s];
        moments.into_iter().for_each(relative);
        for leg in self.distribution.iter_mut().chain(&mut self.collection).chain([&mut self.upload]) {
            [&mut leg.begin_s, &mut leg.start_s, &mut leg.end_s, &mut leg.arrived_s].into_iter().for_each(relative);
        }
        for iteration in &mut self.iterations {
            [&mut iteration.start_s, &mut iteration.end_s].into_iter().for_each(relative);
            iteration.spans.sort_by_key(|span| (span.node, span.operation));
            for span in &mut iteration.spans {
                [&mut span.begin_s, &mut span.start_s, &mut span.end_s].into_iter().for_each(relative);
            }
        }
    }

    pub(super) fn book_lateness(&mut self, late_s: f64) {
        if late_s > 0.0 {
            self.late += 1;
            self.latest_s = self.latest_s.max(late_s);
        }
    }
}
