//! What an experiment leaves: tidy rows, and how to draw them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::metric::Metric;

/// One run, in numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// What was varied, as a number; none for categories.
    pub x: Option<f64>,
    /// What was varied, in words or digits: the category on the axis.
    pub x_label: String,
    /// Which curve or group of bars: mostly the policy.
    pub series: String,
    /// Seed of the scenario.
    pub seed: u64,
    /// The numbers; one that a run does not have is left out.
    pub metrics: BTreeMap<Metric, f64>,
}

/// How rows become a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Drawing {
    /// Mean over the seeds against x, one line per series, with 95 % confidence intervals.
    Lines,
    /// Mean over the seeds along a row per series, one mark per category, with 95 % confidence intervals.
    Bars,
}

/// A panel of an experiment's figure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlotSpec {
    /// What is drawn.
    pub metric: Metric,
    /// Name and unit of what is varied, as `bandwidth [MHz]`.
    pub x_axis: String,
    /// How.
    pub drawing: Drawing,
    /// Whether the axis of x is logarithmic.
    pub log_x: bool,
    /// Whether the axis of the metric is logarithmic.
    pub log_y: bool,
}

/// One series set against each of the others, seed by seed: by how much it differs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contrast {
    /// The series that is compared with the others.
    pub reference: String,
    /// What is compared.
    pub columns: Vec<ContrastColumn>,
    /// Whose numbers [`ContrastColumn::published`] are; empty without any.
    pub publication: String,
    /// What can be compared with them, and what cannot; empty without any.
    pub remark: String,
}

/// A column of a [`Contrast`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContrastColumn {
    /// What is compared.
    pub metric: Metric,
    /// What was published about it, in words; empty where nothing was.
    pub published: String,
}

/// All that tables, figures and the report of one experiment are made from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResultTable {
    /// Name, as typed on the command line.
    pub name: String,
    /// Title of page and figure.
    pub title: String,
    /// What is asked.
    pub question: String,
    /// What is expected, and why.
    pub expectation: String,
    /// How to read the figure.
    pub caption: String,
    /// Panels of the figure, top to bottom.
    pub plots: Vec<PlotSpec>,
    /// Why there are no rows, where the experiment was left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skipped: Option<String>,
    /// Slots of a run, where all have as many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slots: Option<u64>,
    /// One series against the others, where the experiment asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contrast: Option<Contrast>,
    /// The runs.
    pub rows: Vec<Row>,
}
