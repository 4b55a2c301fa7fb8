//! What a row of [`HASHES`](super::HASHES) says of a hash function.

/// The seed of a keyed hash: 128 bits.
pub type Seed = [u64; 2];

/// One hash function.
#[derive(Debug)]
pub struct HashRow {
    /// Its name, as `--hash` takes it.
    pub name: &'static str,
    /// One sentence for `list`.
    pub about: &'static str,
    /// Who published it, and what computes it here.
    pub source: &'static str,
    /// Bits of the function's own output; fewer than 64 are widened by one multiply ([`widen`](super::widen())).
    pub bits: u32,
    /// Whether the seed enters the hash at all.
    pub keyed: bool,
    /// Whether the seed keeps an attacker that chooses keys from making them
    /// collide on purpose.
    pub flood_resistant: bool,
    /// Index of its colour, marker and dash in charts: it belongs to the name for good.
    pub look: u32,
    /// Hashes `bytes` under a seed.
    pub function: fn(&[u8], Seed) -> u64,
}
