//! Draws from a table of weights in constant time: the alias method.
//!
//! Walker, "An efficient method for generating discrete random variables with general
//! distributions" (ACM TOMS 1977), with the table built as in Vose, "A linear algorithm for
//! generating random numbers with a given distribution" (IEEE TSE 1991).

use std::hint::select_unpredictable;

/// A table of weights made ready to be drawn from.
#[derive(Clone, Debug)]
pub(super) struct Alias(Box<[Cell]>);

/// One cell of equal probability: below `threshold` out of 2^32 its own index, else another.
#[derive(Clone, Copy, Debug)]
struct Cell {
    threshold: u32,
    other: u32,
}

impl Alias {
    /// `weights` are at least one and fewer than 2^32, none negative, their sum above zero.
    pub(super) fn new(weights: &[f64]) -> Alias {
        let total: f64 = weights.iter().sum();
        let count = weights.len();
        let mut scaled: Vec<f64> = weights
            .iter()
            .map(|weight| weight / total * count as f64)
            .collect();
        let index = |at: usize| u32::try_from(at).expect("fewer than 2^32 weights");
        let mut cells: Vec<Cell> = (0..count)
            .map(|at| Cell {
                threshold: u32::MAX,
                other: index(at),
            })
            .collect();
        let (mut small, mut large): (Vec<usize>, Vec<usize>) =
            (0..count).partition(|at| scaled[*at] < 1.0);
        while let (Some(&low), Some(&high)) = (small.last(), large.last()) {
            small.pop();
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "0 to 1 times 2^32, and casts saturate"
            )]
            let threshold = (scaled[low] * 4_294_967_296.0) as u32;
            cells[low] = Cell {
                threshold,
                other: index(high),
            };
            scaled[high] -= 1.0 - scaled[low];
            if scaled[high] < 1.0 {
                large.pop();
                small.push(high);
            }
        }
        // Whatever is left has weight 1 but for rounding: its own index either way.
        Alias(cells.into())
    }

    /// The index for 64 uniform bits.
    #[inline]
    pub(super) fn at(&self, bits: u64) -> usize {
        let product = u128::from(bits) * self.0.len() as u128;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "an index of the table, and the 32 bits behind it"
        )]
        let (index, rest) = ((product >> 64) as usize, (product >> 32) as u32);
        let cell = self.0[index];
        select_unpredictable(rest < cell.threshold, index, cell.other as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::super::draws::mix;
    use super::*;

    #[test]
    fn shares_are_the_weights() {
        let weights = [0.0, 1.0, 5.0, 0.5, 3.5, 0.0];
        let alias = Alias::new(&weights);
        let mut counts = [0u32; 6];
        for n in 0..100_000 {
            counts[alias.at(mix(n))] += 1;
        }
        assert_eq!((counts[0], counts[5]), (0, 0));
        for (count, weight) in counts.into_iter().zip(weights) {
            let share = weight / 10.0;
            let noise = 5.0 * (100_000.0 * share * (1.0 - share)).sqrt();
            assert!(
                (f64::from(count) - 100_000.0 * share).abs() <= noise,
                "{counts:?}"
            );
        }
    }

    #[test]
    fn one_weight_and_all_bits_work() {
        assert_eq!(Alias::new(&[7.0]).at(u64::MAX), 0);
        let many = Alias::new(&[1.0; 1000]);
        assert_eq!((many.at(0), many.at(u64::MAX)), (0, 999));
    }
}
