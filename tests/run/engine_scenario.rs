//! The rounds of a scenario as a slot problem of the engine: that of the library, and one stated here from scratch.

use collapipe::lyapunov::{DriftProblem, Engine, Labels, Minimum, Weights};
use collapipe::scenario::{BUILTIN, Role, Scenario, ScenarioFile, SlotState};
use collapipe::simulation::{PolicyKind, Rounds, Run};
use collapipe::solver::{Settings, SolveError, Solver};

/// T as the penalty, E/Ē − 1 of every node as a violation; every node of the scenario has a budget.
struct Stated<'a> {
    scenario: &'a Scenario,
    budgets: Vec<f64>,
    solver: Solver,
}

impl<'a> DriftProblem for Stated<'a> {
    type State = SlotState;
    /// Encoder blocks on the devices of every cluster.
    type Action = Vec<Vec<u32>>;
    type Error = SolveError;

    fn labels(&self) -> Labels {
        Labels::new("latency", "s", self.scenario.nodes().iter().map(|node| node.name.clone()))
    }

    fn minimize(&mut self, state: &SlotState, weights: Weights<'_>) -> Result<Minimum<Self::Action>, SolveError> {
        assert_eq!(weights.penalty, self.scenario.spec().latency_weight);
        let instance = state.problem(|node| weights.queues[node] / self.budgets[node]).unwrap();
        let best = self.solver.solve(&instance.problem)?.outcome.unwrap();
        let violation = |(k, node): (usize, &collapipe::scenario::Node)| {
            let spent = &best.evaluation.clusters[node.cluster];
            let energy = match node.role {
                Role::ControlUnit => spent.control_unit_energy.0,
                Role::Device(device) => {
                    let place = instance.present[node.cluster].iter().position(|&there| there == device);
                    place.map_or(0.0, |place| spent.device_energy[place].total().0)
                }
                other => panic!("{other:?}"),
            };
            energy / self.budgets[k] - 1.0
        };
        let violations: Vec<f64> = self.scenario.nodes().iter().enumerate().map(violation).collect();
        let sizes = best.decision.clusters.iter().map(|cluster| cluster.sizes.clone()).collect();
        // The solver's objective has Σ Q E/Ē where the standard form has Σ Q g.
        let bound = best.lower_bound - weights.queues.iter().sum::<f64>();
        Ok(Minimum::new(sizes, best.evaluation.round_latency.0, violations).with_lower_bound(bound))
    }
}

#[test]
fn the_engine_plays_the_rounds_that_the_run_plays() {
    let mut file = ScenarioFile::parse(BUILTIN, "".as_ref()).unwrap();
    file.spec.slots = 60;
    let scenario = file.build().unwrap();
    let budgets: Vec<f64> = scenario.budgets().into_iter().map(|budget| budget.unwrap().0).collect();
    let mut sampler = scenario.sampler();
    let states: Vec<SlotState> = (0..60).map(|_| sampler.next_slot()).collect();
    let solver = Solver::new(Settings::default()).unwrap();
    let problem = Stated { scenario: &scenario, budgets, solver };
    let generic = Engine::new(problem, states, scenario.spec().latency_weight).unwrap().run().unwrap();

    let mut run = Run::new(&scenario, Settings::default()).unwrap();
    let slots = run.by_ref().collect::<Result<Vec<_>, _>>().unwrap();
    let record = run.record(slots);
    for (own, slot) in generic.slots.iter().zip(&record.slots) {
        let round = slot.planned().unwrap();
        let decision = round.decision.as_ref().unwrap();
        assert!(decision.clusters.iter().map(|cluster| &cluster.sizes).eq(&own.action), "slot {}", slot.slot);
        assert!((own.penalty - round.latency_s.0).abs() <= 1e-9 * round.latency_s.0, "slot {}", slot.slot);
        for (own, queue) in own.queues.iter().zip(&slot.queues) {
            assert!((own - queue).abs() <= 1e-9 * queue.max(1.0), "slot {}: {own}, {queue}", slot.slot);
        }
    }
    // The same C1.
    let (ours, theirs) = (generic.proofs(None).unwrap(), collapipe::report::summary(&record));
    assert_eq!(ours.claims.len(), record.nodes.len());
    for (claim, node) in ours.claims.iter().zip(&theirs.nodes) {
        let certificate = node.certificate.unwrap();
        assert!(claim.holds && (claim.value - certificate.mean_violation).abs() <= 1e-9, "{}", node.name);
    }
}

/// `Run` adds nothing to the engine: the same slots bit for bit, with every policy, from warm queues, with a convergence
/// constraint; and the record's history is that of the engine's record.
#[test]
fn the_run_is_the_engine_on_the_scenarios_rounds() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/scenarios/convergence.toml");
    let mut file = ScenarioFile::parse(&std::fs::read_to_string(path).unwrap(), "".as_ref()).unwrap();
    file.spec.slots = 12;
    // A slot that is an outage whoever decides.
    file.spec.clusters[0].devices.iter_mut().for_each(|device| device.absent_slots = vec![7]);
    let scenario = file.build().unwrap();
    let mut warm: Vec<f64> = (0..scenario.nodes().len()).map(|k| 0.25 * k as f64).collect();
    warm.push(1.5);
    for kind in [PolicyKind::Exact, PolicyKind::LatencyOnly, PolicyKind::ProportionalSpeed, PolicyKind::Random] {
        let policy = || kind.build(Settings::default(), 5).unwrap();
        let mut run = Run::with_policy(&scenario, policy()).unwrap().warm_start(&warm).unwrap();
        let slots = run.by_ref().collect::<Result<Vec<_>, _>>().unwrap();
        let record = run.record(slots);

        let budgets = scenario.budgets();
        let limited = warm.iter().enumerate().filter(|(k, _)| budgets.get(*k).is_none_or(Option::is_some));
        let queues: Vec<f64> = limited.map(|(_, queue)| *queue).collect();
        let mut sampler = scenario.sampler();
        let states: Vec<SlotState> = (0..12).map(|_| sampler.next_slot()).collect();
        let rounds = Rounds::with_policy(&scenario, policy()).unwrap();
        let mut engine =
            Engine::new(rounds, states, scenario.spec().latency_weight).unwrap().warm_start(&queues).unwrap();
        let played = engine.by_ref().collect::<Result<Vec<_>, _>>().unwrap();
        let own = engine.record(played);
        assert_eq!(own.labels.constraints, record.constraint_names());
        for (slot, of_run) in own.slots.iter().zip(&record.slots) {
            let recorded = engine.problem().record_slot(slot.clone()).unwrap();
            assert_eq!(serde_json::to_string(&recorded).unwrap(), serde_json::to_string(of_run).unwrap(), "{kind}");
        }
        let (ours, theirs) = (own.history().unwrap(), record.history().unwrap());
        assert_eq!((ours.initial(), ours.steps().len()), (theirs.initial(), 12));
        for (a, b) in ours.steps().iter().zip(theirs.steps()) {
            assert_eq!((a.penalty, &a.violations, &a.queue_after), (b.penalty, &b.violations, &b.queue_after));
            // One is kept as a lower bound of V p + Q g.
            let scale = scenario.spec().latency_weight * a.penalty.abs() + a.violations.len() as f64;
            match (a.gap, b.gap) {
                (Some(a), Some(b)) => assert!((a - b).abs() <= 1e-9 * scale, "{kind}: {a} {b}"),
                gaps => assert_eq!(gaps, (None, None), "{kind}"),
            }
        }
        assert_eq!(theirs.steps()[7].gap, Some(0.0), "an outage without devices leaves no choice");
    }
}

/// A task can hold a run and send it on; it shares the scenario.
#[test]
fn a_run_moves_to_another_thread() {
    let mut file = ScenarioFile::parse(BUILTIN, "".as_ref()).unwrap();
    file.spec.slots = 3;
    let scenario = file.build().unwrap();
    let here = Run::new(&scenario, Settings::default()).unwrap();
    let there = Run::new(&scenario, Settings::default()).unwrap();
    drop(scenario);
    let there = std::thread::spawn(move || there.collect::<Result<Vec<_>, _>>().unwrap()).join().unwrap();
    assert_eq!(here.collect::<Result<Vec<_>, _>>().unwrap(), there);
}
