//! Φ as a convex function of the pace floor, known through minorants that are added where they are needed.

use crate::solver::hop::phase::{Minorant, PhaseRadio, Prices, Scratch, Solved};

/// Lower bounds of Φ, and its exact values where they have been computed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Curve {
    minorants: Vec<Minorant>,
    solved: Vec<Solved>,
}

impl Curve {
    /// Forgets everything.
    pub fn clear(&mut self) {
        self.minorants.clear();
        self.solved.clear();
    }

    /// Adds a valid minorant.
    pub fn add(&mut self, minorant: Minorant) {
        self.minorants.push(minorant);
    }

    /// The phase solved last.
    pub fn last_solved(&self) -> Option<&Solved> {
        self.solved.last()
    }

    /// A lower bound of Φ(floor).
    #[inline]
    pub fn low(&self, floor: f64) -> f64 {
        self.minorants.iter().fold(f64::NEG_INFINITY, |low, minorant| low.max(minorant.at(floor)))
    }

    /// Φ solved at `floor`, or at another floor where it is the same: below the free pace Φ is flat.
    pub fn known(&self, floor: f64) -> Option<&Solved> {
        self.solved.iter().find(|s| s.floor == floor || (s.prices.pace > s.floor && floor <= s.prices.pace))
    }

    /// Φ(floor), solved where it is not known yet.
    pub fn exact(&mut self, radio: &PhaseRadio, floor: f64, scratch: &mut Scratch) -> Solved {
        let start = self.solved.last().map(|s| s.prices);
        self.exact_from(radio, floor, start, scratch)
    }

    /// Φ(floor), solved from given prices where it is not known yet.
    pub fn exact_from(
        &mut self,
        radio: &PhaseRadio,
        floor: f64,
        start: Option<Prices>,
        scratch: &mut Scratch,
    ) -> Solved {
        if let Some(solved) = self.known(floor) {
            return *solved;
        }
        let solved = radio.solve(floor, start, scratch);
        self.minorants.push(solved.minorant);
        self.solved.push(solved);
        solved
    }
}
