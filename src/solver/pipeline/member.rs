//! One cluster's part of the Newton system over the weights of all clusters.

use super::curve::Point;
use super::instance::{Instance, Sent};
use super::linear::Lu;

/// A cluster with the choices that are in play.
#[derive(Debug)]
pub(super) struct Member<'a> {
    pub instance: &'a Instance,
    pub curves: Vec<usize>,
    pub alpha: Vec<f64>,
    pub rest: Vec<f64>,
    pub theta: f64,
    /// v and s.
    pub share: (f64, f64),
    /// ν and the room left to the deadline.
    pub late: Option<(f64, f64)>,
    pub points: Vec<Point>,
    pub uploaded: Sent,
    pub message: f64,
    pub change: Change,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Change {
    pub base: Vec<f64>,
    pub by_round: Vec<f64>,
    pub by_band: Vec<f64>,
    pub row: (f64, f64, f64),
    pub price: f64,
    pub share: (f64, f64),
    pub late: (f64, f64),
    pub alpha: Vec<f64>,
    pub rest: Vec<f64>,
    pub theta: f64,
}

impl<'a> Member<'a> {
    pub(super) fn new(instance: &'a Instance, curves: Vec<usize>) -> Self {
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

    pub(super) fn price(&self) -> f64 {
        self.share.0 + self.late.map_or(0.0, |late| late.0)
    }

    pub(super) fn mixed(&self) -> bool {
        self.curves.len() > 1
    }

    pub(super) fn shares_uplink(&self) -> bool {
        let pair = self.instance.pair(0, self.instance.edge_server());
        self.instance.upload_bits > 0.0 && pair.medium.shares_band()
    }

    pub(super) fn latency_at(&self, alpha: &[f64]) -> f64 {
        let own: f64 = alpha.iter().zip(&self.points).map(|(a, p)| a * p.latency).sum();
        own + self.uploaded.time + self.message
    }

    pub(super) fn latency(&self) -> f64 {
        self.latency_at(&self.alpha)
    }

    pub(super) fn least(&self) -> f64 {
        self.points.iter().map(|p| p.value).fold(f64::INFINITY, f64::min)
    }

    /// What the upload adds to the dual.
    pub(super) fn upload_value(&self) -> f64 {
        self.uploaded.value + self.price() * self.message
    }

    /// Solves the cluster's part of the Newton system for its right side and for the head's unknowns.
    pub(super) fn eliminate(&mut self, sigma: f64, round: f64, deadline: Option<f64>, lu: &mut Lu) -> bool {
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
    pub(super) fn resolve(&mut self, sigma: f64, round: f64, head: (f64, f64), deadline: Option<f64>) {
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

    pub(super) fn longest_step(&self) -> f64 {
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

    pub(super) fn advance(&mut self, step: f64, from: &Kept) {
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
    pub(super) fn pairs(&self) -> (f64, f64) {
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
    pub(super) fn close(&mut self, sigma: f64, round: f64, deadline: Option<f64>) -> f64 {
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
pub(super) struct Kept {
    pub share: (f64, f64),
    pub late: Option<(f64, f64)>,
    pub alpha: Vec<f64>,
    pub rest: Vec<f64>,
    pub theta: f64,
}
