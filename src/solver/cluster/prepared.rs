//! A planned cluster on one active set, prepared for the search over its sizes.

use crate::problem::costs::Phase;
use crate::solver::cluster::active::Found;
use crate::solver::cluster::segments::{Buffers, PhaseSearch, Stage, Threshold, cheapest_fill, search};
use crate::solver::cluster::{Choice, PlannedCluster};
use crate::solver::hop::curve::Curve;
use crate::solver::hop::phase::{Prices, Radio};

/// Prices at which similar phases were solved, forward and backward: where to start.
pub(crate) type Start = (Prices, Prices);

/// The stages and phases of an active set, with what is known of the phases.
#[derive(Clone, Debug, Default)]
pub(crate) struct Prepared {
    pub active: Vec<usize>,
    pub stages: Vec<Stage>,
    pub forward: (Radio, Curve),
    pub backward: (Radio, Curve),
}

impl Prepared {
    /// Takes on an active set, nothing known of its phases.
    pub fn set(&mut self, cluster: &PlannedCluster, active: &[usize]) {
        self.active.clear();
        self.active.extend_from_slice(active);
        self.stages.clear();
        self.stages.extend(active.iter().map(|&k| cluster.stages[k]));
        for ((radio, curve), phase) in [(&mut self.forward, Phase::Forward), (&mut self.backward, Phase::Backward)] {
            cluster.set_radio(radio, phase, active);
            curve.clear();
        }
    }

    /// Adds a cheap minorant to either phase, at the prices to start from or at guessed ones, and returns those prices;
    /// `None` where the bound reaches the bar before.
    pub fn estimate(
        &mut self,
        cluster: &PlannedCluster,
        start: Option<&Start>,
        bar: f64,
        buffers: &mut Buffers,
    ) -> Option<Start> {
        if bar < f64::INFINITY {
            self.forward.1.add(self.forward.0.trivial_minorant());
            self.backward.1.add(self.backward.0.trivial_minorant());
            if self.bound(cluster, buffers) >= bar {
                return None;
            }
        }
        let (forward, minorant) =
            self.forward.0.quick_minorant(cluster.bases.0, start.map(|s| s.0), &mut buffers.scratch);
        self.forward.1.add(minorant);
        if bar < f64::INFINITY && self.bound(cluster, buffers) >= bar {
            return None;
        }
        let (backward, minorant) =
            self.backward.0.quick_minorant(cluster.bases.1, start.map(|s| s.1), &mut buffers.scratch);
        self.backward.1.add(minorant);
        Some((forward, backward))
    }

    /// The prices at which the phases were solved last, where both were.
    pub fn last_prices(&self) -> Option<Start> {
        Some((self.forward.1.last_solved()?.prices, self.backward.1.last_solved()?.prices))
    }

    /// What every choice of sizes costs at least, by the minorants known; infinite where the blocks do not fit.
    pub fn bound(&self, cluster: &PlannedCluster, buffers: &mut Buffers) -> f64 {
        match cheapest_fill(&self.stages, cluster.at.spec.encoder.blocks, buffers) {
            Some(cost) => {
                let phases = self.forward.1.low(cluster.bases.0) + self.backward.1.low(cluster.bases.1);
                cluster.constant(&self.active) + cost + phases
            }
            None => f64::INFINITY,
        }
    }

    /// Evaluates given sizes.
    pub fn fixed(
        &mut self,
        cluster: &PlannedCluster,
        choice: &Choice,
        start: Option<&Start>,
        buffers: &mut Buffers,
    ) -> Found {
        let (mut cost, mut paces) = (cluster.constant(&self.active), cluster.bases);
        for (stage, &size) in self.stages.iter().zip(&choice.sizes) {
            let size = f64::from(size);
            cost += size * stage.cost;
            paces.0 = paces.0.max(stage.overhead + size * stage.forward);
            paces.1 = paces.1.max(stage.overhead + size * stage.backward);
        }
        let starts = (start.map(|s| s.0), start.map(|s| s.1));
        let forward = self.forward.1.exact_from(&self.forward.0, paces.0, starts.0, &mut buffers.scratch);
        let backward = self.backward.1.exact_from(&self.backward.0, paces.1, starts.1, &mut buffers.scratch);
        Found {
            value: cost + forward.value + backward.value,
            latency: cluster.latency(choice, &forward, &backward),
            choice: choice.clone(),
            forward,
            backward,
        }
    }

    /// The best sizes that beat the threshold.
    pub fn best_sizes(
        &mut self,
        cluster: &PlannedCluster,
        threshold: Threshold,
        buffers: &mut Buffers,
    ) -> Option<Found> {
        let Self { active, stages, forward, backward } = self;
        let constant = cluster.constant(active);
        let blocks = cluster.at.spec.encoder.blocks;
        let mut forward = PhaseSearch { radio: &forward.0, curve: &mut forward.1, base: cluster.bases.0 };
        let mut backward = PhaseSearch { radio: &backward.0, curve: &mut backward.1, base: cluster.bases.1 };
        buffers.scratch.coarse = true;
        let best = search(stages, blocks, constant, &mut forward, &mut backward, threshold, buffers);
        buffers.scratch.coarse = false;
        let best = best?;
        let choice = Choice { active: active.clone(), sizes: buffers.best.clone() };
        let forward = forward.curve.exact(forward.radio, best.forward_pace, &mut buffers.scratch);
        let backward = backward.curve.exact(backward.radio, best.backward_pace, &mut buffers.scratch);
        let latency = cluster.latency(&choice, &forward, &backward);
        Some(Found { latency, choice, value: best.value, forward, backward })
    }
}
