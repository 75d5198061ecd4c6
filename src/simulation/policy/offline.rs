//! The best that could have been done if all states had been known.

use std::borrow::Cow;

use super::{Choice, Policy, SlotContext};
use crate::lyapunov::Action;
use crate::scenario::Scenario;
use crate::simulation::{ComparedSlot, Effort, MOST_COMPARED, Outage, Run, RunError, SlotOutcome, SlotRecord};
use crate::solver::{Settings, SettingsError};

/// Least weight in a mixture that is more than rounding of the linear solver.
const LEAST_WEIGHT: f64 = 1e-6;

/// The offline optimum: all states of the scenario known beforehand, every budget kept on average over the whole run.
///
/// Not an online policy, but what online policies are measured by. It plays the exact policy once, [looks
/// back](crate::simulation::RunRecord::compare) with full effort, and plays the mixture of decisions that is the least
/// mean latency (plus the plans' penalties) within all budgets, to 1e-3 as a rule. The mixture is a basic solution of a
/// linear program, so that no more slots than there are constraints mix two decisions; there the one is played that
/// brings the constraints least over what the mixture has spent so far. A budget is therefore kept up to the difference
/// of two rounds, over the whole run.
///
/// Where no mixture was found that keeps every budget there is no optimum, and every slot is an outage that says so.
/// Refuses scenarios of more slots than [`MOST_COMPARED`].
#[derive(Debug)]
pub struct Offline {
    settings: Settings,
    choices: Option<Vec<Choice>>,
}

impl Offline {
    /// With these settings for the exact solver.
    ///
    /// # Errors
    /// [`SettingsError`] for a setting out of its range.
    pub fn new(settings: Settings) -> Result<Self, SettingsError> {
        settings.validate()?;
        Ok(Self { settings, choices: None })
    }
}

impl Policy for Offline {
    fn name(&self) -> Cow<'static, str> {
        "offline".into()
    }

    fn decide(&mut self, slot: &SlotContext<'_>) -> Result<Choice, RunError> {
        let choices = match &mut self.choices {
            Some(choices) => choices,
            none => none.insert(look_ahead(slot.scenario(), self.settings)?),
        };
        let index = usize::try_from(slot.slot()).ok();
        index.and_then(|index| choices.get(index).cloned()).ok_or_else(|| RunError::Policy {
            policy: "offline".into(),
            reason: format!(
                "slot {}: it looked at {} slots; play it with one scenario only",
                slot.slot(),
                choices.len()
            ),
        })
    }
}

/// What to do in every slot of the scenario.
fn look_ahead(scenario: &Scenario, settings: Settings) -> Result<Vec<Choice>, RunError> {
    let slots = usize::try_from(scenario.spec().slots).unwrap_or(usize::MAX);
    if slots > MOST_COMPARED {
        return Err(RunError::TooLong { slots, most: MOST_COMPARED });
    }
    let mut run = Run::new(scenario, settings)?;
    let slots = run.by_ref().collect::<Result<Vec<_>, _>>()?;
    let record = run.record(slots);
    let comparison = record.compare(scenario, settings, Effort::Full)?;
    if let Some(reason) = comparison.without_optimum {
        return Ok(vec![Choice::Outage(Outage::no_round(reason)); record.slots.len()]);
    }
    let actions = record.actions(&comparison)?;
    let mut over = vec![0.0; record.constraint_names().len()];
    let slots = record.slots.iter().zip(&comparison.slots).zip(&actions);
    let choices = slots
        .map(|((own, compared), actions)| choice(own, compared, of_mixture(actions, &compared.weights, &mut over)));
    Ok(choices.collect())
}

/// Index of the action of a slot's mixture that brings the constraints least over the mixtures so far; `over` is by how
/// much they are.
fn of_mixture(actions: &[Action], weights: &[f64], over: &mut [f64]) -> usize {
    for (k, over) in over.iter_mut().enumerate() {
        let mean: f64 = actions.iter().zip(weights).filter_map(|(action, w)| Some(w * action.violations.get(k)?)).sum();
        *over -= mean;
    }
    let after = |action: &Action| {
        action.violations.iter().zip(&*over).map(|(g, over)| g + over).fold(f64::NEG_INFINITY, f64::max)
    };
    let mixed = actions.iter().zip(weights).enumerate().filter(|(_, (_, weight))| **weight > LEAST_WEIGHT);
    let least = mixed.min_by(|(_, (a, _)), (_, (b, _))| after(a).total_cmp(&after(b)));
    let Some((index, (action, _))) = least else { return 0 };
    over.iter_mut().zip(&action.violations).for_each(|(over, g)| *over += g);
    index
}

/// An action of a slot as a choice: the first is the run's own, the others those of the comparison.
fn choice(own: &SlotRecord, compared: &ComparedSlot, index: usize) -> Choice {
    let decision = match (index.checked_sub(1), &own.outcome) {
        (Some(other), _) => compared.decisions.get(other).and_then(|other| other.decision.clone()),
        (None, SlotOutcome::Planned(planned)) => planned.decision.clone(),
        (None, SlotOutcome::Outage(outage)) => return Choice::Outage(outage.clone()),
    };
    let decision = decision.and_then(|decision| own.among_present(&decision));
    decision.map_or_else(|| Choice::Outage(Outage::no_round("the decision was not recorded")), Choice::Decision)
}
