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

use super::choice::Column;
use super::instance::{BandPrice, Instance, Moving, Sent};
use super::linear::Lu;
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
    pub sent: Vec<Vec<Sent>>,
    pub times: Vec<Vec<f64>>,
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
    lu: Lu,
    scale: Vec<f64>,
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
        for hop in columns.iter().flat_map(|column| &column.hops) {
            active[hop.band] = true;
        }
        let count = columns.len();
        Self {
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
            sent: vec![Vec::new(); count],
            times: vec![Vec::new(); count],
            lengths: vec![Vec::new(); count],
            values: vec![0.0; count],
            bands: vec![[0.0; 2]; count],
            extra: vec![0.0; count],
            extra_slope: vec![0.0; count],
            uploaded: Sent::default(),
            mean: Vec::new(),
            moving: Vec::new(),
            moving_at: f64::NAN,
            lu: Lu::default(),
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
            let times = &mut self.times[x];
            times.clear();
            times.extend_from_slice(&column.fixed);
            self.sent[x].clear();
            for hop in &column.hops {
                let sent = hop.medium.send(hop.bits, uses, instance.band, self.weights[hop.place], bands[hop.band]);
                value += sent.value;
                filled[hop.band] += sent.band;
                times[hop.place] += sent.time;
                self.sent[x].push(sent);
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
            self.lengths[x].clear();
            self.lengths[x].extend(self.paths.iter().map(|&p| dot(pool.path(p), times)));
            for (mean, time) in self.mean.iter_mut().zip(times.iter()) {
                *mean += self.alpha[x] * time;
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

    fn mixed(&self) -> bool {
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

    /// Index of the unknowns: bands, paths, choices, θ, span, π.
    fn places(&self) -> Places {
        let bands = usize::from(self.active[0]) + usize::from(self.active[1]);
        let paths = bands + self.mu.len();
        let columns = paths + if self.mixed() { self.columns.len() + 1 } else { 0 };
        Places { paths: bands, columns: paths, span: columns, price: columns + 1 }
    }

    /// Factors the Newton system; `row` says how π may move. `false` where it is singular.
    pub fn factor(&mut self, pool: &Pool, objective: f64, row: Option<PriceRow>) -> bool {
        let places = self.places();
        let size = places.price + usize::from(row.is_some());
        let mut lu = std::mem::take(&mut self.lu);
        lu.reset(size);
        let m = self.mu.len();
        let bands = self.ln_band.map(f64::exp);
        let active: Vec<usize> = (0..2).filter(|&b| self.active[b]).collect();
        for (x, column) in self.columns.iter().enumerate() {
            let alpha = self.alpha[x];
            for (hop, sent) in column.hops.iter().zip(&self.sent[x]) {
                let Some(b) = active.iter().position(|&b| b == hop.band) else { continue };
                lu.add(b, b, alpha * bands[hop.band] * sent.band_by_band);
                let (by_price, by_band) = (alpha * sent.time_by_price, alpha * sent.time_by_band);
                for p in 0..m {
                    let count = pool.path(self.paths[p])[hop.place];
                    if count == 0.0 {
                        continue;
                    }
                    lu.add_both(b, places.paths + p, count * by_band);
                    lu.add(places.paths + p, places.paths + p, count * count * by_price);
                    for q in 0..p {
                        let other = pool.path(self.paths[q])[hop.place];
                        lu.add_both(places.paths + p, places.paths + q, count * other * by_price);
                    }
                }
            }
        }
        for p in 0..m {
            lu.add(places.paths + p, places.paths + p, -self.slack[p] / self.mu[p]);
            lu.add_both(places.paths + p, places.span, -1.0);
        }
        if self.mixed() {
            let theta = places.span - 1;
            for x in 0..self.columns.len() {
                let at = places.columns + x;
                lu.add(at, at, self.rest[x] / self.alpha[x]);
                lu.add_both(at, theta, -1.0);
                for p in 0..m {
                    lu.add_both(at, places.paths + p, self.lengths[x][p]);
                }
                for (b, &band) in active.iter().enumerate() {
                    lu.add_both(at, b, bands[band] * (self.bands[x][band] - self.instance.band));
                }
                if row.is_some() {
                    lu.add_both(at, places.price, self.extra[x]);
                }
            }
        }
        self.price_row = None;
        if let Some(row) = row {
            lu.add_both(places.span, places.price, self.instance.iterations);
            lu.add(places.price, places.price, dot(&self.alpha, &self.extra_slope) - row.compliance);
            self.price_row = Some(places.price);
        }
        // Everything in units of the objective.
        self.scale.clear();
        self.scale.resize(size, 1.0);
        for p in 0..m {
            self.scale[places.paths + p] = self.mu[p];
        }
        if self.mixed() {
            for x in 0..self.columns.len() {
                self.scale[places.columns + x] = self.alpha[x];
            }
            self.scale[places.span - 1] = objective;
        }
        self.scale[places.span] = self.span;
        if row.is_some() {
            self.scale[places.price] = self.price;
        }
        for r in 0..size {
            for c in 0..size {
                lu.rows[r * size + c] *= self.scale[r] * self.scale[c] / objective;
            }
        }
        let done = lu.factor();
        self.lu = lu;
        done
    }

    /// Right side at a centring σ; `correct` are the products of an affine step's changes (paths, then choices).
    pub fn right_side(&mut self, sigma: f64, correct: Option<&[f64]>, objective: f64, row: Option<PriceRow>) {
        let places = self.places();
        let size = places.price + usize::from(row.is_some());
        let mut side = std::mem::take(&mut self.side);
        side.clear();
        side.resize(size, 0.0);
        let m = self.mu.len();
        let target = |i: usize| sigma - correct.map_or(0.0, |c| c[i]);
        let mut b = 0;
        for band in 0..2 {
            if self.active[band] {
                let filled = self.filled(band);
                side[b] = self.ln_band[band].exp() * filled * (self.instance.band / filled).ln();
                b += 1;
            }
        }
        for p in 0..m {
            side[places.paths + p] = self.span - self.length(p) - target(p) / self.mu[p];
        }
        if self.mixed() {
            for x in 0..self.columns.len() {
                side[places.columns + x] = self.theta - self.values[x] + target(m + x) / self.alpha[x];
            }
            side[places.span - 1] = -(1.0 - self.alpha.iter().sum::<f64>());
        }
        side[places.span] = -(self.weight() - self.mu.iter().sum::<f64>());
        if let Some(row) = row {
            side[places.price] = row.side;
        }
        for (value, scale) in side.iter_mut().zip(&self.scale) {
            *value *= scale / objective;
        }
        self.lu.solve(&mut side);
        self.side = side;
    }

    /// d latency/dπ with everything else at its best.
    pub fn response(&mut self, pool: &Pool, objective: f64) -> f64 {
        if !self.factor(pool, objective, None) {
            return 0.0;
        }
        let span = self.places().span;
        let mut side = vec![0.0; self.scale.len()];
        side[span] = -self.instance.iterations * self.scale[span] / objective;
        self.lu.solve(&mut side);
        let slope = self.instance.iterations * side[span] * self.scale[span] + dot(&self.alpha, &self.extra_slope);
        if slope.is_finite() { slope } else { 0.0 }
    }

    /// Relative changes: of the paths' weights, then of the choices'.
    pub fn relative(&self, index: usize) -> f64 {
        let places = self.places();
        let m = self.mu.len();
        self.side[if index < m { places.paths + index } else { places.columns + index - m }]
    }

    /// The change of π.
    pub fn price_change(&self) -> f64 {
        self.price_row.map_or(0.0, |row| self.side[row] * self.price)
    }

    /// The products of the changes of the complementary pairs.
    pub fn products(&self, sigma: f64, out: &mut Vec<f64>) {
        out.clear();
        let m = self.mu.len();
        for p in 0..m {
            let u = self.relative(p);
            out.push(self.mu[p] * u * (sigma / self.mu[p] - self.slack[p] - self.slack[p] * u));
        }
        if self.mixed() {
            for x in 0..self.columns.len() {
                let u = self.relative(m + x);
                out.push(self.alpha[x] * u * (sigma / self.alpha[x] - self.rest[x] - self.rest[x] * u));
            }
        }
    }

    /// The changes of the slacks at a centring.
    fn slack_change(&self, p: usize, sigma: f64, correct: Option<&[f64]>) -> f64 {
        let target = sigma - correct.map_or(0.0, |c| c[p]);
        target / self.mu[p] - self.slack[p] - self.slack[p] * self.relative(p)
    }

    fn rest_change(&self, x: usize, sigma: f64, correct: Option<&[f64]>) -> f64 {
        let m = self.mu.len();
        let target = sigma - correct.map_or(0.0, |c| c[m + x]);
        target / self.alpha[x] - self.rest[x] - self.rest[x] * self.relative(m + x)
    }

    /// The longest step in [0, 1] that keeps all pairs positive.
    pub fn longest_step(&self, sigma: f64, correct: Option<&[f64]>) -> f64 {
        let mut step = 1.0f64;
        let mut keep = |ratio: f64| {
            if ratio < 0.0 {
                step = step.min(-1.0 / ratio);
            }
        };
        let m = self.mu.len();
        for p in 0..m {
            keep(self.relative(p));
            keep(self.slack_change(p, sigma, correct) / self.slack[p]);
        }
        if self.mixed() {
            for x in 0..self.columns.len() {
                keep(self.relative(m + x));
                keep(self.rest_change(x, sigma, correct) / self.rest[x]);
            }
        }
        if let Some(row) = self.price_row {
            keep(self.side[row]);
        }
        step
    }

    /// The largest change of a logarithm of a band price.
    pub fn band_change(&self) -> f64 {
        let places = self.places();
        self.side[..places.paths].iter().fold(0.0, |most, change| change.abs().max(most))
    }

    /// Sum of products after a step.
    pub fn complementarity_after(&self, step: f64, sigma: f64) -> f64 {
        let m = self.mu.len();
        let mut sum = 0.0;
        for p in 0..m {
            let mu = self.mu[p] * (1.0 + step * self.relative(p));
            sum += mu * (self.slack[p] + step * self.slack_change(p, sigma, None));
        }
        if self.mixed() {
            for x in 0..self.columns.len() {
                let alpha = self.alpha[x] * (1.0 + step * self.relative(m + x));
                sum += alpha * (self.rest[x] + step * self.rest_change(x, sigma, None));
            }
        }
        sum
    }

    /// Takes a step.
    pub fn advance(&mut self, step: f64, sigma: f64, correct: Option<&[f64]>, objective: f64) {
        let places = self.places();
        let m = self.mu.len();
        let slack: Vec<f64> = (0..m).map(|p| self.slack_change(p, sigma, correct)).collect();
        for (p, change) in slack.into_iter().enumerate() {
            self.slack[p] += step * change;
            self.mu[p] *= 1.0 + step * self.relative(p);
        }
        if self.mixed() {
            let rest: Vec<f64> = (0..self.columns.len()).map(|x| self.rest_change(x, sigma, correct)).collect();
            for (x, change) in rest.into_iter().enumerate() {
                self.rest[x] += step * change;
                self.alpha[x] *= 1.0 + step * self.relative(m + x);
            }
            self.theta += step * self.side[places.span - 1] * objective;
        }
        let mut b = 0;
        for band in 0..2 {
            if self.active[band] {
                let change = step * self.side[b];
                // With π on the move both prices grow in proportion: π by a factor 1 + u, and so must λ.
                let with_price = if change > -0.5 { change.ln_1p() } else { change + 0.5 - std::f64::consts::LN_2 };
                self.ln_band[band] += if self.price_row.is_some() { with_price } else { change };
                b += 1;
            }
        }
        self.span += step * self.side[places.span] * self.span;
        self.price += step * self.price_change();
    }

    /// The direction of the next step, so that it can be looked back at.
    pub fn aim(&self, aim: &mut Aim) {
        let places = self.places();
        let m = self.mu.len();
        aim.mu.clear();
        aim.mu.extend((0..m).map(|p| self.mu[p] * self.relative(p)));
        aim.band = [0.0; 2];
        let mut b = 0;
        for band in 0..2 {
            if self.active[band] {
                aim.band[band] = self.side[b];
                b += 1;
            }
        }
        debug_assert_eq!(b, places.paths);
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
    pub fn prices(&self) -> Prices {
        let weight = self.weight();
        let shares = self.paths.iter().zip(&self.mu).map(|(&p, mu)| (p, mu / weight)).filter(|(_, m)| *m > 1e-15);
        let mut shares: Vec<(usize, f64)> = shares.collect();
        let sum: f64 = shares.iter().map(|(_, share)| share).sum();
        shares.iter_mut().for_each(|(_, share)| *share /= sum);
        Prices { ln_band: self.ln_band, shares, price: self.price }
    }
}

/// Where the groups of unknowns begin.
#[derive(Clone, Copy, Debug)]
struct Places {
    paths: usize,
    columns: usize,
    span: usize,
    price: usize,
}
