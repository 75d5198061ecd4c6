//! Estimators against known truth.

use collapipe::bounds::BoundError;
use collapipe::bounds::estimate::{
    GradientPair, LossTriple, gradient_spread, gradient_variance, heterogeneity, smoothness_from_gradients,
    smoothness_from_losses,
};
use rand::{RngExt, SeedableRng};
use rand_distr::StandardNormal;
use rand_pcg::Pcg64;

/// `mean` + noise of total variance `variance`.
fn noisy(rng: &mut Pcg64, mean: &[f64], variance: f64) -> Vec<f64> {
    let each = (variance / mean.len() as f64).sqrt();
    mean.iter().map(|m| m + each * rng.sample::<f64, _>(StandardNormal)).collect()
}

/// F = Σ a_i x_i²/2: ratios lie between the least and the largest a; L = 5 is found along its own axis.
#[test]
fn smoothness_is_a_lower_estimate() {
    let mut rng = Pcg64::seed_from_u64(2026);
    let curvatures = [1.0, 2.0, 5.0];
    let gradient = |x: &[f64]| -> Vec<f64> { x.iter().zip(curvatures).map(|(x, a)| a * x).collect() };
    let points: Vec<Vec<f64>> = (0..200).map(|_| noisy(&mut rng, &[0.0; 3], 3.0)).collect();
    let gradients: Vec<Vec<f64>> = points.iter().map(|x| gradient(x)).collect();
    let pair = |i: usize, j: usize| GradientPair {
        points: [&points[i], &points[j]],
        gradients: [&gradients[i], &gradients[j]],
    };
    let few: Vec<GradientPair> = (0..5).map(|i| pair(2 * i, 2 * i + 1)).collect();
    let many: Vec<GradientPair> = (0..100).map(|i| pair(2 * i, 2 * i + 1)).collect();
    let (few, many) = (smoothness_from_gradients(&few).unwrap(), smoothness_from_gradients(&many).unwrap());
    assert!(1.0 < few.at_least && few.at_least <= many.at_least && many.at_least <= 5.0 * (1.0 + 1e-12));
    assert!(many.at_least > 4.9, "{}", many.at_least);
    // 1 − 0.05^(1/100), and 1 − 0.05 for one ratio.
    assert!((many.exceedance(0.95).unwrap() - 0.029_513_049_607).abs() < 1e-10);
    let along = [[0.0, 0.0, 0.0], [0.0, 0.0, 2.0]];
    let change = [[0.0, 0.0, 0.0], [0.0, 0.0, 10.0]];
    let axis = [GradientPair { points: [&along[0], &along[1]], gradients: [&change[0], &change[1]] }];
    let axis = smoothness_from_gradients(&axis).unwrap();
    assert_eq!(axis.at_least, 5.0);
    assert!((axis.exceedance(0.9).unwrap() - 0.9).abs() < 1e-15);
}

/// 1 − cos: |f''| ≤ 1, and near 0 the second difference comes close.
#[test]
fn smoothness_from_losses_alone() {
    let triple = |x: f64, h: f64| LossTriple { losses: [x - h, x, x + h].map(|x: f64| 1.0 - x.cos()), step_norm: h };
    let estimate = smoothness_from_losses(&[triple(1.5, 0.01), triple(0.0, 0.01), triple(3.0, 0.5)]).unwrap();
    assert!((0.9999..=1.0).contains(&estimate.at_least), "{}", estimate.at_least);
    // Concave counts, too.
    let concave = smoothness_from_losses(&[LossTriple { losses: [-2.0, 0.0, -2.0], step_norm: 1.0 }]).unwrap();
    assert_eq!(concave.at_least, 4.0);
}

/// (0, 0), (2, 0), (4, 0): variance 4. Without one of them 2, 8, 2: mean 4, squared standard error (2/3)(4 + 16 + 4) =
/// 16.
#[test]
fn variance_by_hand() {
    let estimate = gradient_variance(&[[0.0, 0.0], [2.0, 0.0], [4.0, 0.0]]).unwrap();
    assert!((estimate.value - 4.0).abs() < 1e-14);
    assert!((estimate.standard_error - 4.0).abs() < 1e-14);
    assert!((estimate.upper(0.5) - 6.0).abs() < 1e-14 && estimate.lower(2.0) == 0.0);
}

/// The interval of ± 1.96 standard errors holds the truth about 95 times in 100, and the mean estimate is the truth.
#[test]
fn variance_covers_the_truth() {
    let mut rng = Pcg64::seed_from_u64(7);
    let (trials, truth) = (1000, 6.0);
    let mut covered = 0;
    let mut sum = 0.0;
    for _ in 0..trials {
        let gradients: Vec<Vec<f64>> = (0..100).map(|_| noisy(&mut rng, &[1.0, -2.0, 0.5], truth)).collect();
        let estimate = gradient_variance(&gradients).unwrap();
        covered += usize::from(estimate.lower(1.96) <= truth && truth <= estimate.upper(1.96));
        sum += estimate.value;
    }
    assert!((900..=980).contains(&covered), "{covered} of {trials}");
    assert!((sum / f64::from(trials) - truth).abs() < 0.05, "{}", sum / f64::from(trials));
}

/// Clusters at (1, 0) and (−1, 2) with weights 1/4 and 3/4: mean (−1/2, 3/2), spread (1/4)(9/4 + 9/4) + (3/4)(1/4 +
/// 1/4) = 3/2,
/// |mean|² = 5/2.
#[test]
fn spread_is_unbiased_and_covered() {
    let weights = [0.25, 0.75];
    let means = [[1.0, 0.0], [-1.0, 2.0]];
    let exact: Vec<Vec<[f64; 2]>> = means.iter().map(|&mean| vec![mean; 3]).collect();
    let estimate = gradient_spread(&weights, &exact).unwrap();
    assert!((estimate.spread.value - 1.5).abs() < 1e-14 && estimate.spread.standard_error < 1e-14);
    assert!((estimate.gradient_norm_squared.value - 2.5).abs() < 1e-14);
    // The naive spread of four very noisy repetitions would be 1.5 + (3/16)(8 + 40)/4 = 3.75.
    let mut rng = Pcg64::seed_from_u64(11);
    let trials = 4000;
    let mut draw = |repetitions: usize, variances: [f64; 2]| {
        let cluster = |rng: &mut Pcg64, n: usize| -> Vec<Vec<f64>> {
            (0..repetitions).map(|_| noisy(rng, &means[n], variances[n])).collect()
        };
        let clusters = [cluster(&mut rng, 0), cluster(&mut rng, 1)];
        gradient_spread(&weights, &clusters).unwrap()
    };
    let mean = (0..trials).map(|_| draw(4, [8.0, 40.0]).spread.value).sum::<f64>() / f64::from(trials);
    assert!((mean - 1.5).abs() < 0.15, "{mean}");
    let trials = 600;
    let mut covered = [0; 2];
    for _ in 0..trials {
        let estimate = draw(60, [2.0, 3.0]);
        for (count, (estimate, truth)) in
            covered.iter_mut().zip([(estimate.spread, 1.5), (estimate.gradient_norm_squared, 2.5)])
        {
            *count += usize::from(estimate.lower(1.96) <= truth && truth <= estimate.upper(1.96));
        }
    }
    assert!(covered.iter().all(|count| (540..=590).contains(count)), "{covered:?} of {trials}");
}

/// The jackknife's closed form is that of leaving every gradient out and estimating again.
#[test]
fn standard_errors_are_those_of_leaving_out() {
    let mut rng = Pcg64::seed_from_u64(5);
    let weights = [0.2, 0.5, 0.3];
    let means = [[1.0, 0.0], [-1.0, 2.0], [0.0, 0.5]];
    let counts = [5, 7, 4];
    let clusters: Vec<Vec<Vec<f64>>> =
        (0..3).map(|n| (0..counts[n]).map(|_| noisy(&mut rng, &means[n], 2.0)).collect()).collect();
    let estimate = gradient_spread(&weights, &clusters).unwrap();
    let mut errors = [0.0; 2];
    for n in 0..3 {
        let m = counts[n] as f64;
        let left_out: Vec<[f64; 2]> = (0..counts[n])
            .map(|i| {
                let mut fewer = clusters.clone();
                fewer[n].remove(i);
                let estimate = gradient_spread(&weights, &fewer).unwrap();
                [estimate.spread.value, estimate.gradient_norm_squared.value]
            })
            .collect();
        for (k, error) in errors.iter_mut().enumerate() {
            let mean = left_out.iter().map(|x| x[k]).sum::<f64>() / m;
            *error += (m - 1.0) / m * left_out.iter().map(|x| (x[k] - mean).powi(2)).sum::<f64>();
        }
    }
    let found = [estimate.spread.standard_error, estimate.gradient_norm_squared.standard_error];
    for (found, expected) in found.into_iter().zip(errors) {
        assert!((found - expected.sqrt()).abs() < 1e-12 * found, "{found} instead of {}", expected.sqrt());
    }
}

/// ∇F_n − ∇F = ± ∇F/2 ± b at two points: with β² = 1 all of it counts, with β² = 5/4 only b.
#[test]
fn heterogeneity_goes_with_dissimilarity() {
    let weights = [0.5, 0.5];
    let point = |gradient: f64| {
        let clusters: Vec<Vec<[f64; 2]>> =
            [1.0, -1.0].iter().map(|sign| vec![[gradient * (1.0 + 0.5 * sign), sign * 0.3]; 3]).collect();
        gradient_spread(&weights, &clusters).unwrap()
    };
    let points = [point(2.0), point(0.0)];
    assert!((heterogeneity(&points, 1.0, 0.0).unwrap() - 1.09).abs() < 1e-12);
    assert!((heterogeneity(&points, 1.25, 0.0).unwrap() - 0.09).abs() < 1e-12);
}

#[test]
fn bad_input() {
    let refused = |error: BoundError, path: &str| {
        assert!(error.to_string().starts_with(&format!("{path} = ")), "{path} is not blamed in: {error}");
    };
    refused(smoothness_from_gradients(&[]).unwrap_err(), "pairs");
    let same = GradientPair { points: [&[1.0], &[1.0]], gradients: [&[1.0], &[2.0]] };
    refused(smoothness_from_gradients(&[same]).unwrap_err(), "pairs[0].points");
    let nan = GradientPair { points: [&[1.0], &[2.0]], gradients: [&[1.0], &[f64::NAN]] };
    refused(smoothness_from_gradients(&[nan]).unwrap_err(), "pairs[0].gradients[1][0]");
    let long = GradientPair { points: [&[1.0], &[2.0, 3.0]], gradients: [&[1.0], &[1.0]] };
    refused(smoothness_from_gradients(&[long]).unwrap_err(), "pairs[0].points[1]");
    let flat = LossTriple { losses: [0.0; 3], step_norm: 0.0 };
    refused(smoothness_from_losses(&[flat]).unwrap_err(), "triples[0].step_norm");
    refused(gradient_variance(&[[1.0], [2.0]]).unwrap_err(), "gradients");
    refused(gradient_variance(&[[], [], []] as &[[f64; 0]; 3]).unwrap_err(), "gradients[0]");
    refused(gradient_variance(&[vec![1.0], vec![1.0, 2.0], vec![3.0]]).unwrap_err(), "gradients[1]");
    refused(gradient_spread::<[f64; 1]>(&[1.0], &[]).unwrap_err(), "clusters");
    refused(gradient_spread(&[0.5, 0.6], &[vec![[1.0]; 3], vec![[1.0]; 3]]).unwrap_err(), "weights");
    let mixed = [vec![vec![1.0]; 3], vec![vec![1.0, 2.0]; 3]];
    refused(gradient_spread(&[0.5, 0.5], &mixed).unwrap_err(), "clusters[1][0]");
    refused(heterogeneity(&[], 1.0, 0.0).unwrap_err(), "points");
    let point = gradient_spread(&[1.0], &[vec![[1.0]; 3]]).unwrap();
    refused(heterogeneity(&[point], 0.5, 0.0).unwrap_err(), "dissimilarity");
    refused(heterogeneity(&[point], 1.0, f64::NAN).unwrap_err(), "standard_errors");
    let overflow = gradient_variance(&[[1e300], [-1e300], [0.0]]).unwrap_err();
    assert!(matches!(overflow, BoundError::Overflow { .. }), "{overflow}");
    assert!(
        smoothness_from_losses(&[LossTriple { losses: [0.0; 3], step_norm: 1.0 }]).unwrap().exceedance(1.0).is_err()
    );
}
