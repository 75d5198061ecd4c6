//! A planned cluster on one active set, prepared for the search over its sizes.

use crate::ground::phase::{PerPhase, Phase};
use crate::ground::route::DeviceId;
use crate::solver::cluster::active::Found;
use crate::solver::cluster::segments::{Buffers, PhaseSearch, Stage, Threshold, cheapest_fill, search};
use crate::solver::cluster::{PlannedCluster, Segments};
use crate::solver::hop::curve::Curve;
use crate::solver::hop::phase::{PhaseRadio, Prices};

/// Prices at which similar phases were solved: where to start.
pub(crate) type Start = PerPhase<Prices>;

/// A phase's radio problem with what is known of its Φ.
#[derive(Clone, Debug, Default)]
pub(crate) struct KnownPhase {
    pub radio: PhaseRadio,
    pub curve: Curve,
}

/// The stages and phases of an active set, with what is known of the phases.
#[derive(Clone, Debug, Default)]
pub(crate) struct Prepared {
    pub active: Vec<DeviceId>,
    pub stages: Vec<Stage>,
    pub phases: PerPhase<KnownPhase>,
}

impl Prepared {
    /// Takes on an active set, nothing known of its phases.
    pub fn set(&mut self, cluster: &PlannedCluster, active: &[DeviceId]) {
        self.set_stages(cluster, active);
        for phase in Phase::BOTH {
            cluster.set_radio(&mut self.phases[phase].radio, phase, active);
        }
    }

    /// The same but for the phases' hops.
    pub fn set_stages(&mut self, cluster: &PlannedCluster, active: &[DeviceId]) {
        self.active.clear();
        self.active.extend_from_slice(active);
        self.stages.clear();
        self.stages.extend(active.iter().map(|&k| cluster.stages[k.0]));
        self.phases.forward.curve.clear();
        self.phases.backward.curve.clear();
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
            for phase in Phase::BOTH {
                let KnownPhase { radio, curve } = &mut self.phases[phase];
                curve.add(radio.trivial_minorant());
            }
            if self.bound(cluster, buffers) >= bar {
                return None;
            }
        }
        let forward = self.quick(cluster, Phase::Forward, start, buffers);
        if bar < f64::INFINITY && self.bound(cluster, buffers) >= bar {
            return None;
        }
        let backward = self.quick(cluster, Phase::Backward, start, buffers);
        Some(PerPhase { forward, backward })
    }

    /// What every choice of sizes costs at least, from no evaluation at all; takes on the active set.
    pub fn trivial_bound(&mut self, cluster: &PlannedCluster, active: &[DeviceId], buffers: &mut Buffers) -> f64 {
        self.set(cluster, active);
        for phase in Phase::BOTH {
            let KnownPhase { radio, curve } = &mut self.phases[phase];
            curve.add(radio.trivial_minorant());
        }
        self.bound(cluster, buffers)
    }

    /// Adds a phase's quick minorant.
    fn quick(
        &mut self,
        cluster: &PlannedCluster,
        phase: Phase,
        start: Option<&Start>,
        buffers: &mut Buffers,
    ) -> Prices {
        let KnownPhase { radio, curve } = &mut self.phases[phase];
        let (start, before) = (start.map(|start| start[phase]), buffers.scratch.evaluations);
        let (prices, minorant) = radio.quick_minorant(cluster.bases[phase], start, &mut buffers.scratch);
        curve.add(minorant);
        buffers.spend_radio(self.active.len() + 1, before);
        prices
    }

    /// The prices at which the phases were solved last, where both were.
    pub fn last_prices(&self) -> Option<Start> {
        let last = |known: &KnownPhase| Some(known.curve.last_solved()?.prices);
        Some(PerPhase { forward: last(&self.phases.forward)?, backward: last(&self.phases.backward)? })
    }

    /// What every choice of sizes costs at least, by the minorants known; infinite where the blocks do not fit.
    pub fn bound(&self, cluster: &PlannedCluster, buffers: &mut Buffers) -> f64 {
        match cheapest_fill(&self.stages, cluster.at.blocks(), buffers) {
            Some(cost) => {
                let phases = PerPhase::from_fn(|phase| self.phases[phase].curve.low(cluster.bases[phase]));
                cluster.constant(&self.active) + cost + phases.sum()
            }
            None => f64::INFINITY,
        }
    }

    /// Evaluates given sizes.
    pub fn fixed(
        &mut self,
        cluster: &PlannedCluster,
        choice: &Segments,
        start: Option<&Start>,
        buffers: &mut Buffers,
    ) -> Found {
        let (mut cost, mut paces) = (cluster.constant(&self.active), cluster.bases);
        for (stage, &size) in self.stages.iter().zip(&choice.sizes) {
            cost += f64::from(size) * stage.cost;
            for phase in Phase::BOTH {
                paces[phase] = paces[phase].max(stage.time(phase, size));
            }
        }
        let before = buffers.scratch.evaluations;
        let phases = PerPhase::from_fn(|phase| {
            let KnownPhase { radio, curve } = &mut self.phases[phase];
            curve.exact_from(radio, paces[phase], start.map(|start| start[phase]), &mut buffers.scratch)
        });
        buffers.spend_radio(self.active.len() + 1, before);
        Found {
            value: cost + phases.forward.value + phases.backward.value,
            latency: cluster.latency(choice, &phases),
            choice: choice.clone(),
            phases,
        }
    }

    /// The best sizes that beat the threshold.
    pub fn best_sizes(
        &mut self,
        cluster: &PlannedCluster,
        threshold: Threshold,
        buffers: &mut Buffers,
    ) -> Option<Found> {
        let Self { active, stages, phases } = self;
        let constant = cluster.constant(active);
        let known = phases.as_mut().zip(cluster.bases);
        let mut searched = known.map(|(KnownPhase { radio, curve }, base)| PhaseSearch { radio, curve, base });
        buffers.scratch.coarse = true;
        let best = search(stages, cluster.at.blocks(), constant, &mut searched, threshold, buffers);
        buffers.scratch.coarse = false;
        let best = best?;
        let choice = Segments { active: active.clone(), sizes: buffers.best.clone() };
        let phases = searched
            .zip(best.paces)
            .map(|(PhaseSearch { radio, curve, .. }, pace)| curve.exact(radio, pace, &mut buffers.scratch));
        let latency = cluster.latency(&choice, &phases);
        Some(Found { latency, choice, value: best.value, phases })
    }
}
