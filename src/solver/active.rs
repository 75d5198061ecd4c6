//! The best devices and sizes of a planned cluster.

use super::cluster::{Choice, PlannedCluster};
use super::curve::Curve;
use super::phase::{Radio, Solved};
use super::segments::{Best, Buffers, PhaseSearch, Stage, quick_bound, search};
use crate::problem::costs::Phase;

/// A choice with its cost and its solved phases.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub choice: Choice,
    /// Cost at the cluster's latency price, proved from below to the solver's tolerance.
    pub value: f64,
    /// Latency without the upload [s].
    pub latency: f64,
    pub forward: Solved,
    pub backward: Solved,
}

/// Buffers of a search over active sets.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    stages: Vec<Stage>,
    forward: (Radio, Curve),
    backward: (Radio, Curve),
    pub buffers: Buffers,
}

impl Workspace {
    /// Evaluates a given choice.
    pub fn fixed(&mut self, cluster: &PlannedCluster, choice: &Choice) -> Found {
        let Self { forward, backward, buffers, .. } = self;
        let (mut cost, mut paces) = (cluster.constant(&choice.active), cluster.bases);
        for (&k, &size) in choice.active.iter().zip(&choice.sizes) {
            let (stage, size) = (&cluster.stages[k], f64::from(size));
            cost += size * stage.cost;
            paces.0 = paces.0.max(stage.overhead + size * stage.forward);
            paces.1 = paces.1.max(stage.overhead + size * stage.backward);
        }
        let mut solve = |(radio, _): &mut (Radio, Curve), phase, floor| {
            *radio = Radio { hops: std::mem::take(&mut radio.hops), ..cluster.radio() };
            cluster.set_path(radio, phase, &choice.active);
            radio.solve(floor, None, &mut buffers.scratch)
        };
        let (forward, backward) = (solve(forward, Phase::Forward, paces.0), solve(backward, Phase::Backward, paces.1));
        Found {
            value: cost + forward.value + backward.value,
            latency: cluster.latency(choice, &forward, &backward),
            choice: choice.clone(),
            forward,
            backward,
        }
    }

    /// Prepares the phases for an active set, each with a cheap minorant.
    fn set_active(&mut self, cluster: &PlannedCluster, active: &[usize]) {
        self.stages.clear();
        self.stages.extend(active.iter().map(|&k| cluster.stages[k]));
        for ((radio, curve), phase, base) in
            [(&mut self.forward, Phase::Forward, cluster.bases.0), (&mut self.backward, Phase::Backward, cluster.bases.1)]
        {
            *radio = Radio { hops: std::mem::take(&mut radio.hops), ..cluster.radio() };
            cluster.set_path(radio, phase, active);
            curve.clear();
            curve.add(radio.quick_minorant(base, &mut self.buffers.scratch));
        }
    }

    /// A lower bound for an active set, without solving a phase; infinite where the blocks do not fit.
    pub fn quick_bound(&mut self, cluster: &PlannedCluster, active: &[usize]) -> f64 {
        self.set_active(cluster, active);
        let blocks = cluster.at.spec.encoder.blocks;
        let Self { stages, forward, backward, buffers } = self;
        let forward = PhaseSearch { radio: &forward.0, curve: &mut forward.1, base: cluster.bases.0 };
        let backward = PhaseSearch { radio: &backward.0, curve: &mut backward.1, base: cluster.bases.1 };
        match quick_bound(stages, blocks, &forward, &backward, buffers) {
            Some(bound) => cluster.constant(active) + bound,
            None => f64::INFINITY,
        }
    }

    /// The best sizes on a given active set that cost less than `cutoff` less `tolerance`.
    pub fn best_sizes(&mut self, cluster: &PlannedCluster, active: &[usize], cutoff: f64, tolerance: f64) -> Option<Found> {
        self.set_active(cluster, active);
        let constant = cluster.constant(active);
        let blocks = cluster.at.spec.encoder.blocks;
        let Self { stages, forward, backward, buffers } = self;
        let mut forward = PhaseSearch { radio: &forward.0, curve: &mut forward.1, base: cluster.bases.0 };
        let mut backward = PhaseSearch { radio: &backward.0, curve: &mut backward.1, base: cluster.bases.1 };
        let best = search(stages, blocks, &mut forward, &mut backward, cutoff - constant, tolerance, buffers)?;
        let Best { sizes, forward_pace, backward_pace, value } = best;
        let choice = Choice { active: active.to_vec(), sizes };
        let forward = forward.curve.exact(forward.radio, forward_pace, &mut buffers.scratch);
        let backward = backward.curve.exact(backward.radio, backward_pace, &mut buffers.scratch);
        Some(Found { latency: cluster.latency(&choice, &forward, &backward), choice, value: constant + value, forward, backward })
    }
}
