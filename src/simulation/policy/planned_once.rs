//! A plan that is fixed at the start.

use std::borrow::Cow;

use super::decided::{Found, choice, found};
use super::{Choice, Policy, SlotContext, classical_alone};
use crate::problem::DeviceId;
use crate::problem::{ClusterDecision, Decision, evaluate};
use crate::scenario::Scenario;
use crate::simulation::rounds::FEASIBLE;
use crate::simulation::{Outage, PILOT_SLOTS, Pilot, RunError};
use crate::solver::backend::RadioFor;
use crate::solver::{Settings, SettingsError, solve, solve_radio};

/// What may change after the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kept {
    /// Plan, devices, segments, bandwidths and powers are kept.
    All,
    /// Plan, devices and segments are kept; bandwidths and powers are optimal for every slot.
    Segments,
}

/// Decides in the first slot that admits a round, and keeps to it.
///
/// The decision is the exact optimum of that slot at the average prices of a pilot run, so that it knows the price of a
/// joule in the long run: the exact policy on up to [`PILOT_SLOTS`](crate::simulation::PILOT_SLOTS) states that follow
/// those of the run. A slot in which a device of the plan is absent, or a link of it is broken, is an outage. Ignores
/// what changes after the start, all of it or ([`Kept::Segments`]) all but the radio's share. Stands for planners that
/// profile once and deploy.
#[derive(Debug)]
pub struct PlannedOnce {
    kept: Kept,
    settings: Settings,
    /// For each cluster the price of a joule of its nodes, once it is known.
    prices: Option<Vec<Vec<f64>>>,
    start: Option<Start>,
}

/// The decision, and for each cluster its devices in the scenario's numbers.
#[derive(Debug)]
struct Start {
    decision: Decision,
    devices: Vec<Vec<usize>>,
}

impl PlannedOnce {
    /// Keeping this, with these settings for the exact solver.
    ///
    /// # Errors
    /// [`SettingsError`] for a setting out of its range.
    pub fn new(kept: Kept, settings: Settings) -> Result<Self, SettingsError> {
        settings.validate()?;
        Ok(Self { kept, settings, prices: None, start: None })
    }

    /// The decision to start with, or why there is no such decision.
    fn begin(&mut self, slot: &SlotContext<'_>) -> Result<Found, RunError> {
        let prices = match &mut self.prices {
            Some(prices) => prices,
            none => none.insert(pilot_prices(slot.scenario(), self.settings)?),
        };
        let price = |cluster: usize, node: usize| {
            let node = slot.scenario_node(cluster, node);
            // Every node has a price; an invalid one is refused by name.
            node.and_then(|node| prices.get(cluster)?.get(node).copied()).unwrap_or(f64::NAN)
        };
        found(solve(&slot.with_energy_prices(price)?, &self.settings))
    }
}

impl Policy for PlannedOnce {
    fn name(&self) -> Cow<'static, str> {
        match self.kept {
            Kept::All => "fixed-plan".into(),
            Kept::Segments => "fixed-segments".into(),
        }
    }

    fn refuses(&self, scenario: &Scenario) -> Option<String> {
        // The radio for given segments.
        classical_alone(scenario).filter(|_| self.kept == Kept::Segments)
    }

    fn remembers(&self) -> bool {
        true
    }

    fn decide(&mut self, slot: &SlotContext<'_>) -> Result<Choice, RunError> {
        let start = match &self.start {
            Some(start) => start,
            None => match self.begin(slot)? {
                Ok(best) => self.start.insert(Start::of(slot, best.decision)),
                Err(outage) => return Ok(Choice::Outage(outage)),
            },
        };
        let decision = match start.among(slot) {
            Ok(decision) => decision,
            Err(reason) => return Ok(Choice::Outage(Outage::no_round(reason))),
        };
        match self.kept {
            Kept::Segments => {
                Ok(choice(found(solve_radio(slot.problem(), &RadioFor::decision(&decision), &self.settings))?))
            }
            Kept::All => Ok(match evaluate(slot.problem(), &decision) {
                Ok(evaluation) if evaluation.feasibility.is_feasible(FEASIBLE) => Choice::Decision(decision),
                Ok(evaluation) => Choice::Outage(Outage::no_round(evaluation.feasibility.to_string())),
                Err(error) => Choice::Outage(Outage::no_round(error.to_string())),
            }),
        }
    }
}

impl Start {
    fn of(slot: &SlotContext<'_>, decision: Decision) -> Self {
        let of_cluster = |(cluster, present): (&ClusterDecision, &Vec<usize>)| {
            cluster.active.iter().filter_map(|k| present.get(k.0).copied()).collect()
        };
        let devices = decision.clusters.iter().zip(slot.present()).map(of_cluster).collect();
        Self { decision, devices }
    }

    /// The decision with its devices numbered as in this slot, or which device is missing.
    fn among(&self, slot: &SlotContext<'_>) -> Result<Decision, String> {
        let mut decision = self.decision.clone();
        let kept = decision.clusters.iter_mut().zip(&self.devices);
        let of_slot = slot.present().iter().zip(&slot.scenario().spec().clusters);
        for ((cluster, devices), (present, spec)) in kept.zip(of_slot) {
            cluster.active = devices
                .iter()
                .map(|device| {
                    let name = || spec.devices.get(*device).map_or("?", |device| device.name.as_str());
                    let place = present.iter().position(|there| there == device);
                    place
                        .map(DeviceId)
                        .ok_or_else(|| format!("{}/{}, which the plan needs, is absent", spec.name, name()))
                })
                .collect::<Result<_, _>>()?;
        }
        Ok(decision)
    }
}

/// For each cluster the price of a joule of its nodes, in a pilot run's average.
fn pilot_prices(scenario: &Scenario, settings: Settings) -> Result<Vec<Vec<f64>>, RunError> {
    let record = Pilot::play(scenario, settings, PILOT_SLOTS)?;
    let form = record.standard_form()?;
    let queues: Vec<f64> =
        record.history_in(&form)?.mean_prices().iter().map(|mu| form.latency_weight() * mu).collect();
    let costs = form.costs(&queues).map_err(|source| RunError::Queues { slot: 0, source })?;
    let mut prices = vec![Vec::new(); record.clusters.len()];
    for (node, price) in record.nodes.iter().zip(costs.energy_prices) {
        if let Some(cluster) = prices.get_mut(node.cluster) {
            cluster.push(price);
        }
    }
    Ok(prices)
}
