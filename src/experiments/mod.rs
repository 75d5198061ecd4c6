//! Experiments that anybody can repeat: a question, scenarios, policies and seeds, and the figure that answers it.

mod interval;
mod metric;
mod table;

pub use interval::interval;
pub use table::{Drawing, Metric, PlotSpec, ResultTable, Row};
