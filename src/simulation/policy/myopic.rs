//! Every budget kept in every slot.

use std::borrow::Cow;

use super::decided::found;
use super::sizes::caps;
use super::{Choice, Policy, SlotContext, classical_alone};
use crate::problem::DeviceId;
use crate::problem::program::{block_memory, compute_energy_per_block};
use crate::problem::{ClusterEvaluation, Decision, Evaluation, MAX_MAGNITUDE, Participation, SlotProblem, evaluate};
use crate::scenario::Scenario;
use crate::simulation::{Outage, RunError};
use crate::solver::{Settings, SettingsError, solve};
use crate::units::{Bytes, Joules};

/// Most solves of a slot, for each number of local iterations among the plans.
const SOLVES: u32 = 48;

/// Relative distance to the slot's dual bound at which the search ends.
const CLOSE: f64 = 1e-3;

/// First and longest moves of a price's logarithm.
const FIRST_MOVE: f64 = 0.7;
const LONGEST_MOVE: f64 = 3.0;

/// Range of a node's price times its budget, relative to the price of a second: seconds per budget.
const PRICES: std::ops::RangeInclusive<f64> = 1e-9..=1e9;

/// The least latency (plus the plans' penalties) such that no node spends more than its budget in this very slot.
///
/// Ignores the queues: what was saved in good slots is not spent in bad ones. Stands for schedulers with per-round
/// energy constraints, which look no further than one round.
///
/// **The search is a heuristic.** Segments are first limited to those whose computing alone fits the budgets, which
/// excludes nothing. For the rest, prices of the slot's budgets are found by dual ascent: the exact solver at the
/// prices, which then grow where too much was spent and shrink where too little was, at most 48 times; it starts from
/// the last slot's prices. The best decision found that keeps all budgets is taken, often within 0.1 % of the dual
/// bound, but there is a duality gap because sizes are integers. A slot in which none is found is an outage, and one
/// may still exist; the reason tells this from a slot in which computing alone exceeds the budgets, which is a proof.
#[derive(Debug)]
pub struct Myopic {
    settings: Settings,
    /// Seconds per budget of every node of the scenario, by cluster.
    prices: Vec<Vec<f64>>,
}

/// A node of the slot's problem with a budget.
struct Limited {
    cluster: usize,
    node: usize,
    /// Its index in the scenario's cluster, 0 the control unit.
    known_as: usize,
    budget: f64,
}

/// The best decision that keeps the budgets, by latency and penalties.
type Best = Option<(f64, Decision)>;

impl Myopic {
    /// With these settings for the exact solver, which is asked for no gap below 1e-5.
    ///
    /// # Errors
    /// [`SettingsError`] for a setting out of its range.
    pub fn new(settings: Settings) -> Result<Self, SettingsError> {
        settings.validate()?;
        Ok(Self { settings: Settings { gap: settings.gap.max(1e-5), ..settings }, prices: Vec::new() })
    }

    fn price(&self, of: &Limited) -> f64 {
        self.prices.get(of.cluster).and_then(|prices| prices.get(of.known_as)).copied().unwrap_or(0.0)
    }

    fn set_price(&mut self, of: &Limited, price: f64) {
        if self.prices.len() <= of.cluster {
            self.prices.resize(of.cluster + 1, Vec::new());
        }
        if let Some(prices) = self.prices.get_mut(of.cluster) {
            if prices.len() <= of.known_as {
                prices.resize(of.known_as + 1, 0.0);
            }
            if let Some(own) = prices.get_mut(of.known_as) {
                *own = price;
            }
        }
    }

    /// Searches among the plans with this many local iterations.
    fn search(
        &mut self,
        slot: &SlotContext<'_>,
        limited: &[Limited],
        local_iterations: u32,
        best: &mut Best,
    ) -> Result<Result<(), String>, RunError> {
        let (mut allowed, kept) = match within_budgets(slot, local_iterations)? {
            Ok(allowed) => allowed,
            Err(reason) => return Ok(Err(reason)),
        };
        let weight = slot.problem().latency_weight;
        let mut dual = f64::NEG_INFINITY;
        // What the logarithm of each price moves by next, and where it moved last.
        let mut moves = vec![(FIRST_MOVE, 0.0); limited.len()];
        for step in 0..SOLVES {
            let priced = at_prices(slot, allowed.clone(), limited, |of| weight * self.price(of) / of.budget)?;
            let mut answer = match found(solve(&priced, &self.settings))? {
                Ok(answer) => answer,
                Err(outage) if step == 0 => return Ok(Err(outage.reason)),
                // Too many blocks were taken away.
                Err(_) => break,
            };
            answer.decision.plan = kept.get(answer.decision.plan).copied().unwrap_or(usize::MAX);
            let Ok(spent) = evaluate(slot.problem(), &answer.decision) else {
                return Ok(Err("the solver's decision does not fit the slot".into()));
            };
            let shares: Vec<f64> = limited.iter().map(|of| energy(&spent, of).0 / of.budget).collect();
            let own_price = |(n, of): (usize, &ClusterEvaluation)| slot.own_server_price(n) * of.edge_server.energy.0;
            let of_servers: f64 = spent.clusters.iter().enumerate().map(own_price).sum();
            let cost = spent.terms.latency + spent.terms.plan_penalty + of_servers;
            if best.is_none() && step >= SOLVES / 2 && step % 4 == 0 {
                // No price settles where a device's computing leaves too little for sending: one block less may
                // suffice.
                allowed = with_fewer_blocks(allowed, &answer.decision, limited, &shares)?;
            }
            if shares.iter().all(|&share| share <= 1.0) && best.as_ref().is_none_or(|(least, _)| cost < *least) {
                *best = Some((cost, answer.decision));
            }
            let prices: f64 = limited.iter().map(|of| self.price(of)).sum();
            dual = f64::max(dual, answer.lower_bound - weight * prices);
            if best.as_ref().is_some_and(|(least, _)| least - dual <= CLOSE * least.abs()) {
                break;
            }
            for ((of, share), (length, last)) in limited.iter().zip(shares).zip(&mut moves) {
                // Just below the budget, so that a price may settle with the budget kept.
                let direction = (share - (1.0 - 0.5 * CLOSE)).signum();
                *length = match direction * *last {
                    same if same > 0.0 => (1.5 * *length).min(LONGEST_MOVE),
                    other if other < 0.0 => 0.5 * *length,
                    _ => *length,
                };
                *last = direction;
                let price = match self.price(of) {
                    // A price of zero would stay zero.
                    none if none <= 0.0 && direction > 0.0 => 1e-3 * spent.round_latency.0,
                    price => price * (direction * *length).exp(),
                };
                self.set_price(of, if price < *PRICES.start() { 0.0 } else { price.min(*PRICES.end()) });
            }
        }
        Ok(Ok(()))
    }
}

impl Policy for Myopic {
    fn name(&self) -> Cow<'static, str> {
        "myopic".into()
    }

    fn refuses(&self, scenario: &Scenario) -> Option<String> {
        classical_alone(scenario)
    }

    fn decide(&mut self, slot: &SlotContext<'_>) -> Result<Choice, RunError> {
        let limited = limited(slot);
        let mut iterations: Vec<u32> = slot.problem().plans.iter().map(|plan| plan.local_iterations).collect();
        iterations.sort_unstable();
        iterations.dedup();
        let (mut best, mut reasons) = (None, Vec::new());
        for local_iterations in iterations {
            match self.search(slot, &limited, local_iterations, &mut best)? {
                Ok(()) => reasons.push(format!(
                    "no decision with {local_iterations} local iterations was found that keeps all budgets in this slot; \
                     the search is a heuristic, one may exist"
                )),
                Err(reason) => reasons.push(reason),
            }
        }
        Ok(match best {
            Some((_, decision)) => Choice::Decision(decision),
            None => {
                // Prices that grew in vain are a bad start.
                self.prices.clear();
                Choice::Outage(Outage::no_round(reasons.join("; ")))
            }
        })
    }
}

/// The nodes with a budget.
fn limited(slot: &SlotContext<'_>) -> Vec<Limited> {
    let mut limited = Vec::new();
    for (cluster, present) in slot.present().iter().enumerate() {
        let server = slot.scenario_node(cluster, present.len() + 1);
        let nodes = std::iter::once(0).chain(present.iter().map(|k| k + 1)).chain(server).enumerate();
        limited.extend(nodes.filter_map(|(node, known_as)| {
            Some(Limited { cluster, node, known_as, budget: slot.budget(cluster, node)?.0 })
        }));
    }
    limited
}

/// The slot's problem with those plans alone, and memories that hold no more blocks than the budgets allow to be
/// computed; and the plans' indices in the slot. In words, where the budgets rule every decision out by computing
/// alone.
fn within_budgets(
    slot: &SlotContext<'_>,
    local_iterations: u32,
) -> Result<Result<(SlotProblem, Vec<usize>), String>, RunError> {
    let plans = slot.problem().plans.iter().enumerate();
    let (kept, plans): (Vec<usize>, Vec<_>) =
        plans.filter(|(_, plan)| plan.local_iterations == local_iterations).map(|(at, plan)| (at, *plan)).unzip();
    let Some(any) = plans.first().copied() else { return Ok(Err("no plan".into())) };
    let with = format!("with {local_iterations} local iterations");
    let mut impossible = Vec::new();
    let caps = caps(slot.problem());
    let problem = slot.changed(|problem| {
        problem.plans = plans;
        let encoder = problem.encoder.mean_block();
        for (n, (cluster, caps)) in problem.clusters.iter_mut().zip(&caps).enumerate() {
            let per_block = block_memory(&encoder, cluster);
            let mut room = 0;
            let limits = cluster.devices.iter().zip(caps).enumerate().map(|(k, (device, &cap))| {
                let energy = compute_energy_per_block(&encoder, cluster, &any, device);
                // More than any u32 saturates; so does the division by nothing.
                let affordable = slot.budget(n, k + 1).map_or(u32::MAX, |budget| (budget.0 / energy.0).floor() as u32);
                if affordable == 0 && problem.participation == Participation::All {
                    impossible.push(format!(
                        "{with}, a block's computing alone exceeds the budget of clusters[{n}].devices[{k}], which must take part"
                    ));
                }
                room += u64::from(affordable.min(cap));
                // Half a block more, so that rounding takes none away.
                (affordable < cap).then(|| Bytes((f64::from(affordable) + 0.5) * per_block))
            });
            let limits: Vec<Option<Bytes>> = limits.collect();
            if room < u64::from(encoder.blocks) {
                impossible.push(format!(
                    "{with}, the budgets of clusters[{n}] pay in one slot for computing {room} of {} blocks", encoder.blocks
                ));
            }
            for (device, limit) in cluster.devices.iter_mut().zip(limits) {
                device.memory_bytes = limit.unwrap_or(device.memory_bytes);
            }
        }
    })?;
    Ok(if impossible.is_empty() { Ok((problem, kept)) } else { Err(impossible.join("; ")) })
}

/// The problem with one block less on every device that spent more than its budget.
fn with_fewer_blocks(
    problem: SlotProblem,
    decision: &Decision,
    limited: &[Limited],
    shares: &[f64],
) -> Result<SlotProblem, RunError> {
    let mut spec = problem.into_spec();
    let least = if spec.participation == Participation::All { 1 } else { 0 };
    for of in limited.iter().zip(shares).filter(|(_, share)| **share > 1.0).map(|(of, _)| of) {
        let Some((k, cluster)) = of.node.checked_sub(1).map(DeviceId).zip(spec.clusters.get_mut(of.cluster)) else {
            continue;
        };
        let per_block = block_memory(&spec.encoder.mean_block(), cluster);
        let chosen = decision.clusters.get(of.cluster);
        let held = chosen.and_then(|own| own.active.iter().zip(&own.sizes).find(|(active, _)| **active == k));
        if let (Some((_, &held)), Some(device)) =
            (held.filter(|(_, held)| **held > least), cluster.devices.get_mut(k.0))
        {
            device.memory_bytes = Bytes((f64::from(held) - 0.5) * per_block);
        }
    }
    Ok(SlotProblem::new(spec)?)
}

/// The problem at these prices of the nodes with a budget; the others' energy is free.
fn at_prices(
    slot: &SlotContext<'_>,
    problem: SlotProblem,
    limited: &[Limited],
    price: impl Fn(&Limited) -> f64,
) -> Result<SlotProblem, RunError> {
    let mut spec = problem.into_spec();
    for (n, cluster) in spec.clusters.iter_mut().enumerate() {
        cluster.edge_server.energy_price = slot.own_server_price(n);
        cluster.control_unit.energy_price = 0.0;
        cluster.devices.iter_mut().for_each(|device| device.energy_price = 0.0);
    }
    for of in limited {
        let Some(cluster) = spec.clusters.get_mut(of.cluster) else { continue };
        let devices = cluster.devices.len();
        let own = match of.node.checked_sub(1) {
            None => Some(&mut cluster.control_unit.energy_price),
            Some(k) if k == devices => Some(&mut cluster.edge_server.energy_price),
            Some(k) => cluster.devices.get_mut(k).map(|device| &mut device.energy_price),
        };
        if let Some(own) = own {
            *own = (*own + price(of)).min(MAX_MAGNITUDE);
        }
    }
    Ok(SlotProblem::new(spec)?)
}

fn energy(spent: &Evaluation, of: &Limited) -> Joules {
    let Some(cluster) = spent.clusters.get(of.cluster) else { return Joules(0.0) };
    match of.node.checked_sub(1) {
        None => cluster.control_unit_energy,
        Some(k) if k == cluster.device_energy.len() => cluster.edge_server.energy,
        Some(k) => cluster.device_energy.get(k).map_or(Joules(0.0), |energy| energy.total()),
    }
}
