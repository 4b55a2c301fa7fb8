//! Keys that flood a hash function: made from what is known of it, or searched for.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::hash::quality::flood;
use crate::hash::{self, Seed};

/// An attacker does not know the seed of a table and tries with this one, which no run has.
const ATTACKER_SEED: Seed = [0, 0];

/// Low bits of the hash that keys found by search have in common.
const SEARCH_BITS: u32 = 16;

/// Keys that collide in all the bits that a table picks buckets by, where such are known.
fn collisions(name: &str, count: usize) -> Option<Vec<Vec<u8>>> {
    let row = hash::find(name).expect("it was found when it was parsed");
    // One key alone would be the empty one.
    let mut keys = flood::multicollision(row, count.max(2))?.keys;
    keys.truncate(count);
    Some(keys)
}

/// Floods by function and number of keys. The threads of a process and its prefill share them: a
/// search takes a second.
static MADE: Mutex<BTreeMap<(&str, u64), Arc<Vec<Vec<u8>>>>> = Mutex::new(BTreeMap::new());

/// Whether the keys that flood a function have to be searched for; otherwise they are made at once.
pub(super) fn is_searched(name: &str) -> bool {
    collisions(name, 1).is_none()
}

/// The first keys of the flood of a function, as many as there are records.
pub(super) fn keys_of(name: &'static str, records: u64) -> Arc<Vec<Vec<u8>>> {
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(keys) = made.get(&(name, records)) {
        return Arc::clone(keys);
    }
    let count = usize::try_from(records).expect("the number was checked");
    let keys = Arc::new(collisions(name, count).unwrap_or_else(|| {
        let function = hash::find(name)
            .expect("it was found when it was parsed")
            .function;
        flood::search(
            |key| function(key, ATTACKER_SEED),
            SEARCH_BITS,
            count,
            u64::MAX,
        )
    }));
    made.insert((name, records), Arc::clone(&keys));
    keys
}

/// Takes the keys of a flood that another process has found.
pub(super) fn take_over(name: &'static str, keys: Vec<Vec<u8>>) {
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    made.insert((name, keys.len() as u64), Arc::new(keys));
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_flood_fills_one_bucket_under_its_hash() {
        for (name, bits) in [("djb2", 64), ("rustc-hash", SEARCH_BITS)] {
            let row = hash::find(name).unwrap();
            let keys = keys_of(row.name, 20);
            let mask = u64::MAX >> (64 - bits);
            let hashes = keys.iter().map(|key| (row.function)(key, [7, 8]) & mask);
            assert_eq!(hashes.collect::<HashSet<_>>().len(), 1, "{name}");
            assert_eq!(keys.len(), 20);
        }
    }
}
