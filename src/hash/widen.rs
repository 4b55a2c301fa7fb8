//! 32 bits of hash, spread over 64.

/// 2^64 over the golden ratio, made odd: the multiplier of Fibonacci hashing (Knuth, The Art of
/// Computer Programming, volume 3, section 6.4).
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// Fills 64 bits from a 32-bit hash, by one multiply.
///
/// The high bits of the product depend on all bits of the hash, so shards and tags picked from the top
/// are as good as the hash is. The low 32 bits of the product are the hash times an odd number modulo
/// 2^32, so each of the 2^32 hashes has its own, and the lowest n bits are a permutation of the hash's
/// lowest n: buckets picked by a mask hold exactly the keys that they would have held without it.
#[inline]
#[must_use]
pub const fn widen(hash: u32) -> u64 {
    (hash as u64).wrapping_mul(GOLDEN)
}

/// The lower half of a word.
#[inline]
pub(super) const fn low_half(word: u64) -> u32 {
    (word & 0xffff_ffff) as u32
}

/// The 32-bit hash that was widened.
#[cfg(test)]
pub(super) const fn narrow(wide: u64) -> u32 {
    /// Inverse of the multiplier's low half modulo 2^32.
    const INVERSE: u32 = inverse(0x7f4a_7c15);
    low_half(wide).wrapping_mul(INVERSE)
}

/// The inverse of an odd number modulo 2^32, by Newton's iteration: each step doubles the number of
/// low bits that are right, and an odd number is its own inverse in the lowest three.
pub(super) const fn inverse(odd: u32) -> u32 {
    let mut inverse = odd;
    let mut step = 0;
    while step < 4 {
        inverse = inverse.wrapping_mul(2u32.wrapping_sub(odd.wrapping_mul(inverse)));
        step += 1;
    }
    inverse
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widening_loses_nothing_and_keeps_buckets_apart() {
        for hash in (0..10_000).chain([u32::MAX, 0x8000_0000]) {
            assert_eq!(narrow(widen(hash)), hash);
            assert_eq!(
                hash.wrapping_mul(inverse(hash | 1)).wrapping_mul(hash | 1),
                hash
            );
        }
        // The low 10 bits of all 1024 possible low parts, under any high part.
        let mut seen: Vec<u64> = (0..1024)
            .map(|low| widen(0xabcd_0000 | low) & 1023)
            .collect();
        seen.sort_unstable();
        assert_eq!(seen, (0..1024).collect::<Vec<u64>>());
        // The top 7 bits take all values as the low bits alone change.
        let mut tags: Vec<u64> = (0..4096).map(|low| widen(low) >> 57).collect();
        tags.sort_unstable();
        tags.dedup();
        assert_eq!(tags.len(), 128);
    }
}
