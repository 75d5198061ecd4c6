//! What may be moved to another thread or seen from many: a promise that a private field could break unnoticed.

use collapipe::lyapunov::{
    Action, Comparison, DriftProblem, DriftRecord, EnergyController, Engine, FleetController, History, OfflineProblem,
    Queues,
};
use collapipe::problem::{Answer, Decision, Evaluation, SlotProblem};
use collapipe::scenario::{Sampler, Scenario, ScenarioSpec};
use collapipe::simulation::policy::{
    ExactPolicy, FixedMicroBatch, FixedRadio, FullModelFederated, LatencyOnly, Myopic, PlannedOnce,
    ProportionalSegments, Random, SplitFed, SplitLearning, UniformSegments,
};
use collapipe::simulation::{Choice, Policy, PolicyKind, Run, RunError, RunRecord};
use collapipe::solver::backend::{self, Backend, WholeSlot};
use collapipe::solver::{
    Certified, Infeasibility, PhaseProblem, PhaseSolution, Settings, Solution, SolveError, Solver,
};

fn send<T: Send>() {}
fn send_and_sync<T: Send + Sync>() {}

/// An engine of any problem that can be sent: that this compiles is the check.
#[allow(dead_code, reason = "checked where it is, for all problems")]
fn engine<P: DriftProblem + Send, S: Send>() {
    send::<Engine<P, S>>();
}

#[test]
fn slots() {
    send_and_sync::<SlotProblem>();
    send_and_sync::<Decision>();
    send_and_sync::<Evaluation>();
    send_and_sync::<Answer>();
    send_and_sync::<Solver>();
    send_and_sync::<Settings>();
    send_and_sync::<Solution>();
    send_and_sync::<Certified>();
    send_and_sync::<Infeasibility>();
    send_and_sync::<PhaseProblem>();
    send_and_sync::<PhaseSolution>();
    send_and_sync::<SolveError>();
}

#[test]
fn backends() {
    send_and_sync::<backend::Exact>();
    send_and_sync::<backend::Exhaustive<backend::Exact>>();
    send_and_sync::<backend::Alternating<backend::Exact>>();
    #[cfg(feature = "conic")]
    send_and_sync::<backend::Conic>();
    #[cfg(feature = "milp")]
    send_and_sync::<backend::Milp>();
    // What a program holds that chooses at run time.
    send::<Box<dyn Backend<WholeSlot> + Send>>();
}

#[test]
fn queues_and_engines() {
    send_and_sync::<Queues>();
    send_and_sync::<History>();
    send_and_sync::<Comparison>();
    send_and_sync::<EnergyController>();
    send_and_sync::<FleetController>();
    send_and_sync::<OfflineProblem>();
    send_and_sync::<Action>();
    send_and_sync::<DriftRecord>();
}

#[test]
fn runs() {
    send_and_sync::<Scenario>();
    send_and_sync::<ScenarioSpec>();
    send_and_sync::<Sampler>();
    send_and_sync::<RunRecord>();
    send_and_sync::<RunError>();
    // A run owns its policy, and policies need not be seen from many threads.
    send::<Run<'static>>();
}

#[test]
fn policies() {
    send::<Box<dyn Policy>>();
    send_and_sync::<PolicyKind>();
    send_and_sync::<Choice>();
    send::<ExactPolicy>();
    #[cfg(feature = "milp")]
    send::<collapipe::simulation::policy::AlternatingPolicy>();
    send::<FixedMicroBatch>();
    send::<FixedRadio>();
    send::<FullModelFederated>();
    send::<LatencyOnly>();
    send::<Myopic>();
    #[cfg(feature = "milp")]
    send::<collapipe::simulation::policy::Offline>();
    send::<PlannedOnce>();
    send::<ProportionalSegments>();
    send::<Random>();
    send::<SplitFed>();
    send::<SplitLearning>();
    send::<UniformSegments>();
}
