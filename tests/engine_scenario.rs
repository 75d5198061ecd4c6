//! The rounds of a scenario as an own slot problem: the generic engine and the run are two loops with one outcome.
#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use collapipe::lyapunov::{DriftProblem, Engine, Labels, Minimum, Weights};
use collapipe::scenario::{BUILTIN, Role, Scenario, ScenarioFile, SlotState};
use collapipe::simulation::Run;
use collapipe::solver::{Settings, SolveError, Solver};

/// T as the penalty, E/Ē − 1 of every node as a violation; every node of the scenario has a budget.
struct Rounds<'a> {
    scenario: &'a Scenario,
    budgets: Vec<f64>,
    solver: Solver,
}

impl<'a> DriftProblem for Rounds<'a> {
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
    let problem = Rounds { scenario: &scenario, budgets, solver };
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
