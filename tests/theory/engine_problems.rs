//! The engine on random finite problems, records of its runs, and everything it refuses.

use std::convert::Infallible;

use collapipe::lyapunov::certificate::against_policy;
use collapipe::lyapunov::{
    Action, CompareError, DriftProblem, DriftRecord, DriftRecordError, Engine, EngineError, HistoryError, Labels,
    LabelsError, Minimum, QueueError, Weights,
};
use collapipe::report::drift_summary;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use crate::finite::random_states;

fn seeded(cases: u32) -> ProptestConfig {
    ProptestConfig { rng_seed: RngSeed::Fixed(2027), cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// How a [`Finite`] problem chooses.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Choice {
    /// The best action, and says so.
    Best,
    /// The first one within so much of the best, with the best's value as bound.
    Near(f64),
    /// The best action, without a word about it.
    Silent,
}

/// A state is a list of actions.
#[derive(Clone, Debug)]
struct Finite {
    constraints: usize,
    choice: Choice,
}

type Listed = Vec<Action>;

impl DriftProblem for Finite {
    type State = Listed;
    type Action = usize;
    type Error = Infallible;

    fn labels(&self) -> Labels {
        Labels::new("cost", "EUR", (0..self.constraints).map(|k| format!("limit {k}")))
    }

    fn minimize(&mut self, state: &Listed, weights: Weights) -> Result<Minimum<usize>, Infallible> {
        let cost = |action: &Action| weights.cost(action.penalty, &action.violations);
        let least = state.iter().map(cost).fold(f64::INFINITY, f64::min);
        let allowed = if let Choice::Near(by) = self.choice { by } else { 0.0 };
        let index = state.iter().position(|action| cost(action) <= least + allowed).expect("a list has a least");
        let chosen = Minimum::new(index, state[index].penalty, state[index].violations.clone());
        Ok(match self.choice {
            Choice::Best => chosen.exact(),
            Choice::Near(_) => chosen.with_lower_bound(least),
            Choice::Silent => chosen,
        })
    }
}

/// Slots drawn from a few states; the last action of each keeps every constraint with slack.
fn states(seed: u64, constraints: usize, slots: usize) -> Vec<Listed> {
    let mut rng = Pcg64::seed_from_u64(seed);
    let kinds = random_states(&mut rng, constraints);
    (0..slots).map(|_| kinds[rng.random_range(0..kinds.len())].clone()).collect()
}

fn play(problem: &Finite, states: &[Listed], weight: f64, start: f64) -> DriftRecord<usize> {
    let engine = Engine::new(problem.clone(), states.iter().cloned(), weight).unwrap();
    engine.warm_start(&vec![start; problem.constraints]).unwrap().run().unwrap()
}

proptest! {
    #![proptest_config(seeded(120))]

    /// The law of the queues from the violations alone, C1 at every prefix, C3 against any actions and against another
    /// run.
    #[test]
    fn laws_and_certificates(
        seed in any::<u64>(), constraints in 0usize..4, slots in 1usize..60, weight in 0.1..50.0, start in 0.0..20.0,
        sloppy in 0.0..2.0, near in any::<bool>(),
    ) {
        let choice = if near { Choice::Near(sloppy) } else { Choice::Best };
        let problem = Finite { constraints, choice };
        let states = states(seed, constraints, slots);
        let record = play(&problem, &states, weight, start);
        let mut queues = vec![start; constraints];
        for (t, slot) in record.slots.iter().enumerate() {
            prop_assert_eq!(slot.slot, t as u64);
            prop_assert_eq!(&slot.violations, &states[t][slot.action].violations);
            queues = queues.iter().zip(&slot.violations).map(|(q, g)| f64::max(q + g, 0.0)).collect();
            prop_assert_eq!(&slot.queues, &queues);
        }
        let whole = record.history().unwrap();
        let allowed = if near { sloppy } else { 0.0 };
        for step in whole.steps() {
            prop_assert!(step.gap.is_some_and(|gap| (0.0..=allowed * (1.0 + 1e-9) + 1e-12).contains(&gap)));
        }
        let mut rng = Pcg64::seed_from_u64(seed ^ 3);
        let any: Vec<Action> = states.iter().map(|s| s[rng.random_range(0..s.len())].clone()).collect();
        let other = play(&problem, &states, 0.5 * weight, 0.0).decisions();
        for played in 1..=slots {
            let mut part = record.clone();
            part.slots.truncate(played);
            let proofs = part.proofs(None).unwrap();
            prop_assert_eq!(proofs.claims.len(), constraints);
            prop_assert!(proofs.claims.iter().all(|c1| c1.holds && c1.is_verified()));
            for policy in [&any, &other] {
                let c3 = against_policy(&part.history().unwrap(), &policy[..played]).unwrap();
                prop_assert!(c3.holds && c3.is_verified(), "{:?}", c3);
            }
        }
    }

    /// With the engine's own comparison every certificate that is proved on a sample path holds, and the bounds on the
    /// optimum enclose each other.
    #[cfg(feature = "milp")]
    #[test]
    fn compared_runs(
        seed in any::<u64>(), constraints in 0usize..4, slots in 1usize..40, weight in 0.1..50.0, start in 0.0..5.0,
        sloppy in 0.0..1.0, near in any::<bool>(),
    ) {
        use collapipe::lyapunov::Comparison;
        use collapipe::lyapunov::certificate::CertificateName;
        let choice = if near { Choice::Near(sloppy) } else { Choice::Best };
        let mut problem = Finite { constraints, choice };
        let states = states(seed, constraints, slots);
        let record = play(&problem, &states, weight, start);
        let compared = record.compare(&mut problem, &states).unwrap();
        let listed = Comparison::with_all_actions(states.clone()).unwrap();
        let truth = listed.optimum.as_ref().unwrap().iter().map(|a| a.penalty).sum::<f64>() / slots as f64;
        for comparison in [&compared, &listed] {
            let proofs = record.proofs(Some(comparison)).unwrap();
            for claim in &proofs.claims {
                prop_assert!(claim.holds || !claim.is_verified(), "{:?}", claim);
            }
            // What says nothing is left out for that reason alone.
            let vacuous = |name| proofs.omissions.iter().any(|of| {
                of.name == name && (of.reason.contains("bound") || of.reason.contains("C7 would be C3"))
            });
            for name in [CertificateName::C3, CertificateName::C7, CertificateName::D] {
                let given = proofs.claim(name).is_some() || vacuous(name);
                prop_assert!(given || comparison.optimum.is_none(), "{:?}", proofs.omissions);
            }
            let offline = proofs.offline.unwrap();
            prop_assert!(offline.lower_bound <= truth + 1e-6 * 6.0);
            prop_assert!(offline.upper_estimate.is_none_or(|upper| upper >= truth - 1e-6 * 6.0));
        }
        // All actions are known, and one of each state keeps every constraint: C5 is given.
        let proofs = record.proofs(Some(&listed)).unwrap();
        let above = proofs.omissions.iter().any(|of| of.name == CertificateName::C5 && of.reason.starts_with("its bound"));
        prop_assert!(above || proofs.claim(CertificateName::C5).is_some_and(|c5| c5.holds && c5.is_verified()));
        prop_assert!(drift_summary(&record, Some(&listed)).unwrap().certified());
    }

    /// Records read back bit for bit, with the actions' own type and as JSON of any kind; the same states give the same
    /// run.
    #[test]
    fn records_read_back(seed in any::<u64>(), constraints in 0usize..4, slots in 0usize..30, silent in any::<bool>()) {
        let problem = Finite { constraints, choice: if silent { Choice::Silent } else { Choice::Best } };
        let states = states(seed, constraints, slots);
        let record = play(&problem, &states, 3.0, 1.0);
        prop_assert_eq!(&play(&problem, &states, 3.0, 1.0), &record);
        let text = serde_json::to_string(&record).unwrap();
        prop_assert_eq!(&DriftRecord::<usize>::from_json(&text).unwrap(), &record);
        let any: DriftRecord = DriftRecord::from_json(&text).unwrap();
        prop_assert_eq!(serde_json::to_string(&any).unwrap(), text);
        let without = record.clone().map_actions(|_| ());
        let text = serde_json::to_string(&without).unwrap();
        prop_assert_eq!(&DriftRecord::<()>::from_json(&text).unwrap(), &without);
        prop_assert_eq!(without.history().unwrap(), record.history().unwrap());
    }
}

/// The iterator, stopped and gone on with, is the run; queues can be looked at in between.
#[test]
fn slots_can_be_taken_one_by_one() {
    let (problem, states) = (Finite { constraints: 2, choice: Choice::Best }, states(5, 2, 20));
    let whole = play(&problem, &states, 4.0, 0.0);
    let mut engine = Engine::new(problem, states, 4.0).unwrap();
    let mut slots = engine.by_ref().take(7).collect::<Result<Vec<_>, _>>().unwrap();
    assert_eq!(engine.queues().backlog().as_slice(), slots[6].queues);
    assert_eq!(engine.record(slots.clone()).history().unwrap(), whole.history().unwrap().prefix(7));
    slots.extend(engine.by_ref().map(Result::unwrap));
    assert_eq!(engine.record(slots), whole);
    assert!(engine.next().is_none() && engine.queues().rounds() == 20);
}

/// Returns what it is told to, slot by slot.
struct Scripted(Labels);

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("no power")]
struct NoPower;

impl DriftProblem for Scripted {
    type State = Result<Minimum<()>, NoPower>;
    type Action = ();
    type Error = NoPower;

    fn labels(&self) -> Labels {
        self.0.clone()
    }

    fn minimize(&mut self, state: &Self::State, _: Weights) -> Result<Minimum<()>, NoPower> {
        state.clone()
    }
}

fn act(penalty: f64, violations: &[f64]) -> Minimum<()> {
    Minimum::new((), penalty, violations.to_vec())
}

fn labels() -> Labels {
    Labels::new("cost", "", ["power", "time"])
}

/// The error of the second slot, after a good first one; the run must end there.
fn refused(second: Result<Minimum<()>, NoPower>) -> EngineError<NoPower> {
    let states = [Ok(act(1.0, &[0.5, -1.0])), second, Ok(act(1.0, &[0.0, 0.0]))];
    let mut engine = Engine::new(Scripted(labels()), states, 2.0).unwrap();
    assert!(engine.next().unwrap().is_ok());
    let before = engine.queues().clone();
    let error = engine.next().unwrap().unwrap_err();
    assert!(engine.next().is_none());
    assert_eq!(engine.queues(), &before, "a refused slot moved the queues");
    error
}

#[test]
fn answers_of_a_minimizer_are_checked() {
    let message = |second| refused(second).to_string();
    assert_eq!(message(Err(NoPower)), "slot 1: no power");
    assert!(matches!(refused(Ok(act(0.0, &[1.0]))), EngineError::Length { slot: 1, expected: 2, found: 1 }));
    assert!(matches!(refused(Ok(act(0.0, &[1.0; 3]))), EngineError::Length { slot: 1, expected: 2, found: 3 }));
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(message(Ok(act(bad, &[0.0, 0.0]))), format!("slot 1, penalty = {bad:?}: must be a finite number"));
        let of_time = format!("slot 1, violation of \"time\" = {bad:?}: must be a finite number");
        assert_eq!(message(Ok(act(0.0, &[0.0, bad]))), of_time);
        let bound = act(0.0, &[0.0, 0.0]).with_lower_bound(bad);
        assert_eq!(message(Ok(bound)), format!("slot 1, lower bound = {bad:?}: must be a finite number"));
    }
    assert!(matches!(refused(Ok(act(1e308, &[0.0, 0.0]))), EngineError::Overflow { slot: 1, .. }));
    // V p + Q g = 2 + 0.25: a bound above it, by more than rounding, is none.
    let above = |by: f64| Ok(act(1.0, &[0.5, 0.0]).with_lower_bound(2.25 + by));
    let EngineError::Bound { slot: 1, lower_bound, value } = refused(above(1e-6)) else { panic!() };
    assert_eq!((lower_bound, value), (2.25 + 1e-6, 2.25));
    let states = [Ok(act(1.0, &[0.5, -1.0])), above(1e-12)];
    let record = Engine::new(Scripted(labels()), states, 2.0).unwrap().run().unwrap();
    assert_eq!(record.history().unwrap().steps()[1].gap, Some(0.0));
}

#[test]
fn queues_that_overflow_are_named() {
    let states = vec![Ok(act(0.0, &[1.5e308, 0.0])); 2];
    let mut engine = Engine::new(Scripted(labels()), states, 2.0).unwrap();
    assert!(engine.next().unwrap().is_ok());
    let error = engine.next().unwrap().unwrap_err();
    assert!(matches!(error, EngineError::Overflow { slot: 1, .. }), "{error}");
}

#[test]
fn engines_that_cannot_begin() {
    let begin = |labels, weight: f64| Engine::new(Scripted(labels), [], weight).map(drop).unwrap_err();
    for weight in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(matches!(begin(labels(), weight), EngineError::Weight(HistoryError::Weight(_))));
    }
    let twice = begin(Labels::new("cost", "", ["a", "b", "a"]), 1.0);
    assert!(matches!(&twice, EngineError::Labels(LabelsError::Twice { index: 2, name }) if name == "a"), "{twice}");
    assert!(begin(Labels::new("cost", "", ["a", ""]), 1.0).to_string().contains("constraints[1]: empty"));
    assert!(begin(Labels::new("", "", ["a"]), 1.0).to_string().contains("penalty: empty"));
    let warm = |initial: &[f64]| {
        let engine = Engine::new(Scripted(labels()), [], 1.0).unwrap();
        engine.warm_start(initial).map(drop).unwrap_err()
    };
    let length = QueueError::Length { expected: 2, found: 1 };
    assert!(matches!(warm(&[0.0]), EngineError::WarmStart(error) if error == length));
    for bad in [-1.0, f64::NAN, f64::INFINITY] {
        assert!(matches!(warm(&[0.0, bad]), EngineError::WarmStart(QueueError::Value { index: 1, .. })));
    }
}

#[test]
fn records_that_are_none() {
    let problem = Finite { constraints: 2, choice: Choice::Best };
    let record = play(&problem, &states(9, 2, 12), 4.0, 0.5);
    let text = serde_json::to_string(&record).unwrap();
    let read = |text: &str| DriftRecord::<usize>::from_json(text);
    assert!(read(&text).is_ok());
    // Truncated, of another version, with an unknown field, with a number that is none.
    for broken in [
        text[..text.len() / 2].to_string(),
        String::new(),
        text.replace("drift-record/1", "drift-record/2"),
        text.replacen("\"slots\"", "\"extra\": 1, \"slots\"", 1),
        text.replacen("\"penalty\":", "\"extra\": 1, \"penalty\":", 1),
        text.replacen("\"penalty_weight\":4.0", "\"penalty_weight\":null", 1),
        text.replacen("\"penalty_weight\":4.0", "\"penalty_weight\":NaN", 1),
    ] {
        assert_ne!(broken, text);
        assert!(matches!(read(&broken), Err(DriftRecordError::Json(_))), "{broken}");
    }
    let with = |change: &dyn Fn(&mut DriftRecord<usize>)| {
        let mut changed = record.clone();
        change(&mut changed);
        changed.history().unwrap_err()
    };
    let grown = (0..12).find(|&t| record.slots[t].queues[1] > 0.0).expect("some queue grows");
    let law = with(&|r| r.slots[grown].queues[1] *= 0.5);
    assert!(matches!(law, DriftRecordError::History(HistoryError::Law { slot, constraint: 1, .. }) if slot == grown));
    let value = with(&|r| r.slots[3].violations[0] = f64::NAN);
    assert!(matches!(value, DriftRecordError::History(HistoryError::Value { slot: 3, what: "violations", .. })));
    let length = with(&|r| r.slots[3].queues.push(0.0));
    assert!(matches!(length, DriftRecordError::History(HistoryError::Length { slot: 3, what: "queue_after", .. })));
    let weight = with(&|r| r.penalty_weight = -1.0);
    assert!(matches!(weight, DriftRecordError::History(HistoryError::Weight(_))));
    assert!(matches!(with(&|r| r.initial_queues.clear()), DriftRecordError::Length { expected: 2, found: 0 }));
    assert!(matches!(with(&|r| r.initial_queues[0] = -1.0), DriftRecordError::History(HistoryError::Initial { .. })));
    assert!(matches!(with(&|r| r.slots[4].slot = 9), DriftRecordError::Number { index: 4, found: 9 }));
    assert!(matches!(with(&|r| r.labels.constraints[1] = "limit 0".into()), DriftRecordError::Labels(_)));
    for bound in [1e9, f64::NAN, f64::NEG_INFINITY] {
        assert!(matches!(with(&|r| r.slots[5].lower_bound = Some(bound)), DriftRecordError::Bound { index: 5, .. }));
    }
    assert!(drift_summary(&record, None).unwrap().certified());
}

#[test]
fn comparisons_that_do_not_fit() {
    let (mut problem, states) = (Finite { constraints: 2, choice: Choice::Best }, states(9, 2, 12));
    let record = play(&problem, &states, 4.0, 0.5);
    let short = record.compare(&mut problem, &states[1..]).unwrap_err();
    assert!(matches!(short, CompareError::States { expected: 12, found: 11 }));
    let other = record.compare(&mut Finite { constraints: 3, choice: Choice::Best }, &states).unwrap_err();
    assert!(matches!(other, CompareError::Labels));
    let mut broken = record.clone();
    broken.slots[0].penalty = f64::NAN;
    assert!(matches!(broken.compare(&mut problem, &states), Err(CompareError::Record(_))));
    let none = vec![Ok(act(0.0, &[0.0, 0.0])); 2];
    let scripted = Engine::new(Scripted(labels()), none, 1.0).unwrap().run().unwrap();
    let failing = [Ok(act(0.0, &[0.0, 0.0])), Err(NoPower)];
    let failed = scripted.compare(&mut Scripted(labels()), &failing).unwrap_err();
    assert!(failed.to_string().ends_with("slot 1: no power"), "{failed}");
}

/// A minimizer that proves nothing gives C1 and what rests on no gap.
#[test]
fn silent_minimizers() {
    let (mut problem, states) = (Finite { constraints: 2, choice: Choice::Silent }, states(9, 2, 12));
    let record = play(&problem, &states, 4.0, 0.5);
    let compared = record.compare(&mut problem, &states).unwrap();
    assert!(compared.minima.is_none());
    let proofs = record.proofs(Some(&compared)).unwrap();
    assert!(proofs.offline.is_none());
    assert_eq!(proofs.claims.iter().map(|claim| claim.name.to_string()).collect::<Vec<_>>(), ["C1", "C1"]);
    assert_eq!(proofs.omissions.len(), 6);
}

/// Without slots nothing is claimed, and nothing breaks.
#[test]
fn runs_without_slots() {
    let mut problem = Finite { constraints: 2, choice: Choice::Best };
    let record = play(&problem, &[], 4.0, 0.5);
    assert_eq!(record.history().unwrap().final_queue(), [0.5, 0.5]);
    let summary = drift_summary(&record, None).unwrap();
    assert!(summary.certificates.is_empty() && summary.mean_penalty.is_none());
    assert!(summary.to_string().starts_with("0 slots at V = 4"));
    assert!(matches!(record.compare(&mut problem, &[]), Err(CompareError::Offline(_))));
}
