//! The plan of least sum none of whose steps is busier than a limit: a shortest path over (state, cut).

use std::ops::ControlFlow;

use super::space::{Space, State};
use super::tables::{Placed, Tables};

/// Arrays that a search needs, kept from one limit to the next.
pub(super) struct Cheapest<'a> {
    tables: &'a Tables,
    space: &'a Space,
    /// By state and cut: the least sum up to there.
    sums: Vec<f64>,
    /// By type, type and cut: busy and delay of the link; infinite beyond the limit.
    hops: Vec<f64>,
    /// Least sum at each beginning of one state's stage.
    incoming: Vec<f64>,
    /// Operations so far, roughly.
    pub work: u64,
}

impl<'a> Cheapest<'a> {
    pub fn new(tables: &'a Tables, space: &'a Space) -> Self {
        let width = tables.layers + 1;
        Self {
            tables,
            space,
            sums: vec![f64::INFINITY; space.len() * width],
            hops: vec![f64::INFINITY; tables.kinds.len() * tables.kinds.len() * width],
            incoming: vec![f64::INFINITY; width],
            work: 0,
        }
    }

    /// Words of 8 bytes that a state takes.
    pub fn words(layers: usize) -> usize {
        layers + 1
    }

    /// The least sum of any plan whose steps are all within `limit`, and such a plan.
    pub fn within(&mut self, limit: f64) -> Option<(f64, Vec<Placed>)> {
        let (tables, space, width) = (self.tables, self.space, self.tables.layers + 1);
        let kinds = tables.kinds.len();
        for from in 0..kinds {
            for to in 0..kinds {
                let delay = tables.delay(from, to);
                let hops = &mut self.hops[(from * kinds + to) * width..][..width];
                for (hop, busy) in hops.iter_mut().zip(tables.links(from, to)) {
                    *hop = if *busy <= limit { busy + delay } else { f64::INFINITY };
                }
            }
        }
        // (sum, state) of the best end.
        let mut best: Option<(f64, usize)> = None;
        space.walk::<()>(|state| {
            self.enter(&state, limit);
            let sums = &mut self.sums[state.index * width..][..width];
            sums.fill(f64::INFINITY);
            for (first, before) in self.incoming[..tables.layers].iter().enumerate().filter(|(_, sum)| sum.is_finite())
            {
                let stages = &tables.stages_from(state.kind, first)[first + 1..];
                for (sum, seconds) in sums[first + 1..].iter_mut().zip(stages) {
                    let through = if *seconds <= limit { before + seconds } else { f64::INFINITY };
                    *sum = sum.min(through);
                }
                self.work += stages.len() as u64;
            }
            self.work += (state.before.len() * width) as u64;
            let exit = tables.exit(state.kind);
            if state.ends && exit.busy <= limit {
                let sum = sums[tables.layers] + (exit.busy + exit.delay);
                if sum.is_finite() && best.is_none_or(|(least, _)| sum < least) {
                    best = Some((sum, state.index));
                }
            }
            ControlFlow::Continue(())
        });
        best.map(|(sum, state)| (sum, self.trace(state, limit)))
    }

    /// Sums at the beginnings of a state's stage.
    fn enter(&mut self, state: &State, limit: f64) {
        let (width, kinds) = (self.tables.layers + 1, self.tables.kinds.len());
        self.incoming.fill(f64::INFINITY);
        for before in state.before.clone() {
            let sums = &self.sums[before * width..][..width];
            let hops = &self.hops[(before % kinds * kinds + state.kind) * width..][..width];
            for ((incoming, sum), hop) in self.incoming.iter_mut().zip(sums).zip(hops) {
                *incoming = incoming.min(sum + hop);
            }
        }
        let entry = self.tables.entry(state.kind);
        self.incoming[0] = match state.begins && entry.busy <= limit {
            true => entry.busy + entry.delay,
            false => f64::INFINITY,
        };
    }

    /// The plan that ends in a state, from its end: the same sums are formed again, so that equality finds where each
    /// came from.
    fn trace(&mut self, last: usize, limit: f64) -> Vec<Placed> {
        let (tables, width) = (self.tables, self.tables.layers + 1);
        let kinds = tables.kinds.len();
        let (mut state, mut past, mut plan) = (self.space.state(last), tables.layers, Vec::new());
        loop {
            self.enter(&state, limit);
            let sum = self.sums[state.index * width + past];
            let here = |first: &usize| {
                let seconds = tables.stages_from(state.kind, *first)[past];
                seconds <= limit && self.incoming[*first] + seconds == sum
            };
            let Some(first) = (0..past).find(here) else { break };
            plan.push(Placed { kind: state.kind, first, past });
            let incoming = self.incoming[first];
            let from = |before: &usize| {
                let hop = self.hops[(before % kinds * kinds + state.kind) * width + first];
                self.sums[before * width + first] + hop == incoming
            };
            match state.before.clone().find(from) {
                Some(before) if first > 0 => (state, past) = (self.space.state(before), first),
                _ => break,
            }
        }
        plan.reverse();
        plan
    }
}
