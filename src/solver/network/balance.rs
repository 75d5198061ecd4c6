//! The network with fixed devices and sizes: a convex problem, solved through its dual.
//!
//! Unknown are the weights V_n of the clusters' latencies, Σ V_n = V, and the price λ of the upload band. At the
//! optimum all clusters with a positive weight finish together and the uploads fill the band. Newton's method in log
//! V_n with the common deadline T and log λ as multipliers: the system is an arrow, solved in O(N).

use crate::solver::cluster::active::{Found, Workspace};
use crate::solver::network::envelope::{Known, deadline};
use crate::solver::network::{Network, Part, in_parallel};

/// Weights below this share of V count as zero: a cluster that waits for the others.
pub(crate) const LEAST_SHARE: f64 = 1e-13;
/// Relative accuracy to which the upload band is filled.
const TOLERANCE: f64 = 1e-12;

/// Fixed choices with the weights that balance them.
pub(crate) struct Balanced {
    /// Cost of the decision at these weights and prices.
    pub objective: f64,
    pub weights: Vec<f64>,
    pub band_price: f64,
    pub found: Vec<Found>,
}

/// The price at which the uploads fill their band at given weights; Newton in logarithms, where the demand is nearly
/// linear and decreasing.
pub(crate) fn upload_price(network: &Network, weights: &[f64], start: Option<f64>) -> f64 {
    let demand = |price: f64| {
        let sent = in_parallel(weights.len(), |n| {
            let sent = network.uploads[n].send(weights[n], price);
            (sent.band, sent.band * sent.band_by_price)
        });
        sent.iter().fold((0.0, 0.0), |sum, sent| (sum.0 + sent.0, sum.1 + sent.1))
    };
    if network.uploads.iter().all(|upload| upload.is_empty()) {
        // Nothing is uploaded: the band is worth nothing.
        return 0.0;
    }
    let alone =
        network.uploads.iter().zip(weights).map(|(upload, &weight)| upload.send_alone(weight, network.band()).1);
    let mut price = start.unwrap_or_else(|| alone.fold(0.0, f64::max));
    for _ in 0..100 {
        let (band, slope) = demand(price);
        let fill = (band / network.band()).ln();
        if fill.abs() <= TOLERANCE {
            break;
        }
        price *= (-fill * band / slope).clamp(-3.0, 3.0).exp();
    }
    price
}

/// Newton steps without halving the gap before bisection takes over.
const PATIENCE: usize = 6;
/// Gap that is good enough not to bisect, and rounds of bisection otherwise.
const ACCEPTED: f64 = 1e-9;
const MOST_BISECTIONS: usize = 30;

/// One cluster at its weight, with its derivatives by log V_n and log λ.
#[derive(Clone, Copy, Default)]
struct Response {
    latency: f64,
    latency_by_weight: f64,
    latency_by_price: f64,
    band_by_weight: f64,
    band_by_price: f64,
}

/// Fixed choices at given weights.
struct Assessed {
    balanced: Balanced,
    responses: Vec<Response>,
    /// Primal less dual, relative to the cost of latency and energy.
    gap: f64,
}

/// Evaluates the chosen ones of the known choices at weights that sum to V, the upload band filled.
fn assess(
    part: &Part,
    known: &mut [Vec<Known>],
    chosen: &[usize],
    weights: Vec<f64>,
    band_price: Option<f64>,
    work: &mut Workspace,
) -> Assessed {
    let (network, total) = (part.network, part.network.price());
    let band_price = upload_price(network, &weights, band_price);
    let results = part.each(work, |n, work| {
        let (choice, weight) = (&known[n][chosen[n]], weights[n]);
        let start = choice.nearest(weight).map(|sample| sample.start(weight));
        part.fixed(n, &choice.choice, weight, start.as_ref(), work)
    });
    let mut responses = Vec::with_capacity(chosen.len());
    let mut found = Vec::with_capacity(chosen.len());
    let (mut slowest, mut weighted, mut energy) = (0.0f64, 0.0, 0.0);
    for (n, (here, sample)) in results.into_iter().enumerate() {
        let weight = weights[n];
        let (sent, reaction) = network.uploads[n].send_reacting(weight, band_price);
        let latency = here.latency + sent.time;
        slowest = slowest.max(latency);
        weighted += weight * latency;
        energy += here.value + sent.cost - weight * latency;
        responses.push(Response {
            latency,
            // Strictly decreasing, so that the Newton step exists where a latency does not depend on its price.
            latency_by_weight: (sample.slope() + reaction.time_by_weight).min(-1e-9 * latency),
            latency_by_price: reaction.time_by_price,
            band_by_weight: reaction.band_by_weight,
            band_by_price: reaction.band_by_price,
        });
        known[n][chosen[n]].learn(sample);
        found.push(here);
    }
    let objective = total * slowest + energy + part.plan_cost();
    let gap = (total * slowest - weighted) / (total * slowest + energy);
    Assessed { balanced: Balanced { objective, weights, band_price, found }, responses, gap }
}

/// Balances the network for one of the known choices per cluster, each of which learns a sample, until primal and dual
/// differ by a relative `tolerance`.
///
/// Where Newton's method does not settle (latencies that hardly depend on the weights, or whose slopes jump as power
/// limits start to bind) the common deadline is searched over extrapolated latencies, with the price of the upload band
/// in turn.
pub(crate) fn balance(
    part: &Part,
    known: &mut [Vec<Known>],
    chosen: &[usize],
    start: &[f64],
    tolerance: f64,
    work: &mut Workspace,
) -> Balanced {
    let total = part.network.price();
    let least = LEAST_SHARE * total;
    let normalized = |mut weights: Vec<f64>| {
        let scale = total / weights.iter().sum::<f64>();
        weights.iter_mut().for_each(|w| *w *= scale);
        weights
    };
    let weights = normalized(start.iter().map(|w| w.max(least)).collect());
    let mut best = assess(part, known, chosen, weights, None, work);
    let mut weights = best.balanced.weights.clone();
    newton_step(&best.responses, &mut weights, least, total);
    let (mut milestone, mut stalled) = (best.gap, 0);
    while best.gap > tolerance && stalled < PATIENCE && !work.buffers.meter.ended() {
        let price = best.balanced.band_price;
        let next = assess(part, known, chosen, normalized(weights.clone()), Some(price), work);
        stalled = if next.gap < 0.5 * milestone { 0 } else { stalled + 1 };
        weights.clone_from(&next.balanced.weights);
        newton_step(&next.responses, &mut weights, least, total);
        if next.gap < best.gap {
            best = next;
        }
        milestone = milestone.min(best.gap);
    }
    // The weights at the common deadline for a price of the band, and the price that fills the band at those weights,
    // in turn.
    let (mut weights, mut price) = (best.balanced.weights.clone(), best.balanced.band_price);
    for _ in 0..MOST_BISECTIONS {
        if best.gap <= tolerance.max(ACCEPTED) || work.buffers.meter.ended() {
            break;
        }
        let choices: Vec<&[Known]> = known.iter().zip(chosen).map(|(known, &at)| &known[at..=at]).collect();
        weights = normalized(deadline(part.network, &choices, &weights, 0.1 * ACCEPTED).weights);
        let next = assess(part, known, chosen, weights.clone(), Some(price), work);
        price = next.balanced.band_price;
        if next.gap < best.gap {
            best = next;
        }
    }
    best.balanced
}

/// One Newton step on ln T_n = ln T (clusters with weight), Σ V_n = V, Σ w_n = const: latencies are nearly powers of
/// weights.
fn newton_step(responses: &[Response], weights: &mut [f64], least: f64, total: f64) {
    // Unknowns: τ = δ ln T and δ = δ ln λ; cluster n moves by x_n = (T_n (ln T + τ − ln T_n) − T_λ δ)/S_n.
    let (mut a, mut b, mut c, mut d, mut r, mut q) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
    let target = responses.iter().zip(weights.iter()).map(|(p, w)| p.latency * w).sum::<f64>() / total;
    let waits = |p: &Response, w: f64| w <= 2.0 * least && p.latency < target;
    let excess = |p: &Response| p.latency * (p.latency / target).ln();
    for (p, &w) in responses.iter().zip(weights.iter()) {
        d += p.band_by_price;
        if waits(p, w) {
            continue;
        }
        let s = p.latency_by_weight;
        // Σ V_n x_n = 0
        a += w * p.latency / s;
        b -= w * p.latency_by_price / s;
        r += w * excess(p) / s;
        // Σ (w_x x_n + w_λ δ) = 0
        c += p.band_by_weight * p.latency / s;
        d -= p.band_by_weight * p.latency_by_price / s;
        q += p.band_by_weight * excess(p) / s;
    }
    let (t, price) = if d == 0.0 {
        (r / a, 0.0)
    } else {
        let determinant = a * d - b * c;
        ((r * d - b * q) / determinant, (a * q - c * r) / determinant)
    };
    let (t, price) = if t.is_finite() && price.is_finite() { (t, price) } else { (0.0, 0.0) };
    for (p, w) in responses.iter().zip(weights.iter_mut()) {
        if waits(p, *w) {
            continue;
        }
        let step = (p.latency * t - excess(p) - p.latency_by_price * price) / p.latency_by_weight;
        *w = (*w * step.clamp(-3.0, 3.0).exp()).max(least);
    }
}
