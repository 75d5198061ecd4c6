//! What holds of the bound for local steps whatever the parameters.

use collapipe::bounds::{BoundError, Form, LocalSteps, MAX_STEPS};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

fn magnitude(low: f64, high: f64) -> impl Strategy<Value = f64> {
    (low..high).prop_map(|exponent| 10f64.powf(exponent))
}

prop_compose! {
    fn clusters()(rows in prop::collection::vec((0.01..1.0, prop_oneof![Just(0.0), magnitude(-6.0, 6.0)], 1u64..200), 1..6))
        -> (Vec<f64>, Vec<f64>, Vec<u64>)
    {
        let sum: f64 = rows.iter().map(|row| row.0).sum();
        (rows.iter().map(|r| r.0 / sum).collect(), rows.iter().map(|r| r.1).collect(), rows.iter().map(|r| r.2).collect())
    }
}

prop_compose! {
    /// Any schedule, at some fraction of its largest step size.
    fn schedules()(
        (weights, noise_variance, local_steps) in clusters(),
        initial_gap in magnitude(-6.0, 6.0),
        server_steps in magnitude(-1.0, 3.0),
        rounds in magnitude(0.0, 9.0),
        smoothness in magnitude(-6.0, 6.0),
        heterogeneity in prop_oneof![Just(0.0), magnitude(-6.0, 6.0)],
        dissimilarity in prop_oneof![Just(1.0), 1.0..10.0, magnitude(0.0, 6.0)],
        fraction in prop_oneof![Just(1.0), 1e-6..1.0],
    ) -> LocalSteps {
        let mut schedule = LocalSteps {
            initial_gap, step_size: 1.0, server_steps, rounds: rounds as u64, smoothness, weights, noise_variance,
            local_steps, heterogeneity, dissimilarity,
        };
        schedule.step_size = fraction * schedule.largest_step_size().unwrap();
        schedule
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, rng_seed: RngSeed::Fixed(2026), ..ProptestConfig::default() })]

    #[test]
    fn tight_is_below_simple_and_above_half_of_it(schedule in schedules()) {
        let bound = schedule.bound().unwrap();
        prop_assert!(bound.tight <= bound.simple * (1.0 + 1e-12));
        // 1/κ ≥ 1 and 1/(1−q) ≥ 1: no term shrinks by more than its ratio of constants, at most 3.
        prop_assert!(bound.tight >= bound.simple / 3.0 * (1.0 - 1e-12));
        prop_assert!((bound.terms.tight.total() - bound.tight).abs() <= 1e-12 * bound.tight);
    }

    /// The loss in another unit c: Δ, L scale with c, variances with c², η with 1/c; the bound with c².
    #[test]
    fn units(schedule in schedules(), c in magnitude(-3.0, 3.0)) {
        let squared = c * c;
        let scaled = LocalSteps {
            initial_gap: c * schedule.initial_gap,
            smoothness: c * schedule.smoothness,
            step_size: 0.999_999 * schedule.step_size / c,
            noise_variance: schedule.noise_variance.iter().map(|s2| squared * s2).collect(),
            heterogeneity: squared * schedule.heterogeneity,
            ..schedule.clone()
        };
        let expected = LocalSteps { step_size: 0.999_999 * schedule.step_size, ..schedule }.bound().unwrap();
        let found = scaled.bound().unwrap();
        prop_assert!((found.simple - squared * expected.simple).abs() <= 1e-9 * found.simple);
        prop_assert!((found.tight - squared * expected.tight).abs() <= 1e-9 * found.tight);
    }

    /// No step size of a fine grid beats the best one.
    #[test]
    fn best_step_size_is_best(schedule in schedules()) {
        let largest = schedule.largest_step_size().unwrap();
        for form in [Form::Simple, Form::Tight] {
            let best = schedule.best_step_size(form).unwrap();
            prop_assert!(best.step_size <= largest);
            let at = |step_size: f64| {
                let bound = LocalSteps { step_size, ..schedule.clone() }.bound().unwrap();
                if form == Form::Simple { bound.simple } else { bound.tight }
            };
            prop_assert!((at(best.step_size) - best.bound).abs() <= 1e-12 * best.bound);
            let near = (-40..=40).map(|i| best.step_size * 1.01f64.powi(i));
            let far = (0..60).map(|i| largest * 0.7f64.powi(i));
            for step_size in near.chain(far).filter(|&step_size| step_size <= largest) {
                prop_assert!(best.bound <= at(step_size) * (1.0 + 1e-12), "{} beats {:?}", step_size, best);
            }
        }
    }

    /// The number of rounds is enough, and one round less is not.
    #[test]
    fn rounds_are_least(schedule in schedules(), factor in 1.01..100.0) {
        let target = factor * schedule.bound().unwrap().terms.tight.floor();
        if target > 0.0 {
            let at = |rounds| LocalSteps { rounds, ..schedule.clone() }.bound().unwrap().tight;
            if at(MAX_STEPS) > target {
                let error = schedule.rounds_for(target, Form::Tight).unwrap_err();
                prop_assert_eq!(error, BoundError::TooManyRounds { target });
                return Ok(());
            }
            let least = schedule.rounds_for(target, Form::Tight).unwrap();
            prop_assert!(at(least.rounds) <= target);
            prop_assert!(least.rounds == 1 || at(least.rounds - 1) > target);
            let best = schedule.rounds_for_at_best_step_size(target, Form::Tight).unwrap();
            prop_assert!(best.rounds <= least.rounds && best.bound <= target);
        }
    }
}
