//! C3 of a run against the record of any other policy in the same states.

use super::form::StandardForm;
use super::record::{PlannedSlot, RunRecord, SlotOutcome, SlotRecord};
use super::record_error::RecordError;
use super::states::StatesError;
use crate::ground::blame::{Blame, Blamed};
use crate::lyapunov::certificate::{Assumption, CertificateError, Claim, Standing, against_policy};
use crate::lyapunov::{Action, History, HistoryError, Step, Weights};
use crate::problem::{DecisionError, ProblemError, evaluate};
use crate::scenario::{Scenario, SlotError, SlotState};
use crate::units::Seconds;

/// Largest violation of a constraint, or deviation of a recorded number from its evaluation, that counts as rounding.
const ROUNDING: f64 = 1e-9;

/// Why a run is not compared with another record.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AgainstError {
    /// The states of the run's slots cannot be obtained.
    #[error(transparent)]
    States(#[from] StatesError),
    /// The records are not about the same constraints, plans or slots.
    #[error("the other record's {what}: must be those of this one")]
    Different {
        /// What differs.
        what: &'static str,
    },
    /// A decision of the other record that does not fit the slot.
    #[error("slot {slot}: the other record's decision: {source}")]
    Decision {
        /// The slot.
        slot: u64,
        /// What is wrong.
        source: DecisionError,
    },
    /// A decision of the other record that was not possible in the slot.
    #[error("slot {slot}: the other record's decision was not possible: {reason}")]
    Impossible {
        /// The slot.
        slot: u64,
        /// Why.
        reason: String,
    },
    /// A latency or energy in the other record that is not that of its decision.
    #[error("slot {slot}: the other record's {what} = {recorded:?}, but that of its decision is {evaluated:?}")]
    Number {
        /// The slot.
        slot: u64,
        /// Which number.
        what: String,
        /// In the record.
        recorded: f64,
        /// By evaluation of the decision.
        evaluated: f64,
    },
    /// This run had no round although one was possible: how far that is from the slot's minimum is not known.
    #[error("slot {slot}: this run had no round, but the other record has one that was possible")]
    NeedlessOutage {
        /// The slot.
        slot: u64,
    },
    /// A slot has no problem.
    #[error(transparent)]
    Problem(#[from] ProblemError),
    /// A record is not that of a drift-plus-penalty run.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The gaps that follow from skipped rounds are not finite.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// The certificate cannot be given.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
}

impl Blamed for AgainstError {
    fn blame(&self) -> Blame {
        match self {
            Self::Different { .. }
            | Self::Decision { .. }
            | Self::Impossible { .. }
            | Self::Number { .. }
            | Self::NeedlessOutage { .. } => Blame::Input,
            Self::States(error) => error.blame(),
            Self::Problem(error) => error.blame(),
            Self::Record(error) => error.blame(),
            Self::History(error) => error.blame(),
            Self::Certificate(error) => error.blame(),
        }
    }
}

impl RunRecord {
    /// C3 against the record of any other policy, whatever its V, for the same slots of the same scenario:
    ///
    /// ```text
    /// avg p ≤ avg p' + mean(C)/V + Σ Q(t)·(g'(t) − g(t))/(VR)
    /// ```
    ///
    /// `scenario` is that of this record. Each decision of the other one is evaluated in the state of its slot: it must
    /// be feasible there, and cost what its record says. Where the other one had no round but this one did, doing
    /// nothing was not among the decisions that were minimized over: what it would have saved, if anything, is added to
    /// the slot's gap C. Either record may be unfinished; they must hold the same slots.
    ///
    /// # Errors
    /// [`AgainstError`] where the records do not fit together or the scenario, a decision was not possible, or this
    /// record does not prove its gaps.
    pub fn against(&self, other: &Self, scenario: &Scenario) -> Result<Claim, AgainstError> {
        self.check_same_problem(other)?;
        let states = self.states(scenario)?;
        let form = self.standard_form()?;
        // The other record's lists fit its own nodes and plans, which are the same.
        other.standard_form()?;
        let history = self.history_in(&form)?;
        let mut policy = Vec::with_capacity(self.slots.len());
        let mut steps = history.steps().to_vec();
        let mut idle = 0u64;
        let queues = history.slots().map(|(queues, _)| queues);
        let slots = states.iter().zip(self.slots.iter().zip(&other.slots)).enumerate();
        for ((index, (state, (own, theirs))), (queues, step)) in slots.zip(queues.zip(&mut steps)) {
            let action = other.checked_action(&form, (index, theirs), (scenario, state))?;
            match (&own.outcome, &theirs.outcome) {
                // Where it is not proved that no round was possible, the gap already allows for any decision.
                (SlotOutcome::Outage(outage), SlotOutcome::Planned(_)) if outage.excludes_rounds() => {
                    return Err(AgainstError::NeedlessOutage { slot: own.slot });
                }
                (SlotOutcome::Planned(_), SlotOutcome::Outage(_)) => {
                    idle += u64::from(raise_gap(step, Weights::new(history.penalty_weight(), queues), &action));
                }
                _ => {}
            }
            policy.push(action);
        }
        let history = History::new(history.penalty_weight(), history.initial().to_vec(), steps)?;
        let mut claim = against_policy(&history, &policy)?;
        // The last of them is about the actions, which were checked here.
        if let Some(possible) = claim.assumptions.last_mut() {
            let statement = "the other record's decisions are feasible in the same slots and cost what it says";
            *possible = Assumption { statement: statement.into(), standing: Standing::Verified };
        }
        if idle > 0 {
            let statement = format!("in {idle} slots the other policy had no round: what that saved is counted as gap");
            claim.assumptions.push(Assumption::verified(statement));
        }
        Ok(claim)
    }

    fn check_same_problem(&self, other: &Self) -> Result<(), AgainstError> {
        let slots = |record: &Self| record.slots.iter().map(|slot| slot.slot).collect::<Vec<_>>();
        let learned = |record: &Self| record.convergence.as_ref().map(|of| (of.scale, of.violations.clone()));
        let same = [
            ("nodes and budgets", self.nodes == other.nodes),
            ("plans", self.plans == other.plans),
            ("convergence constraint", learned(self) == learned(other)),
            ("slots", slots(self) == slots(other)),
        ];
        match same.into_iter().find(|(_, same)| !same) {
            Some((what, _)) => Err(AgainstError::Different { what }),
            None => Ok(()),
        }
    }

    /// The outcome of a slot of this record in `state`, recomputed from its decision, in the standard form of another.
    fn checked_action(
        &self,
        form: &StandardForm,
        (index, slot): (usize, &SlotRecord),
        (scenario, state): (&Scenario, &SlotState),
    ) -> Result<Action, AgainstError> {
        let planned: &PlannedSlot = match &slot.outcome {
            SlotOutcome::Planned(planned) => planned,
            SlotOutcome::Outage(_) => {
                let idle = slot.energy_j.iter().all(|energy| energy.0 == 0.0);
                let reason = "an outage that spent energy".to_owned();
                let error = AgainstError::Impossible { slot: slot.slot, reason };
                return if idle { Ok(self.action_in(form, index, slot)?) } else { Err(error) };
            }
        };
        let instance = match state.problem(|_| 0.0) {
            Ok(instance) => instance,
            Err(SlotError::Problem(error)) => return Err(error.into()),
            Err(reason) => return Err(AgainstError::Impossible { slot: slot.slot, reason: reason.to_string() }),
        };
        let decision = planned.decision.as_ref().ok_or_else(|| AgainstError::Impossible {
            slot: slot.slot,
            reason: "its round is not a decision of the slot problem".into(),
        })?;
        let decision = slot.among_present(decision).ok_or_else(|| AgainstError::Impossible {
            slot: slot.slot,
            reason: "it uses a device that is absent".into(),
        })?;
        let evaluation = evaluate(&instance.problem, &decision)
            .map_err(|source| AgainstError::Decision { slot: slot.slot, source })?;
        if !evaluation.feasibility.is_feasible(ROUNDING) {
            return Err(AgainstError::Impossible { slot: slot.slot, reason: evaluation.feasibility.to_string() });
        }
        if planned.plan != decision.plan {
            let reason = format!("plan {} is recorded, but plan {} decided", planned.plan, decision.plan);
            return Err(AgainstError::Impossible { slot: slot.slot, reason });
        }
        let check = |what: String, recorded: f64, evaluated: f64| {
            let close = (recorded - evaluated).abs() <= ROUNDING * evaluated.abs();
            let error = AgainstError::Number { slot: slot.slot, what, recorded, evaluated };
            if close { Ok(()) } else { Err(error) }
        };
        let Seconds(latency) = evaluation.round_latency;
        check("latency_s".into(), planned.latency_s.0, latency)?;
        let energies = instance.energies(scenario, &evaluation.clusters);
        if slot.energy_j.len() != energies.len() {
            return Err(AgainstError::Different { what: "number of energies" });
        }
        for (node, (recorded, &evaluated)) in slot.energy_j.iter().zip(&energies).enumerate() {
            check(format!("energy_j[{node}]"), recorded.0, evaluated.0)?;
        }
        let action = form.action(evaluation.round_latency, planned.plan, &energies);
        Ok(action.map_err(|source| RecordError::Slot { index, source })?)
    }
}

/// Raises a step's gap so that no gain over the idle action is left out; returns whether it had to.
fn raise_gap(step: &mut Step, weights: Weights<'_>, idle: &Action) -> bool {
    let saved = weights.cost(step.penalty, &step.violations) - weights.cost(idle.penalty, &idle.violations);
    match &mut step.gap {
        Some(gap) if saved > *gap => {
            *gap = saved;
            true
        }
        _ => false,
    }
}
