//! Remainders of divisions by the same number.

/// A divisor made ready: two multiplications take the place of a division (Barrett, "Implementing
/// the Rivest Shamir and Adleman public key encryption algorithm on a standard digital signal
/// processor", CRYPTO 1986).
#[derive(Clone, Copy, Debug)]
pub(super) struct Modulus {
    divisor: u64,
    /// ⌊(2^64 - 1) / divisor⌋.
    reciprocal: u64,
}

impl Modulus {
    /// The divisor is at least 1.
    pub(super) fn new(divisor: u64) -> Modulus {
        let reciprocal = u64::MAX / divisor;
        Modulus {
            divisor,
            reciprocal,
        }
    }

    /// What it was made from.
    #[inline]
    pub(super) fn divisor(&self) -> u64 {
        self.divisor
    }

    /// `number % divisor`.
    #[inline]
    pub(super) fn of(&self, number: u64) -> u64 {
        // number / divisor, or one less: the reciprocal falls short of 2^64 / divisor by at most 1,
        // so the product divided by 2^64 falls short by less than 1 before it is rounded down.
        let quotient = ((u128::from(number) * u128::from(self.reciprocal)) >> 64) as u64;
        let rest = number.wrapping_sub(quotient.wrapping_mul(self.divisor));
        // Where rest is less than the divisor, the difference wraps round to something larger.
        rest.min(rest.wrapping_sub(self.divisor))
    }
}

#[cfg(test)]
mod tests {
    use super::super::draws::mix;
    use super::*;

    #[test]
    fn remainders_are_those_of_a_division() {
        let edges = [1, 2, 3, 10, 99_991, 100_000, 1 << 20, (1 << 32) - (1 << 16)];
        for divisor in edges.into_iter().chain([u64::MAX / 2, u64::MAX]) {
            let modulus = Modulus::new(divisor);
            assert_eq!(modulus.divisor(), divisor);
            let near = [0, 1, divisor - 1, divisor, divisor.wrapping_add(1)];
            let far = [u64::MAX, u64::MAX - 1, u64::MAX / divisor * divisor];
            let multiples = [divisor.wrapping_mul(2), (u64::MAX / divisor * divisor) - 1];
            let all = near.into_iter().chain(far).chain(multiples);
            for number in all.chain((0..2_000).map(mix)) {
                assert_eq!(modulus.of(number), number % divisor, "{number} % {divisor}");
            }
        }
    }
}
