//! The two phases of a local iteration, and values that exist once for each.

use std::ops::{Index, IndexMut};

use serde::{Deserialize, Serialize};

/// A phase of a local iteration: the pipeline runs forward, then backward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Activations travel from the control unit to the edge server.
    Forward,
    /// Their gradients travel back over the same links.
    Backward,
}

impl Phase {
    /// Both, in the order in which they run.
    pub const BOTH: [Self; 2] = [Self::Forward, Self::Backward];

    /// The field of the exchange format that holds the phase's links.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::Backward => "backward",
        }
    }

    /// Sender and receiver among the ends of a link, of which `near` is the one nearer to the control unit.
    pub(crate) fn directed<T>(self, near: T, far: T) -> (T, T) {
        match self {
            Self::Forward => (near, far),
            Self::Backward => (far, near),
        }
    }
}

/// One value for each phase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PerPhase<T> {
    pub forward: T,
    pub backward: T,
}

impl<T> PerPhase<T> {
    /// The values that a function returns, the forward one first.
    pub fn from_fn(mut f: impl FnMut(Phase) -> T) -> Self {
        Self { forward: f(Phase::Forward), backward: f(Phase::Backward) }
    }

    pub fn as_ref(&self) -> PerPhase<&T> {
        PerPhase { forward: &self.forward, backward: &self.backward }
    }

    pub fn as_mut(&mut self) -> PerPhase<&mut T> {
        PerPhase { forward: &mut self.forward, backward: &mut self.backward }
    }

    pub fn map<U>(self, mut f: impl FnMut(T) -> U) -> PerPhase<U> {
        PerPhase { forward: f(self.forward), backward: f(self.backward) }
    }

    /// The values of two, side by side.
    pub fn zip<U>(self, other: PerPhase<U>) -> PerPhase<(T, U)> {
        PerPhase { forward: (self.forward, other.forward), backward: (self.backward, other.backward) }
    }

    /// The values in the order of the phases.
    #[cfg(feature = "milp")]
    pub fn into_array(self) -> [T; 2] {
        [self.forward, self.backward]
    }
}

impl<T: Copy> PerPhase<T> {
    /// The same value for both phases.
    pub fn both(value: T) -> Self {
        Self { forward: value, backward: value }
    }
}

impl PerPhase<f64> {
    pub fn sum(self) -> f64 {
        self.forward + self.backward
    }
}

impl<T> Index<Phase> for PerPhase<T> {
    type Output = T;

    fn index(&self, phase: Phase) -> &T {
        match phase {
            Phase::Forward => &self.forward,
            Phase::Backward => &self.backward,
        }
    }
}

impl<T> IndexMut<Phase> for PerPhase<T> {
    fn index_mut(&mut self, phase: Phase) -> &mut T {
        match phase {
            Phase::Forward => &mut self.forward,
            Phase::Backward => &mut self.backward,
        }
    }
}
