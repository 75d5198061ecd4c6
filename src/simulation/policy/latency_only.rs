//! As if energy cost nothing.

use std::borrow::Cow;

use super::decided::optimum_of;
use super::{Choice, Policy, SlotContext};
use crate::simulation::RunError;
use crate::solver::{Settings, SettingsError};

/// The least round latency, plus the plans' penalties, at energy prices of zero.
///
/// Ignores all energy budgets: queues grow where the fastest round spends more. Convergence still counts, because the
/// plans' penalties stay. Stands for schedulers of minimal makespan; no policy has a smaller latency in a slot of the
/// same penalties.
#[derive(Debug)]
pub struct LatencyOnly {
    settings: Settings,
}

impl LatencyOnly {
    /// With these settings for the exact solver.
    ///
    /// # Errors
    /// [`SettingsError`] for a setting out of its range.
    pub fn new(settings: Settings) -> Result<Self, SettingsError> {
        settings.validate()?;
        Ok(Self { settings })
    }
}

impl Policy for LatencyOnly {
    fn name(&self) -> Cow<'static, str> {
        "latency-only".into()
    }

    fn decide(&mut self, slot: &SlotContext<'_>) -> Result<Choice, RunError> {
        optimum_of(&slot.with_energy_prices(|_, _| 0.0)?, &self.settings)
    }
}
