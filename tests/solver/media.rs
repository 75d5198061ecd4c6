//! Messages that take turns on radios or a medium, and senders that prepare what they send: against an enumeration of all
//! choices that has a timeline and a convex solver of its own (`media/oracle.py`).

use collapipe::problem::{
    ClusterDecision, Decision, DeviceId, Link, MediumAccess, PerPair, SlotProblem, SlotSpec, evaluate,
};
use collapipe::solver::{Certified, Settings, solve};
use collapipe::units::{Hertz, SecondsPerByte};
use serde::Deserialize;

#[derive(Deserialize)]
struct Cases {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    seed: u64,
    problem: SlotProblem,
    objective: Option<f64>,
    decision: Option<Hops>,
}

/// What the enumeration decides; what is sent once it costs at its best without saying how.
#[derive(Deserialize)]
struct Hops {
    plan: usize,
    active: Vec<DeviceId>,
    sizes: Vec<u32>,
    forward: Vec<Option<Link>>,
    backward: Vec<Option<Link>>,
}

fn cases() -> Vec<Case> {
    serde_json::from_str::<Cases>(include_str!("media/vectors.json")).unwrap().cases
}

fn best(problem: &SlotProblem) -> Option<Certified> {
    let solution = solve(problem, &Settings::default()).unwrap();
    solution.certified().cloned()
}

fn changed(problem: &SlotProblem, change: impl FnOnce(&mut SlotSpec)) -> SlotProblem {
    let mut spec = SlotSpec::clone(problem);
    change(&mut spec);
    SlotProblem::new(spec).unwrap()
}

#[test]
fn optima_are_those_of_an_enumeration() {
    let mut solved = [0; 3];
    let mut evaluated = 0;
    for Case { seed, problem, objective, decision } in cases() {
        let Some(best) = best(&problem) else {
            assert_eq!(objective, None, "{seed} is feasible");
            continue;
        };
        let expected = objective.unwrap();
        let off = best.objective() / expected - 1.0;
        println!("{seed} {:?}: off {off:.1e}, gap {:.1e}", problem.clusters[0].medium, best.gap);
        assert!(off.abs() <= 1e-6, "{seed}: {} instead of {expected}", best.objective());
        assert!(best.gap <= 1e-6, "{seed}: gap {:e}", best.gap);
        assert!(best.lower_bound <= expected * (1.0 + 1e-7), "{seed}");
        assert!(best.evaluation.feasibility.is_feasible(1e-9), "{seed}: {}", best.evaluation.feasibility);
        solved[problem.clusters[0].medium as usize] += 1;
        // The enumeration's hops, with our own transmissions of the round.
        let (theirs, ours) = (decision.unwrap(), &best.decision.clusters[0]);
        if theirs.active == ours.active && theirs.sizes == ours.sizes {
            let Hops { plan, forward, backward, .. } = theirs;
            let cluster = ClusterDecision { forward, backward, ..ours.clone() };
            let found = evaluate(&problem, &Decision { plan, clusters: vec![cluster] }).unwrap();
            assert!((found.objective / expected - 1.0).abs() <= 1e-7, "{seed}: {} for {expected}", found.objective);
            assert!(found.feasibility.is_feasible(1e-9), "{seed}: {}", found.feasibility);
            evaluated += 1;
        }
    }
    assert!(solved.iter().all(|count| *count >= 5), "{solved:?}");
    assert!(evaluated >= 20, "{evaluated}");
}

/// Whoever may send only where others may not waits: bands of their own cost least, and time of a sender costs something.
#[test]
fn less_freedom_never_costs_less() {
    let mut strict = 0;
    for Case { seed, problem, objective, .. } in cases().into_iter().filter(|case| case.objective.is_some()) {
        let with = |medium| best(&changed(&problem, |spec| spec.clusters[0].medium = medium)).unwrap();
        if problem.clusters[0].medium == MediumAccess::HalfDuplex {
            let (free, half) = (with(MediumAccess::Bands), objective.unwrap());
            assert!(free.lower_bound <= half * (1.0 + 1e-9), "{seed}");
            strict += usize::from(free.objective() < half * (1.0 - 1e-6));
        }
        let idle = changed(&problem, |spec| spec.clusters[0].staging_s_per_byte = PerPair::default());
        assert!(best(&idle).unwrap().lower_bound <= objective.unwrap() * (1.0 + 1e-9), "{seed}");
    }
    assert!(strict >= 3, "{strict}");
}

/// Where messages take turns a hertz more is worth what all of them save.
#[test]
fn prices_of_a_band_taken_in_turns_are_slopes() {
    let mut checked = 0;
    for Case { seed, problem, .. } in cases().into_iter().filter(|case| case.objective.is_some()) {
        if problem.clusters[0].medium != MediumAccess::Turns {
            continue;
        }
        // What is sent once is on the whole band as well, and has no part in this price.
        let problem = changed(&problem, |spec| {
            if let collapipe::problem::Encoder::Chain(chain) = &mut spec.encoder {
                chain.blocks.iter_mut().for_each(|block| block.parameter_bits.0 = 0.0);
            }
        });
        let own = best(&problem).unwrap();
        let step = 1e-4;
        let scaled = |factor: f64| {
            let wider =
                changed(&problem, |spec| spec.clusters[0].bandwidth_hz = spec.clusters[0].bandwidth_hz * factor);
            let found = best(&wider).unwrap();
            let same = |a: &Decision, b: &Decision| {
                a.plan == b.plan
                    && a.clusters[0].active == b.clusters[0].active
                    && a.clusters[0].sizes == b.clusters[0].sizes
            };
            same(&found.decision, &own.decision).then(|| found.objective())
        };
        let (Some(less), Some(more)) = (scaled(1.0 - step), scaled(1.0 + step)) else { continue };
        let slope = (less - more) / (2.0 * step * problem.clusters[0].bandwidth_hz.0);
        let prices = &own.shadow_prices;
        let price = prices.forward_band_per_hz[0] + prices.backward_band_per_hz[0];
        let unit = own.objective() / problem.clusters[0].bandwidth_hz.0;
        assert!((slope - price).abs() <= 1e-3 * price + 1e-6 * unit, "{seed}: {price:e}, slope {slope:e}");
        checked += usize::from(price > 1e-5 * unit);
    }
    assert!(checked >= 4, "{checked}");
}

/// Clusters with media of their own, a deadline, and no better decision among those of the parts.
#[test]
fn networks_of_different_media_are_certified() {
    let cases: Vec<Case> = cases().into_iter().filter(|case| case.objective.is_some()).collect();
    let mut tried = 0;
    for pair in cases.chunks(2).take(6) {
        let [one, other] = pair else { continue };
        let together = |deadline| {
            let mut spec = SlotSpec::clone(&one.problem);
            spec.clusters.push(other.problem.clusters[0].clone());
            spec.deadline_s = deadline;
            SlotProblem::new(spec).ok()
        };
        // The second cluster's problem has another encoder and other plans; what matters is that both are possible.
        let Some(problem) = together(None) else { continue };
        let Some(found) = best(&problem) else { continue };
        assert!(found.gap <= 1e-4, "{} and {}: gap {:e}", one.seed, other.seed, found.gap);
        assert!(found.evaluation.feasibility.is_feasible(1e-9));
        let deadline = found.evaluation.round_latency * 0.97;
        let Some(late) = best(&together(Some(deadline)).unwrap()) else { continue };
        assert!(late.evaluation.round_latency.0 <= deadline.0 * (1.0 + 1e-9));
        assert!(late.objective() >= found.lower_bound && late.gap <= 1e-4, "gap {:e}", late.gap);
        tried += 1;
    }
    assert!(tried >= 3, "{tried}");
}

/// A band that one message has alone is the same however messages take turns.
#[test]
fn one_message_at_a_time_is_one_message_at_a_time() {
    let case = cases().into_iter().find(|case| case.problem.clusters[0].medium == MediumAccess::Turns).unwrap();
    // Forward only on two stages: one hop, so that nobody waits for anybody.
    let problem = changed(&case.problem, |spec| {
        spec.plans.truncate(1);
        spec.plans[0].schedule = collapipe::schedule::ScheduleKind::ForwardOnly;
        let cluster = &mut spec.clusters[0];
        (cluster.embedding, cluster.decoder, cluster.upload_bits.0) = (None, None, 0.0);
        cluster.staging_s_per_byte = PerPair::Same(SecondsPerByte(1e-8));
        cluster.bandwidth_hz = Hertz(5e6);
        cluster.fixed_links.clear();
        for device in cluster.devices.iter_mut().skip(2) {
            device.max_blocks = Some(0);
        }
        spec.participation = collapipe::problem::Participation::Select;
    });
    let objectives: Vec<f64> = [MediumAccess::Bands, MediumAccess::HalfDuplex, MediumAccess::Turns]
        .map(|medium| best(&changed(&problem, |spec| spec.clusters[0].medium = medium)).unwrap().objective())
        .to_vec();
    assert!(objectives.iter().all(|of| (of / objectives[0] - 1.0).abs() <= 1e-8), "{objectives:?}");
}
