//! The bounds' constants from measured gradients and losses, each with its uncertainty.
//!
//! | constant | from | what it is |
//! |---|---|---|
//! | L | gradients at pairs of points, or losses at three points of a line | a **lower** estimate: the largest seen |
//! | L | power iteration on gradient differences | a **lower** estimate that finds the most curved direction |
//! | σ² | repeated stochastic gradients at one point | unbiased, for that point |
//! | ζ² | repeated stochastic gradients of every cluster at one point | unbiased, for that point |
//!
//! The theorems need σ² and ζ² that hold along the whole run: estimate at several points and take the largest upper
//! limit. Standard errors are those of the jackknife; a normal interval of ± 1.96 standard errors is asymptotic, in the
//! number of repetitions. No finite number of gradients gives an upper bound on L: see
//! [`SmoothnessEstimate::exceedance`].

pub use super::power_iteration::{PowerIteration, smoothness_by_power_iteration};
use super::{BoundError, check_dissimilarity, check_length, check_weights, finite};
use crate::problem::FieldError;

/// A number with its standard error.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Estimate {
    /// Unbiased; may be negative where the true value is near 0.
    pub value: f64,
    /// Standard error.
    pub standard_error: f64,
}

impl Estimate {
    /// Upper end of the normal interval of this many standard errors (1.96: 95 % two-sided), not below 0.
    #[must_use]
    pub fn upper(&self, standard_errors: f64) -> f64 {
        (self.value + standard_errors * self.standard_error).max(0.0)
    }

    /// Lower end of the normal interval, not below 0.
    #[must_use]
    pub fn lower(&self, standard_errors: f64) -> f64 {
        (self.value - standard_errors * self.standard_error).max(0.0)
    }
}

/// The largest ratio seen, in loss/par².
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct SmoothnessEstimate {
    /// L is at least this.
    pub at_least: f64,
    /// Number of ratios it is the largest of.
    pub ratios: usize,
}

impl SmoothnessEstimate {
    /// Largest share of further ratios above `at_least`, with the given confidence in (0, 1).
    ///
    /// If the ratios are independent draws, the share of the distribution above their largest is at most
    /// 1 − (1 − confidence)^(1/m) with that confidence, whatever the distribution (Wilks 1941). It says how rarely a
    /// similar pair would raise the estimate, not by how much.
    ///
    /// # Errors
    /// [`BoundError::Field`] for a confidence outside (0, 1).
    pub fn exceedance(&self, confidence: f64) -> Result<f64, BoundError> {
        if !(confidence > 0.0 && confidence < 1.0) {
            return Err(FieldError::new("confidence", format!("{confidence:?}"), "a number in (0, 1)").into());
        }
        Ok(-((-confidence).ln_1p() / self.ratios as f64).exp_m1())
    }
}

/// Gradients of one loss at two points.
#[derive(Clone, Copy, Debug)]
pub struct GradientPair<'a> {
    /// The two points.
    pub points: [&'a [f64]; 2],
    /// The gradients there: exact, or of the same samples at both (then of that sample's loss).
    pub gradients: [&'a [f64]; 2],
}

/// Losses at x − h, x, x + h.
#[derive(Clone, Copy, Debug)]
pub struct LossTriple {
    /// F(x − h), F(x), F(x + h).
    pub losses: [f64; 3],
    /// |h|, in par.
    pub step_norm: f64,
}

/// L from gradients: the largest |∇F(x) − ∇F(y)|/|x − y|.
///
/// ```
/// use collapipe::bounds::estimate::{GradientPair, smoothness_from_gradients};
/// // F = x² + 2y²: L = 4.
/// let pair = |x: &'static [f64; 2], g: &'static [f64; 2]| GradientPair { points: [&[0.0, 0.0], x], gradients: [&[0.0, 0.0], g] };
/// let estimate = smoothness_from_gradients(&[pair(&[1.0, 0.0], &[2.0, 0.0]), pair(&[0.0, 1.0], &[0.0, 4.0])])?;
/// assert_eq!(estimate.at_least, 4.0);
/// # Ok::<(), collapipe::bounds::BoundError>(())
/// ```
///
/// # Errors
/// [`BoundError::Field`] for no pairs, lists of unequal or zero length, numbers that are not finite, equal points.
pub fn smoothness_from_gradients(pairs: &[GradientPair<'_>]) -> Result<SmoothnessEstimate, BoundError> {
    at_least("pairs", pairs.len(), 1)?;
    let mut largest: f64 = 0.0;
    for (i, pair) in pairs.iter().enumerate() {
        let dimension = pair.points[0].len();
        at_least(&format!("pairs[{i}].points[0]"), dimension, 1)?;
        for side in 0..2 {
            vector(&format!("pairs[{i}].points[{side}]"), pair.points[side], dimension)?;
            vector(&format!("pairs[{i}].gradients[{side}]"), pair.gradients[side], dimension)?;
        }
        let distance = distance_squared(pair.points[0], pair.points[1]).sqrt();
        if distance == 0.0 {
            return Err(FieldError::new(format!("pairs[{i}].points"), "twice the same", "two different points").into());
        }
        let change = distance_squared(pair.gradients[0], pair.gradients[1]).sqrt();
        largest = largest.max(finite("the estimate of L", change / distance)?);
    }
    Ok(SmoothnessEstimate { at_least: largest, ratios: pairs.len() })
}

/// L from losses alone: the largest |F(x+h) − 2F(x) + F(x−h)|/|h|².
///
/// Losses carry rounding errors of about 1e-16 |F|, so |h| must not be so small that F(x+h) − F(x) has no digits.
///
/// # Errors
/// [`BoundError::Field`] for no triples, losses that are not finite, a step that is not positive.
pub fn smoothness_from_losses(triples: &[LossTriple]) -> Result<SmoothnessEstimate, BoundError> {
    at_least("triples", triples.len(), 1)?;
    let mut largest: f64 = 0.0;
    for (i, triple) in triples.iter().enumerate() {
        vector(&format!("triples[{i}].losses"), &triple.losses, 3)?;
        let step = triple.step_norm;
        if !(step.is_finite() && step > 0.0) {
            let path = format!("triples[{i}].step_norm");
            return Err(FieldError::new(path, format!("{step:?}"), "a finite number > 0").into());
        }
        let [minus, middle, plus] = triple.losses;
        let curvature = ((plus - middle) - (middle - minus)).abs() / step / step;
        largest = largest.max(finite("the estimate of L", curvature)?);
    }
    Ok(SmoothnessEstimate { at_least: largest, ratios: triples.len() })
}

/// σ² = E|g − E g|² at one point, from m ≥ 3 independent stochastic gradients there: Σ|g − ḡ|²/(m−1).
///
/// The variance of a batch of B samples, times B, is that of a sample.
///
/// # Errors
/// [`BoundError::Field`] for fewer than 3 gradients, unequal or zero length, numbers that are not finite.
pub fn gradient_variance<G: AsRef<[f64]>>(gradients: &[G]) -> Result<Estimate, BoundError> {
    let cluster = Repetitions::new("gradients", gradients, None)?;
    let m = cluster.count;
    let total: f64 = cluster.deviations.iter().sum();
    let value = finite("the variance", total / (m - 1.0))?;
    // Without gradient i the sum of squares is less by |g_i − ḡ|² m/(m−1).
    let left_out = cluster.deviations.iter().map(|d| (total - d * m / (m - 1.0)) / (m - 2.0));
    Ok(Estimate { value, standard_error: jackknife(left_out, m).sqrt() })
}

/// ζ²(θ) = Σ ρ_n |∇F_n − ∇F|² at one point, and |∇F|² there.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct HeterogeneityEstimate {
    /// Σ ρ_n |∇F_n − ∇F|², in loss²/par².
    pub spread: Estimate,
    /// |∇F|², in loss²/par².
    pub gradient_norm_squared: Estimate,
}

/// Spread of the clusters' gradients at one point, from m_n ≥ 3 independent stochastic gradients of every cluster.
///
/// The plain spread of mean gradients is too large by Σ ρ_n(1−ρ_n) σ_n²/m_n, and |Σ ρ_n ḡ_n|² by Σ ρ_n² σ_n²/m_n; both
/// are taken off. Give exact gradients three times each.
///
/// # Errors
/// [`BoundError::Field`] for weights that do not sum to 1, a wrong number of clusters, fewer than 3 gradients of one,
/// unequal or zero length, numbers that are not finite.
pub fn gradient_spread<G: AsRef<[f64]>>(
    weights: &[f64],
    clusters: &[Vec<G>],
) -> Result<HeterogeneityEstimate, BoundError> {
    check_weights(weights)?;
    check_length("clusters", clusters.len(), weights.len())?;
    let dimension = clusters.first().and_then(|gradients| gradients.first()).map(|g| g.as_ref().len());
    let parts: Vec<Repetitions> = clusters
        .iter()
        .enumerate()
        .map(|(n, gradients)| Repetitions::new(&format!("clusters[{n}]"), gradients, dimension))
        .collect::<Result<_, _>>()?;
    let mut mean = vec![0.0; parts.first().map_or(0, |part| part.mean.len())];
    for (&weight, part) in weights.iter().zip(&parts) {
        mean.iter_mut().zip(&part.mean).for_each(|(sum, value)| *sum += weight * value);
    }
    let norm = dot(&mean, &mean);
    let mut spread = 0.0;
    let mut norm_bias = 0.0;
    let mut spread_bias = 0.0;
    for (&weight, part) in weights.iter().zip(&parts) {
        spread += weight * distance_squared(&part.mean, &mean);
        let variance = part.deviations.iter().sum::<f64>() / (part.count - 1.0) / part.count;
        norm_bias += weight * weight * variance;
        spread_bias += weight * (1.0 - weight) * variance;
    }
    let mut errors = [0.0; 2];
    for ((&weight, part), gradients) in weights.iter().zip(&parts).zip(clusters) {
        let left_out =
            gradients.iter().zip(&part.deviations).map(|(g, d)| part.left_out(weight, g.as_ref(), *d, &mean));
        let (spreads, norms): (Vec<f64>, Vec<f64>) = left_out.unzip();
        errors[0] += jackknife(spreads.into_iter(), part.count);
        errors[1] += jackknife(norms.into_iter(), part.count);
    }
    Ok(HeterogeneityEstimate {
        spread: Estimate { value: finite("the spread", spread - spread_bias)?, standard_error: errors[0].sqrt() },
        gradient_norm_squared: Estimate {
            value: finite("the norm", norm - norm_bias)?,
            standard_error: errors[1].sqrt(),
        },
    })
}

/// Least ζ² that goes with β² at all the points: max of Σ ρ_n |∇F_n − ∇F|² − (β²−1)|∇F|², not below 0, with the upper
/// limit of each spread and the lower limit of each norm at this many `standard_errors`.
///
/// # Errors
/// [`BoundError::Field`] for no points, β² < 1, or `standard_errors` that is negative or not finite.
pub fn heterogeneity(
    points: &[HeterogeneityEstimate],
    dissimilarity: f64,
    standard_errors: f64,
) -> Result<f64, BoundError> {
    at_least("points", points.len(), 1)?;
    check_dissimilarity(dissimilarity)?;
    if !(standard_errors.is_finite() && standard_errors >= 0.0) {
        let value = format!("{standard_errors:?}");
        return Err(FieldError::new("standard_errors", value, "a finite number >= 0").into());
    }
    let needed = points.iter().map(|point| {
        point.spread.upper(standard_errors) - (dissimilarity - 1.0) * point.gradient_norm_squared.lower(standard_errors)
    });
    finite("the heterogeneity", needed.fold(0.0, f64::max))
}

/// Repeated stochastic gradients of one loss at one point.
struct Repetitions {
    /// m.
    count: f64,
    mean: Vec<f64>,
    /// |g_i − ḡ|².
    deviations: Vec<f64>,
}

impl Repetitions {
    fn new<G: AsRef<[f64]>>(path: &str, gradients: &[G], dimension: Option<usize>) -> Result<Self, BoundError> {
        at_least(path, gradients.len(), 3)?;
        let dimension = dimension.or_else(|| gradients.first().map(|g| g.as_ref().len())).unwrap_or(0);
        at_least(&format!("{path}[0]"), dimension, 1)?;
        let count = gradients.len() as f64;
        let mut mean = vec![0.0; dimension];
        for (i, gradient) in gradients.iter().enumerate() {
            vector(&format!("{path}[{i}]"), gradient.as_ref(), dimension)?;
            mean.iter_mut().zip(gradient.as_ref()).for_each(|(sum, value)| *sum += value / count);
        }
        let deviations = gradients.iter().map(|g| distance_squared(g.as_ref(), &mean)).collect();
        Ok(Self { count, mean, deviations })
    }

    /// The contribution to (spread, norm) that changes when gradient `g` is left out, up to a constant: the means move
    /// by (ḡ_n − g)/(m−1), and the bias corrections with the smaller sum of squares.
    fn left_out(&self, weight: f64, g: &[f64], deviation: f64, mean: &[f64]) -> (f64, f64) {
        let m = self.count;
        let shift: Vec<f64> = self.mean.iter().zip(g).map(|(mean, g)| (mean - g) / (m - 1.0)).collect();
        let length = dot(&shift, &shift);
        let sum: f64 = self.deviations.iter().sum();
        let variance = (sum - deviation * m / (m - 1.0)) / (m - 2.0) / (m - 1.0);
        let second_moment = weight * (2.0 * dot(&self.mean, &shift) + length);
        let norm = 2.0 * weight * dot(mean, &shift) + weight * weight * length;
        (second_moment - norm - weight * (1.0 - weight) * variance, norm - weight * weight * variance)
    }
}

/// ((m−1)/m) Σ (x_i − x̄)²: the squared standard error from the estimates that leave one repetition out.
fn jackknife(left_out: impl Iterator<Item = f64>, count: f64) -> f64 {
    let values: Vec<f64> = left_out.collect();
    let mean = values.iter().sum::<f64>() / count;
    (count - 1.0) / count * values.iter().map(|value| (value - mean).powi(2)).sum::<f64>()
}

fn at_least(path: &str, found: usize, least: usize) -> Result<(), FieldError> {
    if found >= least {
        return Ok(());
    }
    Err(FieldError::new(path, format!("a list of {found}"), format!("a list of at least {least}")))
}

fn vector(path: &str, values: &[f64], dimension: usize) -> Result<(), FieldError> {
    if values.len() != dimension {
        return Err(FieldError::new(path, format!("a list of {}", values.len()), format!("a list of {dimension}")));
    }
    match values.iter().position(|value| !value.is_finite()) {
        Some(i) => Err(FieldError::new(format!("{path}[{i}]"), format!("{:?}", values[i]), "a finite number")),
        None => Ok(()),
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

fn distance_squared(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| (x - y).powi(2)).sum()
}
