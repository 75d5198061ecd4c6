//! A run as SVG figures.
//!
//! Every figure is made from the record alone. Colours are those of Okabe and Ito, which stay apart for all common kinds of
//! colour vision; a node has the same colour in every figure, and legends stand beside the data. Runs of more than
//! [`MAX_POINTS`] slots are drawn as means over equal stretches of slots.

mod latency;
mod nodes;
mod panel;
mod segments;

use crate::simulation::RunRecord;

/// Most points along the time axis.
pub const MAX_POINTS: usize = 2000;
/// Most clusters that get a panel of their own; the first ones are drawn.
pub const MAX_PANELS: usize = 8;

/// Why a figure could not be drawn.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot draw {figure}: {reason}")]
pub struct FigureError {
    /// Name of the figure.
    pub figure: &'static str,
    /// What the drawing library says.
    pub reason: String,
}

/// A figure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figure {
    /// Its name, without extension.
    pub name: &'static str,
    /// The SVG document.
    pub svg: String,
}

/// All figures of a run: round latency, queues, energy against budget, segment sizes. None for a run without slots.
///
/// # Errors
/// [`FigureError`], should the drawing library fail.
pub fn all(record: &RunRecord) -> Result<Vec<Figure>, FigureError> {
    if record.slots.is_empty() {
        return Ok(Vec::new());
    }
    let draw = |name, drawn: Result<String, panel::DrawError>| match drawn {
        Ok(svg) => Ok(Figure { name, svg }),
        Err(error) => Err(FigureError { figure: name, reason: error.to_string() }),
    };
    Ok(vec![
        draw("latency", latency::draw(record))?,
        draw("queues", nodes::queues(record))?,
        draw("energy", nodes::energy(record))?,
        draw("segments", segments::draw(record))?,
    ])
}
