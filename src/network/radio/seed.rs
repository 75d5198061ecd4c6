//! Generators whose numbers depend on their purpose, not on when they are drawn.
//!
//! Every random number of the radio comes from a [`Pcg64`] (PCG XSL 128/64, LCG: the name is part of the promise) that
//! is seeded with a hash of (base seed, cluster, link, purpose, slot). Results are therefore the same on every machine,
//! in any order of queries and on any number of threads.

use rand_pcg::Pcg64;

use crate::ground::seed::{hash, splitmix64};

/// What a random number is for; the discriminant enters the hash and must never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Whether a link has line of sight.
    LineOfSight = 1,
    /// Shadowing of a link.
    Shadowing = 2,
    /// Innovation of a link's fading in a slot.
    Fading = 3,
    /// Where in its trace a link starts.
    TraceStart = 4,
}

/// An unordered pair of nodes of a cluster: both directions draw the same numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LinkId {
    low: u32,
    high: u32,
}

impl LinkId {
    /// The link between two nodes, in either order.
    #[must_use]
    pub fn between(one: u32, other: u32) -> Self {
        Self { low: one.min(other), high: one.max(other) }
    }
}

/// The generator for one purpose on one link of one cluster in one slot (0 for what is drawn once).
pub(crate) fn generator(base: u64, cluster: u64, link: LinkId, purpose: Purpose, slot: u64) -> Pcg64 {
    let link = u64::from(link.low) << 32 | u64::from(link.high);
    let stream = hash(base, &[cluster, link, purpose as u64]);
    let high = hash(stream, &[slot]);
    let low = splitmix64(high);
    Pcg64::new(u128::from(high) << 64 | u128::from(low), u128::from(stream))
}

#[cfg(test)]
mod tests {
    use rand::Rng as _;

    use super::*;

    /// The first word by another implementation of SplitMix64 and PCG64: the streams must never change.
    #[test]
    fn streams_are_stable() {
        let word = generator(42, 5, LinkId::between(4, 1), Purpose::Fading, 9).next_u64();
        assert_eq!(word, 0x40ca_b9fa_1fda_3832);
    }
}
