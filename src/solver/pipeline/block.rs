//! The Lagrangian of one cluster over a few choices, and one Newton step of the interior-point method on its dual.
//!
//! Of choices x of one pipeline shape, at band prices λ, path weights μ with Σ μ = I π and a latency price π, the
//! Lagrangian of a choice is D_x(λ, μ, π) = min over the radio of cost + μ·(lengths of paths) + λ (Σ w − W). The block
//! maximizes min over x of D_x; with weights α on the choices (Σ α = 1) its conditions are
//!
//! ```text
//! Σ α n_p·t(x) + s_p = span,  s_p μ_p = σ         every path that carries weight is critical
//! Σ α w(x) = W                                      the bands are full
//! D_x − θ = r_x,              r_x α_x = σ         every choice that carries weight is among the cheapest
//! ```
//!
//! with σ → 0. With one choice that is its radio problem; with several, the bound that no path weights can lift for all
//! of them at once.

use super::choice::{Column, RadioHop};
use super::condensed::Condensed;
use super::instance::{BandPrice, Instance, Moving, Sent};
use super::paths::{Pool, dot};

/// What the upload of the cluster's control unit does to its latency.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Upload {
    /// It has the whole uplink.
    #[default]
    Alone,
    /// It is counted by who solves the clusters together.
    Elsewhere,
}

/// Where a search starts: prices and path weights of a similar problem.
#[derive(Clone, Debug, Default)]
pub(crate) struct Prices {
    /// ln λ per band.
    pub ln_band: [f64; 2],
    /// Paths of the pool with their share of the weight; sums to 1.
    pub shares: Vec<(usize, f64)>,
    /// π.
    pub price: f64,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Block<'a> {
    pub instance: &'a Instance,
    pub columns: Vec<Column>,
    /// The paths of the pool that are in play.
    pub paths: Vec<usize>,
    pub mu: Vec<f64>,
    pub slack: Vec<f64>,
    pub alpha: Vec<f64>,
    pub rest: Vec<f64>,
    pub theta: f64,
    pub span: f64,
    pub ln_band: [f64; 2],
    pub price: f64,
    pub upload: Upload,
    /// Which bands some choice uses.
    pub active: [bool; 2],
    // Everything below is what the last evaluation found.
    pub weights: Vec<f64>,
    /// The hops of all choices, each once: those over the same link with the same bits are one.
    pub(super) hops: Vec<RadioHop>,
    /// Which of them each choice has, in its order.
    pub hops_of: Vec<Vec<usize>>,
    pub sent: Vec<Sent>,
    /// The places of their durations, each once, and at which of them each hop is.
    pub(super) places: Vec<usize>,
    pub(super) slots: Vec<usize>,
    /// By such a place and path in play: how often it stands on the path.
    pub(super) counts: Vec<Vec<f64>>,
    /// By choice and path in play: length without times on air.
    fixed_lengths: Vec<Vec<f64>>,
    pub lengths: Vec<Vec<f64>>,
    pub values: Vec<f64>,
    pub bands: Vec<[f64; 2]>,
    pub extra: Vec<f64>,
    pub extra_slope: Vec<f64>,
    /// The upload by itself: time, value, and on a shared uplink its reactions.
    pub uploaded: Sent,
    pub mean: Vec<f64>,
    moving: Vec<Moving>,
    moving_at: f64,
    // Buffers of a Newton step.
    pub(super) system: Condensed,
    pub(super) carried: Vec<f64>,
    pub(super) reactions: Vec<(f64, f64, usize)>,
    pub(super) scale: Vec<f64>,
    pub side: Vec<f64>,
    pub price_row: Option<usize>,
}

/// A step that is about to be taken, and where from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Aim {
    mu: Vec<f64>,
    band: [f64; 2],
    pub price: f64,
    alpha: Vec<f64>,
    from: Origin,
}

#[derive(Clone, Debug, Default)]
struct Origin {
    mu: Vec<f64>,
    slack: Vec<f64>,
    alpha: Vec<f64>,
    rest: Vec<f64>,
    numbers: [f64; 5],
}

/// How the latency price of a block may move, for the row of π: with a deadline, its price ν and the room s left to it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PriceRow {
    /// s/ν.
    pub compliance: f64,
    pub side: f64,
}

impl<'a> Block<'a> {
    pub fn new(instance: &'a Instance, columns: Vec<Column>, upload: Upload) -> Self {
        let mut active = [false; 2];
        for band in columns.iter().flat_map(|column| &column.hops).filter_map(|hop| hop.band) {
            active[band] = true;
        }
        let count = columns.len();
        let mut hops: Vec<RadioHop> = Vec::new();
        let mut of = |hop: &RadioHop| {
            hops.iter().position(|known| known == hop).unwrap_or_else(|| {
                hops.push(*hop);
                hops.len() - 1
            })
        };
        let hops_of = columns.iter().map(|column| column.hops.iter().map(&mut of).collect()).collect();
        let mut places: Vec<usize> = Vec::new();
        let mut slot = |place: usize| {
            places.iter().position(|&known| known == place).unwrap_or_else(|| {
                places.push(place);
                places.len() - 1
            })
        };
        let slots = hops.iter().map(|hop| slot(hop.place)).collect();
        Self {
            counts: vec![Vec::new(); places.len()],
            hops,
            places,
            slots,
            hops_of,
            fixed_lengths: vec![Vec::new(); count],
            instance,
            alpha: vec![1.0 / count as f64; count],
            rest: vec![0.0; count],
            columns,
            paths: Vec::new(),
            mu: Vec::new(),
            slack: Vec::new(),
            theta: 0.0,
            span: 0.0,
            ln_band: [0.0; 2],
            price: 0.0,
            upload,
            active,
            weights: Vec::new(),
            sent: Vec::new(),
            lengths: vec![Vec::new(); count],
            values: vec![0.0; count],
            bands: vec![[0.0; 2]; count],
            extra: vec![0.0; count],
            extra_slope: vec![0.0; count],
            uploaded: Sent::default(),
            mean: Vec::new(),
            moving: Vec::new(),
            moving_at: f64::NAN,
            system: Condensed::default(),
            carried: Vec::new(),
            reactions: Vec::new(),
            scale: Vec::new(),
            side: Vec::new(),
            price_row: None,
        }
    }

    /// Σ μ that the latency price asks for.
    pub fn weight(&self) -> f64 {
        self.instance.iterations * self.price
    }

    /// Scales the path weights to their sum.
    pub fn settle(&mut self) {
        let sum: f64 = self.mu.iter().sum();
        let factor = self.weight() / sum;
        self.mu.iter_mut().for_each(|mu| *mu *= factor);
    }

    /// Everything at the current prices and weights.
    pub fn evaluate(&mut self, pool: &Pool) {
        let layout = pool.layout;
        let instance = self.instance;
        self.weights.clear();
        self.weights.resize(layout.len(), 0.0);
        for (&path, &mu) in self.paths.iter().zip(&self.mu) {
            for (weight, count) in self.weights.iter_mut().zip(pool.path(path)) {
                *weight += mu * count;
            }
        }
        if self.moving_at != self.price {
            self.moving.clear();
            self.moving.extend((0..instance.devices).map(|k| instance.moving(k, self.price)));
            self.moving_at = self.price;
        }
        let bands = self.ln_band.map(BandPrice::from_ln);
        let uses = instance.uses();
        let (upload, message) = self.send_upload();
        self.uploaded = upload;
        let base = instance.fixed_seconds + message + upload.time;
        let base_value = self.price * (instance.fixed_seconds + message) + upload.value;
        self.recount(pool);
        self.sent.clear();
        for hop in &self.hops {
            let price = self.weights[hop.place];
            self.sent.push(match hop.band {
                Some(band) => hop.medium.send(hop.bits, uses, instance.band, price, bands[band]),
                None => hop.medium.send_alone(hop.bits, uses, instance.band, price),
            });
        }
        self.mean.clear();
        self.mean.resize(layout.len(), 0.0);
        for (x, column) in self.columns.iter().enumerate() {
            let (mut value, mut filled) = (column.constant + base_value, [0.0; 2]);
            let (mut extra, mut slope) = (base, upload.time_by_price);
            for &(device, bits) in &column.moved {
                let moving = &self.moving[device];
                value += moving.cost * bits + self.price * moving.message;
                extra += moving.time * bits + moving.message;
                slope += moving.slope * bits;
            }
            value += dot(&self.weights, &column.fixed);
            let alpha = self.alpha[x];
            for (mean, time) in self.mean.iter_mut().zip(&column.fixed) {
                *mean += alpha * time;
            }
            let lengths = &mut self.lengths[x];
            lengths.clone_from(&self.fixed_lengths[x]);
            for &hop in &self.hops_of[x] {
                let (RadioHop { place, band, .. }, sent) = (&self.hops[hop], &self.sent[hop]);
                value += sent.value;
                if let Some(band) = *band {
                    filled[band] += sent.band;
                }
                self.mean[*place] += alpha * sent.time;
                for (length, count) in lengths.iter_mut().zip(&self.counts[self.slots[hop]]) {
                    *length += count * sent.time;
                }
            }
            for band in 0..2 {
                if self.active[band] {
                    value -= bands[band].value * instance.band;
                }
            }
            self.values[x] = value;
            self.bands[x] = filled;
            self.extra[x] = extra;
            self.extra_slope[x] = slope;
        }
    }

    /// Forgets the paths in play.
    pub fn forget_paths(&mut self) {
        self.paths.clear();
        self.mu.clear();
        self.slack.clear();
        self.counts.iter_mut().for_each(Vec::clear);
        self.fixed_lengths.iter_mut().for_each(Vec::clear);
    }

    /// Counts hops on paths that are new in play.
    fn recount(&mut self, pool: &Pool) {
        let done = self.fixed_lengths.first().map_or(0, Vec::len);
        for &path in self.paths.iter().skip(done) {
            let path = pool.path(path);
            for (counts, &place) in self.counts.iter_mut().zip(&self.places) {
                counts.push(path[place]);
            }
            for (lengths, column) in self.fixed_lengths.iter_mut().zip(&self.columns) {
                lengths.push(dot(path, &column.fixed));
            }
        }
    }

    /// The upload at the current prices, and what it takes besides its bits [s].
    fn send_upload(&self) -> (Sent, f64) {
        match self.upload {
            Upload::Alone => self.instance.send_upload(self.price, None),
            Upload::Elsewhere => (Sent::default(), 0.0),
        }
    }

    /// The least Lagrangian of the choices.
    pub fn least(&self) -> f64 {
        self.values.iter().copied().fold(f64::INFINITY, f64::min)
    }

    /// Σ α n_p·t of the p-th path in play.
    pub fn length(&self, p: usize) -> f64 {
        self.alpha.iter().zip(&self.lengths).map(|(alpha, lengths)| alpha * lengths[p]).sum()
    }

    /// Latency of the mixture.
    pub fn latency(&self) -> f64 {
        self.instance.iterations * self.span + dot(&self.alpha, &self.extra)
    }

    /// Bandwidth of the mixture on a band.
    pub fn filled(&self, band: usize) -> f64 {
        self.alpha.iter().zip(&self.bands).map(|(alpha, filled)| alpha * filled[band]).sum()
    }

    pub(super) fn mixed(&self) -> bool {
        self.columns.len() > 1
    }

    /// Number of complementary pairs and the sum of their products.
    pub fn complementarity(&self) -> (f64, f64) {
        let mut sum = dot(&self.mu, &self.slack);
        let mut count = self.mu.len();
        if self.mixed() {
            sum += dot(&self.alpha, &self.rest);
            count += self.alpha.len();
        }
        (count as f64, sum)
    }

    /// The direction of the next step, so that it can be looked back at.
    pub fn aim(&self, aim: &mut Aim) {
        let places = self.places();
        let m = self.mu.len();
        aim.mu.clear();
        aim.mu.extend((0..m).map(|p| self.mu[p] * self.relative(p)));
        aim.band = [0.0; 2];
        let mut b = places.bands;
        for band in 0..2 {
            if self.active[band] {
                aim.band[band] = self.side[b];
                b += 1;
            }
        }
        debug_assert_eq!(b, places.weights);
        aim.price = self.price_change();
        aim.alpha.clone_from(&self.alpha);
        aim.from.mu.clone_from(&self.mu);
        aim.from.slack.clone_from(&self.slack);
        aim.from.alpha.clone_from(&self.alpha);
        aim.from.rest.clone_from(&self.rest);
        aim.from.numbers = [self.theta, self.span, self.ln_band[0], self.ln_band[1], self.price];
    }

    /// Goes back to where the aim was taken.
    pub fn retreat(&mut self, aim: &Aim) {
        self.mu.clone_from(&aim.from.mu);
        self.slack.clone_from(&aim.from.slack);
        self.alpha.clone_from(&aim.from.alpha);
        self.rest.clone_from(&aim.from.rest);
        let [theta, span, one, other, price] = aim.from.numbers;
        (self.theta, self.span, self.ln_band, self.price) = (theta, span, [one, other], price);
    }

    /// Slope of Σ α D_x + σ Σ ln μ along an aim, at the shares of the choices that it began with: where a step overshoots
    /// the maximum of that concave function, it is below zero.
    pub fn slope(&self, aim: &Aim, sigma: f64) -> f64 {
        let mut slope = 0.0;
        for band in 0..2 {
            if self.active[band] {
                let filled: f64 = aim.alpha.iter().zip(&self.bands).map(|(alpha, f)| alpha * f[band]).sum();
                slope += self.ln_band[band].exp() * (filled - self.instance.band) * aim.band[band];
            }
        }
        for (p, change) in aim.mu.iter().enumerate() {
            let length: f64 = aim.alpha.iter().zip(&self.lengths).map(|(alpha, l)| alpha * l[p]).sum();
            slope += (length + sigma / self.mu[p]) * change;
        }
        slope + aim.price * dot(&aim.alpha, &self.extra)
    }

    /// Sets the slacks to what the evaluation found where that leaves room; elsewhere the step, which is linear, has missed,
    /// and slacks stay where the pairs are centred. Returns by how much it has missed, in units of the objective.
    pub fn close(&mut self, sigma: f64) -> f64 {
        const KEPT: f64 = 0.3;
        const CENTRED: f64 = 0.1;
        let mut missed = 0.0;
        for p in 0..self.mu.len() {
            let (room, mu) = (self.span - self.length(p), self.mu[p]);
            let slack = &mut self.slack[p];
            if room >= KEPT * *slack {
                *slack = room;
            } else {
                *slack = (KEPT * *slack).max(CENTRED * sigma / mu);
                missed += mu * (*slack - room);
            }
        }
        if self.mixed() {
            for x in 0..self.alpha.len() {
                let (room, alpha) = (self.values[x] - self.theta, self.alpha[x]);
                let rest = &mut self.rest[x];
                if room >= KEPT * *rest {
                    *rest = room;
                } else {
                    *rest = (KEPT * *rest).max(CENTRED * sigma / alpha);
                    missed += alpha * (*rest - room);
                }
            }
        }
        missed
    }

    /// Prices and weights to start a similar problem from.
    pub fn prices(&self, pool: &Pool) -> Prices {
        let weight = self.weight();
        // A path without which no duration weighs noticeably less is not worth its place.
        const NEGLIGIBLE: f64 = 1e-7;
        let needed = |path: usize, mu: f64| {
            let mut places = pool.path(path).iter().zip(&self.weights);
            path == 0 || mu > 1e-4 * weight || places.any(|(count, weight)| mu * count > NEGLIGIBLE * weight)
        };
        let all = self.paths.iter().zip(&self.mu);
        let mut shares: Vec<(usize, f64)> =
            all.filter(|&(&p, &mu)| needed(p, mu)).map(|(&p, mu)| (p, mu / weight)).collect();
        let sum: f64 = shares.iter().map(|(_, share)| share).sum();
        shares.iter_mut().for_each(|(_, share)| *share /= sum);
        Prices { ln_band: self.ln_band, shares, price: self.price }
    }
}
