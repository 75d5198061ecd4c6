//! Statistics of a sample.

/// Percentile `p` (in [0, 100]) of `sorted` numbers, by linear interpolation between the closest ranks (definition 7 of
/// Hyndman and Fan 1996, as in NumPy and R); `None` for an empty sample.
///
/// ```
/// use collapipe::report::percentile;
/// assert_eq!(percentile(&[1.0, 2.0, 4.0], 50.0), Some(2.0));
/// assert_eq!(percentile(&[1.0, 2.0, 4.0], 75.0), Some(3.0));
/// assert_eq!(percentile(&[], 50.0), None);
/// ```
#[must_use]
pub fn percentile(sorted: &[f64], p: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let rank = (p / 100.0).clamp(0.0, 1.0) * last as f64;
    let below = rank.floor();
    let low = *sorted.get(below as usize)?;
    let high = *sorted.get(rank.ceil() as usize)?;
    Some(low + (high - low) * (rank - below))
}

/// Mean; `None` for an empty sample.
pub(super) fn mean(sample: &[f64]) -> Option<f64> {
    (!sample.is_empty()).then(|| sample.iter().sum::<f64>() / sample.len() as f64)
}

/// The sample in increasing order.
pub(super) fn sorted(mut sample: Vec<f64>) -> Vec<f64> {
    sample.sort_by(f64::total_cmp);
    sample
}
