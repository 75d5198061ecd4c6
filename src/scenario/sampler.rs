//! Channels and absences, slot by slot.

use nalgebra::DMatrix;

use super::build::Scenario;
use crate::ground::blame::{Blame, Blamed};
use crate::ground::seed;
use crate::network::radio::Channel;
use crate::problem::{Cluster, ClusterEvaluation, FixedLink, Gains, NodeId, PerPair, ProblemError, SlotProblem};
use crate::units::Joules;

/// Separates absences from every other use of the seed; must never change.
const ABSENCE: u64 = 0x6162_7365_6e63_6531;

/// The states of a scenario's slots, in order.
///
/// A state depends on the scenario, its seed and the slot's number alone.
#[derive(Clone, Debug)]
pub struct Sampler {
    scenario: Scenario,
    channels: Vec<Channel>,
    slot: u64,
}

/// What nature decides in a slot: gains between all nodes, and which devices are there.
#[derive(Clone, Debug)]
pub struct SlotState {
    scenario: Scenario,
    slot: u64,
    present: Vec<Vec<usize>>,
    gains: Vec<DMatrix<f64>>,
}

/// A slot problem over the devices that are present, and who they are.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SlotInstance {
    /// The problem.
    pub problem: SlotProblem,
    /// For each cluster and each of the problem's devices its index in the scenario's cluster.
    pub present: Vec<Vec<usize>>,
}

/// Why a slot has no problem.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SlotError {
    /// All devices of a cluster are absent, so that the slot has no decision.
    #[error("clusters[{cluster}] ({name}): all {devices} devices are absent")]
    NoDevices {
        /// The cluster.
        cluster: usize,
        /// Its name.
        name: String,
        /// How many devices it has.
        devices: usize,
    },
    /// An energy price or a penalty that no slot problem admits: not finite or beyond 1e30, or a negative price.
    #[error(transparent)]
    Problem(#[from] ProblemError),
}

impl Blamed for SlotError {
    fn blame(&self) -> Blame {
        match self {
            Self::NoDevices { .. } => Blame::Infeasible,
            Self::Problem(error) => error.blame(),
        }
    }
}

impl SlotInstance {
    /// What every node of the scenario spends by an evaluation of the problem, in the scenario's numbering: 0 for devices
    /// that are absent, which the problem does not have.
    #[must_use]
    pub fn energies<'a>(
        &self,
        scenario: &Scenario,
        clusters: impl IntoIterator<Item = &'a ClusterEvaluation>,
    ) -> Vec<Joules> {
        let mut energy = Vec::with_capacity(scenario.nodes().len());
        for ((spec, present), costs) in scenario.spec().clusters.iter().zip(&self.present).zip(clusters) {
            energy.push(costs.control_unit_energy);
            let mut of_devices = vec![Joules(0.0); spec.devices.len()];
            for (&device, spent) in present.iter().zip(&costs.device_energy) {
                if let Some(of_device) = of_devices.get_mut(device) {
                    *of_device = spent.total();
                }
            }
            energy.append(&mut of_devices);
            energy.extend(spec.edge_server.compute_power_w.map(|_| costs.edge_server.energy));
        }
        energy
    }
}

impl Sampler {
    pub(super) fn new(scenario: Scenario, channels: Vec<Channel>) -> Self {
        Self { scenario, channels, slot: 0 }
    }

    /// The next slot's state; there is no last slot.
    pub fn next_slot(&mut self) -> SlotState {
        let slot = self.slot;
        self.slot = slot.saturating_add(1);
        let clusters = &self.scenario.spec().clusters;
        let present = clusters.iter().enumerate().map(|(n, cluster)| {
            let there = |&(k, device): &(usize, &super::DeviceSpec)| {
                let draw = uniform(self.scenario.spec().seed, [n as u64, k as u64, slot]);
                draw >= device.absence_probability && !device.absent_slots.contains(&slot)
            };
            cluster.devices.iter().enumerate().filter(there).map(|(k, _)| k).collect()
        });
        let gains = self.channels.iter_mut().map(|channel| channel.gains_at(slot));
        SlotState::of(self.scenario.clone(), slot, present.collect(), gains.collect())
    }
}

/// Uniform in [0, 1) from a hash: the same in any order of queries.
fn uniform(base: u64, [cluster, device, slot]: [u64; 3]) -> f64 {
    (seed::hash(base, &[ABSENCE, cluster, device, slot]) >> 11) as f64 / (1_u64 << 53) as f64
}

impl SlotState {
    /// A state whose parts fit the scenario.
    pub(super) fn of(scenario: Scenario, slot: u64, present: Vec<Vec<usize>>, gains: Vec<DMatrix<f64>>) -> Self {
        Self { scenario, slot, present, gains }
    }

    /// The same state without devices that are gone, each a cluster and its index there.
    #[must_use]
    pub fn without(mut self, gone: &[(usize, usize)]) -> Self {
        for (cluster, present) in self.present.iter_mut().enumerate() {
            present.retain(|device| !gone.contains(&(cluster, *device)));
        }
        self
    }

    /// The slot's number, from 0.
    #[must_use]
    pub fn slot(&self) -> u64 {
        self.slot
    }

    /// γ of each cluster over all of the scenario's nodes: 0 control unit, then the devices, then the edge server.
    pub fn gains(&self) -> impl Iterator<Item = Gains> {
        self.gains.iter().cloned().map(Gains)
    }

    /// For each cluster the indices of the devices that are there.
    #[must_use]
    pub fn present(&self) -> &[Vec<usize>] {
        &self.present
    }

    /// The slot's problem at `energy_price(node)`, Z in objective units per joule of the scenario's nodes.
    ///
    /// Devices that are absent are not part of it.
    ///
    /// # Errors
    /// [`SlotError`] for a cluster without any device, and for a price out of range.
    pub fn problem(&self, energy_price: impl Fn(usize) -> f64) -> Result<SlotInstance, SlotError> {
        self.problem_with_penalties(energy_price, |_| 0.0)
    }

    /// [`SlotState::problem`] with `penalty(plan)` added to the scenario's own penalty of each candidate plan, in
    /// objective units.
    ///
    /// # Errors
    /// As [`SlotState::problem`], and for a penalty out of range.
    pub fn problem_with_penalties(
        &self,
        energy_price: impl Fn(usize) -> f64,
        penalty: impl Fn(usize) -> f64,
    ) -> Result<SlotInstance, SlotError> {
        let mut spec = self.scenario.template().clone();
        for (index, plan) in spec.plans.iter_mut().enumerate() {
            plan.penalty = price(plan.penalty + penalty(index));
        }
        let mut node = 0;
        for (n, (cluster, (present, gains))) in
            spec.clusters.iter_mut().zip(self.present.iter().zip(&self.gains)).enumerate()
        {
            if present.is_empty() {
                let name = self.scenario.spec().clusters.get(n).map_or_else(String::new, |c| c.name.clone());
                return Err(SlotError::NoDevices { cluster: n, name, devices: cluster.devices.len() });
            }
            let devices = cluster.devices.len();
            cluster.control_unit.energy_price = price(energy_price(node));
            for (k, device) in cluster.devices.iter_mut().enumerate() {
                device.energy_price = price(energy_price(node + 1 + k));
            }
            node += devices + 1;
            if cluster.edge_server.compute_power_w.0 > 0.0 {
                // Besides the scenario's own price.
                cluster.edge_server.energy_price = price(cluster.edge_server.energy_price + energy_price(node));
                node += 1;
            }
            cluster.gain_to_noise_hz_per_w = Gains(gains.clone());
            self.set_rates(n, cluster);
            let kept: Vec<usize> =
                std::iter::once(0).chain(present.iter().map(|k| k + 1)).chain([devices + 1]).collect();
            keep(cluster, &kept);
        }
        let problem = SlotProblem::new(spec)?;
        Ok(SlotInstance { problem, present: self.present.clone() })
    }

    /// Gives the links of a cluster that change their rates of this slot. Where one is down nothing joins its nodes.
    fn set_rates(&self, n: usize, cluster: &mut Cluster) {
        let by_slot = self.scenario.by_slot(n);
        for of_link in by_slot {
            let rate = of_link.rate(self.slot);
            let Some(link) = cluster.fixed_links.get_mut(of_link.link) else { continue };
            link.bits_per_second = rate;
            if rate.0 == 0.0
                && let Some(gain) = cluster.gain_to_noise_hz_per_w.0.get_mut((link.from.0, link.to.0))
            {
                *gain = 0.0;
            }
        }
        if !by_slot.is_empty() {
            cluster.fixed_links.retain(|link| link.bits_per_second.0 > 0.0);
        }
    }
}

/// A cluster without the nodes that are not kept; those kept are in order.
fn keep(cluster: &mut Cluster, kept: &[usize]) {
    if kept.len() == cluster.devices.len() + 2 {
        return;
    }
    let devices = std::mem::take(&mut cluster.devices);
    let there = |node: usize| kept.binary_search(&node).ok();
    cluster.devices =
        devices.into_iter().enumerate().filter(|(k, _)| there(k + 1).is_some()).map(|(_, device)| device).collect();
    let gains = &cluster.gain_to_noise_hz_per_w.0;
    cluster.gain_to_noise_hz_per_w = Gains(gains.select_rows(kept).select_columns(kept));
    for pairs in [&mut cluster.hop_latency_s, &mut cluster.hop_overhead_s] {
        if let PerPair::Pairs(matrix) = pairs {
            *matrix = matrix.select_rows(kept).select_columns(kept);
        }
    }
    if let PerPair::Pairs(matrix) = &mut cluster.staging_s_per_byte {
        *matrix = matrix.select_rows(kept).select_columns(kept);
    }
    let links = std::mem::take(&mut cluster.fixed_links);
    let link =
        |link: FixedLink| Some(FixedLink { from: NodeId(there(link.from.0)?), to: NodeId(there(link.to.0)?), ..link });
    cluster.fixed_links = links.into_iter().filter_map(link).collect();
}

/// Prices and penalties below what a slot problem admits are as good as none.
fn price(value: f64) -> f64 {
    if value.abs() < crate::problem::MIN_MAGNITUDE { 0.0 } else { value }
}
