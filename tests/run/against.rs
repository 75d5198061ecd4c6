//! C3 of a run against the records of other policies in the same states.

use collapipe::lyapunov::certificate::{CertificateError, CertificateName, Claim, Standing};
use collapipe::scenario::{BUILTIN, Scenario, ScenarioFile};
use collapipe::simulation::{
    AgainstError, Effort, Outage, OutageCause, Run, RunError, RunRecord, SlotOutcome, StatesError,
};
use collapipe::solver::Settings;
use collapipe::units::Joules;

fn scenario(slots: u64, weight: f64, change: impl FnOnce(&mut ScenarioFile)) -> Scenario {
    let mut file = ScenarioFile::parse(BUILTIN, "".as_ref()).unwrap();
    (file.spec.slots, file.spec.latency_weight) = (slots, weight);
    change(&mut file);
    file.build().unwrap()
}

fn play(scenario: &Scenario) -> RunRecord {
    let mut run = Run::new(scenario, Settings::default()).unwrap();
    let slots = run.by_ref().collect::<Result<Vec<_>, _>>().unwrap();
    run.record(slots)
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs().max(b.abs())
}

/// Both sides, from the records' numbers alone.
fn by_hand(own: &RunRecord, other: &RunRecord, raised: f64) -> (f64, f64) {
    let weight = own.provenance.latency_weight;
    let budgets: Vec<Option<f64>> = own.nodes.iter().map(|node| node.budget_j.map(|b| b.0)).collect();
    let violations = |energy: &[Joules]| -> Vec<f64> {
        energy.iter().zip(&budgets).map(|(e, budget)| budget.map_or(0.0, |b| e.0 / b - 1.0)).collect()
    };
    let latency = |outcome: &SlotOutcome| match outcome {
        SlotOutcome::Planned(planned) => planned.latency_s.0,
        _ => 0.0,
    };
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let mut queues = vec![0.0; budgets.len()];
    let (mut value, mut bound) = (0.0, raised);
    for (a, b) in own.slots.iter().zip(&other.slots) {
        let g = violations(&a.energy_j);
        let gap = match &a.outcome {
            SlotOutcome::Planned(planned) => (planned.objective - planned.lower_bound.unwrap()).max(0.0),
            _ => 0.0,
        };
        value += latency(&a.outcome);
        bound += weight * latency(&b.outcome) + gap + dot(&queues, &violations(&b.energy_j)) - dot(&queues, &g);
        queues = queues.iter().zip(&g).map(|(q, g)| f64::max(q + g, 0.0)).collect();
    }
    let slots = own.slots.len() as f64;
    (value / slots, bound / (weight * slots))
}

fn verified(claim: &Claim) -> bool {
    claim.assumptions.iter().any(|a| a.standing == Standing::Verified && a.statement.contains("the other record's"))
}

#[test]
fn runs_at_other_weights_are_policies() {
    let of = scenario(25, 0.1, |_| {});
    let own = play(&of);
    for weight in [0.001, 0.02, 0.1, 5.0] {
        let other = play(&scenario(25, weight, |_| {}));
        let claim = own.against(&other, &of).unwrap();
        assert!(
            claim.name == CertificateName::C3 && claim.holds && claim.is_verified() && verified(&claim),
            "{claim:?}"
        );
        let (value, bound) = by_hand(&own, &other, 0.0);
        assert!(near(claim.value, value) && near(claim.bound, bound), "{claim:?}: {value} {bound}");
    }
}

/// Certificates of a run that goes on: the slots so far of both.
#[test]
fn unfinished_records_have_certificates() {
    let of = scenario(25, 0.1, |_| {});
    let mut run = Run::new(&of, Settings::default()).unwrap();
    let slots = run.by_ref().take(9).collect::<Result<Vec<_>, _>>().unwrap();
    let so_far = run.record(slots);
    let mut other = play(&scenario(25, 1.0, |_| {}));
    let different = so_far.against(&other, &of).unwrap_err();
    assert_eq!(different, AgainstError::Different { what: "slots" });
    other.slots.truncate(9);
    assert!(so_far.against(&other, &of).unwrap().holds);
    assert_eq!(so_far.compare(&of, Settings::default(), Effort::Quick).unwrap().slots.len(), 9);
    assert_eq!(run.by_ref().count(), 16);
    let mut empty = so_far.clone();
    empty.slots.clear();
    let none = empty.against(&empty.clone(), &of).unwrap_err();
    assert_eq!(none, AgainstError::Certificate(CertificateError::NoSlots));
}

/// Doing nothing where a round was possible is no action of the slot problem: what it saves goes into the gap.
#[test]
fn a_policy_may_skip_rounds() {
    let of = scenario(25, 0.1, |_| {});
    let own = play(&of);
    let mut lazy = own.clone();
    for slot in &mut lazy.slots[10..20] {
        slot.outcome = SlotOutcome::Outage(Outage::new(OutageCause::Infeasible, "not today"));
        slot.energy_j.iter_mut().for_each(|energy| *energy = Joules(0.0));
    }
    let claim = own.against(&lazy, &of).unwrap();
    assert!(claim.holds && claim.is_verified());
    assert!(claim.assumptions.iter().any(|a| a.statement.contains("had no round")), "{claim:?}");
    // Without the raise the inequality need not hold; with it, every skipped slot adds at least what it takes away.
    let (_, unraised) = by_hand(&own, &lazy, 0.0);
    assert!(claim.bound > unraised);
    // The other way round, nobody knows how far doing nothing was from the minimum.
    let mut queues = vec![0.0f64; own.nodes.len()];
    for slot in &mut lazy.slots {
        for ((queue, node), (energy, after)) in
            queues.iter_mut().zip(&own.nodes).zip(slot.energy_j.iter().zip(&mut slot.queues))
        {
            *queue = node.budget_j.map_or(0.0, |budget| (*queue + (energy.0 / budget.0 - 1.0)).max(0.0));
            *after = *queue;
        }
    }
    let needless = lazy.against(&own, &of).unwrap_err();
    assert_eq!(needless, AgainstError::NeedlessOutage { slot: 10 });
    // Where no round was found, and none excluded, the gap of doing nothing allows for the other's.
    for slot in &mut lazy.slots[10..20] {
        slot.outcome = SlotOutcome::Outage(Outage::no_round("not today"));
    }
    // Later slots were decided at other prices than those of these queues.
    lazy.slots.truncate(20);
    let mut other = own;
    other.slots.truncate(20);
    let claim = lazy.against(&other, &of).unwrap();
    assert!(claim.holds && claim.is_verified(), "{claim:?}");
}

#[test]
fn records_that_do_not_fit_are_refused() {
    let of = scenario(6, 0.1, |_| {});
    let own = play(&of);
    let refused = |change: &dyn Fn(&mut RunRecord)| {
        let mut other = own.clone();
        change(&mut other);
        own.against(&other, &of).unwrap_err()
    };
    assert_eq!(
        refused(&|r| r.nodes[1].budget_j = Some(Joules(7.0))),
        AgainstError::Different { what: "nodes and budgets" }
    );
    assert_eq!(refused(&|r| r.plans[0].penalty = 1.0), AgainstError::Different { what: "plans" });
    let cheaper = refused(&|r| r.slots[2].energy_j[1].0 *= 0.5);
    assert!(matches!(&cheaper, AgainstError::Number { slot: 2, what, .. } if what == "energy_j[1]"), "{cheaper}");
    let faster = refused(&|r| {
        let SlotOutcome::Planned(planned) = &mut r.slots[4].outcome else { panic!("an outage") };
        planned.latency_s.0 *= 0.9;
    });
    assert!(matches!(&faster, AgainstError::Number { slot: 4, what, .. } if what == "latency_s"), "{faster}");
    let wide = refused(&|r| {
        let SlotOutcome::Planned(planned) = &mut r.slots[3].outcome else { panic!("an outage") };
        planned.decision.as_mut().unwrap().clusters[0].forward[0].as_mut().unwrap().bandwidth_hz.0 *= 50.0;
    });
    assert!(matches!(&wide, AgainstError::Impossible { slot: 3, .. }), "{wide}");
    let broken = refused(&|r| {
        let SlotOutcome::Planned(planned) = &mut r.slots[3].outcome else { panic!("an outage") };
        planned.decision.as_mut().unwrap().clusters.pop();
    });
    assert!(matches!(&broken, AgainstError::Decision { slot: 3, .. }), "{broken}");
    // Other channels.
    let elsewhere = play(&scenario(6, 0.1, |file| file.spec.seed = 3));
    assert!(matches!(
        own.against(&elsewhere, &of),
        Err(AgainstError::Number { .. } | AgainstError::Impossible { .. } | AgainstError::Decision { .. })
    ));
    let other_scenario = scenario(6, 0.1, |file| file.spec.seed = 3);
    let wrong = own.against(&own, &other_scenario).unwrap_err();
    assert!(matches!(wrong, AgainstError::States(StatesError::OtherScenario { .. })), "{wrong}");
    let wrong = own.compare(&other_scenario, Settings::default(), Effort::Quick).unwrap_err();
    assert!(matches!(wrong, RunError::States(StatesError::OtherScenario { .. })), "{wrong}");
    let mut far = own.clone();
    far.slots[0].slot = u64::MAX;
    let wrong = far.compare(&of, Settings::default(), Effort::Quick).unwrap_err();
    assert!(matches!(wrong, RunError::States(StatesError::Order { index: 0, .. })), "{wrong}");
    let mut shuffled = own.clone();
    shuffled.slots.swap(1, 2);
    let wrong = shuffled.compare(&of, Settings::default(), Effort::Quick).unwrap_err();
    assert_eq!(wrong.to_string(), "slots[1].slot = 2: must be 1");
    // A run that was not made by drift plus penalty has no C3.
    let mut unknown = own.clone();
    unknown.slots[5].energy_prices[1] += 1.0;
    let wrong = unknown.against(&own, &of).unwrap_err();
    assert_eq!(wrong, AgainstError::Certificate(CertificateError::GapUnknown { slot: 5 }));
}
