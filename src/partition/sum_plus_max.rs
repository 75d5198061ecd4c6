//! Σ + (M−1)·max: the least sum within each limit on the busiest step, for as few limits as prove the optimum.
//!
//! Among the plans whose busiest step lies between two known plans', no sum is below that of the known plan with the
//! greater step (the least sum within a wider limit), and no step is below the next value that a step can take.
//! Intervals of steps are split, the most promising first, until that bound is no better than the best plan.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::cheapest::Cheapest;
use super::error::PartitionError;
use super::solve::{Found, PartitionSettings, PartitionStatus, bottleneck, no_plan};
use super::space::Space;
use super::tables::{Placed, Tables};

/// Indices of step values that plans are still looked for at, and what these plans' sums are at least.
struct Interval {
    bound: f64,
    from: usize,
    to: usize,
    sum: f64,
}

impl PartialEq for Interval {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Interval {}

impl PartialOrd for Interval {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Interval {
    /// The least bound first; at equal bounds the least steps.
    fn cmp(&self, other: &Self) -> Ordering {
        other.bound.total_cmp(&self.bound).then(other.from.cmp(&self.from)).then(other.to.cmp(&self.to))
    }
}

struct Best {
    value: f64,
    plan: Vec<Placed>,
}

pub(super) fn sum_plus_max(
    tables: &Tables,
    space: &Space,
    micro_batches: u32,
    settings: &PartitionSettings,
) -> Result<Found, PartitionError> {
    let weight = f64::from(micro_batches.saturating_sub(1));
    let mut cheapest = Cheapest::new(tables, space);
    let Some((least_sum, plan)) = cheapest.within(f64::INFINITY) else { return Err(no_plan(tables, space)) };
    // The plan of least sum is the best of those with its busiest step or a greater one.
    let high = tables.busiest(&plan);
    let mut best = Best { value: least_sum + weight * high, plan };
    let optimal = |best: Best| Found { lower_bound: best.value, plan: best.plan, status: PartitionStatus::Optimal };
    if weight == 0.0 {
        return Ok(optimal(best));
    }
    // No plan has a busiest step below `low`, and the least sum at `low` is the best there.
    let low = tables.busiest(&bottleneck(tables, space)?);
    let mut closed = f64::INFINITY;
    if low < high
        && let Some((sum, plan)) = cheapest.within(low)
    {
        closed = sum + weight * low;
        improve(&mut best, sum + weight * tables.busiest(&plan), plan);
    }
    let useful = (best.value - least_sum) / weight;
    let mut steps: Vec<f64> = tables.steps().filter(|step| *step > low && *step < high && *step <= useful).collect();
    steps.sort_unstable_by(f64::total_cmp);
    steps.dedup();
    let mut open = BinaryHeap::new();
    let interval = |from: usize, to: usize, sum: f64| {
        (from < to).then(|| Interval { bound: sum + weight * steps[from], from, to, sum })
    };
    open.extend(interval(0, steps.len(), least_sum));
    while let Some(next) = open.pop() {
        if next.bound >= best.value {
            break;
        }
        if settings.work_limit.is_some_and(|limit| cheapest.work >= limit) {
            let lower_bound = next.bound.min(closed).min(best.value);
            return Ok(Found { lower_bound, plan: best.plan, status: PartitionStatus::WorkLimit });
        }
        // Beyond this step, no plan of the interval is better than the best one.
        let to = next.from + steps[next.from..next.to].partition_point(|step| next.sum + weight * step < best.value);
        let middle = next.from + (to - next.from) / 2;
        open.extend(interval(middle + 1, to, next.sum));
        if let Some((sum, plan)) = cheapest.within(steps[middle]) {
            // The best of all plans with a step from this one's to the middle.
            let busiest = tables.busiest(&plan);
            improve(&mut best, sum + weight * busiest, plan);
            let before = steps.partition_point(|step| *step < busiest).clamp(next.from, middle + 1);
            open.extend(interval(next.from, before.min(middle), sum));
        }
    }
    Ok(optimal(best))
}

fn improve(best: &mut Best, value: f64, plan: Vec<Placed>) {
    if value < best.value {
        *best = Best { value, plan };
    }
}
