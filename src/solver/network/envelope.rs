//! The dual of a network whose clusters may choose among several known choices.
//!
//! Of each cluster a few choices are known; R(V) is then the least of their costs, concave with kinks where the best
//! choice changes. For a common deadline T cluster n has the weight V_n(T) at which its latency falls to T (or the kink
//! at which it jumps across); Σ V_n(T) decreases in T, and where it meets V the dual over the known choices is maximal.
//! Each cluster's own cheapest choice *at that deadline* then makes a good decision: the gap that remains is what the
//! kinks leave between the two choices.
//!
//! Costs are extrapolated from the nearest samples (`arc`). Nothing is proved from them.

use crate::solver::cluster::Segments;
use crate::solver::cluster::prepared::Start;
use crate::solver::network::arc::Arc;
use crate::solver::network::balance::{LEAST_SHARE, upload_price};
use crate::solver::network::upload::Upload;
use crate::solver::network::{Network, in_parallel};

/// Relative accuracy of weights and deadline.
const TOLERANCE: f64 = 1e-10;

/// A choice with the points at which it has been evaluated.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub choice: Segments,
    samples: Vec<Sample>,
}

/// What a choice costs at a weight, without the upload.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    arc: Arc,
    start: Start,
}

impl Sample {
    pub fn new(weight: f64, value: f64, latency: f64, slope: f64, start: Start) -> Self {
        Self { arc: Arc { weight, value, latency, slope }, start }
    }

    /// V.
    pub fn weight(&self) -> f64 {
        self.arc.weight
    }

    /// d latency/d ln V [s].
    pub fn slope(&self) -> f64 {
        self.arc.slope
    }

    /// Prices to start from at another weight.
    pub fn start(&self, weight: f64) -> Start {
        let factor = weight / self.arc.weight;
        self.start.map(|prices| prices.scaled(factor))
    }
}

/// Samples kept of a choice.
const MOST_SAMPLES: usize = 8;

impl Known {
    pub fn new(choice: Segments, sample: Sample) -> Self {
        Self { choice, samples: vec![sample] }
    }

    /// Adds a sample, in the place of the nearest where there are many.
    pub fn learn(&mut self, sample: Sample) {
        match self.place(sample.arc.weight) {
            Some(nearest) if self.samples.len() == MOST_SAMPLES => self.samples[nearest] = sample,
            _ => self.samples.push(sample),
        }
    }

    /// The sample nearest to a weight.
    pub fn nearest(&self, weight: f64) -> Option<&Sample> {
        self.place(weight).map(|at| &self.samples[at])
    }

    /// Value, latency and about its slope at a weight: from the nearest samples on both sides, each counting by how near it is.
    pub fn at(&self, weight: f64) -> (f64, f64, f64) {
        let (mut below, mut above): (Option<&Arc>, Option<&Arc>) = (None, None);
        for Sample { arc, .. } in &self.samples {
            if arc.weight <= weight {
                below = below.filter(|best| best.weight > arc.weight).or(Some(arc));
            } else {
                above = above.filter(|best| best.weight <= arc.weight).or(Some(arc));
            }
        }
        match (below, above) {
            (Some(below), Some(above)) => Arc::between(below, above, weight),
            (Some(one), None) | (None, Some(one)) => one.at(weight),
            (None, None) => (f64::INFINITY, f64::INFINITY, 0.0),
        }
    }

    fn place(&self, weight: f64) -> Option<usize> {
        let distance = |&at: &usize| {
            let ratio = self.samples[at].arc.weight / weight;
            ratio.max(1.0 / ratio)
        };
        // Of equally near ones the latest.
        (0..self.samples.len()).rev().min_by(|a, b| distance(a).total_cmp(&distance(b)))
    }
}

/// A cluster at a weight, with its best known choice.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Point {
    pub weight: f64,
    pub choice: usize,
    /// R + U.
    pub value: f64,
    /// Upload included [s].
    pub latency: f64,
    /// d latency/d ln V, about [s].
    slope: f64,
}

/// The dual's maximum over the known choices.
#[derive(Clone)]
pub(crate) struct Deadline {
    /// The dual's value without the plan's penalty, extrapolated.
    pub value: f64,
    pub weights: Vec<f64>,
    /// Per cluster the index of the known choice that meets the deadline at the least cost.
    pub chosen: Vec<usize>,
    /// Per cluster what that choice costs more than the dual counts; and the choice on the other side of the kink.
    pub losses: Vec<(f64, usize)>,
}

/// Factor of a weight within which an upload is extrapolated.
const NEAR: f64 = 4.0;

/// One cluster's envelope under evaluation.
struct Envelope<'a> {
    known: &'a [Known],
    upload: &'a Upload,
    band_price: f64,
    /// The upload near the weight to start from.
    near: Arc,
}

impl Envelope<'_> {
    /// The upload's value, latency and its slope at a weight.
    fn sent(&self, weight: f64) -> (f64, f64, f64) {
        let ratio = weight / self.near.weight;
        if ratio < NEAR && ratio > 1.0 / NEAR {
            return self.near.at(weight);
        }
        let (sent, reaction) = self.upload.send_reacting(weight, self.band_price);
        (sent.cost + self.band_price * sent.band, sent.time, reaction.time_by_weight)
    }

    fn with(&self, choice: usize, weight: f64, sent: (f64, f64, f64)) -> Point {
        let own = self.known[choice].at(weight);
        Point { weight, choice, value: sent.0 + own.0, latency: sent.1 + own.1, slope: sent.2 + own.2 }
    }

    fn of(&self, choice: usize, weight: f64) -> Point {
        self.with(choice, weight, self.sent(weight))
    }

    fn best(&self, weight: f64) -> Point {
        let sent = self.sent(weight);
        let mut best = self.with(0, weight, sent);
        for choice in 1..self.known.len() {
            let point = self.with(choice, weight, sent);
            if point.value < best.value {
                best = point;
            }
        }
        best
    }

    /// The points on both sides of the weight at which the latency falls to `deadline`, among `evaluate`'s choices: one
    /// point twice where it is met, or nowhere within the limits. Newton's method in log V, within the bracket found.
    fn bracket(
        &self,
        deadline: f64,
        start: f64,
        (least, most): (f64, f64),
        evaluate: impl Fn(f64) -> Point,
    ) -> (Point, Point) {
        let mut point = evaluate(start.clamp(least, most));
        let (mut slow, mut fast): (Option<Point>, Option<Point>) = (None, None);
        let mut reach = 2.0;
        for round in 0..MOST_POINTS {
            let excess = (point.latency / deadline).ln();
            if excess.abs() <= TOLERANCE {
                return (point, point);
            }
            *if excess > 0.0 { &mut slow } else { &mut fast } = Some(point);
            let newton = point.weight.ln() - excess * point.latency / point.slope;
            let next = match (&slow, &fast) {
                (Some(slow), Some(fast)) => {
                    if fast.weight / slow.weight - 1.0 <= TOLERANCE {
                        break;
                    }
                    let inside = |weight: &f64| *weight > slow.weight && *weight < fast.weight;
                    let guess = if slow.choice == fast.choice {
                        if round % 8 == 7 { f64::NAN } else { newton.exp() }
                    } else {
                        // Where the tangents of the two choices meet.
                        let energy = |point: &Point| point.value - point.weight * point.latency;
                        (energy(fast) - energy(slow)) / (slow.latency - fast.latency)
                    };
                    Some(guess).filter(inside).unwrap_or_else(|| (slow.weight * fast.weight).sqrt())
                }
                // The end of the weights.
                (Some(slow), None) if slow.weight >= most => return (*slow, *slow),
                (None, Some(fast)) if fast.weight <= least => return (*fast, *fast),
                _ => {
                    // Newton's step is none where the latency does not react.
                    let step = (newton - point.weight.ln()).abs().min(reach);
                    reach *= 2.0;
                    (point.weight * (if excess > 0.0 { step } else { -step }).exp()).clamp(least, most)
                }
            };
            point = evaluate(next);
            if let (Some(slow), Some(fast)) = (&slow, &fast) {
                let tangent = slow.value + (next - slow.weight) * slow.latency;
                if slow.choice != fast.choice && point.value >= tangent * (1.0 - 1e-11) {
                    // A kink: the latency jumps across the deadline at this weight.
                    return (Point { weight: next, ..*slow }, Point { weight: next, ..*fast });
                }
            }
        }
        match (slow, fast) {
            (Some(slow), Some(fast)) => (slow, fast),
            _ => (point, point),
        }
    }
}

/// The points of one cluster on both sides of the weight within `limits` at which it meets a deadline, at a price of the
/// upload band, with the best of its known choices or with one of them alone.
pub(crate) fn meet(
    (known, only): (&[Known], Option<usize>),
    (upload, band_price): (&Upload, f64),
    deadline: f64,
    start: f64,
    limits: (f64, f64),
) -> (Point, Point) {
    let (sent, reaction) = upload.send_reacting(start, band_price);
    let value = sent.cost + band_price * sent.band;
    let near = Arc { weight: start, value, latency: sent.time, slope: reaction.time_by_weight };
    let envelope = Envelope { known, upload, band_price, near };
    match only {
        Some(choice) => envelope.bracket(deadline, start, limits, |weight| envelope.of(choice, weight)),
        None => envelope.bracket(deadline, start, limits, |weight| envelope.best(weight)),
    }
}

/// Points that are tried for one deadline.
const MOST_POINTS: usize = 80;
/// Deadlines that are tried for one price of the upload band.
const MOST_DEADLINES: usize = 100;

/// A deadline with the weights at which the clusters meet it.
type Side = (f64, Vec<f64>);

/// The deadline at which the weights sum to V at a price of the upload band, with the points on both sides of it.
#[derive(Clone)]
struct Met {
    deadline: f64,
    weights: Vec<f64>,
    pairs: Vec<(Point, Point)>,
}

/// Prices of the upload band that are tried.
const MOST_UPLOADS: usize = 40;
/// Longest step between two of them, in logarithms.
const LONGEST_STEP: f64 = 30.0;

/// A price of the upload band that was tried.
struct Trial {
    ln_price: f64,
    /// ln of the price that fills the band at the weights found here, less `ln_price`.
    excess: f64,
    best: Met,
}

/// Maximizes the dual over the known choices, until the price of the upload band is right to a relative `accuracy`.
///
/// From a price follow the weights, and from those the price at which the uploads fill their band. It exceeds the price
/// tried where that is too low, because the dual is concave in the price: a root in one dimension.
pub(crate) fn deadline(network: &Network, known: &[&[Known]], start: &[f64], accuracy: f64) -> Deadline {
    let mut price = upload_price(network, start, None);
    let mut weights = start.to_vec();
    // The nearest trials below and above the root, and the last one.
    let (mut low, mut high): (Option<Trial>, Option<Trial>) = (None, None);
    let mut last: Option<(f64, f64)> = None;
    let mut stride = 1.0;
    let mut round = 0;
    loop {
        round += 1;
        let envelopes = envelopes(network, known, &weights, price);
        let best = at_upload_price(network, &envelopes, &weights);
        if price <= 0.0 {
            // Nothing is uploaded.
            return settled(network, &envelopes, best);
        }
        weights.clone_from(&best.weights);
        let (at, excess) = (price.ln(), (upload_price(network, &weights, Some(price)) / price).ln());
        if excess.abs() <= accuracy || round == MOST_UPLOADS {
            return settled(network, &envelopes, best);
        }
        *if excess > 0.0 { &mut low } else { &mut high } = Some(Trial { ln_price: at, excess, best });
        let secant = last.map(|(x, y)| at - excess * (at - x) / (excess - y)).filter(|next| next.is_finite());
        last = Some((at, excess));
        let next = match (&low, &high) {
            (Some(low), Some(high)) => {
                let width = high.ln_price - low.ln_price;
                if width <= 1e-3 * accuracy {
                    return settled(network, &envelopes, mixed(low, high));
                }
                let margin = |next: f64| (next - low.ln_price).min(high.ln_price - next);
                let inside = secant.filter(|&next| round % 4 != 0 && margin(next) > 0.01 * width);
                inside.unwrap_or(low.ln_price + 0.5 * width)
            }
            _ => {
                // Where the secant says, but not farther than a growing multiple of the excess.
                stride *= 2.0;
                let reach = stride * excess;
                let share = secant.map_or(1.0 / stride, |next| (next - at) / reach);
                at + (if share > 0.0 { share.min(1.0) } else { 1.0 } * reach).clamp(-LONGEST_STEP, LONGEST_STEP)
            }
        };
        price = next.exp();
    }
}

/// Where the weights jump between two prices that hardly differ, any mixture of the weights is as good: one that about
/// fills the band.
fn mixed(low: &Trial, high: &Trial) -> Met {
    let way = low.excess / (low.excess - high.excess);
    let mut best = low.best.clone();
    for (weight, other) in best.weights.iter_mut().zip(&high.best.weights) {
        *weight += way * (other - *weight);
    }
    best
}

/// The clusters at a price of the upload band, with uploads extrapolated from `start`.
fn envelopes<'a>(network: &'a Network, known: &[&'a [Known]], start: &[f64], band_price: f64) -> Vec<Envelope<'a>> {
    (known.iter().zip(start).zip(&network.uploads))
        .map(|((known, &weight), upload)| {
            let (sent, reaction) = upload.send_reacting(weight, band_price);
            let value = sent.cost + band_price * sent.band;
            let near = Arc { weight, value, latency: sent.time, slope: reaction.time_by_weight };
            Envelope { known, upload, band_price, near }
        })
        .collect()
}

/// Maximizes the dual over the known choices at a price of the upload band.
fn at_upload_price(network: &Network, envelopes: &[Envelope], start: &[f64]) -> Met {
    let total = network.price();
    let limits = (LEAST_SHARE * total, total);
    let mut weights = start.to_vec();
    let at = |deadline: f64, weights: &[f64]| -> Vec<(Point, Point)> {
        in_parallel(envelopes.len(), |n| {
            let envelope = &envelopes[n];
            envelope.bracket(deadline, weights[n], limits, |weight| envelope.best(weight))
        })
    };
    let sum = |pairs: &[(Point, Point)]| pairs.iter().map(|(_, fast)| fast.weight).sum::<f64>();
    let guess: f64 = envelopes.iter().zip(start).map(|(e, &w)| w / total * e.best(w).latency).sum();
    // Early and late deadlines around the one where the weights sum to V.
    let mut pairs = at(guess, &weights);
    weights = pairs.iter().map(|p| p.1.weight).collect();
    let (mut early, mut late): (Option<Side>, Option<Side>) = (None, None);
    let mut deadline = guess;
    let mut stride: f64 = 0.01;
    for round in 0..MOST_DEADLINES {
        let surplus = sum(&pairs) - total;
        *if surplus > 0.0 { &mut early } else { &mut late } = Some((deadline, weights.clone()));
        if surplus.abs() <= TOLERANCE * total {
            break;
        }
        // Newton's step in ln T; a cluster at a kink keeps its weight for a while.
        let late_at_most =
            |(_, fast): &&(Point, Point)| fast.weight >= limits.1 && fast.latency > deadline * (1.0 + 10.0 * TOLERANCE);
        let reaction = |pair: &(Point, Point)| {
            let (slow, fast) = pair;
            let moves = slow.choice == fast.choice && fast.slope < 0.0 && fast.weight > limits.0;
            if moves && !late_at_most(&pair) { fast.weight * fast.latency / fast.slope } else { 0.0 }
        };
        // Before a cluster that is late with all the weight can be in time there is no weight for the others.
        let soonest = pairs.iter().filter(late_at_most).map(|(_, fast)| fast.latency).fold(0.0, f64::max);
        let step = -surplus / pairs.iter().map(reaction).sum::<f64>();
        let step = if step.is_finite() { step.clamp(-0.5, 0.5) } else { 0.0 };
        let step = if soonest > deadline { (soonest / deadline).ln() } else { step };
        // Clusters meet a deadline to no better than the tolerance: a step within it would not be answered.
        if step != 0.0 && step.abs() <= TOLERANCE {
            break;
        }
        // Where every cluster is at a kink nothing moves before the first of them is at its end.
        let kinks = || pairs.iter().filter(|(slow, fast)| slow.choice != fast.choice);
        let to_latest = || kinks().map(|(_, fast)| fast.latency).fold(0.0, f64::max);
        let to_soonest = || kinks().map(|(slow, _)| slow.latency).fold(f64::INFINITY, f64::min);
        deadline = match (&early, &late) {
            (Some((t, _)), None) if step > 0.0 => t * step.exp(),
            (None, Some((t, _))) if step < 0.0 => t * step.exp(),
            (Some((t, _)), None) => {
                Some(to_soonest()).filter(|end| *end < 2.0 * t).unwrap_or(0.0).max(t * stride.exp())
            }
            (None, Some((t, _))) => {
                Some(to_latest()).filter(|end| *end > 0.5 * t).unwrap_or(*t).min(t * (-stride).exp())
            }
            (Some((a, x)), Some((b, y))) => {
                if b / a - 1.0 <= TOLERANCE {
                    break;
                }
                let (x, y) = (x.iter().sum::<f64>() - total, y.iter().sum::<f64>() - total);
                let secant = a + (x / (x - y)).clamp(0.02, 0.98) * (b - a);
                let newton = Some(deadline * step.exp()).filter(|next| step != 0.0 && next > a && next < b);
                match round % 4 {
                    3 => 0.5 * (a + b),
                    _ => newton.unwrap_or(secant),
                }
            }
            (None, None) => break,
        };
        stride *= 2.0;
        pairs = at(deadline, &weights);
        weights = pairs.iter().map(|p| p.1.weight).collect();
    }
    // Between the two deadlines every weight is as good: mix them so that they sum to V.
    if let (Some((_, heavy)), Some((_, light))) = (&early, &late) {
        let (x, y) = (heavy.iter().sum::<f64>(), light.iter().sum::<f64>());
        let way = if x > y { ((total - y) / (x - y)).clamp(0.0, 1.0) } else { 0.0 };
        weights = heavy.iter().zip(light).map(|(h, l)| l + way * (h - l)).collect();
    }
    let scale = total / weights.iter().sum::<f64>();
    weights.iter_mut().for_each(|w| *w *= scale);
    Met { deadline, weights, pairs }
}

/// Per cluster the dual's value, and the cheapest choice at the deadline with what it loses and its alternative.
fn settled(network: &Network, envelopes: &[Envelope], met: Met) -> Deadline {
    let Met { deadline, weights, pairs } = met;
    let limits = (LEAST_SHARE * network.price(), network.price());
    let band_price = envelopes.first().map_or(0.0, |envelope| envelope.band_price);
    let settled = in_parallel(envelopes.len(), |n| {
        let (envelope, weight, pair) = (&envelopes[n], weights[n], &pairs[n]);
        let counted = envelope.best(weight).value;
        let (mut best, mut cost) = (pair.1.choice, f64::INFINITY);
        if envelope.known.len() > 1 {
            for choice in 0..envelope.known.len() {
                let (_, met) = envelope.bracket(deadline, weight, limits, |weight| envelope.of(choice, weight));
                let spent = met.value - met.weight * deadline.max(met.latency);
                if met.latency <= deadline * (1.0 + 1e-6) && spent < cost {
                    (best, cost) = (choice, spent);
                }
            }
        }
        let other = if pair.0.choice == best { pair.1.choice } else { pair.0.choice };
        let loss = if cost.is_finite() { (cost - (counted - weight * deadline)).max(0.0) } else { 0.0 };
        (counted, best, (loss, other))
    });
    let value = settled.iter().map(|settled| settled.0).sum::<f64>() - band_price * network.band();
    let chosen = settled.iter().map(|settled| settled.1).collect();
    let losses = settled.iter().map(|settled| settled.2).collect();
    Deadline { value, weights, chosen, losses }
}
