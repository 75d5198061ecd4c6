//! Fading: moments, correlation, reproducibility.

use approx::assert_abs_diff_eq;
use collapipe::network::radio::{Correlation, Fading, FadingProcess, LinkId, Scattered, Sight};
use collapipe::units::{Hertz, Seconds};
use proptest::prelude::*;

const SLOTS: usize = 100_000;

fn path(coefficient: f64, seed: u64, slots: usize) -> Vec<Scattered> {
    let mut process = FadingProcess::new(coefficient, seed, 0, LinkId::between(1, 2));
    (0..slots as u64)
        .map(|slot| {
            process.seek(slot);
            process.state()
        })
        .collect()
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len() as f64;
    values.sum::<f64>() / count
}

#[test]
fn rayleigh_power_is_exponential_of_mean_one() {
    for (coefficient, seed) in [(0.0, 1), (0.7, 2), (-0.4, 3)] {
        let powers: Vec<f64> =
            path(coefficient, seed, SLOTS).into_iter().map(|g| Fading::Rayleigh.power(Sight::Los, g)).collect();
        // The power's autocorrelation is a^(2 lag): fewer independent samples than slots.
        let squared = coefficient * coefficient;
        let independent = SLOTS as f64 * (1.0 - squared) / (1.0 + squared);
        assert_abs_diff_eq!(mean(powers.iter().copied()), 1.0, epsilon = 5.0 / independent.sqrt());
        // E P^2 = 2 with deviation sqrt(20) for the exponential law.
        assert_abs_diff_eq!(mean(powers.iter().map(|p| p * p)), 2.0, epsilon = 5.0 * 20f64.sqrt() / independent.sqrt());
        // Outage: P(P < x) = 1 - exp(-x).
        let share = powers.iter().filter(|p| **p < 0.1).count() as f64 / SLOTS as f64;
        assert_abs_diff_eq!(share, 1.0 - (-0.1f64).exp(), epsilon = 5.0 * 0.3 / independent.sqrt());
    }
}

#[test]
fn every_slot_has_the_stationary_law() {
    // Over many links instead of slots, also in the first slots of a strongly correlated process.
    let links = 20_000u32;
    for slot in [0, 1, 5] {
        let powers = (0..links).map(|i| {
            let mut process = FadingProcess::new(0.95, 4, 0, LinkId::between(i, i + 1));
            process.seek(slot);
            process.state().power()
        });
        assert_abs_diff_eq!(mean(powers), 1.0, epsilon = 5.0 / f64::from(links).sqrt());
    }
}

#[test]
fn neighbouring_slots_have_the_given_correlation() {
    for (coefficient, seed) in [(0.0, 5), (0.5, 6), (0.9, 7), (-0.6, 8)] {
        let g = path(coefficient, seed, SLOTS);
        let products = |lag: usize| {
            mean(g.iter().zip(&g[lag..]).map(|(a, b)| a.re * b.re + a.im * b.im).collect::<Vec<_>>().into_iter())
        };
        let tolerance =
            5.0 * ((1.0 + coefficient * coefficient) / (1.0 - coefficient * coefficient) / SLOTS as f64).sqrt();
        assert_abs_diff_eq!(products(1), coefficient, epsilon = tolerance);
        assert_abs_diff_eq!(products(3), coefficient.powi(3), epsilon = tolerance);
        let rotated =
            mean(g.iter().zip(&g[1..]).map(|(a, b)| a.re * b.im - a.im * b.re).collect::<Vec<_>>().into_iter());
        assert_abs_diff_eq!(rotated, 0.0, epsilon = tolerance);
    }
    let still = path(1.0, 9, 10);
    assert!(still.iter().all(|g| *g == still[0]));
}

#[test]
fn rician_factor_is_recovered() {
    for (k_factor_db, seed) in [(0.0, 10), (6.0, 11), (9.0, 12)] {
        let fading = Fading::Rician { k_factor_db };
        let powers: Vec<f64> = path(0.0, seed, SLOTS).into_iter().map(|g| fading.power(Sight::Los, g)).collect();
        let average = mean(powers.iter().copied());
        assert_abs_diff_eq!(average, 1.0, epsilon = 5.0 / (SLOTS as f64).sqrt());
        // Var P = (1 + 2K)/(1 + K)^2, hence sqrt(1 - Var P) = K/(1 + K).
        let variance = mean(powers.iter().map(|p| (p - average).powi(2)));
        let share = (1.0 - variance).sqrt();
        assert_abs_diff_eq!(10.0 * (share / (1.0 - share)).log10(), k_factor_db, epsilon = 0.15);
    }
    let g = Scattered { re: 0.3, im: -0.2 };
    assert_eq!(Fading::Rician { k_factor_db: 9.0 }.power(Sight::Nlos, g), g.power());
    assert_eq!(Fading::None.power(Sight::Nlos, g), 1.0);
}

#[test]
fn jakes_coefficient_is_bessel_j0() {
    let jakes =
        |speed: f64, slot: f64| Correlation::Jakes { doppler_speed_m_per_s: speed, slot_seconds: Seconds(slot) };
    assert_eq!(jakes(0.0, 1.0).coefficient(Hertz(2e9)), 1.0);
    // At f_c = c/1 m the argument is 2π v τ: J0 at 1, at its first zero and at 5 (Abramowitz and Stegun, table 9.1).
    let at = |x: f64| jakes(x / std::f64::consts::TAU, 1.0).coefficient(Hertz(299_792_458.0));
    assert_abs_diff_eq!(at(1.0), 0.765_197_686_557_966_6, epsilon = 1e-14);
    assert_abs_diff_eq!(at(2.404_825_557_695_773), 0.0, epsilon = 1e-14);
    assert_abs_diff_eq!(at(5.0), -0.177_596_771_314_338_3, epsilon = 1e-14);
}

#[test]
fn out_of_range_is_an_error() {
    let text = |result: Result<(), collapipe::problem::FieldError>| result.unwrap_err().to_string();
    assert_eq!(
        text(Correlation::Coefficient(1.5).validate("channel.correlation")),
        "channel.correlation.coefficient = 1.5: must be in [-1, 1]"
    );
    let jakes = Correlation::Jakes { doppler_speed_m_per_s: 1.0, slot_seconds: Seconds(0.0) };
    assert_eq!(text(jakes.validate("c")), "c.jakes.slot_seconds = 0: must be in (0, 1e9] s");
    let jakes = Correlation::Jakes { doppler_speed_m_per_s: f64::NAN, slot_seconds: Seconds(1.0) };
    assert_eq!(text(jakes.validate("c")), "c.jakes.doppler_speed_m_per_s = NaN: must be in [0, 1000] m/s");
    let rician = Fading::Rician { k_factor_db: f64::INFINITY };
    assert_eq!(text(rician.validate("f")), "f.rician.k_factor_db = inf: must be in [-100, 100] dB");
}

proptest! {
    #[test]
    fn a_slot_is_the_same_however_it_is_reached(
        seed: u64,
        cluster: u64,
        coefficient in prop_oneof![Just(0.0), -1.0..1.0f64],
        order in proptest::collection::vec(0..40u64, 1..20),
    ) {
        let link = LinkId::between(7, 3);
        let mut wandering = FadingProcess::new(coefficient, seed, cluster, link);
        for slot in order {
            wandering.seek(slot);
            let mut straight = FadingProcess::new(coefficient, seed, cluster, LinkId::between(3, 7));
            for step in 0..=slot {
                straight.seek(step);
            }
            prop_assert_eq!(&wandering, &straight);
        }
    }
}
