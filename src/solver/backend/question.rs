//! What a backend is asked.

use super::given::GivenRadio;
use crate::problem::Decision;
use crate::solver::cluster::Segments;

/// Everything is free: plan, active devices, sizes, bandwidths, powers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WholeSlot;

/// Plan, active devices and sizes are given; bandwidths and powers are free: a convex problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RadioFor {
    /// Index (from 0) of the plan.
    pub plan: usize,
    /// One entry per cluster.
    pub clusters: Vec<Segments>,
}

impl RadioFor {
    /// The integers of a decision.
    #[must_use]
    pub fn decision(decision: &Decision) -> Self {
        Self { plan: decision.plan, clusters: decision.clusters.iter().map(Segments::from).collect() }
    }
}

/// Bandwidth and power of every possible transmission are given; plan, active devices and sizes are free: a linear
/// problem in integers.
///
/// A choice of devices is feasible if the given bandwidths of its path's hops fit into the cluster's band together.
#[derive(Clone, Debug, PartialEq)]
pub struct SegmentsFor {
    /// Index (from 0) of the plan; `None` where it is free.
    pub plan: Option<usize>,
    /// One entry per cluster.
    pub clusters: Vec<GivenRadio>,
}
