//! What the experiments leave, as the core draws it.

use std::collections::BTreeMap;

use collapipe::experiments::{Drawing, Metric, PlotSpec, ResultTable, Row};

use super::Outcome;
use crate::compare::PART_NAMES;

/// What page and figure say of an experiment.
pub(super) struct About {
    pub name: &'static str,
    pub title: &'static str,
    pub question: &'static str,
    pub expectation: &'static str,
    pub caption: &'static str,
}

impl About {
    pub fn table(&self, plots: Vec<PlotSpec>, rows: Vec<Row>) -> ResultTable {
        ResultTable {
            name: self.name.into(),
            title: self.title.into(),
            question: self.question.into(),
            expectation: self.expectation.into(),
            caption: self.caption.into(),
            plots,
            skipped: None,
            slots: None,
            contrast: None,
            rows,
        }
    }
}

pub(super) fn plot(metric: Metric, x_axis: &str, drawing: Drawing) -> PlotSpec {
    PlotSpec { metric, x_axis: x_axis.into(), drawing, log_x: false, log_y: false }
}

/// A row per outcome group, part and seed: the mean error of a part over the outcomes of a seed that belong together.
fn rows(outcomes: &[Outcome], group: impl Fn(&Outcome) -> String) -> Vec<Row> {
    let mut sums: BTreeMap<(usize, String, u64), (f64, f64)> = BTreeMap::new();
    for outcome in outcomes {
        for found in &outcome.comparison.parts {
            // The round as a whole is that of the slowest cluster, whose round is among the parts.
            let Some(error) = found.relative_error().filter(|_| found.cluster.is_some()) else { continue };
            let place = PART_NAMES.iter().position(|name| *name == found.part).unwrap_or_default();
            let (sum, count) = sums.entry((place, group(outcome), outcome.seed)).or_default();
            (*sum, *count) = (*sum + error.abs(), *count + 1.0);
        }
    }
    let row = |((place, x_label, seed), (sum, count)): ((usize, String, u64), (f64, f64))| Row {
        x: None,
        x_label,
        series: PART_NAMES.get(place).copied().unwrap_or_default().into(),
        seed,
        metrics: BTreeMap::from([(Metric::PredictionError, sum / count)]),
    };
    sums.into_iter().map(row).collect()
}

/// Predicted against measured: parts of the rounds of seeded problems, by whom sending occupies.
#[must_use]
pub fn of_configurations(outcomes: &[Outcome]) -> ResultTable {
    const ABOUT: About = About {
        name: "predicted-measured",
        title: "Error of the prediction by part and overlap",
        question: "Does each part of a round take as long as the planner says, whomever sending occupies?",
        expectation: "Durations of stages and transmissions are given to the emulation; what is tested is everything between them: who waits for whom, over real threads, messages and sockets. Without other load on the machine errors should stay below one per cent.",
        caption: "Mean of |measured − predicted| / predicted over schedules, per seed. distribution, iterations, collection and upload add up to the round; stages, hops and bubble are what the iterations consist of. A short part has a large relative error when a thread wakes up late; rounds with late operations are counted, and are not left out here.",
    };
    let panel = plot(Metric::PredictionError, "overlap", Drawing::Bars);
    ABOUT.table(vec![panel], rows(outcomes, |outcome| outcome.names[3].clone()))
}

/// The same over links that the kernel shapes.
#[must_use]
pub fn of_kernel_links(outcomes: &[Outcome]) -> ResultTable {
    const ABOUT: About = About {
        name: "predicted-measured-kernel-links",
        title: "Error of the prediction over links that the kernel shapes",
        question: "Does a round take as long as the planner says when links are not emulated but are queues of the operating system?",
        expectation: "Here the times of messages are not given: every node is a process in a network namespace, every link a virtual Ethernet with a token bucket at the decision's rate, and bytes arrive when they arrive. Packets, a bucket of two of them, and timers leave errors of about one per cent in single messages.",
        caption: "Mean of |measured − predicted| / predicted over schedules, per seed; kernel-overlapped: links beside stages, kernel-blocking: a stage waits until what it sent has come. Rates count packets' headers. Stages take their planned times as in the emulation. A link that is slowed down because the machine is busy is not told from one that is mispredicted: only late stages make a round invalid.",
    };
    let panel = plot(Metric::PredictionError, "overlap", Drawing::Bars);
    ABOUT.table(vec![panel], rows(outcomes, |outcome| outcome.names[3].clone()))
}

/// The same for the rounds of policies, in which a model is trained.
#[must_use]
pub fn of_policies(outcomes: &[Outcome]) -> ResultTable {
    const ABOUT: About = About {
        name: "predicted-measured-training",
        title: "Error of the prediction by part and policy, in training",
        question: "Does a round of real training take as long as the planner says, whoever plans it?",
        expectation: "The same as for messages without meaning, as long as the machine computes a stage faster than the planned device.",
        caption: "Mean of |measured − predicted| / predicted over the rounds, per seed. full-model-federated has no hops: every device trains the whole model.",
    };
    let panel = plot(Metric::PredictionError, "policy", Drawing::Bars);
    ABOUT.table(vec![panel], rows(outcomes, |outcome| outcome.names[1].clone()))
}
