//! What a cache of so many bytes misses: exact LRU for all sizes at once, and Belady's optimum.
//!
//! Keys are numbered from 0 and have one size each, in bytes. An entry is kept whole or not at all;
//! what is larger than the whole cache is missed every time.

use std::collections::BTreeSet;

/// One request of a sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// The key's number.
    pub key: u32,
    /// Bytes that its entry takes.
    pub bytes: u32,
    /// Whether it looks the key up: then it can miss. Otherwise it is a write, which uses the entry
    /// and puts it in.
    pub read: bool,
}

/// Misses of LRU under each of these budgets, in bytes and rising: exact, in one walk over the
/// requests, whatever the number of budgets.
///
/// LRU keeps the longest front of the stack of keys, latest use first, that fits: a request hits if the
/// entries used since its key's last use, and its own, fit together. (As sizes are constant that
/// sum only grows until the key is used again, so an entry that was evicted does not fit again
/// either.) The sums are kept in a binary indexed tree over the times of last uses.
///
/// **Source:** Mattson, Gecsei, Slutz and Traiger, "Evaluation techniques for storage hierarchies", IBM
/// Systems Journal 9(2), 1970; the tree is that of Bennett and Kruskal (IBM Journal of Research and
/// Development 19(4), 1975), in Fenwick's form (Software: Practice and Experience 24(3), 1994).
#[must_use]
pub fn lru_misses(requests: &[Request], budgets: &[u64]) -> Vec<u64> {
    // The number of requests whose sum is in (budgets[at - 1], budgets[at]].
    let mut sums = vec![0_u64; budgets.len() + 1];
    let mut stack = Stack::default();
    for request in requests {
        let sum = stack.touch(request.key as usize, u64::from(request.bytes));
        if request.read {
            let at = sum.map_or(budgets.len(), |sum| {
                budgets.partition_point(|&budget| budget < sum)
            });
            sums[at] += 1;
        }
    }
    let mut misses: u64 = sums.iter().sum();
    sums.iter()
        .take(budgets.len())
        .map(|hits| {
            misses -= hits;
            misses
        })
        .collect()
}

/// Keys in the order of their last use, with the sum of the bytes of all after any one.
#[derive(Default)]
struct Stack {
    /// The place of each key, from 1; 0 for a key that has none yet.
    places: Vec<usize>,
    /// The key at each place, by its place less one; some places have none any more.
    keys: Vec<Option<u32>>,
    bytes: Vec<u64>,
    /// A Fenwick tree over the bytes at the places.
    tree: Vec<u64>,
    total: u64,
}

impl Stack {
    /// The bytes of all keys used since this one's last use, and its own; nothing at its first use.
    /// It is the latest after this.
    fn touch(&mut self, key: usize, bytes: u64) -> Option<u64> {
        if self.places.len() <= key {
            self.places.resize(key + 1, 0);
            self.bytes.resize(key + 1, 0);
        }
        let place = self.places[key];
        let sum = (place > 0).then(|| {
            let sum = self.total - self.sum_below(place);
            self.add(place, self.bytes[key].wrapping_neg());
            self.keys[place - 1] = None;
            self.total -= self.bytes[key];
            sum
        });
        if self.keys.len() + 1 >= self.tree.len() {
            self.close_up();
        }
        self.keys.push(u32::try_from(key).ok());
        self.places[key] = self.keys.len();
        self.bytes[key] = bytes;
        self.total += bytes;
        self.add(self.keys.len(), bytes);
        sum
    }

    /// Bytes at the places before one.
    fn sum_below(&self, place: usize) -> u64 {
        let (mut at, mut sum) = (place - 1, 0_u64);
        while at > 0 {
            sum = sum.wrapping_add(self.tree[at]);
            at &= at - 1;
        }
        sum
    }

    fn add(&mut self, place: usize, bytes: u64) {
        let mut at = place;
        while at < self.tree.len() {
            self.tree[at] = self.tree[at].wrapping_add(bytes);
            at += at & at.wrapping_neg();
        }
    }

    /// Closes the gaps, and makes room for as many places again as are taken: so each place costs a
    /// constant number of moves, and memory is in proportion to the keys, not to the requests.
    fn close_up(&mut self) {
        self.keys.retain(Option::is_some);
        self.tree.clear();
        self.tree.resize(2 * self.keys.len() + 1024, 0);
        for at in 0..self.keys.len() {
            let key = self.keys[at].expect("retained") as usize;
            self.places[key] = at + 1;
            self.add(at + 1, self.bytes[key]);
        }
    }
}

/// Misses of Belady's rule under a budget, in bytes: where room is needed, the entry goes whose key is
/// requested next after all others. For entries of one size no policy misses less that keeps, as
/// tables here do, what has just been requested. With entries of several sizes finding the optimum
/// is NP-hard, and this is an approximation that a policy may beat a little.
///
/// **Source:** Belady, "A study of replacement algorithms for a virtual-storage computer", IBM Systems
/// Journal 5(2), 1966; that sizes make it hard: Chrobak, Woeginger, Makino and Xu, "Caching is hard
/// — even in the fault model", Algorithmica 63, 2012.
#[must_use]
pub fn belady_misses(requests: &[Request], budget: u64) -> u64 {
    const NEVER: usize = usize::MAX;
    let keys = requests.iter().map(|request| request.key as usize + 1);
    let keys = keys.max().unwrap_or(0);
    let mut next = vec![NEVER; requests.len()];
    let mut last = vec![NEVER; keys];
    for (at, request) in requests.iter().enumerate().rev() {
        next[at] = std::mem::replace(&mut last[request.key as usize], at);
    }
    // What is kept, by the time it is needed next; and each key's, with its bytes.
    let mut kept = BTreeSet::new();
    let mut needed: Vec<Option<(usize, u64)>> = vec![None; keys];
    let (mut held, mut misses) = (0_u64, 0);
    for (request, next) in requests.iter().zip(next) {
        let key = request.key as usize;
        match needed[key].take() {
            Some((then, bytes)) => {
                kept.remove(&(then, key));
                held -= bytes;
            }
            None => misses += u64::from(request.read),
        }
        let bytes = u64::from(request.bytes);
        if bytes > budget {
            continue;
        }
        while held + bytes > budget
            && let Some((_, last)) = kept.pop_last()
        {
            if let Some((_, bytes)) = needed[last].take() {
                held -= bytes;
            }
        }
        kept.insert((next, key));
        needed[key] = Some((next, bytes));
        held += bytes;
    }
    misses
}

#[cfg(test)]
mod tests {
    use rand_xoshiro::Xoshiro256PlusPlus;
    use rand_xoshiro::rand_core::{Rng, SeedableRng};

    use super::*;

    fn get(key: u32, bytes: u32) -> Request {
        Request {
            key,
            bytes,
            read: true,
        }
    }

    /// LRU as one would write it down.
    fn plain_lru(requests: &[Request], budget: u64) -> u64 {
        let mut stack: Vec<Request> = Vec::new();
        let mut misses = 0;
        for request in requests {
            let at = stack.iter().position(|other| other.key == request.key);
            match at {
                Some(at) => drop(stack.remove(at)),
                None => misses += u64::from(request.read),
            }
            stack.insert(0, *request);
            while stack.iter().map(|r| u64::from(r.bytes)).sum::<u64>() > budget {
                stack.pop();
            }
        }
        misses
    }

    /// The fewest misses of all ways to keep entries: tried out.
    fn fewest(requests: &[Request], kept: u32, budget: u64) -> u64 {
        let Some((request, rest)) = requests.split_first() else {
            return 0;
        };
        let own = 1 << request.key;
        let miss = u64::from(kept & own == 0);
        let all = kept | own;
        let sizes = |set: u32| u64::from(set.count_ones()) * u64::from(request.bytes);
        let mut best = u64::MAX;
        let mut subset = all;
        loop {
            let admitted = subset & own != 0 || sizes(own) > budget;
            if sizes(subset) <= budget && admitted {
                best = best.min(fewest(rest, subset, budget));
            }
            if subset == 0 {
                return miss + best;
            }
            subset = (subset - 1) & all;
        }
    }

    fn random(seed: u64, count: usize, keys: u64, size_of: impl Fn(u32) -> u32) -> Vec<Request> {
        let mut dice = Xoshiro256PlusPlus::seed_from_u64(seed);
        let request = |_| {
            let (a, b) = (dice.next_u64() % keys, dice.next_u64() % keys);
            let key = u32::try_from(a.min(b)).unwrap();
            Request {
                key,
                bytes: size_of(key),
                read: !dice.next_u64().is_multiple_of(8),
            }
        };
        (0..count).map(request).collect()
    }

    #[test]
    fn the_example_of_the_textbooks() {
        // Tanenbaum's reference string; three and four frames of one byte.
        let string = [7, 0, 1, 2, 0, 3, 0, 4, 2, 3, 0, 3, 2, 1, 2, 0, 1, 7, 0, 1];
        let requests: Vec<Request> = string.iter().map(|&key| get(key, 1)).collect();
        assert_eq!(lru_misses(&requests, &[1, 3, 4, 6]), [20, 12, 8, 6]);
        assert_eq!(belady_misses(&requests, 3), 9);
    }

    #[test]
    fn lru_is_what_a_plain_list_does_and_closes_its_gaps() {
        for (seed, sizes) in [(1, 1), (2, 50)] {
            let requests = random(seed, 6_000, 300, |key| 1 + key * 7 % sizes);
            let budgets: Vec<u64> = vec![0, 1, 10, 49, 100, 500, 2_000, 1 << 40];
            let expected: Vec<u64> = budgets
                .iter()
                .map(|&budget| plain_lru(&requests, budget))
                .collect();
            assert_eq!(lru_misses(&requests, &budgets), expected);
        }
        assert_eq!(lru_misses(&[], &[5]), [0]);
    }

    #[test]
    fn belady_misses_least_and_never_more_than_lru() {
        for seed in 0..40 {
            let requests = random(seed, 12, 5, |_| 10);
            for budget in [0, 9, 10, 20, 30, 1000] {
                let belady = belady_misses(&requests, budget);
                let reads: Vec<Request> = requests.iter().copied().filter(|r| r.read).collect();
                assert_eq!(belady_misses(&reads, budget), fewest(&reads, 0, budget));
                assert!(belady <= lru_misses(&requests, &[budget])[0]);
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_missed_every_time() {
        let requests = [get(0, 100), get(1, 5), get(0, 100), get(1, 5)];
        assert_eq!(belady_misses(&requests, 50), 3);
        assert_eq!(lru_misses(&requests, &[50, 104, 105]), [4, 4, 2]);
    }
}
