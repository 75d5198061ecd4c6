//! Energies are measured, queues are fed with them, and certificates follow from the record.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests")]

use std::ops::ControlFlow;
use std::path::Path;

use collapipe::instances::InstanceSize;
use collapipe::problem::evaluate;
use collapipe::report::summary;
use collapipe::scenario::{BUILTIN, Scenario, ScenarioFile};
use collapipe::simulation::{PolicyKind, RunRecord};
use collapipe::solver::{Settings, solve};
use collapipe_engine::compare::{energies, planned_energies};
use collapipe_engine::emulate::Clock;
use collapipe_engine::roles::{Pace, Parts, RoundOrder, Threads};
use collapipe_engine::training::{Trained, TrainingSettings, members, train};
use collapipe_engine::wire::Address;

fn close(one: f64, other: f64) -> bool {
    (one - other).abs() <= 1e-9 * one.abs().max(other.abs())
}

#[test]
fn a_round_that_takes_as_long_as_planned_spends_what_the_core_evaluates() {
    for seed in 1..6 {
        let size = InstanceSize { devices: 3, clusters: 2, blocks: 7, ..InstanceSize::default() };
        let problem = size.sample(seed).expect("an instance");
        let solution = solve(&problem, &Settings::default()).expect("a solution");
        let decision = solution.certified().expect("feasible").decision.clone();
        let order = RoundOrder::synthetic(&problem, &decision, Pace::Emulated { scale: 1.0 }).expect("an order");
        let mut threads = Threads::start(&order.members(), Clock::pretended()).expect("threads");
        let measured = threads.coordinator().expect("a run").round(&order, &Parts::new()).expect("a round");
        let (planned, measured) = (planned_energies(&order), energies(&order, &measured));
        let evaluation = evaluate(&problem, &decision).expect("an evaluation");
        for (cluster, costs) in evaluation.clusters.iter().enumerate() {
            let devices = costs.device_energy.iter().map(|energy| energy.total().0);
            for (node, expected) in [costs.control_unit_energy.0].into_iter().chain(devices).enumerate() {
                let of = |found: &collapipe_engine::compare::NodeEnergies| {
                    found.get(&Address { cluster, node }).map_or(0.0, |joules| joules.0)
                };
                assert!(close(of(&planned), expected), "{node}: {} {expected}", of(&planned));
                assert!(close(of(&measured), expected), "{node}: {} {expected}", of(&measured));
            }
        }
    }
}

fn scenario(slots: u64) -> Scenario {
    let mut file = ScenarioFile::parse(BUILTIN, Path::new("")).expect("the built-in scenario");
    file.spec.slots = slots;
    file.build().expect("a scenario")
}

fn run(scenario: &Scenario, pace: Pace, clock: Clock) -> Trained {
    let mut settings = TrainingSettings::default();
    settings.pace = pace;
    let policy = PolicyKind::Exact.build(Settings::default(), 1).expect("a policy");
    let mut threads = Threads::start(&members(scenario), clock).expect("threads");
    let coordinator = threads.coordinator().expect("a run");
    let trained = train(scenario, policy, coordinator, &settings, |_, _| ControlFlow::Continue(())).expect("a run");
    assert!(trained.ended.is_none(), "{:?}", trained.ended);
    trained
}

/// Far too fast for this machine: everything ends late, and takes more energy than planned.
fn late_record() -> RunRecord {
    let scenario = scenario(4);
    run(&scenario, Pace::Emulated { scale: 1e-4 }, Clock::real()).record
}

#[test]
fn queues_follow_measured_energies_and_certificates_follow_from_the_record() {
    let record = late_record();
    let mut queues = vec![0.0; record.nodes.len()];
    let (mut more, mut executed) = (0, 0);
    for slot in record.slots.iter().filter(|slot| slot.planned().is_some()) {
        executed += 1;
        assert_eq!(slot.planned_energy_j().len(), record.nodes.len());
        let [planned, spent] =
            [slot.planned_energy_j(), &slot.energy_j].map(|list| list.iter().map(|joules| joules.0).sum::<f64>());
        more += u32::from(spent > 1.01 * planned);
        for (node, named) in record.nodes.iter().enumerate() {
            let Some(budget) = named.budget_j else { continue };
            queues[node] = (queues[node] + slot.energy_j[node].0 / budget.0 - 1.0_f64).max(0.0);
            assert!((queues[node] - slot.queues[node]).abs() <= 1e-9 * queues[node].max(1.0));
        }
    }
    assert!(executed > 0 && more == executed, "{more} of {executed} rounds took more than planned");
    // From the file alone: C1 of every budget, and how far every slot was from its optimum.
    let json = serde_json::to_string(&record).expect("json");
    let read: RunRecord = serde_json::from_str(&json).expect("a record");
    assert_eq!(read, record);
    let history = read.history().expect("a history");
    assert!(history.steps().iter().all(|step| step.gap.is_some_and(|gap| gap >= 0.0)));
    // What was spent beyond the plan is part of the distance.
    let priced = |index: usize| -> f64 {
        let slot = &read.slots[index];
        let more = slot.energy_j.iter().zip(slot.planned_energy_j()).map(|(spent, planned)| spent.0 - planned.0);
        slot.energy_prices.iter().zip(more).map(|(price, more)| price * more).sum()
    };
    let last = read.slots.len() - 1;
    assert!(history.steps()[last].gap.expect("a gap") >= priced(last) * (1.0 - 1e-9));
    let summed = summary(&read);
    assert!(summed.certified());
    assert!(summed.nodes.iter().filter(|node| node.certificate.is_some()).count() > 0);
    assert!(summed.measured.is_some_and(|measured| measured.energy_j.0 > measured.planned_energy_j.0));
}

#[test]
fn a_record_that_was_tampered_with_is_noticed() {
    let record = late_record();
    let node = record.constrained_nodes()[0];
    let mut less = record.clone();
    // As if it had spent what was planned.
    less.slots[0].energy_j[node] = less.slots[0].planned_energy_j()[node];
    assert!(less.history().is_err());
    let summed = summary(&less);
    assert!(summed.certificates.is_empty() && !summed.omitted_certificates.is_empty());
    // As if the queue had stayed empty.
    let mut kept = record.clone();
    kept.slots.iter_mut().for_each(|slot| slot.queues[node] = 0.0);
    assert!(kept.history().is_err());
    assert!(!summary(&kept).certified());
    let mut short = record.clone();
    short.slots[0].measured.as_mut().expect("measured").planned_energy_j.pop();
    let error = short.history().expect_err("a list too short");
    assert!(error.to_string().contains("slots[0].measured.planned_energy_j"), "{error}");
    // With other planned energies the objective does not fit: the distance from the optimum is not known then.
    let mut other = record;
    let changed = other.slots.iter().position(|slot| slot.energy_prices[node] > 0.0 && slot.measured.is_some());
    let changed = changed.expect("a priced slot");
    other.slots[changed].measured.as_mut().expect("measured").planned_energy_j[node].0 *= 0.5;
    let gap = other.history().expect("queues follow their law").steps()[changed].gap;
    assert_eq!(gap, None);
}

#[test]
fn in_virtual_time_measured_energies_are_those_planned() {
    let scenario = scenario(3);
    let record = run(&scenario, Pace::Emulated { scale: 1.0 }, Clock::pretended()).record;
    for slot in record.slots.iter().filter(|slot| slot.planned().is_some()) {
        for (planned, spent) in slot.planned_energy_j().iter().zip(&slot.energy_j) {
            assert!(close(planned.0, spent.0), "{planned:?} {spent:?}");
        }
    }
}
