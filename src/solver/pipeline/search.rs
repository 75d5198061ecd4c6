//! One cluster over plans, numbers of devices, devices, cuts and radio together: branch and bound with prices.
//!
//! A node is a plan, a number of active devices, and windows of choices. Its bound comes from the dual over all its
//! choices: prices at which the cheapest choice is as dear as can be. They are found by the interior-point method on the
//! choices met so far, then the cheapest choice of the region at those prices joins them, until none is new. A node whose
//! bound leaves a gap holds several choices that share the weight; it is cut in two between them.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap};

use super::block::{Block, Prices, Upload};
use super::cheapest::{Bounded, Cheapest};
use super::choice::{Choice, Column};
use super::instance::Instance;
use super::paths::Pool;
use super::radio::{Allocation, Ending, Target, optimize};
use super::rough::rough;
use super::split::among;
use super::tables::{Links, Tables};
use super::windows::{Split, Windows};
use crate::schedule::Sending;
use crate::solver::meter::Meter;

/// A plan of one cluster with its penalty.
#[derive(Debug)]
pub(crate) struct Planned {
    pub instance: Instance,
    pub penalty: f64,
}

/// The best decision of one cluster and what is proved.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub plan: usize,
    pub choice: Choice,
    pub allocation: Allocation,
    pub prices: Prices,
    /// With the plan's penalty.
    pub objective: f64,
    /// Transfers and upload are as fast as can be, as if energy had no price.
    pub quickest: bool,
}

/// What a search returns.
#[derive(Clone, Debug)]
pub(crate) struct Searched {
    pub best: Option<Found>,
    /// No choice costs less (with penalties).
    pub lower_bound: f64,
    /// The same before it is compared with the best: where nothing was forgotten no choice is below it either.
    #[cfg_attr(not(test), allow(dead_code, reason = "a bound that is too high hides behind the best decision"))]
    pub proved: f64,
    pub nodes: u64,
    pub iterations: u64,
}

/// What a search is asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub target: Target,
    /// Relative tolerance.
    pub tolerance: f64,
    /// A decision this cheap is enough: the search ends when it has one.
    pub enough: f64,
    /// Of interest is what costs less; infinite where nothing is known.
    pub below: f64,
}

/// A pipeline shape: plan and number of active devices.
#[derive(Debug)]
struct Shape {
    plan: usize,
    pool: usize,
}

#[derive(Debug)]
struct Node {
    shape: usize,
    bound: f64,
    windows: Windows,
    choices: Vec<Choice>,
    prices: Option<Prices>,
    /// Where the bound is that of a pipeline that comes to a device again.
    again: Option<(usize, usize)>,
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl Eq for Node {}
impl PartialOrd for Node {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Node {
    // The least bound is the greatest node.
    fn cmp(&self, other: &Self) -> Ordering {
        other.bound.total_cmp(&self.bound).then_with(|| other.shape.cmp(&self.shape))
    }
}

/// Pools by (schedule, sending, stages, micro-batches): plans share them.
#[derive(Debug, Default)]
pub(crate) struct Pools {
    keys: HashMap<(super::ScheduleKind, Sending, usize, u32), usize>,
    pub pools: Vec<Pool>,
}

impl Pools {
    /// The pool of an instance's pipelines of so many devices; `None` for a schedule with more events than can be played.
    pub fn of(&mut self, instance: &Instance, positions: usize) -> Option<usize> {
        let stages = instance.stages(positions);
        let key = (instance.kind, instance.sending, stages, instance.micro_batches);
        if let Some(&known) = self.keys.get(&key) {
            return Some(known);
        }
        self.pools.push(Pool::new(instance.kind, instance.sending, stages, instance.micro_batches)?);
        self.keys.insert(key, self.pools.len() - 1);
        Some(self.pools.len() - 1)
    }
}

/// Buffers and state of a search.
#[derive(Debug)]
pub(crate) struct Search<'a> {
    pub(super) plans: &'a [Planned],
    pub(super) asked: Asked,
    shapes: Vec<Shape>,
    pools: &'a mut Pools,
    tables: Tables,
    cheapest: Cheapest,
    pub(super) best: Option<Found>,
    /// Choices whose radio has been solved: proved not to beat the bar of that time, or with their cost.
    seen: HashMap<(usize, Choice), f64>,
    heap: BinaryHeap<Node>,
    /// Least bound of what was closed.
    closed: f64,
    nodes: u64,
    iterations: u64,
    /// Operations, as the meter counts them.
    spent: u64,
    meter: &'a mut Meter,
}

/// Most rounds of a node, and of a root.
const ROUNDS: usize = 12;
/// Operations of one search, where nothing else limits it.
const MOST_OPERATIONS: u64 = 5_000_000_000;
/// How accurately the dual over known choices is maximized, relative to the gap that is open, and at the least: coarse
/// prices bring new choices, and a coarse tolerance does not make the dual coarser than that.
const SHARE: f64 = 0.3;
const COARSEST: f64 = 0.03;
/// Of the gap that is open: where a round has closed less, cutting the region in two closes more.
const WORTH_A_ROUND: f64 = 0.1;
/// Relative to the bar: from here on links are priced exactly.
const NEAR: f64 = 0.005;

/// A part of the search space: a plan with windows of a number of devices.
#[derive(Clone, Debug)]
pub(crate) struct Root {
    pub plan: usize,
    pub windows: Windows,
}

impl Root {
    /// Everything.
    pub fn all(plans: &[Planned]) -> Vec<Self> {
        let mut roots = Vec::new();
        for (plan, Planned { instance, .. }) in plans.iter().enumerate() {
            let most = instance.devices.min(instance.blocks);
            let least = if instance.all { instance.devices } else { 1 };
            roots.extend((least..=most).map(|positions| Self { plan, windows: Windows::all(instance, positions) }));
        }
        roots
    }
}

impl<'a> Search<'a> {
    /// A search that begins with a decision that is known to be feasible.
    pub fn new(
        plans: &'a [Planned],
        asked: Asked,
        start: Option<Found>,
        pools: &'a mut Pools,
        meter: &'a mut Meter,
    ) -> Self {
        Self {
            plans,
            asked,
            shapes: Vec::new(),
            pools,
            tables: Tables::default(),
            cheapest: Cheapest::default(),
            best: start,
            seen: HashMap::new(),
            heap: BinaryHeap::new(),
            closed: f64::INFINITY,
            nodes: 0,
            iterations: 0,
            spent: 0,
            meter,
        }
    }

    /// Searches these parts.
    pub fn over(mut self, roots: &[Root]) -> Searched {
        self.plant(roots);
        self.run()
    }
}

impl Search<'_> {
    fn spend(&mut self, operations: u64) {
        self.spent = self.spent.saturating_add(operations);
        self.meter.spend(operations);
    }

    /// Whether the search has to end: for the meter, or for its own limit where there is no other.
    fn ended(&mut self) -> bool {
        if self.spent > MOST_OPERATIONS && self.meter.is_unlimited() {
            self.meter.cut();
            return true;
        }
        self.meter.ended()
    }

    /// What a bound must reach to be closed.
    fn bar(&self) -> f64 {
        let below = self.asked.below;
        let known = if below.is_finite() { below - self.asked.tolerance * below.abs() } else { below };
        let Some(best) = &self.best else { return known };
        let penalty = self.plans[best.plan].penalty;
        let scale = best.objective.abs().max(0.05 * ((best.objective - penalty).abs() + penalty.abs()));
        known.min(best.objective - self.asked.tolerance * scale)
    }

    fn plant(&mut self, roots: &[Root]) {
        for Root { plan, windows } in roots {
            let (plan, positions) = (*plan, windows.positions);
            let Some(pool) = self.pools.of(&self.plans[plan].instance, positions) else {
                self.closed = self.closed.min(self.plans[plan].penalty);
                continue;
            };
            let shape = self.shapes.len();
            self.shapes.push(Shape { plan, pool });
            if !self.heap.is_empty() && self.ended() {
                // What there is no time to look at costs its penalty at the least.
                self.closed = self.closed.min(self.plans[plan].penalty);
                continue;
            }
            let positions = windows.positions;
            let (instance, weight) = (&self.plans[plan].instance, self.asked.target.weight);
            let prices = rough(instance, &mut self.pools.pools[pool], positions, weight);
            let priced = self.price(shape, windows, &prices, Links::Chords);
            let Some(Bounded { bound, choice, again }) = priced else { continue };
            // Nothing costs less than nothing but the penalty.
            let bound = bound.max(self.plans[plan].penalty);
            // Without a choice there is nothing that better prices could be taken from.
            let prices = choice.is_none().then_some(prices);
            let choices = choice.into_iter().collect();
            self.heap.push(Node { shape, bound, windows: windows.clone(), choices, prices, again });
        }
    }

    /// The radio of a choice found elsewhere, at this search's target.
    pub(super) fn radio_of(&mut self, found: &Found) -> Option<Found> {
        let instance = &self.plans[found.plan].instance;
        let positions = found.choice.devices.len();
        let pool = self.pools.of(instance, positions)?;
        self.shapes.push(Shape { plan: found.plan, pool });
        self.try_choice(self.shapes.len() - 1, &found.choice, None);
        self.best.take()
    }

    /// A decision that was found without prices of energy, with what it costs.
    pub(super) fn full_power(&mut self, found: &Found, bare: &[Planned]) -> Option<Found> {
        let shape = self.shapes.len() - 1;
        let column = self.column(shape, &found.choice)?;
        let Planned { instance, penalty } = &self.plans[found.plan];
        let spent = found.allocation.energy(instance, &bare[found.plan].instance, &column);
        let objective = self.asked.target.weight * found.allocation.latency + spent;
        let allocation = Allocation { objective, ..found.allocation.clone() };
        Some(Found { objective: objective + penalty, allocation, quickest: true, ..found.clone() })
    }

    /// Bound of a region at prices (with the penalty), and its cheapest choice.
    fn price(&mut self, shape: usize, windows: &Windows, prices: &Prices, links: Links) -> Option<Bounded> {
        let Shape { plan, pool } = self.shapes[shape];
        let Planned { instance, penalty } = &self.plans[plan];
        let upload = match self.asked.target.upload {
            Upload::Elsewhere => 0.0,
            _ => {
                let (upload, message) = instance.send_upload(prices.price, None);
                upload.value + prices.price * message
            }
        };
        self.tables.fill(instance, &self.pools.pools[pool], windows, (prices, upload), links);
        let target = self.asked.target;
        let due = target.deadline.map_or(0.0, |deadline| (prices.price - target.weight) * deadline);
        let enough = self.bar() - penalty + due;
        let found = self.cheapest.find(instance, &self.tables, windows, enough);
        self.spend(self.cheapest.work);
        found.map(|found| Bounded { bound: found.bound + penalty - due, ..found })
    }

    /// Bound of a node's region, and a choice that its dual does not know yet: chords do for that, but not for the last word.
    fn price_new(&mut self, node: &Node, prices: &Prices) -> Option<Bounded> {
        let bar = self.bar();
        if bar.is_finite() {
            let found = self.price(node.shape, &node.windows, prices, Links::Chords)?;
            let new = found.choice.as_ref().is_some_and(|choice| !node.choices.contains(choice));
            if found.bound >= bar || (new && bar - found.bound > NEAR * bar.abs()) {
                return Some(found);
            }
        }
        self.price(node.shape, &node.windows, prices, Links::Exact)
    }

    fn column(&self, shape: usize, choice: &Choice) -> Option<Column> {
        let Shape { plan, pool } = self.shapes[shape];
        Column::new(&self.plans[plan].instance, self.pools.pools[pool].layout, choice)
    }

    /// Solves a choice's radio unless that is known; a better decision is kept. Returns its best prices if it was solved.
    fn try_choice(&mut self, shape: usize, choice: &Choice, start: Option<&Prices>) -> Option<Prices> {
        let Shape { plan, pool } = self.shapes[shape];
        if self.seen.contains_key(&(plan, choice.clone())) {
            return None;
        }
        let column = self.column(shape, choice)?;
        let Planned { instance, penalty } = &self.plans[plan];
        let ending = Ending { cutoff: self.bar() - penalty, accuracy: 0.05 * self.asked.tolerance, polish: 0 };
        let mut block = Block::new(instance, vec![column], self.asked.target.upload);
        let outcome = optimize(&mut block, &mut self.pools.pools[pool], self.asked.target, start, ending);
        self.iterations += u64::from(outcome.iterations);
        self.spend(u64::from(outcome.iterations) * 200 * (block.columns[0].hops.len() as u64 + 10));
        self.seen.insert((plan, choice.clone()), outcome.bound + penalty);
        if let Some(allocation) = outcome.best {
            let objective = allocation.objective + penalty;
            if self.best.as_ref().is_none_or(|best| objective < best.objective) {
                let prices = outcome.prices.clone();
                self.best =
                    Some(Found { plan, choice: choice.clone(), allocation, prices, objective, quickest: false });
            }
        }
        Some(outcome.prices)
    }

    fn run(mut self) -> Searched {
        let mut open = f64::INFINITY;
        while let Some(node) = self.heap.pop() {
            if node.bound >= self.bar() {
                // So is every other.
                open = node.bound;
                break;
            }
            if self.ended() && self.bar() == f64::INFINITY {
                // Any decision is better than none.
                node.choices.iter().for_each(|choice| {
                    self.try_choice(node.shape, choice, node.prices.as_ref());
                });
            }
            if self.ended() || self.best.as_ref().is_some_and(|best| best.objective <= self.asked.enough) {
                open = node.bound;
                break;
            }
            self.nodes += 1;
            self.explore(node);
        }
        let proved = open.min(self.closed);
        let found = self.best.as_ref().map_or(self.asked.below, |best| best.objective.min(self.asked.below));
        let lower_bound = proved.min(found);
        Searched { best: self.best, lower_bound, proved, nodes: self.nodes, iterations: self.iterations }
    }

    fn explore(&mut self, mut node: Node) {
        let Shape { plan, pool } = self.shapes[node.shape];
        let penalty = self.plans[plan].penalty;
        let mut alpha = vec![1.0; node.choices.len()];
        if node.prices.is_none() {
            let first = node.choices.first().cloned();
            node.prices = first.and_then(|choice| self.try_choice(node.shape, &choice, None));
        }
        for round in 0..ROUNDS {
            if self.ended() {
                break;
            }
            // The dual over the choices known.
            let columns: Vec<Column> = node.choices.iter().filter_map(|c| self.column(node.shape, c)).collect();
            if columns.len() < node.choices.len() {
                break;
            }
            let bar = self.bar();
            let gap = if bar.is_finite() { (bar - node.bound) / bar.abs().max(1e-300) } else { 1.0 };
            let accuracy = (SHARE * gap).max(0.02 * self.asked.tolerance).min(COARSEST);
            let solved = round == 0 && node.choices.len() == 1 && node.prices.is_some() && self.nodes == 0;
            if !solved && !columns.is_empty() {
                let instance = &self.plans[plan].instance;
                let mut block = Block::new(instance, columns, self.asked.target.upload);
                // Where the choices known cost that much more than the bar, the region has others, or is done.
                let cutoff = if bar.is_finite() { bar - penalty + 0.05 * bar.abs() } else { f64::INFINITY };
                let ending = Ending { cutoff, accuracy, polish: 0 };
                let start = node.prices.as_ref();
                let outcome = optimize(&mut block, &mut self.pools.pools[pool], self.asked.target, start, ending);
                self.iterations += u64::from(outcome.iterations);
                let hops: usize = block.columns.iter().map(|c| c.hops.len()).sum();
                self.spend(u64::from(outcome.iterations) * 200 * (hops as u64 + 10));
                alpha = outcome.alpha;
                node.prices = Some(outcome.prices);
            }
            let Some(prices) = node.prices.clone() else { break };
            let Some(found) = self.price_new(&node, &prices) else { return };
            let before = node.bound;
            node.bound = node.bound.max(found.bound);
            node.again = found.again;
            let bar = self.bar();
            if node.bound >= bar {
                self.closed = self.closed.min(node.bound);
                return;
            }
            if bar.is_finite() {
                let instance = &self.plans[plan].instance;
                let target = self.asked.target;
                let due = target.deadline.map_or(0.0, |deadline| (prices.price - target.weight) * deadline);
                self.cheapest.prune(instance, &self.tables, &mut node.windows, bar - penalty + due);
                self.closed = self.closed.min(bar);
            }
            let Some(choice) = found.choice else { break };
            if node.choices.contains(&choice) {
                if node.again.is_some()
                    || accuracy <= 1e-9
                    || accuracy <= 1.001 * SHARE * (bar - node.bound) / bar.abs().max(1e-300)
                {
                    break;
                }
                continue;
            }
            self.try_choice(node.shape, &choice, Some(&prices));
            node.choices.push(choice);
            alpha.push(0.0);
            let slow = round > 0 && node.bound - before < WORTH_A_ROUND * (bar - node.bound);
            if bar.is_finite() && slow && node.again.is_none() {
                break;
            }
        }
        self.split(node, &alpha);
    }

    /// Cuts a node in two between the choices that share its weight.
    fn split(&mut self, node: Node, alpha: &[f64]) {
        let Shape { plan, .. } = self.shapes[node.shape];
        let instance = &self.plans[plan].instance;
        let sharing: Vec<(&Choice, f64)> =
            node.choices.iter().zip(alpha).filter(|(_, a)| **a > 1e-6).map(|(c, a)| (c, *a)).collect();
        let split = match node.again {
            Some((position, device)) => Some(Split::Device { position, device }),
            None => among(instance, &node.windows, &sharing, &self.tables.stage_weights),
        };
        let Some(split) = split else {
            // A single choice is left, and its radio has been solved, or bounded well enough. Others that the windows held before
            // they were pruned say nothing about it.
            let left = node.choices.iter().filter(|choice| node.windows.holds(choice));
            let known = left.filter_map(|choice| self.seen.get(&(plan, choice.clone())));
            self.closed = self.closed.min(known.fold(node.bound, |most, &bound| most.max(bound)));
            return;
        };
        for lower in [true, false] {
            let windows = node.windows.side(instance, split, lower);
            let mut choices: Vec<(f64, Choice)> = (node.choices.iter().zip(alpha))
                .filter(|(choice, _)| windows.holds(choice))
                .map(|(choice, &alpha)| (alpha, choice.clone()))
                .collect();
            choices.sort_by(|a, b| b.0.total_cmp(&a.0));
            choices.truncate(6);
            let mut choices: Vec<Choice> = choices.into_iter().map(|(_, choice)| choice).collect();
            let (mut bound, mut again) = (node.bound, node.again);
            if let Some(prices) = &node.prices {
                let Some(found) = self.price(node.shape, &windows, prices, Links::Chords) else { continue };
                bound = bound.max(found.bound);
                again = found.again;
                if bound >= self.bar() {
                    self.closed = self.closed.min(bound);
                    continue;
                }
                if let Some(choice) = found.choice.filter(|choice| !choices.contains(choice)) {
                    self.try_choice(node.shape, &choice, node.prices.as_ref());
                    choices.push(choice);
                }
            }
            self.heap.push(Node { shape: node.shape, bound, windows, choices, prices: node.prices.clone(), again });
        }
    }
}
