//! The adversary's losses that are not quadratic: piecewise quadratic ones of one variable, with all outcomes of two-point
//! noise.

use collapipe::bounds::{LocalSteps, StepModel};

use super::adversary_problems::Reader;
use super::draw::Draw;

/// A loss of one variable with a piecewise linear derivative: knots at −3..3, slopes of at most 1, slope 1 outside.
struct Pieces {
    derivatives: [f64; 7],
}

impl Pieces {
    fn read(reader: &mut Reader<'_>, low: f64) -> Self {
        let mut value = reader.range(-3.0, 3.0);
        Self {
            derivatives: std::array::from_fn(|_| {
                let own = value;
                value += reader.range(low, 1.0);
                own
            }),
        }
    }

    fn derivative(&self, x: f64) -> f64 {
        if x <= -3.0 {
            return self.derivatives[0] + x + 3.0;
        }
        if x >= 3.0 {
            return self.derivatives[6] + x - 3.0;
        }
        let left = ((x + 3.0).floor() as usize).min(5);
        let part = x + 3.0 - left as f64;
        self.derivatives[left] * (1.0 - part) + self.derivatives[left + 1] * part
    }

    /// F(x) − F(−3): trapezoids are exact between knots.
    fn value(&self, x: f64) -> f64 {
        let mut total = 0.0;
        let mut at = -3.0;
        if x > -3.0 {
            while at + 1.0 < x.min(3.0) {
                total += 0.5 * (self.derivative(at) + self.derivative(at + 1.0));
                at += 1.0;
            }
            let end = x.min(3.0);
            total += 0.5 * (self.derivative(at) + self.derivative(end)) * (end - at);
            at = end;
        }
        total + 0.5 * (self.derivative(at) + self.derivative(x)) * (x - at)
    }

    /// The least value: at a knot, or where the derivative vanishes.
    fn least(&self) -> f64 {
        let mut candidates: Vec<f64> = (-3..=3).map(f64::from).collect();
        candidates.extend([-3.0 - self.derivatives[0].max(0.0), 3.0 - self.derivatives[6].min(0.0)]);
        for (k, pair) in self.derivatives.windows(2).enumerate() {
            if pair[0] < 0.0 && pair[1] > 0.0 {
                candidates.push(k as f64 - 3.0 - pair[0] / (pair[1] - pair[0]));
            }
        }
        candidates.into_iter().map(|x| self.value(x)).fold(f64::INFINITY, f64::min)
    }
}

fn tree(reader: &mut Reader<'_>, draw: &mut Draw, model: StepModel) -> Option<f64> {
    let steps = draw.integer(1, 4);
    let rounds = draw.integer(1, if steps > 2 { 3 } else { 5 });
    let seen: Vec<usize> =
        (0..steps).map(|h| if model == StepModel::AnyAges { draw.integer(0, h) } else { h }).collect();
    let loss = Pieces::read(reader, if model == StepModel::Convex { 0.0 } else { -1.0 });
    let start = reader.range(-4.0, 4.0);
    let mut schedule = LocalSteps {
        initial_gap: (loss.value(start) - loss.least()).max(0.0),
        step_size: reader.range(0.0, 1.0),
        server_steps: reader.range(0.1, 1.5) * steps as f64,
        rounds: rounds as u64,
        smoothness: 1.0,
        weights: vec![1.0],
        noise_variance: vec![reader.scale(-12.0, 3.0)],
        local_steps: vec![steps as u64],
        heterogeneity: 0.0,
        dissimilarity: 1.0,
    };
    if schedule.initial_gap < 1e-12 {
        return None;
    }
    schedule.step_size *= 0.999 * schedule.largest_sharp_step_size(model).ok()?;
    let measured = expectation(&loss, &schedule, &seen, start, rounds) / rounds as f64;
    Some(measured / schedule.sharp(model).ok()?.bound)
}

/// Σ E|F'(θ_r)|² over the rounds left, over all signs of the noise.
fn expectation(loss: &Pieces, schedule: &LocalSteps, seen: &[usize], at: f64, left: usize) -> f64 {
    let own = loss.derivative(at).powi(2);
    if left == 1 {
        return own;
    }
    let steps = seen.len();
    let noise = schedule.noise_variance[0].sqrt();
    let mut later = 0.0;
    for signs in 0..1u32 << steps {
        let mut path = vec![at];
        for (h, &j) in seen.iter().enumerate() {
            let gradient = loss.derivative(path[j]) + if signs >> h & 1 == 0 { noise } else { -noise };
            path.push(path[h] - schedule.step_size * gradient);
        }
        let next = at + schedule.server_steps / steps as f64 * (path[steps] - at);
        later += expectation(loss, schedule, seen, next, left - 1);
    }
    own + later / f64::from(1u32 << steps)
}

pub fn sharp_tree(reader: &mut Reader<'_>, draw: &mut Draw) -> Option<f64> {
    tree(reader, draw, StepModel::Current)
}

pub fn any_ages_tree(reader: &mut Reader<'_>, draw: &mut Draw) -> Option<f64> {
    tree(reader, draw, StepModel::AnyAges)
}

pub fn convex_tree(reader: &mut Reader<'_>, draw: &mut Draw) -> Option<f64> {
    tree(reader, draw, StepModel::Convex)
}
