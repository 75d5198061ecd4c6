//! Segment sizes: a linear cost, one convex function of the slowest forward stage, one of the slowest backward stage.
//!
//! ```text
//! minimize  Σ_k c_k d_k + Φ_F(v_F) + Φ_B(v_B)
//! subject to  Σ_k d_k = L,  lo_k ≤ d_k ≤ hi_k,  v ≥ o_k + d_k τ_k on every device that takes part
//! ```
//!
//! For given caps on (v_F, v_B) the sizes are filled by increasing cost, exactly. The search runs over rectangles of
//! (v_F, v_B): cost at the upper corner plus Φ at the lower one bounds a rectangle from below. Φ is known through
//! minorants only; a phase is solved when a size vector looks better than the best one, and its minorant then prunes
//! the neighbourhood. The search is exact: what is pruned costs at least the best value less the tolerance.

use crate::ground::phase::{PerPhase, Phase};
use crate::solver::hop::curve::Curve;
use crate::solver::hop::phase::{PhaseRadio, Scratch};
use crate::solver::meter::Meter;

/// A device that takes part, as far as its segment's size matters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stage {
    /// o: time per micro-batch that does not depend on the size [s].
    pub overhead: f64,
    /// Time per micro-batch and block [s].
    pub per_block: PerPhase<f64>,
    /// Cost of one block, all that is linear in the size.
    pub cost: f64,
    /// Fewest and most blocks.
    pub low: u32,
    pub high: u32,
}

impl Stage {
    /// Stage time of so many blocks [s].
    #[inline]
    pub fn time(&self, phase: Phase, size: u32) -> f64 {
        self.overhead + f64::from(size) * self.per_block[phase]
    }

    /// The most blocks, up to `most`, whose stage times stay within the paces.
    #[inline]
    pub fn blocks_within(&self, paces: PerPhase<f64>, most: u32) -> u32 {
        let most = blocks_within(paces.forward, self.overhead, self.per_block.forward, most);
        blocks_within(paces.backward, self.overhead, self.per_block.backward, most)
    }
}

/// The most blocks whose stage time stays within the pace.
#[inline]
pub(crate) fn blocks_within(pace: f64, overhead: f64, per_block: f64, most: u32) -> u32 {
    if overhead + f64::from(most) * per_block <= pace {
        return most;
    }
    // The quotient is right up to rounding: settle the last block by the comparison that the stage time is judged by.
    let mut blocks = ((pace - overhead) / per_block).clamp(0.0, f64::from(most)) as u32;
    if blocks < most && overhead + f64::from(blocks + 1) * per_block <= pace {
        blocks += 1;
    } else if blocks > 0 && overhead + f64::from(blocks) * per_block > pace {
        blocks -= 1;
    }
    blocks
}

/// One phase with what is known of it.
pub(crate) struct PhaseSearch<'a> {
    pub radio: &'a PhaseRadio,
    pub curve: &'a mut Curve,
    /// The end stage's time: no pace is below it [s].
    pub base: f64,
}

/// A rectangle of paces.
#[derive(Clone, Copy, Debug)]
struct Rectangle {
    low: PerPhase<f64>,
    high: PerPhase<f64>,
}

/// Paces and value of the best sizes, which are left in [`Buffers::best`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct BestSizes {
    pub paces: PerPhase<f64>,
    pub value: f64,
}

/// Buffers that outlive a search.
#[derive(Clone, Debug, Default)]
pub(crate) struct Buffers {
    order: Vec<u32>,
    sizes: Vec<u32>,
    /// The sizes that a search has found.
    pub best: Vec<u32>,
    stack: Vec<(f64, Rectangle)>,
    pub scratch: Scratch,
    pub nodes: u64,
    pub meter: Meter,
    /// What the last search left open, where it had to end: no sizes cost less unless they cost less than the bar.
    pub open: f64,
}

impl Buffers {
    /// Counts the work of radio phases of so many hops, each at some prices, since `before` evaluations.
    pub fn spend_radio(&mut self, hops: usize, before: u64) {
        self.meter.spend(radio_work(hops, self.scratch.evaluations - before));
    }
}

/// Operations that evaluations of a radio phase take, roughly.
pub(crate) fn radio_work(hops: usize, evaluations: u64) -> u64 {
    /// One hop at given prices.
    const PER_HOP: u64 = 200;
    PER_HOP * hops as u64 * evaluations
}

/// What sizes filled under caps amount to.
#[derive(Clone, Copy, Debug)]
struct Filled {
    cost: f64,
    paces: PerPhase<f64>,
}

/// Fills by increasing cost under caps on the paces; `None` where L blocks do not fit.
fn fill(
    stages: &[Stage],
    blocks: u32,
    caps: PerPhase<f64>,
    bases: PerPhase<f64>,
    order: &[u32],
    sizes: &mut [u32],
) -> Option<Filled> {
    let mut left = blocks;
    let mut cost = 0.0;
    for (stage, size) in stages.iter().zip(sizes.iter_mut()) {
        *size = stage.low;
        left = left.checked_sub(stage.low)?;
    }
    let mut paces = bases;
    for &k in order {
        let (stage, size) = (&stages[k as usize], &mut sizes[k as usize]);
        let more = stage.blocks_within(caps, stage.high).checked_sub(stage.low)?.min(left);
        *size += more;
        left -= more;
        cost += stage.cost * f64::from(*size);
        paces.forward = paces.forward.max(stage.time(Phase::Forward, *size));
        paces.backward = paces.backward.max(stage.time(Phase::Backward, *size));
    }
    (left == 0).then_some(Filled { cost, paces })
}

/// The least pace above `pace` that some device's stage takes.
fn next_pace(stages: &[Stage], pace: f64, phase: Phase) -> f64 {
    stages.iter().fold(f64::INFINITY, |next, stage| {
        let blocks = blocks_within(pace, stage.overhead, stage.per_block[phase], stage.high);
        if blocks >= stage.high { next } else { next.min(stage.time(phase, blocks + 1)) }
    })
}

/// The cheapest fill under no cap; `None` where the blocks do not fit.
pub(crate) fn cheapest_fill(stages: &[Stage], blocks: u32, buffers: &mut Buffers) -> Option<f64> {
    prepare(stages, buffers);
    let unlimited = PerPhase::both(f64::INFINITY);
    fill(stages, blocks, unlimited, PerPhase::both(0.0), &buffers.order, &mut buffers.sizes).map(|filled| filled.cost)
}

fn prepare(stages: &[Stage], buffers: &mut Buffers) {
    buffers.order.clear();
    buffers.order.extend(0..stages.len() as u32);
    buffers
        .order
        .sort_unstable_by(|&i, &j| stages[i as usize].cost.total_cmp(&stages[j as usize].cost).then(i.cmp(&j)));
    buffers.sizes.clear();
    buffers.sizes.resize(stages.len(), 0);
}

/// What is worth finding: a value that is below the cutoff by more than a relative tolerance.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Threshold {
    pub cutoff: f64,
    /// In units of the cutoff.
    pub tolerance: f64,
}

impl Threshold {
    /// Values at or above this are not worth finding.
    pub fn bar(&self) -> f64 {
        if self.cutoff.is_finite() { self.cutoff - self.tolerance * self.cutoff.abs() } else { self.cutoff }
    }
}

/// The best sizes that beat the threshold, `constant` added to their value; `None` proves that there are none.
///
/// Where the search has to end early, no sizes are cheaper than both the bar and what is left in `open`.
pub(crate) fn search(
    stages: &[Stage],
    blocks: u32,
    constant: f64,
    phases: &mut PerPhase<PhaseSearch>,
    mut threshold: Threshold,
    buffers: &mut Buffers,
) -> Option<BestSizes> {
    prepare(stages, buffers);
    let Buffers { order, sizes, best: best_sizes, stack, scratch, nodes, meter, open } = buffers;
    *open = f64::INFINITY;
    let mut first = true;
    let bases = phases.as_ref().map(|search| search.base);
    let mut best: Option<BestSizes> = None;
    let mut bar = threshold.bar();
    stack.clear();
    stack.push((f64::NEG_INFINITY, Rectangle { low: bases, high: PerPhase::both(f64::INFINITY) }));
    // What is known of the phases at their paces, from below.
    let known = |phases: &PerPhase<PhaseSearch>, cost: f64, paces: PerPhase<f64>| {
        constant + cost + phases.forward.curve.low(paces.forward) + phases.backward.curve.low(paces.backward)
    };
    while let Some((bound, rectangle)) = stack.pop() {
        if bound >= bar {
            continue;
        }
        // The first rectangle gives a decision and a bound for all others.
        if !std::mem::take(&mut first) && meter.ended() {
            *open = open.min(bound);
            continue;
        }
        *nodes += 1;
        // Filling, and the next stage times if the rectangle is split.
        meter.spend(30 * (stages.len() as u64 + 1));
        let Some(Filled { cost, paces }) = fill(stages, blocks, rectangle.high, bases, order, sizes) else { continue };
        if known(phases, cost, rectangle.low) >= bar {
            continue;
        }
        // Solve the phases for these sizes only as long as they may beat the best.
        for phase in Phase::BOTH {
            if known(phases, cost, paces) < bar {
                let PhaseSearch { radio, curve, .. } = &mut phases[phase];
                let before = scratch.evaluations;
                curve.exact(radio, paces[phase], scratch);
                meter.spend(radio_work(stages.len() + 1, scratch.evaluations - before));
            }
        }
        let value = known(phases, cost, paces);
        if value < bar {
            // Both phases are solved at these paces: the minorants touch.
            threshold.cutoff = value;
            bar = threshold.bar();
            best = Some(BestSizes { paces, value });
            best_sizes.clone_from(sizes);
        }
        let closed = PerPhase::from_fn(|phase| paces[phase] <= rectangle.low[phase]);
        let bound = known(phases, cost, rectangle.low);
        if (closed.forward && closed.backward) || bound >= bar {
            continue;
        }
        // Split the phase whose bound is further from its value here.
        let slack = PerPhase::from_fn(|phase| {
            let curve = &phases[phase].curve;
            curve.low(paces[phase]) - curve.low(rectangle.low[phase])
        });
        let forward = !closed.forward && (closed.backward || slack.forward >= slack.backward);
        let phase = if forward { Phase::Forward } else { Phase::Backward };
        let (mut fast, mut slow) = (rectangle, rectangle);
        (fast.high[phase], slow.low[phase]) = split(stages, rectangle.low[phase], paces[phase], phase);
        stack.push((bound, slow));
        stack.push((bound, fast));
    }
    best
}

/// Splits the paces (low, high] into those up to a middle and those from the next stage time on.
fn split(stages: &[Stage], low: f64, high: f64, phase: Phase) -> (f64, f64) {
    let middle = 0.5 * (low + high);
    let middle = if middle < high { middle } else { low };
    (middle, next_pace(stages, middle, phase).min(high))
}
