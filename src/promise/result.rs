//! What the runs did, and what may be promised from them.

use std::fmt::{self, Formatter};

use serde::{Deserialize, Serialize};

use crate::report::table::{Table, number, or_dash};
use crate::text::{WIDTH, value, wrapped};

/// Name and version of the format of a kept run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum RunSchema {
    /// Version 1.
    #[default]
    #[serde(rename = "collapipe.promise-run/1")]
    V1,
}

/// One run, in numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct PlayedRun {
    /// Format.
    pub schema: RunSchema,
    /// Digest of all that decides the run: version, scenario with this seed, rate traces, settings.
    pub fingerprint: String,
    /// Its seed.
    pub seed: u64,
    /// Slots with a round; the others were outages.
    pub planned: u64,
    /// Largest mean of E/Ē − 1 over the slots, of all nodes with a budget; none without budgets.
    pub worst_overspend: Option<f64>,
    /// Mean round latency in seconds; none without a round.
    pub mean_latency_s: Option<f64>,
    /// Largest |Q| after any slot, in budgets.
    pub queue_norm: f64,
}

/// Name and version of the result's format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum PromiseSchema {
    /// Version 1.
    #[default]
    #[serde(rename = "collapipe.promise/1")]
    V1,
}

/// A number of every run, over all runs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Bound {
    /// Mean over the runs.
    pub mean: f64,
    /// The largest: the tolerance bound.
    pub at_most: f64,
}

impl Bound {
    /// None where a run does not have the number: nothing can then be said of it.
    fn of(values: impl Iterator<Item = Option<f64>>) -> Option<Self> {
        let values = values.collect::<Option<Vec<f64>>>()?;
        let at_most = values.iter().copied().reduce(f64::max)?;
        Some(Self { mean: values.iter().sum::<f64>() / values.len() as f64, at_most })
    }
}

/// What may be promised of runs of a scenario at other seeds; prints as a table for the terminal.
///
/// With the given confidence at least the share `coverage` of all runs stays within a bound: each bound by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Promise {
    /// Format.
    pub schema: PromiseSchema,
    /// Version of this crate.
    pub version: String,
    /// The scenario's name.
    pub scenario: String,
    /// Its own seed, from which those of the runs are drawn.
    pub seed: u64,
    /// Slots of every run.
    pub slots: u64,
    /// Probability with which the statement is true, in (0, 1).
    pub confidence: f64,
    /// Share of the runs it is about, in (0, 1).
    pub coverage: f64,
    /// Worst overspend, in budgets; none where the scenario has no budgets.
    pub worst_overspend: Option<Bound>,
    /// Mean latency in seconds; none where a run had no round.
    pub mean_latency_s: Option<Bound>,
    /// Largest |Q| after any slot, in budgets.
    pub queue_norm: Option<Bound>,
    /// The runs, in the order of their drawing.
    pub runs: Vec<PlayedRun>,
}

impl Promise {
    pub(super) fn new(
        (scenario, seed, slots): (String, u64, u64),
        (confidence, coverage): (f64, f64),
        runs: Vec<PlayedRun>,
    ) -> Self {
        Self {
            schema: PromiseSchema::V1,
            version: env!("CARGO_PKG_VERSION").into(),
            scenario,
            seed,
            slots,
            confidence,
            coverage,
            worst_overspend: Bound::of(runs.iter().map(|run| run.worst_overspend)),
            mean_latency_s: Bound::of(runs.iter().map(|run| run.mean_latency_s)),
            queue_norm: Bound::of(runs.iter().map(|run| Some(run.queue_norm))),
            runs,
        }
    }

    /// What is bounded, by how much, and in which unit.
    pub(super) fn bounds(&self) -> [(&'static str, Option<Bound>, &'static str); 3] {
        [
            ("worst overspend of a node", self.worst_overspend, "budgets"),
            ("mean latency", self.mean_latency_s, "s"),
            ("largest norm of all queues", self.queue_norm, "budgets"),
        ]
    }
}

impl fmt::Display for Promise {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let width = f.width().unwrap_or(WIDTH);
        let (runs, slots, seed) = (self.runs.len(), self.slots, self.seed);
        let mut table = Table::new(&[&["Of every run", "mean of the runs", "at most", "unit"]]);
        for (what, bound, unit) in self.bounds() {
            let (mean, most) = (or_dash(bound, |of| number(of.mean)), or_dash(bound, |of| number(of.at_most)));
            table.push(vec![what.into(), mean, most, unit.into()]);
        }
        let percent = |share: f64| number(100.0 * share);
        let text = format!(
            "{} | {runs} runs of {slots} slots, seeds drawn from {seed}\n\n{table:width$}  With {} % confidence at least {} % of the \
             runs of this scenario at other seeds stay within a bound: each by itself, for runs of as many slots. It rests on \
             independent seeds alone (Wilks 1941).\n",
            value(&self.scenario),
            percent(self.confidence),
            percent(self.coverage)
        );
        f.write_str(&wrapped(&text, width))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_one_run_lacks_bounds_nothing() {
        assert_eq!(Bound::of([Some(1.0), None].into_iter()), None);
        assert_eq!(Bound::of(std::iter::empty()), None);
        assert_eq!(Bound::of([Some(-1.0), Some(3.0)].into_iter()), Some(Bound { mean: 1.0, at_most: 3.0 }));
    }
}
