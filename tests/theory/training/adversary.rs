//! Adversarial search: problems, noise and ages that bring a bound's left side as close to its right side as possible.
//!
//! Nothing is simulated: the expectations are exact, from the moments of linear recursions (quadratic losses) or from
//! all outcomes of two-point noise (piecewise quadratic losses). A ratio measured/bound above 1 would refute a theorem.
//! The search is the (1+1) evolution strategy with covariance matrix adaptation (Igel, Suttorp and Hansen 2006).

use std::error::Error;

use super::adversary_pieces as pieces;
use super::adversary_problems::{self as problems, Reader};
use super::draw::Draw;

/// A ratio for the numbers in the reader; `None` where they are no problem of the theorem.
type Ratio = fn(&mut Reader<'_>, &mut Draw) -> Option<f64>;

/// What is searched, by theorem and family of problems.
pub const TARGETS: [(&str, &str, Ratio); 17] = [
    ("local-steps-sharp", "one cluster, quadratic", problems::sharp_one),
    ("local-steps-sharp", "one cluster, several steps, noise", problems::sharp_one_noisy),
    ("local-steps-sharp", "clusters, quadratic", problems::sharp_clusters),
    ("local-steps-sharp", "two clusters or more, several steps, noise", problems::sharp_clusters_noisy),
    ("local-steps-sharp", "piecewise quadratic", pieces::sharp_tree),
    ("local-steps-sharp-any-ages", "clusters, quadratic", problems::any_ages),
    ("local-steps-sharp-any-ages", "piecewise quadratic", pieces::any_ages_tree),
    ("local-steps-sharp-convex", "clusters, quadratic", problems::convex),
    ("local-steps-sharp-convex", "piecewise quadratic", pieces::convex_tree),
    ("partial-participation", "with replacement, quadratic", problems::with_replacement),
    ("partial-participation", "without replacement, quadratic", problems::without_replacement),
    ("partial-participation", "with replacement, what the draw costs", problems::with_replacement_apart),
    ("virtual-average", "clusters, quadratic", problems::virtual_average),
    ("virtual-average", "clusters that part, quadratic", problems::virtual_average_apart),
    ("pipeline-depth", "blocks of any ages, quadratic", problems::pipeline_depth),
    ("pipeline-depth", "ages that cost, quadratic", problems::pipeline_depth_old),
    ("compressed-activations", "bias and spread, quadratic", problems::compressed),
];

/// The largest ratio that was found.
pub struct Found {
    pub theorem: &'static str,
    pub family: &'static str,
    pub ratio: f64,
    pub problems: usize,
}

/// Searches target number `target`: so many starts, each with numbers of clusters, steps, rounds and ages of its own.
pub fn search(target: usize, seed: u64, starts: u64, evaluations: usize) -> Result<Found, Box<dyn Error>> {
    let (theorem, family, ratio) = *TARGETS.get(target).ok_or("no such target")?;
    let mut found = Found { theorem, family, ratio: 0.0, problems: 0 };
    for start in 0..starts {
        let stream = 100 + target as u64;
        let structure = seed.wrapping_add(start);
        // The same draws at every evaluation: the structure stays, the reader's numbers move.
        let mut valid = 0;
        let mut evaluate = |numbers: &[f64]| {
            let own = ratio(&mut Reader::new(numbers), &mut Draw::new(stream, structure));
            valid += usize::from(own.is_some());
            own.unwrap_or(0.0)
        };
        let best = maximize(&mut evaluate, evaluations, &mut Draw::new(stream + 500, structure));
        found.ratio = found.ratio.max(best);
        found.problems += valid;
    }
    if found.problems == 0 {
        return Err(format!("{theorem} ({family}): not one valid problem").into());
    }
    Ok(found)
}

/// Numbers a problem may use at most.
const DIMENSION: usize = 20;

fn maximize(evaluate: &mut impl FnMut(&[f64]) -> f64, evaluations: usize, draw: &mut Draw) -> f64 {
    let n = DIMENSION as f64;
    let mut at: Vec<f64> = (0..DIMENSION).map(|_| 1.5 * draw.normal()).collect();
    let mut best = evaluate(&at);
    // x = at + σ A z.
    let mut factor = vec![vec![0.0; DIMENSION]; DIMENSION];
    (0..DIMENSION).for_each(|i| factor[i][i] = 1.0);
    let (mut sigma, mut success) = (0.7_f64, 2.0 / 11.0);
    let (target, rate, damping) = (2.0 / 11.0, 1.0 / 12.0, 1.0 + 0.5 * n);
    let learning = 2.0 / (n * n + 6.0);
    for _ in 1..evaluations {
        let z: Vec<f64> = (0..DIMENSION).map(|_| draw.normal()).collect();
        let step: Vec<f64> = factor.iter().map(|row| row.iter().zip(&z).map(|(a, z)| a * z).sum()).collect();
        let next: Vec<f64> = at.iter().zip(&step).map(|(x, s)| x + sigma * s).collect();
        let value = evaluate(&next);
        let better = value > best;
        success = (1.0 - rate) * success + rate * f64::from(u8::from(value >= best));
        sigma = (sigma * ((success - target) / (1.0 - target) / damping).exp()).clamp(1e-9, 10.0);
        if value >= best {
            (at, best) = (next, value);
            if better && success < 0.44 {
                let length: f64 = z.iter().map(|z| z * z).sum();
                let keep = (1.0 - learning).sqrt();
                let gain = keep / length * ((1.0 + learning / (1.0 - learning) * length).sqrt() - 1.0);
                for (row, s) in factor.iter_mut().zip(&step) {
                    row.iter_mut().zip(&z).for_each(|(a, z)| *a = keep * *a + gain * s * z);
                }
            }
        }
    }
    best
}
