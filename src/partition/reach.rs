//! Is there a plan none of whose steps is busier than a limit?
//!
//! For every state the set of cuts at which its last stage can end, as a bit mask. A state's mask follows from those
//! before it by a few operations on whole words: cuts over which the link is fast enough, then, four beginnings at a
//! time, the ends that a stage from there can have. The whole set is kept, not the furthest cut alone: a link may be
//! fast enough over one cut and not over the next, and buffers may fit at one cut and not at the next.

use std::ops::ControlFlow;

use super::space::{Space, State};
use super::tables::{Placed, Tables};

/// A set of cuts, 0 (before the first layer) to the number of layers.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Cuts<const W: usize>([u64; W]);

impl<const W: usize> Cuts<W> {
    const NONE: Self = Self([0; W]);

    fn insert(&mut self, cut: usize) {
        self.0[cut / 64] |= 1 << (cut % 64);
    }

    fn contains(&self, cut: usize) -> bool {
        self.0[cut / 64] >> (cut % 64) & 1 == 1
    }

    /// Without the cuts before one.
    fn from(&self, cut: usize) -> Self {
        let mut kept = *self;
        for (at, word) in kept.0.iter_mut().enumerate() {
            *word &= match cut.checked_sub(at * 64) {
                None => u64::MAX,
                Some(below) if below < 64 => u64::MAX << below,
                Some(_) => 0,
            };
        }
        kept
    }

    fn add(&mut self, other: &Self) {
        for (word, other) in self.0.iter_mut().zip(&other.0) {
            *word |= other;
        }
    }

    /// Those of `other` that are in `filter`, besides.
    fn add_within(&mut self, other: &Self, filter: &Self) {
        for ((word, other), filter) in self.0.iter_mut().zip(&other.0).zip(&filter.0) {
            *word |= other & filter;
        }
    }

    fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    fn last(&self) -> Option<usize> {
        let (at, word) = self.0.iter().enumerate().rev().find(|(_, word)| **word != 0)?;
        Some(at * 64 + 63 - word.leading_zeros() as usize)
    }
}

/// What a search for a plan within a limit found.
pub(super) enum Reached {
    /// A plan.
    Plan(Vec<Placed>),
    /// None: no allowed pipeline gets past so many layers.
    UpTo(usize),
}

/// Words of 8 bytes that a state takes.
pub(super) fn words(layers: usize) -> usize {
    match layers / 64 {
        0 => 1,
        1 => 2,
        2 | 3 => 4,
        4..=7 => 8,
        _ => 16,
    }
}

/// Looks for a plan whose steps are all within `limit` seconds. Takes time in proportion to the states; deterministic.
pub(super) fn reach(tables: &Tables, space: &Space, limit: f64) -> Reached {
    match words(tables.layers) {
        1 => Reach::<1>::new(tables, limit).run(space),
        2 => Reach::<2>::new(tables, limit).run(space),
        4 => Reach::<4>::new(tables, limit).run(space),
        8 => Reach::<8>::new(tables, limit).run(space),
        _ => Reach::<16>::new(tables, limit).run(space),
    }
}

struct Reach<'a, const W: usize> {
    tables: &'a Tables,
    limit: f64,
    /// By type and type: cuts over which the link is within the limit.
    links: Vec<Cuts<W>>,
    /// By type, group of four beginnings, and which of the four: where a stage from one of them can end.
    ends: Vec<[Cuts<W>; 16]>,
    groups: usize,
    begins: Vec<bool>,
    finishes: Vec<bool>,
}

impl<'a, const W: usize> Reach<'a, W> {
    fn new(tables: &'a Tables, limit: f64) -> Self {
        let (kinds, layers) = (tables.kinds.len(), tables.layers);
        // Infinite means "not at all", whatever the limit.
        let within = |seconds: f64| seconds <= limit && seconds.is_finite();
        let mut links = Vec::with_capacity(kinds * kinds);
        for from in 0..kinds {
            for to in 0..kinds {
                let mut cuts = Cuts::NONE;
                let busy = tables.links(from, to);
                (1..layers).filter(|cut| within(busy[*cut])).for_each(|cut| cuts.insert(cut));
                links.push(cuts);
            }
        }
        let groups = layers.div_ceil(4);
        let mut ends = Vec::with_capacity(kinds * groups);
        for kind in 0..kinds {
            for group in 0..groups {
                let mut of_sets = [Cuts::NONE; 16];
                for set in 1..16_usize {
                    // All but one beginning were done before.
                    let (rest, newest) = (set & (set - 1), set.trailing_zeros() as usize);
                    of_sets[set] = of_sets[rest];
                    let first = group * 4 + newest;
                    if first >= layers {
                        continue;
                    }
                    if rest == 0 {
                        let stages = tables.stages_from(kind, first);
                        (first + 1..=layers)
                            .filter(|past| within(stages[*past]))
                            .for_each(|past| of_sets[set].insert(past));
                    } else {
                        let alone = of_sets[1 << newest];
                        of_sets[set].add(&alone);
                    }
                }
                ends.push(of_sets);
            }
        }
        let begins = (0..kinds).map(|kind| within(tables.entry(kind).busy)).collect();
        let finishes = (0..kinds).map(|kind| within(tables.exit(kind).busy)).collect();
        Self { tables, limit, links, ends, groups, begins, finishes }
    }

    fn run(&self, space: &Space) -> Reached {
        let kinds = self.tables.kinds.len();
        let mut reached = vec![Cuts::<W>::NONE; space.len()];
        let mut alive = vec![false; space.rows()];
        let mut anywhere = Cuts::NONE;
        // Devices that were not used yet hold so much of the chain at most: what they cannot end is not pursued.
        // Without a limit all is, so that an infeasible problem learns how far it gets.
        let rest = self.limit.is_finite().then(|| space.rest(&self.tables.covers(self.limit)));
        let last = space.walk(|state| {
            if !state.begins && !alive[state.before.start / kinds] {
                return ControlFlow::Continue(());
            }
            let mut cuts = self.stages(state.kind, &self.incoming(&reached, &state));
            if let Some(rest) = &rest {
                cuts = cuts.from(self.tables.first_cut(rest.after(&state)));
            }
            reached[state.index] = cuts;
            alive[state.index / kinds] |= !cuts.is_empty();
            anywhere.add(&cuts);
            match state.ends && self.finishes[state.kind] && cuts.contains(self.tables.layers) {
                true => ControlFlow::Break(state),
                false => ControlFlow::Continue(()),
            }
        });
        match last {
            Some(state) => Reached::Plan(self.trace(space, &reached, state)),
            None => Reached::UpTo(anywhere.last().unwrap_or(0)),
        }
    }

    /// Where a stage of this state can begin.
    fn incoming(&self, reached: &[Cuts<W>], state: &State) -> Cuts<W> {
        let kinds = self.tables.kinds.len();
        let mut cuts = Cuts::NONE;
        if state.begins && self.begins[state.kind] {
            cuts.insert(0);
        }
        for before in state.before.clone() {
            cuts.add_within(&reached[before], &self.links[before % kinds * kinds + state.kind]);
        }
        cuts
    }

    /// Where a stage on this type can end that begins at one of these cuts.
    fn stages(&self, kind: usize, begins: &Cuts<W>) -> Cuts<W> {
        let mut cuts = Cuts::NONE;
        if begins.is_empty() {
            return cuts;
        }
        let ends = &self.ends[kind * self.groups..(kind + 1) * self.groups];
        for (at, word) in begins.0.iter().enumerate() {
            let mut rest = *word;
            while rest != 0 {
                let group = rest.trailing_zeros() as usize / 4;
                let set = (rest >> (group * 4) & 15) as usize;
                cuts.add(&ends[at * 16 + group][set]);
                rest &= !(15 << (group * 4));
            }
        }
        cuts
    }

    /// The plan that ends in this state, from its end.
    fn trace(&self, space: &Space, reached: &[Cuts<W>], last: State) -> Vec<Placed> {
        let kinds = self.tables.kinds.len();
        let (mut state, mut past, mut plan) = (last, self.tables.layers, Vec::new());
        loop {
            let begins = self.incoming(reached, &state);
            let within = |first: &usize| {
                begins.contains(*first) && self.tables.stages_from(state.kind, *first)[past] <= self.limit.min(f64::MAX)
            };
            // There is one, since the mask of this state holds `past`.
            let Some(first) = (0..past).find(within) else { break };
            plan.push(Placed { kind: state.kind, first, past });
            let link = |before: &usize| {
                reached[*before].contains(first) && self.links[before % kinds * kinds + state.kind].contains(first)
            };
            match state.before.clone().find(link) {
                Some(before) if first > 0 => (state, past) = (space.state(before), first),
                _ => break,
            }
        }
        plan.reverse();
        plan
    }
}
