//! Path loss, line of sight, noise: against ns-3's reference values, the documentation and the laws they obey.

use approx::{assert_abs_diff_eq, assert_relative_eq};
use collapipe::network::radio::{
    Geometry, LinkId, Noise, PathLossModel, ReferenceLink, Sight, SightRule, shadowing_db,
};
use collapipe::units::{Hertz, Meters, Watts};
use proptest::prelude::*;

fn link(ground: f64, one: f64, other: f64) -> Geometry {
    Geometry::new(Meters(ground), Meters(one), Meters(other))
}

fn loss(model: PathLossModel, sight: Sight, geometry: Geometry, carrier_ghz: f64) -> f64 {
    model.loss_db(sight, geometry, Hertz(carrier_ghz * 1e9)).unwrap()
}

/// A carrier and heights that every model admits.
fn common(model: PathLossModel, ground: f64) -> (Geometry, f64) {
    match model {
        PathLossModel::D2dIndoor => (link(ground, 1.5, 1.5), 2.0),
        _ => (link(ground, 1.5, 5.0), 2.0),
    }
}

#[test]
#[cfg(feature = "cli")] // for the csv reader
fn reference_vectors() {
    let Some(path) = crate::support::shared("data/radio/pathloss_reference_vectors.csv") else { return };
    let mut count = 0;
    for row in csv::Reader::from_path(&path).unwrap().records() {
        let row = row.unwrap();
        let (model, base) = match &row[0] {
            "UMa" => (PathLossModel::Uma, 25.0),
            "UMi" => (PathLossModel::UmiStreetCanyon, 10.0),
            "InH-office" => (PathLossModel::InhOffice, 3.0),
            other => panic!("scenario {other}"),
        };
        let sight = if &row[1] == "LOS" { Sight::Los } else { Sight::Nlos };
        let number = |column: usize| row[column].parse::<f64>().unwrap();
        let ours = loss(model, sight, link(number(3), base, 1.5), number(2));
        // ns-3 rounds the speed of light, which shows beyond the break point only.
        let tolerance = if number(6).abs() > 1e-3 { 1e-2 } else { 1e-3 };
        assert_abs_diff_eq!(ours, number(5), epsilon = tolerance);
        assert_abs_diff_eq!(ours, number(4), epsilon = 1e-3);
        count += 1;
    }
    assert_eq!(count, 16);
}

/// The same values for a clone without the shared data: one per model and case.
#[test]
fn ns3_expected_values() {
    use PathLossModel::{InhOffice, Uma, UmiStreetCanyon};
    for (model, sight, base, ground, expected, tolerance) in [
        (Uma, Sight::Los, 25.0, 100.0, 86.2362, 1e-3),
        (Uma, Sight::Los, 25.0, 5000.0, 137.6794, 1e-2),
        (Uma, Sight::Nlos, 25.0, 1000.0, 144.7641, 1e-3),
        (UmiStreetCanyon, Sight::Los, 10.0, 100.0, 88.4122, 1e-3),
        (UmiStreetCanyon, Sight::Los, 10.0, 1000.0, 119.3114, 1e-2),
        (UmiStreetCanyon, Sight::Nlos, 10.0, 5000.0, 167.8617, 1e-3),
        (InhOffice, Sight::Los, 3.0, 1.0, 50.8072, 1e-3),
        (InhOffice, Sight::Nlos, 3.0, 50.0, 99.7824, 1e-3),
    ] {
        assert_abs_diff_eq!(loss(model, sight, link(ground, 1.5, base), 5.0), expected, epsilon = tolerance);
    }
}

/// Computed by hand from the formulas of the documentation.
#[test]
fn device_to_device_values() {
    use PathLossModel::{D2dIndoor, D2dOutdoor};
    let free_space = |d: f64, ghz: f64| 46.6 + 20.0 * d.log10() + 20.0 * (ghz / 5.0).log10();
    // Both antennas at 1.5 m and 2 GHz: break point 4 * 0.5 * 0.8 * 2e9 / c = 10.67 m.
    assert_abs_diff_eq!(loss(D2dOutdoor, Sight::Los, link(10.0, 1.5, 1.5), 2.0), free_space(10.0, 2.0), epsilon = 1e-9);
    // 40*2 + 7.56 - 17.3 log10(0.4) + 2.7 log10 2
    assert_abs_diff_eq!(loss(D2dOutdoor, Sight::Los, link(100.0, 1.5, 1.5), 2.0), 95.2573, epsilon = 1e-3);
    // (44.9 - 6.55 log10 1.5)*2 + 5.83 log10 1.5 + 14.78 + 34.97 log10 2 - 5
    assert_abs_diff_eq!(loss(D2dOutdoor, Sight::Nlos, link(100.0, 1.5, 1.5), 2.0), 108.8269, epsilon = 1e-3);
    // (44.9 - 6.55 log10 1.5)*2 + 5.83 log10 1.5 + 16.33 + 26.16 log10 0.77 - 5
    assert_abs_diff_eq!(loss(D2dOutdoor, Sight::Nlos, link(100.0, 1.5, 1.5), 0.77), 96.8806, epsilon = 1e-3);
    // 89.5 - 16.9*2 and 147.5 - 43.3*2
    assert_abs_diff_eq!(loss(D2dIndoor, Sight::Los, link(10.0, 1.5, 1.5), 2.0), 55.7, epsilon = 1e-9);
    assert_abs_diff_eq!(loss(D2dIndoor, Sight::Nlos, link(10.0, 1.5, 1.5), 2.0), 60.9, epsilon = 1e-9);
    // Nearer than 6.3 m the NLOS formula falls below LOS.
    let near = link(4.0, 1.5, 1.5);
    assert_eq!(loss(D2dIndoor, Sight::Nlos, near, 2.0), loss(D2dIndoor, Sight::Los, near, 2.0));
}

#[test]
fn names_are_those_of_scenario_files() {
    for model in PathLossModel::ALL {
        assert_eq!(serde_json::to_string(&model).unwrap(), format!("\"{model}\""));
    }
}

#[test]
fn near_counts_as_the_minimum() {
    for model in PathLossModel::ALL {
        let min = model.validity().min_distance.0;
        for sight in [Sight::Los, Sight::Nlos] {
            let at = |ground: f64| {
                let (geometry, carrier) = common(model, ground);
                loss(model, sight, geometry, carrier)
            };
            assert_eq!(at(0.0), at(min));
            assert!(at(2.0 * min) > at(min));
        }
    }
}

#[test]
fn out_of_range_is_an_error() {
    use PathLossModel::{D2dOutdoor, Uma, UmiStreetCanyon};
    let text = |model: PathLossModel, geometry: Geometry, carrier: f64| {
        model.loss_db(Sight::Los, geometry, Hertz(carrier)).unwrap_err().to_string()
    };
    let good = link(100.0, 1.5, 10.0);
    assert_eq!(
        text(D2dOutdoor, good, 2.4e9),
        "carrier_hz = 2400000000: must be in [7.58e8, 7.98e8] or [1.92e9, 2.17e9] Hz for path loss d2d-outdoor"
    );
    assert!(text(Uma, good, f64::NAN).starts_with("carrier_hz = NaN: must be in [5e8, 1e11] Hz"));
    assert!(text(Uma, good, -1.0).starts_with("carrier_hz = -1: must be"));
    assert!(text(Uma, link(-1.0, 1.5, 10.0), 2e9).starts_with("ground_distance_m = -1: must be"));
    assert!(text(Uma, link(f64::INFINITY, 1.5, 10.0), 2e9).starts_with("ground_distance_m = inf: must be"));
    assert!(
        text(UmiStreetCanyon, link(100.0, 1.0, 10.0), 2e9).starts_with("lower_height_m = 1: must be in [1.5, 22.5]")
    );
    assert!(text(Uma, link(100.0, 14.0, 25.0), 2e9).starts_with("lower_height_m = 14: must be in [1.5, 13]"));
    assert!(
        text(UmiStreetCanyon, link(100.0, 1.5, 60.0), 2e9).starts_with("upper_height_m = 60: must be in [1.5, 50]")
    );
    assert!(Uma.los_probability(Meters(f64::NAN)).is_err());
}

#[test]
fn line_of_sight_probability() {
    use PathLossModel::{D2dIndoor, D2dOutdoor, InhOffice, Uma, UmiStreetCanyon};
    for (model, ground, expected) in [
        (UmiStreetCanyon, 18.0, 1.0),
        (UmiStreetCanyon, 36.0, 0.5 + 0.5 * (-1f64).exp()),
        (UmiStreetCanyon, 100.0, 0.2310),
        (Uma, 0.0, 1.0),
        (Uma, 63.0, 18.0 / 63.0 + (-1f64).exp() * 45.0 / 63.0),
        (InhOffice, 5.0, 1.0),
        (InhOffice, 49.0, (-44f64 / 70.8).exp()),
        (InhOffice, 260.7, 0.54 * (-1f64).exp()),
        (D2dOutdoor, 10.0, 1.0),
        (D2dOutdoor, 36.0, 0.5 * (1.0 - (-1f64).exp()) + (-1f64).exp()),
        (D2dIndoor, 18.0, 1.0),
        (D2dIndoor, 31.5, (-0.5f64).exp()),
        (D2dIndoor, 37.0, 0.5),
        (D2dIndoor, 1000.0, 0.5),
    ] {
        assert_abs_diff_eq!(model.los_probability(Meters(ground)).unwrap(), expected, epsilon = 1e-4);
    }
}

#[test]
fn line_of_sight_is_drawn_with_its_probability() {
    let links = 20_000;
    let seen = (0..links).filter(|&i| SightRule::Drawn.sight(0.3, 11, 0, LinkId::between(i, i + 1)) == Sight::Los);
    let share = seen.count() as f64 / f64::from(links);
    assert_abs_diff_eq!(share, 0.3, epsilon = 5.0 * (0.3 * 0.7 / f64::from(links)).sqrt());
    let link = LinkId::between(3, 8);
    assert_eq!(SightRule::Los.sight(0.0, 1, 0, link), Sight::Los);
    assert_eq!(SightRule::Nlos.sight(1.0, 1, 0, link), Sight::Nlos);
    assert_eq!(SightRule::Drawn.sight(1.0, 1, 0, link), Sight::Los);
    assert_eq!(SightRule::Drawn.sight(0.0, 1, 0, link), Sight::Nlos);
}

#[test]
fn shadowing_has_its_moments_and_is_reciprocal() {
    let links = 20_000u32;
    let draws: Vec<f64> = (0..links).map(|i| shadowing_db(7.82, 5, 2, LinkId::between(i, i + 7))).collect();
    let n = f64::from(links);
    let mean = draws.iter().sum::<f64>() / n;
    let std = (draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt();
    assert_abs_diff_eq!(mean, 0.0, epsilon = 5.0 * 7.82 / n.sqrt());
    assert_abs_diff_eq!(std, 7.82, epsilon = 5.0 * 7.82 / (2.0 * n).sqrt());
    assert_eq!(shadowing_db(4.0, 9, 1, LinkId::between(2, 5)), shadowing_db(4.0, 9, 1, LinkId::between(5, 2)));
    assert_ne!(shadowing_db(4.0, 9, 1, LinkId::between(2, 5)), shadowing_db(4.0, 9, 2, LinkId::between(2, 5)));
    assert_ne!(shadowing_db(4.0, 9, 1, LinkId::between(2, 5)), shadowing_db(4.0, 10, 1, LinkId::between(2, 5)));
}

#[test]
fn the_worked_link_budget() {
    let page = include_str!("../../docs/radio.md");
    let printed = |quantity: &str| -> f64 {
        let row = page.lines().find(|line| line.starts_with(&format!("| {quantity} |"))).expect("a row of the table");
        row.split('|').nth(2).unwrap().trim().parse().unwrap()
    };
    let geometry = link(50.0, 1.5, 10.0);
    let loss = loss(PathLossModel::UmiStreetCanyon, Sight::Los, geometry, 3.5);
    let gain = Noise::thermal(5.0).gain_to_noise_hz_per_w(-loss);
    let reference = ReferenceLink::new(Hertz(10e6), Watts(0.2)).unwrap();
    assert_abs_diff_eq!(printed("distance between the antennas"), geometry.distance().0, epsilon = 5e-4);
    assert_abs_diff_eq!(printed("break point"), 4.0 * 9.0 * 0.5 * 3.5e9 / 299_792_458.0, epsilon = 5e-3);
    assert_abs_diff_eq!(printed("path loss"), loss, epsilon = 5e-4);
    assert_relative_eq!(
        printed("noise density of the edge server"),
        Noise::thermal(5.0).density_w_per_hz(),
        max_relative = 5e-5
    );
    assert_relative_eq!(printed("gain-to-noise ratio"), gain, max_relative = 5e-5);
    assert_abs_diff_eq!(printed("signal-to-noise ratio"), 10.0 * (0.2 * gain / 10e6).log10(), epsilon = 5e-4);
    assert_abs_diff_eq!(printed("rate"), reference.mbps_for(gain), epsilon = 5e-4);
}

fn models() -> impl Strategy<Value = PathLossModel> {
    proptest::sample::select(PathLossModel::ALL.to_vec())
}

/// Any carrier and pair of heights the model admits.
fn admitted() -> impl Strategy<Value = (PathLossModel, f64, f64, f64)> {
    (models(), 0.0..1.0f64, 0.0..1.0f64, 0.0..1.0f64, any::<bool>()).prop_map(
        |(model, carrier, lower, upper, first)| {
            let validity = model.validity();
            let bands = validity.carrier_bands;
            let (low, high) = if first { bands[0] } else { bands[bands.len() - 1] };
            let lower = validity.min_height.0 + lower * (validity.max_lower_height.0 - validity.min_height.0);
            let upper = lower + upper * (validity.max_upper_height.0 - lower);
            (model, low.0 + carrier * (high.0 - low.0), lower, upper)
        },
    )
}

proptest! {
    #[test]
    fn loss_grows_with_distance_and_without_sight(
        (model, carrier, lower, upper) in admitted(),
        near in 0.0..6000.0f64,
        farther in 0.0..3000.0f64,
    ) {
        let at = |ground: f64, sight: Sight| model.loss_db(sight, link(ground, lower, upper), Hertz(carrier)).unwrap();
        for sight in [Sight::Los, Sight::Nlos] {
            prop_assert!(at(near + farther, sight) >= at(near, sight) - 1e-9);
            prop_assert!(at(near, sight).is_finite());
        }
        prop_assert!(at(near, Sight::Nlos) >= at(near, Sight::Los));
    }

    #[test]
    fn loss_is_reciprocal((model, carrier, lower, upper) in admitted(), ground in 0.0..6000.0f64) {
        for sight in [Sight::Los, Sight::Nlos] {
            let there = model.loss_db(sight, link(ground, lower, upper), Hertz(carrier)).unwrap();
            let back = model.loss_db(sight, link(ground, upper, lower), Hertz(carrier)).unwrap();
            prop_assert_eq!(there, back);
        }
    }

    #[test]
    fn loss_has_no_jump(model in models(), ground in 1.0..6000.0f64, sight in proptest::sample::select(vec![Sight::Los, Sight::Nlos])) {
        // The constants of D2D outdoor leave 0.03 dB at its break point.
        let (here, carrier) = common(model, ground);
        let (there, _) = common(model, ground * 1.0001);
        prop_assert!((loss(model, sight, there, carrier) - loss(model, sight, here, carrier)).abs() < 0.04);
    }

    #[test]
    fn probability_lies_in_the_unit_interval(model in models(), ground in 0.0..1e5f64) {
        let probability = model.los_probability(Meters(ground)).unwrap();
        prop_assert!((0.0..=1.0).contains(&probability));
    }
}
