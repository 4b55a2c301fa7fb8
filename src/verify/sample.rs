//! What the checks store: keys that tables confuse easily, and values of all sizes.

use std::collections::HashSet;

use rand::{Rng, RngExt};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::failure::Wrong;
use super::plan::Values;
use crate::base::Key;
use crate::hash::Hasher;

/// The randomness of the checks.
pub(super) type Dice = Xoshiro256PlusPlus;

/// Bytes of a value that is larger than any size class of any table here.
const LARGE: usize = 100 << 10;

/// Bytes of the largest value: memcached's limit of an item, by default.
const LARGEST: usize = 1 << 20;

/// A key with its hash.
#[derive(Debug)]
pub(super) struct Sample {
    bytes: Vec<u8>,
    hash: u64,
}

impl Sample {
    pub(super) fn new(bytes: Vec<u8>, hasher: &Hasher) -> Sample {
        let hash = hasher.hash(&bytes);
        Sample { bytes, hash }
    }

    /// The key, as a table takes it.
    pub(super) fn key(&self) -> Key<'_> {
        Key {
            bytes: &self.bytes,
            hash: self.hash,
        }
    }
}

/// Different keys of 0 to 300 bytes: the empty one, and families that share a stem: the stem itself,
/// keys that differ from each other in the last byte only, and one that ends in digits.
pub(super) fn keys(count: usize, hasher: &Hasher, dice: &mut Dice) -> Vec<Sample> {
    let mut known = HashSet::from([Vec::new()]);
    let mut all = vec![Vec::new()];
    while all.len() < count {
        let longest = [4, 20, 40, 296][dice.random_range(0..4)];
        let mut stem = vec![0; dice.random_range(longest / 2..=longest)];
        dice.fill_bytes(&mut stem);
        let last: u8 = dice.random();
        let number = format!("{:04}", dice.random_range(0..10_000));
        let endings: [&[u8]; 5] = [b"", &[last], &[last ^ 1], &[last ^ 0x80], number.as_bytes()];
        for ending in endings {
            let key = [&stem, ending].concat();
            if known.insert(key.clone()) {
                all.push(key);
            }
        }
    }
    all.truncate(count);
    all.into_iter()
        .map(|bytes| Sample::new(bytes, hasher))
        .collect()
}

/// Fills a buffer with a value as long as `values` says.
pub(super) fn value(values: Values, dice: &mut Dice, buffer: &mut Vec<u8>) {
    let length = match (values, dice.random_range(0..1000)) {
        (Values::Small, _) => dice.random_range(0..=64),
        (Values::Mixed, 0..600) => dice.random_range(0..64),
        (Values::Mixed, 600..900) => dice.random_range(0..600),
        (Values::Mixed, 900..999) => dice.random_range(0..=5000),
        (Values::Mixed, _) => LARGE,
        (Values::Large, 0..50) => 0,
        (Values::Large, 50..60) => LARGEST,
        (Values::Large, _) => {
            let most = 1 << dice.random_range(0..=20);
            dice.random_range(0..=most)
        }
    };
    buffer.resize(length, 0);
    dice.fill_bytes(buffer);
}

/// Demands a value, or its absence.
pub(super) fn same(expected: Option<&[u8]>, got: Option<&[u8]>) -> Result<(), Wrong> {
    if expected == got {
        return Ok(());
    }
    let place = match (expected, got) {
        (Some(expected), Some(got)) => {
            let equal = expected.iter().zip(got).take_while(|(a, b)| a == b).count();
            format!(", which differs from byte {equal} on")
        }
        _ => String::new(),
    };
    Err(Wrong {
        expected: describe(expected),
        got: describe(got) + &place,
    })
}

fn describe(value: Option<&[u8]>) -> String {
    value.map_or_else(
        || "no entry".to_owned(),
        |value| format!("the value {}", shown(value)),
    )
}

/// Bytes as a failure shows them: escaped, the first two dozen, with their number.
pub(super) fn shown(bytes: &[u8]) -> String {
    let start = &bytes[..bytes.len().min(24)];
    let more = if start.len() < bytes.len() { "…" } else { "" };
    format!("\"{}{more}\" ({} B)", start.escape_ascii(), bytes.len())
}
