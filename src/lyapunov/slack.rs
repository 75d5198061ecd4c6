//! Frames in which mixtures of listed actions keep every constraint with slack: what C5 rests on (feature `milp`).

use good_lp::{Constraint, Expression, ProblemVariables, Variable, constraint, variable};

use super::certificate::slater;
use super::history::{Action, History, dot};
use super::linear;
use super::offline::OfflineProblem;

/// Lengths of frames that are tried.
const FRAMES: [usize; 6] = [1, 2, 5, 10, 25, 50];

/// Least slack of a frame, relative to the largest violation and the number of its slots: less is as good as none.
const LEAST: f64 = 1e-4;

/// The frames and mixtures with the smallest bound C5: the length of a frame, and for each state the weights of its
/// actions. None where no length admits slack in every frame, and where a gap is not known.
///
/// In a frame the bound is Σ (b + C + V (p' − p) + (Q(t) − Q(t0))·g') over s = −max Σ g'_k: a ratio of linear functions
/// of the weights x. With y = x/s, u = 1/s it is a linear program (Charnes and Cooper 1962).
pub(crate) fn frames_with_slack(problem: &OfflineProblem, history: &History) -> Option<(usize, Vec<Vec<f64>>)> {
    let slots = history.steps().len();
    if problem.states().len() != slots || history.initial().is_empty() {
        return None;
    }
    let mut best: Option<(f64, usize, Vec<Vec<f64>>)> = None;
    for frame in FRAMES.into_iter().filter(|&frame| frame == 1 || 2 * frame <= slots) {
        let Some(weights) = weights(problem, history, frame) else { continue };
        let Ok(claim) = slater(history, frame, &problem.mean_actions(&weights)) else { continue };
        if best.as_ref().is_none_or(|(bound, ..)| claim.bound < *bound) {
            best = Some((claim.bound, frame, weights));
        }
    }
    best.map(|(_, frame, weights)| (frame, weights))
}

fn weights(problem: &OfflineProblem, history: &History, frame: usize) -> Option<Vec<Vec<f64>>> {
    let slots: Vec<_> = history.slots().enumerate().zip(problem.states()).collect();
    let mut all = Vec::with_capacity(slots.len());
    for slots in slots.chunks(frame) {
        all.extend(of_frame(slots, history)?);
    }
    Some(all)
}

/// A slot: its number, its queues and step, and the actions listed for its state.
type Slot<'a> = ((usize, (&'a [f64], &'a super::history::Step)), &'a Vec<Action>);

fn of_frame(slots: &[Slot<'_>], history: &History) -> Option<Vec<Vec<f64>>> {
    let first = slots.first().map(|((_, (queues, _)), _)| *queues)?;
    let all = || slots.iter().flat_map(|(_, actions)| actions.iter());
    let largest = all().flat_map(|action| &action.violations).fold(0.0_f64, |most, g| most.max(g.abs()));
    // Every constraint by itself: most frames without slack are found here.
    let least = |k: usize| {
        let of = |actions: &Vec<Action>| actions.iter().filter_map(|a| a.violations.get(k)).copied().reduce(f64::min);
        slots.iter().filter_map(|(_, actions)| of(actions)).sum::<f64>()
    };
    if largest <= 0.0 || (0..first.len()).any(|k| least(k) >= 0.0) {
        return None;
    }
    let weight = history.penalty_weight();
    let mut fixed = 0.0;
    for &((slot, (queues, step)), _) in slots {
        fixed += history.drift(slot, queues, step).ok()? - weight * step.penalty;
    }
    let costs: Vec<Vec<f64>> = slots
        .iter()
        .map(|&((_, (queues, _)), actions)| {
            let since: Vec<f64> = queues.iter().zip(first).map(|(now, then)| now - then).collect();
            actions.iter().map(|action| weight * action.penalty + dot(&since, &action.violations)).collect()
        })
        .collect();
    let scale = costs.iter().flatten().fold(fixed.abs(), |most, cost| most.max(cost.abs())).max(f64::MIN_POSITIVE);
    let solution = linear::solve(|| {
        let mut variables = ProblemVariables::new();
        // Violations in units of the largest, slack per slot.
        let total = variables.add(variable().min(0.0).max(1.0 / LEAST));
        let shares: Vec<Vec<Variable>> =
            slots.iter().map(|(_, actions)| variables.add_vector(variable().min(0.0), actions.len())).collect();
        let mut rows: Vec<Constraint> =
            shares.iter().map(|of_slot| constraint!(of_slot.iter().sum::<Expression>() - total == 0.0)).collect();
        let mut sums = vec![Expression::default(); first.len()];
        let mut objective: Expression = fixed / scale * total;
        for (((_, actions), shares), costs) in slots.iter().zip(&shares).zip(&costs) {
            for ((action, &share), cost) in actions.iter().zip(shares).zip(costs) {
                objective += *cost / scale * share;
                let size = largest * slots.len() as f64;
                sums.iter_mut().zip(&action.violations).for_each(|(sum, g)| *sum += *g / size * share);
            }
        }
        rows.extend(sums.into_iter().map(|sum| constraint!(sum <= -1.0)));
        (variables.minimise(objective), rows, shares.concat())
    })
    .ok()?;
    let mut solution = solution.into_iter().map(|share| share.max(0.0));
    let mixture = |actions: &Vec<Action>| {
        let shares: Vec<f64> = solution.by_ref().take(actions.len()).collect();
        let sum: f64 = shares.iter().sum();
        (sum > 0.0).then(|| shares.into_iter().map(|share| share / sum).collect())
    };
    slots.iter().map(|(_, actions)| *actions).map(mixture).collect()
}
