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
use super::instance::{Instance, Sent};
use super::linear::Lu;

/// A cluster with the choices that are in play.
#[derive(Debug)]
pub(crate) struct Member<'a> {
    pub instance: &'a Instance,
    pub curves: Vec<usize>,
    pub alpha: Vec<f64>,
    rest: Vec<f64>,
    theta: f64,
    /// v and s.
    pub share: (f64, f64),
    /// ν and the room left to the deadline.
    late: Option<(f64, f64)>,
    points: Vec<Point>,
    pub uploaded: Sent,
    message: f64,
    change: Change,
}

#[derive(Clone, Debug, Default)]
struct Change {
    base: Vec<f64>,
    by_round: Vec<f64>,
    by_band: Vec<f64>,
    row: (f64, f64, f64),
    price: f64,
    share: (f64, f64),
    late: (f64, f64),
    alpha: Vec<f64>,
    rest: Vec<f64>,
    theta: f64,
}

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
}

impl<'a> Member<'a> {
    fn new(instance: &'a Instance, curves: Vec<usize>) -> Self {
        let count = curves.len();
        Self {
            instance,
            curves,
            alpha: vec![1.0 / count as f64; count],
            rest: vec![0.0; count],
            theta: 0.0,
            share: (0.0, 0.0),
            late: None,
            points: Vec::new(),
            uploaded: Sent::default(),
            message: 0.0,
            change: Change::default(),
        }
    }

    fn price(&self) -> f64 {
        self.share.0 + self.late.map_or(0.0, |late| late.0)
    }

    fn mixed(&self) -> bool {
        self.curves.len() > 1
    }

    fn shares_uplink(&self) -> bool {
        let pair = self.instance.pair(0, self.instance.edge_server());
        self.instance.upload_bits > 0.0 && pair.medium.shares_band()
    }

    fn latency_at(&self, alpha: &[f64]) -> f64 {
        let own: f64 = alpha.iter().zip(&self.points).map(|(a, p)| a * p.latency).sum();
        own + self.uploaded.time + self.message
    }

    fn latency(&self) -> f64 {
        self.latency_at(&self.alpha)
    }

    fn least(&self) -> f64 {
        self.points.iter().map(|p| p.value).fold(f64::INFINITY, f64::min)
    }

    /// What the upload adds to the dual.
    fn upload_value(&self) -> f64 {
        self.uploaded.value + self.price() * self.message
    }

    /// Solves the cluster's part of the Newton system for its right side and for the head's unknowns.
    fn eliminate(&mut self, sigma: f64, round: f64, deadline: Option<f64>, lu: &mut Lu) -> bool {
        let mixed = self.mixed();
        let size = 1 + if mixed { self.curves.len() + 1 } else { 0 };
        let (v, s) = self.share;
        let a = v / s;
        let (b, late_side) = match (self.late, deadline) {
            (Some((nu, room)), Some(deadline)) => (nu / room, nu / room * (self.latency() - deadline) + sigma / room),
            _ => (0.0, 0.0),
        };
        let latency = self.latency();
        let compliance = 1.0 / (a + b);
        let side = -(a * (latency - round) + sigma / s + late_side) * compliance;
        self.change.row = (compliance, a * compliance, side);
        // In relative units of π and of the value.
        let price = self.price();
        let value = self.least().abs().max(1e-300);
        lu.reset(size);
        let slope: f64 = self.alpha.iter().zip(&self.points).map(|(a, p)| a * p.slope).sum();
        lu.add(0, 0, (slope + self.uploaded.time_by_price - compliance) * price * price / value);
        let mut base = vec![side * price / value];
        if mixed {
            let theta = size - 1;
            for x in 0..self.curves.len() {
                let (alpha, point) = (self.alpha[x], self.points[x]);
                lu.add_both(0, 1 + x, point.latency * price * alpha / value);
                lu.add(1 + x, 1 + x, self.rest[x] * alpha / value);
                lu.add_both(1 + x, theta, -alpha);
                base.push((self.theta - point.value + sigma / alpha) * alpha / value);
            }
            base.push(-(1.0 - self.alpha.iter().sum::<f64>()));
        }
        let head = |number: f64| {
            let mut column = vec![0.0; size];
            column[0] = number * price / value;
            column
        };
        let mut by_round = head(a * compliance);
        let mut by_band = head(-self.uploaded.time_by_band);
        if !lu.factor() {
            return false;
        }
        for column in [&mut base, &mut by_round, &mut by_band] {
            lu.solve(column);
        }
        (self.change.base, self.change.by_round, self.change.by_band) = (base, by_round, by_band);
        true
    }

    /// The changes once those of the head are known.
    fn resolve(&mut self, sigma: f64, round: f64, head: (f64, f64), deadline: Option<f64>) {
        let (dt, dl) = head;
        let price = self.price();
        let value = self.least().abs().max(1e-300);
        let at = |c: &Change, i: usize| c.base[i] + dt * c.by_round[i] + dl * c.by_band[i];
        let change = &mut self.change;
        change.price = at(change, 0) * price;
        let (compliance, share, side) = change.row;
        let latency_change = side + compliance * change.price + share * dt;
        let latency: f64 = self.alpha.iter().zip(&self.points).map(|(a, p)| a * p.latency).sum::<f64>()
            + self.uploaded.time
            + self.message;
        let (v, s) = self.share;
        let ds = round + dt - latency - latency_change - s;
        change.share = (sigma / s - v - v / s * ds, ds);
        if let (Some((nu, room)), Some(deadline)) = (self.late, deadline) {
            let ds = deadline - latency - latency_change - room;
            change.late = (sigma / room - nu - nu / room * ds, ds);
        }
        change.alpha.clear();
        change.rest.clear();
        if self.curves.len() > 1 {
            for x in 0..self.curves.len() {
                let alpha = self.alpha[x];
                let u = at(change, 1 + x);
                change.alpha.push(u * alpha);
                change.rest.push(sigma / alpha - self.rest[x] - self.rest[x] * u);
            }
            change.theta = at(change, 1 + self.curves.len()) * value;
        }
    }

    fn longest_step(&self) -> f64 {
        let mut step = 1.0f64;
        let mut keep = |value: f64, change: f64| {
            if change < 0.0 {
                step = step.min(-value / change);
            }
        };
        let c = &self.change;
        keep(self.share.0, c.share.0);
        keep(self.share.1, c.share.1);
        if let Some((nu, room)) = self.late {
            keep(nu, c.late.0);
            keep(room, c.late.1);
        }
        for x in 0..c.alpha.len() {
            keep(self.alpha[x], c.alpha[x]);
            keep(self.rest[x], c.rest[x]);
        }
        step
    }

    fn advance(&mut self, step: f64, from: &Kept) {
        let c = &self.change;
        self.share = (from.share.0 + step * c.share.0, from.share.1 + step * c.share.1);
        if let Some(late) = &mut self.late {
            let old = from.late.unwrap_or_default();
            *late = (old.0 + step * c.late.0, old.1 + step * c.late.1);
        }
        for x in 0..c.alpha.len() {
            self.alpha[x] = from.alpha[x] + step * c.alpha[x];
            self.rest[x] = from.rest[x] + step * c.rest[x];
        }
        if !c.alpha.is_empty() {
            self.theta = from.theta + step * c.theta;
        }
    }

    /// Products of the complementary pairs: number and sum.
    fn pairs(&self) -> (f64, f64) {
        let mut sum = self.share.0 * self.share.1;
        let mut count = 1.0;
        if let Some((nu, room)) = self.late {
            sum += nu * room;
            count += 1.0;
        }
        if self.mixed() {
            sum += self.alpha.iter().zip(&self.rest).map(|(a, r)| a * r).sum::<f64>();
            count += self.alpha.len() as f64;
        }
        (count, sum)
    }

    /// See `Block::close`.
    fn close(&mut self, sigma: f64, round: f64, deadline: Option<f64>) -> f64 {
        let mut missed = 0.0;
        let mut settle = |weight: f64, slack: &mut f64, room: f64| {
            if room >= 0.3 * *slack {
                *slack = room;
            } else {
                *slack = (0.3 * *slack).max(0.1 * sigma / weight);
                missed += weight * (*slack - room);
            }
        };
        let latency = self.latency();
        settle(self.share.0, &mut self.share.1, round - latency);
        if let (Some((nu, room)), Some(deadline)) = (&mut self.late, deadline) {
            settle(*nu, room, deadline - latency);
        }
        if self.mixed() {
            for x in 0..self.alpha.len() {
                settle(self.alpha[x], &mut self.rest[x], self.points[x].value - self.theta);
            }
        }
        missed
    }
}

/// A member before a step.
#[derive(Clone, Debug)]
struct Kept {
    share: (f64, f64),
    late: Option<(f64, f64)>,
    alpha: Vec<f64>,
    rest: Vec<f64>,
    theta: f64,
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
        if iterations >= MOST_STEPS || mean <= 1e-17 * scale {
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
