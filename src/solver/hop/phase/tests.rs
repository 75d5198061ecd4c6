//! Optimality of the phase solver, judged by its own primal and dual values and by direct search.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use super::*;

/// A phase with parameters spread over `spread` times their usual decades.
fn random_phase(rng: &mut Pcg64, hops: usize, spread: f64) -> PhaseRadio {
    let mut log = |low: f64, high: f64| 10f64.powf(low + (high - low) * rng.random::<f64>());
    let price = log(-2.0 * spread, 2.0 * spread);
    let nats = log(4.0, 7.0);
    let micro = log(0.0, 2.0).floor();
    let latency = if log(0.0, 1.0) < 5.0 { 0.0 } else { log(-4.0, -1.0) };
    let mut radio = PhaseRadio::new(2e7, price * (micro - 1.0), latency);
    for _ in 0..hops {
        let energy = if log(0.0, 1.0) < 1.5 { 0.0 } else { log(-spread, spread) };
        let gain = log(8.0 - 2.0 * spread, 8.0 + 2.0 * spread);
        radio.push(Hop::new(nats, gain, 0.2, price + energy * micro * 0.1, energy * micro / 0.4));
    }
    radio
}

#[test]
fn primal_meets_dual() {
    let mut rng = Pcg64::seed_from_u64(1);
    let mut scratch = Scratch::default();
    let (mut worst, mut fallbacks, mut evaluations) = (0.0f64, 0, 0);
    let rounds = 20_000;
    for round in 0..rounds {
        let spread = [0.5, 1.0, 3.0][round % 3];
        let hops = 1 + round % 12;
        let radio = random_phase(&mut rng, hops, spread);
        let free = radio.solve(0.0, None, &mut scratch);
        let pace = if free.prices.pace.is_finite() { free.prices.pace } else { 1.0 };
        for factor in [0.0, 0.5, 1.0, 1.3, 3.0, 100.0] {
            let floor = factor * pace;
            let start = radio.guess(floor);
            scratch.reset(&radio);
            scratch.evaluations = 0;
            let settled = radio.newton(floor, start, &mut scratch).is_some();
            evaluations += scratch.evaluations;
            let solved = radio.solve(floor, None, &mut scratch);
            let sent = radio.sendings(&solved, &mut scratch);
            let value = radio.spent(floor, &sent).1;
            let gap = (value - solved.value) / value;
            let band: f64 = sent.iter().map(|s| s.band).sum();
            assert!((band / radio.band - 1.0).abs() < 1e-12, "band {band}");
            assert!(
                gap.abs() < 1e-7 && (spread > 1.0 || gap.abs() < 1e-10),
                "round {round} factor {factor} gap {gap:e} settled {settled} {radio:?} {solved:?}"
            );
            worst = worst.max(gap.abs());
            fallbacks += usize::from(!settled);
        }
    }
    println!(
        "worst gap {worst:e}, {fallbacks} fallbacks of {}, {} evaluations per solve",
        6 * rounds,
        evaluations as f64 / (6 * rounds) as f64
    );
}

/// Every minorant is below Φ at every floor, not only where it was made; and what is said of Φ at one floor from its
/// solution at another is what a solve there says.
#[test]
fn minorants_stay_below_at_every_floor() {
    let mut rng = Pcg64::seed_from_u64(5);
    let mut scratch = Scratch::default();
    let (mut steep, mut known) = (0, 0);
    for round in 0..600 {
        let radio = random_phase(&mut rng, 1 + round % 8, 1.0);
        let free = radio.solve(0.0, None, &mut scratch);
        let pace = if free.prices.pace.is_finite() { free.prices.pace } else { 1.0 };
        let floors = [0.0, 0.4, 0.9, 1.0, 1.05, 1.3, 2.0, 8.0, 100.0].map(|factor| factor * pace);
        let solved = floors.map(|floor| radio.solve(floor, None, &mut scratch));
        let mut minorants: Vec<Minorant> = solved.iter().map(|solved| solved.minorant).collect();
        minorants.push(radio.trivial_minorant());
        for at in floors {
            minorants.push(radio.quick_minorant(at, None, &mut scratch).1);
            for factor in [0.3, 3.0] {
                let start = Some(free.prices.scaled(factor));
                minorants.push(radio.quick_minorant(at, start, &mut scratch).1);
            }
        }
        scratch.coarse = true;
        minorants.extend(floors.map(|floor| radio.solve(floor, None, &mut scratch).minorant));
        scratch.coarse = false;
        // Where no pace can be placed the bound comes from cap prices scaled to the pace price, or of the slowest hop.
        for solved in &solved {
            scratch.reset(&radio);
            let sums = radio.totals(solved.prices, &mut scratch);
            if sums.cap_price > 0.0 && radio.pace_price > 0.0 {
                minorants.push(radio.rescued_minorant(solved.prices, &sums, &mut scratch));
            }
        }
        for minorant in &minorants {
            assert!(minorant.slope >= 0.0 && minorant.slope <= radio.pace_price * (1.0 + 1e-12), "{minorant:?}");
            for (floor, solved) in floors.iter().zip(&solved) {
                let (low, value) = (minorant.at(*floor), solved.value);
                // Terms that cancel in a minorant are as large as its slope and its intercept.
                let size = value + minorant.intercept.abs() + minorant.slope * floor;
                assert!(low <= value + 1e-9 * size, "round {round}: {low} above {value} at {floor}: {minorant:?}");
            }
            steep += usize::from(minorant.slope > 0.0);
        }
        let mut curve = crate::solver::hop::curve::Curve::default();
        for (at, solved) in [4usize, 0, 8, 2, 6, 1, 3, 5, 7].map(|at| (at, &solved[at])) {
            known += usize::from(curve.known(floors[at]).is_some());
            let exact = curve.exact(&radio, floors[at], &mut scratch);
            let off = (exact.value - solved.value).abs();
            assert!(off <= 1e-9 * solved.value, "round {round}: {} is {}", exact.value, solved.value);
            assert!(curve.low(floors[at]) <= solved.value * (1.0 + 1e-9));
            assert!(curve.low(floors[at]) >= solved.value * (1.0 - 1e-9));
        }
        curve.clear();
        assert!(curve.known(0.0).is_none() && curve.last_solved().is_none());
        assert_eq!(curve.low(pace), f64::NEG_INFINITY);
    }
    assert!(steep > 1000 && known > 600, "{steep} {known}");
}
