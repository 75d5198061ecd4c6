//! Controllers of nodes that come and go, and controllers that are saved.

use std::collections::BTreeMap;

use collapipe::bounds::{ConvergenceConstraint, Form, LearningProblem, UpdateRule};
use collapipe::lyapunov::{
    ConvergenceController, EnergyController, FleetController, FleetError, Joined, PowerController, Queues,
};
use collapipe::problem::CandidatePlan;
use collapipe::units::{Joules, Seconds, Watts};
use collapipe::{Blame, Blamed};
use nalgebra::DVector;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::support::folder;

fn seeded(cases: u32) -> ProptestConfig {
    ProptestConfig { rng_seed: RngSeed::Fixed(2027), cases, failure_persistence: None, ..ProptestConfig::default() }
}

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

fn budget(node: usize) -> Joules {
    Joules([0.5, 2.0, 30.0, 1e3][node])
}

#[derive(Clone, Debug)]
enum Change {
    Join(usize),
    JoinAt(usize, f64),
    Leave(usize),
    Forget(usize),
    /// Energy in budgets, of every node.
    Spend([f64; 4]),
    Restart,
}

fn change() -> impl Strategy<Value = Change> {
    let node = 0..NAMES.len();
    prop_oneof![
        2 => node.clone().prop_map(Change::Join),
        1 => (node.clone(), 0.0..5.0).prop_map(|(node, at)| Change::JoinAt(node, at)),
        2 => node.clone().prop_map(Change::Leave),
        1 => node.prop_map(Change::Forget),
        8 => prop::array::uniform4(0.0..4.0).prop_map(Change::Spend),
        1 => Just(Change::Restart),
    ]
}

/// What is known of an account from its slots alone.
#[derive(Clone, Debug)]
struct Known {
    member: bool,
    start: f64,
    queue: f64,
    violations: Vec<f64>,
}

proptest! {
    #![proptest_config(seeded(300))]

    /// The law, C1 over the slots of the membership, and the drift with accounts that open and close.
    #[test]
    fn certificates_of_members(changes in prop::collection::vec(change(), 1..80)) {
        let mut fleet = FleetController::new();
        let mut known: BTreeMap<usize, Known> = BTreeMap::new();
        // ½|Q|² that is there at the end or went with an account, less that which came with one; Σ ½|g|² + Q·g.
        let (mut norms, mut drift, mut rounds) = (0.0, 0.0, 0);
        for change in changes {
            match change {
                Change::Join(node) => {
                    let how = fleet.join(NAMES[node], Some(budget(node))).unwrap();
                    let expected = match known.get(&node) {
                        None => Joined::New,
                        Some(account) if account.member => Joined::Already,
                        Some(_) => Joined::Back,
                    };
                    prop_assert_eq!(how, expected);
                    let new = Known { member: true, start: 0.0, queue: 0.0, violations: Vec::new() };
                    known.entry(node).or_insert(new).member = true;
                }
                Change::JoinAt(node, start) => {
                    let joined = fleet.join_at(NAMES[node], Some(budget(node)), start);
                    prop_assert_eq!(joined.is_ok(), !known.contains_key(&node));
                    if joined.is_ok() {
                        known.insert(node, Known { member: true, start, queue: start, violations: Vec::new() });
                        norms -= 0.5 * start * start;
                    }
                }
                Change::Leave(node) => {
                    let left = fleet.leave(NAMES[node]);
                    let account = known.get_mut(&node).filter(|account| account.member);
                    prop_assert_eq!(left.is_ok(), account.is_some());
                    if let Some(account) = account {
                        account.member = false;
                    }
                }
                Change::Forget(node) => {
                    let proved = fleet.forget(NAMES[node]);
                    let account = known.remove(&node);
                    let played = account.as_ref().is_some_and(|account| !account.violations.is_empty());
                    prop_assert_eq!(proved.is_some(), played);
                    norms += account.map_or(0.0, |account| 0.5 * account.queue * account.queue);
                }
                Change::Spend(energy) => {
                    let members: Vec<usize> = known.iter().filter(|(_, of)| of.member).map(|(node, _)| *node).collect();
                    let spent = members.iter().map(|&node| (NAMES[node], Joules(energy[node] * budget(node).0)));
                    fleet.spend(spent).unwrap();
                    rounds += 1;
                    for node in members {
                        let account = known.get_mut(&node).unwrap();
                        let g = energy[node] * budget(node).0 / budget(node).0 - 1.0;
                        drift += 0.5 * g * g + account.queue * g;
                        account.queue = (account.queue + g).max(0.0);
                        account.violations.push(g);
                    }
                }
                Change::Restart => {
                    let text = fleet.to_json().unwrap();
                    let read = FleetController::from_json(&text).unwrap();
                    prop_assert_eq!(&read, &fleet);
                    prop_assert_eq!(read.to_json().unwrap(), text);
                    fleet = read;
                }
            }
            prop_assert_eq!(fleet.rounds(), rounds);
            prop_assert_eq!(fleet.accounts().count(), known.len());
            for (node, account) in &known {
                let name = NAMES[*node];
                prop_assert_eq!(fleet.queue(name), Some(account.queue));
                prop_assert_eq!(fleet.is_member(name), account.member);
                prop_assert_eq!(fleet.price(name), account.member.then_some(account.queue / budget(*node).0));
                let Some(c1) = fleet.certificate(name) else {
                    prop_assert!(account.violations.is_empty());
                    continue;
                };
                let played = account.violations.len() as f64;
                let mean = account.violations.iter().sum::<f64>() / played;
                prop_assert_eq!(c1.rounds as f64, played);
                prop_assert!((c1.mean_violation - mean).abs() < 1e-12);
                prop_assert!((c1.bound - (account.queue - account.start) / played).abs() < 1e-12);
                prop_assert!(mean <= c1.bound + 1e-12 && c1.holds());
            }
        }
        norms += known.values().map(|account| 0.5 * account.queue * account.queue).sum::<f64>();
        prop_assert!(norms <= drift + 1e-9 * drift.abs().max(1.0), "{norms} > {drift}");
    }
}

/// 50 slots, and 25 with a file in between: the same, bit for bit.
#[test]
fn a_restarted_service_goes_on() {
    let path = folder("fleet").join("controller.json");
    let play = |fleet: &mut FleetController, slots: std::ops::Range<u32>| {
        for slot in slots {
            // Somebody leaves and somebody comes back in most slots.
            let there = |node: &usize| !(slot + 7 * *node as u32).is_multiple_of(5);
            let nodes = (0..4).filter(there).map(|node| (NAMES[node], Some(budget(node))));
            fleet.set_members(nodes).unwrap();
            let energy = |node: usize| Joules(budget(node).0 * f64::from((slot * 37 + node as u32 * 11) % 29) / 12.7);
            fleet.spend((0..4).filter(there).map(|node| (NAMES[node], energy(node)))).unwrap();
        }
    };
    let mut through = FleetController::new();
    play(&mut through, 0..50);
    let mut first = FleetController::new();
    play(&mut first, 0..25);
    first.save(&path).unwrap();
    drop(first);
    let mut second = FleetController::load(&path).unwrap();
    play(&mut second, 25..50);
    assert_eq!(second, through);
    assert_eq!(second.certificates().collect::<Vec<_>>(), through.certificates().collect::<Vec<_>>());
    assert!(through.certificates().all(|(_, c1)| c1.holds() && c1.rounds == 40));
    assert!(through.queue("a").unwrap() > 0.0, "nothing was at stake");
}

fn again<T: Serialize + DeserializeOwned>(value: &T) -> T {
    serde_json::from_str(&serde_json::to_string(value).unwrap()).unwrap()
}

/// The controllers of fixed nodes, before their first slot and after some.
#[test]
fn all_controllers_are_read_as_they_were_written() {
    let energies = |slot: u32| [Joules(f64::from(slot % 7) / 3.0), Joules(0.1 * f64::from(slot)), Joules(5.0)];
    let mut energy =
        EnergyController::starting_at(vec![Some(Joules(0.9)), None, Some(Joules(4.7))], &[0.3, 9.0, 0.0]).unwrap();
    let mut power =
        PowerController::new(vec![Some(Watts(0.1)), None, Some(Watts(0.7))], 0.3, Seconds(9.0), Seconds(60.0)).unwrap();
    let learning = LearningProblem {
        initial_gap: 1.0,
        smoothness: 1.0,
        weights: vec![1.0],
        sample_variance: vec![1.0],
        batch_size: vec![16],
        heterogeneity: 0.0,
        dissimilarity: 1.0,
        update: UpdateRule::PerMicroBatch,
    };
    let constraint = ConvergenceConstraint { learning, step_size: 0.125, rounds: 10, target: 1.0, form: Form::Sharp };
    let plan = |micro_batches| CandidatePlan { micro_batches, ..CandidatePlan::default() };
    let mut learned = ConvergenceController::new(constraint, &[plan(1), plan(2)]).unwrap();
    for slot in 0..30 {
        assert_eq!(again(&energy), energy);
        assert_eq!(again(&power), power);
        assert_eq!(again(&learned), learned);
        assert_eq!(again(energy.queues()), *energy.queues());
        energy.spend(&energies(slot)).unwrap();
        power.play(&energies(slot), Seconds(3.0 + f64::from(slot % 4))).unwrap();
        learned.play(Some(slot as usize % 2).filter(|_| slot % 5 > 0)).unwrap();
    }
    assert!(
        energy.certificate(0).unwrap().rounds == 30 && again(&learned).certified_mean() == learned.certified_mean()
    );
}

/// Numbers that no queue law leads to, one by one.
#[test]
fn queues_that_cannot_be_are_refused() {
    let mut queues = Queues::empty(2);
    for g in [[0.5, -0.25], [1.0, 0.75]] {
        queues.update(&DVector::from_column_slice(&g)).unwrap();
    }
    let text = serde_json::to_string(&queues).unwrap();
    let as_written =
        r#"{"rounds":2,"initial":[0.0,0.0],"backlog":[1.5,0.75],"violation_sum":[1.5,0.5],"least_slack":[0.0,0.125]}"#;
    assert_eq!(text, as_written);
    let refused = |from: &str, to: &str| {
        let changed = text.replace(from, to);
        assert_ne!(changed, text);
        serde_json::from_str::<Queues>(&changed).unwrap_err().to_string()
    };
    for (from, to, why) in [
        ("[1.5,0.75]", "[1.4,0.75]", "no queue does so"),
        ("[1.5,0.75]", "[1.5]", "backlog: a list of 1, must be one of 2"),
        ("[1.5,0.75]", "[-1.5,0.75]", "backlog[0] = -1.5: must be a finite number >= 0"),
        ("[0.0,0.0]", "[0.0,-1.0]", "initial[1] = -1.0"),
        ("[0.0,0.125]", "[0.0,0.2]", "no queue does so"),
        (r#""rounds":2"#, r#""rounds":0"#, "least_slack: a list of 2, must be one of 0"),
        (r#""rounds":2"#, r#""rounds":2,"extra":1"#, "unknown field `extra`"),
    ] {
        let error = refused(from, to);
        assert!(error.contains(why), "{from} as {to}: {error}");
    }
    let fresh = serde_json::to_string(&Queues::empty(1)).unwrap();
    assert_eq!(fresh, r#"{"rounds":0,"initial":[0.0],"backlog":[0.0],"violation_sum":[0.0]}"#);
    assert!(serde_json::from_str::<Queues>(&fresh.replace("violation_sum\":[0.0", "violation_sum\":[1.0")).is_err());
}

fn played() -> FleetController {
    let mut fleet = FleetController::new();
    fleet.join("lab/pi", Some(Joules(2.0))).unwrap();
    fleet.join("lab/mains", None).unwrap();
    fleet.spend([("lab/pi", Joules(5.0))]).unwrap();
    fleet
}

#[test]
fn states_that_were_changed_or_are_another_versions_are_refused() {
    let text = played().to_json().unwrap();
    assert!(text.contains(r#""schema": "collapipe.controller/1""#), "{text}");
    let refused = |changed: String| {
        assert_ne!(changed, text);
        let error = FleetController::from_json(&changed).unwrap_err();
        assert_eq!(error.blame(), Blame::Input);
        error.to_string()
    };
    let version = refused(text.replace("controller/1", "controller/2"));
    assert!(version.contains("collapipe.controller/2") && version.contains("collapipe.controller/1"), "{version}");
    let digit = refused(text.replace("\"budget_j\": 2.0", "\"budget_j\": 3.0"));
    assert!(digit.contains("digest") && digit.contains("changed or damaged"), "{digit}");
    let truncated = refused(text[..text.len() / 2].into());
    assert!(truncated.contains("is the file complete"), "{truncated}");

    // By hand, with the digest left out: what can be checked is checked.
    let by_hand = |from: &str, to: &str| {
        let (before, after) = text.split_once(",\n  \"digest\"").unwrap();
        assert!(after.contains('"'));
        before.replace(from, to) + "\n}"
    };
    assert_eq!(FleetController::from_json(&by_hand("", "")).unwrap(), played());
    let longer = refused(by_hand("  \"rounds\": 1,\n  \"nodes\"", "  \"rounds\": 0,\n  \"nodes\""));
    assert!(longer.contains("queues.rounds = 1: must be at most rounds = 0"), "{longer}");
    let law = refused(by_hand("\"backlog\": [\n          1.5", "\"backlog\": [\n          0.5"));
    assert!(law.contains("lab/pi") && law.contains("no queue does so"), "{law}");
    let budget = refused(by_hand("\"budget_j\": 2.0", "\"budget_j\": -2.0"));
    assert!(budget.contains("must be a finite number > 0"), "{budget}");
    let none = refused(by_hand("\"budget_j\": 2.0", "\"budget_j\": null"));
    assert!(none.contains("queues: a list of 1, must be one of 0"), "{none}");

    let missing = FleetController::load(folder("no-fleet").join("none.json")).unwrap_err();
    assert!(missing.blame() == Blame::Machine && missing.to_string().contains("cannot read"), "{missing}");
    let path = folder("bad-fleet").join("state.json");
    std::fs::write(&path, "{").unwrap();
    let named = FleetController::load(&path).unwrap_err().to_string();
    assert!(named.contains("state.json") && named.contains("complete"), "{named}");
}

#[test]
fn what_cannot_be_booked_changes_nothing() {
    let mut fleet = played();
    let before = fleet.clone();
    let mut refused = |change: &dyn Fn(&mut FleetController) -> FleetError| {
        let error = change(&mut fleet);
        assert_eq!((&fleet, error.blame()), (&before, Blame::Input), "{error}");
        error.to_string()
    };
    for value in [-1.0, f64::NAN, f64::INFINITY] {
        let error = refused(&|fleet| fleet.spend([("lab/mains", Joules(1.0)), ("lab/pi", Joules(value))]).unwrap_err());
        assert!(error.contains("energy of lab/pi"), "{error}");
    }
    let error = refused(&|fleet| fleet.spend([("lab/py", Joules(1.0))]).unwrap_err());
    assert_eq!(error, "lab/py is not a member (did you mean lab/pi?); let it join first");
    let error = refused(&|fleet| fleet.spend([("lab/pi", Joules(1.0)); 2]).unwrap_err());
    assert_eq!(error, "lab/pi is named twice: must be once");
    let error = refused(&|fleet| fleet.join("lab/pi", Some(Joules(3.0))).unwrap_err());
    assert_eq!(error, "budget of lab/pi = 3.0 J: its account has 2.0 J; forget the node first, then it starts anew");
    let error = refused(&|fleet| fleet.join("new", Some(Joules(0.0))).unwrap_err());
    assert_eq!(error, "budget of new = 0.0 J: must be a finite number > 0, or none");
    let error = refused(&|fleet| fleet.join_at("new", Some(Joules(1.0)), -1.0).unwrap_err());
    assert_eq!(error, "initial queue of new = -1.0: must be a finite number >= 0");
    let error = refused(&|fleet| fleet.join_at("lab/pi", Some(Joules(2.0)), 1.0).unwrap_err());
    assert!(error.contains("lab/pi has an account"), "{error}");
    let error = refused(&|fleet| fleet.join("", None).unwrap_err());
    assert!(error.contains("name is empty"), "{error}");
    let error = refused(&|fleet| fleet.set_members([("new", None), ("lab/pi", None)]).unwrap_err());
    assert!(error.contains("no limit"), "{error}");
    refused(&|fleet| fleet.set_members([("new", None), ("new", None)]).unwrap_err());
    refused(&|fleet| fleet.leave("new").unwrap_err());
    refused(&|fleet| fleet.prices(["lab/pi", "new"]).unwrap_err());

    // Whose queue would leave the range of numbers.
    let mut fleet = FleetController::new();
    fleet.join("k", Some(Joules(1e-300))).unwrap();
    assert!(matches!(fleet.spend([("k", Joules(1e10))]), Err(FleetError::Energy { .. })));
    assert_eq!((fleet.rounds(), fleet.queue("k")), (0, Some(0.0)));
}

#[test]
fn members_are_those_named() {
    let mut fleet = played();
    let changes = fleet.set_members([("new", None), ("lab/pi", Some(Joules(2.0)))]).unwrap();
    assert_eq!((&changes.joined[..], &changes.left[..]), (&["new".to_owned()][..], &["lab/mains".to_owned()][..]));
    assert_eq!(fleet.members().collect::<Vec<_>>(), ["lab/pi", "new"]);
    let back = fleet.set_members([("lab/mains", None)]).unwrap();
    assert_eq!((back.back.len(), back.left.len(), fleet.queue("lab/pi")), (1, 2, Some(1.5)));
    assert!(fleet.set_members([("lab/mains", None)]).unwrap().is_empty());
}
