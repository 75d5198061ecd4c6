//! The edge server as something that is used: for how long, at which energy, and at what cost.
//!
//! A pipeline's use of it follows from the plan alone: the decoder works on every sample of every local iteration once,
//! whoever holds the blocks and however the batch is cut. What it costs is therefore a cost of the plan, to evaluation and
//! to every solver.

use super::{ClusterProgram, PlanProgram, times};
use crate::ground::phase::Phase;
use crate::ground::units::{Bytes, Joules, Seconds};
use crate::problem::{CandidatePlan, ServerUse, SlotSpec};

impl ClusterProgram<'_> {
    /// What a cluster's edge server does that computes for so long and holds so much; nothing where nobody counts it.
    pub fn server_used(&self, busy: Seconds, memory: Bytes) -> ServerUse {
        let server = &self.cluster.edge_server;
        match server.is_accounted() {
            true => ServerUse { busy, energy: server.compute_power_w * busy, memory },
            false => ServerUse::default(),
        }
    }
}

impl PlanProgram<'_> {
    /// What the edge server does in a round of a pipeline: I·B·(g_F + g_B), and the decoder's memory.
    pub fn server_use(&self) -> ServerUse {
        let uses = f64::from(self.plan.local_iterations) * f64::from(self.plan.micro_batches);
        let backward =
            if self.plan.schedule.has_backward() { self.decoder_time(Phase::Backward) } else { Seconds(0.0) };
        let busy = (self.decoder_time(Phase::Forward) + backward) * uses;
        self.at.server_used(busy, self.at.cluster.edge_server.decoder_bytes)
    }
}

impl SlotSpec {
    /// What a plan costs whatever else is decided, in objective units: its penalty, and the priced energy of the edge
    /// servers.
    pub(crate) fn plan_cost(&self, plan: &CandidatePlan) -> f64 {
        let priced = self.clusters.iter().filter(|cluster| cluster.edge_server.energy_price > 0.0);
        let energy = |cluster| -> Joules { ClusterProgram::new(self, cluster).under(plan).server_use().energy };
        priced.fold(plan.penalty, |cost, cluster| cost + times(cluster.edge_server.energy_price, energy(cluster).0))
    }
}
