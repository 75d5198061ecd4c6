//! The dual of a network whose clusters may choose among several known choices.
//!
//! Of each cluster a few choices are known; R(V) is then the least of their costs, concave with kinks where the best
//! choice changes. For a common deadline T cluster n has the weight V_n(T) at which its latency falls to T (or the kink at
//! which it jumps across); Σ V_n(T) decreases in T, and where it meets V the dual over the known choices is maximal.
//! Each cluster's own cheapest choice *at that deadline* then makes a good decision: the gap that remains is what the
//! kinks leave between the two choices.

use super::active::Workspace;
use super::balance::LEAST_SHARE;
use super::cluster::Choice;
use super::network::Part;

/// Relative accuracy of weights and deadline.
const TOLERANCE: f64 = 1e-9;

/// A cluster at a weight, with its best known choice.
#[derive(Clone, Copy, Debug)]
struct Point {
    weight: f64,
    choice: usize,
    /// R + U.
    value: f64,
    /// Upload included [s].
    latency: f64,
}

/// The dual's maximum over the known choices.
pub(crate) struct Deadline {
    pub weights: Vec<f64>,
    /// Per cluster the index of the known choice that meets the deadline at the least cost.
    pub chosen: Vec<usize>,
    /// Per cluster what that choice costs more than the dual counts; and the choice on the other side of the kink.
    pub losses: Vec<(f64, usize)>,
}

/// One cluster's envelope under evaluation.
struct Envelope<'a> {
    part: &'a Part<'a>,
    cluster: usize,
    known: &'a [Choice],
    band_price: f64,
}

impl Envelope<'_> {
    fn of(&self, choice: usize, weight: f64, work: &mut Workspace) -> Point {
        let found = self.part.fixed(self.cluster, &self.known[choice], weight, work);
        let sent = self.part.network.uploads[self.cluster].send(weight, self.band_price);
        let value = found.value + sent.cost + self.band_price * sent.band;
        Point { weight, choice, value, latency: found.latency + sent.time }
    }

    fn best(&self, weight: f64, work: &mut Workspace) -> Point {
        let mut best = self.of(0, weight, work);
        for choice in 1..self.known.len() {
            let point = self.of(choice, weight, work);
            if point.value < best.value {
                best = point;
            }
        }
        best
    }

    /// The points on both sides of the weight at which the latency falls to `deadline`, among `evaluate`'s choices.
    fn bracket(
        &self,
        deadline: f64,
        start: f64,
        (least, most): (f64, f64),
        evaluate: impl Fn(f64, &mut Workspace) -> Point,
        work: &mut Workspace,
    ) -> (Point, Point) {
        let first = evaluate(start.clamp(least, most), work);
        let (mut slow, mut fast) = (first, first);
        let mut factor = 1.2;
        while slow.latency <= deadline && slow.weight > least {
            fast = slow;
            slow = evaluate((slow.weight / factor).max(least), work);
            factor *= factor;
        }
        while fast.latency > deadline && fast.weight < most {
            slow = fast;
            fast = evaluate((fast.weight * factor).min(most), work);
            factor *= factor;
        }
        if slow.latency <= deadline {
            return (slow, slow);
        }
        if fast.latency > deadline {
            return (fast, fast);
        }
        for round in 0..60 {
            if fast.weight / slow.weight - 1.0 <= TOLERANCE || fast.latency >= deadline * (1.0 - TOLERANCE) {
                break;
            }
            let (a, b) = (slow.weight.ln(), fast.weight.ln());
            let next = if slow.choice == fast.choice {
                // Secant in log V, kept off the ends; bisection now and then.
                let way = (slow.latency - deadline) / (slow.latency - fast.latency);
                let way = if round % 4 == 3 { 0.5 } else { way.clamp(0.02, 0.98) };
                (a + way * (b - a)).exp()
            } else {
                // Where the tangents of the two choices meet.
                let energies = (slow.value - slow.weight * slow.latency, fast.value - fast.weight * fast.latency);
                (energies.1 - energies.0) / (slow.latency - fast.latency)
            };
            let next = if next > slow.weight && next < fast.weight { next } else { (0.5 * (a + b)).exp() };
            let point = evaluate(next, work);
            let tangent = slow.value + (next - slow.weight) * slow.latency;
            if slow.choice != fast.choice && point.value >= tangent * (1.0 - 1e-11) {
                // A kink: the latency jumps across the deadline at this weight.
                return (Point { weight: next, ..slow }, Point { weight: next, ..fast });
            }
            if point.latency > deadline {
                slow = point;
            } else {
                fast = point;
            }
        }
        (slow, fast)
    }
}

/// A deadline with the weights at which the clusters meet it.
type Side = (f64, Vec<f64>);

/// Maximizes the dual over the known choices at a given price of the upload band.
pub(crate) fn deadline(
    part: &Part,
    known: &[Vec<Choice>],
    start: &[f64],
    band_price: f64,
    work: &mut Workspace,
) -> Deadline {
    let total = part.network.price();
    let limits = (LEAST_SHARE * total, total);
    let envelopes: Vec<Envelope> =
        known.iter().enumerate().map(|(cluster, known)| Envelope { part, cluster, known, band_price }).collect();
    let mut weights = start.to_vec();
    let at = |deadline: f64, weights: &[f64], work: &mut Workspace| -> Vec<(Point, Point)> {
        envelopes
            .iter()
            .zip(weights)
            .map(|(e, &w)| e.bracket(deadline, w, limits, |weight, work| e.best(weight, work), work))
            .collect()
    };
    let sum = |pairs: &[(Point, Point)]| pairs.iter().map(|(_, fast)| fast.weight).sum::<f64>();
    let guess: f64 = envelopes.iter().zip(start).map(|(e, &w)| w / total * e.best(w, work).latency).sum();
    // Early and late deadlines around the one where the weights sum to V.
    let mut pairs = at(guess, &weights, work);
    weights = pairs.iter().map(|p| p.1.weight).collect();
    let (mut early, mut late): (Option<Side>, Option<Side>) = (None, None);
    let mut deadline = guess;
    let mut stride = 0.01;
    for round in 0..60 {
        let surplus = sum(&pairs) - total;
        let side = if surplus > 0.0 { &mut early } else { &mut late };
        *side = Some((deadline, weights.clone()));
        if surplus.abs() <= TOLERANCE * total {
            break;
        }
        deadline = match (&early, &late) {
            (Some((t, _)), None) => t * (1.0 + stride),
            (None, Some((t, _))) => t * (1.0 - stride),
            (Some((a, x)), Some((b, y))) => {
                if b / a - 1.0 <= TOLERANCE {
                    break;
                }
                let (x, y) = (x.iter().sum::<f64>() - total, y.iter().sum::<f64>() - total);
                let way = if round % 3 == 2 { 0.5 } else { (x / (x - y)).clamp(0.02, 0.98) };
                a + way * (b - a)
            }
            (None, None) => break,
        };
        stride *= 2.0;
        if deadline <= 0.0 {
            break;
        }
        pairs = at(deadline, &weights, work);
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
    let mut chosen = Vec::with_capacity(known.len());
    let mut losses = Vec::with_capacity(known.len());
    for (envelope, (&weight, pair)) in envelopes.iter().zip(weights.iter().zip(&pairs)) {
        let counted = {
            let point = envelope.best(weight, work);
            point.value - weight * deadline
        };
        let (mut best, mut cost) = (pair.1.choice, f64::INFINITY);
        if envelope.known.len() > 1 {
            for choice in 0..envelope.known.len() {
                let own = |weight: f64, work: &mut Workspace| envelope.of(choice, weight, work);
                let (_, met) = envelope.bracket(deadline, weight, limits, own, work);
                let spent = met.value - met.weight * deadline.max(met.latency);
                if met.latency <= deadline * (1.0 + 1e-6) && spent < cost {
                    (best, cost) = (choice, spent);
                }
            }
        }
        let other = if pair.0.choice == best { pair.1.choice } else { pair.0.choice };
        chosen.push(best);
        losses.push((if cost.is_finite() { (cost - counted).max(0.0) } else { 0.0 }, other));
    }
    Deadline { weights, chosen, losses }
}
