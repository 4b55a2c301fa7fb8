//! How much memory a table will take, from small ones of its kind.
//!
//! A table that doubles has the same load at N entries, at N/2 and at N/4: between two sizes that are so related
//! its bytes grow in proportion, whatever its load; of a table that does not grow, and of one that grows a little at
//! a time, they grow by as much for each entry at all sizes. So for each of them a line through the bytes at N/2^k
//! and N/2^(k+1) leads to the bytes at N. What that line is worth is seen where it can be: the two smaller of three
//! sizes predict the largest.

/// Bytes that tables of rising sizes were measured to take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Grown {
    /// Entries.
    pub entries: u64,
    /// Bytes.
    pub bytes: f64,
}

/// Bytes that a table of another size is expected to take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Extrapolated {
    /// Bytes.
    pub bytes: f64,
    /// How far the same line missed the largest size that was measured, as a part of it, with its sign; `None` with
    /// two sizes.
    pub missed: Option<f64>,
}

/// What a table takes.
#[derive(Clone, Debug, PartialEq)]
pub struct TableSize {
    /// The target as people read it.
    pub target: String,
    /// Bytes, or why there are none.
    pub bytes: Result<SizeBytes, String>,
}

/// Bytes of a table with all its entries.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SizeBytes {
    /// Resident, when it is filled.
    pub at_rest: Extrapolated,
    /// The highest resident memory on the way there; `None` where the machine does not count it.
    pub growing: Option<Extrapolated>,
    /// What the whole table was measured to take, at rest, where it was filled.
    pub measured: Option<f64>,
}

/// The sizes to measure for a table of so many entries: three of them, each half of the next, the largest at most
/// `most`. One alone, the size itself, where that is no larger.
#[must_use]
pub fn sizes_below(entries: u64, most: u64) -> Vec<u64> {
    if entries <= most {
        return vec![entries];
    }
    let halvings = (1..64).find(|&k| entries >> k <= most).unwrap_or(63);
    (0..3)
        .rev()
        .map(|k| (entries >> (halvings + k)).max(1))
        .collect()
}

/// Bytes of a table of so many entries: measured, where it is among those that grew.
#[must_use]
pub fn extrapolated(grown: &[Grown], entries: u64) -> Option<Extrapolated> {
    let line = |a: Grown, b: Grown, entries: u64| {
        let each = (b.bytes - a.bytes) / (b.entries as f64 - a.entries as f64);
        b.bytes + each * (entries as f64 - b.entries as f64)
    };
    match *grown {
        [only] if only.entries == entries => Some(Extrapolated {
            bytes: only.bytes,
            missed: None,
        }),
        [.., a, b] if a.entries < b.entries => {
            let before = grown.len().checked_sub(3).map(|at| grown[at]);
            Some(Extrapolated {
                bytes: line(a, b, entries),
                missed: before.map(|before| line(before, a, b.entries) / b.bytes - 1.0),
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grown(bytes: impl Fn(u64) -> f64, sizes: &[u64]) -> Vec<Grown> {
        let measured = |&entries: &u64| Grown {
            entries,
            bytes: bytes(entries),
        };
        sizes.iter().map(measured).collect()
    }

    #[test]
    fn sizes_halve_down_from_the_one_asked_for() {
        assert_eq!(sizes_below(1_000, 1 << 20), [1_000]);
        let sizes = sizes_below(100_000_000, 1 << 20);
        assert_eq!(sizes, [195_312, 390_625, 781_250]);
        assert_eq!(sizes_below(u64::MAX, 1 << 20).len(), 3);
    }

    #[test]
    fn a_doubling_table_and_a_fixed_one_are_both_met() {
        let entries = 100_000_000;
        let sizes = sizes_below(entries, 1 << 20);
        // Eight bytes a bucket, a power of two of them, and 96 bytes an entry.
        let doubling = |n: u64| 4096.0 + 8.0 * n.next_power_of_two() as f64 + 96.0 * n as f64;
        let fixed = |n: u64| 8192.0 + 96.0 * n as f64;
        for table in [&doubling as &dyn Fn(u64) -> f64, &fixed] {
            let found = extrapolated(&grown(table, &sizes), entries).unwrap();
            let wrong = found.bytes / table(entries) - 1.0;
            assert!(wrong.abs() < 1e-4, "{wrong}");
            assert!(found.missed.unwrap().abs() < 1e-4);
        }
    }

    #[test]
    fn a_table_that_bends_says_so() {
        let bent = |n: u64| (n as f64).powf(1.1);
        let found = extrapolated(&grown(bent, &[250_000, 500_000, 1_000_000]), 1 << 30);
        assert!(found.unwrap().missed.unwrap() < -0.01);
        assert_eq!(extrapolated(&[], 5), None);
    }
}
