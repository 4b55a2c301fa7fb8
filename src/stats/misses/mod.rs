//! What a cache of so many bytes misses: exact LRU for all sizes at once, and Belady's optimum.
//!
//! Keys are numbered from 0. The rules, which tables under a budget keep as well:
//!
//! - An entry is kept whole or not at all.
//! - A lookup that hits leaves the entry's size as it was stored: a request that states another size
//!   changes nothing. A write takes the new size.
//! - An object larger than the whole budget is passed over: it is missed every time and evicts
//!   nothing. A write of it takes the old value out.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

/// One request of a sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// The key's number.
    pub key: u32,
    /// Bytes that its entry takes if it is stored now.
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
    /// Puts the entry in if it is not there; no lookup.
    Add,
    /// Changes the entry if it is there; no lookup.
    Update,
    /// Uses the entry if it is there and leaves its size; no lookup.
    Touch,
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
        matches!(self, Access::Fill | Access::Write | Access::Add)
    }
}

/// Whether one walk over the requests gives the misses of LRU under all budgets that hold the largest
/// entry: every request leaves its entry there, and no key's size changes. Otherwise what a cache holds
/// depends on what its size let it miss, and each budget takes a walk of its own.
#[must_use]
pub fn lru_needs_one_walk(requests: &[Request]) -> bool {
    let mut sizes: Vec<Option<u32>> = vec![None; key_count(requests)];
    requests.iter().all(|request| {
        let size = sizes[request.key as usize].get_or_insert(request.bytes);
        request.access.leaves_entry() && *size == request.bytes
    })
}

/// Misses of LRU under each of these budgets, in bytes and rising: exact. Where
/// [`lru_needs_one_walk`], all budgets that hold the largest entry share a walk; the others, which pass
/// over some entries, have one each.
///
/// In the shared walk LRU keeps the longest front of the stack of keys, latest use first, that fits: a
/// request hits if the entries used since its key's last use, and its own, fit together. (As sizes
/// are constant that sum only grows until the key is used again, so an entry that was evicted does
/// not fit again either.) The sums are kept in a binary indexed tree over the times of last uses.
///
/// **Source:** Mattson, Gecsei, Slutz and Traiger, "Evaluation techniques for storage hierarchies", IBM
/// Systems Journal 9(2), 1970; the tree is that of Bennett and Kruskal (IBM Journal of Research and
/// Development 19(4), 1975), in Fenwick's form (Software: Practice and Experience 24(3), 1994).
#[must_use]
pub fn lru_misses(requests: &[Request], budgets: &[u64]) -> Vec<u64> {
    let shared_from = if lru_needs_one_walk(requests) {
        let largest = requests.iter().map(|request| request.bytes).max();
        budgets.partition_point(|&budget| budget < u64::from(largest.unwrap_or(0)))
    } else {
        budgets.len()
    };
    let (own, shared) = budgets.split_at(shared_from);
    let mut misses: Vec<u64> = own
        .iter()
        .map(|&budget| lru_misses_at(requests, budget))
        .collect();
    if !shared.is_empty() {
        misses.extend(lru_misses_of_stack(requests, shared));
    }
    misses
}

/// Misses of LRU under budgets that share a walk.
fn lru_misses_of_stack(requests: &[Request], budgets: &[u64]) -> Vec<u64> {
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
        let Some(bytes) = after(request, before, budget) else {
            continue;
        };
        while held + u64::from(bytes) > budget
            && let Some(oldest) = kept.oldest()
        {
            held -= u64::from(kept.take(oldest).unwrap_or(0));
        }
        kept.put_first(request.key, bytes);
        held += u64::from(bytes);
    }
    misses
}

/// The bytes of an entry after a request, by those before it; nothing if it is not there.
fn after(request: &Request, before: Option<u32>, budget: u64) -> Option<u32> {
    let fitting = (u64::from(request.bytes) <= budget).then_some(request.bytes);
    match (request.access, before) {
        (Access::Remove, _) | (Access::Read | Access::Update | Access::Touch, None) => None,
        (Access::Fill | Access::Read | Access::Add | Access::Touch, Some(bytes)) => Some(bytes),
        (Access::Fill | Access::Add, None) | (Access::Write | Access::Update, _) => fitting,
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
/// looked up next after all others. For entries of one size, and lookups that fill, no policy misses
/// less that keeps, as tables here do, what has just been requested.
///
/// With entries of several sizes, and lookups that do not fill, finding the optimum is NP-hard or needs
/// more than the next use, and the rule is an approximation that LRU may beat. What LRU reaches is
/// possible too, so the answer is then the lesser of both: the optimum misses no more.
///
/// **Source:** Belady, "A study of replacement algorithms for a virtual-storage computer", IBM Systems
/// Journal 5(2), 1966; that sizes make it hard: Chrobak, Woeginger, Makino and Xu, "Caching is hard
/// — even in the fault model", Algorithmica 63, 2012.
#[must_use]
pub fn belady_misses(requests: &[Request], budget: u64) -> u64 {
    let by_rule = belady_rule(requests, budget);
    let of_one_size = requests.windows(2).all(|two| two[0].bytes == two[1].bytes);
    let fill = |request: &Request| request.access != Access::Read;
    if of_one_size && requests.iter().all(fill) {
        return by_rule;
    }
    by_rule.min(lru_misses_at(requests, budget))
}

/// When each request's entry is looked up next, by the number of the request. An entry is not needed
/// until then if it is taken out or written anew before.
fn next_lookups(requests: &[Request], keys: usize) -> Vec<usize> {
    let mut next = vec![NEVER; requests.len()];
    let mut needed = vec![NEVER; keys];
    for (at, request) in requests.iter().enumerate().rev() {
        let own = &mut needed[request.key as usize];
        next[at] = *own;
        match request.access {
            Access::Fill | Access::Read => *own = at,
            Access::Write | Access::Add | Access::Remove => *own = NEVER,
            Access::Update | Access::Touch => {}
        }
    }
    next
}

const NEVER: usize = usize::MAX;

fn belady_rule(requests: &[Request], budget: u64) -> u64 {
    let keys = key_count(requests);
    let next = next_lookups(requests, keys);
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
        let Some(own_bytes) = after(request, before, budget) else {
            continue;
        };
        let bytes = u64::from(own_bytes);
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
