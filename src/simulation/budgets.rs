//! Budgets that no decision can keep: which, and by how much.

use std::fmt;

use good_lp::{Constraint, Expression, ProblemVariables, Variable, constraint, variable};

use super::compare::{ComparisonRecord, Effort, SlotLookAgain};
use super::record::RunRecord;
use super::run::RunError;
use crate::lyapunov::{Action, LookAgain, linear};
use crate::scenario::Scenario;
use crate::solver::Settings;
use crate::text::escaped;
use crate::units::Joules;

/// What the energy budgets of a run would have to be for decisions to exist that keep them on average.
///
/// Displays as a sentence that names the budgets.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct BudgetNeeds {
    /// Slots that were examined.
    pub slots: usize,
    /// Nodes whose own budget is too small, whatever the others spend.
    pub short: Vec<ShortBudget>,
    /// Least common factor for all budgets with which mixtures of the decisions found keep them: above 1 where they
    /// cannot be kept as they are. Decisions were sought at five prices at least, so that the least factor of
    /// all decisions may be slightly smaller.
    pub factor: f64,
}

/// A budget that is too small by itself.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ShortBudget {
    /// Index in [`RunRecord::nodes`].
    pub node: usize,
    /// Its name.
    pub name: String,
    /// Ē.
    pub budget_j: Joules,
    /// Mean over the slots of the least energy that any decision found takes from the node.
    pub least_j: Joules,
}

/// Most rounds of the search for decisions of small energy.
const ROUNDS: usize = 6;

/// Price of a budget's excess, in mean latencies per budget: at this price energy alone matters.
const DEAR: f64 = 1e4;

/// Nodes with budgets that are too small are examined individually, if there are at most this many.
const MOST_ALONE: usize = 8;

/// What counts as more than a budget: solutions are accurate to this.
const MORE: f64 = 1e-6;

/// Most nodes that a sentence names.
const MOST_NAMED: usize = 4;

impl BudgetNeeds {
    /// Looks for decisions of small energy in the states of a run that was compared without finding an offline optimum.
    /// None where the budgets can be kept as far as energy goes, or where the run has none.
    ///
    /// # Errors
    /// As [`RunRecord::compare`].
    pub fn measure(
        record: &RunRecord,
        scenario: &Scenario,
        settings: Settings,
        comparison: &ComparisonRecord,
    ) -> Result<Option<Self>, RunError> {
        let form = record.standard_form()?;
        let limited = |node: &usize| form.energy().budget(*node).is_some();
        let nodes: Vec<usize> = (0..record.nodes.len()).filter(limited).collect();
        if nodes.is_empty() || record.slots.is_empty() {
            return Ok(None);
        }
        let states = record.states(scenario)?;
        let solver = SlotLookAgain::new(record, scenario, states, &form, settings, Effort::Full);
        let mut search =
            Search { solver, actions: record.actions(comparison)?, constraints: form.constraints(), nodes };
        // Each budget alone first: one that is too small by itself is named.
        let suspects: Vec<usize> = search.short().into_iter().map(|(k, _)| k).take(MOST_ALONE).collect();
        for k in suspects {
            let alone: Vec<f64> = (0..search.nodes.len()).map(|other| f64::from(u8::from(other == k))).collect();
            search.look_at(&alone)?;
        }
        let mut factor = f64::INFINITY;
        for _ in 0..ROUNDS {
            let Some((next, shares)) = search.least_factor() else { break };
            let settled = next > factor * (1.0 - 1e-3);
            factor = factor.min(next);
            if settled || factor <= 1.0 + MORE {
                break;
            }
            search.look_at(&shares)?;
        }
        if !(factor.is_finite() && factor > 1.0 + MORE) {
            return Ok(None);
        }
        let short = search.short().into_iter().filter_map(|(k, ratio)| {
            let node = *search.nodes.get(k)?;
            let of_record = record.nodes.get(node)?;
            let budget_j = of_record.budget_j?;
            let least_j = Joules(ratio * budget_j.0);
            Some(ShortBudget { node, name: of_record.name.clone(), budget_j, least_j })
        });
        Ok(Some(Self { slots: record.slots.len(), short: short.collect(), factor }))
    }
}

/// Decisions for a run's states, and more of them on request.
struct Search<'a> {
    solver: SlotLookAgain<'a>,
    /// What was found in every slot: penalties and violations, those of the budgets first.
    actions: Vec<Vec<Action>>,
    /// How many constraints there are.
    constraints: usize,
    /// Nodes with a budget.
    nodes: Vec<usize>,
}

impl Search<'_> {
    /// E/Ē of the k-th node with a budget.
    fn spent(action: &Action, k: usize) -> f64 {
        action.violations.get(k).copied().unwrap_or(0.0) + 1.0
    }

    /// Budgets that even the best decision of every slot exceeds, with the mean of what it takes, in budgets.
    fn short(&self) -> Vec<(usize, f64)> {
        let least = |k: usize| {
            let of_slot = |actions: &Vec<Action>| {
                actions.iter().map(|action| Self::spent(action, k)).fold(f64::INFINITY, f64::min)
            };
            self.actions.iter().map(of_slot).sum::<f64>() / self.actions.len() as f64
        };
        (0..self.nodes.len()).map(|k| (k, least(k))).filter(|(_, ratio)| *ratio > 1.0 + MORE).collect()
    }

    /// Solves every slot at prices at which little but energy matters, distributed over the budgets in these shares.
    fn look_at(&mut self, shares: &[f64]) -> Result<(), RunError> {
        let penalties = self.actions.iter().flatten().map(|action| action.penalty.abs());
        let dear = DEAR * penalties.fold(f64::MIN_POSITIVE, f64::max);
        let mut prices: Vec<f64> = shares.iter().map(|share| share * dear).collect();
        prices.resize(self.constraints, 0.0);
        for (actions, found) in self.actions.iter_mut().zip(self.solver.look(0, &prices)?) {
            actions.extend(found.action);
        }
        Ok(())
    }

    /// The least factor for all budgets with which a mixture keeps them, and its multipliers, of sum 1.
    ///
    /// Both are one program: the factor is the value of a game between slots, which choose decisions, and budgets,
    /// which choose shares. The shares are solved for, and the factor is that of its dual.
    fn least_factor(&self) -> Option<(f64, Vec<f64>)> {
        let spent = |action: &Action| (0..self.nodes.len()).map(|k| Self::spent(action, k)).collect::<Vec<f64>>();
        let spent: Vec<Vec<Vec<f64>>> = self.actions.iter().map(|of| of.iter().map(spent).collect()).collect();
        let scale = spent.iter().flatten().flatten().copied().fold(f64::MIN_POSITIVE, f64::max);
        let solution = linear::solve(|| {
            let mut variables = ProblemVariables::new();
            let minima = variables.add_vector(variable(), spent.len());
            let shares: Vec<Variable> = variables.add_vector(variable().min(0.0), self.nodes.len());
            let mut rows: Vec<Constraint> = vec![constraint!(shares.iter().sum::<Expression>() == 1.0)];
            for (actions, &least) in spent.iter().zip(&minima) {
                for action in actions {
                    let priced: Expression = action.iter().zip(&shares).map(|(e, &share)| *e / scale * share).sum();
                    rows.push(constraint!(least - priced <= 0.0));
                }
            }
            (variables.maximise(minima.iter().sum::<Expression>()), rows, shares)
        })
        .ok()?;
        let sum: f64 = solution.iter().map(|share| share.max(0.0)).sum();
        let shares: Vec<f64> = solution.iter().map(|share| share.max(0.0) / sum).collect();
        let priced = |action: &Vec<f64>| action.iter().zip(&shares).map(|(e, share)| e * share).sum::<f64>();
        let minima = spent.iter().map(|actions| actions.iter().map(priced).fold(f64::INFINITY, f64::min));
        let factor = minima.sum::<f64>() / spent.len() as f64;
        factor.is_finite().then_some((factor, shares))
    }
}

/// To four digits.
fn rounded(number: f64) -> f64 {
    format!("{number:.3e}").parse().unwrap_or(number)
}

impl fmt::Display for BudgetNeeds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slots = self.slots;
        match self.short.as_slice() {
            [] => write!(f, "every energy budget can be kept by itself, but not all of them together")?,
            short => {
                write!(f, "no decision keeps the energy budget of ")?;
                for (index, node) in short.iter().take(MOST_NAMED).enumerate() {
                    let comma = if index == 0 { "" } else { ", nor that of " };
                    let (name, budget, least) = (escaped(&node.name), node.budget_j.0, rounded(node.least_j.0));
                    write!(
                        f,
                        "{comma}{name} ({budget:?} J per round, but rounds take at least {least:?} J on average)"
                    )?;
                }
                if short.len() > MOST_NAMED {
                    write!(f, ", and {} more", short.len() - MOST_NAMED)?;
                }
            }
        }
        // Rounded up, so that the printed factor suffices.
        let factor = (self.factor * 1000.0).ceil() / 1000.0;
        write!(f, " in these {slots} slots; all budgets would have to be at least {factor} times as large")
    }
}
