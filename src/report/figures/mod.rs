//! Figures of a run as SVG.

use crate::simulation::RunRecord;

/// A figure, or why it could not be drawn.
type Figure = Result<String, String>;

/// File name and drawing of every figure.
pub(super) const ALL: [(&str, fn(&RunRecord) -> Figure); 0] = [];
