//! Power laws by least squares.

use serde::{Deserialize, Serialize};

/// y ≈ factor · x^exponent, by least squares of log y against log x.
///
/// ```
/// use collapipe::tradeoff::PowerFit;
/// let fit = PowerFit::of(&[(1.0, 3.0), (10.0, 0.3), (100.0, 0.03)]).ok_or("three points")?;
/// assert!((fit.exponent + 1.0).abs() < 1e-12 && (fit.factor - 3.0).abs() < 1e-9);
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct PowerFit {
    /// The slope in log-log coordinates.
    pub exponent: f64,
    /// y at x = 1, in y's unit.
    pub factor: f64,
    /// Share of the variance of log y that the law explains; 1 where log y does not vary.
    pub r_squared: f64,
    /// The x that were fitted, in their order.
    pub over: Vec<f64>,
}

impl PowerFit {
    /// Fewest points of a fit: two always lie on a power law.
    pub const LEAST_POINTS: usize = 3;

    /// Fits the points whose coordinates are both positive and finite; `None` where those are fewer than three or have
    /// all the same x.
    #[must_use]
    pub fn of(points: &[(f64, f64)]) -> Option<Self> {
        let usable = |value: f64| value > 0.0 && value.is_finite();
        let used: Vec<(f64, f64)> = points.iter().copied().filter(|&(x, y)| usable(x) && usable(y)).collect();
        if used.len() < Self::LEAST_POINTS {
            return None;
        }
        let count = used.len() as f64;
        let mean = |of: &dyn Fn(&(f64, f64)) -> f64| used.iter().map(of).sum::<f64>() / count;
        let (x_mean, y_mean) = (mean(&|point| point.0.ln()), mean(&|point| point.1.ln()));
        let xx = mean(&|point| (point.0.ln() - x_mean).powi(2));
        let yy = mean(&|point| (point.1.ln() - y_mean).powi(2));
        let xy = mean(&|point| (point.0.ln() - x_mean) * (point.1.ln() - y_mean));
        // Equal up to rounding: no slope.
        if xx <= (1e-12 * x_mean.abs().max(1.0)).powi(2) {
            return None;
        }
        let exponent = xy / xx;
        Some(Self {
            exponent,
            factor: (y_mean - exponent * x_mean).exp(),
            r_squared: if yy > 0.0 { (xy * xy / (xx * yy)).min(1.0) } else { 1.0 },
            over: used.into_iter().map(|point| point.0).collect(),
        })
    }

    /// The law's y at `x`.
    #[must_use]
    pub fn at(&self, x: f64) -> f64 {
        self.factor * x.powf(self.exponent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_cannot_be_fitted_is_not() {
        assert_eq!(PowerFit::of(&[(1.0, 1.0), (2.0, 2.0)]), None);
        assert_eq!(PowerFit::of(&[(2.0, 1.0), (2.0, 2.0), (2.0, 3.0)]), None);
        assert_eq!(PowerFit::of(&[(1.0, 1.0), (2.0, 0.0), (3.0, -1.0), (4.0, f64::NAN), (5.0, f64::INFINITY)]), None);
        let flat = PowerFit::of(&[(1.0, 5.0), (2.0, 5.0), (4.0, 5.0), (8.0, 0.0)]).unwrap();
        assert_eq!((flat.exponent, flat.r_squared, flat.over), (0.0, 1.0, vec![1.0, 2.0, 4.0]));
    }

    #[test]
    fn a_hand_fitted_line() {
        // In powers of ten: (0, 0), (1, 1), (2, 1): slope 1/2, intercept 1/6, r² = 3/4.
        let fit = PowerFit::of(&[(1.0, 1.0), (10.0, 10.0), (100.0, 10.0)]).unwrap();
        assert!((fit.exponent - 0.5).abs() < 1e-12);
        assert!((fit.factor - 10f64.powf(1.0 / 6.0)).abs() < 1e-12);
        assert!((fit.r_squared - 0.75).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn laws_are_found_again(exponent in -3.0..3.0f64, factor in 1e-3..1e3f64, start in 1e-3..1e3f64) {
            let points: Vec<(f64, f64)> =
                (0..6).map(|i| start * 2f64.powi(i)).map(|x| (x, factor * x.powf(exponent))).collect();
            let fit = PowerFit::of(&points).unwrap();
            prop_assert!((fit.exponent - exponent).abs() < 1e-9);
            prop_assert!((fit.at(start) / points[0].1 - 1.0).abs() < 1e-9);
        }
    }
}
