//! L from gradient differences along the direction that grows most.

use rand::SeedableRng;
use rand_distr::{Distribution, StandardNormal};
use rand_pcg::Pcg64;

use super::BoundError;
use crate::ground::check::{FieldError, Range, count, real};

/// Most repetitions.
const MAX_ITERATIONS: u64 = 1_000_000;

/// What power iteration found at a point, in loss/par².
///
/// *It proves* that L is at least `at_least`: each ratio is one of a pair of gradients. *It does not prove* any upper
/// bound. As the radius tends to 0, the ratios converge to the largest |eigenvalue| of the Hessian at the point (for
/// almost every start); elsewhere on the run's path, or along longer steps, the curvature may be larger. Bounds that use
/// it have an assumed L; but a bound that uses the largest ratio of pairs in random directions has a wrong one as soon
/// as the curvature lies in few directions of many.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PowerIteration {
    /// L is at least this: the largest ratio.
    pub at_least: f64,
    /// |∇F(x + rv) − ∇F(x)|/r of every repetition; they depend on each other, and level off when converged.
    pub ratios: Vec<f64>,
}

/// L by power iteration on gradient differences: v ← (∇F(x + rv) − ∇F(x))/|…|, from a random direction.
///
/// Costs one gradient per repetition and one at the point. Give the gradient of the whole loss, or of the same samples
/// every time; 20 to 100 repetitions usually level off. The radius r is the length of the differences, in par: small
/// against the distance over which curvature changes, large enough that rounding (about 1e-16 |∇F|/r) does not show.
///
/// ```
/// use collapipe::bounds::estimate::smoothness_by_power_iteration;
/// // F = Σ a_i x_i²/2 in 100 coordinates, one of which is curved: L = 10.
/// let gradient = |x: &[f64]| x.iter().enumerate().map(|(i, x)| if i == 7 { 10.0 * x } else { 0.1 * x }).collect();
/// let found = smoothness_by_power_iteration(&[0.5; 100], 1e-3, 20, 1, gradient)?;
/// assert!((found.at_least - 10.0).abs() < 1e-6);
/// # Ok::<(), collapipe::bounds::BoundError>(())
/// ```
///
/// # Errors
/// [`BoundError::Field`] for an empty or non-finite point, a radius that is not positive, no repetitions, or gradients of
/// another length or that are not finite.
pub fn smoothness_by_power_iteration(
    at: &[f64],
    radius: f64,
    iterations: u64,
    seed: u64,
    mut gradient: impl FnMut(&[f64]) -> Vec<f64>,
) -> Result<PowerIteration, BoundError> {
    if at.is_empty() {
        return Err(FieldError::new("at", "a list of 0", "a list of at least 1").into());
    }
    finite_list("at", at, at.len())?;
    real("radius", radius, Range::Positive)?;
    count("iterations", iterations, MAX_ITERATIONS)?;
    let here = gradient(at);
    finite_list("gradient", &here, at.len())?;
    let mut random = Pcg64::seed_from_u64(seed);
    let mut direction: Vec<f64> = at.iter().map(|_| StandardNormal.sample(&mut random)).collect();
    normalize(&mut direction);
    let mut ratios = Vec::new();
    for _ in 0..iterations {
        let point: Vec<f64> = at.iter().zip(&direction).map(|(x, v)| x + radius * v).collect();
        // The step as it was rounded.
        let moved = point.iter().zip(at).map(|(y, x)| (y - x) * (y - x)).sum::<f64>().sqrt();
        if moved == 0.0 {
            let allowed = "larger: the point does not move at this precision";
            return Err(FieldError::new("radius", format!("{radius:?}"), allowed).into());
        }
        let there = gradient(&point);
        finite_list("gradient", &there, at.len())?;
        direction = there.iter().zip(&here).map(|(a, b)| a - b).collect();
        let change = normalize(&mut direction);
        ratios.push(super::finite("the estimate of L", change / moved)?);
        if change == 0.0 {
            break;
        }
    }
    Ok(PowerIteration { at_least: ratios.iter().copied().fold(0.0, f64::max), ratios })
}

/// Scales a vector to length 1 and returns the length it had; a zero vector stays.
fn normalize(vector: &mut [f64]) -> f64 {
    let length = vector.iter().map(|x| x * x).sum::<f64>().sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|x| *x /= length);
    }
    length
}

fn finite_list(path: &str, values: &[f64], expected: usize) -> Result<(), FieldError> {
    if values.len() != expected {
        return Err(FieldError::new(path, format!("a list of {}", values.len()), format!("a list of {expected}")));
    }
    match values.iter().position(|value| !value.is_finite()) {
        Some(i) => Err(FieldError::new(format!("{path}[{i}]"), format!("{:?}", values[i]), "a finite number")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bounds::estimate::{GradientPair, smoothness_from_gradients};

    /// A few curved directions among many: forty random pairs see a tenth of L, power iteration sees it.
    #[test]
    fn random_pairs_miss_what_power_iteration_finds() {
        let curvature = |i: usize| if i < 3 { [16.0, -12.0, 5.0][i] } else { 0.2 };
        let gradient = |x: &[f64]| -> Vec<f64> { x.iter().enumerate().map(|(i, x)| curvature(i) * x.sin()).collect() };
        let at = vec![0.0; 2000];
        let mut random = Pcg64::seed_from_u64(3);
        let points: Vec<Vec<f64>> = (0..40)
            .map(|_| (0..2000).map(|_| 1e-3 * Distribution::<f64>::sample(&StandardNormal, &mut random)).collect())
            .collect();
        let gradients: Vec<Vec<f64>> = points.iter().map(|x| gradient(x)).collect();
        let zero = vec![0.0; 2000];
        let pairs: Vec<GradientPair> = points
            .iter()
            .zip(&gradients)
            .map(|(x, g)| GradientPair { points: [&at, x], gradients: [&zero, g] })
            .collect();
        let of_pairs = smoothness_from_gradients(&pairs).unwrap().at_least;
        let found = smoothness_by_power_iteration(&at, 1e-3, 60, 5, gradient).unwrap();
        assert!(of_pairs < 2.0, "{of_pairs}");
        assert!(found.at_least > 15.99 && found.at_least <= 16.0, "{}", found.at_least);
    }

    #[test]
    fn bad_input() {
        let named = |result: Result<PowerIteration, BoundError>, path: &str| {
            let error = result.unwrap_err();
            assert!(matches!(&error, BoundError::Field(field) if field.path == path), "{error}");
        };
        let same = |x: &[f64]| x.to_vec();
        named(smoothness_by_power_iteration(&[], 1.0, 1, 1, same), "at");
        named(smoothness_by_power_iteration(&[f64::NAN], 1.0, 1, 1, same), "at[0]");
        named(smoothness_by_power_iteration(&[1.0], 0.0, 1, 1, same), "radius");
        named(smoothness_by_power_iteration(&[1e20], 1.0, 1, 1, same), "radius");
        named(smoothness_by_power_iteration(&[1.0], 1.0, 0, 1, same), "iterations");
        named(smoothness_by_power_iteration(&[1.0], 1.0, 1, 1, |_| vec![]), "gradient");
        named(smoothness_by_power_iteration(&[1.0], 1.0, 1, 1, |_| vec![f64::INFINITY]), "gradient[0]");
        // A flat loss: L ≥ 0, after one look.
        let flat = smoothness_by_power_iteration(&[1.0], 1.0, 5, 1, |_| vec![2.0]).unwrap();
        assert_eq!((flat.at_least, flat.ratios.len()), (0.0, 1));
    }
}
