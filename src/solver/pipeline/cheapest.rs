//! The cheapest choice of a region at given prices: dynamic programs over positions, devices and cuts.
//!
//! Position s, device k and the cut at which its segment begins say all that the rest of a pipeline depends on when
//! devices come in a given order; with a free order the set of the devices used so far does so too. `open[s][k][first]`
//! is the least cost of everything from position s on, `shut[s][k][past]` that of everything behind it.

use super::choice::Choice;
use super::instance::Instance;
use super::tables::Tables;
use super::walks::Walks;
use super::windows::Windows;

/// What is known of a region at given prices.
#[derive(Clone, Debug)]
pub(crate) struct Bounded {
    /// No choice costs less.
    pub bound: f64,
    /// The best choice that was found. Where the sets of devices are gone through, it costs what the bound is.
    pub choice: Option<Choice>,
    /// Where the bound is that of a pipeline that comes to a device again: a position and the device there.
    pub again: Option<(usize, usize)>,
}

/// Buffers of the programs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cheapest {
    open: Vec<f64>,
    shut: Vec<f64>,
    /// Least costs of everything before a segment (given order).
    begun: Vec<f64>,
    walks: Walks,
    /// Places touched by the last program, for accounting.
    pub work: u64,
}

/// Most devices whose sets are gone through; walks bound what more of them do.
const MOST_IN_SETS: usize = 12;
/// Most devices in any order.
pub(crate) const MOST_FREE: usize = 64;

impl Cheapest {
    /// Least Lagrangian of the region and a choice that has it, or what walks say of it; `None` where the region is empty.
    /// A bound of `enough` is as good as any.
    pub fn find(&mut self, instance: &Instance, tables: &Tables, windows: &Windows, enough: f64) -> Option<Bounded> {
        let exact = |(bound, choice)| Bounded { bound, choice: Some(choice), again: None };
        if instance.given {
            self.given(instance, tables, windows).map(exact)
        } else if instance.devices <= MOST_IN_SETS {
            self.free(instance, tables, windows).map(exact)
        } else {
            let found = self.walks.find(instance, tables, windows, enough);
            self.work = self.walks.work;
            found
        }
    }

    fn given(&mut self, instance: &Instance, tables: &Tables, windows: &Windows) -> Option<(f64, Choice)> {
        let (positions, devices, cuts) = (windows.positions, instance.devices, instance.blocks + 1);
        let blocks = instance.blocks;
        let at = |s: usize, k: usize| (s * devices + k) * cuts;
        self.open.clear();
        self.open.resize(positions * devices * cuts, f64::INFINITY);
        self.shut.clear();
        self.shut.resize(positions * devices * cuts, f64::INFINITY);
        self.work = 0;
        let mut usable = vec![false; devices];
        let mut before = vec![false; devices];
        for s in (0..positions).rev() {
            for k in (0..devices).rev() {
                usable[k] = windows.open(s, k);
                if !usable[k] {
                    continue;
                }
                let here = at(s, k);
                if s + 1 == positions {
                    self.shut[here + blocks] = tables.exit(k);
                } else {
                    for j in k + 1..devices {
                        if !before[j] {
                            continue;
                        }
                        let next = at(s + 1, j);
                        for past in s + 1..blocks {
                            let cost = tables.link(s, k, j, past) + self.open[next + past];
                            let best = &mut self.shut[here + past];
                            if cost < *best {
                                *best = cost;
                            }
                        }
                        self.work += blocks as u64;
                    }
                }
                for first in s..blocks {
                    let (low, high) = windows.get(s, k, first);
                    if low <= high {
                        let (cost, _) =
                            tables.best_end(instance, (s, k, first), (low, high), &self.shut[here..here + cuts]);
                        self.open[here + first] = cost;
                        self.work += (high - low + 4) as u64;
                    }
                }
            }
            std::mem::swap(&mut usable, &mut before);
        }
        let start = |k: usize| tables.entry(k) + self.open[at(0, k)];
        let first = (0..devices).min_by(|&a, &b| start(a).total_cmp(&start(b)))?;
        let total = start(first);
        if !total.is_finite() {
            return None;
        }
        let mut choice = Choice { devices: Vec::with_capacity(positions), cuts: Vec::with_capacity(positions) };
        let (mut k, mut cut) = (first, 0);
        for s in 0..positions {
            let here = at(s, k);
            let window = windows.get(s, k, cut);
            let (_, past) = tables.best_end(instance, (s, k, cut), window, &self.shut[here..here + cuts]);
            choice.devices.push(k as u16);
            choice.cuts.push(past as u16);
            cut = past;
            if s + 1 < positions {
                let cost = |j: usize| tables.link(s, k, j, past) + self.open[at(s + 1, j) + past];
                k = (k + 1..devices).min_by(|&a, &b| cost(a).total_cmp(&cost(b)))?;
            }
        }
        Some((total + tables.constant, choice))
    }

    /// Closes what only choices that cost at least `bar` go through (given order, after [`Self::find`]).
    pub fn prune(&mut self, instance: &Instance, tables: &Tables, windows: &mut Windows, bar: f64) {
        if !instance.given {
            return;
        }
        let (positions, devices, cuts) = (windows.positions, instance.devices, instance.blocks + 1);
        let blocks = instance.blocks;
        let at = |s: usize, k: usize| (s * devices + k) * cuts;
        self.begun.clear();
        self.begun.resize(positions * devices * cuts, f64::INFINITY);
        for k in 0..devices {
            self.begun[at(0, k)] = tables.entry(k) + tables.constant;
        }
        let mut ended = vec![f64::INFINITY; cuts];
        for s in 0..positions {
            for k in 0..devices {
                if !windows.open(s, k) {
                    continue;
                }
                let here = at(s, k);
                let own = tables.own(s, k);
                let (base, message) = tables.base(s, k);
                let p = &instance.parameters_before;
                ended.fill(f64::INFINITY);
                for first in s..blocks {
                    let begun = self.begun[here + first];
                    let (low, high) = windows.get(s, k, first);
                    if low > high {
                        continue;
                    }
                    let (mut least, mut most) = (usize::MAX, 0);
                    for past in low..=high {
                        let sent = if p[past] > p[first] { message } else { 0.0 };
                        let cost = begun + base + sent + (own[past] - own[first]);
                        if cost + self.shut[here + past] < bar {
                            least = least.min(past);
                            most = past;
                            ended[past] = ended[past].min(cost);
                        }
                    }
                    windows.set(s, k, first, least.min(blocks + 1), most);
                }
                if s + 1 < positions {
                    for j in k + 1..devices {
                        let next = at(s + 1, j);
                        for past in s + 1..blocks {
                            let cost = ended[past] + tables.link(s, k, j, past);
                            let best = &mut self.begun[next + past];
                            if cost < *best {
                                *best = cost;
                            }
                        }
                    }
                }
            }
        }
    }

    fn free(&mut self, instance: &Instance, tables: &Tables, windows: &Windows) -> Option<(f64, Choice)> {
        let (positions, devices, cuts) = (windows.positions, instance.devices, instance.blocks + 1);
        let blocks = instance.blocks;
        let sets = 1usize << devices;
        let at = |set: usize, k: usize| (set * devices + k) * cuts;
        self.open.clear();
        self.open.resize(sets * devices * cuts, f64::INFINITY);
        self.shut.clear();
        self.shut.resize(cuts, f64::INFINITY);
        self.work = 0;
        let usable: Vec<Vec<bool>> =
            (0..positions).map(|s| (0..devices).map(|k| windows.open(s, k)).collect()).collect();
        // Larger sets have larger numbers than their parts.
        for set in (1..sets).rev() {
            let count = set.count_ones() as usize;
            if count > positions {
                continue;
            }
            let s = count - 1;
            for k in 0..devices {
                if set & (1 << k) == 0 || !usable[s][k] {
                    continue;
                }
                self.follow(tables, (set, s, k), positions, (devices, cuts), at);
                let here = at(set, k);
                for first in s..blocks {
                    let (low, high) = windows.get(s, k, first);
                    if low <= high {
                        self.open[here + first] = tables.best_end(instance, (s, k, first), (low, high), &self.shut).0;
                        self.work += (high - low + 4) as u64;
                    }
                }
            }
        }
        let start = |k: usize, open: &[f64]| tables.entry(k) + open[at(1 << k, k)];
        let first = (0..devices).min_by(|&a, &b| start(a, &self.open).total_cmp(&start(b, &self.open)))?;
        let total = start(first, &self.open);
        if !total.is_finite() {
            return None;
        }
        let mut choice = Choice { devices: Vec::with_capacity(positions), cuts: Vec::with_capacity(positions) };
        let (mut set, mut k, mut cut) = (1usize << first, first, 0);
        for s in 0..positions {
            self.follow(tables, (set, s, k), positions, (devices, cuts), at);
            let (_, past) = tables.best_end(instance, (s, k, cut), windows.get(s, k, cut), &self.shut);
            choice.devices.push(k as u16);
            choice.cuts.push(past as u16);
            cut = past;
            if s + 1 < positions {
                let cost = |j: usize| tables.link(s, k, j, past) + self.open[at(set | 1 << j, j) + past];
                k = (0..devices).filter(|j| set & (1 << j) == 0).min_by(|&a, &b| cost(a).total_cmp(&cost(b)))?;
                set |= 1 << k;
            }
        }
        Some((total + tables.constant, choice))
    }

    /// Fills `shut` for one set and last device.
    fn follow(
        &mut self,
        tables: &Tables,
        (set, s, k): (usize, usize, usize),
        positions: usize,
        (devices, cuts): (usize, usize),
        at: impl Fn(usize, usize) -> usize,
    ) {
        self.shut.fill(f64::INFINITY);
        if s + 1 == positions {
            self.shut[cuts - 1] = tables.exit(k);
            return;
        }
        for j in (0..devices).filter(|j| set & (1 << j) == 0) {
            let next = at(set | 1 << j, j);
            let open = &self.open[next..next + cuts];
            for past in s + 1..cuts - 1 {
                let cost = tables.link(s, k, j, past) + open[past];
                let best = &mut self.shut[past];
                if cost < *best {
                    *best = cost;
                }
            }
            self.work += cuts as u64;
        }
    }
}
