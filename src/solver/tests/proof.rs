//! Bounds from prices against an enumeration of every choice.

use super::enumeration::enumerated;
use super::*;

fn problems() -> impl Iterator<Item = SlotProblem> {
    (0..24).map(|seed| {
        let participation = if seed % 2 == 0 { Participation::All } else { Participation::Select };
        let size = InstanceSize { devices: 3, blocks: 8, plans: 3, participation, ..InstanceSize::default() };
        size.sample(seed).unwrap()
    })
}

#[test]
fn the_prices_of_an_answer_prove_its_bound() {
    for (seed, problem) in problems().enumerate() {
        let best = solved(&problem);
        let least = enumerated(&problem);
        let bound = bound_from_prices(&problem, &best.shadow_prices, best.lower_bound).unwrap();
        let room = 1e-8 * best.evaluation.terms.magnitude();
        assert!(bound >= best.lower_bound - room && bound <= least + room, "seed {seed}: {bound}, {least}");
    }
}

/// Whatever the prices and the claim, no bound is above the cheapest choice.
#[test]
fn wrong_prices_and_claims_make_no_bound_wrong() {
    for (seed, problem) in problems().enumerate() {
        let best = solved(&problem);
        let least = enumerated(&problem);
        let room = 1e-8 * best.evaluation.terms.magnitude();
        for factor in [0.0, 1e-3, 0.3, 5.0, 1e6, f64::NAN, f64::INFINITY, -1.0] {
            let mut prices = best.shadow_prices.clone();
            prices.forward_band_per_hz.iter_mut().for_each(|price| *price *= factor);
            prices.backward_band_per_hz.iter_mut().for_each(|price| *price *= factor);
            let bound = bound_from_prices(&problem, &prices, best.lower_bound).unwrap();
            assert!(bound >= best.lower_bound - room && bound <= least + room, "seed {seed}, prices times {factor}");
        }
        let claimed = best.objective() + 0.1 * best.objective().abs();
        let bound = bound_from_prices(&problem, &ShadowPrices::default(), claimed).unwrap();
        assert!(bound <= least + room && bound >= least - 1e-6 * best.evaluation.terms.magnitude(), "seed {seed}");
    }
}

#[test]
fn what_is_not_verified_says_why() {
    let prices = ShadowPrices::default();
    let unverified = |spec: SlotSpec| bound_from_prices(&built(spec), &prices, 0.0).unwrap_err();
    let two = InstanceSize { clusters: 2, ..InstanceSize::default() };
    assert_eq!(unverified(sample(two, 1)), Unverified::Clusters(2));
    let many =
        InstanceSize { devices: 30, blocks: 40, participation: Participation::Select, ..InstanceSize::default() };
    assert!(matches!(unverified(sample(many, 1)), Unverified::TooMany { .. }));
    let mut blocking = sample(InstanceSize::default(), 1);
    blocking.overlap = Overlap::None;
    assert_eq!(unverified(blocking), Unverified::Beyond);
    let mut starved = sample(InstanceSize::default(), 1);
    starved.clusters[0].devices.iter_mut().for_each(|device| device.memory_bytes.0 = 0.0);
    assert!(matches!(unverified(starved), Unverified::Infeasible(_)));
}
