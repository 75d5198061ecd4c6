//! Energy budgets kept with measured energies: a run whose queues are fed with what was measured.

use std::collections::BTreeMap;

use collapipe::experiments::{Drawing, Metric, ResultTable, Row};
use collapipe::report::{Summary, summary};
use collapipe::scenario::Scenario;
use collapipe::simulation::RunRecord;
use collapipe::units::Joules;

use super::headlines::{PolicyChoice, play};
use super::tables::{About, plot};
use super::{ReproduceError, Size, languages_scenario};
use crate::compare::NodeEnergies;
use crate::data::Samples;
use crate::emulate::Clock;
use crate::roles::Pace;
use crate::wire::Address;

/// Every node's budget, as a part of what it spends in a round that is planned as if energy cost nothing.
const BUDGET: f64 = 0.9;

const ABOUT: About = About {
    name: "energy",
    title: "Energy by node: planned, measured, and the budget",
    question: "Are budgets kept when the queues are fed with energies that were measured?",
    expectation: "Every node has 90 % of what it spends in the first round without a budget: work moves to and fro between devices, and the mean of each node approaches its budget from above, by no more than certificate C1 allows.",
    caption: "Mean per round of one run that trains a model. Measured energy: every operation and transmission draws its planned power from when it was to begin until it was measured to end; the queues, and with them all later plans, follow from it. Edge servers are not counted. The run's record, its page and its certificates are in the folder energy-run.",
};

/// A run with measured energies.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MeasuredEnergy {
    /// By node: planned, measured, budget.
    pub table: ResultTable,
    /// The run.
    pub record: RunRecord,
}

/// Executes rounds of the experiments' scenario whose nodes have budgets.
///
/// # Errors
/// [`ReproduceError`].
pub fn energy(size: &Size, samples: &Samples, mut told: impl FnMut(&str)) -> Result<MeasuredEnergy, ReproduceError> {
    let exact = PolicyChoice::EXACT;
    let free = with_budgets(size.energy_rounds, None)?;
    let first = play(&free, exact, 1, samples, Pace::Emulated { scale: 1.0 }, Clock::pretended())?;
    let first = first.rounds.first().ok_or_else(|| ReproduceError::plan("energy", "no round"))?;
    let scenario = with_budgets(size.energy_rounds, Some(&first.planned_energy))?;
    let pace = Pace::Emulated { scale: size.training_seconds / first.measured.latency_s };
    let trained = play(&scenario, exact, size.energy_rounds, samples, pace, size.clock())?;
    told(&format!("energy, {} rounds", trained.record.slots.len()));
    let record = trained.record;
    let mean = |of: &dyn Fn(&collapipe::simulation::SlotRecord) -> Joules| {
        record.slots.iter().map(|slot| of(slot).0).sum::<f64>() / record.slots.len().max(1) as f64
    };
    let mut rows = Vec::new();
    for (node, named) in record.nodes.iter().enumerate() {
        let at = |list: &[Joules]| list.get(node).copied().unwrap_or_default();
        let series = [
            ("planned", Some(mean(&|slot| at(slot.planned_energy_j())))),
            ("measured", Some(mean(&|slot| at(&slot.energy_j)))),
            ("budget", named.budget_j.map(|budget| budget.0)),
        ];
        rows.extend(series.into_iter().filter_map(|(series, joules)| {
            let metrics = BTreeMap::from([(Metric::NodeEnergyJ, joules?)]);
            Some(Row { x: None, x_label: series.into(), series: named.name.clone(), seed: 1, metrics })
        }));
    }
    let mut table = ABOUT.table(vec![plot(Metric::NodeEnergyJ, "energy", Drawing::Bars)], rows);
    table.slots = Some(size.energy_rounds);
    Ok(MeasuredEnergy { table, record })
}

impl MeasuredEnergy {
    /// Certificate C1 of every node with a budget, recomputed from the record.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let Summary { nodes, .. } = summary(&self.record);
        let line = |node: collapipe::report::NodeSummary| {
            let c1 = node.certificate?;
            let holds = if c1.holds() { "holds" } else { "BROKEN" };
            Some(format!(
                "Measured energy of {}: mean overspend {:.4} budgets, by certificate C1 at most {:.4}: {holds}.",
                node.name, c1.mean_violation, c1.bound
            ))
        };
        nodes.into_iter().filter_map(line).collect()
    }
}

/// The scenario with budgets, where energies are given.
fn with_budgets(slots: u64, spent: Option<&NodeEnergies>) -> Result<Scenario, ReproduceError> {
    let mut file = languages_scenario()?;
    file.spec.slots = slots;
    for (cluster, spec) in file.spec.clusters.iter_mut().enumerate() {
        let budget = |node: usize| Some(Joules(BUDGET * spent?.get(&Address { cluster, node })?.0));
        spec.control_unit.budget_j_per_round = budget(0);
        for (device, spec) in (1..).zip(&mut spec.devices) {
            spec.budget_j_per_round = budget(device);
        }
    }
    file.build().map_err(|error| ReproduceError::plan("energy", error))
}
