//! A short run that measures what has to be known before the run.

use serde::{Deserialize, Serialize};

use super::compare::Effort;
use super::needs::BudgetNeeds;
use super::record::RunRecord;
use super::record_error::RecordError;
use super::run::{Run, RunError};
use crate::ground::blame::{Blame, Blamed};
use crate::lyapunov::certificate::CertificateError;
use crate::lyapunov::recommend::Measured;
use crate::scenario::Scenario;
use crate::solver::Settings;
use crate::text::escaped;

/// What a pilot run measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Pilot {
    /// Slots it played.
    pub slots: u64,
    /// μ̂ of its offline optimum, in seconds per unit of g, one per node (0 for a node without a budget), then that of
    /// the convergence constraint if there is one.
    pub multiplier: Vec<f64>,
    /// B + C and |μ̂|.
    pub measured: Measured,
}

/// Why a pilot run measured nothing.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PilotError {
    /// A slot could not be played.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The run is not a drift-plus-penalty run: its numbers are out of range.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// It has no slots, or a gap that is not known.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// No V follows from the pilot's slots.
    #[error("pilot run of {slots} slots: no V, because {reason}")]
    NoWeight {
        /// Slots it played.
        slots: u64,
        /// Why.
        reason: String,
    },
    /// No decisions keep the energy budgets in the pilot's slots: there is no optimum to be close to.
    #[error(
        "the energy budgets CANNOT BE KEPT, proved by lower bounds of every slot of a pilot run of {slots}; tightest: {}; {needs}",
        escaped(&.needs.tightest)
    )]
    Budgets {
        /// Slots it played.
        slots: u64,
        /// What the budgets would have to be.
        needs: Box<BudgetNeeds>,
    },
    /// No offline optimum of the pilot's slots, and so no multiplier.
    #[error("pilot run of {slots} slots: no multiplier, because {reason}")]
    NoMultiplier {
        /// Slots it played.
        slots: u64,
        /// Why.
        reason: String,
    },
}

impl Blamed for PilotError {
    fn blame(&self) -> Blame {
        match self {
            Self::Run(error) => error.blame(),
            // The run is our own.
            Self::Record(_) | Self::Certificate(_) => Blame::Machine,
            Self::Budgets { .. } | Self::NoMultiplier { .. } | Self::NoWeight { .. } => Blame::Input,
        }
    }
}

/// Slots of a pilot run.
pub const PILOT_SLOTS: u64 = 100;

impl Pilot {
    /// The run that is measured, of at most so many slots.
    pub(super) fn play(scenario: &Scenario, settings: Settings, most: u64) -> Result<RunRecord, RunError> {
        let own = scenario.spec().slots;
        let mut run = Run::after(scenario, settings)?;
        let slots = run.by_ref().take(usize::try_from(own.min(most)).unwrap_or(usize::MAX));
        let slots = slots.collect::<Result<Vec<_>, _>>()?;
        Ok(run.record(slots))
    }

    /// Plays min([`PILOT_SLOTS`], the scenario's) slots that follow those of the scenario's own run: the same places
    /// and budgets, but channels that the run does not see. Its offline optimum over decisions at many prices gives μ̂.
    ///
    /// # Errors
    /// [`PilotError`] where a slot cannot be played or the budgets cannot be kept in the pilot's slots.
    pub fn measure(scenario: &Scenario, settings: Settings) -> Result<Self, PilotError> {
        Self::measure_over(scenario, settings, PILOT_SLOTS)
    }

    /// The same of min(`most`, the scenario's) slots: almost all of its time goes into the decisions at many prices that the
    /// offline optimum of every slot is made of, so that half the slots take about half the time, and μ̂ is that much less
    /// certain.
    ///
    /// # Errors
    /// As [`Pilot::measure`].
    pub fn measure_over(scenario: &Scenario, settings: Settings, most: u64) -> Result<Self, PilotError> {
        let record = Self::play(scenario, settings, most)?;
        let played = record.slots.len() as u64;
        let comparison = record.compare(scenario, settings, Effort::Full)?;
        if let Some(needs) = comparison.budgets.filter(BudgetNeeds::cannot_be_kept) {
            return Err(PilotError::Budgets { slots: played, needs: Box::new(needs) });
        }
        if let Some(reason) = comparison.without_optimum {
            return Err(PilotError::NoMultiplier { slots: played, reason });
        }
        let multiplier = comparison.offline_multiplier;
        let multiplier_norm = multiplier.iter().map(|mu| mu * mu).sum::<f64>().sqrt();
        let drift = record.history()?.mean_drift()?;
        Ok(Self { slots: played, multiplier, measured: Measured { drift, multiplier_norm } })
    }
}
