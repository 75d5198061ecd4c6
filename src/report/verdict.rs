//! Whether a run's energy budgets are kept: the first thing to be said of it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::summary::NodeSummary;
use crate::simulation::{BudgetNeeds, MORE, RunRecord};
use crate::text::escaped;

/// Whether budgets are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Kept {
    /// The run kept every budget on average.
    Kept,
    /// The run is above a budget so far, and decisions that keep all of them exist in its slots: the queues bring it there.
    Settling,
    /// No decisions keep all budgets in these slots, proved by lower bounds.
    CannotBeKept,
    /// The run is above a budget, and whether decisions keep all of them is not known.
    NotKnown,
}

/// The verdict on a run's energy budgets; displays as a sentence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct BudgetVerdict {
    /// Whether they are kept.
    pub verdict: Kept,
    /// The node that the verdict rests on: the tightest one.
    pub tightest: String,
    /// The largest mean energy over budget of the run.
    pub worst_share: f64,
    /// What the budgets would have to be, where that was examined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needs: Option<BudgetNeeds>,
}

/// The verdict on a record of so many slots and rounds with these nodes; none without budgets or slots.
pub(super) fn verdict(record: &RunRecord, [slots, planned]: [u64; 2], nodes: &[NodeSummary]) -> Option<BudgetVerdict> {
    if slots == 0 {
        return None;
    }
    let shares = nodes.iter().filter_map(|node| Some((node, node.budget_share?)));
    let (worst, worst_share) = shares.max_by(|(_, a), (_, b)| a.total_cmp(b))?;
    let comparison = record.comparison.as_ref();
    let needs = comparison.and_then(|of| of.budgets.clone());
    let verdict = match &needs {
        // Who does nothing spends nothing, and shows nothing.
        Some(needs) if planned == 0 && needs.cannot_be_kept() => Kept::CannotBeKept,
        _ if planned == 0 => Kept::NotKnown,
        _ if worst_share <= 1.0 => Kept::Kept,
        Some(needs) if needs.cannot_be_kept() => Kept::CannotBeKept,
        Some(needs) if needs.can_be_kept() => Kept::Settling,
        None if comparison.is_some_and(|of| of.without_optimum.is_none()) => Kept::Settling,
        _ if worst_share <= 1.0 + MORE => Kept::Kept,
        _ => Kept::NotKnown,
    };
    let tightest = match (&needs, verdict) {
        (Some(needs), Kept::CannotBeKept | Kept::NotKnown) => needs.tightest.clone(),
        _ => worst.name.clone(),
    };
    Some(BudgetVerdict { verdict, tightest, worst_share, needs })
}

/// Percent to three digits and rounded up, so that what is above a budget looks it.
fn used(share: f64) -> String {
    format!("{} %", (share * 1e4).ceil() / 100.0)
}

impl fmt::Display for BudgetVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (node, used) = (escaped(&self.tightest), used(self.worst_share));
        match (self.verdict, &self.needs) {
            (Kept::NotKnown, _) if self.worst_share == 0.0 => {
                write!(f, "Budgets: no round was planned, and nothing spent: not known whether rounds can keep them.")
            }
            (Kept::Kept, _) => write!(f, "Budgets: kept. Tightest: {node}, {used} used."),
            (Kept::Settling, _) => write!(
                f,
                "Budgets: settling. {node} has used {used} so far; decisions that keep every budget exist in these slots."
            ),
            (Kept::CannotBeKept, Some(needs)) => write!(
                f,
                "Budgets: CANNOT BE KEPT. Tightest: {node}.\n  Why: {needs}.\n  Proof: lower bounds of every slot; no \
                 factor below {:.4} will do with rounds of up to {:.3e} s.",
                needs.factor_bound, needs.longest_s
            ),
            (_, Some(needs)) => {
                write!(f, "Budgets: not kept, and not known whether they can be. {node} is the tightest: {needs}.")
            }
            (_, None) => write!(
                f,
                "Budgets: not kept so far, {node} has used {used}. Whether they can be kept was not examined."
            ),
        }
    }
}
