//! How the rounds of a run are decided: the exact solver, or anything to be compared with it.
//!
//! A [`Policy`] sees the slot's problem at the prices of the queues and makes a [`Choice`]. [`Run`](super::Run) does
//! the rest, the same for every policy: it draws the states, evaluates the choice independently, books the energy,
//! moves the queues and records. A scenario's states do not depend on what was decided, so that policies can be
//! compared on the same states.

#[cfg(feature = "milp")]
mod alternating;
mod decided;
mod exact;
mod executed;
mod fixed_micro_batch;
mod fixed_radio;
mod kind;
mod latency_only;
mod myopic;
#[cfg(feature = "milp")]
mod offline;
mod planned_once;
mod random;
mod segments;
mod sizes;
mod unpipelined;

use std::borrow::Cow;
use std::fmt;

#[cfg(feature = "milp")]
pub use alternating::AlternatingPolicy;
pub use exact::ExactPolicy;
pub use executed::Executed;
pub use fixed_micro_batch::FixedMicroBatch;
pub use fixed_radio::FixedRadio;
pub use kind::{PolicyKind, UnknownPolicy};
pub use latency_only::LatencyOnly;
pub use myopic::Myopic;
#[cfg(feature = "milp")]
pub use offline::Offline;
pub use planned_once::{Kept, PlannedOnce};
pub use random::Random;
pub use segments::{Proportion, ProportionalSegments, UniformSegments};
pub use unpipelined::{FullModelFederated, SplitFed, SplitLearning};

use super::outage::Outage;
use super::run::RunError;
use crate::problem::program::compute_time_per_sample;
use crate::problem::{Beyond, CandidatePlan, Cluster, ClusterEvaluation, Decision, Device, SlotProblem, SlotSpec};
use crate::scenario::{Scenario, SlotInstance};
use crate::solver::Solution;
use crate::units::{Bytes, Joules, Seconds};

/// Decides the rounds of a run.
///
/// ```
/// # #[cfg(feature = "scenario")]
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::borrow::Cow;
/// use collapipe::scenario::{BUILTIN, ScenarioFile};
/// use collapipe::simulation::{Choice, Outage, Policy, Run, RunError, SlotContext};
/// use collapipe::solver::{Settings, solve};
///
/// /// Acts as if energy cost nothing.
/// #[derive(Debug)]
/// struct Hurry;
///
/// impl Policy for Hurry {
///     fn name(&self) -> Cow<'static, str> {
///         "hurry".into()
///     }
///
///     fn decide(&mut self, slot: &SlotContext<'_>) -> Result<Choice, RunError> {
///         let free = slot.with_energy_prices(|_, _| 0.0)?;
///         Ok(match solve(&free, &Settings::default())?.outcome {
///             Ok(best) => Choice::Decision(best.decision),
///             Err(reasons) => Choice::Outage(Outage::infeasible(&reasons)),
///         })
///     }
/// }
///
/// let mut file = ScenarioFile::parse(BUILTIN, "".as_ref())?;
/// file.spec.slots = 2;
/// let scenario = file.build()?;
/// let mut run = Run::with_policy(&scenario, Box::new(Hurry))?;
/// let slots = run.by_ref().collect::<Result<Vec<_>, _>>()?;
/// assert_eq!(run.record(slots).provenance.policy, "hurry");
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "scenario"))]
/// # fn main() {}
/// ```
pub trait Policy: fmt::Debug + Send {
    /// What it is called in records, tables and figures.
    fn name(&self) -> Cow<'static, str>;

    /// Relative gap that is asked of every slot; none for a policy that asks for no gap.
    fn gap_tolerance(&self) -> Option<f64> {
        None
    }

    /// Why it cannot play a scenario, in words, with what would help; none where it can. A run of a scenario that it refuses is
    /// refused before its first slot. A policy around another one passes this on.
    fn refuses(&self, _scenario: &Scenario) -> Option<String> {
        None
    }

    /// Whether what it decides in a slot depends on what it decided in earlier ones, other than by the queues: a run that
    /// another process began cannot go on with it ([`Run::resume`](crate::simulation::Run::resume)).
    fn remembers(&self) -> bool {
        false
    }

    /// Decides one slot. Slots come in order, each once.
    ///
    /// # Errors
    /// [`RunError`] for what ends the run; a slot without a feasible decision is not an error but a [`Choice::Outage`].
    fn decide(&mut self, slot: &SlotContext<'_>) -> Result<Choice, RunError>;
}

/// Why a policy that knows the classical problem alone ([`Scenario::beyond_classical`]) cannot play a scenario.
fn classical_alone(scenario: &Scenario) -> Option<String> {
    let Beyond { field, value, instead, .. } = scenario.beyond_classical()?;
    Some(format!("it does not know {field} = {value} of the scenario, only {instead}; policy exact knows everything"))
}

/// What a policy decided for a slot.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
#[allow(clippy::large_enum_variant, reason = "one per slot")]
pub enum Choice {
    /// A solver's answer, with its bound.
    Solved(Solution),
    /// A decision of the slot problem without a bound. One that breaks a constraint ends the run with an error.
    Decision(Decision),
    /// A round that is not a decision of the slot problem, because it trains in another way.
    Round(OwnRound),
    /// No round.
    Outage(Outage),
    /// Any of these, executed: what was measured is booked.
    Executed(Box<Executed>),
}

/// A round of a policy that trains in another way than the pipeline of the slot problem: what it costs, worked out by
/// the policy.
///
/// The run books these numbers as they are. Memory is reported and not enforced: that a device would need more than it
/// has is what such a comparison shows.
#[derive(Clone, Debug, PartialEq)]
pub struct OwnRound {
    /// Index of the plan whose local iterations and micro-batches it played.
    pub plan: usize,
    /// One entry per cluster.
    pub clusters: Vec<OwnCluster>,
}

/// A cluster in an [`OwnRound`]. Lists have one entry per device of the slot's problem.
#[derive(Clone, Debug, PartialEq)]
pub struct OwnCluster {
    /// Latency and energies.
    pub costs: ClusterEvaluation,
    /// What each device held and did.
    pub devices: Vec<DeviceLoad>,
}

/// What a device holds and does in a round.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct DeviceLoad {
    /// Encoder blocks that it trains.
    pub blocks: u32,
    /// Memory for them and their activations.
    pub memory: Bytes,
    /// Time that it computes, at its achieved rate, overheads left out.
    pub compute: Seconds,
}

impl DeviceLoad {
    /// Time in a round that `device` computes per block, on the whole batch of its cluster: I·B·(c_F/f_F + c_B/f_B).
    #[must_use]
    pub fn compute_time(problem: &SlotSpec, cluster: &Cluster, device: &Device, plan: &CandidatePlan) -> Seconds {
        compute_time_per_sample(&problem.encoder.mean_block(), device)
            * (f64::from(plan.local_iterations) * f64::from(cluster.batch_size))
    }
}

/// What a policy sees of a slot.
#[derive(Clone, Copy, Debug)]
pub struct SlotContext<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) slot: u64,
    pub(super) instance: &'a SlotInstance,
}

impl<'a> SlotContext<'a> {
    /// The scenario.
    #[must_use]
    pub fn scenario(&self) -> &'a Scenario {
        self.scenario
    }

    /// t, from 0.
    #[must_use]
    pub fn slot(&self) -> u64 {
        self.slot
    }

    /// The slot's problem over the devices that are present: energy prices are those of the queues, and the plans'
    /// penalties include those of the convergence queue.
    #[must_use]
    pub fn problem(&self) -> &'a SlotProblem {
        &self.instance.problem
    }

    /// For each cluster and each of the problem's devices its index in the scenario's cluster.
    #[must_use]
    pub fn present(&self) -> &'a [Vec<usize>] {
        &self.instance.present
    }

    /// A node of the problem's cluster as it is numbered in the scenario's: 0 the control unit, k + 1 device k, K + 1 the
    /// edge server.
    fn scenario_node(&self, cluster: usize, node: usize) -> Option<usize> {
        let present = self.instance.present.get(cluster)?;
        match node.checked_sub(1) {
            Some(k) if k == present.len() => Some(self.scenario.spec().clusters.get(cluster)?.devices.len() + 1),
            Some(k) => Some(present.get(k)? + 1),
            None => Some(0),
        }
    }

    /// Ē of a node of the problem, 0 a cluster's control unit, k + 1 its device k and K + 1 its edge server; `None` where its
    /// energy is not limited.
    #[must_use]
    pub fn budget(&self, cluster: usize, node: usize) -> Option<Joules> {
        let spec = self.scenario.spec().clusters.get(cluster)?;
        match self.scenario_node(cluster, node)?.checked_sub(1) {
            Some(server) if server == spec.devices.len() => spec.edge_server.budget_j_per_round,
            Some(device) => spec.devices.get(device)?.budget_j_per_round,
            None => spec.control_unit.budget_j_per_round,
        }
    }

    /// The slot's problem at other energy prices, `price(cluster, node)` in objective units per joule with nodes as in
    /// [`SlotContext::budget`]; edge servers are asked for where their energy is counted, and their own price stays.
    ///
    /// # Errors
    /// [`RunError::Problem`] for a price that no slot problem admits.
    pub fn with_energy_prices(&self, price: impl Fn(usize, usize) -> f64) -> Result<SlotProblem, RunError> {
        self.changed(|problem| {
            for (n, cluster) in problem.clusters.iter_mut().enumerate() {
                cluster.control_unit.energy_price = price(n, 0);
                for (k, device) in cluster.devices.iter_mut().enumerate() {
                    device.energy_price = price(n, k + 1);
                }
                if cluster.edge_server.compute_power_w.0 > 0.0 {
                    cluster.edge_server.energy_price = self.own_server_price(n) + price(n, cluster.devices.len() + 1);
                }
            }
        })
    }

    /// The scenario's own price of a joule of a cluster's edge server, in objective units.
    fn own_server_price(&self, cluster: usize) -> f64 {
        self.scenario.template().clusters.get(cluster).map_or(0.0, |cluster| cluster.edge_server.energy_price)
    }

    /// The slot's problem with a change.
    ///
    /// # Errors
    /// [`RunError::Problem`] where the result is not a valid slot problem.
    pub fn changed(&self, change: impl FnOnce(&mut SlotSpec)) -> Result<SlotProblem, RunError> {
        let mut spec = self.instance.problem.clone().into_spec();
        change(&mut spec);
        Ok(SlotProblem::new(spec)?)
    }
}
