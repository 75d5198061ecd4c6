//! Views of a record that the summary, the files and the figures share.

use crate::simulation::{NodeRecord, NodeRole, RunRecord, SlotRecord};

/// A cluster's devices in the order of its sizes, with their indices in [`RunRecord::nodes`].
pub(super) fn devices(record: &RunRecord, cluster: usize) -> impl Iterator<Item = (usize, &NodeRecord)> {
    let of_cluster = move |node: &NodeRecord| node.cluster == cluster && node.role == NodeRole::Device;
    record.nodes.iter().enumerate().filter(move |(_, node)| of_cluster(node))
}

/// A budget that energy can be measured against: positive and finite.
pub(super) fn budget(node: &NodeRecord) -> Option<f64> {
    node.budget_j.map(|joules| joules.0).filter(|joules| joules.is_finite() && *joules > 0.0)
}

/// Energy of a node in a slot [J]; 0 where the record has none.
pub(super) fn energy(slot: &SlotRecord, node: usize) -> f64 {
    slot.energy_j.get(node).map_or(0.0, |joules| joules.0)
}

/// Quantile of sorted values by linear interpolation between order statistics (Hyndman and Fan's type 7).
pub(super) fn quantile(sorted: &[f64], probability: f64) -> Option<f64> {
    let position = probability.clamp(0.0, 1.0) * sorted.len().checked_sub(1)? as f64;
    let (below, above) = (position.floor(), position.ceil());
    let (low, high) = (*sorted.get(below as usize)?, *sorted.get(above as usize)?);
    Some(if low == high { low } else { low + (position - below) * (high - low) })
}

/// Finite values in increasing order.
#[cfg(any(test, feature = "figures"))]
pub(super) fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.filter(|value| value.is_finite()).collect();
    sort(&mut values);
    values
}

/// Puts values in increasing order; equal ones are alike, so that none needs room to be moved to.
pub(super) fn sort(values: &mut [f64]) {
    values.sort_unstable_by(f64::total_cmp);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_interpolate_between_order_statistics() {
        // numpy.quantile([1, 2, 4, 8], [0, 0.5, 0.9, 1])
        let values = sorted([8.0, 1.0, f64::NAN, 4.0, 2.0].into_iter());
        let at = |p| quantile(&values, p).unwrap();
        assert_eq!((at(0.0), at(0.5), at(1.0)), (1.0, 3.0, 8.0));
        assert!((at(0.9) - 6.8).abs() < 1e-12);
        assert_eq!(quantile(&[], 0.5), None);
        assert_eq!(quantile(&[7.0], 0.99), Some(7.0));
    }
}
