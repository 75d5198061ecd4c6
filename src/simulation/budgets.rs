//! The least budgets that decisions in a run's states can keep, from both sides.

use std::collections::BTreeMap;

use good_lp::{Constraint, Expression, ProblemVariables, Variable, constraint, variable};

use super::compare::{ComparisonRecord, Effort, SlotLookAgain};
use super::form::StandardForm;
use super::needs::{BudgetNeeds, MORE, ShortBudget};
use super::record::RunRecord;
use super::run::RunError;
use crate::lyapunov::{Action, LookAgain, OfflineProblem, linear};
use crate::scenario::{Scenario, SlotState};
use crate::solver::Settings;
use crate::units::Joules;

/// Most rounds of the search for decisions of small energy.
const ROUNDS: usize = 12;

/// Most rounds of the search for the least budget of one node.
const ROUNDS_OF_NODE: usize = 4;

/// Price of all budgets together, in longest latencies: at this price energy alone matters.
const DEAR: f64 = 1e7;

/// Decisions that take longer than this many times the longest latency found are not spoken of.
const LONGEST: f64 = 100.0;

/// Nodes with budgets that are too small are examined individually, if there are at most this many.
const MOST_ALONE: usize = 8;

/// Relative difference of the two sides that is small enough.
const ENOUGH: f64 = 1e-4;

/// The least budget of a node, the others as they are.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[non_exhaustive]
pub struct LeastBudget {
    /// Index in [`RunRecord::nodes`].
    pub node: usize,
    /// Its name.
    pub name: String,
    /// Ē.
    pub budget_j: Joules,
    /// A mixture of decisions found takes this from the node and keeps all other budgets; none where none was found.
    pub enough_j: Option<Joules>,
    /// No decisions that keep the other budgets take less, by the solver's lower bounds.
    pub least_j: Joules,
}

impl BudgetNeeds {
    /// Looks for decisions of small energy in the states of a run. None where the run has no budgets or no slots.
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
        Search::new(record, scenario, settings, comparison, &form)?.map(|mut search| search.needs(record)).transpose()
    }
}

impl LeastBudget {
    /// The least budgets of all, and of every node that has one.
    ///
    /// # Errors
    /// As [`RunRecord::compare`].
    pub fn measure(
        record: &RunRecord,
        scenario: &Scenario,
        settings: Settings,
        comparison: &ComparisonRecord,
    ) -> Result<Option<(BudgetNeeds, Vec<Self>)>, RunError> {
        let form = record.standard_form()?;
        let Some(mut search) = Search::new(record, scenario, settings, comparison, &form)? else { return Ok(None) };
        let needs = search.needs(record)?;
        let mut least = Vec::with_capacity(search.nodes.len());
        for k in 0..search.nodes.len() {
            let (enough, bound) = search.least_of(k)?;
            let Some(&node) = search.nodes.get(k) else { continue };
            let Some((of_record, budget_j)) = record.nodes.get(node).and_then(|of| Some((of, of.budget_j?))) else {
                continue;
            };
            let joules = |ratio: f64| Joules(ratio * budget_j.0);
            let name = of_record.name.clone();
            least.push(Self { node, name, budget_j, enough_j: enough.map(joules), least_j: joules(bound) });
        }
        Ok(Some((needs, least)))
    }
}

/// The best bound on the factor, and the node of the highest price in it.
struct Proved {
    bound: f64,
    tightest: usize,
}

impl Proved {
    fn raise(&mut self, bound: f64, shares: &[f64]) {
        if bound > self.bound {
            let dearest = shares.iter().enumerate().max_by(|(_, a), (_, b)| a.total_cmp(b));
            *self = Self { bound, tightest: dearest.map_or(0, |(k, _)| k) };
        }
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
    /// LONGEST latencies, in seconds.
    longest: f64,
}

impl<'a> Search<'a> {
    fn new(
        record: &'a RunRecord,
        scenario: &'a Scenario,
        settings: Settings,
        comparison: &ComparisonRecord,
        form: &'a StandardForm,
    ) -> Result<Option<Self>, RunError> {
        let limited = |node: &usize| form.energy().budget(*node).is_some();
        let nodes: Vec<usize> = (0..record.nodes.len()).filter(limited).collect();
        if nodes.is_empty() || record.slots.is_empty() {
            return Ok(None);
        }
        let states: Vec<SlotState> = record.states(scenario)?;
        let solver = SlotLookAgain::new(record, scenario, states, form, settings, Effort::Full);
        let actions = record.actions(comparison)?;
        let penalties = actions.iter().flatten().map(|action| action.penalty.abs());
        let longest = LONGEST * penalties.fold(f64::MIN_POSITIVE, f64::max);
        Ok(Some(Self { solver, actions, constraints: form.constraints(), nodes, longest }))
    }

    /// The least common factor from both sides.
    fn needs(&mut self, record: &RunRecord) -> Result<BudgetNeeds, RunError> {
        let mut factor = f64::INFINITY;
        let mut proved = Proved { bound: f64::NEG_INFINITY, tightest: 0 };
        // Each budget alone first, the tightest before the others: one that is too small by itself is named.
        let mut suspects: Vec<(usize, f64)> = self.least().into_iter().enumerate().collect();
        suspects.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        let above = |(rank, (_, least)): &(usize, (usize, f64))| *rank == 0 || *least > 1.0 + MORE;
        let suspects: Vec<usize> =
            suspects.into_iter().enumerate().filter(above).take(MOST_ALONE).map(|(_, (k, _))| k).collect();
        for k in suspects {
            let alone: Vec<f64> = (0..self.nodes.len()).map(|other| f64::from(u8::from(other == k))).collect();
            proved.raise(self.look_at(&alone)?, &alone);
        }
        for _ in 0..ROUNDS {
            let Some((next, shares)) = self.least_factor() else { break };
            factor = f64::min(factor, next);
            proved.raise(self.look_at(&shares)?, &shares);
            if factor - proved.bound <= ENOUGH * factor {
                break;
            }
        }
        if let Some((last, _)) = self.least_factor() {
            factor = factor.min(last);
        }
        let short = self.least().into_iter().enumerate().filter(|(_, ratio)| *ratio > 1.0 + MORE);
        let short = short.filter_map(|(k, ratio)| {
            let node = *self.nodes.get(k)?;
            let of_record = record.nodes.get(node)?;
            let budget_j = of_record.budget_j?;
            Some(ShortBudget { node, name: of_record.name.clone(), budget_j, least_j: Joules(ratio * budget_j.0) })
        });
        let tightest = self.nodes.get(proved.tightest).and_then(|node| record.nodes.get(*node));
        Ok(BudgetNeeds {
            slots: record.slots.len(),
            short: short.collect(),
            // The linear program's value is exact to its solver's tolerance only, and no mixture is below the bound.
            factor: factor.max(proved.bound),
            factor_bound: proved.bound.max(0.0),
            longest_s: self.longest,
            tightest: tightest.map_or_else(String::new, |node| node.name.clone()),
        })
    }

    /// The least mean of E/Ē of the k-th node with a budget, the other constraints kept: by a mixture if one was found,
    /// and from below.
    ///
    /// With the other constraints at the prices μ of the mixture, mean min (E_k/Ē_k + μ·g) is below it.
    fn least_of(&mut self, k: usize) -> Result<(Option<f64>, f64), RunError> {
        let (mut enough, mut bound) = (None::<f64>, 0.0_f64);
        for round in 0..ROUNDS_OF_NODE {
            let own = |action: &Action| {
                let (mut penalty, mut violations) = (0.0, action.violations.clone());
                if let Some(g) = violations.get_mut(k) {
                    (penalty, *g) = (*g + 1.0, 0.0);
                }
                Action { penalty, violations }
            };
            let states = self.actions.iter().map(|actions| actions.iter().map(own).collect()).collect();
            let Some(best) = OfflineProblem::new(states).and_then(|problem| problem.optimum()).ok() else { break };
            enough = Some(enough.map_or(best.value, |known| known.min(best.value)));
            if round + 1 == ROUNDS_OF_NODE || best.value - bound <= ENOUGH * best.value {
                break;
            }
            let mut prices = best.multiplier;
            if let Some(price) = prices.get_mut(k) {
                *price = 1.0;
            }
            bound = bound.max(self.look(&prices, best.value)? + 1.0);
        }
        if enough.is_none() {
            let alone: Vec<f64> = (0..self.nodes.len()).map(|other| f64::from(u8::from(other == k))).collect();
            bound = bound.max(self.look_at(&alone)?);
        }
        Ok((enough, bound))
    }

    /// E/Ē of the k-th node with a budget.
    fn spent(action: &Action, k: usize) -> f64 {
        action.violations.get(k).copied().unwrap_or(0.0) + 1.0
    }

    /// Mean over the slots of the least that any decision found takes from every node with a budget, in budgets.
    fn least(&self) -> Vec<f64> {
        let least = |k: usize| {
            let of_slot = |actions: &Vec<Action>| {
                actions.iter().map(|action| Self::spent(action, k)).fold(f64::INFINITY, f64::min)
            };
            self.actions.iter().map(of_slot).sum::<f64>() / self.actions.len() as f64
        };
        (0..self.nodes.len()).map(least).collect()
    }

    /// Solves every slot at prices of the budgets in these shares, of sum 1. No decisions have a smaller mean of
    /// Σ shares·E/Ē than what is returned, and so no smaller factor for all budgets will do.
    fn look_at(&mut self, shares: &[f64]) -> Result<f64, RunError> {
        let priced =
            |action: &Action| shares.iter().enumerate().map(|(k, share)| share * Self::spent(action, k)).sum::<f64>();
        let of_slot = |actions: &Vec<Action>| actions.iter().map(priced).fold(f64::INFINITY, f64::min);
        let size = self.actions.iter().map(of_slot).sum::<f64>() / self.actions.len() as f64;
        let mut prices = shares.to_vec();
        prices.resize(self.constraints, 0.0);
        Ok(self.look(&prices, size)? + 1.0)
    }

    /// Solves every slot at these prices times so much that latency hardly matters, and takes up what it finds. No
    /// decisions of a mean latency up to the longest have a smaller mean of prices·g than what is returned.
    ///
    /// `size` is about what they cost: the prices are such that this is `DEAR` latencies. Then
    /// mean (T + dear·prices·g) ≥ mean minimum, and what T takes of it is at most the longest.
    fn look(&mut self, prices: &[f64], size: f64) -> Result<f64, RunError> {
        // What costs next to nothing has a bound of next to nothing at any prices; endless ones would be none.
        let dear = DEAR * self.longest / LONGEST / size.max(1e-9);
        let prices: Vec<f64> = prices.iter().map(|price| price * dear).collect();
        let mut sum = 0.0;
        for (actions, found) in self.actions.iter_mut().zip(self.solver.look(0, &prices)?) {
            sum += found.minimum.unwrap_or(f64::NEG_INFINITY);
            actions.extend(found.action);
        }
        Ok((sum / self.actions.len() as f64 - self.longest) / dear)
    }

    /// The least factor for all budgets with which a mixture keeps them, and its multipliers, of sum 1.
    ///
    /// Both are one program: the factor is the value of a game between slots, which choose decisions, and budgets,
    /// which choose shares. The shares are solved for, and the factor is that of its dual.
    fn least_factor(&self) -> Option<(f64, Vec<f64>)> {
        let spent = |action: &Action| (0..self.nodes.len()).map(|k| Self::spent(action, k)).collect::<Vec<f64>>();
        let spent: Vec<Vec<Vec<f64>>> = self.actions.iter().map(|of| of.iter().map(spent).collect()).collect();
        let floor = self.least().into_iter().fold(f64::MIN_POSITIVE, f64::max);
        // A node that never spends more than another one has to is not what limits: it would only spread the numbers.
        let matters = |k: &usize| spent.iter().flatten().any(|of| of.get(*k).is_some_and(|e| *e > floor));
        let nodes: Vec<usize> = (0..self.nodes.len()).filter(matters).collect();
        let mut shares = vec![0.0; self.nodes.len()];
        let found: BTreeMap<usize, f64> = match nodes.as_slice() {
            [] => {
                let least = self.least();
                let first = least.iter().enumerate().max_by(|(_, a), (_, b)| a.total_cmp(b))?;
                [(first.0, 1.0)].into()
            }
            [one] => [(*one, 1.0)].into(),
            nodes => {
                let scale = spent.iter().flatten().flatten().copied().fold(f64::MIN_POSITIVE, f64::max);
                let solution = linear::solve(|| {
                    let mut variables = ProblemVariables::new();
                    let minima = variables.add_vector(variable(), spent.len());
                    let shares: Vec<Variable> = variables.add_vector(variable().min(0.0), nodes.len());
                    let mut rows: Vec<Constraint> = vec![constraint!(shares.iter().sum::<Expression>() == 1.0)];
                    for (actions, &least) in spent.iter().zip(&minima) {
                        for action in actions {
                            let of = nodes.iter().filter_map(|k| action.get(*k)).zip(&shares);
                            let priced: Expression = of.map(|(e, &share)| *e / scale * share).sum();
                            rows.push(constraint!(least - priced <= 0.0));
                        }
                    }
                    (variables.maximise(minima.iter().sum::<Expression>()), rows, shares)
                })
                .ok()?;
                nodes.iter().copied().zip(solution.into_iter().map(|share| share.max(0.0))).collect()
            }
        };
        let sum: f64 = found.values().sum();
        // Shares that vanish all are no direction to look in.
        if !(sum.is_finite() && sum > 0.0) {
            return None;
        }
        for (k, share) in found {
            if let Some(own) = shares.get_mut(k) {
                *own = share / sum;
            }
        }
        let priced = |action: &Vec<f64>| action.iter().zip(&shares).map(|(e, share)| e * share).sum::<f64>();
        let minima = spent.iter().map(|actions| actions.iter().map(priced).fold(f64::INFINITY, f64::min));
        // The best mixture keeps the budgets at the program's value, and that is at least what any shares prove.
        let factor = (minima.sum::<f64>() / spent.len() as f64).max(floor);
        factor.is_finite().then_some((factor, shares))
    }
}
