//! Seeds as hashes of what the random numbers are for.
//!
//! The hash folds [`splitmix64`] over the words: `h <- splitmix64(h ^ word)`, from `h = splitmix64(base seed)`. It is the
//! same on every machine; what is drawn depends on base seed and words alone, in any order of queries and on any number
//! of threads.

/// One step of the SplitMix64 generator from state `x` (Steele, Lea, Flood, OOPSLA 2014).
pub(crate) const fn splitmix64(x: u64) -> u64 {
    let x = x.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

/// Hash of a base seed and words, in their order.
pub(crate) fn hash(base: u64, words: &[u64]) -> u64 {
    words.iter().fold(splitmix64(base), |state, word| splitmix64(state ^ word))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values computed by another implementation: the hashes must never change.
    #[test]
    fn hashes_are_stable() {
        assert_eq!(splitmix64(0), 0xE220_A839_7B1D_CDAF);
        assert_eq!(splitmix64(1_234_567), 6_457_827_717_110_365_317);
        assert_eq!(hash(1, &[2, 3]), 0xd073_4750_fde3_62b3);
    }
}
