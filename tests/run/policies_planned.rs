//! Policies that plan the whole run: at its start, or with all states known beforehand.

use collapipe::problem::Decision;
use collapipe::problem::DeviceId;
use collapipe::scenario::{BUILTIN, Scenario, ScenarioFile, ScenarioSpec};
use collapipe::simulation::{PolicyKind, Run, RunRecord, SlotOutcome};
use collapipe::solver::Settings;

fn builtin(slots: u64, change: impl Fn(&mut ScenarioSpec)) -> Scenario {
    let mut file = ScenarioFile::parse(BUILTIN, "".as_ref()).unwrap();
    file.spec.slots = slots;
    change(&mut file.spec);
    file.build().unwrap()
}

/// Without absences.
fn all_stay(spec: &mut ScenarioSpec) {
    let devices = spec.clusters.iter_mut().flat_map(|cluster| &mut cluster.devices);
    devices.for_each(|device| device.absence_probability = 0.0);
}

fn play(scenario: &Scenario, kind: PolicyKind) -> RunRecord {
    let policy = kind.build(Settings::default(), scenario.spec().seed).unwrap();
    let mut run = Run::with_policy(scenario, policy).unwrap();
    let slots = run.by_ref().collect::<Result<Vec<_>, _>>().unwrap();
    run.record(slots)
}

fn decisions(record: &RunRecord) -> Vec<Decision> {
    record.planned_slots().map(|(_, round)| round.decision.clone().unwrap()).collect()
}

fn reasons(record: &RunRecord) -> Vec<String> {
    let of = |outcome: &SlotOutcome| match outcome {
        SlotOutcome::Outage(outage) => Some(outage.reason.clone()),
        _ => None,
    };
    record.slots.iter().filter_map(|slot| of(&slot.outcome)).collect()
}

#[test]
fn a_fixed_plan_is_kept_and_fixed_segments_adapt_the_radio_alone() {
    let scenario = builtin(6, all_stay);
    let plan = decisions(&play(&scenario, PolicyKind::FixedPlan));
    assert_eq!(plan.len(), 6);
    assert!(plan.iter().all(|decision| *decision == plan[0]));
    let segments = decisions(&play(&scenario, PolicyKind::FixedSegments));
    let integers = |decision: &Decision| {
        let clusters = decision.clusters.iter().map(|cluster| (cluster.active.clone(), cluster.sizes.clone()));
        (decision.plan, clusters.collect::<Vec<_>>())
    };
    assert!(segments.iter().all(|decision| integers(decision) == integers(&plan[0])));
    assert!(segments.windows(2).all(|pair| pair[0].clusters != pair[1].clusters), "the radio follows the channel");
}

#[test]
fn a_fixed_plan_without_one_of_its_devices_is_an_outage_that_names_it() {
    let whole = builtin(4, all_stay);
    let first = decisions(&play(&whole, PolicyKind::FixedPlan)).remove(0);
    let (used, unused): (Vec<usize>, Vec<usize>) =
        (0..4).partition(|k| first.clusters[0].active.contains(&DeviceId(*k)));
    let gone = |device: usize| {
        builtin(4, |spec| {
            all_stay(spec);
            spec.clusters[0].devices[device].absent_slots = vec![2];
        })
    };
    for kind in [PolicyKind::FixedPlan, PolicyKind::FixedSegments] {
        let scenario = gone(used[0]);
        let record = play(&scenario, kind);
        let name =
            format!("workshop/{}, which the plan needs, is absent", scenario.spec().clusters[0].devices[used[0]].name);
        assert_eq!(reasons(&record), [name], "{kind}");
        assert!(record.slots[2].energy_j.iter().all(|energy| energy.0 == 0.0));
        for &device in &unused {
            // The others have other numbers among those present in that slot.
            let scenario = gone(device);
            let record = play(&scenario, kind);
            let sizes = |slot: usize| record.slots[slot].planned().unwrap().clusters[0].sizes.clone();
            assert_eq!((sizes(2), reasons(&record)), (sizes(0), vec![]), "{kind}");
        }
    }
}

#[test]
fn planning_begins_in_the_first_slot_that_admits_a_round() {
    let scenario = builtin(3, |spec| {
        all_stay(spec);
        spec.clusters[0].devices.iter_mut().for_each(|device| device.absent_slots = vec![0]);
    });
    for kind in [PolicyKind::FixedPlan, PolicyKind::FixedSegments] {
        let record = play(&scenario, kind);
        assert!(record.slots[0].planned().is_none(), "{kind}");
        assert_eq!(record.planned_slots().count(), 2, "{kind}");
    }
}

#[cfg(feature = "milp")]
mod offline {
    use collapipe::simulation::Effort;
    use collapipe::solver::solve;

    use super::*;
    use crate::support::scenario::{changed, read};

    fn mean_latency(record: &RunRecord) -> f64 {
        record.planned_slots().map(|(_, round)| round.latency_s.0).sum::<f64>() / record.slots.len() as f64
    }

    /// T + μ·g of a slot, budgets as the unit of g.
    fn lagrangian(record: &RunRecord, slot: usize, prices: &[f64]) -> f64 {
        let slot = &record.slots[slot];
        let spent = record.nodes.iter().zip(&slot.energy_j).zip(prices);
        let priced =
            spent.map(|((node, energy), mu)| node.budget_j.map_or(0.0, |budget| mu * (energy.0 / budget.0 - 1.0)));
        slot.planned().unwrap().latency_s.0 + priced.sum::<f64>()
    }

    #[test]
    fn it_is_as_fast_as_weak_duality_allows_and_keeps_the_budgets() {
        let slots = 40;
        let scenario = builtin(slots, all_stay);
        let record = play(&scenario, PolicyKind::Offline);
        assert_eq!(record.provenance.policy, "offline");
        assert_eq!(record.planned_slots().count() as u64, slots);
        // Prices found by looking back at another policy's run; any prices would do for a proof.
        let exact = play(&scenario, PolicyKind::Exact);
        let prices = exact.compare(&scenario, Settings::default(), Effort::Full).unwrap().offline_multiplier;
        let weight = scenario.spec().latency_weight;
        let mut run = Run::new(&scenario, Settings::default()).unwrap();
        let (mut bound, mut reached) = (0.0, 0.0);
        for slot in 0..slots as usize {
            let instance = run.next_problem().unwrap();
            run.next().unwrap().unwrap();
            let mut spec = instance.problem.into_spec();
            let mut node = 0;
            for cluster in &mut spec.clusters {
                let mut price = || {
                    let budget = record.nodes[node].budget_j;
                    node += 1;
                    budget.map_or(0.0, |budget| weight * prices[node - 1] / budget.0)
                };
                cluster.control_unit.energy_price = price();
                cluster.devices.iter_mut().for_each(|device| device.energy_price = price());
            }
            let problem = collapipe::problem::SlotProblem::new(spec).unwrap();
            let best = solve(&problem, &Settings::default()).unwrap().outcome.unwrap();
            let least = best.lower_bound / weight - prices.iter().sum::<f64>();
            let own = lagrangian(&record, slot, &prices);
            assert!(least <= own * (1.0 + 1e-9) + 1e-9, "slot {slot}");
            bound += least / slots as f64;
            reached += own / slots as f64;
        }
        // No policy has a smaller mean of T + μ·g, and without overspend none a smaller mean of T. 2 %: the mixture is
        // accurate to 1e-3, and rounding it costs at most one slot of 40 for each budget that binds.
        assert!((bound..bound * 1.02).contains(&reached), "{reached} s, bound {bound} s");
        assert!(mean_latency(&record) <= bound * 1.02);
        for (k, node) in record.nodes.iter().enumerate() {
            let spent: f64 = record.slots.iter().map(|slot| slot.energy_j[k].0).sum::<f64>() / slots as f64;
            let most = record.slots.iter().map(|slot| slot.energy_j[k].0).fold(0.0, f64::max);
            assert!(
                node.budget_j.is_none_or(|budget| spent <= budget.0 + most / slots as f64),
                "{}: {spent} J",
                node.name
            );
        }
    }

    #[test]
    fn with_ample_budgets_it_is_the_fastest() {
        let scenario = builtin(5, |spec| {
            for cluster in &mut spec.clusters {
                cluster.control_unit.budget_j_per_round.as_mut().unwrap().0 *= 100.0;
                let budgets = cluster.devices.iter_mut().filter_map(|device| device.budget_j_per_round.as_mut());
                budgets.for_each(|budget| budget.0 *= 100.0);
            }
        });
        let (own, fastest) = (play(&scenario, PolicyKind::Offline), play(&scenario, PolicyKind::LatencyOnly));
        assert!((mean_latency(&own) / mean_latency(&fastest) - 1.0).abs() < 1e-3);
    }

    #[test]
    fn without_an_optimum_every_slot_is_an_outage_with_the_reason() {
        let text = changed("budget_j_per_round = 2.0", "budget_j_per_round = 1e-6");
        let record = play(&read(&text).unwrap(), PolicyKind::Offline);
        let reasons = reasons(&record);
        assert_eq!(reasons.len(), 20);
        assert!(reasons[0].contains("no decision keeps the energy budget of"), "{}", reasons[0]);
    }

    #[test]
    fn it_refuses_more_slots_than_it_can_look_at() {
        let scenario = read(&changed("slots = 20", "slots = 2001")).unwrap();
        let policy = PolicyKind::Offline.build(Settings::default(), 1).unwrap();
        let error = Run::with_policy(&scenario, policy).unwrap().next().unwrap().unwrap_err();
        assert!(error.to_string().contains("2001"), "{error}");
    }
}
