//! Layers in proportion to weights, as planners do that look at memory alone.

use super::validation::MAX_LAYERS;
use crate::ground::check::{FieldError, Range, length, real};

/// Shares `layers` among devices in proportion to their weights (memory, say): each gets the whole part of its share,
/// at least one layer, and the layers left go to the largest fractions, the earlier device first where they are equal.
/// Where devices with less than one layer's share leave too few for the others, the largest holdings give some up.
///
/// It is the rule of exo's planner, and what exact planning is compared with: it looks at neither compute times nor
/// links.
///
/// # Errors
/// [`FieldError`] for no weights, weights that are not positive, more devices than layers or more than 1023 layers.
///
/// ```
/// assert_eq!(collapipe::partition::proportional_layers(&[312.0, 518.0, 1024.0], 12)?, [2, 3, 7]);
/// # Ok::<(), collapipe::problem::FieldError>(())
/// ```
pub fn proportional_layers(weights: &[f64], layers: usize) -> Result<Vec<usize>, FieldError> {
    length("weights", weights.len(), MAX_LAYERS)?;
    for (device, weight) in weights.iter().enumerate() {
        real(&format!("weights[{device}]"), *weight, Range::Positive)?;
    }
    if !(weights.len()..=MAX_LAYERS).contains(&layers) {
        let allowed = format!("in [{}, {MAX_LAYERS}]: at least one layer per device", weights.len());
        return Err(FieldError::new("layers", layers, allowed));
    }
    let total: f64 = weights.iter().sum();
    let shares: Vec<f64> = weights.iter().map(|weight| weight / total * layers as f64).collect();
    let mut held: Vec<usize> = shares.iter().map(|share| (share.floor() as usize).max(1)).collect();
    let mut by_fraction: Vec<usize> = (0..shares.len()).collect();
    let fraction = |device: &usize| shares[*device].fract();
    by_fraction.sort_by(|a, b| fraction(b).total_cmp(&fraction(a)).then(a.cmp(b)));
    let mut sum: usize = held.iter().sum();
    for device in by_fraction.iter().cycle().take(layers.saturating_sub(sum)) {
        held[*device] += 1;
        sum += 1;
    }
    while sum > layers {
        let largest = (0..held.len()).max_by(|a, b| held[*a].cmp(&held[*b]).then(b.cmp(a)));
        let Some(largest) = largest.filter(|largest| held[*largest] > 1) else { break };
        held[largest] -= 1;
        sum -= 1;
    }
    Ok(held)
}
