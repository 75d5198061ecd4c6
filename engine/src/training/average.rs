//! Federated averaging.

use crate::roles::Parts;

/// Every control unit's part, and every edge server's, becomes the average over the clusters, weighted by their batches
/// and summed in double precision in the clusters' order: the same bits whoever finishes first.
pub(super) fn average(parts: &mut Parts, weights: &[f64]) {
    let total: f64 = weights.iter().sum();
    for is_control_unit in [true, false] {
        let mut sum: Vec<f64> = Vec::new();
        for (node, values) in parts.iter().filter(|(node, _)| (node.node == 0) == is_control_unit) {
            let weight = weights.get(node.cluster).copied().unwrap_or_default() / total;
            sum.resize(values.len(), 0.0);
            sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += weight * f64::from(*value));
        }
        for (_, values) in parts.iter_mut().filter(|(node, _)| (node.node == 0) == is_control_unit) {
            values.iter_mut().zip(&sum).for_each(|(value, sum)| *value = *sum as f32);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Address;

    #[test]
    fn parts_become_their_weighted_mean() {
        let at = |cluster, node| Address { cluster, node };
        let mut parts = Parts::from([
            (at(0, 0), vec![1.0, 2.0]),
            (at(0, 5), vec![7.0]),
            (at(1, 0), vec![4.0, 8.0]),
            (at(1, 9), vec![1.0]),
        ]);
        average(&mut parts, &[2.0, 1.0]);
        let expected = [vec![2.0, 4.0], vec![5.0], vec![2.0, 4.0], vec![5.0]];
        assert_eq!(parts.into_values().collect::<Vec<_>>(), expected);
    }
}
