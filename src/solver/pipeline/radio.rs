//! Radio of fixed choices: the interior-point method on the dual of one block, and the decision that it leads to.
//!
//! Every iterate is a bound (any prices prove one) and, where there is one choice, a decision: the hops' times at the
//! current prices, on bandwidths scaled to fill the bands exactly. Critical paths that the block does not know yet are
//! taken from the timeline of the mean durations as the iteration goes on.

use super::block::{Aim, Block, PriceRow, Prices, Upload};
use super::choice::Column;
use super::instance::{BandPrice, Instance, Medium};
use super::paths::Pool;
use crate::solver::hop::{Hop, whole_band_efficiency, whole_band_price};
use std::f64::consts::LN_2;

/// The price of latency, and by when the cluster must be done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    /// V: price of a second of the cluster's latency.
    pub weight: f64,
    /// Longest latency [s].
    pub deadline: Option<f64>,
    /// Who counts the upload.
    pub upload: Upload,
}

/// A transmission as it is decided.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Decided {
    pub band: f64,
    pub power: f64,
    pub time: f64,
}

/// A radio decision of one choice.
#[derive(Clone, Debug)]
pub(crate) struct Allocation {
    /// V·latency + energies.
    pub objective: f64,
    pub latency: f64,
    /// π at which transfers and upload are sent: with a deadline no two iterates have the same.
    pub price: f64,
    /// Of each of the column's hops.
    pub hops: Vec<Decided>,
    /// What one more hertz saves the hops that have the whole band, by the place of their band.
    pub worth: [f64; 2],
}

impl Allocation {
    /// Prices of the energies that the decision takes, where it was found at other prices (of `sender`).
    pub fn energy(&self, instance: &Instance, sender: &Instance, column: &Column) -> f64 {
        let uses = instance.uses();
        let mut energy = column.constant;
        for (hop, decided) in column.hops.iter().zip(&self.hops) {
            energy += uses
                * match hop.medium {
                    Medium::Radio { circuit, energy, .. } => (circuit + energy * decided.power) * decided.time,
                    Medium::Shared { energy, .. } => energy * hop.bits,
                    Medium::Fixed { .. } | Medium::Missing => 0.0,
                };
        }
        let once = |from: usize, to: usize, bits: f64, band: f64| {
            if bits == 0.0 {
                return 0.0;
            }
            let alone = sender.pair(from, to).medium.alone(band, self.price);
            bits * match instance.pair(from, to).medium {
                Medium::Radio { circuit, energy, .. } => (circuit + energy * alone.power.unwrap_or(0.0)) * alone.time,
                Medium::Fixed { energy, .. } | Medium::Shared { energy, .. } => energy,
                Medium::Missing => 0.0,
            }
        };
        for &(device, bits) in &column.moved {
            energy += once(device + 1, 0, bits, instance.band) + once(0, device + 1, bits, instance.band);
        }
        energy + once(0, instance.edge_server(), instance.upload_bits, instance.uplink)
    }
}

/// What a solve of a block brings.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    /// The best bound of all iterates.
    pub bound: f64,
    /// The last prices.
    pub prices: Prices,
    /// Of one choice: the best decision seen.
    pub best: Option<Allocation>,
    /// That of the last prices: where costs agree to their last digits, its times are the truer ones.
    pub last: Option<Allocation>,
    pub iterations: u32,
    /// Shares of the choices.
    pub alpha: Vec<f64>,
}

/// When a solve may end early.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ending {
    /// A bound that is enough.
    pub cutoff: f64,
    /// Relative gap.
    pub accuracy: f64,
    /// Newton steps after that gap is met: an error of a cost is the square of that of its times, and who differentiates
    /// wants these.
    pub polish: u32,
}

/// λ at which a hop would take a given bandwidth at a price of its time.
pub(super) fn price_of_band(medium: &Medium, bits: f64, uses: f64, band: f64, whole: f64, price: f64) -> f64 {
    match *medium {
        Medium::Radio { gain, max_power, circuit, energy } => {
            let (a, z) = (price + uses * circuit, uses * energy);
            let (s, _) = whole_band_efficiency(a, z, gain, band, max_power);
            whole_band_price(a, z, gain, band, max_power, bits * LN_2, s)
        }
        Medium::Shared { rate, .. } => price * bits * whole / rate / (band * band),
        Medium::Fixed { .. } | Medium::Missing => 0.0,
    }
}

/// A solve does not begin at prices at which a band is filled so many times, or to such a part.
const FAR: f64 = 8.0;
/// Tries to come nearer.
const FILLINGS: usize = 8;

/// ln λ of a band that no hop uses: next to nothing.
pub(crate) const UNUSED: f64 = -90.0;

impl Block<'_> {
    /// ln λ at which the hops would share a band, guessed.
    fn guess_band(&self, band: usize) -> f64 {
        let instance = self.instance;
        let uses = instance.uses();
        let price = self.weight() * (1.0 + 0.3 * f64::from(instance.micro_batches - 1));
        let (mut sum, mut count) = (0.0, 0.0);
        for column in &self.columns {
            let sharers = column.hops.iter().filter(|hop| hop.band == Some(band)).count() as f64;
            for hop in column.hops.iter().filter(|hop| hop.band == Some(band)) {
                let share = instance.band / sharers;
                sum += price_of_band(&hop.medium, hop.bits, uses, share, instance.band, price).ln();
                count += 1.0;
            }
        }
        if count > 0.0 { sum / count } else { UNUSED }
    }

    /// Moves prices of bands that are far from filled, or far from enough: what a hop takes of a band goes about with the
    /// price's inverse root.
    fn fill_bands(&mut self, pool: &Pool) {
        for _ in 0..FILLINGS {
            let mut moved = false;
            for band in (0..2).filter(|&band| self.active[band]) {
                let filled = self.filled(band) / self.instance.band;
                if filled.is_finite() && filled > 0.0 && filled.ln().abs() > FAR.ln() {
                    self.ln_band[band] += 2.0 * filled.ln();
                    moved = true;
                }
            }
            if !moved {
                return;
            }
            self.evaluate(pool);
        }
    }

    /// How far the bands are from being filled, relative.
    fn unfilled(&self) -> f64 {
        let off = |band: usize| (self.filled(band) / self.instance.band - 1.0).abs();
        (0..2).filter(|&band| self.active[band]).map(off).fold(0.0, f64::max)
    }

    /// Path weights and band prices to begin with.
    pub(super) fn begin(&mut self, pool: &mut Pool, start: Option<&Prices>) {
        let weight = self.weight();
        self.forget_paths();
        match start {
            Some(start) if !start.shares.is_empty() => {
                let count = start.shares.len() as f64;
                for &(path, share) in &start.shares {
                    self.paths.push(path);
                    self.mu.push(weight * (0.98 * share + 0.02 / count));
                }
                if !self.paths.contains(&0) {
                    self.paths.push(0);
                    self.mu.push(0.01 * weight);
                }
                self.ln_band = start.ln_band;
                for band in 0..2 {
                    if self.active[band] && self.ln_band[band] <= UNUSED {
                        self.ln_band[band] = self.guess_band(band);
                    }
                }
            }
            _ => {
                self.paths.push(0);
                self.mu.push(weight);
                self.ln_band = [0, 1].map(|band| self.guess_band(band));
                self.evaluate(pool);
                for round in 0..4 {
                    pool.makespan(&self.mean);
                    let path = pool.critical();
                    if self.paths.contains(&path) {
                        break;
                    }
                    self.paths.push(path);
                    let share = if round == 0 { 3.0 } else { 1.0 };
                    self.mu.push(weight * share);
                    self.settle();
                    self.evaluate(pool);
                }
            }
        }
        self.settle();
        self.evaluate(pool);
        self.fill_bands(pool);
        let lengths: Vec<f64> = (0..self.mu.len()).map(|p| self.length(p)).collect();
        let most = lengths.iter().copied().fold(0.0, f64::max);
        let room = if start.is_some() { 1e-3 } else { 0.03 };
        self.span = most * (1.0 + room);
        self.slack = lengths.iter().map(|length| self.span - length).collect();
        let least = self.least();
        self.theta = least - room * least.abs().max(1e-300);
        self.rest = self.values.iter().map(|value| value - self.theta).collect();
    }

    /// Takes in the critical path of the mean durations if it matters at this complementarity; returns by how much the
    /// timeline exceeds the span.
    pub(super) fn extend(&mut self, pool: &mut Pool, product: f64) -> f64 {
        let makespan = pool.makespan(&self.mean);
        let known = (0..self.mu.len()).map(|p| self.length(p)).fold(0.0, f64::max);
        let weight = self.weight();
        if makespan - known <= 1e-13 * makespan || (makespan - known) * weight <= 0.2 * product {
            return makespan;
        }
        let path = pool.critical();
        if self.paths.contains(&path) {
            return makespan;
        }
        let mu = 0.02 * weight;
        self.paths.push(path);
        self.mu.push(mu);
        self.settle();
        let room = (product / mu).max(1e-3 * (makespan - known)).max(1e-14 * makespan);
        self.slack.push(room.max(self.span - makespan));
        // The weights have changed, if little.
        self.evaluate(pool);
        makespan
    }

    /// The decision at the current prices, where there is one choice.
    pub(super) fn allocation(&self, pool: &mut Pool, weight: f64) -> Option<Allocation> {
        let [column] = self.columns.as_slice() else { return None };
        let instance = self.instance;
        let uses = instance.uses();
        let mut times = column.fixed.clone();
        let mut energy = column.constant;
        let mut hops = Vec::with_capacity(column.hops.len());
        let bands = self.ln_band.map(BandPrice::from_ln);
        let mut worth = [0.0; 2];
        for (hop, sent) in column.hops.iter().zip(self.hops_of[0].iter().map(|&hop| &self.sent[hop])) {
            let time_price = self.weights[hop.place];
            let share = hop.band.map(|at| (bands[at], sent.band * (instance.band / self.filled(at))));
            let decided = match (hop.medium, share) {
                (Medium::Radio { gain, max_power, circuit, energy: price }, Some((at, band))) => {
                    let radio = Hop::new(hop.bits * LN_2, gain, max_power, time_price + uses * circuit, uses * price);
                    let sent = radio.resend(radio.free(at.value, at.ln), band);
                    energy += uses * (circuit + price * sent.power) * sent.time;
                    Decided { band, power: sent.power, time: sent.time }
                }
                (medium @ Medium::Radio { circuit, energy: price, .. }, None) => {
                    let band = instance.band;
                    let bit = medium.alone(band, time_price / uses);
                    let (power, time) = (bit.power.unwrap_or(0.0), bit.time * hop.bits);
                    energy += uses * (circuit + price * power) * time;
                    let phase = usize::from(hop.place >= pool.layout.link(1, 0));
                    worth[instance.place_of(phase)] += price_of_band(&medium, hop.bits, uses, band, band, time_price);
                    Decided { band, power, time }
                }
                (Medium::Shared { rate, energy: price }, Some((_, band))) => {
                    energy += uses * price * hop.bits;
                    Decided { band, power: 0.0, time: hop.bits * instance.band / (band * rate) }
                }
                (Medium::Shared { .. }, None) | (Medium::Fixed { .. } | Medium::Missing, _) => return None,
            };
            times[hop.place] += decided.time;
            hops.push(decided);
        }
        let makespan = pool.makespan(&times);
        let extra = self.extra[0];
        for &(device, bits) in &column.moved {
            let moving = instance.moving(device, self.price);
            energy += (moving.cost - self.price * moving.time) * bits;
        }
        energy += self.uploaded.value - self.price * self.uploaded.time;
        let latency = instance.iterations * makespan + extra;
        let objective = weight * latency + energy;
        objective.is_finite().then_some(Allocation { objective, latency, price: self.price, hops, worth })
    }
}

/// A step is searched along its line until the slope's size there is at most this share of that at its beginning.
const BEYOND: f64 = 0.5;

/// The largest number of Newton steps of one solve.
const MOST_STEPS: u32 = 80;

/// Maximizes the block's dual at a target.
pub(crate) fn optimize(
    block: &mut Block,
    pool: &mut Pool,
    target: Target,
    start: Option<&Prices>,
    ending: Ending,
) -> Outcome {
    let weight = target.weight;
    // ν, and what is left to the deadline.
    let mut late = target.deadline.map(|_| {
        let price = start.map_or(weight, |start| start.price);
        ((price - weight).max(0.02 * weight), 0.0)
    });
    block.price = weight + late.map_or(0.0, |(nu, _)| nu);
    block.begin(pool, start);
    if let (Some(late), Some(deadline)) = (&mut late, target.deadline) {
        late.1 = (deadline - block.latency()).max(1e-3 * deadline);
    }
    let mut outcome = Outcome {
        bound: f64::NEG_INFINITY,
        prices: Prices::default(),
        best: None,
        last: None,
        iterations: 0,
        alpha: Vec::new(),
    };
    let mut products = Vec::new();
    let mut aim = Aim::default();
    let (mut missed, mut polished) = (0.0, 0);
    let single = block.columns.len() == 1;
    let due_slope = |late: Option<(f64, f64)>, sigma: f64| match (late, target.deadline) {
        (Some((nu, _)), Some(deadline)) => sigma / nu - deadline,
        _ => 0.0,
    };
    loop {
        let due = match (late, target.deadline) {
            (Some((nu, _)), Some(deadline)) => nu * deadline,
            _ => 0.0,
        };
        let dual = block.least() - due;
        if dual > outcome.bound {
            outcome.bound = dual;
        }
        let scale = dual.abs().max(1e-300);
        let (count, sum) = block.complementarity();
        let (count, sum) = match late {
            Some((nu, room)) => (count + 1.0, sum + nu * room),
            None => (count, sum),
        };
        let mean = (sum + missed) / count.max(1.0);
        let makespan = block.extend(pool, mean);
        if outcome.bound >= ending.cutoff || !dual.is_finite() {
            break;
        }
        if single {
            // Worth a decision only when it is near.
            if sum <= 1e-2 * scale || outcome.iterations >= 8 {
                if let Some(found) = block.allocation(pool, weight) {
                    let kept = target.deadline.is_none_or(|deadline| found.latency <= deadline * (1.0 + 1e-10));
                    outcome.last = Some(found.clone());
                    if kept && outcome.best.as_ref().is_none_or(|best| found.objective < best.objective) {
                        outcome.best = Some(found);
                    }
                }
                let gap = outcome
                    .best
                    .as_ref()
                    .map_or(f64::INFINITY, |best| (best.objective - outcome.bound) / best.objective.abs().max(1e-300));
                if gap <= ending.accuracy {
                    if polished >= ending.polish || sum + missed <= 1e-15 * scale {
                        break;
                    }
                    polished += 1;
                }
            }
        } else {
            let beyond = (makespan - block.span).max(0.0) * block.weight();
            if sum + missed + beyond <= ending.accuracy * scale {
                break;
            }
        }
        if outcome.iterations >= MOST_STEPS || (mean <= 1e-17 * scale && block.unfilled() <= 1e-8) {
            break;
        }
        outcome.iterations += 1;
        let row = |sigma: f64, correction: f64, late: Option<(f64, f64)>, block: &Block| {
            let ((nu, room), deadline) = (late?, target.deadline?);
            let reach = block.latency() - deadline;
            Some(PriceRow { compliance: room / nu, side: -reach - (sigma - correction) / nu })
        };
        let objective = scale;
        if !block.factor(objective, row(0.0, 0.0, late, block)) {
            break;
        }
        block.right_side(0.0, None, objective, row(0.0, 0.0, late, block));
        let late_change = |sigma: f64, correction: f64, block: &Block| {
            let (nu, room) = late.unwrap_or((1.0, 1.0));
            let change = block.price_change();
            (change, (sigma - correction) / nu - room - room / nu * change)
        };
        let mut step = block.longest_step(0.0, None);
        let mut after = 0.0;
        let mut late_product = 0.0;
        if let Some((nu, room)) = late {
            let (change, room_change) = late_change(0.0, 0.0, block);
            step = step.min(longest(nu, change)).min(longest(room, room_change));
            after = (nu + step * change) * (room + step * room_change);
            late_product = change * room_change;
        }
        after += block.complementarity_after(step, 0.0);
        let ratio = (after / sum).clamp(1e-4, 1.0);
        let sigma = mean * ratio.powi(2).max(1e-3);
        block.products(0.0, &mut products);
        let mut trust = step > 0.3;
        let mut sigma = sigma;
        let (correct, late_product, rise) = loop {
            let correct = trust.then_some(products.as_slice());
            let late_product = if trust { late_product } else { 0.0 };
            block.right_side(sigma, correct, objective, row(sigma, late_product, late, block));
            block.aim(&mut aim);
            let rise = block.slope(&aim, sigma) + due_slope(late, sigma) * aim.price;
            if rise > 0.0 || !trust {
                break (correct, late_product, rise);
            }
            // What the products of an affine step say is worth nothing here.
            trust = false;
            sigma = sigma.max(0.2 * mean);
        };
        let mut step = block.longest_step(sigma, correct);
        if let Some((nu, room)) = late {
            let (change, room_change) = late_change(sigma, late_product, block);
            step = step.min(longest(nu, change)).min(longest(room, room_change));
        }
        step = if step < 1.0 { 0.95 * step } else { 1.0 };
        let most = block.band_change();
        let longest_step = if late.is_some() { 4.0 } else { 1.5 };
        if most * step > longest_step {
            step = longest_step / most;
        }
        if !step.is_finite() || step <= 0.0 {
            break;
        }
        let before = late;
        let (mut low, mut high) = (0.0, f64::INFINITY);
        for left in (0..8).rev() {
            if let (Some((nu, room)), Some((old_nu, old_room))) = (&mut late, before) {
                let change = aim.price;
                *nu = old_nu + step * change;
                *room = old_room + step * ((sigma - late_product) / old_nu - old_room - old_room / old_nu * change);
            }
            block.advance(step, sigma, correct, objective);
            if let Some((nu, _)) = late {
                block.price = weight + nu;
            }
            block.settle();
            block.evaluate(pool);
            let slope = block.slope(&aim, sigma) + due_slope(late, sigma) * aim.price;
            let searched = rise > 0.0 && left > 0;
            if searched && slope < -BEYOND * rise {
                high = step;
            } else if searched && slope > BEYOND * rise && high.is_finite() && high > 1.5 * step {
                low = step;
            } else {
                break;
            }
            step = if low > 0.0 { (low * high).sqrt() } else { step * (rise / (rise - slope)).clamp(0.1, 0.7) };
            block.retreat(&aim);
        }
        missed = block.close(sigma);
        if let (Some((nu, room)), Some(deadline)) = (&mut late, target.deadline) {
            let left = deadline - block.latency();
            if left >= 0.3 * *room {
                *room = left;
            } else {
                *room = (0.3 * *room).max(0.1 * sigma / *nu);
                missed += *nu * (*room - left);
            }
        }
    }
    outcome.prices = block.prices(pool);
    outcome.alpha.clone_from(&block.alpha);
    outcome
}

fn longest(value: f64, change: f64) -> f64 {
    if change < 0.0 { -value / change } else { f64::INFINITY }
}
