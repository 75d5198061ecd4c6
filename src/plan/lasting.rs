//! One plan for good: the slot problem of gains that stand for all slots, at the energy prices where a run on them settles.

use super::report::{NamedCluster, NamedDevice, Names};
use crate::lyapunov::{BudgetError, EnergyController, QueueError};
use crate::problem::{FieldError, Gains, SlotProblem};
use crate::scenario::{MeasurementError, Scenario, SlotError, SlotState};
use crate::solver::{Settings, SolveError, Solver};
use crate::units::Joules;
use nalgebra::DMatrix;

/// Slots of the scenario that are looked at.
const LOOKED_AT: u64 = 200;

/// Rounds until the energy prices count as settled.
const ROUNDS: usize = 300;

/// Gains that stand for all slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Typical {
    /// The mean of each link over the scenario's slots.
    Mean,
    /// The least of each link.
    Worst,
}

/// Why there is no lasting plan.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LastingError {
    /// Gains that fit no scenario.
    #[error(transparent)]
    Gains(#[from] MeasurementError),
    /// No problem.
    #[error(transparent)]
    Slot(#[from] SlotError),
    /// A solve that failed.
    #[error(transparent)]
    Solve(#[from] SolveError),
    /// A budget that is none.
    #[error(transparent)]
    Budget(#[from] BudgetError),
    /// Energies that are none.
    #[error(transparent)]
    Queue(#[from] QueueError),
}

impl crate::Blamed for LastingError {
    fn blame(&self) -> crate::Blame {
        match self {
            Self::Gains(error) => error.blame(),
            Self::Slot(error) => error.blame(),
            Self::Solve(error) => error.blame(),
            Self::Budget(error) => error.blame(),
            Self::Queue(error) => error.blame(),
        }
    }

    fn field(&self) -> Option<FieldError> {
        match self {
            Self::Solve(error) => error.field(),
            Self::Gains(_) | Self::Slot(_) | Self::Budget(_) | Self::Queue(_) => None,
        }
    }
}

/// The problem whose solution is one plan for good: that of [`lasting_state`] at the prices of [`settled_prices`].
///
/// # Errors
/// As those.
pub fn lasting(scenario: &Scenario, typical: Typical, settings: &Settings) -> Result<SlotProblem, LastingError> {
    let state = lasting_state(scenario, typical)?;
    let prices = settled_prices(scenario, &state, settings)?;
    Ok(state.problem(|node| prices.get(node).copied().unwrap_or_default())?.problem)
}

/// A slot that stands for all: typical gains over up to 200 slots of the scenario, with every device there.
///
/// # Errors
/// [`LastingError::Gains`], for a scenario whose gains are measured among others.
pub fn lasting_state(scenario: &Scenario, typical: Typical) -> Result<SlotState, LastingError> {
    let mut sampler = scenario.sampler();
    let slots = scenario.spec().slots.clamp(1, LOOKED_AT);
    let mut gains: Vec<DMatrix<f64>> = Vec::new();
    for _ in 0..slots {
        for (cluster, Gains(of_slot)) in sampler.next_slot().gains().enumerate() {
            match gains.get_mut(cluster) {
                None => gains.push(of_slot),
                Some(sum) if typical == Typical::Mean => *sum += of_slot,
                Some(least) => least.zip_apply(&of_slot, |least, gain| *least = least.min(gain)),
            }
        }
    }
    if typical == Typical::Mean {
        gains.iter_mut().for_each(|sum| *sum /= slots as f64);
    }
    let present = scenario.spec().clusters.iter().map(|cluster| (0..cluster.devices.len()).collect()).collect();
    Ok(SlotState::measured(scenario, 0, present, gains.into_iter().map(Gains).collect())?)
}

/// Energy prices in 1/J, one per node of the scenario: the mean of the second half of 300 rounds of this state in which queues
/// follow the budgets. Where budgets cannot be kept prices are those of a queue that grows.
///
/// # Errors
/// [`LastingError`]: no problem, or a solve that failed.
pub fn settled_prices(scenario: &Scenario, state: &SlotState, settings: &Settings) -> Result<Vec<f64>, LastingError> {
    let mut controller = EnergyController::new(scenario.budgets())?;
    let mut solver = Solver::new(*settings).map_err(SolveError::from)?;
    let nodes = scenario.nodes().len();
    let (mut sums, mut counted) = (vec![0.0; nodes], 0_u32);
    // What was spent at which prices: the same prices are answered the same, and where budgets are ample no price ever moves.
    let mut last: Option<(Vec<f64>, Vec<Joules>)> = None;
    if scenario.budgets().iter().any(Option::is_some) {
        for round in 0..ROUNDS {
            let at: Vec<f64> = (0..nodes).map(|node| controller.energy_price(node)).collect();
            let spent = match last.take_if(|(before, _)| *before == at) {
                Some((_, spent)) => spent,
                None => {
                    let instance = state.problem(|node| controller.energy_price(node))?;
                    let solution = solver.solve(&instance.problem)?;
                    // Infeasible in one round is infeasible in all: the solution of the problem that is returned says why.
                    let Some(best) = solution.certified() else { break };
                    instance.energies(scenario, &best.evaluation.clusters)
                }
            };
            controller.spend(&spent)?;
            last = Some((at, spent));
            if round >= ROUNDS / 2 {
                sums.iter_mut().enumerate().for_each(|(node, sum)| *sum += controller.energy_price(node));
                counted += 1;
            }
        }
    }
    Ok(sums.into_iter().map(|sum| sum / f64::from(counted.max(1))).collect())
}

impl Names {
    /// Those of a scenario, for a slot in which these devices of each cluster are present (all where a cluster is not listed).
    #[must_use]
    pub fn of_scenario(scenario: &Scenario, present: &[Vec<usize>]) -> Self {
        let clusters = scenario.spec().clusters.iter().enumerate().map(|(index, cluster)| {
            let mut named = NamedCluster { name: cluster.name.clone(), ..NamedCluster::default() };
            for (device, of) in cluster.devices.iter().enumerate() {
                if present.get(index).is_none_or(|present| present.contains(&device)) {
                    let budget_j = of.budget_j_per_round.map(|Joules(budget)| budget);
                    named.devices.push(NamedDevice { name: of.name.clone(), budget_j });
                } else {
                    named.absent.push(of.name.clone());
                }
            }
            named
        });
        Self { clusters: clusters.collect() }
    }
}
