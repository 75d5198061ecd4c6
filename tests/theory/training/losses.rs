//! Losses of which every constant of the bounds is known.
//!
//! F_n(θ) = (1 + α_n) φ(θ) + b_n·θ with Σ ρ_n α_n = 0 and Σ ρ_n b_n = 0, so that F = φ, and
//! ∇F_n − ∇F = α_n ∇F + b_n. φ(θ) = Σ_i a_i f(θ_i) with f one of three shapes of f'' ≤ 1, f ≥ 0, f(0) = 0: L = a_max
//! max|1 + α_n| and F* = 0. With A = Σ ρ_n α_n² and Z = Σ ρ_n |b_n|²: ζ² = Z, β² − 1 = A where one of them is 0, and
//! twice both otherwise (|x + y|² ≤ 2|x|² + 2|y|²).

use super::draw::Draw;

#[derive(Clone, Copy, PartialEq)]
pub enum Shape {
    /// x²/2.
    Quadratic,
    /// 1 − cos x: not convex.
    Cosine,
    /// x²/(2(1 + x²)): not convex, f'' in [−1/4, 1].
    Rational,
}

impl Shape {
    fn value(self, x: f64) -> f64 {
        match self {
            Self::Quadratic => 0.5 * x * x,
            Self::Cosine => 1.0 - x.cos(),
            Self::Rational => 0.5 * x * x / (1.0 + x * x),
        }
    }

    fn slope(self, x: f64) -> f64 {
        match self {
            Self::Quadratic => x,
            Self::Cosine => x.sin(),
            Self::Rational => x / (1.0 + x * x).powi(2),
        }
    }

    /// sup |f'|; (1/√3)/(16/9) for the rational shape.
    pub fn steepest(self) -> f64 {
        match self {
            Self::Quadratic => f64::INFINITY,
            Self::Cosine => 1.0,
            Self::Rational => 9.0 / (16.0 * 3.0_f64.sqrt()),
        }
    }
}

/// How a gradient's noise of variance E|ξ|² = s² is distributed.
#[derive(Clone, Copy)]
pub enum Noise {
    Normal,
    /// Every coordinate ± s/√d.
    Signs,
    /// One coordinate ± s √20, once in 20 times.
    Spikes,
}

impl Noise {
    pub fn add(self, gradient: &mut [f64], std: f64, draw: &mut Draw) {
        let each = std / (gradient.len() as f64).sqrt();
        match self {
            Self::Normal => gradient.iter_mut().for_each(|g| *g += each * draw.normal()),
            Self::Signs => gradient.iter_mut().for_each(|g| *g += each * draw.sign()),
            Self::Spikes => {
                if draw.chance(0.05) {
                    let i = draw.integer(0, gradient.len() - 1);
                    gradient[i] += std * 20.0_f64.sqrt() * draw.sign();
                }
            }
        }
    }
}

pub struct Losses {
    pub shape: Shape,
    pub curvatures: Vec<f64>,
    pub weights: Vec<f64>,
    pub tilts: Vec<f64>,
    pub pulls: Vec<Vec<f64>>,
    pub noise: Noise,
}

impl Losses {
    /// Random losses; `tilt` below 1 bounds |α_n|.
    pub fn draw(draw: &mut Draw, shapes: &[Shape], clusters: usize, tilt: f64) -> Self {
        let dimension = draw.integer(1, 8);
        let weights = draw.weights(clusters);
        let mut tilts = vec![0.0; clusters];
        let mut pulls = vec![vec![0.0; dimension]; clusters];
        if clusters > 1 && draw.chance(0.5) {
            tilts.iter_mut().for_each(|t| *t = draw.uniform(-1.0, 1.0));
            center(&weights, &mut tilts);
            let largest = tilts.iter().fold(1e-9, |m: f64, t| m.max(t.abs()));
            let scale = draw.uniform(0.0, tilt) / largest;
            tilts.iter_mut().for_each(|t| *t *= scale);
        }
        if clusters > 1 && draw.chance(0.6) {
            let scale = draw.decades(-2.0, 0.5);
            for i in 0..dimension {
                let mut column: Vec<f64> = (0..clusters).map(|_| scale * draw.normal()).collect();
                center(&weights, &mut column);
                pulls.iter_mut().zip(column).for_each(|(pull, value)| pull[i] = value);
            }
        }
        let shape = draw.pick(shapes);
        let curvatures = (0..dimension).map(|_| draw.decades(-1.5, 0.0)).collect();
        let noise = draw.pick(&[Noise::Normal, Noise::Signs, Noise::Spikes]);
        Self { shape, curvatures, weights, tilts, pulls, noise }
    }

    /// Makes the weights equal; factors and pulls are centred anew.
    pub fn equalize(&mut self) {
        let clusters = self.weights.len();
        self.weights = vec![1.0 / clusters as f64; clusters];
        center(&self.weights, &mut self.tilts);
        for i in 0..self.dimension() {
            let mut column: Vec<f64> = self.pulls.iter().map(|pull| pull[i]).collect();
            center(&self.weights, &mut column);
            self.pulls.iter_mut().zip(column).for_each(|(pull, value)| pull[i] = value);
        }
    }

    pub fn dimension(&self) -> usize {
        self.curvatures.len()
    }

    pub fn smoothness(&self) -> f64 {
        self.largest(&self.curvatures) * self.tilts.iter().fold(1.0, |m: f64, t| m.max((1.0 + t).abs()))
    }

    pub fn largest(&self, values: &[f64]) -> f64 {
        values.iter().fold(0.0, |m: f64, v| m.max(v.abs()))
    }

    /// (ζ², β²).
    pub fn heterogeneity(&self) -> (f64, f64) {
        let mean = |of: &dyn Fn(usize) -> f64| -> f64 { self.weights.iter().enumerate().map(|(n, w)| w * of(n)).sum() };
        let tilt = mean(&|n| self.tilts[n] * self.tilts[n]);
        let pull = mean(&|n| norm_squared(&self.pulls[n]));
        let both = if tilt > 0.0 && pull > 0.0 { 2.0 } else { 1.0 };
        (both * pull, 1.0 + both * tilt)
    }

    /// F(θ) = φ(θ).
    pub fn value(&self, theta: &[f64]) -> f64 {
        theta.iter().zip(&self.curvatures).map(|(&x, a)| a * self.shape.value(x)).sum()
    }

    /// |∇F(θ)|².
    pub fn gradient_norm_squared(&self, theta: &[f64]) -> f64 {
        theta.iter().zip(&self.curvatures).map(|(&x, a)| (a * self.shape.slope(x)).powi(2)).sum()
    }

    /// ∇F_n(θ).
    pub fn gradient(&self, n: usize, theta: &[f64], out: &mut [f64]) {
        for i in 0..theta.len() {
            out[i] = (1.0 + self.tilts[n]) * self.curvatures[i] * self.shape.slope(theta[i]) + self.pulls[n][i];
        }
    }

    /// sup |∇F_n| over all n and θ.
    pub fn steepest(&self) -> f64 {
        let slope = self.shape.steepest() * norm_squared(&self.curvatures).sqrt();
        let of = |n: usize| (1.0 + self.tilts[n]).abs() * slope + norm_squared(&self.pulls[n]).sqrt();
        (0..self.weights.len()).map(of).fold(0.0, f64::max)
    }

    /// A start: near the optimum, or far away.
    pub fn start(&self, draw: &mut Draw) -> Vec<f64> {
        let scale = draw.decades(-2.0, 0.5);
        (0..self.dimension()).map(|_| scale * draw.normal()).collect()
    }
}

pub fn norm_squared(vector: &[f64]) -> f64 {
    vector.iter().map(|x| x * x).sum()
}

/// Makes the weighted mean 0.
fn center(weights: &[f64], values: &mut [f64]) {
    let mean: f64 = weights.iter().zip(values.iter()).map(|(w, v)| w * v).sum();
    values.iter_mut().for_each(|v| *v -= mean);
}
