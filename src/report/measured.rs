//! What was measured when a run was executed, beside what was planned.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::table::{number, percent};
use crate::simulation::{SlotOutcome, SlotRecord};
use crate::units::{Joules, Seconds};

/// An executed run in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct MeasuredSummary {
    /// Rounds that were executed to their end.
    pub rounds: u64,
    /// Those of them in which something ended late, so that they say nothing about the plan.
    pub late_rounds: u64,
    /// Their mean latency by the plan.
    pub planned_latency_s: Seconds,
    /// The same as measured.
    pub latency_s: Seconds,
    /// What all nodes were to spend on them, together.
    pub planned_energy_j: Joules,
    /// The same as measured: with it the queues were fed.
    pub energy_j: Joules,
    /// Rounds that failed after they had spent something.
    pub failed_rounds: u64,
    /// What all nodes spent on these.
    pub failed_energy_j: Joules,
}

/// What was measured, slot by slot.
#[derive(Clone, Debug)]
pub(super) struct Measured(MeasuredSummary);

impl Measured {
    pub(super) const fn new() -> Self {
        Self(MeasuredSummary {
            rounds: 0,
            late_rounds: 0,
            planned_latency_s: Seconds(0.0),
            latency_s: Seconds(0.0),
            planned_energy_j: Joules(0.0),
            energy_j: Joules(0.0),
            failed_rounds: 0,
            failed_energy_j: Joules(0.0),
        })
    }

    pub(super) fn take(&mut self, slot: &SlotRecord) {
        let Self(sum) = self;
        let total = |list: &[Joules]| Joules(list.iter().map(|joules| joules.0).sum());
        let spent = total(&slot.energy_j);
        match (&slot.outcome, &slot.measured) {
            (SlotOutcome::Planned(planned), Some(measured)) => {
                sum.rounds += 1;
                sum.late_rounds += u64::from(measured.late > 0);
                sum.planned_latency_s += planned.latency_s;
                sum.latency_s += measured.latency_s;
                sum.planned_energy_j += total(slot.planned_energy_j());
                sum.energy_j += spent;
            }
            (SlotOutcome::Outage(_), _) if spent.0 > 0.0 => {
                sum.failed_rounds += 1;
                sum.failed_energy_j += spent;
            }
            _ => {}
        }
    }

    /// None for a run that was not executed.
    pub(super) fn summary(&self) -> Option<MeasuredSummary> {
        let mut sum = self.0;
        let rounds = sum.rounds.max(1) as f64;
        sum.planned_latency_s = Seconds(sum.planned_latency_s.0 / rounds);
        sum.latency_s = Seconds(sum.latency_s.0 / rounds);
        (sum.rounds + sum.failed_rounds > 0).then_some(sum)
    }
}

impl fmt::Display for MeasuredSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rounds = |count: u64| if count == 1 { "1 round".to_owned() } else { format!("{count} rounds") };
        let over = |measured: f64, planned: f64| match planned > 0.0 {
            true => format!("{}{} %", if measured >= planned { "+" } else { "" }, percent(measured / planned - 1.0)),
            false => "-".into(),
        };
        write!(
            f,
            "Measured: {} executed, {} of them with late operations; mean latency {} s ({} of the plan's {} s); energy {} J ({} of \
             the plan's {} J).",
            rounds(self.rounds),
            self.late_rounds,
            number(self.latency_s.0),
            over(self.latency_s.0, self.planned_latency_s.0),
            number(self.planned_latency_s.0),
            number(self.energy_j.0),
            over(self.energy_j.0, self.planned_energy_j.0),
            number(self.planned_energy_j.0)
        )?;
        if self.failed_rounds > 0 {
            write!(
                f,
                " {} failed, for which {} J had been spent.",
                rounds(self.failed_rounds),
                number(self.failed_energy_j.0)
            )?;
        }
        write!(f, " Energies, queues and certificate C1 are those measured.")
    }
}
