//! Mean over seeds and how far it may be off.

/// 97.5 % quantiles of Student's t for 1 to 30 degrees of freedom.
const T: [f64; 30] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120,
    2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
];

/// Mean of the finite values, and half the width of its 95 % confidence interval by Student's t.
///
/// The half-width is `None` for a single value, which says nothing about spread; the whole is `None` without any.
///
/// ```
/// let (mean, half) = collapipe::experiments::interval(&[1.0, 3.0]).unwrap();
/// assert_eq!(mean, 2.0);
/// assert!((half.unwrap() - 12.706).abs() < 1e-3);
/// ```
pub fn interval(values: &[f64]) -> Option<(f64, Option<f64>)> {
    let finite: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    let count = finite.len();
    if count == 0 {
        return None;
    }
    let n = count as f64;
    let mean = finite.iter().map(|value| value / n).sum::<f64>();
    if count == 1 {
        return Some((mean, None));
    }
    let freedom = n - 1.0;
    let variance = finite.iter().map(|value| (value - mean).powi(2) / freedom).sum::<f64>();
    // Beyond the table: Cornish and Fisher's expansion about the normal quantile.
    let z = 1.959_964_f64;
    let expansion = z
        + (z.powi(3) + z) / (4.0 * freedom)
        + (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / (96.0 * freedom.powi(2));
    let t = T.get(count - 2).copied().unwrap_or(expansion);
    Some((mean, Some(t * (variance / n).sqrt())))
}
