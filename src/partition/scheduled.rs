//! The makespan of a schedule as it runs, minimized over all plans.
//!
//! The makespan is the greatest of finitely many sums of counts times durations, the paths of its timeline. Any average
//! of paths bounds it from below, and the least average over all plans is a shortest path. A good average is found by
//! play: the plan that is best against the average so far, then the path that is critical for that plan. Then plans are
//! completed from their last stage to their first, a completion being dropped where one of the bounds says that it
//! cannot be better than the best plan.

use super::error::PartitionError;
use super::plan::{PartitionPlan, evaluate_plan};
use super::problem::{PartitionProblem, StageCount};
use super::reach::{Reached, reach};
use super::solve::{Found, PartitionSettings, PartitionStatus};
use super::space::Space;
use super::sum_plus_max::sum_plus_max;
use super::tables::{MOST_ENTRIES, Placed, Tables};
use super::weighted::{Costs, Durations, Weights, link_cost};
use crate::ground::check::MIN_MAGNITUDE;
use crate::schedule::{Schedule, ScheduleKind, Sending, Timeline};

/// Bounds are sums in another order than makespans: a bound this close to a value counts as equal.
const ROUNDING: f64 = 1e-11;
/// Rounds of play for a good average of paths.
const ROUNDS: u32 = 200;
/// Play ends with this share between the bound and the best plan.
const CLOSE: f64 = 1e-4;

/// What is minimized.
#[derive(Clone, Copy)]
pub(super) struct Target {
    pub schedule: ScheduleKind,
    pub micro_batches: u32,
    pub sending: Sending,
}

struct Best {
    value: f64,
    plan: Vec<Placed>,
}

/// Plans with one number of stages.
struct Length<'a> {
    durations: &'a Durations<'a>,
    space: Space,
    timeline: Timeline,
    flat: Vec<f64>,
    stages: usize,
}

/// A partial plan, from its end: the state of its next stage, which ends at a cut, and what the stages after it cost by
/// each bound.
struct Node {
    bound: f64,
    state: usize,
    past: usize,
    after: Vec<f64>,
}

pub(super) fn scheduled(
    problem: &PartitionProblem,
    tables: &Tables,
    target: Target,
    settings: &PartitionSettings,
) -> Result<Found, PartitionError> {
    let durations = Durations::new(problem, tables, target.micro_batches);
    let most = problem.devices.len().min(problem.layers.len());
    let lengths = match problem.stages {
        StageCount::Any => 1..=most,
        StageCount::AtMost(stages) => 1..=stages.min(most),
        StageCount::Exactly(stages) => stages..=stages,
    };
    // The plan of the closed form is a good one to begin with: it tells from the first round on which stages are too
    // long.
    let counts: Vec<usize> = tables.kinds.iter().map(Vec::len).collect();
    let space = Space::new(problem, problem.stages, &counts, tables.layers + 1, MOST_ENTRIES)?;
    let a_tenth = PartitionSettings { work_limit: settings.work_limit.map(|limit| limit / 10) };
    let plan = sum_plus_max(tables, &space, target.micro_batches, &a_tenth)?.plan;
    let whole = PartitionPlan { stages: tables.devices(&plan) };
    let value =
        evaluate_plan(problem, &whole).map_err(|_| PartitionError::Internal("a plan that is no chain"))?.value_s;
    let mut best = Best { value, plan };
    let mut work = 0;
    // For each number of stages the proved bound and the average of paths that proves it.
    let mut open = Vec::new();
    let lengths_to_try = lengths.clone().count().max(1) as u64;
    for stages in lengths {
        let Some(mut length) = Length::new(problem, tables, &durations, target, stages)? else { continue };
        // A quarter of all work, in equal parts.
        let until = settings.work_limit.map(|limit| work + limit / 4 / lengths_to_try);
        let (bound, weights) = length.play(&mut best, until, &mut work)?;
        open.push((bound, weights, length));
    }
    open.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut status = PartitionStatus::Optimal;
    let mut lower_bound = f64::INFINITY;
    for (bound, weights, mut length) in open {
        if bound >= best.value * (1.0 - ROUNDING) {
            break;
        }
        if !length.complete(weights, &mut best, settings, &mut work)? {
            status = PartitionStatus::WorkLimit;
            lower_bound = lower_bound.min(bound);
        }
    }
    if status == PartitionStatus::Optimal {
        lower_bound = best.value * (1.0 - ROUNDING);
    }
    Ok(Found { lower_bound: lower_bound.min(best.value), plan: best.plan, status })
}

impl<'a> Length<'a> {
    /// `None` where no plan has so many stages.
    fn new(
        problem: &PartitionProblem,
        tables: &Tables,
        durations: &'a Durations<'a>,
        target: Target,
        stages: usize,
    ) -> Result<Option<Self>, PartitionError> {
        let counts: Vec<usize> = tables.kinds.iter().map(Vec::len).collect();
        let space = Space::new(problem, StageCount::Exactly(stages), &counts, tables.layers + 1, MOST_ENTRIES)?;
        if let Reached::UpTo(_) = reach(tables, &space, f64::INFINITY) {
            return Ok(None);
        }
        let schedule = Schedule::of(target.schedule, stages, target.micro_batches)?;
        let timeline = Timeline::new(&schedule, target.sending)?;
        let flat = vec![0.0; timeline.layout().len()];
        Ok(Some(Self { durations, space, timeline, flat, stages }))
    }

    /// The makespan of a plan.
    fn makespan(&mut self, plan: &[Placed], work: &mut u64) -> Result<f64, PartitionError> {
        let (stages, links) = (self.stages, self.stages - 1);
        for (stage, placed) in plan.iter().enumerate() {
            let [forward, backward] = self.durations.stage(placed.kind, placed.first, placed.past);
            // Differences of sums: what is left of nothing is nothing.
            self.flat[stage] = if forward < MIN_MAGNITUDE { 0.0 } else { forward };
            self.flat[stages + stage] = if backward < MIN_MAGNITUDE { 0.0 } else { backward };
        }
        for (link, pair) in plan.windows(2).enumerate() {
            let (seconds, latency) = self.durations.link(pair[0].kind, pair[1].kind, pair[0].past);
            for (list, value) in seconds.into_iter().chain(latency).enumerate() {
                self.flat[2 * stages + list * links + link] = value;
            }
        }
        *work += self.durations.micro_batches as u64 * 8 * stages as u64;
        Ok(self.timeline.run_flat(&self.flat)?)
    }

    /// The path that is critical in the last run, as weights.
    fn critical(&mut self) -> Weights {
        let flat = self.timeline.critical_counts().iter().map(|count| f64::from(*count)).collect();
        Weights { flat, stages: self.stages }
    }

    fn try_plan(&mut self, plan: Vec<Placed>, best: &mut Best, work: &mut u64) -> Result<(), PartitionError> {
        let value = self.makespan(&plan, work)?;
        if value < best.value {
            *best = Best { value, plan };
        }
        Ok(())
    }

    /// Finds good plans and a good average of paths: the bound that it proves, and the average.
    fn play(&mut self, best: &mut Best, until: Option<u64>, work: &mut u64) -> Result<(f64, Weights), PartitionError> {
        let mut average = Weights::pace(self.stages, self.durations.micro_batches);
        let mut proved = (0.0, average.clone());
        for round in 1..=ROUNDS {
            let costs = Costs::new(self.durations, &self.space, average.clone(), best.value, work);
            let Some((bound, plan)) = self.cheapest(&costs, best.value) else {
                // No plan with so many stages is better than the best one.
                return Ok((best.value, average));
            };
            if bound > proved.0 {
                proved = (bound, average.clone());
            }
            self.try_plan(plan, best, work)?;
            let most = best.value;
            // The number of stages may be a bad one: a few rounds show it.
            let hopeless = proved.0 >= most * (1.0 - ROUNDING);
            if hopeless || most - proved.0 <= CLOSE * most || until.is_some_and(|until| *work >= until) {
                break;
            }
            let step = 1.0 / (f64::from(round) + 1.0);
            let path = self.critical();
            average.flat.iter_mut().zip(path.flat).for_each(|(mean, count)| *mean += step * (count - *mean));
        }
        Ok(proved)
    }

    /// The plan of least cost at the weights, and the cost.
    fn cheapest(&self, costs: &Costs, most: f64) -> Option<(f64, Vec<Placed>)> {
        let costs = std::slice::from_ref(costs);
        let mut node = self.roots(costs).into_iter().min_by(|a, b| a.bound.total_cmp(&b.bound))?;
        let bound = node.bound;
        let mut plan = Vec::new();
        loop {
            let mut next: Option<(Node, Placed)> = None;
            let mut done = None;
            self.expand(costs, &node, most, &mut |child: Node, placed: Placed, finished: bool| {
                if finished {
                    done = Some(placed);
                } else if next.as_ref().is_none_or(|(least, _)| child.bound < least.bound) {
                    next = Some((child, placed));
                }
            });
            if let Some(placed) = done {
                plan.push(placed);
                plan.reverse();
                return Some((bound, plan));
            }
            let (child, placed) = next?;
            plan.push(placed);
            node = child;
        }
    }

    fn roots(&self, costs: &[Costs]) -> Vec<Node> {
        let layers = self.durations.tables.layers;
        let mut roots = Vec::new();
        self.space.walk::<()>(|state| {
            let bound = costs.iter().map(|costs| costs.at(state.index, layers)).fold(0.0, f64::max);
            if state.ends && bound.is_finite() {
                roots.push(Node { bound, state: state.index, past: layers, after: vec![0.0; costs.len()] });
            }
            std::ops::ControlFlow::Continue(())
        });
        roots
    }

    /// Calls `found` with every way to choose the stage of a node: the rest of the plan, the stage, and whether that
    /// was the first one.
    fn expand(&self, costs: &[Costs], node: &Node, most: f64, found: &mut dyn FnMut(Node, Placed, bool)) {
        let kinds = self.durations.tables.kinds.len();
        let state = self.space.state(node.state);
        for first in 0..node.past {
            if !self.durations.allowed(state.kind, first, node.past, most) || (first == 0) != state.begins {
                continue;
            }
            let placed = Placed { kind: state.kind, first, past: node.past };
            let seconds = self.durations.stage(state.kind, first, node.past);
            let with_stage: Vec<f64> = costs
                .iter()
                .zip(&node.after)
                .map(|(costs, after)| {
                    let weights = costs.weights.stage(state.stage);
                    after + weights[0] * seconds[0] + weights[1] * seconds[1]
                })
                .collect();
            if state.begins {
                let bound = with_stage.iter().copied().fold(0.0, f64::max);
                found(Node { bound, state: node.state, past: 0, after: with_stage }, placed, true);
                continue;
            }
            for before in state.before.clone() {
                let (mut bound, mut after) = (0.0_f64, Vec::with_capacity(costs.len()));
                for (costs, with_stage) in costs.iter().zip(&with_stage) {
                    let link = state.stage - 1;
                    let link = link_cost(self.durations, &costs.weights, link, before % kinds, state.kind, first);
                    bound = bound.max(with_stage + link + costs.at(before, first));
                    after.push(with_stage + link);
                }
                if bound.is_finite() {
                    found(Node { bound, state: before, past: first, after }, placed, false);
                }
            }
        }
    }

    /// Completes plans wherever one may be better than the best; whether all were looked at within the limit on work.
    fn complete(
        &mut self,
        weights: Weights,
        best: &mut Best,
        settings: &PartitionSettings,
        work: &mut u64,
    ) -> Result<bool, PartitionError> {
        // Bounds: the best average, and the path that is critical for the best plan of this length.
        let first = Costs::new(self.durations, &self.space, weights, best.value, work);
        let mut costs = vec![first];
        if let Some((_, plan)) = self.cheapest(&costs[0], best.value) {
            self.makespan(&plan, work)?;
            let path = self.critical();
            costs.push(Costs::new(self.durations, &self.space, path, best.value, work));
        }
        // (node, the stages after it): a stack, so that memory stays small; the most promising on top.
        let mut stack: Vec<(Node, Vec<Placed>)> =
            self.roots(&costs).into_iter().map(|node| (node, Vec::new())).collect();
        stack.sort_by(|a, b| b.0.bound.total_cmp(&a.0.bound));
        while let Some((node, after)) = stack.pop() {
            let most = best.value * (1.0 - ROUNDING);
            if node.bound >= most {
                continue;
            }
            if settings.work_limit.is_some_and(|limit| *work >= limit) {
                return Ok(false);
            }
            let (mut children, mut leaf) = (Vec::new(), None);
            let mut count = 0;
            self.expand(&costs, &node, most, &mut |child: Node, placed: Placed, finished: bool| {
                count += 1;
                let mut stages = after.clone();
                stages.push(placed);
                if finished {
                    leaf = Some((child.bound, stages));
                } else if child.bound < most {
                    children.push((child, stages));
                }
            });
            *work += 20 * (count + 1);
            if let Some((bound, mut plan)) = leaf
                && bound < most
            {
                plan.reverse();
                self.try_plan(plan, best, work)?;
            }
            children.sort_by(|a, b| b.0.bound.total_cmp(&a.0.bound));
            stack.extend(children);
        }
        Ok(true)
    }
}
