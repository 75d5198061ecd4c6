//! Generators whose numbers depend on what they are for, not on when they are asked.
//!
//! Every random number of the radio comes from a [`Pcg64`] (PCG XSL 128/64, LCG: the name is part of the promise) that
//! is seeded with a hash of (base seed, cluster, link, purpose, slot). Results are therefore the same on every machine,
//! in any order of queries and on any number of threads.
//!
//! The hash folds [`splitmix64`] over the words: `h <- splitmix64(h ^ word)`, from `h = splitmix64(base seed)`.

use rand_pcg::Pcg64;

/// What a random number is for; the discriminant enters the hash and must never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
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

/// One step of the SplitMix64 generator from state `x` (Steele, Lea, Flood, OOPSLA 2014).
///
/// ```
/// use collapipe::network::radio::seed::splitmix64;
/// assert_eq!(splitmix64(0), 0xE220_A839_7B1D_CDAF);
/// ```
#[must_use]
pub const fn splitmix64(x: u64) -> u64 {
    let x = x.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

/// Hash of a base seed and words, in their order.
#[must_use]
pub fn hash(base: u64, words: &[u64]) -> u64 {
    words.iter().fold(splitmix64(base), |state, word| splitmix64(state ^ word))
}

/// The generator for one purpose on one link of one cluster in one slot (0 for what is drawn once).
#[must_use]
pub fn generator(base: u64, cluster: u64, link: LinkId, purpose: Purpose, slot: u64) -> Pcg64 {
    let link = u64::from(link.low) << 32 | u64::from(link.high);
    let stream = hash(base, &[cluster, link, purpose as u64]);
    let high = hash(stream, &[slot]);
    let low = splitmix64(high);
    Pcg64::new(u128::from(high) << 64 | u128::from(low), u128::from(stream))
}
