//! How easily an attacker makes keys that collide under a hash function, and what prevents it.

use std::time::Instant;

use crate::hash::quality::{Bits, flood, likely_longest, spread};
use crate::hash::{HashRow, Seed};
use crate::record::HashFloodRow;

/// Keys of a flood, and the bits that those found by search share.
const FLOOD_KEYS: usize = 64;
const FLOOD_BITS: u32 = 16;
/// Tries of a search: four times what a function is expected to need.
const FLOOD_TRIES: u64 = 4 * ((FLOOD_KEYS as u64) << FLOOD_BITS);
/// The seed that the maker of a flood assumes; no run has it.
const ATTACKER_SEED: Seed = [0, 0];

/// Makes keys that collide under a function, knowing its structure or [`ATTACKER_SEED`], and throws
/// them into buckets under that seed and under another.
pub(super) fn flooded(row: &HashRow, unknown: Seed) -> HashFloodRow {
    let began = Instant::now();
    let (method, bits, keys) = if let Some(flood) = flood::multicollision(row, FLOOD_KEYS) {
        ("multicollision", flood.bits, flood.keys)
    } else {
        let hash = |key: &[u8]| (row.function)(key, ATTACKER_SEED);
        let found = flood::search(hash, FLOOD_BITS, FLOOD_KEYS, FLOOD_TRIES);
        ("search", FLOOD_BITS, found)
    };
    let elapsed_ns = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
    let longest = |seed: Seed| {
        let hashes: Vec<u64> = keys.iter().map(|key| (row.function)(key, seed)).collect();
        spread(&hashes, FLOOD_BITS, Bits::Low).longest() as u64
    };
    HashFloodRow {
        hash: row.name.to_owned(),
        method: method.to_owned(),
        colliding_bits: bits,
        keys: keys.len() as u64,
        elapsed_ns,
        buckets: 1 << FLOOD_BITS,
        longest_seed_known: longest(ATTACKER_SEED),
        longest_seed_unknown: longest(unknown),
        likely_longest: likely_longest(keys.len() as u64, 1 << FLOOD_BITS),
    }
}
