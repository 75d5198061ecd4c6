//! The cheapest choice in any order, of more devices than have sets that could be gone through: bounded by walks.
//!
//! A walk is a pipeline that may come to a device more often than once. The least Lagrangian of the walks is at most that
//! of the choices, and a program over position, device and cut finds it. Two things bring it up: every visit costs a toll,
//! and each device pays its toll back once, so that choices cost what they did (or less, where a device with a toll stays
//! out) and walks more; and a few devices are remembered, to which no walk returns. Devices that differ in nothing are one
//! kind: a walk may come to it as often as it has members, and is a choice then.

use super::cheapest::Bounded;
use super::choice::Choice;
use super::instance::Instance;
use super::tables::Tables;
use super::windows::Windows;

/// Most devices that are remembered, and most numbers of the program.
const MOST_REMEMBERED: usize = 5;
const MOST_STATES: usize = 400_000;
/// Rounds in which tolls are changed at one set of prices, and where nothing says yet what they are worth.
const ROUNDS: usize = 12;
const FIRST_ROUNDS: usize = 3;
/// Exchanges are tried where the choice found costs more than the bound by this, relative to it, and so often.
const WORTH_A_LOOK: f64 = 1e-5;
const SWEEPS: usize = 4;

/// Tolls, memory and buffers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Walks {
    /// By device, kept from call to call.
    tolls: Vec<f64>,
    remembered: Vec<usize>,
    open: Vec<f64>,
    shut: Vec<f64>,
    /// Places touched by the last call, for accounting.
    pub work: u64,
}

/// Devices that differ in nothing: the least member of each one's kind, and how many it has.
struct Kinds {
    of: Vec<usize>,
    members: Vec<usize>,
    /// Whether a device may stand at a position.
    open: Vec<bool>,
    /// At how many positions it may stand.
    places: Vec<usize>,
}

impl Kinds {
    fn new(instance: &Instance, windows: &Windows) -> Self {
        let (devices, positions) = (instance.devices, windows.positions);
        let open: Vec<bool> = (0..positions * devices).map(|at| windows.open(at / devices, at % devices)).collect();
        let places = (0..devices).map(|k| (0..positions).filter(|s| open[s * devices + k]).count()).collect();
        let alike = |k: usize, j: usize| {
            instance.interchangeable(k, j)
                && (0..positions)
                    .all(|s| (s..instance.blocks).all(|first| windows.get(s, k, first) == windows.get(s, j, first)))
        };
        let mut of: Vec<usize> = Vec::with_capacity(devices);
        for k in 0..devices {
            let kind = (0..k).find(|&j| of[j] == j && alike(j, k)).unwrap_or(k);
            of.push(kind);
        }
        let mut members = vec![0; devices];
        of.iter().for_each(|&kind| members[kind] += 1);
        Self { of, members, open, places }
    }

    /// How often a walk comes to each kind.
    fn visits(&self, walk: &Choice) -> Vec<usize> {
        let mut visits = vec![0; self.of.len()];
        walk.devices.iter().for_each(|&k| visits[self.of[usize::from(k)]] += 1);
        visits
    }

    /// Where a walk comes to a kind that it comes to too often: the dearest of those segments, with its device.
    fn again(&self, tables: &Tables, walk: &Choice, visits: &[usize]) -> Option<(usize, usize)> {
        let excess = |kind: usize| visits[kind].saturating_sub(self.members[kind]);
        let kind = (0..visits.len()).filter(|&kind| excess(kind) > 0).max_by_key(|&kind| excess(kind))?;
        let cost = |(s, k, first, past): (usize, usize, usize, usize)| tables.own(s, k)[past] - tables.own(s, k)[first];
        let segments = walk.segments().filter(|segment| self.of[segment.1] == kind);
        segments.max_by(|a, b| cost(*a).total_cmp(&cost(*b))).map(|(s, k, _, _)| (s, k))
    }

    /// The walk as a choice, each visit by another member of the kind; `None` where there are more visits than members.
    fn choice(&self, walk: &Choice) -> Option<Choice> {
        let mut used = vec![false; self.of.len()];
        let mut devices = Vec::with_capacity(walk.devices.len());
        for &k in &walk.devices {
            let kind = self.of[usize::from(k)];
            let free = (kind..self.of.len()).find(|&j| self.of[j] == kind && !used[j])?;
            used[free] = true;
            devices.push(u16::try_from(free).ok()?);
        }
        Some(Choice { devices, cuts: walk.cuts.clone() })
    }
}

impl Walks {
    /// Bounds a region and looks for its best choice; `None` where not even a walk is in it. A bound of `enough` ends it.
    pub fn find(&mut self, instance: &Instance, tables: &Tables, windows: &Windows, enough: f64) -> Option<Bounded> {
        self.work = 0;
        let kinds = Kinds::new(instance, windows);
        if instance.all && kinds.places.contains(&0) {
            return None;
        }
        if self.tolls.len() != instance.devices {
            self.tolls = vec![0.0; instance.devices];
            self.remembered.clear();
        }
        let labelled = self.labelled(instance, tables, windows, &kinds);
        let mut best = labelled.map(|choice| (cost(instance, tables, &choice), choice));
        let mut out: Option<Bounded> = None;
        let mut pace = 1.0;
        let rounds = if enough.is_finite() { ROUNDS } else { FIRST_ROUNDS };
        for round in 0..rounds {
            let paid: f64 = (0..instance.devices).map(|k| self.back(instance, &kinds, k)).sum();
            let (value, walk) = self.cheapest(instance, tables, windows, &kinds)?;
            let bound = value - paid;
            let visits = kinds.visits(&walk);
            let choice = kinds.choice(&walk);
            if let Some(choice) = &choice {
                let cost = cost(instance, tables, choice);
                if best.as_ref().is_none_or(|(least, _)| cost < *least) {
                    best = Some((cost, choice.clone()));
                }
            }
            if out.as_ref().is_none_or(|known| bound > known.bound) {
                let again = if choice.is_none() { kinds.again(tables, &walk, &visits) } else { None };
                out = Some(Bounded { bound, choice: None, again });
            } else {
                pace *= 0.6;
            }
            if round == 0 && bound < enough {
                best = best.map(|found| self.improved(instance, tables, windows, found, bound));
            }
            // Tolls rise where a walk returns, and fall where it stays away.
            let room = best.as_ref().map_or(0.02 * bound.abs(), |(least, _)| least - bound);
            if room <= 1e-11 * bound.abs() || bound >= enough {
                break;
            }
            let step = |k: usize| {
                let excess = visits[k] as f64 - kinds.members[k] as f64;
                let stays = !instance.all && excess < 0.0 && self.tolls[k] <= 0.0;
                if stays || !self.tolled(instance, &kinds, k) { 0.0 } else { excess }
            };
            let steps: Vec<f64> = (0..instance.devices).map(step).collect();
            let norm: f64 = steps.iter().map(|step| step * step).sum();
            if norm == 0.0 {
                break;
            }
            for (toll, step) in self.tolls.iter_mut().zip(&steps) {
                *toll += pace * room / norm * step;
                if !instance.all {
                    *toll = toll.max(0.0);
                }
            }
            if round == rounds / 2 && choice.is_none() {
                self.remember(instance, windows, &kinds, &visits);
            }
        }
        out.map(|out| Bounded { choice: best.map(|(_, choice)| choice), ..out })
    }

    /// Whether visits of a kind cost a toll: where a walk could come too often, or where every device has to take part.
    fn tolled(&self, instance: &Instance, kinds: &Kinds, kind: usize) -> bool {
        kinds.of[kind] == kind && (instance.all || kinds.places[kind] > kinds.members[kind]) && kinds.places[kind] > 0
    }

    /// What a kind pays back.
    fn back(&self, instance: &Instance, kinds: &Kinds, kind: usize) -> f64 {
        if self.tolled(instance, kinds, kind) { self.tolls[kind] * kinds.members[kind] as f64 } else { 0.0 }
    }

    fn toll(&self, instance: &Instance, kinds: &Kinds, device: usize) -> f64 {
        let kind = kinds.of[device];
        if self.tolled(instance, kinds, kind) { self.tolls[kind] } else { 0.0 }
    }

    /// Remembers one more device to which the walk has returned.
    fn remember(&mut self, instance: &Instance, windows: &Windows, kinds: &Kinds, visits: &[usize]) {
        let states = windows.positions * instance.devices * (instance.blocks + 1);
        let room = self.remembered.len() < MOST_REMEMBERED && states << (self.remembered.len() + 1) <= MOST_STATES;
        let new = |k: &usize| visits[*k] > 1 && kinds.members[*k] == 1 && !self.remembered.contains(k);
        if let Some(device) = (0..instance.devices).filter(new).max_by_key(|&k| visits[k]).filter(|_| room) {
            self.remembered.push(device);
        }
    }

    /// The cheapest walk with tolls.
    fn cheapest(
        &mut self,
        instance: &Instance,
        tables: &Tables,
        windows: &Windows,
        kinds: &Kinds,
    ) -> Option<(f64, Choice)> {
        let (positions, devices, cuts) = (windows.positions, instance.devices, instance.blocks + 1);
        let blocks = instance.blocks;
        let memories = 1usize << self.remembered.len();
        let bit = |k: usize| self.remembered.iter().position(|&known| known == k).map_or(0, |at| 1usize << at);
        let bits: Vec<usize> = (0..devices).map(bit).collect();
        let tolls: Vec<f64> = (0..devices).map(|k| self.toll(instance, kinds, k)).collect();
        let at = |s: usize, k: usize, memory: usize| ((s * devices + k) * memories + memory) * cuts;
        let mut open = std::mem::take(&mut self.open);
        open.clear();
        open.resize(positions * devices * memories * cuts, f64::INFINITY);
        let mut shut = std::mem::take(&mut self.shut);
        shut.clear();
        shut.resize(cuts, f64::INFINITY);
        // From position s with device k and this memory: may j come next, and with which memory.
        let next = |s: usize, k: usize, memory: usize, j: usize| -> Option<usize> {
            let again = j == k && kinds.members[kinds.of[k]] == 1;
            (!again && kinds.open[(s + 1) * devices + j] && memory & bits[j] == 0).then_some(memory | bits[j])
        };
        let mut work = 0;
        let follow = |open: &[f64], shut: &mut [f64], (s, k, memory): (usize, usize, usize)| -> u64 {
            shut.fill(f64::INFINITY);
            if s + 1 == positions {
                shut[blocks] = tables.exit(k);
                return 1;
            }
            let mut work = 0;
            for j in 0..devices {
                let Some(then) = next(s, k, memory, j) else { continue };
                // The link from a device to another of its kind, where it comes to itself.
                let (from, to) = twin(kinds, k, j);
                let here = at(s + 1, j, then);
                let open = &open[here..here + cuts];
                for past in s + 1..blocks {
                    let cost = tables.link(s, from, to, past) + tolls[j] + open[past];
                    if cost < shut[past] {
                        shut[past] = cost;
                    }
                }
                work += cuts as u64;
            }
            work
        };
        for s in (0..positions).rev() {
            for k in (0..devices).filter(|&k| kinds.open[s * devices + k]) {
                for memory in (0..memories).filter(|memory| memory & bits[k] == bits[k]) {
                    if memory.count_ones() as usize > s + 1 {
                        continue;
                    }
                    work += follow(&open, &mut shut, (s, k, memory));
                    let here = at(s, k, memory);
                    for first in s..blocks {
                        let (low, high) = windows.get(s, k, first);
                        if low <= high {
                            open[here + first] = tables.best_end(instance, (s, k, first), (low, high), &shut).0;
                            work += (high - low + 4) as u64;
                        }
                    }
                }
            }
        }
        let start = |k: usize| tables.entry(k) + tolls[k] + open[at(0, k, bits[k])];
        let first = (0..devices).min_by(|&a, &b| start(a).total_cmp(&start(b)));
        let walk = first.filter(|&k| start(k).is_finite()).and_then(|first| {
            let total = start(first);
            let mut walk = Choice { devices: Vec::with_capacity(positions), cuts: Vec::with_capacity(positions) };
            let (mut k, mut memory, mut cut) = (first, bits[first], 0);
            for s in 0..positions {
                follow(&open, &mut shut, (s, k, memory));
                let (_, past) = tables.best_end(instance, (s, k, cut), windows.get(s, k, cut), &shut);
                walk.devices.push(u16::try_from(k).ok()?);
                walk.cuts.push(u16::try_from(past).ok()?);
                cut = past;
                if s + 1 < positions {
                    let cost = |j: usize| {
                        let (from, to) = twin(kinds, k, j);
                        next(s, k, memory, j).map_or(f64::INFINITY, |then| {
                            tables.link(s, from, to, past) + tolls[j] + open[at(s + 1, j, then) + past]
                        })
                    };
                    let best = (0..devices).min_by(|&a, &b| cost(a).total_cmp(&cost(b)))?;
                    memory = next(s, k, memory, best)?;
                    k = best;
                }
            }
            Some((total + tables.constant, walk))
        });
        self.open = open;
        self.shut = shut;
        self.work += work;
        walk
    }

    /// A choice from labels that never return: of each position, device and cut only the cheapest is kept.
    fn labelled(&mut self, instance: &Instance, tables: &Tables, windows: &Windows, kinds: &Kinds) -> Option<Choice> {
        let (positions, devices, cuts) = (windows.positions, instance.devices, instance.blocks + 1);
        let blocks = instance.blocks;
        #[derive(Clone, Copy)]
        struct Label {
            cost: f64,
            used: u128,
            before: usize,
            from: usize,
        }
        const NONE: Label = Label { cost: f64::INFINITY, used: 0, before: 0, from: 0 };
        let mut labels = vec![NONE; positions * devices * cuts];
        let at = |s: usize, k: usize, cut: usize| (s * devices + k) * cuts + cut;
        for s in 0..positions {
            for k in (0..devices).filter(|&k| kinds.open[s * devices + k]) {
                let (own, (base, message)) = (tables.own(s, k), tables.base(s, k));
                for first in s..blocks {
                    let (low, high) = windows.get(s, k, first);
                    if low > high {
                        continue;
                    }
                    let begun = if s == 0 {
                        Some((tables.entry(k), 0, 0)).filter(|_| first == 0)
                    } else {
                        (0..devices)
                            .map(|j| (j, labels[at(s - 1, j, first)]))
                            .filter(|(_, label)| label.used >> k & 1 == 0 && label.cost.is_finite())
                            .map(|(j, label)| (label.cost + tables.link(s - 1, j, k, first), label.used, j))
                            .min_by(|a, b| a.0.total_cmp(&b.0))
                    };
                    let Some((begun, used, before)) = begun else { continue };
                    for past in low..=high {
                        let sent = instance.parameters_before[past] > instance.parameters_before[first];
                        let cost = begun + base + if sent { message } else { 0.0 } + (own[past] - own[first]);
                        let label = &mut labels[at(s, k, past)];
                        if cost < label.cost {
                            *label = Label { cost, used: used | 1 << k, before, from: first };
                        }
                    }
                    self.work += (high - low + 1 + devices) as u64;
                }
            }
        }
        let end = |k: usize| labels[at(positions - 1, k, blocks)].cost + tables.exit(k);
        let mut k = (0..devices).min_by(|&a, &b| end(a).total_cmp(&end(b))).filter(|&k| end(k).is_finite())?;
        let mut choice = Choice { devices: vec![0; positions], cuts: vec![0; positions] };
        let mut cut = blocks;
        for s in (0..positions).rev() {
            let label = labels[at(s, k, cut)];
            choice.devices[s] = u16::try_from(k).ok()?;
            choice.cuts[s] = u16::try_from(cut).ok()?;
            (k, cut) = (label.before, label.from);
        }
        Some(choice)
    }

    /// A choice after exchanges of devices, each with the best cuts, while that is worth it; with what it costs.
    fn improved(
        &mut self,
        instance: &Instance,
        tables: &Tables,
        windows: &Windows,
        (mut least, mut best): (f64, Choice),
        bound: f64,
    ) -> (f64, Choice) {
        for _ in 0..SWEEPS {
            let before = least;
            if least - bound <= WORTH_A_LOOK * bound.abs() {
                break;
            }
            for (s, other) in (0..windows.positions).flat_map(|s| (0..instance.devices).map(move |other| (s, other))) {
                let mut order = best.devices.clone();
                match order.iter().position(|&k| usize::from(k) == other) {
                    Some(place) if place > s => order.swap(s, place),
                    Some(_) => continue,
                    None => order[s] = other as u16,
                }
                if let Some((cost, found)) = self.cut(instance, tables, windows, &order)
                    && cost < least
                {
                    (least, best) = (cost, found);
                }
            }
            if least >= before {
                break;
            }
        }
        (least, best)
    }

    /// The best cuts for devices in an order.
    fn cut(&mut self, instance: &Instance, tables: &Tables, windows: &Windows, order: &[u16]) -> Option<(f64, Choice)> {
        let blocks = instance.blocks;
        let device = |s: usize| usize::from(order[s]);
        let (cuts, last) = (blocks + 1, order.len() - 1);
        // What follows a segment at a position, by the cut behind it.
        let behind = |s: usize, open: &[f64]| -> Vec<f64> {
            let mut shut = vec![f64::INFINITY; cuts];
            if s == last {
                shut[blocks] = tables.exit(device(s));
            } else {
                for past in s + 1..blocks {
                    shut[past] = tables.link(s, device(s), device(s + 1), past) + open[(s + 1) * cuts + past];
                }
            }
            shut
        };
        let mut open = vec![f64::INFINITY; order.len() * cuts];
        for s in (0..order.len()).rev() {
            let shut = behind(s, &open);
            for first in s..blocks {
                let (low, high) = windows.get(s, device(s), first);
                if low <= high {
                    let segment = (s, device(s), first);
                    open[s * cuts + first] = tables.best_end(instance, segment, (low, high), &shut).0;
                    self.work += (high - low + 1) as u64;
                }
            }
        }
        let total = tables.entry(device(0)) + open[0];
        if !total.is_finite() {
            return None;
        }
        let mut ends = Vec::with_capacity(order.len());
        let mut cut = 0;
        for s in 0..order.len() {
            let segment = (s, device(s), cut);
            cut = tables.best_end(instance, segment, windows.get(s, device(s), cut), &behind(s, &open)).1;
            ends.push(u16::try_from(cut).ok()?);
        }
        Some((total + tables.constant, Choice { devices: order.to_vec(), cuts: ends }))
    }
}

/// Two devices whose link stands for one from k to j: where both are one device, it and another of its kind.
fn twin(kinds: &Kinds, k: usize, j: usize) -> (usize, usize) {
    if k != j {
        return (k, j);
    }
    let kind = kinds.of[k];
    let other = (0..kinds.of.len()).find(|&other| other != k && kinds.of[other] == kind);
    (k, other.unwrap_or(j))
}

/// What a choice costs at the tables' prices.
fn cost(instance: &Instance, tables: &Tables, choice: &Choice) -> f64 {
    let segments: f64 = choice
        .segments()
        .map(|(s, k, first, past)| {
            let (own, (base, message)) = (tables.own(s, k), tables.base(s, k));
            let sent = instance.parameters_before[past] > instance.parameters_before[first];
            base + if sent { message } else { 0.0 } + (own[past] - own[first])
        })
        .sum();
    let device = |s: usize| usize::from(choice.devices[s]);
    let links: f64 = (1..choice.devices.len())
        .map(|s| tables.link(s - 1, device(s - 1), device(s), usize::from(choice.cuts[s - 1])))
        .sum();
    let ends = tables.entry(device(0)) + tables.exit(device(choice.devices.len() - 1));
    tables.constant + segments + links + ends
}
