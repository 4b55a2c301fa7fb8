//! How evenly hashes fall into buckets.

/// Which bits of a hash pick the bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bits {
    /// The lowest ones, as a bucket mask takes them.
    Low,
    /// The topmost ones, as shards and segments do.
    High,
}

impl Bits {
    /// The word used in files.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Bits::Low => "low",
            Bits::High => "high",
        }
    }

    /// The bucket of a hash among 2^`log2`.
    fn bucket(self, hash: u64, log2: u32) -> usize {
        let bits = match self {
            Bits::Low => hash & ((1 << log2) - 1),
            // Two shifts, as one by 64 is none.
            Bits::High => hash >> 1 >> (63 - log2),
        };
        usize::try_from(bits).expect("a bucket's number fits an index")
    }
}

/// How a set of keys falls into a number of buckets.
#[derive(Clone, Debug, PartialEq)]
pub struct Spread {
    /// Keys.
    pub keys: u64,
    /// Buckets, a power of two.
    pub buckets: u64,
    /// Pearson's chi-square of the buckets' counts against equal ones; about `buckets - 1` for an
    /// ideal function.
    pub chi_square: f64,
    /// The same as a standard normal score: within ±3 but for one ideal function in 370, far above
    /// where keys pile up, far below where they are dealt out more evenly than by chance. 0 where there
    /// is one bucket.
    pub score: f64,
    /// `chains[n]` is the number of buckets with exactly `n` keys.
    pub chains: Vec<u64>,
    /// What [`Spread::chains`] would be on average for an ideal function: a Poisson distribution; as
    /// long as it.
    pub expected: Vec<f64>,
}

impl Spread {
    /// The longest chain, in keys.
    #[must_use]
    pub fn longest(&self) -> usize {
        self.chains.len() - 1
    }
}

/// Counts the hashes of different keys into 2^`log2` buckets.
///
/// # Panics
/// If `log2` is above 32.
#[must_use]
pub fn spread(hashes: &[u64], log2: u32, bits: Bits) -> Spread {
    assert!(log2 <= 32, "2^{log2} buckets are more than are counted");
    let mut counts = vec![0usize; 1 << log2];
    for &hash in hashes {
        counts[bits.bucket(hash, log2)] += 1;
    }
    let (keys, buckets) = (hashes.len() as u64, counts.len() as u64);
    let mean = keys as f64 / buckets as f64;
    let mut chains = vec![0; counts.iter().max().map_or(0, |longest| longest + 1)];
    let mut squares = 0.0;
    for count in counts {
        chains[count] += 1;
        squares += (count as f64 - mean) * (count as f64 - mean);
    }
    let chi_square = if keys == 0 { 0.0 } else { squares / mean };
    let expected = (0..chains.len() as u64)
        .map(|n| buckets as f64 * poisson(mean, n))
        .collect();
    Spread {
        keys,
        buckets,
        chi_square,
        score: score(chi_square, buckets - 1),
        chains,
        expected,
    }
}

/// The normal score of a chi-square value: its cube root is nearly normal (Wilson and Hilferty, "The
/// Distribution of Chi-Square", 1931).
fn score(chi_square: f64, degrees: u64) -> f64 {
    if degrees == 0 {
        return 0.0;
    }
    let variance = 2.0 / (9.0 * degrees as f64);
    (libm::cbrt(chi_square / degrees as f64) - (1.0 - variance)) / variance.sqrt()
}

/// The probability of `n` keys in a bucket where there are `mean` on average.
#[must_use]
pub fn poisson(mean: f64, n: u64) -> f64 {
    if mean <= 0.0 {
        return if n == 0 { 1.0 } else { 0.0 };
    }
    // In logarithms, as e^-mean alone vanishes where buckets are long.
    let n = n as f64;
    libm::exp(n * libm::log(mean) - mean - libm::lgamma(n + 1.0))
}

/// The longest chain to expect of an ideal function: the smallest length that fewer than half a
/// bucket is expected to exceed.
#[must_use]
pub fn likely_longest(keys: u64, buckets: u64) -> u64 {
    let mean = keys as f64 / buckets as f64;
    // From where the terms vanish backwards to where their sum is half a bucket: small ones first.
    // Beyond mean + 12 standard deviations + 60 there is less than 2^-60 of a bucket.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "positive, small"
    )]
    let mut n = (mean + 12.0 * mean.sqrt() + 60.0) as u64;
    let mut exceeding = 0.0;
    while n > 0 {
        exceeding += buckets as f64 * poisson(mean, n);
        if exceeding >= 0.5 {
            break;
        }
        n -= 1;
    }
    n
}

#[cfg(test)]
mod tests {
    use super::super::split_mix;
    use super::*;

    fn random(count: u64) -> Vec<u64> {
        (0..count).map(|n| split_mix(42, n)).collect()
    }

    #[test]
    fn random_numbers_look_like_chance() {
        let hashes = random(100_000);
        for log2 in [0, 1, 4, 10, 16, 20] {
            for bits in [Bits::Low, Bits::High] {
                let spread = spread(&hashes, log2, bits);
                assert!(spread.score.abs() < 4.0, "{log2} {bits:?} {}", spread.score);
                let likely = likely_longest(spread.keys, spread.buckets) as f64;
                assert!(
                    log2 == 0 || (spread.longest() as f64) < 1.5 * likely + 2.0,
                    "{log2}"
                );
                assert_eq!(spread.chains.iter().sum::<u64>(), 1 << log2);
                let kept = (0..)
                    .zip(&spread.chains)
                    .map(|(n, buckets)| n * buckets)
                    .sum::<u64>();
                assert_eq!(kept, 100_000);
                let expected: f64 = spread.expected.iter().sum();
                assert!(log2 == 0 || (expected / spread.buckets as f64 - 1.0).abs() < 0.5);
            }
        }
    }

    #[test]
    fn piles_and_rows_are_told_from_chance() {
        let ladder: Vec<u64> = (0..65_536).collect();
        let even = spread(&ladder, 10, Bits::Low);
        assert!(even.chi_square < 1e-9 && even.score < -20.0);
        assert_eq!((even.longest(), even.chains[64]), (64, 1024));
        // Of small numbers the top bits are zero.
        let pile = spread(&ladder, 10, Bits::High);
        assert_eq!((pile.longest(), pile.chains[0]), (65_536, 1023));
        assert!(pile.score > 1000.0);
    }

    #[test]
    fn chi_square_by_hand() {
        // Counts 3, 1, 0, 0 against 1 each: 4 + 0 + 1 + 1.
        let spread = spread(&[0, 4, 8, 1], 2, Bits::Low);
        assert!((spread.chi_square - 6.0).abs() < 1e-12);
        assert_eq!(spread.chains, [2, 1, 0, 1]);
        // The 95th percentile of chi-square with 10 and with 100 degrees of freedom, as in any table.
        assert!((score(18.307, 10) - 1.645).abs() < 0.01);
        assert!((score(124.342, 100) - 1.645).abs() < 0.005);
        assert_eq!(super::spread(&[], 3, Bits::Low).chains, [8]);
    }

    #[test]
    fn poisson_is_a_distribution() {
        for mean in [0.0, 0.1, 1.0, 97.0, 5000.0] {
            let sum: f64 = (0..20_000).map(|n| poisson(mean, n)).sum();
            assert!((sum - 1.0).abs() < 1e-9, "{mean}: {sum}");
        }
        assert!((poisson(2.0, 3) - 8.0 / 6.0 * (-2.0f64).exp()).abs() < 1e-12);
        // A million keys in 2^20 buckets: P(n > 8) is about 10^-6, P(n > 9) about 10^-7.
        assert_eq!(likely_longest(1 << 20, 1 << 20), 9);
        assert_eq!(likely_longest(0, 16), 0);
    }
}
