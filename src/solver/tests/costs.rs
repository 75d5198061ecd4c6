//! What a choice costs by the solver's own formulas, against the evaluation of the decision that it makes: a search
//! compared with an enumeration by the same formulas would not see that both are off.

use proptest::prelude::*;

use super::enumeration::compositions;
use super::invariants::full;
use super::*;
use crate::ground::phase::Phase;
use crate::ground::route::DeviceId;
use crate::problem::EndStage;
use crate::solver::cluster::assemble::cluster_decision;
use crate::solver::cluster::segments::Threshold;
use crate::solver::cluster::{PlannedCluster, PricedCluster, Segments, rule};
use crate::strategies::{ProblemParameters, slot_problems};
use crate::units::Seconds;

/// A choice of each of a few sets of devices, as far as memory and links allow it.
fn some_choices(problem: &SlotProblem, domain: &Domain) -> Vec<Segments> {
    let devices = domain.high.len();
    let blocks = problem.encoder.blocks();
    let program = ClusterProgram::new(problem, &problem.clusters[0]);
    let mut choices = Vec::new();
    for mask in 1..1_usize << devices {
        let active: Vec<DeviceId> = DeviceId::all(devices).filter(|k| mask >> k.0 & 1 == 1).collect();
        for first in 0..active.len() {
            let mut sizes = vec![1; active.len()];
            let Some(mut left) = blocks.checked_sub(active.len() as u32) else { continue };
            for at in (0..active.len()).map(|at| (at + first) % active.len()) {
                let more = left.min(domain.high[active[at].0].saturating_sub(1));
                sizes[at] += more;
                left -= more;
            }
            let choice = Segments { active: active.clone(), sizes };
            if left == 0 && domain.holds(&choice, &program) {
                choices.push(choice);
            }
        }
    }
    choices
}

/// Compares cost and latency; how many end stages were the slowest ones is counted.
fn agree(problem: &SlotProblem, slowest_ends: &mut [usize; 2]) {
    let Ok(mut domains) = domains(problem) else { return };
    let (domain, cluster, price) = (domains.remove(0), &problem.clusters[0], problem.latency_weight);
    let upload = Upload::new(&ClusterProgram::new(problem, cluster));
    let (sent, _) = upload.send_alone(price, problem.uplink.bandwidth_hz.0);
    let link = upload.link(price, &sent, problem.uplink.bandwidth_hz.0);
    let priced = PricedCluster::new(problem, cluster, price);
    let mut work = Workspace::default();
    for choice in some_choices(problem, &domain) {
        for (plan, candidate) in problem.plans.iter().enumerate() {
            let planned = PlannedCluster::new(&priced, candidate, &domain);
            let found = work.fixed(&planned, &choice, None);
            let mut decision = Decision { plan, clusters: vec![cluster_decision(&planned, &found, link, &mut work)] };
            decision.drop_unused(problem);
            let evaluation = crate::problem::evaluate(problem, &decision).unwrap();
            let (cost, size) = (found.value + planned.penalty() + sent.cost, evaluation.terms.magnitude());
            let off = (cost - evaluation.objective).abs();
            assert!(off <= 1e-8 * size, "{cost}, but it is {}: {choice:?}, plan {plan}", evaluation.objective);
            let latency = found.latency + sent.time;
            let evaluated = evaluation.clusters[0].latency.0;
            assert!((latency / evaluated - 1.0).abs() <= 1e-6, "latency {latency}, but it is {evaluated}: {choice:?}");
            for (phase, ends) in Phase::BOTH.into_iter().zip(slowest_ends.iter_mut()) {
                let stages = choice.each().map(|(k, size)| planned.stages[k.0].time(phase, size));
                *ends += usize::from(stages.fold(0.0, f64::max) < planned.bases[phase]);
            }
        }
    }
}

/// The search over sizes and the bounds before it know the end stages as well: compared with all sizes one by one.
fn searched(problem: &SlotProblem) {
    let (domain, cluster) = (domains(problem).unwrap().remove(0), &problem.clusters[0]);
    let priced = PricedCluster::new(problem, cluster, problem.latency_weight);
    let active: Vec<DeviceId> = DeviceId::all(cluster.devices.len()).collect();
    let mut work = Workspace::default();
    for plan in &problem.plans {
        let planned = PlannedCluster::new(&priced, plan, &domain);
        let mut least = f64::INFINITY;
        for sizes in compositions(&domain.high, problem.encoder.blocks()) {
            least = least.min(work.fixed(&planned, &Segments { active: active.clone(), sizes }, None).value);
        }
        let found = work.best(&planned, &domain, Threshold { cutoff: f64::INFINITY, tolerance: 1e-9 });
        let value = found.found.unwrap().value;
        assert!((value / least - 1.0).abs() <= 3e-9, "{value}, but {least} is the least");
        assert!(found.bound <= least * (1.0 + 1e-12), "{} above {least}", found.bound);
        for bar in [f64::INFINITY, 2.0 * least] {
            work.prepared.set(&planned, &active);
            work.prepared.estimate(&planned, None, bar, &mut work.buffers);
            let bound = work.prepared.bound(&planned, &mut work.buffers);
            assert!(bound <= least * (1.0 + 1e-12), "an estimate of {bound} above {least}");
        }
        let trivial = work.prepared.trivial_bound(&planned, &active, &mut work.buffers);
        assert!(trivial <= least * (1.0 + 1e-12), "a trivial bound of {trivial} above {least}");
        assert!(rule::floor(&planned, &domain) <= least, "a floor above {least}");
    }
}

proptest! {
    #![proptest_config(super::seeded(96))]

    #[test]
    fn a_choice_costs_what_its_decision_is_evaluated_at(
        problem in slot_problems(ProblemParameters { devices: 1..=4, blocks: 1..=8, clusters: 1..=1, ..full(1) }),
    ) {
        agree(&problem, &mut [0; 2]);
    }
}

/// The four times of the end stages, of which one or another decides the pace.
#[test]
fn each_end_stage_sets_its_own_pace() {
    let mut slowest = [0; 2];
    for seed in 0..8 {
        for at in 0..5 {
            let mut spec = sample(InstanceSize { devices: 3, blocks: 6, plans: 4, ..InstanceSize::default() }, seed);
            let cluster = &mut spec.clusters[0];
            let slow = |is: bool| Seconds(if is { 10.0 } else { 1e-4 });
            let end = |forward, backward| EndStage {
                forward_seconds_per_sample: slow(forward),
                backward_seconds_per_sample: slow(backward),
            };
            cluster.embedding = Some(end(at == 0, at == 1));
            cluster.decoder = Some(end(at == 2, at == 3));
            let problem = built(spec);
            agree(&problem, &mut slowest);
            searched(&problem);
        }
    }
    assert!(slowest.iter().all(|&ends| ends >= 50), "{slowest:?}");
}
