//! Clusters together: weights of their latencies and the price of the uplink, over the choices known of each.
//!
//! Cluster n costs R_x(π_n) with choice x at the latency price π_n = v_n + ν_n, v_n being its share in the price V of the
//! round and ν_n the price of the deadline, and its upload U_n(π_n, λ). Maximized is
//!
//! ```text
//! Σ_n [ min over x of R_x(π_n) + U_n(π_n, λ) ] − λ W_up − (deadline) Σ ν_n     over  Σ v_n = V,  v, ν, λ ≥ 0
//! ```
//!
//! by the interior-point method: every R_x is concave with T_x as its derivative, and the Newton system is an arrow whose
//! head are the round's latency T and ln λ.

use super::curve::{Curve, Point};
use super::instance::Instance;
use super::linear::Lu;
use super::member::{Kept, Member};

/// What the clusters share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shared {
    /// V.
    pub weight: f64,
    pub deadline: Option<f64>,
    /// W_up [Hz].
    pub uplink: f64,
}

/// The maximum found.
#[derive(Clone, Debug)]
pub(crate) struct Joint {
    /// π per cluster.
    pub prices: Vec<f64>,
    /// v per cluster.
    pub shares: Vec<f64>,
    /// ln λ; `None` where nobody shares the uplink.
    pub ln_band: Option<f64>,
    /// Shares of the choices in play.
    pub alpha: Vec<Vec<f64>>,
    /// Value of the dual, over the choices in play.
    pub value: f64,
    /// With one choice per cluster: the cost of the decision at these prices, its round latency, and each cluster's share
    /// of the uplink.
    pub decision: Option<Decided>,
}

#[derive(Clone, Debug)]
pub(crate) struct Decided {
    /// π per cluster at which its allocation is this decision's: not those of the best bound.
    pub prices: Vec<f64>,
    pub objective: f64,
    pub latency: f64,
    /// Band and power of each upload; `None` where nothing is sent or a link of fixed rate is used.
    pub uploads: Vec<Option<(f64, f64)>>,
}

/// Moves the curves in play to given prices, cluster by cluster.
pub(crate) trait Mover {
    fn go(&mut self, prices: &[f64], curves: &[&[usize]]) -> Vec<Vec<Point>>;
    fn curve(&self, cluster: usize, curve: usize) -> &Curve;
    /// Whether there is no time for another step.
    fn ended(&mut self) -> bool;
}

const MOST_STEPS: u32 = 60;

/// Maximizes the dual over the choices in play, from prices of a similar problem.
pub(crate) fn maximize(
    instances: &[&Instance],
    in_play: Vec<Vec<usize>>,
    shared: Shared,
    start: Option<&Joint>,
    accuracy: f64,
    mover: &mut dyn Mover,
) -> Option<Joint> {
    let clusters = instances.len();
    let Shared { weight, deadline, uplink } = shared;
    let mut members: Vec<Member> =
        instances.iter().zip(in_play).map(|(instance, curves)| Member::new(instance, curves)).collect();
    let even = weight / clusters as f64;
    for (n, member) in members.iter_mut().enumerate() {
        let v = start.map_or(even, |s| 0.98 * s.shares[n] + 0.02 * even);
        member.share = (v, 0.0);
        if deadline.is_some() {
            let nu = start.map_or(0.0, |s| s.prices[n] - s.shares[n]);
            member.late = Some((nu.max(0.02 * even), 0.0));
        }
    }
    let sharing = members.iter().any(Member::shares_uplink);
    let mut ln_band = match start.and_then(|s| s.ln_band) {
        Some(ln) => ln,
        None => {
            let sharers = members.iter().filter(|m| m.shares_uplink()).count() as f64;
            let prices = members.iter().filter(|m| m.shares_uplink()).map(|m| {
                let medium = &m.instance.pair(0, m.instance.edge_server()).medium;
                let bits = m.instance.upload_bits;
                super::radio::price_of_band(medium, bits, 1.0, uplink / sharers, uplink, m.price()).ln()
            });
            prices.sum::<f64>() / sharers.max(1.0)
        }
    };
    let evaluate = |members: &mut [Member], ln_band: f64, mover: &mut dyn Mover| {
        let prices: Vec<f64> = members.iter().map(Member::price).collect();
        let points = {
            let curves: Vec<&[usize]> = members.iter().map(|m| m.curves.as_slice()).collect();
            mover.go(&prices, &curves)
        };
        for (member, points) in members.iter_mut().zip(points) {
            (member.uploaded, member.message) = member.instance.send_upload(member.price(), Some(ln_band));
            member.points = points;
        }
    };
    evaluate(&mut members, ln_band, mover);
    let latest = members.iter().map(Member::latency).fold(0.0, f64::max);
    let room = if start.is_some() { 1e-3 } else { 0.05 };
    let mut round = latest * (1.0 + room);
    for member in &mut members {
        member.share.1 = round - member.latency();
        if let (Some(late), Some(deadline)) = (&mut member.late, deadline) {
            late.1 = (deadline
                - member.points.iter().map(|p| p.latency).sum::<f64>() / member.points.len() as f64
                - member.uploaded.time
                - member.message)
                .max(1e-3 * deadline);
        }
        let least = member.least();
        member.theta = least - room * least.abs().max(1e-300);
        for x in 0..member.rest.len() {
            member.rest[x] = member.points[x].value - member.theta;
        }
    }
    let mut lu = Lu::default();
    let (mut missed, mut iterations) = (0.0, 0);
    let mut best: Option<Joint> = None;
    let mut least_primal: Option<Decided> = None;
    let single = members.iter().all(|m| !m.mixed());
    let (mut narrowest, mut stalled) = (f64::INFINITY, 0);
    loop {
        let filled: f64 = members.iter().map(|m| m.uploaded.band).sum();
        let due: f64 = members.iter().map(|m| m.late.map_or(0.0, |l| l.0 * deadline.unwrap_or(0.0))).sum();
        let band_cost = if sharing { ln_band.exp() * uplink } else { 0.0 };
        let value: f64 = members.iter().map(|m| m.least() + m.upload_value()).sum::<f64>() - band_cost - due;
        if !value.is_finite() {
            return None;
        }
        let scale = value.abs().max(1e-300);
        let here = || Joint {
            prices: members.iter().map(Member::price).collect(),
            shares: members.iter().map(|m| m.share.0).collect(),
            ln_band: sharing.then_some(ln_band),
            alpha: members.iter().map(|m| m.alpha.clone()).collect(),
            value,
            decision: None,
        };
        if best.as_ref().is_none_or(|b| value > b.value) {
            best = Some(here());
        }
        let (count, sum) = members.iter().map(Member::pairs).fold((0.0, 0.0), |a, b| (a.0 + b.0, a.1 + b.1));
        if single {
            let decided = decide(&members, shared, mover, filled);
            let kept = deadline.is_none_or(|d| decided.latency <= d * (1.0 + 1e-10));
            let top = best.as_ref().map_or(value, |b| b.value);
            if kept && least_primal.as_ref().is_none_or(|least| decided.objective < least.objective) {
                least_primal = Some(decided);
            }
            let improved = least_primal.as_ref().map_or(f64::INFINITY, |least| least.objective) - top;
            if improved < 0.5 * narrowest {
                (narrowest, stalled) = (improved, 0);
            } else {
                stalled += 1;
            }
            if stalled >= 6 && narrowest <= 1e-9 * top.abs() {
                break;
            }
            if improved <= accuracy * top.abs() {
                break;
            }
        } else if sum + missed <= accuracy * scale {
            return Some(here());
        }
        let mean = (sum + missed) / count;
        if iterations >= MOST_STEPS || mean <= 1e-17 * scale || mover.ended() {
            break;
        }
        iterations += 1;
        let sigma = if missed > sum { 0.3 } else { 0.1 } * mean;
        // The head of the arrow.
        let (mut a, mut b, mut c, mut d, mut r, mut q) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
        let band = ln_band.exp();
        for member in &mut members {
            if !member.eliminate(sigma, round, deadline, &mut lu) {
                return best;
            }
            let (v, s) = member.share;
            let ratio = v / s;
            let (compliance, share, side) = member.change.row;
            let price = member.price();
            let c0 = &member.change;
            let (p0, q0, r0) = (c0.base[0] * price, c0.by_round[0] * price, c0.by_band[0] * price);
            // dv = σ/s − a (T + dT − T_n − dT_n), dT_n = side + compliance dπ + share dT.
            a += ratio * (1.0 - compliance * q0 - share);
            b -= ratio * compliance * r0;
            r += sigma / s - ratio * (round - member.latency() - side - compliance * p0);
            if member.shares_uplink() {
                let by_price = member.uploaded.time_by_band / band;
                c += by_price * q0;
                d += by_price * r0 + member.uploaded.band_by_band;
                q -= by_price * p0;
            }
        }
        // Σ dv = V − Σ v.
        r -= weight - members.iter().map(|m| m.share.0).sum::<f64>();
        let (dt, dl) = if sharing {
            q += filled * (uplink / filled).ln();
            let determinant = a * d - b * c;
            ((r * d - b * q) / determinant, (a * q - c * r) / determinant)
        } else {
            (r / a, 0.0)
        };
        if !dt.is_finite() || !dl.is_finite() {
            break;
        }
        for member in &mut members {
            member.resolve(sigma, round, (dt, dl), deadline);
        }
        let mut step = members.iter().map(Member::longest_step).fold(1.0, f64::min);
        step = if step < 1.0 { 0.9 * step } else { 1.0 };
        if dl.abs() * step > 4.0 {
            step = 4.0 / dl.abs();
        }
        let kept: Vec<Kept> = (members.iter())
            .map(|m| Kept {
                share: m.share,
                late: m.late,
                alpha: m.alpha.clone(),
                rest: m.rest.clone(),
                theta: m.theta,
            })
            .collect();
        let slope = |members: &[Member], ln_band: f64| {
            let filled: f64 = members.iter().map(|m| m.uploaded.band).sum();
            let mut slope = if sharing { ln_band.exp() * (filled - uplink) * dl } else { 0.0 };
            for (m, kept) in members.iter().zip(&kept) {
                let c = &m.change;
                slope += m.latency_at(&kept.alpha) * (c.share.0 + c.late.0) + sigma / m.share.0 * c.share.0;
                if let (Some((nu, _)), Some(deadline)) = (m.late, deadline) {
                    slope += (sigma / nu - deadline) * c.late.0;
                }
            }
            slope
        };
        let rise = slope(&members, ln_band);
        let from = ln_band;
        for _ in 0..6 {
            for (member, kept) in members.iter_mut().zip(&kept) {
                member.advance(step, kept);
            }
            let change = step * dl;
            ln_band = from + if change > -0.5 { change.ln_1p() } else { change + 0.5 - std::f64::consts::LN_2 };
            let sum: f64 = members.iter().map(|m| m.share.0).sum();
            members.iter_mut().for_each(|m| m.share.0 *= weight / sum);
            evaluate(&mut members, ln_band, mover);
            let now = slope(&members, ln_band);
            if !(rise > 0.0 && now < -0.5 * rise) {
                break;
            }
            step *= (rise / (rise - now)).clamp(0.1, 0.7);
        }
        round += step * dt;
        missed = members.iter_mut().map(|m| m.close(sigma, round, deadline)).sum();
    }
    best.map(|best| Joint { decision: least_primal, ..best })
}

/// The decision of clusters with one choice each, the uplink filled.
fn decide(members: &[Member], shared: Shared, mover: &dyn Mover, filled: f64) -> Decided {
    let Shared { weight, uplink, .. } = shared;
    let (mut energy, mut latest) = (0.0, 0.0f64);
    let mut uploads = Vec::with_capacity(members.len());
    for (n, member) in members.iter().enumerate() {
        let (price, point) = (member.price(), member.points[0]);
        let curve = mover.curve(n, member.curves[0]);
        let (own, latency) = match &curve.best {
            Some(best) => (best.objective - price * best.latency, best.latency),
            None => (point.value - price * point.latency, point.latency),
        };
        let upload = member.instance.decide_upload(price, member.uploaded, uplink / filled, uplink);
        energy += own + upload.energy;
        latest = latest.max(latency + upload.time + member.message);
        uploads.push(upload.link);
    }
    let prices = members.iter().map(Member::price).collect();
    Decided { prices, objective: weight * latest + energy, latency: latest, uploads }
}
