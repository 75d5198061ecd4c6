//! The least latency that any decisions could have had: a bound by prices that do not move.

use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::point::SweepPoint;
use crate::lyapunov::PlanViolations;
use crate::scenario::{Scenario, SlotError, SlotState};
use crate::simulation::RunError;
use crate::solver::{Settings, SolveError, solve};
use crate::units::Seconds;

/// Called with the number of slots that have just been finished, from any thread.
pub type Progress<'a> = dyn Fn(u64) + Sync + 'a;

/// A budget counts as used up from this share on.
const BINDING: f64 = 0.99;
/// Slots solved between two looks at the stop flag.
const CHUNK: u64 = 64;

/// A lower bound on latency by weak duality, over the second half of the slots.
///
/// At multipliers μ ≥ 0, in seconds per unit of a scaled constraint, every round t solves min T + Σ μ_k (E_k/Ē_k − 1) +
/// μ_H g/G, of whose lower bounds the mean is D. Whatever was decided in these rounds,
///
/// ```text
/// mean T + Σ μ_k (mean E_k/Ē_k − 1) + μ_H mean g/G  ≥  D,
/// ```
///
/// and decisions that keep the constraints over them have mean T ≥ D. A point's *excess* is left minus right side: its
/// latency above the bound, overspending charged at μ. Any μ ≥ 0 makes a valid bound; these are the mean queues over
/// V, 0 for budgets that are not used up, of that run among the four with the largest V whose bound is greatest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Reference {
    /// Fingerprint of the point that the multipliers are from.
    pub fingerprint: String,
    /// V of that point.
    pub multipliers_from: f64,
    /// μ_k of every node, in seconds per budget; 0 for nodes without a budget.
    pub multipliers: Vec<f64>,
    /// μ_H, in seconds per G; 0 without a convergence constraint.
    pub convergence_multiplier: f64,
    /// First slot.
    pub from_slot: u64,
    /// Slots without a decision, left out.
    pub outage_slots: Vec<u64>,
    /// D; none where no slot had a decision.
    pub bound_s: Option<Seconds>,
}

impl Reference {
    /// Latency above the bound, overspending charged at the multipliers, in seconds; at least 0 but for the solver's
    /// tolerance. None where bound and point are not about the same rounds.
    #[must_use]
    pub fn excess(&self, point: &SweepPoint) -> Option<Seconds> {
        let part = &point.second_half;
        if part.from_slot != self.from_slot || part.outage_slots != self.outage_slots {
            return None;
        }
        let priced = self.multipliers.iter().zip(&part.mean_spending).map(|(price, spending)| price * (spending - 1.0));
        let charged = priced.sum::<f64>() + self.convergence_multiplier * part.mean_violation;
        Some(Seconds(part.mean_latency_s?.0 + charged - self.bound_s?.0))
    }

    /// The bound at the mean queues of `point`, a run of `scenario`; `None` where it was stopped.
    pub(super) fn solve(
        scenario: &Scenario,
        settings: &Settings,
        point: &SweepPoint,
        stop: &AtomicBool,
        progress: &Progress,
    ) -> Result<Option<Self>, RunError> {
        let weight = scenario.spec().latency_weight;
        let part = &point.second_half;
        // Complementary slackness: a budget that is not used up has the price 0, although its queue is not always
        // empty.
        let multiplier = |(queue, spending): (&f64, &f64)| if *spending >= BINDING { queue / weight } else { 0.0 };
        let multipliers: Vec<f64> = part.mean_queues.iter().zip(&part.mean_spending).map(multiplier).collect();
        let convergence_multiplier = part.mean_convergence_queue / weight;
        let convergence = scenario.convergence().map(|of| PlanViolations::new(of, scenario.plans())).transpose()?;
        // g/G of every plan.
        let violations = convergence.map_or_else(Vec::new, |of| of.penalties(1.0));
        // The objective is V times the Lagrangian; the scenario's own penalties are taken out again.
        let penalty = |plan: usize| {
            let violation = violations.get(plan).copied().unwrap_or(0.0);
            let own = scenario.plans().get(plan).map_or(0.0, |plan| plan.penalty);
            weight * convergence_multiplier * violation - own
        };
        let budgets = scenario.budgets();
        let energy_price = |node: usize| match (multipliers.get(node), budgets.get(node).copied().flatten()) {
            (Some(multiplier), Some(budget)) => weight * multiplier / budget.0,
            _ => 0.0,
        };
        let bound = |state: &SlotState| -> Result<Option<f64>, RunError> {
            let instance = match state.problem_with_penalties(energy_price, penalty) {
                Ok(instance) => instance,
                Err(SlotError::NoDevices { .. }) => return Ok(None),
                Err(SlotError::Problem(error)) => return Err(error.into()),
            };
            match solve(&instance.problem, settings) {
                Ok(solution) => Ok(solution.certified().map(|best| best.lower_bound / weight)),
                Err(SolveError::Numerical) => Ok(None),
                Err(error) => Err(error.into()),
            }
        };
        let mut sampler = scenario.sampler();
        (0..part.from_slot).for_each(|_| drop(sampler.next_slot()));
        let (mut sum, mut planned, mut outage_slots) = (0.0, 0u64, Vec::new());
        let mut slot = part.from_slot;
        while slot < point.slots {
            if stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            let states: Vec<SlotState> = (slot..point.slots.min(slot + CHUNK)).map(|_| sampler.next_slot()).collect();
            let bounds: Vec<_> = states.par_iter().map(bound).collect();
            for (state, bound) in states.iter().zip(bounds) {
                match bound? {
                    Some(bound) => {
                        sum += bound;
                        planned += 1;
                    }
                    None => outage_slots.push(state.slot()),
                }
            }
            slot += states.len() as u64;
            progress(states.len() as u64);
        }
        // The constant −Σ μ_k of the Lagrangian; nodes without a budget have μ = 0.
        let offset: f64 = multipliers.iter().sum();
        Ok(Some(Self {
            fingerprint: point.fingerprint.clone(),
            multipliers_from: weight,
            multipliers,
            convergence_multiplier,
            from_slot: part.from_slot,
            outage_slots,
            bound_s: (planned > 0).then(|| Seconds(sum / planned as f64 - offset)),
        }))
    }
}
