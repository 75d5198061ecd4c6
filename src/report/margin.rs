//! Budgets of which a share is kept back, and what that proves of the budgets themselves.

use std::fmt::{self, Formatter};

use serde::{Deserialize, Serialize};

use super::summary::NodeSummary;
use super::table::{Table, number, percent};
use crate::lyapunov::Certificate;
use crate::simulation::NodeRecord;
use crate::text::{WIDTH, escaped};
use crate::units::Joules;

/// A budget Ē that was played as Ē(1 − δ).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct StatedBudget {
    /// The node.
    pub name: String,
    /// Ē.
    pub budget_j: Joules,
    /// δ.
    pub margin: f64,
    /// C1 about Ē: mean E/Ē − 1 and its bound by the queue.
    pub certificate: Certificate,
}

impl StatedBudget {
    /// Whether C1 proves that Ē is kept.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.certificate.holds() && self.certificate.bound <= 0.0
    }
}

/// Margins of budgets.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Margins {
    /// Budgets with a margin.
    pub stated: Vec<StatedBudget>,
    /// The least δ with which queues that grow as in this run prove that every budget is kept: for an overspend of 0.
    /// Another margin makes another run, so that this is an estimate.
    pub needed: f64,
    /// The node that needs it; none where every queue is at its start again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needed_by: Option<String>,
}

/// The margins of a run; none without budgets.
pub(super) fn margins(nodes: &[NodeRecord], summed: &[NodeSummary]) -> Option<Margins> {
    let mut margins = Margins::default();
    let mut limited = false;
    for (node, of) in nodes.iter().zip(summed) {
        let Some(certificate) = of.certificate else { continue };
        limited = true;
        let needed = certificate.margin_needed();
        if needed > margins.needed {
            (margins.needed, margins.needed_by) = (needed, Some(of.name.clone()));
        }
        if let Some((stated, played)) = node.stated_budget_j.zip(node.budget_j) {
            let margin = 1.0 - played.0 / stated.0;
            let certificate = certificate.with_margin(margin);
            margins.stated.push(StatedBudget { name: of.name.clone(), budget_j: stated, margin, certificate });
        }
    }
    limited.then_some(margins)
}

impl fmt::Display for Margins {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let width = f.width().unwrap_or(WIDTH);
        if !self.stated.is_empty() {
            let mut table = Table::new(&[
                &["Stated budget", "budget", "margin", "overspend", "at most (C1)", "kept for sure"],
                &["", "[J/round]", "[%]", "[budgets]", "[budgets]", ""],
            ]);
            for of in &self.stated {
                let Certificate { mean_violation, bound, .. } = of.certificate;
                let kept = if of.is_kept() { "yes" } else { "no" };
                let numbers = [number(of.budget_j.0), percent(of.margin), number(mean_violation), number(bound)];
                table.push([of.name.clone()].into_iter().chain(numbers).chain([kept.into()]).collect());
            }
            write!(f, "\n{table:width$}")?;
        }
        if let Some(name) = &self.needed_by {
            // Rounded up, so that what is printed suffices.
            let needed = (self.needed * 1e4).ceil() / 1e4;
            writeln!(
                f,
                "  Overspend 0 for sure: about budget_margin = {needed} for {}, less for the others, if queues grow as here.",
                escaped(name)
            )?;
        }
        Ok(())
    }
}
