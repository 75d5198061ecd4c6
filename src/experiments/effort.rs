//! How long cells may take, by which they are dealt out to the machines.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::cell::{Cell, Measure};
use crate::scenario::{Scenario, SlotState};
use crate::simulation::PolicyKind;
use crate::solver::{Settings, solve};

/// What budgets do to a scenario's rounds, as its first slot tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Strain {
    /// The fastest round spends more than some budget: energy will have a price.
    priced: bool,
    /// So does the best round at prices of one budget: they will grow, and with them the time of a slot.
    short: bool,
}

/// A look, not a run: the roughest answer is enough, and takes no longer in large scenarios.
const LOOK: Settings = Settings { gap: 0.05, work_limit: Some(10_000_000), time_limit: None };

impl Strain {
    fn of(scenario: &Scenario) -> Self {
        if scenario.budgets().iter().all(Option::is_none) {
            return Self::default();
        }
        let state = scenario.sampler().next_slot();
        let priced = overruns(scenario, &state, 0.0);
        Self { priced, short: priced && overruns(scenario, &state, 1.0) }
    }
}

/// Whether the best round at so many budgets in every queue spends more than some budget. Not where there is no round.
fn overruns(scenario: &Scenario, state: &SlotState, queue: f64) -> bool {
    let budgets = scenario.budgets();
    let price = |node: usize| budgets.get(node).copied().flatten().map_or(0.0, |budget| queue / budget.0);
    let Ok(instance) = state.problem(price) else { return false };
    let Ok(solution) = solve(&instance.problem, &LOOK) else { return false };
    let Some(best) = solution.certified() else { return false };
    let spent = instance.energies(scenario, &best.evaluation.clusters);
    spent.iter().zip(&budgets).any(|(spent, budget)| budget.is_some_and(|budget| *spent > budget))
}

/// How long each cell may take, in no unit: the same on every machine.
pub(super) fn efforts(cells: &[&Cell]) -> Vec<u64> {
    let names: Vec<String> = cells.par_iter().map(|cell| cell.scenario.fingerprint()).collect();
    let scenarios: BTreeMap<&str, &Scenario> =
        names.iter().map(String::as_str).zip(cells.iter().map(|cell| &cell.scenario)).collect();
    let strains: BTreeMap<&str, Strain> =
        scenarios.into_par_iter().map(|(name, scenario)| (name, Strain::of(scenario))).collect();
    let strain = |name: &String| strains.get(name.as_str()).copied().unwrap_or_default();
    cells.iter().zip(&names).map(|(cell, name)| effort(cell, strain(name))).collect()
}

/// It grows with the slots and, as it was measured, with the square of the devices and hardly with the blocks; some policies solve many
/// problems in every slot where the others ask the exact solver once.
fn effort(cell: &Cell, Strain { priced, short }: Strain) -> u64 {
    let spec = cell.scenario.spec();
    let devices: usize = spec.clusters.iter().map(|cluster| cluster.devices.len()).sum();
    let each = (devices as u64).saturating_mul(devices as u64);
    let longer = |where_: bool, plain: u64, strained: u64| if where_ { strained } else { plain };
    // Times of a processor as `cargo xtask shards` prints them for `headline`, in tenths of the exact policy's where nothing is short.
    let rounds = match cell.policy {
        PolicyKind::Alternating => longer(priced, 300, 600),
        PolicyKind::Offline => longer(short, 30, 650),
        PolicyKind::FixedRadio => longer(short, 70, 140),
        PolicyKind::UniformSegments | PolicyKind::ProportionalSpeed | PolicyKind::ProportionalMemory => 25,
        PolicyKind::SplitLearning | PolicyKind::SplitFed => 3,
        PolicyKind::Random | PolicyKind::FullModelFederated => 2,
        _ => longer(short, 10, 20),
    };
    // Beside the policy the exact solver is asked about every slot.
    let asked = if cell.measure == Measure::AgainstExact { longer(short, 10, 20) } else { 0 };
    spec.slots.saturating_mul(each).saturating_mul(rounds + asked)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{BUILTIN, ScenarioFile};
    use crate::units::Joules;

    /// The built-in scenario with budgets of so many times its own.
    fn with_budgets(factor: f64) -> Scenario {
        let mut spec = ScenarioFile::parse(BUILTIN, "".as_ref()).unwrap().spec;
        spec.budgets_mut().flatten().for_each(|budget| *budget = Joules(factor * budget.0));
        Scenario::new(spec).unwrap()
    }

    #[test]
    fn budgets_that_cannot_be_kept_strain_and_ample_ones_do_not() {
        assert_eq!(Strain::of(&with_budgets(1e-3)), Strain { priced: true, short: true });
        assert_eq!(Strain::of(&with_budgets(1e3)), Strain::default());
    }
}
