//! Theorem A2 by performance estimation: the best bound that its facts can give, for small schedules.
//!
//! # What is computed
//! The proof of theorem A2 uses of a round only inner products of expected gradients and of their fluctuations. The worst
//! round that these facts allow is a semidefinite program in the Gram matrices of
//!
//! * μ_{n,h} = E∇F_n(θ_{n,h}), all clusters together, and
//! * ∇F_n(θ_{n,h}) − μ_{n,h} (h ≥ 1) and the noises ξ_{n,h}, each cluster by itself (they are independent),
//!
//! with |∇F|² = G, bounded dissimilarity, E|ξ|² ≤ s², noises uncorrelated with the past and with each other,
//! Var ∇F_n(θ_h) ≤ L² Var θ_h, and E|∇F_n(θ_h) − ∇F_n(θ_j)|² ≤ L² E|θ_h − θ_j|² for every pair. It maximizes the round's
//! (F⁺ − F)/(ητ) ≤ −⟨∇F, h̃⟩ + (γ/2)E|Σ ρ_n d_n|². Any multipliers of the constraints prove c·g ≤ (F − F⁺)/(ητ) + e for *all*
//! |∇F|² = g, the linear form that is summed over the rounds, as in the proof of A2. Every step of that proof follows
//! from these constraints, so the program's optimum is never above A2.
//!
//! # What is trusted
//! Not the solver (the alternating direction method of multipliers on the dual, Wen, Goldfarb and Yin 2010). Its
//! multipliers are made feasible: those of inequalities are clipped, and where the slack matrix has a negative eigenvalue,
//! that is charged times a bound on the Gram matrices' traces from the theorem's own recursions. So what is returned is
//! a bound up to the rounding of an eigenvalue, however far the solver got.
//!
//! # Source
//! Ours; performance estimation is due to Drori and Teboulle 2014 and Taylor, Hendrickx and Glineur 2017.

use nalgebra::{Cholesky, DMatrix, DVector, SymmetricEigen};

use super::{BoundError, LocalSteps, StepModel};
use crate::ground::check::FieldError;

/// Largest Σ (2K_n + 1).
const MAX_ORDER: u64 = 40;
const ITERATIONS: usize = 4000;
/// How often the multipliers are made a bound.
const CHECK_EVERY: usize = 50;
/// Worst rounds asked for, each at the bound of the one before.
const POINTS: usize = 3;

/// A bound by performance estimation, in loss²/par².
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
#[non_exhaustive]
pub struct CertifiedBound {
    /// The bound on (1/R) Σ E|∇F(θ_r)|²; never above `sharp`.
    pub bound: f64,
    /// Theorem A2, gradients at current iterates.
    pub sharp: f64,
}

/// A linear functional of the Gram matrices: one symmetric matrix per block that it touches.
type Functional = Vec<(usize, DMatrix<f64>)>;

struct Row {
    of: Functional,
    /// Right side per unit of |∇F|², and constant.
    right: (f64, f64),
    equality: bool,
}

/// min ⟨cost, X⟩ subject to the rows, X positive semidefinite by blocks.
struct Program {
    sizes: Vec<usize>,
    cost: Vec<DMatrix<f64>>,
    rows: Vec<Row>,
}

/// Adds `weight`·|v|² for a vector given by its coefficients.
fn square(of: &mut Functional, block: usize, weight: f64, v: &DVector<f64>) {
    let own = v * v.transpose() * weight;
    match of.iter_mut().find(|(known, _)| *known == block) {
        Some((_, matrix)) => *matrix += own,
        None => of.push((block, own)),
    }
}

impl Program {
    /// Block 0: the expected gradients; block 1 + n: the fluctuations of cluster n.
    fn new(schedule: &LocalSteps) -> Self {
        let x = schedule.step_size * schedule.smoothness;
        let gamma = x * schedule.server_steps;
        let steps: Vec<usize> = schedule.local_steps.iter().map(|&steps| steps as usize).collect();
        let offsets: Vec<usize> = steps.iter().scan(0, |sum, k| Some(std::mem::replace(sum, *sum + k))).collect();
        let means: usize = steps.iter().sum();
        let mut sizes = vec![means];
        sizes.extend(steps.iter().map(|k| 2 * k - 1));
        let mut rows = Vec::new();
        let mut gradient = DVector::zeros(means);
        let mut direction = DVector::zeros(means);
        let mut cost: Vec<DMatrix<f64>> = sizes.iter().map(|&size| DMatrix::zeros(size, size)).collect();
        let mut apart: Functional = Vec::new();
        for (n, (&k, &offset)) in steps.iter().zip(&offsets).enumerate() {
            let (weight, block) = (schedule.weights[n], n + 1);
            let unit = |size: usize, i: usize| DVector::from_fn(size, |j, _| f64::from(u8::from(i == j)));
            let mean: Vec<DVector<f64>> = (0..k).map(|h| unit(means, offset + h)).collect();
            // Fluctuations of the gradients 1..k, then the noises 0..k.
            let size = 2 * k - 1;
            let wave: Vec<DVector<f64>> =
                (0..k).map(|h| if h == 0 { DVector::zeros(size) } else { unit(size, h - 1) }).collect();
            let noise: Vec<DVector<f64>> = (0..k).map(|h| unit(size, k - 1 + h)).collect();
            gradient += &mean[0] * weight;
            square(&mut apart, 0, weight, &mean[0]);
            let (mut drift, mut spread) = (vec![DVector::zeros(means)], vec![DVector::zeros(size)]);
            for h in 0..k {
                drift.push(&drift[h] - &mean[h] * x);
                spread.push(&spread[h] - (&wave[h] + &noise[h]) * x);
            }
            direction -= &drift[k] * (weight / (x * k as f64));
            let share = &spread[k] / (x * k as f64);
            cost[block] -= &share * share.transpose() * (0.5 * gamma * weight * weight);
            for h in 0..k {
                let mut own = Vec::new();
                square(&mut own, block, 1.0, &noise[h]);
                rows.push(Row { of: own, right: (0.0, schedule.noise_variance[n]), equality: false });
                let orthogonal = (1..=h).map(|j| &wave[j]).chain(noise.iter().take(h));
                for other in orthogonal {
                    let cross = &noise[h] * other.transpose();
                    let own = vec![(block, (&cross + cross.transpose()) * 0.5)];
                    rows.push(Row { of: own, right: (0.0, 0.0), equality: true });
                }
                if h > 0 {
                    let mut own = Vec::new();
                    square(&mut own, block, 1.0, &wave[h]);
                    square(&mut own, block, -1.0, &spread[h]);
                    rows.push(Row { of: own, right: (0.0, 0.0), equality: false });
                }
                for j in 0..h {
                    let mut own = Vec::new();
                    square(&mut own, 0, 1.0, &(&mean[h] - &mean[j]));
                    square(&mut own, block, 1.0, &(&wave[h] - &wave[j]));
                    square(&mut own, 0, -1.0, &(&drift[h] - &drift[j]));
                    square(&mut own, block, -1.0, &(&spread[h] - &spread[j]));
                    rows.push(Row { of: own, right: (0.0, 0.0), equality: false });
                }
            }
        }
        square(&mut apart, 0, -schedule.dissimilarity, &gradient);
        rows.push(Row { of: apart, right: (0.0, schedule.heterogeneity), equality: false });
        let mut norm = Vec::new();
        square(&mut norm, 0, 1.0, &gradient);
        rows.push(Row { of: norm, right: (1.0, 0.0), equality: true });
        let cross = &gradient * direction.transpose();
        cost[0] += (&cross + cross.transpose()) * 0.5 - &direction * direction.transpose() * (0.5 * gamma);
        let mut program = Self { sizes, cost, rows };
        program.normalize();
        program
    }

    /// Rows of norm 1.
    fn normalize(&mut self) {
        for row in &mut self.rows {
            let norm = row.of.iter().map(|(_, matrix)| matrix.norm_squared()).sum::<f64>().sqrt();
            if norm > 0.0 {
                row.of.iter_mut().for_each(|(_, matrix)| *matrix /= norm);
                row.right = (row.right.0 / norm, row.right.1 / norm);
            }
        }
    }

    /// cost − Σ y_i row_i, by blocks.
    fn slack(&self, y: &DVector<f64>) -> Vec<DMatrix<f64>> {
        let mut slack = self.cost.clone();
        for (row, y) in self.rows.iter().zip(y.iter()) {
            row.of.iter().for_each(|(block, matrix)| slack[*block] -= matrix * *y);
        }
        slack
    }

    fn values(&self, of: &[DMatrix<f64>]) -> DVector<f64> {
        let value = |row: &Row| row.of.iter().map(|(block, matrix)| matrix.dot(&of[*block])).sum::<f64>();
        DVector::from_iterator(self.rows.len(), self.rows.iter().map(value))
    }

    /// (share, charge) of multipliers: share·g ≤ (F − F⁺)/(ητ) + charge for every g, with `trace` bounding that of the Gram
    /// matrices at |∇F|² = `at`; it is concave in |∇F|², so at most trace·(1 + g/at).
    fn linear(&self, y: &DVector<f64>, trace: f64, at: f64) -> (f64, f64) {
        let clipped: Vec<f64> =
            self.rows.iter().zip(y.iter()).map(|(row, y)| if row.equality { *y } else { y.min(0.0) }).collect();
        let y = DVector::from_vec(clipped);
        let least = self.slack(&y).into_iter().map(|own| SymmetricEigen::new(own).eigenvalues.min());
        let missing = (-least.fold(0.0, f64::min) + 1e-13) * trace;
        let sums = self.rows.iter().zip(y.iter());
        let (share, constant) =
            sums.fold((0.0, 0.0), |sum, (row, y)| (sum.0 + y * row.right.0, sum.1 + y * row.right.1));
        (share - missing / at, missing - constant)
    }

    /// The least (gap + charge)/share among the multipliers on the solver's way, for |∇F|² = `at`.
    fn bound(&self, gap: f64, trace: f64, at: f64) -> f64 {
        let count = self.rows.len();
        let right = DVector::from_iterator(count, self.rows.iter().map(|row| row.right.0 * at + row.right.1));
        let product = |i: usize, j: usize| -> f64 {
            let pairs = self.rows[i].of.iter().flat_map(|one| self.rows[j].of.iter().map(move |two| (one, two)));
            pairs.filter(|(one, two)| one.0 == two.0).map(|(one, two)| one.1.dot(&two.1)).sum()
        };
        // Rows with a slack variable of their own have one more entry 1.
        let normal = DMatrix::from_fn(count, count, |i, j| {
            let own = if i != j {
                0.0
            } else if self.rows[i].equality {
                1e-12
            } else {
                1.0
            };
            product(i, j) + own
        });
        let Some(factor) = Cholesky::new(normal) else { return f64::INFINITY };
        let mut penalty = 1.0;
        let mut gram: Vec<DMatrix<f64>> = self.sizes.iter().map(|&size| DMatrix::identity(size, size) * at).collect();
        let mut dual: Vec<DMatrix<f64>> = self.sizes.iter().map(|&size| DMatrix::zeros(size, size)).collect();
        let mut room = DVector::from_element(count, 0.0);
        let mut dual_room = DVector::from_element(count, 0.0);
        let mut best = f64::INFINITY;
        for iteration in 1..=ITERATIONS {
            let inequality = |values: &DVector<f64>| {
                DVector::from_fn(count, |i, _| if self.rows[i].equality { 0.0 } else { values[i] })
            };
            let infeasible = self.values(&gram) + inequality(&room) - &right;
            let off: Vec<DMatrix<f64>> = dual.iter().zip(&self.cost).map(|(s, c)| s - c).collect();
            let y = -factor.solve(&(&infeasible * penalty + self.values(&off) + inequality(&dual_room)));
            let slack = self.slack(&y);
            let mut change = 0.0_f64;
            for ((own, gram), dual) in slack.into_iter().zip(&mut gram).zip(&mut dual) {
                let shifted = own - &*gram * penalty;
                let mut eigen = SymmetricEigen::new((&shifted + shifted.transpose()) * 0.5);
                eigen.eigenvalues.iter_mut().for_each(|value| *value = value.max(0.0));
                *dual = eigen.recompose();
                let next = (&*dual - shifted) / penalty;
                change += (&next - &*gram).norm_squared();
                *gram = next;
            }
            for i in (0..count).filter(|&i| !self.rows[i].equality) {
                let shifted = -y[i] - penalty * room[i];
                dual_room[i] = shifted.max(0.0);
                room[i] = (dual_room[i] - shifted) / penalty;
            }
            if iteration % CHECK_EVERY == 0 {
                let (share, charge) = self.linear(&y, trace, at);
                if share > 0.0 {
                    best = best.min((gap + charge) / share);
                }
                // Primal and dual residuals of the same size.
                let (primal, dual) = (infeasible.norm(), penalty * change.sqrt());
                if primal > 5.0 * dual {
                    penalty *= 1.5;
                } else if dual > 5.0 * primal {
                    penalty /= 1.5;
                }
            }
        }
        best
    }
}

impl LocalSteps {
    /// The bound by performance estimation, for gradients at current iterates; takes seconds.
    ///
    /// # Errors
    /// As [`LocalSteps::sharp`]; [`BoundError::Field`] where Σ (2K_n + 1) is above 40.
    pub fn certified(&self) -> Result<CertifiedBound, BoundError> {
        let sharp = self.sharp(StepModel::Current)?.bound;
        let order = self.local_steps.iter().map(|steps| 2 * steps + 1).fold(0, u64::saturating_add);
        if order > MAX_ORDER {
            let allowed = format!("numbers with sum of 2K+1 at most {MAX_ORDER} for performance estimation");
            let value = format!("a list with sum of 2K+1 = {order}");
            return Err(FieldError::new("local_steps", value, allowed).into());
        }
        // In units of the bound: the program is homogeneous.
        if sharp <= 0.0 || self.weights.iter().any(|weight| *weight <= 0.0) {
            return Ok(CertifiedBound { bound: sharp, sharp });
        }
        let scaled = Self {
            noise_variance: self.noise_variance.iter().map(|variance| variance / sharp).collect(),
            heterogeneity: self.heterogeneity / sharp,
            ..self.clone()
        };
        let gap = self.initial_gap / (self.step_size * self.server_steps * self.rounds as f64) / sharp;
        let program = Program::new(&scaled);
        let mut least = 1.0_f64;
        for _ in 0..POINTS {
            let at = least;
            let bound = program.bound(gap, scaled.trace(at), at);
            least = least.min(bound);
            if bound >= 0.999 * at {
                break;
            }
        }
        Ok(CertifiedBound { bound: least * sharp, sharp })
    }

    /// Bound on the sum of all squared lengths in the Gram matrices at |∇F|² = `at`; concave in it, as of theorem A2's
    /// kind.
    fn trace(&self, at: f64) -> f64 {
        let x = self.step_size * self.smoothness;
        let mut total = 0.0;
        for ((&weight, &variance), &steps) in self.weights.iter().zip(&self.noise_variance).zip(&self.local_steps) {
            let pull = ((self.dissimilarity * at + self.heterogeneity) / weight).sqrt();
            let (mut mean, mut spread, mut power) = (0.0_f64, 0.0, x * x * variance);
            for _ in 0..steps {
                let length = (mean * mean + spread).sqrt();
                total += (pull + length).powi(2) + spread + variance;
                mean += x * (pull + length);
                spread += power;
                power *= (1.0 + x) * (1.0 + x);
            }
        }
        total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(steps: u64, clusters: usize, step_size: f64) -> LocalSteps {
        LocalSteps {
            initial_gap: 1.0,
            step_size,
            server_steps: steps as f64,
            rounds: 20,
            smoothness: 1.0,
            weights: vec![1.0 / clusters as f64; clusters],
            noise_variance: vec![0.5; clusters],
            local_steps: vec![steps; clusters],
            heterogeneity: if clusters > 1 { 0.3 } else { 0.0 },
            dissimilarity: 1.0,
        }
    }

    /// One step: A2 is the exact worst case of its facts, so both agree.
    #[test]
    fn one_step_is_exact() {
        let found = schedule(1, 1, 0.3).certified().unwrap();
        assert!(found.bound <= found.sharp && found.bound > 0.9999 * found.sharp, "{found:?}");
    }

    /// Never above; below wherever there are several steps, but by less than two fifths.
    #[test]
    fn somewhat_below_the_sharp_bound() {
        for (steps, clusters, step_size, most) in [(2, 1, 0.2, 0.97), (4, 1, 0.1, 0.95), (2, 2, 0.1, 0.999)] {
            let found = schedule(steps, clusters, step_size).certified().unwrap();
            let ratio = found.bound / found.sharp;
            assert!(ratio < most && ratio > 0.6, "{steps} {clusters}: {ratio}");
        }
    }

    /// No quadratic of curvature L does worse than what is certified: exact moments of two rounds of two noisy steps.
    #[test]
    fn above_what_happens() {
        for (x, s2, start) in [(0.2, 0.5, 1.0), (0.5, 0.1, 2.0), (0.05, 2.0, 0.5_f64)] {
            let asked = LocalSteps {
                initial_gap: 0.5 * start * start,
                rounds: 2,
                noise_variance: vec![s2],
                ..schedule(2, 1, x)
            };
            let keep = (1.0 - x) * (1.0 - x);
            let second = keep * keep * start * start + x * x * s2 * (1.0 + keep);
            let measured = 0.5 * (start * start + second);
            let found = asked.certified().unwrap();
            assert!(measured <= found.bound, "{x}: {measured} {found:?}");
        }
    }

    #[test]
    fn refuses_what_is_too_large() {
        let error = schedule(20, 1, 0.01).certified().unwrap_err();
        assert!(matches!(&error, BoundError::Field(field) if field.path == "local_steps"), "{error}");
    }
}
