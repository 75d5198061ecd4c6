//! One phase by itself: the links of the whole slot's optimum, and errors for what does not fit.

use collapipe::instances::InstanceSize;
use collapipe::problem::{Participation, Phase, SlotProblem};
use collapipe::solver::backend::RadioFor;
use collapipe::solver::{PhaseProblem, Settings, SolveError, solve, solve_radio};

fn problem(seed: u64, participation: Participation) -> SlotProblem {
    InstanceSize { devices: 9, participation, ..InstanceSize::default() }.sample(seed).unwrap()
}

fn integers(problem: &SlotProblem) -> RadioFor {
    RadioFor::decision(&solve(problem, &Settings::default()).unwrap().certified().unwrap().decision)
}

/// A cluster's phases do not share anything once its integers are given: each by itself finds what the slot's radio
/// finds.
#[test]
fn phases_are_those_of_the_slot() {
    for seed in 0..20 {
        for participation in [Participation::All, Participation::Select] {
            let problem = problem(seed, participation);
            let given = integers(&problem);
            let solution = solve_radio(&problem, &given, &Settings::default()).unwrap();
            let best = solution.certified().unwrap();
            let decided = &best.decision.clusters[0];
            let (prices, band) = (&best.shadow_prices, problem.clusters[0].bandwidth_hz.0);
            for (phase, links, price) in [
                (Phase::Forward, &decided.forward, prices.forward_band_per_hz[0]),
                (Phase::Backward, &decided.backward, prices.backward_band_per_hz[0]),
            ] {
                let found = PhaseProblem::new(&problem, &given, 0, phase).unwrap().solve();
                assert_eq!(found.links.len(), links.len());
                for (found, decided) in found.links.iter().zip(links.iter().flatten()) {
                    let error = |a: f64, b: f64| (a / b - 1.0).abs();
                    assert!(error(found.bandwidth_hz.0, decided.bandwidth_hz.0) < 1e-7, "{found:?} for {decided:?}");
                    assert!(error(found.power_w.0, decided.power_w.0) < 1e-6, "{found:?} for {decided:?}");
                }
                let filled: f64 = found.links.iter().map(|link| link.bandwidth_hz.0).sum();
                assert!((filled / band - 1.0).abs() < 1e-12, "{filled} of {band}");
                assert!((found.band_per_hz / price - 1.0).abs() < 1e-7, "{} for {price}", found.band_per_hz);
                let gap = (found.cost - found.lower_bound) / found.cost;
                assert!((0.0..=1e-10).contains(&gap), "gap {gap:e}");
                let latency = problem.clusters[0].hop_latency_s.same().unwrap().0;
                assert!(found.times_s.iter().all(|time| latency + time.0 <= found.pace_s.0));
            }
        }
    }
}

#[test]
fn what_does_not_fit_is_named() {
    let problem = problem(1, Participation::All);
    let given = integers(&problem);
    let refused = |problem: &SlotProblem, given: &RadioFor, cluster| {
        let error = PhaseProblem::new(problem, given, cluster, Phase::Forward).unwrap_err();
        assert!(matches!(error, SolveError::Question(_)), "{error:?}");
        error.to_string()
    };
    let text = refused(&problem, &given, 1);
    assert!(text.contains("cluster") && text.contains("below 1"), "{text}");
    let mut short = given.clone();
    short.clusters[0].sizes[0] += 1;
    assert!(refused(&problem, &short, 0).contains("sizes"));
    let mut spec = problem.into_spec();
    spec.clusters[0].gain_to_noise_hz_per_w.0[(2, 3)] = 0.0;
    let text = refused(&SlotProblem::new(spec).unwrap(), &given, 0);
    assert!(text.contains("clusters[0]") && text.contains("gain"), "{text}");
}
