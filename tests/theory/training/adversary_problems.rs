//! The adversary's problems: numbers become losses, noise and ages, and the exact ratio of a theorem's two sides.

use collapipe::bounds::{
    Boundary, CompressedActivations, LocalSteps, PartialParticipation, PipelineDepth, Sampling, StepModel,
    VirtualAverage,
};

use super::draw::Draw;

/// The numbers of the search, read one after the other.
pub struct Reader<'a> {
    numbers: std::iter::Copied<std::slice::Iter<'a, f64>>,
}

impl<'a> Reader<'a> {
    pub fn new(numbers: &'a [f64]) -> Self {
        Self { numbers: numbers.iter().copied() }
    }

    fn number(&mut self) -> f64 {
        self.numbers.next().unwrap_or(0.0)
    }

    pub fn range(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) / (1.0 + (-2.0 * self.number()).exp())
    }

    /// e^range.
    pub fn scale(&mut self, low: f64, high: f64) -> f64 {
        self.range(low, high).exp()
    }
}

/// One coordinate of F_n(θ) = Σ_i ½ a_n θ_i² + b_n θ_i, with Σ ρ_n b_n = 0.
struct Coordinate {
    slopes: Vec<f64>,
    pulls: Vec<f64>,
    start: f64,
    /// Of the noise's variance.
    share: f64,
    /// Iterate that step h sees.
    seen: Vec<usize>,
}

struct Quadratic {
    weights: Vec<f64>,
    coordinates: Vec<Coordinate>,
    schedule: LocalSteps,
}

struct Kind {
    clusters: usize,
    most_steps: usize,
    convex: bool,
    stale: bool,
    equal_slopes: bool,
    equal_weights: bool,
}

const PLAIN: Kind =
    Kind { clusters: 3, most_steps: 6, convex: false, stale: false, equal_slopes: false, equal_weights: false };

impl Quadratic {
    fn read(reader: &mut Reader<'_>, draw: &mut Draw, kind: &Kind) -> Option<Self> {
        let clusters = draw.integer(1.min(kind.clusters), kind.clusters);
        let steps = draw.integer(1, kind.most_steps);
        let dimension = if clusters == 1 { draw.integer(1, 3) } else { draw.integer(1, 2) };
        let rounds = draw.integer(1, 30) as u64;
        let ages: Vec<Vec<usize>> = (0..dimension)
            .map(|_| (0..steps).map(|h| if kind.stale { draw.integer(0, h) } else { h }).collect())
            .collect();
        let step = reader.range(0.0, 1.0);
        let server = reader.range(0.1, 1.5);
        let split = reader.scale(-3.0, 3.0);
        let noise_variance: Vec<f64> = (0..clusters).map(|_| reader.scale(-12.0, 4.0)).collect();
        let raw: Vec<f64> =
            (0..clusters).map(|_| if kind.equal_weights { 1.0 } else { reader.scale(-3.0, 0.0) }).collect();
        let sum: f64 = raw.iter().sum();
        let weights: Vec<f64> = raw.iter().map(|weight| weight / sum).collect();
        let mut coordinates = Vec::new();
        for seen in ages {
            let common = reader.range(0.0, 1.0);
            let low = if kind.convex { 0.0 } else { -1.0 };
            let slopes =
                (0..clusters).map(|_| if kind.equal_slopes { common } else { reader.range(low, 1.0) }).collect();
            let size = reader.scale(-8.0, 2.0);
            let mut pulls: Vec<f64> =
                (0..clusters).map(|n| if n == 0 { size } else { -size * reader.range(-1.0, 1.0) }).collect();
            let mean: f64 = pulls.iter().zip(&weights).map(|(b, w)| b * w).sum();
            pulls.iter_mut().for_each(|b| *b -= mean);
            let start = reader.scale(-4.0, 3.0);
            let share = reader.range(0.0, 1.0);
            coordinates.push(Coordinate { slopes, pulls, start, share, seen });
        }
        let total: f64 = coordinates.iter().map(|own| own.share).sum();
        coordinates.iter_mut().for_each(|own| own.share /= total);
        let mut own = Self {
            schedule: LocalSteps {
                initial_gap: 0.0,
                step_size: step,
                server_steps: server * steps as f64,
                rounds,
                smoothness: 0.0,
                weights: weights.clone(),
                noise_variance,
                local_steps: vec![steps as u64; clusters],
                heterogeneity: 0.0,
                dissimilarity: 1.0,
            },
            weights,
            coordinates,
        };
        own.constants(split)?;
        Some(own)
    }

    fn mean(&self, of: impl Fn(usize) -> f64) -> f64 {
        self.weights.iter().enumerate().map(|(n, weight)| weight * of(n)).sum()
    }

    /// L, Δ, ζ², β²: 2Cθ ≤ |C|(tθ² + 1/t) splits what slopes and pulls have in common.
    fn constants(&mut self, split: f64) -> Option<()> {
        let (mut smoothness, mut gap, mut zeta, mut beta) = (0.0_f64, 0.0, 0.0, 0.0_f64);
        for own in &self.coordinates {
            let slope = self.mean(|n| own.slopes[n]);
            if slope < 1e-3 {
                return None;
            }
            smoothness = own.slopes.iter().fold(smoothness, |most, a| most.max(a.abs()));
            gap += 0.5 * slope * own.start * own.start;
            let both = self.mean(|n| (own.slopes[n] - slope) * own.pulls[n]).abs();
            zeta += self.mean(|n| own.pulls[n] * own.pulls[n]) + both / split;
            beta = beta.max((self.mean(|n| (own.slopes[n] - slope).powi(2)) + both * split) / (slope * slope));
        }
        let schedule = &mut self.schedule;
        (schedule.smoothness, schedule.initial_gap) = (smoothness, gap);
        (schedule.heterogeneity, schedule.dissimilarity) = (zeta, 1.0 + beta);
        Some(())
    }

    /// The mean of E|∇F|² over the rounds' starts, with the sampling factor φ.
    fn measured(&self, factor: f64) -> f64 {
        let (schedule, mut total) = (&self.schedule, 0.0);
        for own in &self.coordinates {
            let slope = self.mean(|n| own.slopes[n]);
            let steps = own.seen.len() as f64;
            let paths: Vec<Path> = (0..self.weights.len()).map(|n| self.path(own, n)).collect();
            let move_of = |n: usize| ((paths[n].last().0 - 1.0) / steps, paths[n].last().1 / steps);
            let variance = |n: usize| schedule.noise_variance[n] * own.share * paths[n].last().2 / (steps * steps);
            let (p, q) = (self.mean(|n| move_of(n).0), self.mean(|n| move_of(n).1));
            let tau = schedule.server_steps;
            let noise = self.mean(|n| (self.weights[n] + factor * (1.0 - self.weights[n])) * variance(n));
            let (mut first, mut second) = (own.start, own.start * own.start);
            for _ in 0..schedule.rounds {
                total += slope * slope * second;
                let keep = 1.0 + tau * p;
                let apart = self.mean(|n| {
                    let (dp, dq) = (move_of(n).0 - p, move_of(n).1 - q);
                    dp * dp * second + 2.0 * dp * dq * first + dq * dq
                });
                second =
                    keep * keep * second + 2.0 * keep * tau * q * first + tau * tau * (q * q + noise + factor * apart);
                first = keep * first + tau * q;
            }
        }
        total / schedule.rounds as f64
    }

    fn path(&self, own: &Coordinate, n: usize) -> Path {
        Path::new(own.slopes[n], own.pulls[n], self.schedule.step_size, &own.seen)
    }

    /// The mean of E|∇F(θ̄)|² over all steps of plain federated averaging.
    fn measured_average(&self) -> f64 {
        let (schedule, mut total) = (&self.schedule, 0.0);
        for own in &self.coordinates {
            let slope = self.mean(|n| own.slopes[n]);
            let paths: Vec<Path> = (0..self.weights.len()).map(|n| self.path(own, n)).collect();
            let (mut first, mut second) = (own.start, own.start * own.start);
            for _ in 0..schedule.rounds {
                let moments: Vec<(f64, f64)> = (0..=own.seen.len())
                    .map(|h| {
                        let (p, q) = (self.mean(|n| paths[n].iterates[h].0), self.mean(|n| paths[n].iterates[h].1));
                        let noise = |n: usize| {
                            self.weights[n] * schedule.noise_variance[n] * own.share * paths[n].iterates[h].2
                        };
                        (p * first + q, p * p * second + 2.0 * p * q * first + q * q + self.mean(noise))
                    })
                    .collect();
                total += slope * slope * moments[..own.seen.len()].iter().map(|moment| moment.1).sum::<f64>();
                (first, second) = moments[own.seen.len()];
            }
        }
        total / (schedule.rounds * schedule.local_steps[0]) as f64
    }
}

/// θ_h = p θ_0 + q + noise: (p, q, Σ c²) of every iterate.
struct Path {
    iterates: Vec<(f64, f64, f64)>,
}

impl Path {
    fn new(slope: f64, pull: f64, step_size: f64, seen: &[usize]) -> Self {
        let mut points = vec![(1.0, 0.0, vec![0.0; seen.len()])];
        for (h, &j) in seen.iter().enumerate() {
            let (p, q, mut c) = points[h].clone();
            let (py, qy, cy) = &points[j];
            c.iter_mut().zip(cy).for_each(|(c, y)| *c -= step_size * slope * y);
            c[h] -= step_size;
            points.push((p - step_size * slope * py, q - step_size * (slope * qy + pull), c));
        }
        let squares = |c: Vec<f64>| c.iter().map(|c| c * c).sum();
        Self { iterates: points.into_iter().map(|(p, q, c)| (p, q, squares(c))).collect() }
    }

    fn last(&self) -> (f64, f64, f64) {
        self.iterates[self.iterates.len() - 1]
    }
}

fn sharp(reader: &mut Reader<'_>, draw: &mut Draw, kind: &Kind, model: StepModel) -> Option<f64> {
    let mut own = Quadratic::read(reader, draw, kind)?;
    own.schedule.step_size *= 0.999 * own.schedule.largest_sharp_step_size(model).ok()?;
    Some(own.measured(0.0) / own.schedule.sharp(model).ok()?.bound)
}

pub fn sharp_one(reader: &mut Reader<'_>, draw: &mut Draw) -> Option<f64> {
    sharp(reader, draw, &Kind { clusters: 1, ..PLAIN }, StepModel::Current)
}

/// At least two steps, and noise that is a tenth of the bound at least.
pub fn sharp_one_noisy(reader: &mut Reader<'_>, draw: &mut Draw) -> Option<f64> {
    noisy(Quadratic::read(reader, draw, &Kind { clusters: 1, ..PLAIN })?)
}

/// The same of at least two clusters.
pub fn sharp_clusters_noisy(reader: &mut Reader<'_>, draw: &mut Draw) -> Option<f64> {
    let own = Quadratic::read(reader, draw, &PLAIN)?;
    if own.weights.len() > 1 { noisy(own) } else { None }
}

fn noisy(mut own: Quadratic) -> Option<f64> {
    own.schedule.step_size *= 0.999 * own.schedule.largest_sharp_step_size(StepModel::Current).ok()?;
    let bound = own.schedule.sharp(StepModel::Current).ok()?;
    let noisy = bound.terms.noise + bound.terms.drift >= 0.1 * bound.bound;
    (own.schedule.local_steps[0] > 1 && noisy).then(|| own.measured(0.0) / bound.bound)
}

pub fn sharp_clusters(reader: &mut Reader<'_>, draw: &mut Draw) -> Option<f64> {
    sharp(reader, draw, &PLAIN, StepModel::Current)
}

pub fn any_ages(reader: &mut Reader<'_>, draw: &mut Draw) -> Option<f64> {
    sharp(reader, draw, &Kind { stale: true, ..PLAIN }, StepModel::AnyAges)
}

pub fn convex(reader: &mut Reader<'_>, draw: &mut Draw) -> Option<f64> {
    sharp(reader, draw, &Kind { convex: true, ..PLAIN }, StepModel::Convex)
}

fn sampled(reader: &mut Reader<'_>, draw: &mut Draw, sampling: Sampling, least: f64) -> Option<f64> {
    let equal_weights = sampling == Sampling::WithoutReplacement;
    let own = Quadratic::read(reader, draw, &Kind { equal_weights, ..PLAIN })?;
    let clusters = own.weights.len();
    let participants = draw.integer(1, clusters);
    let factor = match sampling {
        Sampling::WithReplacement => 1.0 / participants as f64,
        Sampling::WithoutReplacement if clusters == 1 => 0.0,
        Sampling::WithoutReplacement => (clusters - participants) as f64 / (participants * (clusters - 1)) as f64,
    };
    let share = own.schedule.step_size;
    let mut own = own;
    own.schedule.step_size = 1e-9;
    let mut asked =
        PartialParticipation { participants: participants as u64, sampling, schedule: own.schedule.clone() };
    let largest = asked.sharp(StepModel::Current).ok()?.largest_step_size;
    own.schedule.step_size = 0.999 * share * largest;
    asked.schedule.step_size = own.schedule.step_size;
    let bound = asked.sharp(StepModel::Current).ok()?;
    (bound.sampling >= least * bound.bound).then(|| own.measured(factor) / bound.bound)
}

/// Where a tenth of the bound at least is due to the draw.
pub fn with_replacement_apart(reader: &mut Reader<'_>, draw: &mut Draw) -> Option<f64> {
    sampled(reader, draw, Sampling::WithReplacement, 0.1)
}

pub fn with_replacement(reader: &mut Reader<'_>, draw: &mut Draw) -> Option<f64> {
    sampled(reader, draw, Sampling::WithReplacement, 0.0)
}

pub fn without_replacement(reader: &mut Reader<'_>, draw: &mut Draw) -> Option<f64> {
    sampled(reader, draw, Sampling::WithoutReplacement, 0.0)
}

pub fn virtual_average(reader: &mut Reader<'_>, draw: &mut Draw) -> Option<f64> {
    average(reader, draw, 1.0)
}

/// Where the clusters' spread makes up a tenth of the bound at least.
pub fn virtual_average_apart(reader: &mut Reader<'_>, draw: &mut Draw) -> Option<f64> {
    average(reader, draw, 1.1)
}

fn average(reader: &mut Reader<'_>, draw: &mut Draw, least: f64) -> Option<f64> {
    let convex = draw.chance(0.3);
    let kind = Kind { equal_slopes: true, convex, ..PLAIN };
    let mut own = Quadratic::read(reader, draw, &kind)?;
    own.schedule.step_size /= own.schedule.smoothness;
    let schedule = &own.schedule;
    let asked = VirtualAverage {
        initial_gap: schedule.initial_gap,
        step_size: schedule.step_size,
        rounds: schedule.rounds,
        local_steps: schedule.local_steps[0],
        smoothness: schedule.smoothness,
        weights: schedule.weights.clone(),
        noise_variance: schedule.noise_variance.clone(),
        heterogeneity: schedule.heterogeneity,
        convex,
    };
    let bound = asked.bound().ok()?;
    (bound.bound >= least * bound.without_spread).then(|| own.measured_average() / bound.bound)
}

/// θ_h of each block, all of them seen at their own ages, which change from step to step.
pub fn pipeline_depth(reader: &mut Reader<'_>, draw: &mut Draw) -> Option<f64> {
    depth(reader, draw, 0.0)
}

/// Where a tenth of the bound at least is due to the ages.
pub fn pipeline_depth_old(reader: &mut Reader<'_>, draw: &mut Draw) -> Option<f64> {
    depth(reader, draw, 0.1)
}

fn depth(reader: &mut Reader<'_>, draw: &mut Draw, least: f64) -> Option<f64> {
    let (steps, blocks, largest_age) = (draw.integer(1, 40), draw.integer(1, 3), draw.integer(0, 5));
    let ages: Vec<Vec<usize>> =
        (0..blocks).map(|_| (0..steps).map(|h| h - draw.integer(0, largest_age).min(h)).collect()).collect();
    let share = reader.range(0.0, 1.0);
    let update_variance = reader.scale(-12.0, 4.0);
    let slopes: Vec<f64> = (0..blocks).map(|_| reader.range(0.0, 1.0)).collect();
    let starts: Vec<f64> = (0..blocks).map(|_| reader.scale(-4.0, 3.0)).collect();
    let smoothness = slopes.iter().fold(0.0_f64, |most, a| most.max(*a)).max(1e-6);
    let mut asked = PipelineDepth {
        initial_gap: slopes.iter().zip(&starts).map(|(a, x)| 0.5 * a * x * x).sum(),
        step_size: 1e-9,
        steps: steps as u64,
        smoothness,
        update_variance,
        largest_age: largest_age as u64,
    };
    asked.step_size = 0.999 * share * asked.bound().ok()?.largest_step_size;
    let raw: Vec<f64> = (0..blocks).map(|_| reader.range(0.0, 1.0)).collect();
    let total: f64 = raw.iter().sum();
    let mut measured = 0.0;
    for (b, seen) in ages.iter().enumerate() {
        let path = Path::new(slopes[b], 0.0, asked.step_size, seen);
        for (p, _, noise) in &path.iterates[..steps] {
            let second = (p * starts[b]).powi(2) + noise * update_variance * raw[b] / total;
            measured += slopes[b] * slopes[b] * second / steps as f64;
        }
    }
    let bound = asked.bound().ok()?;
    (bound.staleness >= least * bound.bound).then(|| measured / bound.bound)
}

/// A constant error and a random one, which adds to the noise.
pub fn compressed(reader: &mut Reader<'_>, draw: &mut Draw) -> Option<f64> {
    let steps = draw.integer(1, 60) as u64;
    let step_size = reader.range(0.0, 1.0);
    let slope = reader.range(0.0, 1.0);
    let error = reader.scale(-6.0, 3.0);
    let angle = reader.range(0.0, std::f64::consts::FRAC_PI_2);
    let variance = reader.scale(-12.0, 4.0);
    let start = reader.range(-1.0, 1.0) * reader.scale(-4.0, 3.0);
    let asked = CompressedActivations {
        initial_gap: 0.5 * slope * start * start,
        step_size,
        steps,
        smoothness: 1.0,
        sample_variance: variance,
        batch_size: 1,
        boundaries: vec![Boundary { sensitivity: 1.0, error_norm: error }],
    };
    let (bias, spread) = (error * angle.cos(), (variance.sqrt() + error * angle.sin()).powi(2));
    let (mut first, mut second, mut total) = (start, start * start, 0.0);
    for _ in 0..steps {
        total += slope * slope * second;
        let keep = 1.0 - step_size * slope;
        second = keep * keep * second - 2.0 * keep * step_size * bias * first
            + step_size * step_size * (bias * bias + spread);
        first = keep * first - step_size * bias;
    }
    Some(total / steps as f64 / asked.bound().ok()?.sharp)
}
