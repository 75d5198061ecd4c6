//! Properties of evaluation over random problems and decisions; closed forms and files are in `tests/problem`.

use proptest::prelude::*;

use super::program::{ClusterProgram, block_cap, block_memory, played};
use super::*;
use crate::schedule::ScheduleKind;
use crate::strategies::{ProblemParameters, decisions, problems_with_decisions, slot_problems};
use crate::units::{Bytes, Hertz, Seconds, Watts};

fn any_case() -> impl Strategy<Value = (SlotProblem, Decision)> {
    problems_with_decisions(ProblemParameters::default())
}

/// Sets the links' bandwidths so that they sum to `band`.
fn rescale(links: &mut [Option<Link>], band: Hertz) {
    let sum: Hertz = links.iter().flatten().map(|link| link.bandwidth_hz).sum();
    for link in links.iter_mut().flatten() {
        link.bandwidth_hz = link.bandwidth_hz * (band / sum);
    }
}

/// The only violation, to be `constraint` by `amount`.
fn expect_only(report: &FeasibilityReport, constraint: Constraint, amount: f64) -> Result<(), TestCaseError> {
    let beyond_rounding: Vec<_> = report.violations.iter().filter(|v| v.amount > 1e-12).collect();
    prop_assert_eq!(beyond_rounding.len(), 1, "{}", report);
    prop_assert_eq!(beyond_rounding[0].constraint, constraint);
    prop_assert!((beyond_rounding[0].amount - amount).abs() <= 1e-12 * (1.0 + amount), "{}", report);
    prop_assert!(!report.is_feasible(0.99 * amount));
    Ok(())
}

/// The problem in schema 2, with another schedule and propagation on every hop; its latencies become overheads.
fn delayed(problem: SlotProblem, schedule: ScheduleKind, latency: f64) -> Result<SlotProblem, ProblemError> {
    let mut spec = problem.into_spec();
    spec.schema = Schema::V2;
    spec.plans.iter_mut().for_each(|plan| plan.schedule = schedule);
    for cluster in &mut spec.clusters {
        cluster.hop_overhead_s = std::mem::replace(&mut cluster.hop_latency_s, Seconds(latency).into());
    }
    SlotProblem::new(spec)
}

proptest! {
    #[test]
    fn random_decisions_are_feasible_and_finite((problem, decision) in any_case()) {
        let evaluation = evaluate(&problem, &decision)?;
        prop_assert!(evaluation.feasibility.is_feasible(1e-12), "{}", evaluation.feasibility);
        prop_assert!(evaluation.objective.is_finite());
        prop_assert_eq!(evaluation.objective, evaluation.terms.total());
        let mut energy_cost = 0.0;
        for (cluster, costs) in problem.clusters.iter().zip(&evaluation.clusters) {
            prop_assert_eq!(costs.latency, costs.parts.total());
            prop_assert!(costs.latency <= evaluation.round_latency);
            energy_cost += cluster.control_unit.energy_price * costs.control_unit_energy.0;
            for (device, energy) in cluster.devices.iter().zip(&costs.device_energy) {
                energy_cost += device.energy_price * energy.total().0;
            }
        }
        let reported = evaluation.terms.compute_energy + evaluation.terms.transmit_energy;
        prop_assert!((energy_cost - reported).abs() <= 1e-12 * energy_cost);
    }

    #[test]
    fn overused_band_is_reported((problem, decision) in any_case(), which in any::<prop::sample::Index>(), back: bool) {
        let mut decision = decision;
        let n = which.index(problem.clusters.len());
        let band = problem.clusters[n].bandwidth_hz * 1.1;
        let (phase, links) = if back {
            (Phase::Backward, &mut decision.clusters[n].backward)
        } else {
            (Phase::Forward, &mut decision.clusters[n].forward)
        };
        rescale(links, band);
        let report = evaluate(&problem, &decision)?.feasibility;
        expect_only(&report, Constraint::Band { cluster: n, phase }, 0.1)?;
    }

    #[test]
    fn overused_uplink_is_reported((problem, decision) in any_case()) {
        let mut decision = decision;
        let mut uploads: Vec<Option<Link>> = decision.clusters.iter().map(|c| c.upload).collect();
        rescale(&mut uploads, problem.uplink.bandwidth_hz * 1.1);
        for (cluster, upload) in decision.clusters.iter_mut().zip(uploads) {
            cluster.upload = upload;
        }
        expect_only(&evaluate(&problem, &decision)?.feasibility, Constraint::UplinkBand, 0.1)?;
    }

    #[test]
    fn excessive_power_is_reported((problem, decision) in any_case(), which in any::<prop::sample::Index>()) {
        let mut decision = decision;
        let n = which.index(problem.clusters.len());
        let cluster = &problem.clusters[n];
        let first = decision.clusters[n].active[0];
        let transfer = Transfer::Collection { position: 0 };
        decision.clusters[n].collection_power_w[0] = Some(cluster.devices[first.0].max_power_w * 1.1);
        let constraint = Constraint::Power { cluster: n, node: first.node(), transfer };
        expect_only(&evaluate(&problem, &decision)?.feasibility, constraint, 0.1)?;

        // The last backward sender is the edge server; undo the device's excess.
        decision.clusters[n].collection_power_w[0] = Some(cluster.devices[first.0].max_power_w);
        let hop = decision.clusters[n].backward.len() - 1;
        decision.clusters[n].backward[hop].as_mut().unwrap().power_w = Watts(cluster.edge_server.max_power_w.0 * 1.5);
        let transfer = Transfer::Hop { phase: Phase::Backward, hop };
        let constraint = Constraint::Power { cluster: n, node: NodeId::edge_server(cluster.devices.len()), transfer };
        expect_only(&evaluate(&problem, &decision)?.feasibility, constraint, 0.5)?;
    }

    #[test]
    fn problems_read_back_bit_for_bit(problem in slot_problems(ProblemParameters::default())) {
        let text = problem.to_json()?;
        let again = SlotProblem::from_json(&text)?;
        prop_assert_eq!(&again, &problem);
        prop_assert_eq!(again.to_json()?, text);
    }

    #[test]
    fn decisions_read_back_bit_for_bit((_, decision) in any_case()) {
        prop_assert_eq!(Decision::from_json(&decision.to_json()?)?, decision);
    }

    #[test]
    fn memory_holds_the_cap_and_not_one_block_more(problem in slot_problems(ProblemParameters::default())) {
        for cluster in &problem.clusters {
            let per_block = block_memory(problem.encoder.equal().unwrap(), cluster);
            for device in &cluster.devices {
                let cap = block_cap(&problem, cluster, device);
                if per_block == 0.0 {
                    prop_assert_eq!(cap, u32::MAX);
                } else {
                    prop_assert!(f64::from(cap) * per_block <= device.memory_bytes.0 * (1.0 + 1e-12));
                    prop_assert!(f64::from(cap + 1) * per_block > device.memory_bytes.0);
                }
            }
        }
    }

    #[test]
    fn too_little_memory_admits_no_decision(problem in slot_problems(ProblemParameters::default())) {
        let mut spec = problem.into_spec();
        spec.encoder.equal_mut().unwrap().resident_bytes_per_block = Bytes(1.0);
        for device in &mut spec.clusters[0].devices {
            device.memory_bytes = Bytes(0.0);
        }
        prop_assert!(decisions(&SlotProblem::new(spec)?).is_none());
    }

    /// Any bits a float can hold, as long as they have the problem's shape, cost a number that is not NaN.
    #[test]
    fn any_nonnegative_floats_evaluate_without_nan(
        (problem, decision) in any_case(),
        w in prop::num::f64::POSITIVE | prop::num::f64::SUBNORMAL | prop::num::f64::ZERO,
        p in prop::num::f64::POSITIVE | prop::num::f64::SUBNORMAL | prop::num::f64::ZERO,
        no_link: bool,
    ) {
        let mut spec = problem.into_spec();
        if no_link {
            spec.clusters[0].gain_to_noise_hz_per_w.0.fill(0.0);
        }
        let problem = SlotProblem::new(spec)?;
        let mut decision = decision;
        let link = Link { bandwidth_hz: Hertz(w.abs()), power_w: Watts(p.abs()) };
        for cluster in &mut decision.clusters {
            cluster.forward.fill(Some(link));
            cluster.backward.fill(Some(link));
            cluster.collection_power_w.fill(Some(link.power_w));
            cluster.distribution_power_w.fill(Some(link.power_w));
            cluster.upload = Some(link);
        }
        let evaluation = evaluate(&problem, &decision)?;
        prop_assert!(!evaluation.objective.is_nan());
        prop_assert!(!evaluation.feasibility.worst().is_nan());
        prop_assert!(no_link <= (evaluation.feasibility.worst() == f64::INFINITY));
    }

    /// The closed forms of fill-drain are the timeline's, with propagation and either way of sending.
    #[test]
    fn closed_forms_agree_with_the_timeline((problem, decision) in any_case(), latency in 0.0..1.0) {
        let problem = delayed(problem, ScheduleKind::FillDrain, latency)?;
        let evaluation = evaluate(&problem, &decision)?;
        let plan = &problem.plans[decision.plan];
        let clusters = problem.clusters.iter().zip(&decision.clusters).zip(&evaluation.clusters);
        for ((cluster, choice), costs) in clusters {
            let program = ClusterProgram::new(&problem, cluster).under(plan);
            let route = program.at.route(&choice.active);
            let mut times = played::Times::new(&program, route, &choice.sizes);
            for phase in Phase::BOTH {
                for ((near, far, cut), link) in program.hops(route, &choice.sizes).zip(choice.links(phase)) {
                    let sent = program.hop_at(phase, near, far, cut);
                    times.push(phase, sent.overhead + sent.time(link.unwrap()), sent.latency);
                }
            }
            let found = times.run(&program)?;
            for (found, closed) in found.into_iter().zip([costs.parts.forward, costs.parts.backward]) {
                prop_assert!((found.0 / closed.0 - 1.0).abs() <= 1e-12, "{found} for {closed}");
            }
        }
    }

    /// Schedules that take turns cost a number, whatever bits the floats of a decision have.
    #[test]
    fn turns_evaluate_without_nan(
        (problem, decision) in any_case(),
        w in prop::num::f64::POSITIVE | prop::num::f64::SUBNORMAL | prop::num::f64::ZERO,
        p in prop::num::f64::POSITIVE | prop::num::f64::SUBNORMAL | prop::num::f64::ZERO,
        eager: bool,
    ) {
        let kinds = [ScheduleKind::OneForwardOneBackward, ScheduleKind::EagerOneForwardOneBackward];
        let problem = delayed(problem, kinds[usize::from(eager)], 0.01)?;
        let usual = evaluate(&problem, &decision)?;
        prop_assert!(usual.objective.is_finite());
        let mut decision = decision;
        for cluster in &mut decision.clusters {
            let link = Link { bandwidth_hz: Hertz(w.abs()), power_w: Watts(p.abs()) };
            cluster.forward.fill(Some(link));
            cluster.backward.fill(Some(link));
        }
        let evaluation = evaluate(&problem, &decision)?;
        prop_assert!(!evaluation.objective.is_nan() && !evaluation.feasibility.worst().is_nan());
    }
}
