//! The order in which the cells of a panel get their slices.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_xoshiro::Xoshiro256PlusPlus;

/// Deals rounds: every even round is a random order, every odd one the same order reversed (ABBA),
/// so that what drifts over two rounds touches every cell alike.
#[derive(Debug)]
pub(super) struct Dealer {
    rng: Xoshiro256PlusPlus,
    order: Vec<usize>,
    reversed: bool,
}

impl Dealer {
    /// A dealer for `cells` cells.
    pub(super) fn new(cells: usize, seed: u64) -> Dealer {
        let rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        Dealer {
            rng,
            order: (0..cells).collect(),
            reversed: true,
        }
    }

    /// The order of the next round.
    pub(super) fn round(&mut self) -> &[usize] {
        self.reversed = !self.reversed;
        if self.reversed {
            self.order.reverse();
        } else {
            self.order.shuffle(&mut self.rng);
        }
        &self.order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_come_in_pairs_that_mirror_each_other() {
        let mut dealer = Dealer::new(5, 7);
        let mut firsts = [0; 5];
        for _ in 0..500 {
            let there = dealer.round().to_vec();
            let mut back = dealer.round().to_vec();
            back.reverse();
            assert_eq!(there, back);
            firsts[there[0]] += 1;
            let mut all = there;
            all.sort_unstable();
            assert_eq!(all, [0, 1, 2, 3, 4]);
        }
        assert!(
            firsts.iter().all(|&first| first > 60),
            "every cell leads in turn: {firsts:?}"
        );
    }

    #[test]
    fn the_same_seed_deals_the_same() {
        let deal = |seed| {
            let mut dealer = Dealer::new(6, seed);
            (0..20)
                .flat_map(|_| dealer.round().to_vec())
                .collect::<Vec<_>>()
        };
        assert_eq!(deal(3), deal(3));
        assert_ne!(deal(3), deal(4));
    }
}
