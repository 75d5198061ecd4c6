//! Runs: determinism, the queue law, C1, outages, absent devices.

use collapipe::problem::{DeviceId, evaluate};
use collapipe::simulation::{Outage, OutageCause, Run, RunRecord, SlotOutcome};
use collapipe::solver::Settings;

use crate::support::scenario::{SMALL, changed, read};

fn play(text: &str) -> RunRecord {
    let scenario = read(text).unwrap();
    let mut run = Run::new(&scenario, Settings::default()).unwrap();
    let slots = run.by_ref().collect::<Result<Vec<_>, _>>().unwrap();
    run.record(slots)
}

fn json(record: &RunRecord) -> String {
    serde_json::to_string(record).unwrap()
}

#[test]
fn the_seed_decides_every_byte() {
    let once = json(&play(SMALL));
    assert_eq!(once, json(&play(SMALL)));
    assert_ne!(once, json(&play(&changed("seed = 1", "seed = 2"))));
}

#[test]
fn a_record_survives_json() {
    let record = play(SMALL);
    let read: RunRecord = serde_json::from_str(&json(&record)).unwrap();
    assert_eq!(read, record);
}

/// A decision of a record counts the devices as everything else in it does, and one of version 1 is brought into that form.
#[test]
fn decisions_number_the_devices_of_the_scenario() {
    let record = play(&changed("name = \"pi\"", "name = \"pi\"\nabsent_slots = [0, 4]"));
    let active = |slot: usize| &record.slots[slot].planned().unwrap().decision.as_ref().unwrap().clusters[0].active;
    assert_eq!((active(0), active(1)), (&vec![DeviceId(1)], &vec![DeviceId(0), DeviceId(1)]));
    for slot in &record.slots {
        let planned = slot.planned().unwrap();
        let mut sizes = vec![0; 2];
        let choice = &planned.decision.as_ref().unwrap().clusters[0];
        choice.active.iter().zip(&choice.sizes).for_each(|(k, size)| sizes[k.0] = *size);
        assert_eq!(sizes, planned.clusters[0].sizes, "slot {}", slot.slot);
    }
    let mut earlier = serde_json::to_value(&record).unwrap();
    assert_eq!(earlier["schema"], "collapipe.run-record/2");
    earlier["schema"] = "collapipe.run-record/1".into();
    for slot in earlier["slots"].as_array_mut().unwrap() {
        let present = slot["present"][0].as_array().unwrap().clone();
        for device in slot["outcome"]["planned"]["decision"]["clusters"][0]["active"].as_array_mut().unwrap() {
            *device = present.iter().position(|k| k == device).unwrap().into();
        }
    }
    assert_eq!(earlier["slots"][0]["outcome"]["planned"]["decision"]["clusters"][0]["active"], serde_json::json!([0]));
    assert_eq!(serde_json::from_value::<RunRecord>(earlier.clone()).unwrap(), record);
    // In version 1 there is no second device in slot 0.
    earlier["slots"][0]["outcome"]["planned"]["decision"]["clusters"][0]["active"] = serde_json::json!([1]);
    let refused = serde_json::from_value::<RunRecord>(earlier).unwrap_err().to_string();
    assert!(refused.contains("slots[0]: a decision with a device that is not present"), "{refused}");
}

#[test]
fn problems_and_their_decisions_have_the_scenarios_names() {
    let scenario = read(&changed("name = \"pi\"", "name = \"pi\"\nabsent_slots = [0]")).unwrap();
    let run = Run::new(&scenario, Settings::default()).unwrap();
    let problem = run.next_problem().unwrap().problem;
    let names = (problem.clusters[0].name.as_deref(), problem.clusters[0].devices[0].name.as_deref());
    assert_eq!(names, (Some("desk"), Some("phone")));
    let solution = collapipe::solver::solve(&problem, &Settings::default()).unwrap();
    let choice = &solution.certified().unwrap().decision.clusters[0];
    assert_eq!((choice.name.as_deref(), choice.device_names.as_slice()), (Some("desk"), &[Some("phone".into())][..]));
}

#[test]
fn queues_and_prices_follow_their_law() {
    let record = play(&changed("budget_j_per_round = 2.0", "budget_j_per_round = 0.05"));
    let mut queues = vec![0.0; record.nodes.len()];
    let mut overspends = vec![0.0; record.nodes.len()];
    let mut priced = false;
    for (played, slot) in (1..).zip(&record.slots) {
        for (k, node) in record.nodes.iter().enumerate() {
            let Some(budget) = node.budget_j else {
                assert_eq!((slot.energy_prices[k], slot.queues[k]), (0.0, 0.0));
                continue;
            };
            assert_eq!(slot.energy_prices[k], queues[k] / budget.0);
            priced |= slot.energy_prices[k] > 0.0;
            let overspend = slot.energy_j[k].0 / budget.0 - 1.0;
            queues[k] = f64::max(queues[k] + overspend, 0.0);
            overspends[k] += overspend;
            assert_eq!(slot.queues[k], queues[k]);
            // C1 after every slot.
            assert!(overspends[k] / f64::from(played) <= queues[k] / f64::from(played) + 1e-12);
        }
    }
    assert!(priced, "a budget this small must bind");
    let summary = collapipe::report::summary(&record);
    assert!(summary.certified());
}

#[test]
fn energies_and_latencies_are_those_of_the_decision() {
    let scenario = read(SMALL).unwrap();
    let mut run = Run::new(&scenario, Settings::default()).unwrap();
    for _ in 0..5 {
        let instance = run.next_problem().unwrap();
        let slot = run.next().unwrap().unwrap();
        let SlotOutcome::Planned(planned) = &slot.outcome else { panic!("{:?}", slot.outcome) };
        let evaluation = evaluate(&instance.problem, planned.decision.as_ref().unwrap()).unwrap();
        assert!(evaluation.feasibility.is_feasible(1e-9), "{}", evaluation.feasibility);
        assert_eq!(evaluation.round_latency, planned.latency_s);
        assert_eq!(evaluation.objective, planned.objective);
        assert!(planned.lower_bound.unwrap() <= planned.objective);
        let cluster = &evaluation.clusters[0];
        assert_eq!(slot.energy_j[0], cluster.control_unit_energy);
        assert_eq!(slot.energy_j[1], cluster.device_energy[0].total());
        assert_eq!(slot.energy_j[2], cluster.device_energy[1].total());
        assert_eq!(planned.clusters[0].sizes.iter().sum::<u32>(), 2);
    }
}

#[test]
fn the_run_is_an_iterator_that_can_stop() {
    let scenario = read(SMALL).unwrap();
    let mut run = Run::new(&scenario, Settings::default()).unwrap();
    let slots: Vec<_> = run.by_ref().take(3).collect::<Result<_, _>>().unwrap();
    assert_eq!(run.played(), 3);
    let record = run.record(slots);
    assert_eq!((record.slots.len(), record.provenance.slots_planned), (3, 20));
    assert_eq!(record.slots, play(SMALL).slots[..3]);
    assert_eq!(run.count(), 17);
}

#[test]
fn the_price_of_latency_trades_it_for_energy() {
    let tight = changed("budget_j_per_round = 2.0", "budget_j_per_round = 0.05");
    let mean = |weight: &str| {
        let record = play(&tight.replace("latency_weight = 0.5", weight).replace("slots = 20", "slots = 60"));
        let summary = collapipe::report::summary(&record);
        (summary.latency.unwrap().mean_s.0, summary.nodes[1].mean_energy_j.0)
    };
    let (slow, frugal) = mean("latency_weight = 1e-3");
    let (fast, lavish) = mean("latency_weight = 1e3");
    assert!(fast < slow && frugal < lavish, "{fast} {slow} {frugal} {lavish}");
}

#[test]
fn absent_devices_leave_their_blocks_to_the_others() {
    let record = play(&changed("name = \"phone\"", "name = \"phone\"\nabsent_slots = [0, 4]"));
    for slot in &record.slots {
        let SlotOutcome::Planned(planned) = &slot.outcome else { panic!("{:?}", slot.outcome) };
        let away = [0, 4].contains(&slot.slot);
        assert_eq!(slot.present, [if away { vec![0] } else { vec![0, 1] }]);
        // Participation is "all" and the model has two blocks.
        assert_eq!(planned.clusters[0].sizes, if away { [2, 0] } else { [1, 1] });
        assert_eq!(slot.energy_j[2].0 == 0.0, away);
    }
}

#[test]
fn absence_has_its_probability_and_needs_no_order() {
    let text = changed("name = \"phone\"", "name = \"phone\"\nabsence_probability = 0.25")
        .replace("slots = 20", "slots = 4000");
    let scenario = read(&text).unwrap();
    let mut sampler = scenario.sampler();
    let absent = (0..4000).filter(|_| !sampler.next_slot().present()[0].contains(&1)).count();
    // Binomial with deviation 27.
    assert!((860..=1140).contains(&absent), "{absent}");
}

#[test]
fn a_slot_without_devices_is_an_outage_and_the_run_goes_on() {
    let text = SMALL
        .replace("name = \"pi\"", "name = \"pi\"\nabsent_slots = [2]")
        .replace("name = \"phone\"", "name = \"phone\"\nabsent_slots = [2]");
    let record = play(&text);
    assert_eq!(record.slots.len(), 20);
    let SlotOutcome::Outage(Outage { reason, cause, .. }) = &record.slots[2].outcome else {
        panic!("{:?}", record.slots[2].outcome)
    };
    assert!(reason.contains("clusters[0] (desk): all 2 devices are absent"), "{reason}");
    assert_eq!(*cause, Some(OutageCause::NoDevices));
    assert!(record.slots[2].energy_j.iter().all(|energy| energy.0 == 0.0));
    // Nothing spent: the queues shrink by a budget.
    for (before, after) in record.slots[1].queues.iter().zip(&record.slots[2].queues) {
        assert_eq!(*after, f64::max(before - 1.0, 0.0));
    }
    let outages = record.slots.iter().filter(|slot| matches!(slot.outcome, SlotOutcome::Outage { .. })).count();
    assert_eq!(outages, 1);
}

#[test]
fn an_infeasible_slot_is_an_outage_with_the_solvers_reason() {
    let record = play(&changed("name = \"phone\"", "name = \"phone\"\nmemory_bytes = 1.0"));
    for slot in &record.slots {
        let SlotOutcome::Outage(Outage { reason, .. }) = &slot.outcome else { panic!("{:?}", slot.outcome) };
        assert!(reason.contains("clusters[0].devices[1].memory_bytes (desk/phone) holds no encoder block"), "{reason}");
    }
    let summary = collapipe::report::summary(&record);
    assert_eq!((summary.planned, summary.outages[0].slots), (0, 20));
}

#[test]
fn settings_out_of_range_and_unsupported_options_are_errors() {
    let scenario = read(SMALL).unwrap();
    assert!(Run::new(&scenario, Settings { gap: 2.0, ..Settings::default() }).is_err());
    // Sends that block are no longer among them.
    let no_overlap = read(&changed("seed = 1", "seed = 1\noverlap = \"none\"")).unwrap();
    let mut run = Run::new(&no_overlap, Settings::default()).unwrap();
    assert!(run.next().unwrap().is_ok());
}
