//! What segments and links cost at given prices: the terms into which the Lagrangian of a choice falls apart.

use super::block::Prices;
use super::instance::{BandPrice, Instance};
use super::paths::Pool;
use super::windows::Windows;

/// Costs of one pipeline shape at one set of prices.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tables {
    pub positions: usize,
    devices: usize,
    cuts: usize,
    /// By (position, device, cut): cost of all blocks before the cut.
    own: Vec<f64>,
    /// By (position, device).
    base: Vec<f64>,
    /// By device: a segment with parameters.
    message: Vec<f64>,
    /// By (position, device, next device, class of the cut).
    link: Vec<f64>,
    classes: usize,
    class_of: Vec<usize>,
    /// Of each class, where coarse tables are filled: the classes that its cost lies between, and how far along.
    between: Vec<(usize, usize, f64)>,
    /// By device, of the link before the first and behind the last.
    entry: Vec<f64>,
    exit: Vec<f64>,
    /// What every choice costs.
    pub constant: f64,
    /// Weight of each stage's seconds, by (phase, position).
    pub stage_weights: Vec<[f64; 2]>,
    weights: Vec<f64>,
    /// Whether all blocks have parameters, or none.
    uniform: bool,
}

/// Cuts with equal bits share a class; (class of each cut 1..L-1, bits of each class).
pub(crate) fn classes(instance: &Instance) -> (Vec<usize>, Vec<f64>) {
    let mut bits: Vec<f64> = Vec::new();
    let mut class_of = vec![0; instance.blocks + 1];
    for (cut, class) in class_of.iter_mut().enumerate().take(instance.blocks).skip(1) {
        let amount = instance.boundary[cut];
        *class = bits.iter().position(|&b| b == amount).unwrap_or_else(|| {
            bits.push(amount);
            bits.len() - 1
        });
    }
    if bits.is_empty() {
        bits.push(0.0);
    }
    (class_of, bits)
}

/// How exactly links are priced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Links {
    /// The cost of a link is a concave function of its bits (the least over all ways to send them, in each of which it is
    /// linear), so that a chord of it is a bound from below: only so many messages are priced, the others lie between.
    Chords,
    Exact,
}

/// Messages that are priced where others lie between them.
const KNOTS: usize = 6;

/// Of each class of messages: the priced ones next to it, and how far it is along from one to the other.
fn between(bits: &[f64]) -> Vec<(usize, usize, f64)> {
    let mut order: Vec<usize> = (0..bits.len()).filter(|&class| bits[class] > 0.0).collect();
    order.sort_by(|&a, &b| bits[a].total_cmp(&bits[b]));
    let mut between: Vec<_> = (0..bits.len()).map(|class| (class, class, 0.0)).collect();
    let (Some(&least), Some(&most)) = (order.first(), order.last()) else { return between };
    if order.len() <= KNOTS {
        return between;
    }
    let ratio = (bits[most] / bits[least]).powf(1.0 / (KNOTS - 1) as f64);
    let mut from = 0;
    while from + 1 < order.len() {
        // As far as the ratio goes, one step at the least.
        let within = |class: &usize| bits[*class] <= bits[order[from]] * ratio * (1.0 + 1e-12);
        let to = (from + 1 + order[from + 2..].iter().take_while(|class| within(class)).count()).min(order.len() - 1);
        let (low, high) = (order[from], order[to]);
        for &class in &order[from + 1..to] {
            between[class] = (low, high, (bits[class] - bits[low]) / (bits[high] - bits[low]));
        }
        from = to;
    }
    between
}

impl Tables {
    /// Fills the tables at prices; only what the windows leave open.
    pub fn fill(
        &mut self,
        instance: &Instance,
        pool: &Pool,
        windows: &Windows,
        (prices, upload): (&Prices, f64),
        links: Links,
    ) {
        let layout = pool.layout;
        let (positions, devices, cuts) = (windows.positions, instance.devices, instance.blocks + 1);
        let before = instance.before();
        let total = instance.iterations * prices.price;
        self.weights.clear();
        self.weights.resize(layout.len(), 0.0);
        for &(path, share) in &prices.shares {
            for (weight, count) in self.weights.iter_mut().zip(pool.path(path)) {
                *weight += total * share * count;
            }
        }
        if self.devices != devices || self.cuts != cuts || self.positions != positions || self.class_of.is_empty() {
            (self.positions, self.devices, self.cuts) = (positions, devices, cuts);
            self.class_of.clear();
        }
        let bits = if self.class_of.is_empty() {
            let (class_of, bits) = classes(instance);
            self.class_of = class_of;
            self.classes = bits.len();
            bits
        } else {
            classes(instance).1
        };
        if links == Links::Chords {
            self.between = between(&bits);
        }
        let w = &self.weights;
        let bands = prices.ln_band.map(BandPrice::from_ln);
        let uses = instance.uses();
        let p = &instance.parameters_before;
        self.uniform = p.windows(2).all(|x| x[1] > x[0]) || p[cuts - 1] == 0.0;
        // What does not depend on the choice.
        let mut constant = upload + prices.price * instance.fixed_seconds;
        let mut used = [false; 2];
        for (end, stage) in [(0, 0), (1, layout.stages - 1)] {
            if let Some(times) = instance.ends[end] {
                constant += (0..2).map(|phase| w[layout.stage(phase, stage)] * times[phase]).sum::<f64>();
            }
        }
        let mut hop = |link: usize, near: usize, far: usize, bits: f64, closed: &mut bool| {
            let mut cost = 0.0;
            for phase in 0..instance.phases() {
                let pair = if phase == 0 { instance.pair(near, far) } else { instance.pair(far, near) };
                let place = layout.link(phase, link);
                cost += w[place] * pair.overhead + w[layout.latency(phase, link)] * pair.latency;
                // What keeps the sender busy is part of its stage.
                cost += w[layout.stage(phase, link + phase)] * pair.staging * bits;
                cost += match instance.band_of(phase) {
                    Some(band) => {
                        used[band] |= bits > 0.0 && pair.medium.shares_band();
                        pair.medium.value(bits, uses, instance.band, w[place], bands[band])
                    }
                    None => pair.medium.send_alone(bits, uses, instance.band, w[place]).value,
                };
            }
            if cost.is_nan() {
                *closed = true;
            }
            cost
        };
        let mut broken = false;
        let usable: Vec<bool> = (0..positions * devices).map(|i| windows.open(i / devices, i % devices)).collect();
        let open = |s: usize, k: usize| usable[s * devices + k];
        self.entry.clear();
        self.exit.clear();
        self.link.clear();
        self.link.resize(positions.saturating_sub(1) * devices * devices * self.classes, f64::INFINITY);
        for k in 0..devices {
            let first =
                if before == 1 && open(0, k) { hop(0, 0, k + 1, instance.boundary[0], &mut broken) } else { 0.0 };
            self.entry.push(first);
            let last = if instance.ends[1].is_some() && open(positions - 1, k) {
                hop(layout.links() - 1, k + 1, devices + 1, instance.boundary[instance.blocks], &mut broken)
            } else {
                0.0
            };
            self.exit.push(last);
        }
        // The cuts at which a segment may begin and end, as far as the windows let anything get there.
        let mut begins = vec![false; cuts];
        begins[0] = true;
        for s in 0..positions.saturating_sub(1) {
            let mut ends = vec![false; cuts];
            for k in 0..devices {
                if !open(s, k) {
                    continue;
                }
                let mut own = vec![false; cuts];
                for first in (s..instance.blocks).filter(|&first| begins[first]) {
                    let (low, high) = windows.get(s, k, first);
                    if low <= high {
                        own[low..=high].fill(true);
                    }
                }
                for j in 0..devices {
                    if j == k || (instance.given && j < k) || !open(s + 1, j) {
                        continue;
                    }
                    let at = ((s * devices + k) * devices + j) * self.classes;
                    for cut in (s + 1..instance.blocks).filter(|&cut| own[cut]) {
                        let (low, high) = windows.get(s + 1, j, cut);
                        let class = self.class_of[cut];
                        if low > high || self.link[at + class] < f64::INFINITY {
                            continue;
                        }
                        let mut price = |class: usize| {
                            let cost = &mut self.link[at + class];
                            if *cost == f64::INFINITY {
                                *cost = hop(s + before, k + 1, j + 1, bits[class], &mut broken);
                            }
                            *cost
                        };
                        let (one, other, along) = match links {
                            Links::Chords => self.between[class],
                            Links::Exact => (class, class, 0.0),
                        };
                        let from = price(one);
                        if one != other {
                            let to = price(other);
                            // Without a link nothing lies between.
                            self.link[at + class] =
                                if (to - from).is_finite() { from + (to - from) * along } else { from };
                        }
                    }
                }
                ends.iter_mut().zip(&own).for_each(|(all, own)| *all |= own);
            }
            begins = ends;
        }
        for band in 0..2 {
            if used[band] {
                constant -= bands[band].value * instance.band;
            }
        }
        self.constant = if broken { f64::NAN } else { constant };
        self.own.clear();
        self.base.clear();
        self.message.clear();
        self.stage_weights.clear();
        let moving: Vec<_> = (0..devices).map(|k| instance.moving(k, prices.price)).collect();
        self.message.extend(moving.iter().map(|m| prices.price * m.message));
        for s in 0..positions {
            let weights = [w[layout.stage(0, s + before)], w[layout.stage(1, s + before)]];
            self.stage_weights.push(weights);
            for (k, moving) in moving.iter().enumerate() {
                let backward = if instance.kind.has_backward() { weights[1] } else { 0.0 };
                self.base.push((weights[0] + backward) * instance.stage_overhead[k]);
                let row = k * cuts;
                let per_bit = if moving.cost.is_finite() { moving.cost } else { 0.0 };
                for cut in 0..cuts {
                    self.own.push(
                        weights[0] * instance.time_before[0][row + cut]
                            + backward * instance.time_before[1][row + cut]
                            + instance.energy_before[row + cut]
                            + per_bit * p[cut],
                    );
                }
            }
        }
    }

    /// Cost of blocks before each cut.
    #[inline]
    pub fn own(&self, position: usize, device: usize) -> &[f64] {
        let at = (position * self.devices + device) * self.cuts;
        &self.own[at..at + self.cuts]
    }

    /// Cost of a segment besides its blocks: (always, where it has parameters).
    #[inline]
    pub fn base(&self, position: usize, device: usize) -> (f64, f64) {
        (self.base[position * self.devices + device], self.message[device])
    }

    /// The best end of a segment that begins at `first`: least of cost + what follows, and where.
    #[inline]
    pub fn best_end(
        &self,
        instance: &Instance,
        (position, device, first): (usize, usize, usize),
        (low, high): (usize, usize),
        after: &[f64],
    ) -> (f64, usize) {
        let own = self.own(position, device);
        let (base, message) = self.base(position, device);
        let p = &instance.parameters_before;
        let mut best = (f64::INFINITY, 0);
        if self.uniform {
            for past in low..=high {
                let cost = own[past] + after[past];
                if cost < best.0 {
                    best = (cost, past);
                }
            }
            let message = if p[instance.blocks] > 0.0 { message } else { 0.0 };
            return (best.0 + (base + message - own[first]), best.1);
        }
        for past in low..=high {
            let cost = own[past] + after[past] + if p[past] > p[first] { message } else { 0.0 };
            if cost < best.0 {
                best = (cost, past);
            }
        }
        (best.0 + (base - own[first]), best.1)
    }

    #[inline]
    pub fn link(&self, position: usize, device: usize, next: usize, cut: usize) -> f64 {
        let at = ((position * self.devices + device) * self.devices + next) * self.classes;
        self.link[at + self.class_of[cut]]
    }

    #[inline]
    pub fn entry(&self, device: usize) -> f64 {
        self.entry[device]
    }

    #[inline]
    pub fn exit(&self, device: usize) -> f64 {
        self.exit[device]
    }
}
