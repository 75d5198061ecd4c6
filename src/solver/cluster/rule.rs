//! Decisions by rule, and bounds that take no search: what a solve has where it is ended before its searches.

use crate::ground::route::DeviceId;
use crate::solver::cluster::active::{Found, Workspace};
use crate::solver::cluster::segments::{Stage, blocks_within};
use crate::solver::cluster::{Domain, PlannedCluster, Segments};

/// What every choice of a planned cluster costs at the least: all blocks on the cheapest device, stages as fast as the
/// end stages, nothing sent.
pub(crate) fn floor(cluster: &PlannedCluster, domain: &Domain) -> f64 {
    let cheapest = domain.usable().map(|k| cluster.stages[k.0].cost).fold(f64::INFINITY, f64::min);
    if cheapest == f64::INFINITY {
        return cheapest;
    }
    let pace = cluster.radio().pace_price * cluster.bases.sum();
    cluster.constant(&[]) + f64::from(cluster.at.blocks()) * cheapest + pace
}

/// Sizes whose slowest stage, forward and backward together, is as fast as can be; `None` where the blocks do not fit.
pub(crate) fn even_sizes(stages: &[Stage], blocks: u32) -> Option<Vec<u32>> {
    let held = |stage: &Stage, pace: f64| {
        blocks_within(pace, 2.0 * stage.overhead, stage.per_block.sum(), stage.high).max(stage.low)
    };
    let total = |pace: f64| stages.iter().map(|stage| u64::from(held(stage, pace))).sum::<u64>();
    let slowest = |stage: &Stage| 2.0 * stage.overhead + f64::from(stage.high) * stage.per_block.sum();
    let (mut low, mut high) = (0.0, stages.iter().map(slowest).fold(0.0, f64::max));
    // As many halvings as a number has digits, and some.
    for _ in 0..64 {
        let middle = 0.5 * (low + high);
        *(if total(middle) >= u64::from(blocks) { &mut high } else { &mut low }) = middle;
    }
    let mut sizes: Vec<u32> = stages.iter().map(|stage| stage.low).collect();
    let mut left = blocks.checked_sub(sizes.iter().sum())?;
    for pace in [low, high] {
        for (stage, size) in stages.iter().zip(&mut sizes) {
            let more = held(stage, pace).saturating_sub(*size).min(left);
            *size += more;
            left -= more;
        }
    }
    (left == 0).then_some(sizes)
}

impl Workspace {
    /// The choice of even sizes on given devices; `None` where the blocks do not fit on them.
    pub fn even(&mut self, cluster: &PlannedCluster, active: &[DeviceId]) -> Option<Found> {
        self.prepared.set(cluster, active);
        let sizes = even_sizes(&self.prepared.stages, cluster.at.blocks())?;
        let choice = Segments { active: active.to_vec(), sizes };
        let found = self.prepared.fixed(cluster, &choice, None, &mut self.buffers);
        found.value.is_finite().then_some(found)
    }
}
