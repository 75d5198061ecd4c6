//! Policies: valid records, the same slot asked of all, budgets, absences, determinism, choices that are refused.

use std::borrow::Cow;

use collapipe::problem::{ClusterEvaluation, Decision, DeviceEnergy, LatencyParts, ServerUse, evaluate};
use collapipe::scenario::{BUILTIN, Scenario, ScenarioFile, ScenarioSpec};
use collapipe::simulation::policy::{DeviceLoad, ExactPolicy, OwnCluster, OwnRound};
use collapipe::simulation::{
    Choice, Outage, PlannedSlot, Policy, PolicyKind, Run, RunError, RunRecord, SlotContext, SlotOutcome,
};
use collapipe::solver::{Settings, solve};
use collapipe::units::{Joules, Seconds};

use crate::support::scenario::{SMALL, changed, read};

/// Every policy that the built-in scenario admits and this build has.
fn all() -> Vec<PolicyKind> {
    let fixed = PolicyKind::FixedMicroBatch { micro_batches: 4 };
    let all = PolicyKind::ALL.iter().copied().chain([fixed]);
    all.filter(|kind| {
        cfg!(feature = "milp")
            || !matches!(kind, PolicyKind::Alternating | PolicyKind::FixedRadio | PolicyKind::Offline)
    })
    .collect()
}

/// Policies whose rounds are decisions of the slot problem.
fn deciding() -> Vec<PolicyKind> {
    let own = ["full-model-federated", "split-learning", "split-fed", "offline"];
    all().into_iter().filter(|kind| !own.contains(&kind.to_string().as_str())).collect()
}

fn builtin(slots: u64, change: impl Fn(&mut ScenarioSpec)) -> Scenario {
    let mut file = ScenarioFile::parse(BUILTIN, "".as_ref()).unwrap();
    file.spec.slots = slots;
    change(&mut file.spec);
    file.build().unwrap()
}

/// The built-in scenario with budgets that can be kept in every slot, too: its own can be kept on average alone,
/// because a block is computed or not.
fn roomy(slots: u64) -> Scenario {
    builtin(slots, |spec| {
        for cluster in &mut spec.clusters {
            for budget in cluster.devices.iter_mut().filter_map(|device| device.budget_j_per_round.as_mut()) {
                budget.0 *= 2.0;
            }
            // What the fastest rounds send with exceeds this one.
            if let Some(budget) = &mut cluster.control_unit.budget_j_per_round {
                budget.0 *= 1.3;
            }
        }
    })
}

fn play(scenario: &Scenario, kind: PolicyKind) -> RunRecord {
    play_with(scenario, kind.build(Settings::default(), scenario.spec().seed).unwrap()).unwrap()
}

fn play_with(scenario: &Scenario, policy: Box<dyn Policy>) -> Result<RunRecord, RunError> {
    let mut run = Run::with_policy(scenario, policy)?;
    let slots = run.by_ref().collect::<Result<Vec<_>, _>>()?;
    Ok(run.record(slots))
}

fn planned(outcome: &SlotOutcome) -> &PlannedSlot {
    match outcome {
        SlotOutcome::Planned(planned) => planned,
        other => panic!("{other:?}"),
    }
}

#[test]
fn names_read_back_and_unknown_ones_are_listed() {
    for kind in all() {
        assert_eq!(kind.to_string().parse(), Ok(kind));
        assert_eq!(kind.build(Settings::default(), 1).unwrap().name(), kind.to_string());
        let json = serde_json::to_string(&kind).unwrap();
        assert_eq!(json, format!("{:?}", kind.to_string()));
        assert_eq!(serde_json::from_str::<PolicyKind>(&json).unwrap(), kind);
    }
    for bad in ["", "Exact", "exact ", "fixed-micro-batch-", "fixed-micro-batch-0", "fixed-micro-batch--1"] {
        let error = bad.parse::<PolicyKind>().unwrap_err().to_string();
        assert!(error.contains("latency-only") && error.contains("fixed-micro-batch-M"), "{error}");
        assert!(serde_json::from_str::<PolicyKind>(&format!("{bad:?}")).is_err());
    }
    for kind in all() {
        let bad = Settings { gap: f64::NAN, ..Settings::default() };
        assert!(matches!(kind.build(bad, 1), Err(RunError::Solve(_))), "{kind}");
    }
}

#[test]
fn records_are_those_of_the_decisions_and_c1_holds() {
    let scenario = roomy(4);
    for kind in deciding() {
        let mut run = Run::with_policy(&scenario, kind.build(Settings::default(), 7).unwrap()).unwrap();
        let mut slots = Vec::new();
        for _ in 0..4 {
            let instance = run.next_problem().unwrap();
            let slot = run.next().unwrap().unwrap();
            let round = planned(&slot.outcome);
            let found = slot.among_present(round.decision.as_ref().unwrap()).unwrap();
            let found = evaluate(&instance.problem, &found).unwrap();
            assert!(found.feasibility.is_feasible(1e-9), "{kind}: {}", found.feasibility);
            assert_eq!((found.objective, found.round_latency), (round.objective, round.latency_s), "{kind}");
            let mut node = 0;
            for ((spec, present), spent) in scenario.spec().clusters.iter().zip(&instance.present).zip(&found.clusters)
            {
                assert_eq!(slot.energy_j[node], spent.control_unit_energy, "{kind}");
                for k in 0..spec.devices.len() {
                    let at = present.iter().position(|&there| there == k);
                    let energy = at.map_or(0.0, |at| spent.device_energy[at].total().0);
                    assert_eq!(slot.energy_j[node + 1 + k].0, energy, "{kind}");
                }
                node += spec.devices.len() + 1;
            }
            slots.push(slot);
        }
        let record = run.record(slots);
        assert_eq!(record.provenance.policy, kind.to_string());
        let text = serde_json::to_string(&record).unwrap();
        assert_eq!(serde_json::from_str::<RunRecord>(&text).unwrap(), record, "{kind}");
        let summary = collapipe::report::summary(&record);
        assert!(summary.certified(), "{kind}");
        assert_eq!(summary.gap.is_some(), kind == PolicyKind::Exact, "{kind}");
    }
}

/// Asks every policy about the slots of an exact run, and plays the exact decision.
#[derive(Debug)]
struct Referee {
    exact: ExactPolicy,
    others: Vec<(PolicyKind, Box<dyn Policy>)>,
}

impl Policy for Referee {
    fn name(&self) -> Cow<'static, str> {
        "referee".into()
    }

    fn decide(&mut self, slot: &SlotContext<'_>) -> Result<Choice, RunError> {
        let choice = self.exact.decide(slot)?;
        let Choice::Solved(best) = &choice else { panic!("{choice:?}") };
        let best = best.certified().unwrap();
        let mut found = Vec::new();
        for (kind, policy) in &mut self.others {
            let decision = match policy.decide(slot)? {
                Choice::Decision(decision) => decision,
                Choice::Solved(solution) => solution.certified().unwrap().decision.clone(),
                other => panic!("{kind}: {other:?}"),
            };
            let other = evaluate(slot.problem(), &decision).unwrap();
            let scale = other.terms.latency + other.terms.compute_energy + other.terms.transmit_energy;
            assert!(best.objective() <= other.objective + 1e-6 * scale, "{kind} in slot {}", slot.slot());
            assert!(best.lower_bound <= other.objective + 1e-9 * scale, "{kind} in slot {}", slot.slot());
            if let PolicyKind::FixedMicroBatch { micro_batches } = *kind {
                assert_eq!(slot.problem().plans[decision.plan].micro_batches, micro_batches);
            }
            if *kind == PolicyKind::NoPipeline {
                assert_eq!(slot.problem().plans[decision.plan].micro_batches, 1);
            }
            found.push((*kind, other.round_latency.0));
        }
        let least = found.iter().find(|(kind, _)| *kind == PolicyKind::LatencyOnly).unwrap().1;
        for (kind, latency) in found {
            assert!(least <= latency * (1.0 + 1e-6), "{kind}: {latency} s, latency-only: {least} s");
        }
        assert!(least <= best.evaluation.round_latency.0 * (1.0 + 1e-6));
        Ok(choice)
    }
}

#[test]
fn no_policy_beats_the_exact_one_in_the_same_slot_and_none_is_faster_than_latency_only() {
    let scenario = roomy(6);
    let others = deciding().into_iter().map(|kind| (kind, kind.build(Settings::default(), 3).unwrap())).collect();
    let exact = ExactPolicy::new(Settings::default()).unwrap();
    let run = Run::with_policy(&scenario, Box::new(Referee { exact, others })).unwrap();
    let mut run = run.warm_start(&vec![2.0; scenario.nodes().len()]).unwrap();
    let slots = run.by_ref().collect::<Result<Vec<_>, _>>().unwrap();
    assert!(slots.last().unwrap().energy_prices.iter().any(|&price| price > 0.0));
}

#[test]
fn myopic_keeps_every_budget_in_every_slot() {
    let scenario = roomy(8);
    let record = play(&scenario, PolicyKind::Myopic);
    for slot in &record.slots {
        planned(&slot.outcome);
        for (node, energy) in record.nodes.iter().zip(&slot.energy_j) {
            assert!(node.budget_j.is_none_or(|budget| energy.0 <= budget.0), "{}: {energy:?}", node.name);
        }
    }
    // Whoever does not look at the budgets does not keep them.
    let fastest = play(&scenario, PolicyKind::LatencyOnly);
    let mut spent = fastest.slots.iter().flat_map(|slot| fastest.nodes.iter().zip(&slot.energy_j));
    assert!(spent.any(|(node, energy)| node.budget_j.is_some_and(|budget| energy.0 > budget.0)));
}

#[test]
fn myopic_says_that_budgets_are_too_small_or_that_it_found_nothing() {
    let text = changed("budget_j_per_round = 2.0", "budget_j_per_round = 1e-9");
    let record = play(&read(&text).unwrap(), PolicyKind::Myopic);
    let SlotOutcome::Outage(Outage { reason, .. }) = &record.slots[0].outcome else { panic!() };
    assert!(reason.contains("computing alone"), "{reason}");
    let text = changed("budget_j_per_round = 0.5", "budget_j_per_round = 1e-12");
    let record = play(&read(&text).unwrap(), PolicyKind::Myopic);
    let SlotOutcome::Outage(Outage { reason, .. }) = &record.slots[0].outcome else { panic!() };
    assert!(reason.contains("heuristic"), "{reason}");
}

#[test]
fn an_outage_of_a_policy_is_not_taken_for_the_only_thing_that_was_possible() {
    let text = SMALL.replace("micro_batches = 4", "micro_batches = 4\npenalty = -3.0");
    let text = text.replace("budget_j_per_round = 2.0", "budget_j_per_round = 1e-9");
    let record = play(&read(&text).unwrap(), PolicyKind::Myopic);
    assert!(matches!(record.slots[0].outcome, SlotOutcome::Outage { .. }));
    assert_eq!(record.history().unwrap().steps()[0].gap, Some(3.0));
}

#[test]
fn absent_devices_are_left_out() {
    let scenario = builtin(3, |spec| {
        spec.clusters[0].devices[1].absent_slots = vec![0, 2];
        spec.clusters[1].devices[0].absent_slots = vec![1];
    });
    for kind in deciding() {
        let record = play(&scenario, kind);
        for slot in &record.slots {
            let SlotOutcome::Planned(round) = &slot.outcome else { continue };
            for ((cluster, present), spec) in round.clusters.iter().zip(&slot.present).zip(&scenario.spec().clusters) {
                assert_eq!(cluster.sizes.len(), spec.devices.len(), "{kind}");
                assert_eq!(cluster.sizes.iter().sum::<u32>(), 12, "{kind}");
                for (k, size) in cluster.sizes.iter().enumerate() {
                    assert!(present.contains(&k) || *size == 0, "{kind}");
                }
            }
        }
    }
}

#[test]
fn seed_decides_every_byte_on_any_number_of_threads() {
    let scenario = builtin(3, |_| {});
    let json = |kind: PolicyKind, seed: u64| {
        serde_json::to_string(&play_with(&scenario, kind.build(Settings::default(), seed).unwrap()).unwrap()).unwrap()
    };
    for kind in all() {
        let on = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| json(kind, 5))
        };
        let one = on(1);
        assert_eq!(one, on(3), "{kind}");
        assert_eq!(one == json(kind, 6), kind != PolicyKind::Random, "{kind}");
    }
}

#[test]
fn a_plan_that_the_scenario_has_not_is_refused_with_those_that_it_has() {
    for kind in [PolicyKind::NoPipeline, PolicyKind::FixedMicroBatch { micro_batches: 3 }] {
        let policy = kind.build(Settings::default(), 1).unwrap();
        let error = play_with(&read(SMALL).unwrap(), policy).unwrap_err();
        assert!(matches!(error, RunError::Policy { .. }));
        assert!(error.to_string().contains("[2, 4]"), "{error}");
    }
}

#[test]
fn every_policy_plays_with_participation_select() {
    let text = changed("budget_j_per_round = 0.5", "budget_j_per_round = 1.3");
    let text = text.replace("seed = 1\n", "seed = 1\nparticipation = \"select\"\n");
    let scenario = read(&text).unwrap();
    for kind in deciding().into_iter().filter(|kind| *kind != PolicyKind::NoPipeline) {
        let record = play(&scenario, kind);
        assert!(
            record.slots.iter().any(|slot| matches!(slot.outcome, SlotOutcome::Planned(_))),
            "{kind}: {:?}",
            record.slots[0].outcome
        );
    }
}

/// Spoils a good choice.
struct Spoiled<F>(F);

impl<F: Fn(&SlotContext<'_>, Decision) -> Choice + Send> Policy for Spoiled<F> {
    fn name(&self) -> Cow<'static, str> {
        "spoiled".into()
    }

    fn decide(&mut self, slot: &SlotContext<'_>) -> Result<Choice, RunError> {
        let best = solve(slot.problem(), &Settings::default())?.outcome.unwrap();
        Ok((self.0)(slot, best.decision))
    }
}

impl<F> std::fmt::Debug for Spoiled<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Spoiled")
    }
}

fn refused(spoil: impl Fn(&SlotContext<'_>, Decision) -> Choice + Send + 'static) -> String {
    let error = play_with(&read(SMALL).unwrap(), Box::new(Spoiled(spoil))).unwrap_err();
    assert!(matches!(error, RunError::Decision { slot: 0, .. }), "{error:?}");
    error.to_string()
}

#[test]
fn bad_decisions_of_a_users_policy_are_refused() {
    let bad = |spoil: fn(&mut Decision)| {
        refused(move |_, mut decision| {
            spoil(&mut decision);
            Choice::Decision(decision)
        })
    };
    assert!(bad(|d| d.plan = 99).contains("plan = 99"));
    assert!(bad(|d| d.clusters[0].sizes[0] += 1).contains("sizes"));
    assert!(bad(|d| d.clusters[0].upload.as_mut().unwrap().power_w.0 = f64::NAN).contains("upload.power_w"));
    assert!(bad(|d| d.clusters[0].upload.as_mut().unwrap().power_w.0 *= 1e3).contains("limit"));
    assert!(bad(|d| d.clusters.clear()).contains("clusters"));
}

#[test]
fn rounds_of_a_users_own_are_checked() {
    fn round(slot: &SlotContext<'_>) -> OwnRound {
        let clusters = slot.problem().clusters.iter().map(|cluster| {
            let devices = cluster.devices.len();
            let costs = ClusterEvaluation {
                latency: Seconds(1.0),
                parts: LatencyParts::default(),
                control_unit_energy: Joules(0.0),
                device_energy: vec![DeviceEnergy::default(); devices],
                edge_server: ServerUse::default(),
            };
            OwnCluster { costs, devices: vec![DeviceLoad::default(); devices] }
        });
        OwnRound { plan: 0, clusters: clusters.collect() }
    }
    let bad = |spoil: fn(&mut OwnRound)| {
        refused(move |slot, _| {
            let mut round = round(slot);
            spoil(&mut round);
            Choice::Round(round)
        })
    };
    assert!(bad(|r| r.plan = 2).contains("plan = 2"));
    assert!(bad(|r| r.clusters.clear()).contains("0 clusters"));
    assert!(bad(|r| r.clusters[0].costs.latency = Seconds(f64::NAN)).contains("latency = NaN"));
    assert!(bad(|r| r.clusters[0].costs.control_unit_energy.0 = -1.0).contains("control_unit_energy"));
    assert!(bad(|r| r.clusters[0].costs.device_energy[1].compute.0 = f64::INFINITY).contains("devices[1]"));
    assert!(bad(|r| r.clusters[0].devices.push(DeviceLoad::default())).contains("3 loads for 2 devices"));
    assert!(bad(|r| r.clusters[0].costs.device_energy.clear()).contains("0 energies"));
    let good = Spoiled(|slot: &SlotContext<'_>, _| Choice::Round(round(slot)));
    let record = play_with(&read(SMALL).unwrap(), Box::new(good)).unwrap();
    assert_eq!(planned(&record.slots[0].outcome).decision, None);
}
