//! Zipf's law for every skew, by rejection-inversion.
//!
//! Hörmann and Derflinger, "Rejection-inversion to generate variates from monotone discrete
//! distributions" (ACM TOMACS 1996): a draw from the continuous hat ∫ x^-θ dx is inverted and
//! rounded, and rejected where the hat is above the law; fewer than one draw in ten is. Unlike Gray's
//! generator it is exact for every rank and every θ ≥ 0.
//!
//! Most draws fall on the first items, whose parts of the hat stand in a table: there a draw is
//! looked up instead of inverted, with the same outcome.

use std::sync::Arc;

use super::draws::Draws;

/// How many items the table has at most.
const HEAD_ITEMS: u64 = 4096;

/// Into how many equal stretches the table's part of the hat is cut.
const STRETCHES: usize = 4096;

/// A generator of ranks from 0, where rank r has probability (r + 1)^-θ / ζ.
#[derive(Clone)]
pub(super) struct Rejection {
    items: u64,
    hat: Hat,
    /// The hat's integral up to 1.5, less the whole of item 1: where draws begin.
    first: f64,
    /// The hat's integral up to items + 0.5: where draws end.
    last: f64,
    head: Arc<Head>,
    /// An item behind the head so little above its draw is never rejected.
    sure: f64,
}

/// The first items.
struct Head {
    parts: Vec<Part>,
    /// The end of the last part.
    end: f64,
    /// The rank of the first part that reaches into each stretch.
    starts: Box<[u16; STRETCHES]>,
    /// Stretches per unit of the integral.
    density: f64,
}

/// An item's part of the hat, from the end of the one before.
#[derive(Clone, Copy)]
struct Part {
    /// Below it, draws are rejected.
    accepted_from: f64,
    end: f64,
}

impl Rejection {
    /// Ranks over `items` items, at least one; θ is at least 0.
    pub(super) fn new(items: u64, theta: f64) -> Rejection {
        let hat = Hat { theta };
        let first = hat.integral(1.5) - 1.0;
        let head = items.min(HEAD_ITEMS);
        // Rejected parts grow smaller from item to item, so the first one behind the head decides.
        let behind = head as f64 + 1.0;
        Rejection {
            items,
            hat,
            first,
            last: hat.integral(items as f64 + 0.5),
            head: Arc::new(Head::new(hat, first, head)),
            sure: behind - hat.inverse(hat.integral(behind + 0.5) - hat.term(behind)),
        }
    }

    /// Adds an item.
    pub(super) fn grow(&mut self) {
        self.items += 1;
        self.last = self.hat.integral(self.items as f64 + 0.5);
    }

    /// Draws a rank.
    #[inline]
    pub(super) fn rank(&self, draws: &mut Draws) -> u64 {
        loop {
            let at = self.last + draws.unit() * (self.first - self.last);
            let rank = if at <= self.head.end {
                self.head.rank(at - self.first, at)
            } else {
                self.rank_behind(at)
            };
            if let Some(rank) = rank {
                return rank;
            }
        }
    }

    /// The rank for a draw behind the head, unless it is rejected.
    fn rank_behind(&self, at: f64) -> Option<u64> {
        let x = self.hat.inverse(at);
        let behind = self.head.parts.len() as f64 + 1.0;
        let item = libm::floor(x + 0.5).min(self.items as f64).max(behind);
        let accepted =
            item - x <= self.sure || at >= self.hat.integral(item + 0.5) - self.hat.term(item);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "1 to the number of items"
        )]
        let item = item as u64;
        accepted.then_some(item - 1)
    }
}

impl Head {
    fn new(hat: Hat, first: f64, items: u64) -> Head {
        let part = |item: u64| {
            let end = hat.integral(item as f64 + 0.5);
            Part {
                accepted_from: end - hat.term(item as f64),
                end,
            }
        };
        let mut parts: Vec<Part> = (1..=items).map(part).collect();
        // The first item takes all draws up to its end, whatever rounding does.
        parts[0].accepted_from = f64::NEG_INFINITY;
        let end = parts[parts.len() - 1].end;
        let mut head = Head {
            parts,
            end,
            starts: Box::new([0; STRETCHES]),
            density: STRETCHES as f64 / (end - first),
        };
        let mut rank = 0;
        for stretch in 0..STRETCHES {
            while head.stretch(head.parts[usize::from(rank)].end - first) < stretch {
                rank += 1;
            }
            head.starts[stretch] = rank;
        }
        head
    }

    /// The stretch that a draw so far behind the beginning falls on. It never falls as draws rise,
    /// roundings included, so no draw lies before the first part of its stretch.
    #[inline]
    fn stretch(&self, from_first: f64) -> usize {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "casts saturate"
        )]
        let stretch = (from_first * self.density) as usize;
        stretch.min(STRETCHES - 1)
    }

    /// The rank for a draw up to the end of the head, unless it is rejected.
    #[inline]
    fn rank(&self, from_first: f64, at: f64) -> Option<u64> {
        let mut rank = usize::from(self.starts[self.stretch(from_first)]);
        while at > self.parts[rank].end {
            rank += 1;
        }
        (at >= self.parts[rank].accepted_from).then_some(rank as u64)
    }
}

/// The hat over the law: x^-θ for all x, not just the whole ones.
#[derive(Clone, Copy)]
struct Hat {
    theta: f64,
}

impl Hat {
    /// x^-θ.
    #[inline]
    fn term(self, x: f64) -> f64 {
        libm::exp(-self.theta * libm::log(x))
    }

    /// ∫ t^-θ dt from 1 to x: (x^(1-θ) - 1) / (1 - θ), and ln x for θ = 1.
    #[inline]
    fn integral(self, x: f64) -> f64 {
        let log = libm::log(x);
        let power = (1.0 - self.theta) * log;
        let ratio = if power.abs() > 1e-8 {
            libm::expm1(power) / power
        } else {
            1.0 + power / 2.0
        };
        ratio * log
    }

    /// The x of an integral.
    #[inline]
    fn inverse(self, integral: f64) -> f64 {
        // Rounding may lead just past the end of what a logarithm takes.
        let power = (integral * (1.0 - self.theta)).max(-1.0);
        let ratio = if power.abs() > 1e-8 {
            libm::log1p(power) / power
        } else {
            1.0 - power / 2.0
        };
        libm::exp(ratio * integral)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frequencies under a fixed seed against the law: every rank of a small table and the sums of
    /// a large one within five deviations.
    #[test]
    fn frequencies_follow_the_law() {
        const DRAWS: u32 = 300_000;
        for theta in [0.0, 0.3, 0.99, 1.0, 1.000_001, 1.2117, 2.0994, 6.0] {
            for items in [10u64, 100_000] {
                let zipf = Rejection::new(items, theta);
                let term = |rank: u64| (rank as f64 + 1.0).powf(-theta);
                let zeta: f64 = (0..items).rev().map(term).sum();
                let mut draws = Draws::new(12, 0);
                let marks = [1, 2, 3, 5, 10, 100, 1_000, 50_000];
                let mut below = [0u32; 8];
                for _ in 0..DRAWS {
                    let rank = zipf.rank(&mut draws);
                    assert!(rank < items);
                    for (count, mark) in below.iter_mut().zip(marks) {
                        *count += u32::from(rank < mark);
                    }
                }
                for (count, mark) in below.into_iter().zip(marks) {
                    let share = (0..mark.min(items)).rev().map(term).sum::<f64>() / zeta;
                    let noise = 5.0 * (share * (1.0 - share) / f64::from(DRAWS)).max(0.0).sqrt();
                    let measured = f64::from(count) / f64::from(DRAWS);
                    assert!(
                        (measured - share).abs() <= noise + 1e-9,
                        "theta {theta}, {items} items, below {mark}: {measured} for {share}"
                    );
                }
            }
        }
    }

    #[test]
    fn one_item_works_and_growing_is_starting_large() {
        let mut draws = Draws::new(3, 0);
        for theta in [0.0, 1.0, 9.0] {
            let mut zipf = Rejection::new(1, theta);
            assert!((0..100).all(|_| zipf.rank(&mut draws) == 0));
            (1..50).for_each(|_| zipf.grow());
            let large = Rejection::new(50, theta);
            assert!((zipf.last - large.last).abs() < 1e-12);
        }
    }
}
