//! What a cache of so many bytes misses: exact LRU for all sizes at once, and Belady's optimum.
//!
//! Keys are numbered from 0. An entry is kept whole or not at all; what is larger than the whole cache
//! is missed every time.

use std::collections::BTreeSet;

/// One request of a sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// The key's number.
    pub key: u32,
    /// Bytes that its entry takes.
    pub bytes: u32,
    /// What it does.
    pub access: Access,
}

/// What a request does to a cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Looks the key up, and puts it in when it was missed.
    Fill,
    /// Looks the key up, and leaves it out when it was missed.
    Read,
    /// Puts the entry in or changes it; no lookup.
    Write,
    /// Changes the entry if it is there; no lookup.
    Update,
    /// Takes the entry out; no lookup.
    Remove,
}

impl Access {
    /// Whether it can miss.
    #[must_use]
    pub fn is_lookup(self) -> bool {
        matches!(self, Access::Fill | Access::Read)
    }

    /// Whether the entry is there after it, whatever was before: then a larger cache holds all that a
    /// smaller one does.
    fn leaves_entry(self) -> bool {
        matches!(self, Access::Fill | Access::Write)
    }
}

/// Misses of LRU under each of these budgets, in bytes and rising: exact. In one walk over the
/// requests, whatever the number of budgets, if every request leaves its entry there; where some do not,
/// what is in a cache depends on what its size let it miss, and each budget has a walk of its own.
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
    if !requests.iter().all(|request| request.access.leaves_entry()) {
        let walks = budgets
            .iter()
            .map(|&budget| lru_misses_at(requests, budget));
        return walks.collect();
    }
    // The number of requests whose sum is in (budgets[at - 1], budgets[at]].
    let mut sums = vec![0_u64; budgets.len() + 1];
    let mut stack = Stack::default();
    for request in requests {
        let sum = stack.touch(request.key as usize, u64::from(request.bytes));
        if request.access.is_lookup() {
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

/// Misses of LRU under one budget, by a list of the keys that are kept.
fn lru_misses_at(requests: &[Request], budget: u64) -> u64 {
    let mut kept = Recency::new(key_count(requests));
    let (mut held, mut misses) = (0_u64, 0);
    for request in requests {
        let before = kept.take(request.key);
        held -= u64::from(before.unwrap_or(0));
        misses += u64::from(before.is_none() && request.access.is_lookup());
        let Some(bytes) = after(request, before) else {
            continue;
        };
        // What is larger than the whole cache goes through it all the same, as in the stack.
        while held + u64::from(bytes) > budget
            && let Some(oldest) = kept.oldest()
        {
            held -= u64::from(kept.take(oldest).unwrap_or(0));
        }
        if u64::from(bytes) <= budget {
            kept.put_first(request.key, bytes);
            held += u64::from(bytes);
        }
    }
    misses
}

/// The bytes of an entry after a request, by those before it; nothing if it is not there.
fn after(request: &Request, before: Option<u32>) -> Option<u32> {
    match (request.access, before) {
        (Access::Remove, _) | (Access::Read | Access::Update, None) => None,
        (Access::Read, Some(bytes)) => Some(bytes),
        (Access::Fill | Access::Write | Access::Update, _) => Some(request.bytes),
    }
}

fn key_count(requests: &[Request]) -> usize {
    let keys = requests.iter().map(|request| request.key as usize + 1);
    keys.max().unwrap_or(0)
}

/// A list of keys in the order of their last use, linked both ways through arrays.
struct Recency {
    /// The key used just after each key, and just before it; behind the last key stands the list's own
    /// link, whose `older` is the newest key and whose `newer` the oldest.
    newer: Vec<u32>,
    older: Vec<u32>,
    bytes: Vec<Option<u32>>,
}

impl Recency {
    fn new(keys: usize) -> Recency {
        let own = u32::try_from(keys).expect("keys are numbered in 32 bits");
        Recency {
            newer: vec![own; keys + 1],
            older: vec![own; keys + 1],
            bytes: vec![None; keys],
        }
    }

    fn own(&self) -> usize {
        self.bytes.len()
    }

    fn oldest(&self) -> Option<u32> {
        let oldest = self.newer[self.own()];
        (oldest as usize != self.own()).then_some(oldest)
    }

    /// Takes a key out; the bytes of its entry, if it was there.
    fn take(&mut self, key: u32) -> Option<u32> {
        let bytes = self.bytes[key as usize].take()?;
        let (newer, older) = (self.newer[key as usize], self.older[key as usize]);
        self.older[newer as usize] = older;
        self.newer[older as usize] = newer;
        Some(bytes)
    }

    /// Puts in a key that is not there.
    fn put_first(&mut self, key: u32, bytes: u32) {
        let own = self.own();
        let second = std::mem::replace(&mut self.older[own], key);
        self.newer[second as usize] = key;
        self.older[key as usize] = second;
        self.newer[key as usize] = u32::try_from(own).expect("as in new");
        self.bytes[key as usize] = Some(bytes);
    }
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
    let keys = key_count(requests);
    let mut next = vec![NEVER; requests.len()];
    let mut last = vec![NEVER; keys];
    for (at, request) in requests.iter().enumerate().rev() {
        // Nobody needs what is taken out next.
        let needed_at = if request.access == Access::Remove {
            NEVER
        } else {
            at
        };
        next[at] = std::mem::replace(&mut last[request.key as usize], needed_at);
    }
    // What is kept, by the time it is needed next; and each key's, with its bytes.
    let mut kept = BTreeSet::new();
    let mut needed: Vec<Option<(usize, u32)>> = vec![None; keys];
    let (mut held, mut misses) = (0_u64, 0);
    for (request, next) in requests.iter().zip(next) {
        let key = request.key as usize;
        let before = needed[key].take().map(|(then, bytes)| {
            kept.remove(&(then, key));
            held -= u64::from(bytes);
            bytes
        });
        misses += u64::from(before.is_none() && request.access.is_lookup());
        let Some(own_bytes) = after(request, before) else {
            continue;
        };
        let bytes = u64::from(own_bytes);
        if bytes > budget {
            continue;
        }
        while held + bytes > budget
            && let Some((_, last)) = kept.pop_last()
        {
            if let Some((_, bytes)) = needed[last].take() {
                held -= u64::from(bytes);
            }
        }
        kept.insert((next, key));
        needed[key] = Some((next, own_bytes));
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
            access: Access::Fill,
        }
    }

    /// LRU as one would write it down.
    fn plain_lru(requests: &[Request], budget: u64) -> u64 {
        let mut stack: Vec<Request> = Vec::new();
        let mut misses = 0;
        for request in requests {
            let at = stack.iter().position(|other| other.key == request.key);
            let old = at.map(|at| stack.remove(at));
            misses += u64::from(old.is_none() && request.access.is_lookup());
            match (request.access, old) {
                (Access::Read, Some(old)) => stack.insert(0, old),
                (Access::Update, Some(_)) | (Access::Fill | Access::Write, _) => {
                    stack.insert(0, *request);
                }
                _ => {}
            }
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
                access: if dice.next_u64().is_multiple_of(8) {
                    Access::Write
                } else {
                    Access::Fill
                },
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

    /// Some of the requests do not leave their entry there.
    fn mixed(seed: u64, count: usize, keys: u64, size_of: impl Fn(u32) -> u32) -> Vec<Request> {
        const ALL: [Access; 5] = [
            Access::Fill,
            Access::Read,
            Access::Write,
            Access::Update,
            Access::Remove,
        ];
        let mut dice = Xoshiro256PlusPlus::seed_from_u64(seed);
        let mut requests = random(seed, count, keys, size_of);
        for request in &mut requests {
            request.access = ALL[usize::try_from(dice.next_u64() % 5).unwrap()];
        }
        requests
    }

    #[test]
    fn what_does_not_stay_is_not_counted_on() {
        let requests = mixed(3, 6_000, 200, |key| 1 + key * 7 % 50);
        let budgets: Vec<u64> = vec![0, 1, 49, 100, 500, 2_000, 1 << 40];
        let expected: Vec<u64> = budgets
            .iter()
            .map(|&budget| plain_lru(&requests, budget))
            .collect();
        assert_eq!(lru_misses(&requests, &budgets), expected);
        let with = |access| Request {
            access,
            ..get(0, 5)
        };
        let [read, write, update, remove] =
            [Access::Read, Access::Write, Access::Update, Access::Remove].map(with);
        for (requests, misses) in [
            (vec![read, read], 2),
            (vec![update, read], 1),
            (vec![write, read, remove, read], 1),
            (vec![get(0, 5), read, update, read], 1),
        ] {
            assert_eq!(lru_misses(&requests, &[5]), [misses], "{requests:?}");
            assert_eq!(belady_misses(&requests, 5), misses, "{requests:?}");
        }
        // What is taken out next is the first to go.
        let string = [
            get(0, 5),
            get(1, 5),
            get(2, 5),
            with(Access::Remove),
            get(1, 5),
        ];
        assert_eq!(belady_misses(&string, 10), 3);
    }

    #[test]
    fn belady_misses_least_and_never_more_than_lru() {
        for seed in 0..40 {
            let requests = random(seed, 12, 5, |_| 10);
            for budget in [0, 9, 10, 20, 30, 1000] {
                let belady = belady_misses(&requests, budget);
                let reads: Vec<Request> = requests
                    .iter()
                    .copied()
                    .filter(|request| request.access.is_lookup())
                    .collect();
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
