//! How the caller's hash gets into a peer that wants to hash for itself.
//!
//! ```text
//!   lookup:  Key { bytes, hash }  ──▶  write_u64(hash)  ──▶  the caller's hash
//!   insert:  Box<[u8]>            ──▶  write(bytes)     ──▶  hashed again, with the same function
//! ```
//!
//! The hasher that a peer builds does nothing but to let one of the two through. A lookup by [`Key`]
//! goes by reference: peers with an `Equivalent` trait take the key as it is, those with `Borrow`
//! alone take it as a [`dyn Lookup`](Lookup), to which both a `Key` and a stored key can be
//! borrowed.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::hash::{BuildHasher, Hash, Hasher};

use super::value::Bytes;
use crate::base::Key;
use crate::hash;

/// Builds the hasher of a peer's map from the run's hash function.
#[derive(Clone, Copy, Debug)]
pub(super) struct BuildPassing(pub(super) hash::Hasher);

/// Lets a caller's hash through, or hashes bytes with the run's function.
#[derive(Debug)]
pub(super) struct Passing {
    function: hash::Hasher,
    hash: u64,
}

impl BuildHasher for BuildPassing {
    type Hasher = Passing;

    #[inline]
    fn build_hasher(&self) -> Passing {
        Passing {
            function: self.0,
            hash: 0,
        }
    }
}

impl Hasher for Passing {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        self.hash = self.function.hash(bytes);
    }

    #[inline]
    fn write_u64(&mut self, hash: u64) {
        self.hash = hash;
    }

    /// The length that the standard library writes before a slice: no part of the hash.
    #[inline]
    fn write_usize(&mut self, _length: usize) {}

    #[inline]
    fn finish(&self) -> u64 {
        self.hash
    }
}

/// A key with its hash, as a lookup by reference takes it.
#[derive(Clone, Copy)]
pub(super) struct Hashed<'k>(pub(super) Key<'k>);

impl Hash for Hashed<'_> {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0.hash);
    }
}

impl papaya::Equivalent<Bytes> for Hashed<'_> {
    #[inline]
    fn equivalent(&self, stored: &Bytes) -> bool {
        *self.0.bytes == **stored
    }
}

impl scc::Equivalent<Bytes> for Hashed<'_> {
    #[inline]
    fn equivalent(&self, stored: &Bytes) -> bool {
        *self.0.bytes == **stored
    }
}

/// What a lookup by `Borrow` compares: a key that carries its hash, or a stored one.
pub(super) trait Lookup {
    /// The key.
    fn bytes(&self) -> &[u8];
    /// Its hash, if it is known.
    fn known_hash(&self) -> Option<u64>;
}

impl Lookup for Hashed<'_> {
    #[inline]
    fn bytes(&self) -> &[u8] {
        self.0.bytes
    }

    #[inline]
    fn known_hash(&self) -> Option<u64> {
        Some(self.0.hash)
    }
}

impl Lookup for Bytes {
    #[inline]
    fn bytes(&self) -> &[u8] {
        self
    }

    #[inline]
    fn known_hash(&self) -> Option<u64> {
        None
    }
}

impl<'k> Borrow<dyn Lookup + 'k> for Bytes {
    #[inline]
    fn borrow(&self) -> &(dyn Lookup + 'k) {
        self
    }
}

impl Hash for dyn Lookup + '_ {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self.known_hash() {
            Some(hash) => state.write_u64(hash),
            None => state.write(self.bytes()),
        }
    }
}

impl PartialEq for dyn Lookup + '_ {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.bytes() == other.bytes()
    }
}

impl Eq for dyn Lookup + '_ {}

impl PartialOrd for dyn Lookup + '_ {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for dyn Lookup + '_ {
    fn cmp(&self, other: &Self) -> Ordering {
        self.bytes().cmp(other.bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::testing::env;

    /// Whichever side hashes, and in whatever form: the map must come to the caller's hash.
    #[test]
    fn every_form_of_a_key_hashes_to_the_callers_hash() {
        for name in ["sip13", "xxh3", "identity"] {
            let function = env(name).hasher;
            let build = BuildPassing(function);
            for bytes in [
                &b""[..],
                b"user1",
                b"a key that is longer than two words are",
            ] {
                let hash = function.hash(bytes);
                let stored = Bytes::from(bytes);
                let hashed = Hashed(Key { bytes, hash });
                let lookup: &dyn Lookup = &hashed;
                let borrowed: &dyn Lookup = stored.borrow();
                assert_eq!(build.hash_one(&stored), hash);
                assert_eq!(build.hash_one(hashed), hash);
                assert_eq!(build.hash_one(lookup), hash);
                assert_eq!(build.hash_one(borrowed), hash);
                assert!(lookup == borrowed && papaya::Equivalent::equivalent(&hashed, &stored));
            }
        }
        // The hash that is passed is not computed again.
        let other = Hashed(Key {
            bytes: b"user1",
            hash: 7,
        });
        assert_eq!(BuildPassing(env("sip13").hasher).hash_one(other), 7);
    }
}
