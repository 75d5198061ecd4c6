//! The conic backend against the exact solver, and its parts on their own.

use proptest::prelude::*;
use proptest::test_runner::{Config as ProptestConfig, RngSeed};

use super::bound::ConePrices;
use super::hop::PricedMessage;
use super::*;
use crate::instances::InstanceSize;
use crate::problem::{CandidatePlan, Overlap, SlotSpec, Status};
use crate::solver::backend::Exact;
use crate::solver::{Certified, Settings, solve};
use crate::strategies::{ProblemParameters, problems_with_decisions};
use crate::units::{Flops, Seconds};

fn seeded(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, rng_seed: RngSeed::Fixed(2026), ..ProptestConfig::default() }
}

fn certified(solution: Solution) -> Certified {
    solution.outcome.unwrap()
}

/// A seeded problem and the integers of its optimum.
fn sampled(size: InstanceSize, seed: u64) -> (SlotProblem, RadioFor) {
    let problem = size.sample(seed).unwrap();
    let best = certified(solve(&problem, &Settings::default()).unwrap());
    let question = RadioFor::decision(&best.decision);
    (problem, question)
}

#[test]
fn agrees_with_the_exact_solver() {
    for clusters in [1, 2] {
        for seed in 0..10 {
            let (problem, question) = sampled(InstanceSize { clusters, ..InstanceSize::default() }, seed);
            let exact = certified(Exact::default().solve(&problem, &question).unwrap());
            let solution = Conic::default().solve(&problem, &question).unwrap();
            assert_eq!(solution.status, Status::Optimal, "{clusters} clusters, seed {seed}");
            let conic = certified(solution);
            assert!(conic.gap <= 1e-6 && conic.evaluation.feasibility.is_feasible(1e-12));
            let excess = conic.objective() / exact.objective() - 1.0;
            assert!((-1e-9..=1e-6).contains(&excess), "{clusters} clusters, seed {seed}: {excess:e}");
            assert!(conic.lower_bound <= exact.objective() * (1.0 + 1e-9), "{clusters} clusters, seed {seed}");
            let price = |best: &Certified| best.shadow_prices.forward_band_per_hz[0];
            let ratio = price(&conic) / price(&exact);
            assert!((ratio - 1.0).abs() <= 1e-2, "{clusters} clusters, seed {seed}: band price ratio {ratio}");
        }
    }
}

/// Problems over many decades, with either overlap; the integers are random, not the optimal ones.
#[test]
fn random_problems_are_certified() {
    proptest!(seeded(80), |((problem, decision) in problems_with_decisions(ProblemParameters::default()))| {
        let question = RadioFor::decision(&decision);
        let solution = Conic::default().solve(&problem, &question).unwrap();
        let status = solution.status;
        let conic = certified(solution);
        let size = conic.evaluation.terms.magnitude();
        prop_assert_eq!(status == Status::Optimal, conic.gap <= 1e-6);
        prop_assert!(conic.evaluation.feasibility.is_feasible(1e-12));
        // All of 1000 such problems were solved to 1e-6.
        prop_assert!(conic.objective() - conic.lower_bound <= 1e-5 * size, "gap {:e}", conic.gap);
        let random = evaluate(&problem, &decision).unwrap();
        prop_assert!(conic.lower_bound <= random.objective + 1e-9 * size);
        if problem.overlap == Overlap::Full {
            let exact = certified(Exact::default().solve(&problem, &question).unwrap());
            prop_assert!(conic.objective() >= exact.lower_bound - 1e-9 * size);
            prop_assert!(conic.lower_bound <= exact.objective() + 1e-9 * size);
        }
    });
}

/// Weak duality holds at any prices, not only at good ones.
#[test]
fn bounds_at_random_prices_are_valid() {
    let exponents = prop::collection::vec(-6.0..6.0f64, 64);
    let parameters = ProblemParameters { overlap: Some(Overlap::Full), ..ProblemParameters::default() };
    proptest!(seeded(60), |((problem, decision) in problems_with_decisions(parameters.clone()), noise in exponents)| {
        let question = RadioFor::decision(&decision);
        let radio = RadioProgram::new(&problem, &question).unwrap();
        let exact = certified(Exact::default().solve(&problem, &question).unwrap());
        let mut noise = noise.into_iter().cycle().map(|x| 10f64.powf(x));
        let mut draw = |unit: f64| noise.next().unwrap() * unit;
        let size = exact.evaluation.terms.magnitude();
        let prices = ConePrices {
            band: radio.bands.iter().map(|band| draw(size / band.width)).collect(),
            latency: radio.latency.iter().map(|_| draw(1.0)).collect(),
            cap: radio.transmissions.iter().map(|sent| if sent.pace.is_some() { draw(1.0) } else { 0.0 }).collect(),
            floor: radio.paces.iter().map(|_| draw(1.0)).collect(),
        };
        let prices = prices.made_valid(&radio);
        let sum: f64 = prices.latency.iter().sum();
        prop_assert!((sum / problem.latency_weight - 1.0).abs() <= 1e-12);
        let value = radio.dual(&prices).unwrap().0;
        prop_assert!(value <= exact.objective() + 1e-9 * size, "{value} above {}", exact.objective());
        let better = radio.dual(&radio.improve_band_prices(&prices)).unwrap().0;
        prop_assert!(better >= value - 1e-12 * value.abs() && better <= exact.objective() + 1e-9 * size);
    });
}

#[test]
fn scaling_is_undone() {
    let factors = prop::collection::vec(-8.0..8.0f64, 16);
    let cases = (problems_with_decisions(ProblemParameters::default()), factors);
    proptest!(seeded(100), |(((problem, decision), factors) in cases)| {
        let radio = RadioProgram::new(&problem, &RadioFor::decision(&decision)).unwrap();
        let scaling = Scaling::natural(&radio).unwrap();
        prop_assert!(scaling.is_usable());
        let mut factors = factors.into_iter().cycle().map(|x| 10f64.powf(x));
        let mut scaled = |unit: &f64| factors.next().unwrap() * unit;
        let point = RadioPoint {
            time: scaling.time.iter().map(&mut scaled).collect(),
            band: scaling.band.iter().map(&mut scaled).collect(),
        };
        let close = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-13 * a.abs().max(b.abs()));
        let there = scaling.apply(&point);
        let back = scaling.invert(&there);
        prop_assert!(close(&back.time, &point.time) && close(&back.band, &point.band));
        // Around a point, the point's own times and bandwidths are 1.
        let around = Scaling::around(&radio, &point).apply(&point);
        prop_assert!(around.time.iter().chain(&around.band).all(|&value| value == 1.0));
    });
}

#[test]
fn a_hop_is_at_its_minimum() {
    let hops = (-3.0..3.0f64, -4.0..8.0f64, -3.0..3.0f64, -3.0..3.0f64, -9.0..9.0f64, -4.0..4.0f64);
    proptest!(seeded(200), |((nats, gain, power, time, energy, band_price) in hops)| {
        let ten = |x: f64| 10f64.powf(x);
        // One in four sends without a price for its energy.
        let energy = if energy > 4.5 { 0.0 } else { ten(energy) };
        let hop = PricedMessage { nats: ten(nats), gain: ten(gain), max_power: ten(power), time: ten(time), energy };
        let price = ten(band_price);
        let best = hop.on_shared_band(price).unwrap();
        for step in -400..=135 {
            // Up to 501.
            let s = ten(f64::from(step) / 50.0);
            let least = hop.nats / (hop.max_power * hop.gain) * s.exp_m1() / s;
            for stretch in [1.0, 1.01, 1.3, 3.0, 30.0, 1e3] {
                let t = least * stretch;
                let w = hop.nats / (s * t);
                let radiated = w / hop.gain * s.exp_m1() * t;
                let cost = hop.time * t + if energy > 0.0 { energy * radiated } else { 0.0 } + price * w;
                prop_assert!(cost.is_nan() || cost >= best.cost * (1.0 - 1e-9), "{cost} below {} at s = {s}", best.cost);
                if cost.is_finite() {
                    let fixed = hop.on_band(w).unwrap();
                    prop_assert!(fixed.cost + price * w <= cost * (1.0 + 1e-9), "{} + {} against {cost} at s = {s}, t = {t}, w = {w}", fixed.cost, price * w);
                    prop_assert!(fixed.cost + price * w >= best.cost * (1.0 - 1e-9));
                }
            }
        }
    });
}

#[test]
fn questions_and_settings_are_checked() {
    let (problem, question) = sampled(InstanceSize { devices: 3, blocks: 6, ..InstanceSize::default() }, 1);
    let with = |settings| Conic { settings }.solve(&problem, &question).unwrap_err().to_string();
    let usual = ConicSettings::default();
    assert_eq!(with(ConicSettings { gap: f64::NAN, ..usual }), "settings.gap = NaN: must be in [1e-9, 1]");
    assert_eq!(with(ConicSettings { iterations: 0, ..usual }), "settings.iterations = 0: must be at least 1");
    assert_eq!(with(ConicSettings { transmissions: 0, ..usual }), "settings.transmissions = 0: must be at least 1");
    let text = with(ConicSettings { transmissions: 14, ..usual });
    assert_eq!(text, "conic: 15 transmissions, limit settings.transmissions = 14; raise it, or use Exact");
    let mut other = question.clone();
    other.clusters[0].sizes[0] += 1;
    let both =
        |question: &RadioFor| (Conic::default().solve(&problem, question), Exact::default().solve(&problem, question));
    let (conic, exact) = both(&other);
    assert!(matches!(conic, Err(SolveError::Question(_))) && conic.unwrap_err() == exact.unwrap_err());
    // The first device no longer holds its segment.
    let mut spec = problem.clone().into_spec();
    spec.clusters[0].devices[0].memory_bytes = crate::units::Bytes(1.0);
    let starved = SlotProblem::new(spec).unwrap();
    let conic = Conic::default().solve(&starved, &question).unwrap();
    let exact = Exact::default().solve(&starved, &question).unwrap();
    assert_eq!(conic.status, Status::Infeasible);
    assert_eq!(conic.outcome.unwrap_err(), exact.outcome.unwrap_err());
}

/// Where all stages take c, computing and then sending paces like constant latencies longer by c, which the exact
/// solver knows; only the sum of the times counts c once less per hop.
#[test]
fn without_overlap_equal_stages_are_a_longer_latency() {
    for seed in 0..5 {
        let (problem, question) = sampled(InstanceSize { devices: 4, blocks: 4, ..InstanceSize::default() }, seed);
        let (c, micro_batches) = (0.05, 4);
        let mut spec = problem.into_spec();
        spec.plans = vec![CandidatePlan { local_iterations: 3, micro_batches, ..CandidatePlan::default() }];
        spec.encoder.equal_mut().unwrap().forward_flops_per_sample = Flops(1e-30);
        spec.encoder.equal_mut().unwrap().backward_flops_per_sample = Flops(1e-30);
        let cluster = &mut spec.clusters[0];
        let per_sample = Seconds(c * f64::from(micro_batches) / f64::from(cluster.batch_size));
        for end in [&mut cluster.embedding, &mut cluster.decoder].into_iter().flatten() {
            (end.forward_seconds_per_sample, end.backward_seconds_per_sample) = (per_sample, per_sample);
        }
        for device in &mut cluster.devices {
            (device.stage_overhead_s, device.block_overhead_s) = (Seconds(c), Seconds(0.0));
        }
        let question = RadioFor { plan: 0, ..question };
        let mut longer = spec.clone();
        let hop = &mut longer.clusters[0].hop_latency_s;
        *hop = (hop.same().unwrap() + Seconds(c)).into();
        let exact = certified(Exact::default().solve(&SlotProblem::new(longer).unwrap(), &question).unwrap());
        spec.overlap = Overlap::None;
        let solution = Conic::default().solve(&SlotProblem::new(spec.clone()).unwrap(), &question).unwrap();
        assert_eq!(solution.status, Status::Optimal);
        let once_less = spec.latency_weight * 3.0 * 2.0 * 5.0 * c;
        let expected = exact.objective() - once_less;
        let found = certified(solution).objective();
        assert!((found / expected - 1.0).abs() <= 2e-6, "seed {seed}: {found}, expected {expected}");
    }
}

#[test]
fn a_hundred_devices() {
    let (problem, question) = sampled(InstanceSize { devices: 100, blocks: 200, ..InstanceSize::default() }, 1);
    let solution = Conic::default().solve(&problem, &question).unwrap();
    let status = solution.status;
    assert_eq!(status, Status::Optimal, "gap {:e}", certified(solution).gap);
}

/// Numbers at the ends of what problems admit: an answer with a valid bound, or an error that names the statuses.
#[test]
fn extremes_are_answered_or_refused() {
    let changes: [fn(&mut SlotSpec, f64); 6] = [
        |spec, factor| spec.clusters[0].gain_to_noise_hz_per_w.0 *= factor,
        |spec, factor| spec.latency_weight *= factor,
        |spec, factor| spec.encoder.equal_mut().unwrap().boundary_bits_per_sample.0 *= factor,
        |spec, factor| spec.clusters[0].bandwidth_hz.0 *= factor,
        |spec, factor| spec.clusters[0].devices.iter_mut().for_each(|device| device.energy_price *= factor),
        |spec, factor| spec.clusters[0].devices[0].max_power_w.0 *= factor,
    ];
    let (problem, question) = sampled(InstanceSize { devices: 3, blocks: 6, ..InstanceSize::default() }, 2);
    let mut optimal = 0;
    for (index, change) in changes.iter().enumerate() {
        for factor in [1e-20, 1e-12, 1e-6, 1e6, 1e12, 1e17] {
            let mut spec = problem.clone().into_spec();
            change(&mut spec, factor);
            let changed = SlotProblem::new(spec).unwrap();
            match Conic::default().solve(&changed, &question) {
                Ok(solution) => {
                    optimal += u32::from(solution.status == Status::Optimal);
                    let conic = certified(solution);
                    println!("change {index} by {factor:e}: gap {:.1e}", conic.gap);
                    assert!(conic.evaluation.feasibility.is_feasible(1e-12));
                    let Ok(exact) = Exact::default().solve(&changed, &question) else { continue };
                    let (exact, size) = (certified(exact), conic.evaluation.terms.magnitude());
                    assert!(conic.lower_bound <= exact.objective() + 1e-9 * size, "change {index} by {factor:e}");
                    assert!(conic.objective() >= exact.lower_bound - 1e-9 * size, "change {index} by {factor:e}");
                }
                Err(error) => {
                    println!("change {index} by {factor:e}: {error}");
                    assert!(matches!(error, SolveError::Backend { backend: "conic", .. }), "{error}");
                }
            }
        }
    }
    assert!(optimal >= 34, "{optimal} of 36 optimal");
}

/// Stopped long before it is done, an answer is still feasible, and never called optimal.
#[test]
fn too_few_iterations_leave_a_certified_gap_or_an_error() {
    let (problem, question) = sampled(InstanceSize::default(), 4);
    let mut gaps = Vec::new();
    for iterations in [1, 3, 10] {
        let settings = ConicSettings { iterations, ..ConicSettings::default() };
        match (Conic { settings }).solve(&problem, &question) {
            Ok(solution) => {
                assert!(solution.work.iterations <= u64::from(iterations) * LADDER.len() as u64);
                assert_eq!(solution.status == Status::Optimal, certified(solution.clone()).gap <= 1e-6);
                gaps.push(certified(solution).gap);
            }
            Err(error) => assert!(matches!(error, SolveError::Backend { backend: "conic", .. }), "{error}"),
        }
    }
    assert!(gaps.first().is_none_or(|&gap| gap > 1e-6), "{gaps:?}");
}
