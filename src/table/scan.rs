//! Walking a table that may grow meanwhile: the order in which buckets are visited.
//!
//! A cursor is a place on a line on which every hash has its own: the hash with its bits reversed,
//! so that those that pick a bucket, the low ones, count most. (The cursor itself is kept in the
//! order of a hash: it can be looked up like one.) A bucket whose hashes share `bits` low bits is one
//! whole interval of the line, whatever kind of table it is in:
//!
//! ```text
//!   bits reversed   000      001      010      011      100      101      110      111
//!   4 buckets      ├─── bucket 0 ───┼─── bucket 2 ───┼─── bucket 1 ───┼─── bucket 3 ───┤
//!   8 buckets      ├── 0 ──┼── 4 ──┼── 2 ──┼── 6 ──┼── 1 ──┼── 5 ──┼── 3 ──┼── 7 ──┤
//!                                            ▲ cursor: all entries to its left have been seen
//! ```
//!
//! A step visits the bucket that the cursor is in and moves the cursor to the end of its interval.
//! A table that grows cuts intervals in two and never joins them, and an entry's place on the line
//! is its hash, which does not change. So all that is to the left of the cursor and was there
//! throughout has been seen, however often the table grew; and none is seen twice, as a bucket that is
//! visited never reaches to the left of the cursor, where an interval has ended and always will.
//! That holds where buckets have different numbers of bits, too: halves of a split (linear hashing),
//! segments of a directory (extendible hashing), buckets of two arrays.
//!
//! **Source:** the reverse binary iteration of Redis's `dictScan` (P. Noordhuis, `dict.c`), which also
//! bears shrinking, at the price of seeing entries twice.

use super::Cursor;

/// The end of the interval that the cursor is in: that of the hashes with the same `bits` low bits.
#[inline]
fn after(cursor: Cursor, bits: u32) -> Cursor {
    let Some(length) = 1_u64.checked_shl(u64::BITS - bits) else {
        return 0;
    };
    let start = cursor.reverse_bits() & !(length - 1);
    start.wrapping_add(length).reverse_bits()
}

/// Visits up to `buckets` buckets, one at least, the first being the one that `from` is in as if it were a hash, and
/// returns where to go on. `visit` does so and says how many low bits the hashes in the bucket share.
#[inline]
pub(super) fn steps(from: Cursor, buckets: usize, mut visit: impl FnMut(Cursor) -> u32) -> Cursor {
    let mut cursor = from;
    for _ in 0..buckets.max(1) {
        cursor = after(cursor, visit(cursor));
        if cursor == 0 {
            break;
        }
    }
    cursor
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn a_walk_visits_every_bucket_once() {
        for bits in [0, 1, 5, 10] {
            let mut seen = HashSet::new();
            let mut cursor = 0;
            loop {
                cursor = steps(cursor, 3, |at| {
                    assert!(seen.insert(at & ((1 << bits) - 1)), "{bits} {at}");
                    bits
                });
                if cursor == 0 {
                    break;
                }
            }
            assert_eq!(seen.len(), 1 << bits);
        }
    }

    #[test]
    fn growth_on_the_way_hides_and_repeats_nothing() {
        // Every hash of 12 bits is an entry; the table doubles at every place of the walk.
        for doubled_at in 0..8 {
            for (from, to) in [(3, 4), (3, 9), (0, 5)] {
                let mut counts = [0; 1 << 12];
                let (mut cursor, mut visits) = (0, 0);
                loop {
                    let bits = if visits < doubled_at { from } else { to };
                    cursor = steps(cursor, 1, |at| {
                        for (hash, count) in (0_u64..).zip(&mut counts) {
                            *count += u32::from((hash ^ at) & ((1 << bits) - 1) == 0);
                        }
                        bits
                    });
                    visits += 1;
                    if cursor == 0 {
                        break;
                    }
                }
                assert!(
                    counts.iter().all(|&count| count == 1),
                    "{doubled_at} {from}"
                );
            }
        }
    }

    #[test]
    fn a_cursor_passes_the_last_bit() {
        assert_eq!(after(0, 64), 1 << 63);
        assert_eq!(after(u64::MAX, 64), 0);
        assert_eq!(after(u64::MAX, 1), 0);
        assert_eq!(after(6, 0), 0);
    }
}
