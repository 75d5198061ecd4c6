//! Experiments that anybody can repeat: a question, scenarios, policies and seeds, and the figure that answers it.

mod table;

pub use table::{Drawing, Metric, PlotSpec, ResultTable, Row};
