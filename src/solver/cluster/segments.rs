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

use crate::solver::hop::curve::Curve;
use crate::solver::hop::phase::{Radio, Scratch};

/// A device that takes part, as far as its segment's size matters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stage {
    /// o: time per micro-batch that does not depend on the size [s].
    pub overhead: f64,
    /// Time per micro-batch and block, forward and backward [s].
    pub forward: f64,
    pub backward: f64,
    /// Cost of one block, all that is linear in the size.
    pub cost: f64,
    /// Fewest and most blocks.
    pub low: u32,
    pub high: u32,
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
    pub radio: &'a Radio,
    pub curve: &'a mut Curve,
    /// The end stage's time: no pace is below it [s].
    pub base: f64,
}

/// A rectangle of paces.
#[derive(Clone, Copy, Debug)]
struct Rectangle {
    forward: (f64, f64),
    backward: (f64, f64),
}

/// Paces and value of the best sizes, which are left in [`Buffers::best`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Best {
    pub forward_pace: f64,
    pub backward_pace: f64,
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
}

/// What sizes filled under caps amount to.
#[derive(Clone, Copy, Debug)]
struct Filled {
    cost: f64,
    forward_pace: f64,
    backward_pace: f64,
}

/// Fills by increasing cost under caps on the paces; `None` where L blocks do not fit.
fn fill(
    stages: &[Stage],
    blocks: u32,
    caps: (f64, f64),
    bases: (f64, f64),
    order: &[u32],
    sizes: &mut [u32],
) -> Option<Filled> {
    let mut left = blocks;
    let mut cost = 0.0;
    for (stage, size) in stages.iter().zip(sizes.iter_mut()) {
        *size = stage.low;
        left = left.checked_sub(stage.low)?;
    }
    let (mut forward_pace, mut backward_pace) = bases;
    for &k in order {
        let (stage, size) = (&stages[k as usize], &mut sizes[k as usize]);
        let most = blocks_within(caps.0, stage.overhead, stage.forward, stage.high);
        let most = blocks_within(caps.1, stage.overhead, stage.backward, most);
        let more = most.checked_sub(stage.low)?.min(left);
        *size += more;
        left -= more;
        let count = f64::from(*size);
        cost += stage.cost * count;
        forward_pace = forward_pace.max(stage.overhead + count * stage.forward);
        backward_pace = backward_pace.max(stage.overhead + count * stage.backward);
    }
    (left == 0).then_some(Filled { cost, forward_pace, backward_pace })
}

/// The least pace above `pace` that some device's stage takes.
fn next_pace(stages: &[Stage], pace: f64, per_block: impl Fn(&Stage) -> f64) -> f64 {
    stages.iter().fold(f64::INFINITY, |next, stage| {
        let blocks = blocks_within(pace, stage.overhead, per_block(stage), stage.high);
        if blocks >= stage.high { next } else { next.min(stage.overhead + f64::from(blocks + 1) * per_block(stage)) }
    })
}

/// The cheapest fill under no cap; `None` where the blocks do not fit.
pub(crate) fn cheapest_fill(stages: &[Stage], blocks: u32, buffers: &mut Buffers) -> Option<f64> {
    prepare(stages, buffers);
    let unlimited = (f64::INFINITY, f64::INFINITY);
    fill(stages, blocks, unlimited, (0.0, 0.0), &buffers.order, &mut buffers.sizes).map(|filled| filled.cost)
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
pub(crate) fn search(
    stages: &[Stage],
    blocks: u32,
    constant: f64,
    forward: &mut PhaseSearch,
    backward: &mut PhaseSearch,
    mut threshold: Threshold,
    buffers: &mut Buffers,
) -> Option<Best> {
    prepare(stages, buffers);
    let Buffers { order, sizes, best: best_sizes, stack, scratch, nodes } = buffers;
    let bases = (forward.base, backward.base);
    let mut best: Option<Best> = None;
    let mut bar = threshold.bar();
    stack.clear();
    let all = Rectangle { forward: (bases.0, f64::INFINITY), backward: (bases.1, f64::INFINITY) };
    stack.push((f64::NEG_INFINITY, all));
    while let Some((bound, rectangle)) = stack.pop() {
        if bound >= bar {
            continue;
        }
        *nodes += 1;
        let caps = (rectangle.forward.1, rectangle.backward.1);
        let Some(filled) = fill(stages, blocks, caps, bases, order, sizes) else { continue };
        let lower = |forward: &PhaseSearch, backward: &PhaseSearch| {
            constant + filled.cost + forward.curve.low(rectangle.forward.0) + backward.curve.low(rectangle.backward.0)
        };
        if lower(forward, backward) >= bar {
            continue;
        }
        // Solve the phases for these sizes only as long as they may beat the best.
        let hope = |forward: &PhaseSearch, backward: &PhaseSearch| {
            constant + filled.cost + forward.curve.low(filled.forward_pace) + backward.curve.low(filled.backward_pace)
        };
        if hope(forward, backward) < bar {
            forward.curve.exact(forward.radio, filled.forward_pace, scratch);
        }
        if hope(forward, backward) < bar {
            backward.curve.exact(backward.radio, filled.backward_pace, scratch);
        }
        let value = hope(forward, backward);
        if value < bar {
            // Both phases are solved at these paces: the minorants touch.
            threshold.cutoff = value;
            bar = threshold.bar();
            best = Some(Best { forward_pace: filled.forward_pace, backward_pace: filled.backward_pace, value });
            best_sizes.clone_from(sizes);
        }
        let closed = (filled.forward_pace <= rectangle.forward.0, filled.backward_pace <= rectangle.backward.0);
        let bound = lower(forward, backward);
        if closed == (true, true) || bound >= bar {
            continue;
        }
        // Split the phase whose bound is further from its value here.
        let slack = (
            forward.curve.low(filled.forward_pace) - forward.curve.low(rectangle.forward.0),
            backward.curve.low(filled.backward_pace) - backward.curve.low(rectangle.backward.0),
        );
        let split_forward = if closed.0 { false } else { closed.1 || slack.0 >= slack.1 };
        let (mut fast, mut slow) = (rectangle, rectangle);
        if split_forward {
            let (low, high) = (rectangle.forward.0, filled.forward_pace);
            let next = split(stages, low, high, |stage| stage.forward);
            (fast.forward.1, slow.forward.0) = next;
        } else {
            let (low, high) = (rectangle.backward.0, filled.backward_pace);
            let next = split(stages, low, high, |stage| stage.backward);
            (fast.backward.1, slow.backward.0) = next;
        }
        stack.push((bound, slow));
        stack.push((bound, fast));
    }
    best
}

/// Splits the paces (low, high] into those up to a middle and those from the next stage time on.
fn split(stages: &[Stage], low: f64, high: f64, per_block: impl Fn(&Stage) -> f64) -> (f64, f64) {
    let middle = 0.5 * (low + high);
    let middle = if middle < high { middle } else { low };
    (middle, next_pace(stages, middle, per_block).min(high))
}
