//! What is said about a plan, against numbers that were found another way.

use collapipe::instances::InstanceSize;
use collapipe::nalgebra::DMatrix;
use collapipe::plan::{NamedCluster, NamedDevice, Names, PlanReport, Resource, Step, explain};
use collapipe::problem::{Participation, SlotProblem, evaluate};
use collapipe::schedule::Drawing;
use collapipe::solver::backend::{Backend, Exact, Exhaustive, WholeSlot};
use collapipe::solver::{Certified, Settings, solve};

const GAP: Settings = Settings { gap: 1e-7, work_limit: None, time_limit: None };

fn solved(seed: u64, participation: Participation) -> (SlotProblem, Certified) {
    let problem = InstanceSize { devices: 3, blocks: 5, ..InstanceSize::default() }.sample(seed).unwrap();
    let mut spec = problem.into_spec();
    spec.participation = participation;
    let problem = SlotProblem::new(spec).unwrap();
    let best = solve(&problem, &GAP).unwrap().outcome.unwrap();
    (problem, best)
}

/// The problem without a device, by hand.
fn without(problem: &SlotProblem, device: usize) -> SlotProblem {
    let mut spec = problem.clone().into_spec();
    spec.clusters[0].devices.remove(device);
    let gains: &mut DMatrix<f64> = &mut spec.clusters[0].gain_to_noise_hz_per_w.0;
    *gains = gains.clone().remove_row(device + 1).remove_column(device + 1);
    SlotProblem::new(spec).unwrap()
}

fn enumerated(problem: &SlotProblem) -> Option<f64> {
    let solution = Exhaustive::<Exact>::default().solve(problem, &WholeSlot).unwrap();
    solution.certified().map(Certified::objective)
}

#[test]
fn parts_and_energies_are_those_of_the_evaluation() {
    for seed in 0..6 {
        let (problem, best) = solved(seed, Participation::All);
        let report = explain(&problem, &best, &Names::default(), &GAP).unwrap();
        let evaluation = evaluate(&problem, &best.decision).unwrap();
        let (cluster, of) = (&report.clusters[0], &evaluation.clusters[0]);
        let sum: f64 = cluster.parts.iter().map(|part| part.seconds).sum();
        assert!((sum - of.latency.0).abs() <= 1e-12 * sum, "{sum} {}", of.latency);
        // Fill-drain: I batches of the pipeline are the forward and backward parts.
        let pipeline = cluster.pipeline.as_ref().unwrap();
        let batches = f64::from(report.local_iterations) * pipeline.makespan_s;
        let phases = of.parts.forward.0 + of.parts.backward.0;
        assert!((batches - phases).abs() <= 1e-9 * phases, "{batches} {phases}");
        assert!(pipeline.least_makespan_s <= pipeline.makespan_s * (1.0 + 1e-12));
        let blocks: u32 = cluster.devices.iter().filter_map(|device| device.blocks).map(|[a, b]| b - a).sum();
        assert_eq!(blocks, problem.encoder.blocks());
        // What is sent before and after the pipeline takes its part of the round, one after the other.
        for (step, part) in [
            (Step::Distribution, of.parts.distribution),
            (Step::Collection, of.parts.collection),
            (Step::Upload, of.parts.upload),
        ] {
            let sent: f64 = cluster.transfers.iter().filter(|of| of.part == step).map(|of| of.air_s).sum();
            assert!((sent - part.0).abs() <= 1e-9 * part.0, "{step:?}: {sent} {}", part.0);
        }
        for (device, spent) in cluster.devices.iter().zip(&of.device_energy) {
            assert_eq!(device.energy_j, [spent.compute.0, spent.transmit.0]);
            assert!(device.memory_bytes <= device.memory_limit_bytes);
        }
        assert_eq!(report.objective, best.objective());
    }
}

#[test]
fn variants_are_optima_by_enumeration() {
    for (seed, participation) in [(1, Participation::All), (2, Participation::Select), (5, Participation::Select)] {
        let (problem, best) = solved(seed, participation);
        let report = explain(&problem, &best, &Names::default(), &GAP).unwrap();
        let v = problem.latency_weight;
        for device in 0..3 {
            let name = format!("device {device}");
            let out = report.variants.iter().find(|variant| variant.device == name && variant.change == "left out");
            let active = best.decision.clusters[0].active.iter().any(|of| of.0 == device);
            assert_eq!(out.is_some(), active);
            let Some(out) = out else {
                assert!(report.variants.iter().any(|of| of.device == name && of.change == "taking part"));
                continue;
            };
            let expected = enumerated(&without(&problem, device)).map(|objective| (objective - best.objective()) / v);
            match (out.cost_s, expected) {
                (Some(cost), Some(expected)) => {
                    let scale = best.objective() / v + expected.abs();
                    assert!((cost - expected).abs() <= 1e-6 * scale, "{cost} {expected}");
                    // Nothing that is left to choose costs less than the best.
                    assert!(cost >= -1e-6 * scale || participation == Participation::All);
                }
                (None, None) => assert!(out.reason.is_some()),
                other => panic!("{other:?}"),
            }
        }
        for variant in report.variants.iter().filter(|of| of.change.contains("block")) {
            // Limits of blocks only take decisions away.
            assert!(variant.cost_s.is_none_or(|cost| cost >= -1e-6 * best.objective() / v), "{variant:?}");
        }
    }
}

#[test]
fn more_of_something_saves_what_its_shadow_price_says_at_most() {
    let (problem, best) = solved(3, Participation::All);
    let report = explain(&problem, &best, &Names::default(), &GAP).unwrap();
    let v = problem.latency_weight;
    let slack = 1e-6 * best.objective() / v;
    for price in &report.prices {
        assert!(price.saves_s >= -slack, "more of something never costs: {price:?}");
    }
    let uplink = report.prices.iter().find(|price| price.resource == Resource::UplinkMhz).unwrap();
    // At fixed integers the optimum is convex in the band: a megahertz saves at most its price at the margin. Other integers could
    // save more; here they do not.
    assert!(uplink.saves_s * v <= best.shadow_prices.uplink_per_hz * 1e6 * (1.0 + 1e-4) + slack * v);
    // And a small step saves what the price says.
    let mut spec = problem.clone().into_spec();
    let step = 1e-4 * spec.uplink.bandwidth_hz.0;
    spec.uplink.bandwidth_hz.0 += step;
    let wider = solve(&SlotProblem::new(spec).unwrap(), &Settings { gap: 1e-9, ..GAP }).unwrap();
    let saved = (best.objective() - wider.certified().unwrap().objective()) / step;
    assert!((saved / best.shadow_prices.uplink_per_hz - 1.0).abs() < 0.02, "{saved}");
}

#[test]
fn a_report_reads_back_and_is_drawn() {
    let (problem, best) = solved(4, Participation::All);
    let device = |name: &str, budget_j| NamedDevice { name: name.into(), budget_j };
    let names = Names {
        clusters: vec![NamedCluster {
            name: "<shop>".into(),
            devices: vec![device("a", Some(123.456)), device("b\u{1b}", None), device("c", Some(7.0))],
            absent: vec!["d\u{1b}".into(), "<e>".into()],
        }],
    };
    let report = explain(&problem, &best, &names, &GAP).unwrap();
    let json = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<PlanReport>(&json).unwrap(), report);
    assert!(report.to_svg(0, Drawing::default()).unwrap().unwrap().starts_with("<svg"));
    assert!(report.to_svg(1, Drawing::default()).unwrap().is_none());
    let trace = report.to_chrome_trace(0).unwrap().unwrap();
    assert!(serde_json::from_str::<serde_json::Value>(&trace).unwrap()["traceEvents"].is_array());
    let page = report.to_html("a & b").unwrap();
    assert!(page.contains("Absent in this slot: d") && page.contains("&lt;e&gt;") && !page.contains("<e>"));
    for of in ["distribution", "collection", "upload"] {
        assert!(page.contains(&format!("<td>{of}</td>")), "{of}");
    }
    assert!(page.contains("a &amp; b") && page.contains("&lt;shop&gt;") && !page.contains("<shop>"));
    let table = report.to_table();
    assert!(table.contains("Absent in this slot: d") && table.contains("<e>") && table.contains("123"), "{table}");
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
    assert!(table.contains("<shop>") && !table.contains('\u{1b}'), "control characters reach no terminal");
}
