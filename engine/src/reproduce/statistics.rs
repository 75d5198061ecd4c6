//! Errors by part.

use serde::Serialize;

use super::Outcome;
use crate::compare::PART_NAMES;

/// |measured − predicted| / predicted of a part, over all cases.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PartErrors {
    /// The part.
    pub part: &'static str,
    /// How often it was measured.
    pub count: usize,
    /// Mean.
    pub mean: f64,
    /// Largest.
    pub largest: f64,
}

/// The errors of every part. With `valid_only` cases in which something ended late are left out.
#[must_use]
pub fn errors<'a>(outcomes: impl IntoIterator<Item = &'a Outcome> + Clone, valid_only: bool) -> Vec<PartErrors> {
    let of = |part: &'static str| {
        let outcomes = outcomes.clone().into_iter().filter(|outcome| outcome.comparison.valid || !valid_only);
        let parts = outcomes.flat_map(|outcome| &outcome.comparison.parts).filter(|found| found.part == part);
        let errors: Vec<f64> = parts.filter_map(|found| found.relative_error().map(f64::abs)).collect();
        let count = errors.len();
        PartErrors {
            part,
            count,
            mean: errors.iter().sum::<f64>() / count.max(1) as f64,
            largest: errors.into_iter().fold(0.0, f64::max),
        }
    };
    PART_NAMES.into_iter().map(of).collect()
}
