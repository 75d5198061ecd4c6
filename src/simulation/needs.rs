//! What energy budgets would have to be: the data, and the sentence that says it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::text::{escaped, rounded};
use crate::units::Joules;

/// What the energy budgets of a run would have to be for decisions to exist that keep them on average.
///
/// Displays as a sentence that names the budgets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct BudgetNeeds {
    /// Slots that were examined.
    pub slots: usize,
    /// Nodes whose own budget is too small, whatever the others spend.
    pub short: Vec<ShortBudget>,
    /// Common factor for all budgets with which a mixture of the decisions found keeps them: above 1 where none was
    /// found that keeps them as they are. The value of a linear program, to its solver's tolerance: no mixture is evaluated.
    pub factor: f64,
    /// No smaller factor will do, by the solver's lower bounds at fixed prices of the budgets (weak duality): a proof that
    /// the budgets cannot be kept where it is above 1. It is about decisions of a mean latency of at most
    /// [`longest_s`](Self::longest_s).
    pub factor_bound: f64,
    /// A hundred times the longest latency found: energy can be saved by waiting without end, and nobody would.
    pub longest_s: f64,
    /// The node whose budget has the highest price in that bound: the tightest one.
    pub tightest: String,
}

/// A budget that is too small by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ShortBudget {
    /// Index in [`RunRecord::nodes`](super::RunRecord::nodes).
    pub node: usize,
    /// Its name.
    pub name: String,
    /// Ē.
    pub budget_j: Joules,
    /// Mean over the slots of the least energy that any decision found takes from the node: not a bound, which is
    /// [`BudgetNeeds::factor_bound`] alone.
    pub least_j: Joules,
}

/// What counts as more than a budget: solutions are accurate to this.
pub(crate) const MORE: f64 = 1e-6;

/// Most nodes that a sentence names.
const MOST_NAMED: usize = 4;

impl BudgetNeeds {
    /// Whether some mixture of the decisions found keeps all budgets.
    #[must_use]
    pub fn can_be_kept(&self) -> bool {
        self.factor <= 1.0 + MORE
    }

    /// Whether it is proved that no decisions keep all budgets.
    #[must_use]
    pub fn cannot_be_kept(&self) -> bool {
        self.factor_bound > 1.0 + MORE
    }
}

impl fmt::Display for BudgetNeeds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slots = self.slots;
        if self.can_be_kept() {
            return write!(f, "decisions that keep all energy budgets on average exist in these {slots} slots");
        }
        match self.short.as_slice() {
            [] => write!(f, "every energy budget can be kept by itself, but not all of them together")?,
            short => {
                write!(f, "no decision keeps the energy budget of ")?;
                for (index, node) in short.iter().take(MOST_NAMED).enumerate() {
                    let comma = if index == 0 { "" } else { ", nor that of " };
                    let (name, budget, least) = (escaped(&node.name), node.budget_j.0, rounded(node.least_j.0, 4));
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
