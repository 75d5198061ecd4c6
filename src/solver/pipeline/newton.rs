//! One Newton step of the interior-point method on a block.

use super::block::{Block, PriceRow};
use super::condensed::Condensed;
use super::paths::dot;

/// Where the groups of unknowns begin; the paths are first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Places {
    pub bands: usize,
    pub weights: usize,
    pub columns: usize,
    pub span: usize,
    pub price: usize,
}

impl Block<'_> {
    /// Whether paths are eliminated by weights of the places with messages, of which there are fewer.
    fn eliminates(&self) -> bool {
        self.mu.len() > self.places.len()
    }

    /// Index of the unknowns: paths, bands, weights of the places with messages where those eliminate the paths, choices, θ,
    /// span, π.
    pub(super) fn places(&self) -> Places {
        let bands = self.mu.len();
        let weights = bands + usize::from(self.active[0]) + usize::from(self.active[1]);
        let columns = weights + if self.eliminates() { self.places.len() } else { 0 };
        let span = columns + if self.mixed() { self.columns.len() + 1 } else { 0 };
        Places { bands, weights, columns, span, price: span + 1 }
    }

    /// Factors the Newton system; `row` says how π may move. `false` where it is singular.
    pub fn factor(&mut self, objective: f64, row: Option<PriceRow>) -> bool {
        let places = self.places();
        let m = self.mu.len();
        // Places in the head, which the paths belong to where they are not eliminated.
        let eliminates = self.eliminates();
        let before = if eliminates { m } else { 0 };
        let (weights, columns) = (places.weights - before, places.columns - before);
        let (theta, span, price) = (places.span - 1 - before, places.span - before, places.price - before);
        let size = price + usize::from(row.is_some());
        let mut system = std::mem::take(&mut self.system);
        system.reset(size);
        let bands = self.ln_band.map(f64::exp);
        // Where a band's price stands in the head.
        let at = [0, usize::from(self.active[0])].map(|band| places.bands - before + band);
        self.carried.clear();
        self.carried.resize(self.hops.len(), 0.0);
        for (alpha, hops) in self.alpha.iter().zip(&self.hops_of) {
            hops.iter().for_each(|&hop| self.carried[hop] += alpha);
        }
        // By place: how its time answers its weight, and the price of its band.
        self.reactions.clear();
        self.reactions.resize(self.places.len(), (0.0, 0.0, 0));
        for (((hop, sent), &alpha), &slot) in self.hops.iter().zip(&self.sent).zip(&self.carried).zip(&self.slots) {
            let reaction = &mut self.reactions[slot];
            reaction.0 += alpha * sent.time_by_price;
            if let Some(band) = hop.band {
                reaction.1 += alpha * sent.time_by_band;
                reaction.2 = at[band];
                system.add(at[band], alpha * bands[band] * sent.band_by_band);
            }
        }
        // Everything in units of the objective.
        self.scale.clear();
        self.scale.resize(size, 1.0);
        if eliminates {
            self.places_answer(&mut system, weights);
        } else {
            self.scale[..m].copy_from_slice(&self.mu);
        }
        if self.mixed() {
            for x in 0..self.columns.len() {
                system.add(columns + x, self.rest[x] / self.alpha[x]);
                system.add_both(columns + x, theta, -1.0);
                for band in 0..2 {
                    if self.active[band] {
                        let beyond = self.bands[x][band] - self.instance.band;
                        system.add_both(columns + x, at[band], bands[band] * beyond);
                    }
                }
                if row.is_some() {
                    system.add_both(columns + x, price, self.extra[x]);
                }
                self.scale[columns + x] = self.alpha[x];
            }
            self.scale[theta] = objective;
        }
        self.scale[span] = self.span;
        self.price_row = None;
        if let Some(row) = row {
            system.add_both(span, price, self.instance.iterations);
            system.add(price, dot(&self.alpha, &self.extra_slope) - row.compliance);
            self.scale[price] = self.price;
            self.price_row = Some(places.price);
        }
        if !eliminates {
            self.keep_paths(&mut system, (columns, span));
        }
        system.scale(&self.scale, objective);
        if eliminates {
            self.eliminate(&mut system, (weights, columns, span), objective);
        }
        let done = system.factor();
        self.system = system;
        done
    }

    /// The rows of the places with messages, from `weights` on.
    fn places_answer(&mut self, system: &mut Condensed, weights: usize) {
        for (slot, &(by_weight, ..)) in self.reactions.iter().enumerate() {
            // A place that answers nothing has a weight that nothing asks for.
            let (own, scale) = if by_weight < 0.0 { (-by_weight, self.weights[self.places[slot]]) } else { (1.0, 1.0) };
            system.add(weights + slot, own);
            self.scale[weights + slot] = scale;
        }
    }

    /// The paths as unknowns of the head, where they are the first.
    fn keep_paths(&self, system: &mut Condensed, (columns, span): (usize, usize)) {
        let m = self.mu.len();
        for (&(by_weight, by_band, band), counts) in self.reactions.iter().zip(&self.counts) {
            for (p, &count) in counts.iter().enumerate().filter(|(_, count)| **count != 0.0) {
                system.add_both(band, p, count * by_band);
                system.add_products(p, count * by_weight, &counts[..=p]);
            }
        }
        system.mirror(m);
        for p in 0..m {
            system.add(p, -self.slack[p] / self.mu[p]);
            system.add_both(p, span, -1.0);
            if self.mixed() {
                self.lengths.iter().enumerate().for_each(|(x, lengths)| system.add_both(columns + x, p, lengths[p]));
            }
        }
    }

    /// The paths as rows of their own.
    fn eliminate(&self, system: &mut Condensed, (weights, columns, span): (usize, usize, usize), objective: f64) {
        for p in 0..self.mu.len() {
            let mu = self.mu[p];
            let line = system.path(self.slack[p] * mu / objective);
            for (slot, (&(by_weight, by_band, band), counts)) in self.reactions.iter().zip(&self.counts).enumerate() {
                let count = counts[p];
                if count != 0.0 {
                    line[band] += count * by_band;
                    line[weights + slot] += count * by_weight;
                }
            }
            if self.mixed() {
                for (x, lengths) in self.lengths.iter().enumerate() {
                    line[columns + x] = lengths[p];
                }
            }
            line[span] = -1.0;
            let mu = mu / objective;
            line.iter_mut().zip(&self.scale).for_each(|(value, scale)| *value *= mu * scale);
        }
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
        let mut b = places.bands;
        for band in 0..2 {
            if self.active[band] {
                let filled = self.filled(band);
                side[b] = self.ln_band[band].exp() * filled * (self.instance.band / filled).ln();
                b += 1;
            }
        }
        for p in 0..m {
            side[p] = self.span - self.length(p) - target(p) / self.mu[p];
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
        let paths = if self.eliminates() { self.mu.as_slice() } else { &[] };
        for (value, scale) in side.iter_mut().zip(paths.iter().chain(&self.scale)) {
            *value *= scale / objective;
        }
        self.system.solve(&mut side);
        self.side = side;
    }

    /// d latency/dπ with everything else at its best.
    pub fn response(&mut self, objective: f64) -> f64 {
        if !self.factor(objective, None) {
            return 0.0;
        }
        let span = self.places().span;
        let mut side = vec![0.0; self.places().price];
        side[span] = -self.instance.iterations * self.span / objective;
        self.system.solve(&mut side);
        let slope = self.instance.iterations * side[span] * self.span + dot(&self.alpha, &self.extra_slope);
        if slope.is_finite() { slope } else { 0.0 }
    }

    /// Relative changes: of the paths' weights, then of the choices'.
    pub fn relative(&self, index: usize) -> f64 {
        let places = self.places();
        let m = self.mu.len();
        self.side[if index < m { index } else { places.columns + index - m }]
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
        self.side[places.bands..places.weights].iter().fold(0.0, |most, change| change.abs().max(most))
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
        let mut b = places.bands;
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
}
