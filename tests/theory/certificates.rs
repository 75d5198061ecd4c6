//! Every certificate on random finite problems whose slots are minimized exactly, and histories that were tampered
//! with.
#![cfg_attr(not(feature = "milp"), allow(dead_code, unused_imports, reason = "what the offline optimum needs"))]

use collapipe::lyapunov::certificate::{
    CertificateError, QueueNormBound, against_optimum, against_policy, frames, penalty_bound_path, queue_norm,
    queue_norm_on_path, queue_norm_path, slater, weak_duality,
};
use collapipe::lyapunov::{Action, Certificate, History, HistoryError, OfflineError, OfflineProblem, Step};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use crate::finite::random_states;

fn seeded(cases: u32) -> ProptestConfig {
    ProptestConfig { rng_seed: RngSeed::Fixed(2026), cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// States with actions, drawn uniformly slot by slot.
#[derive(Clone, Debug)]
struct Problem {
    states: Vec<Vec<Action>>,
}

impl Problem {
    /// The last action of each state keeps every constraint with slack 0.2 at least.
    fn random(seed: u64, constraints: usize) -> Self {
        Self { states: random_states(&mut Pcg64::seed_from_u64(seed), constraints) }
    }

    fn path(&self, slots: usize, seed: u64) -> Vec<usize> {
        let mut rng = Pcg64::seed_from_u64(seed);
        (0..slots).map(|_| rng.random_range(0..self.states.len())).collect()
    }

    fn on(&self, path: &[usize]) -> OfflineProblem {
        OfflineProblem::new(path.iter().map(|&state| self.states[state].clone()).collect()).unwrap()
    }

    /// Drift plus penalty; `sloppy` lets every decision be worse than the best by up to that much, and says so.
    fn play(&self, path: &[usize], weight: f64, initial: &[f64], sloppy: f64, seed: u64) -> History {
        let mut rng = Pcg64::seed_from_u64(seed);
        let mut queue = initial.to_vec();
        let steps = path.iter().map(|&state| {
            let cost =
                |a: &Action| weight * a.penalty + a.violations.iter().zip(&queue).map(|(g, q)| g * q).sum::<f64>();
            let least = self.states[state].iter().map(cost).fold(f64::INFINITY, f64::min);
            let near: Vec<&Action> = self.states[state].iter().filter(|a| cost(a) <= least + sloppy).collect();
            let chosen = near[rng.random_range(0..near.len())];
            let gap = (cost(chosen) - least).max(0.0);
            queue = queue.iter().zip(&chosen.violations).map(|(q, g)| (q + g).max(0.0)).collect();
            Step {
                penalty: chosen.penalty,
                violations: chosen.violations.clone(),
                queue_after: queue.clone(),
                gap: Some(gap),
            }
        });
        let steps = steps.collect();
        History::new(weight, initial.to_vec(), steps).unwrap()
    }

    fn slater_actions(&self, path: &[usize]) -> Vec<Action> {
        path.iter().map(|&state| self.states[state].last().unwrap().clone()).collect()
    }

    /// The least mean penalty of stationary policies: states are uniform, so each of them once.
    fn stationary(&self) -> OfflineProblem {
        OfflineProblem::new(self.states.clone()).unwrap()
    }
}

proptest! {
    #![proptest_config(seeded(200))]

    /// C1, C3, C5 and weak duality on every sample path, at every prefix, for any weight, start and gap.
    #[test]
    fn hold_on_every_sample_path(
        seed in any::<u64>(), constraints in 1usize..4, slots in 1usize..80, weight in 0.1..50.0, start in 0.0..20.0,
        sloppy in 0.0..2.0, multiplier in prop::collection::vec(0.0..5.0, 3),
    ) {
        let problem = Problem::random(seed, constraints);
        let path = problem.path(slots, seed ^ 1);
        let whole = problem.play(&path, weight, &vec![start; constraints], sloppy, seed ^ 2);
        let mut rng = Pcg64::seed_from_u64(seed ^ 3);
        let arbitrary: Vec<Action> = path.iter().map(|&state| {
            let actions = &problem.states[state];
            actions[rng.random_range(0..actions.len())].clone()
        }).collect();
        let multiplier = &multiplier[..constraints];
        let along = penalty_bound_path(&whole, &arbitrary).unwrap();
        for played in 1..=slots {
            let history = whole.prefix(played);
            for k in 0..constraints {
                let claim = Certificate::of(&history, k).unwrap().claim("k");
                prop_assert!(claim.holds && claim.is_verified(), "{claim:?}");
            }
            let c3 = against_policy(&history, &arbitrary[..played]).unwrap();
            prop_assert!(c3.holds && c3.is_verified(), "{c3:?}");
            prop_assert_eq!((c3.value, c3.bound), (along[played - 1].value, along[played - 1].bound));
            for frame in [1, 3, 7] {
                let c5 = slater(&history, frame, &problem.slater_actions(&path[..played])).unwrap();
                prop_assert!(c5.holds && c5.is_verified(), "{c5:?}");
            }
            // No form of the literature, with |g|^2/2 for the drift and its queues left out, is below.
            let half = |g: &[f64]| 0.5 * g.iter().map(|g| g * g).sum::<f64>();
            let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
            let literature: f64 = history.slots().zip(&arbitrary).map(|((queues, step), action)| {
                (half(&step.violations) + step.gap.unwrap() + dot(queues, &action.violations)) / weight + action.penalty
            }).sum();
            let ends = (half(history.initial()) - half(history.final_queue())) / weight;
            prop_assert!(c3.bound <= (literature + ends) / played as f64 + 1e-9 * c3.bound.abs().max(1.0));
            // The drift is exactly what the queues' norm does beyond Q g.
            let moved: f64 = history.slots().map(|(queues, step)| {
                half(&step.queue_after) - half(queues) - dot(queues, &step.violations) + step.gap.unwrap()
            }).sum();
            let drift = history.mean_drift().unwrap() * played as f64;
            prop_assert!((moved - drift).abs() <= 1e-9 * drift.abs().max(half(history.final_queue())).max(1.0), "{moved} {drift}");
            let offline = problem.on(&path[..played]);
            let minima: Vec<f64> = offline.states().iter().map(|actions| actions.iter().map(|a| {
                a.penalty + a.violations.iter().zip(multiplier).map(|(g, mu)| g * mu).sum::<f64>()
            }).fold(f64::INFINITY, f64::min)).collect();
            let d = weak_duality(&history, multiplier, &minima).unwrap();
            prop_assert!(d.holds && d.is_verified(), "{d:?}");
            let c4 = queue_norm_on_path(&history, multiplier, &minima, &arbitrary[..played]).unwrap();
            prop_assert!(c4.holds && c4.is_verified(), "{c4:?}");
            // It is the norm of the distance from V mu that the proof bounds.
            let far: f64 = history.final_queue().iter().zip(multiplier).map(|(q, mu)| (q - weight * mu).powi(2)).sum();
            let level = weight * multiplier.iter().map(|mu| mu * mu).sum::<f64>().sqrt();
            prop_assert!(far.sqrt() <= (c4.bound - level) * (1.0 + 1e-9) + 1e-9 * c4.bound, "{far} {c4:?}");
            let path = queue_norm_path(&history, multiplier, &minima, &arbitrary[..played]).unwrap();
            prop_assert_eq!(path.last().copied(), Some(c4.bound));
        }
    }

    /// Strong duality of the offline optimum; C3 and C7 against it.
    #[cfg(feature = "milp")]
    #[test]
    fn offline_optima_bound_the_run(
        seed in any::<u64>(), constraints in 1usize..4, slots in 1usize..40, weight in 0.1..50.0, frame in 1usize..12,
        start in 0.0..5.0, sloppy in 0.0..1.0,
    ) {
        let problem = Problem::random(seed, constraints);
        let path = problem.path(slots, seed ^ 1);
        let history = problem.play(&path, weight, &vec![start; constraints], sloppy, seed ^ 2);
        let offline = problem.on(&path);
        let best = offline.optimum().unwrap();
        prop_assert!((best.value - best.dual_value).abs() <= 1e-6 * 6.0);
        // The multiplier's dual value is the greatest: nearby prices give less.
        for k in 0..constraints {
            for step in [-0.1, 0.1] {
                let mut other = best.multiplier.clone();
                other[k] = (other[k] + step).max(0.0);
                prop_assert!(offline.dual_value(&other) <= best.dual_value + 1e-6);
            }
        }
        let c3 = against_policy(&history, &offline.mean_actions(&best.mixture)).unwrap();
        prop_assert!(c3.holds, "{c3:?}");
        let mut policy = Vec::new();
        let mut weighted = 0.0;
        for first in (0..slots).step_by(frame) {
            let part = offline.frame(first..slots.min(first + frame)).unwrap();
            let optimum = part.optimum().unwrap();
            weighted += optimum.value * part.states().len() as f64;
            policy.extend(part.mean_actions(&optimum.mixture));
        }
        // Constraints in every frame are more than constraints over all slots.
        prop_assert!(best.value <= weighted / slots as f64 + 1e-6);
        let c7 = frames(&history, frame, &policy).unwrap();
        prop_assert!(c7.holds && c7.is_verified(), "{c7:?}");
        let by_c3 = against_policy(&history, &policy).unwrap();
        prop_assert_eq!((c7.value, c7.bound), (by_c3.value, by_c3.bound));
    }
}

/// C2 and C4 are about expectations: means over many runs, with the spread of the mean as tolerance.
#[cfg(feature = "milp")]
#[test]
fn hold_in_expectation() {
    const RUNS: u64 = 400;
    for seed in 0..6 {
        let problem = Problem::random(seed, 2);
        let optimum = problem.stationary().optimum().unwrap();
        for (weight, start) in [(0.5, 0.0), (5.0, 0.0), (5.0, 3.0)] {
            let (mut excess, mut norms) = (Vec::new(), Vec::new());
            let mut bound = 0.0;
            for run in 0..RUNS {
                let path = problem.path(60, 1000 * seed + run);
                let history = problem.play(&path, weight, &[start; 2], 0.1, run);
                let c2 = against_optimum(&history, optimum.value).unwrap();
                excess.push(c2.value - c2.bound);
                let c4 = queue_norm(&history, &optimum.multiplier, 0.0).unwrap();
                norms.push(c4.value * c4.value);
                bound += c4.bound * c4.bound / RUNS as f64;
                assert_eq!(QueueNormBound::new(&history, &optimum.multiplier, 0.0).unwrap().at(60.0), c4.bound);
                assert!(!c2.is_verified() && !c4.is_verified());
            }
            let mean = |values: &[f64]| values.iter().sum::<f64>() / RUNS as f64;
            let error = |values: &[f64]| {
                let variance = values.iter().map(|v| (v - mean(values)).powi(2)).sum::<f64>() / RUNS as f64;
                (variance / RUNS as f64).sqrt()
            };
            assert!(mean(&excess) <= 3.0 * error(&excess), "C2, seed {seed}, V {weight}: {}", mean(&excess));
            assert!(
                mean(&norms) <= bound + 3.0 * error(&norms),
                "C4, seed {seed}, V {weight}: {} {bound}",
                mean(&norms)
            );
        }
    }
}

/// A warm start at V·μ leaves less excess than a cold one.
#[cfg(feature = "milp")]
#[test]
fn warm_start_removes_the_transient() {
    let mut shorter = 0;
    let mut binding = 0;
    for seed in 0..20 {
        let problem = Problem::random(seed, 2);
        let multiplier = problem.stationary().optimum().unwrap().multiplier;
        if multiplier.iter().sum::<f64>() < 0.1 {
            continue;
        }
        binding += 1;
        let path = problem.path(100, seed);
        let warm: Vec<f64> = multiplier.iter().map(|mu| 50.0 * mu).collect();
        let overspend = |start: &[f64]| {
            let history = problem.play(&path, 50.0, start, 0.0, 1);
            for k in 0..2 {
                assert!(Certificate::of(&history, k).unwrap().holds());
            }
            history.mean_violations().into_iter().fold(f64::NEG_INFINITY, f64::max)
        };
        shorter += usize::from(overspend(&warm) < overspend(&[0.0, 0.0]));
    }
    assert!(binding >= 5 && shorter >= binding * 9 / 10, "{shorter} of {binding}");
}

fn small() -> (History, Vec<Action>) {
    let problem = Problem::random(3, 2);
    let path = problem.path(10, 1);
    (problem.play(&path, 4.0, &[0.0, 0.0], 0.0, 1), problem.slater_actions(&path))
}

#[test]
fn tampered_histories_are_refused() {
    let (history, _) = small();
    let with = |change: &dyn Fn(&mut Vec<Step>)| {
        let mut steps = history.steps().to_vec();
        change(&mut steps);
        History::new(4.0, vec![0.0; 2], steps)
    };
    assert!(with(&|_| {}).is_ok());
    // A queue that was reset, decayed or capped, a violation that was made smaller, a slot left out.
    let largest = (0..9)
        .max_by(|&a, &b| history.steps()[a].queue_after[0].total_cmp(&history.steps()[b].queue_after[0]))
        .unwrap();
    assert!(history.steps()[largest].queue_after[0] > 0.0);
    assert!(matches!(with(&|s| s[largest].queue_after[0] = 0.0), Err(HistoryError::Law { constraint: 0, .. })));
    assert!(matches!(with(&|s| s[largest].queue_after[0] *= 0.999), Err(HistoryError::Law { .. })));
    assert!(
        matches!(with(&|s| s[largest].violations[0] -= 0.01), Err(HistoryError::Law { slot, .. }) if slot == largest)
    );
    assert!(matches!(
        with(&|s| {
            s.remove(largest);
        }),
        Err(HistoryError::Law { .. })
    ));
    assert!(matches!(with(&|s| s[2].penalty = f64::NAN), Err(HistoryError::Value { slot: 2, what: "penalty", .. })));
    assert!(matches!(with(&|s| s[2].gap = Some(-1.0)), Err(HistoryError::Value { slot: 2, what: "gap", .. })));
    assert!(matches!(
        with(&|s| {
            s[1].violations.pop();
        }),
        Err(HistoryError::Length { slot: 1, .. })
    ));
    assert!(matches!(History::new(0.0, vec![], vec![]), Err(HistoryError::Weight(_))));
    assert!(matches!(History::new(1.0, vec![-1.0], vec![]), Err(HistoryError::Initial { index: 0, .. })));
}

/// A decision that was not the slot's minimum but claims to be shows up: C3 against the better action fails.
#[test]
fn gaps_that_are_hidden_break_the_claims() {
    let step = |penalty| Step { penalty, violations: vec![0.0], queue_after: vec![0.0], gap: Some(0.0) };
    let history = History::new(1.0, vec![0.0], vec![step(5.0); 20]).unwrap();
    let better = vec![Action { penalty: 1.0, violations: vec![0.0] }; 20];
    let claim = against_policy(&history, &better).unwrap();
    assert!(!claim.holds && claim.value == 5.0 && claim.bound == 1.0);
}

/// Minima that are above what was played show up: C4 fails.
#[test]
fn minima_that_are_none_break_the_claims() {
    let steps = (1..=20)
        .map(|q| Step { penalty: 0.0, violations: vec![1.0], queue_after: vec![f64::from(q)], gap: Some(0.0) })
        .collect();
    let history = History::new(1.0, vec![0.0], steps).unwrap();
    let policy = vec![Action { penalty: 0.0, violations: vec![1.0] }; 20];
    let at = |minimum: f64| queue_norm_on_path(&history, &[1.0], &[minimum; 20], &policy).unwrap();
    // p + mu g = 1 in every slot.
    assert!(at(1.0).holds && at(1.0).value == 20.0);
    assert!(!at(20.0).holds && at(20.0).bound == 1.0);
}

#[test]
fn certificates_that_do_not_apply_say_why() {
    let (history, slater_actions) = small();
    let mut unknown = history.steps().to_vec();
    unknown[4].gap = None;
    let unknown = History::new(4.0, vec![0.0; 2], unknown).unwrap();
    assert_eq!(against_optimum(&unknown, 0.0), Err(CertificateError::GapUnknown { slot: 4 }));
    assert_eq!(slater(&unknown, 1, &slater_actions), Err(CertificateError::GapUnknown { slot: 4 }));
    assert!(Certificate::of(&unknown, 0).is_some_and(|c1| c1.holds()));
    let mut tight = slater_actions.clone();
    tight[7].violations[1] = 0.0;
    let error = slater(&history, 1, &tight).unwrap_err();
    assert_eq!(error, CertificateError::NoSlack { frame: 7, constraint: 1, violation: 0.0 });
    assert!(matches!(slater(&history, 0, &tight), Err(CertificateError::Value { what: "frame", .. })));
    let empty = History::new(4.0, vec![0.0; 2], vec![]).unwrap();
    assert_eq!(against_policy(&empty, &[]), Err(CertificateError::NoSlots));
    assert_eq!(against_optimum(&empty, 0.0), Err(CertificateError::NoSlots));
    assert!(matches!(against_policy(&history, &slater_actions[1..]), Err(CertificateError::Length { .. })));
    assert!(matches!(queue_norm(&history, &[1.0, -1.0], 0.0), Err(CertificateError::Value { index: 1, .. })));
    assert!(matches!(queue_norm(&history, &[1.0, 1.0], f64::NAN), Err(CertificateError::Value { .. })));
    let on_path = |minima: &[f64]| queue_norm_on_path(&history, &[1.0, 1.0], minima, &slater_actions);
    assert!(matches!(on_path(&[0.0; 9]), Err(CertificateError::Length { what: "minima", expected: 10, found: 9 })));
    assert!(matches!(on_path(&[f64::NAN; 10]), Err(CertificateError::Value { what: "minima", index: 0, .. })));
    assert!(on_path(&[-100.0; 10]).is_ok_and(|claim| claim.holds));
    assert!(matches!(frames(&history, 0, &slater_actions), Err(CertificateError::Value { what: "frame", .. })));
    let mut greedy = slater_actions;
    greedy[3].violations[0] = 100.0;
    let error = frames(&history, 3, &greedy).unwrap_err();
    assert!(matches!(error, CertificateError::Value { what: "frame's violation", index: 1, .. }));
}

#[test]
fn offline_problems_refuse_bad_input() {
    let action = |penalty, g| Action { penalty, violations: vec![g] };
    assert!(matches!(OfflineProblem::new(vec![]), Err(OfflineError::Empty { .. })));
    assert!(matches!(OfflineProblem::new(vec![vec![action(0.0, 0.0)], vec![]]), Err(OfflineError::Empty { .. })));
    let nan = OfflineProblem::new(vec![vec![action(f64::NAN, 0.0)]]);
    assert!(matches!(nan, Err(OfflineError::Value { state: 0, .. })));
    let ragged = OfflineProblem::new(vec![vec![action(0.0, 0.0), Action { penalty: 0.0, violations: vec![] }]]);
    assert!(matches!(ragged, Err(OfflineError::Length { state: 0, expected: 1, found: 0 })));
    let many = vec![vec![action(0.0, 0.0)]; OfflineProblem::MOST_ACTIONS + 1];
    assert!(matches!(OfflineProblem::new(many), Err(OfflineError::TooLarge { .. })));
    #[cfg(feature = "milp")]
    {
        let broken = OfflineProblem::new(vec![vec![action(0.0, 1.0), action(0.0, 0.5)]]).unwrap();
        assert_eq!(broken.optimum(), Err(OfflineError::Infeasible));
    }
}
