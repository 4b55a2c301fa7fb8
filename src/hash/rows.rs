//! The rows of [`HASHES`], and the functions that crates compute.

use std::hash::Hasher as _;

use siphasher::sip::{SipHasher13, SipHasher24};

use super::widen::low_half;
use super::{HashRow, Seed, djb2, fnv, identity, lookup3, murmur3, sip, widen};

/// Every hash function, the default first. A new one takes a look that no other has.
pub static HASHES: &[HashRow] = &[
    HashRow {
        name: "sip13",
        about: "SipHash-1-3, keyed: safe against chosen keys; the default",
        source: "Aumasson and Bernstein 2012; the siphasher crate",
        bits: 64,
        keyed: true,
        flood_resistant: true,
        look: 0,
        function: sip13,
    },
    HashRow {
        name: "xxh3",
        about: "XXH3-64, seeded: among the fastest; not meant to stop an attacker",
        source: "Collet 2019; the xxhash-rust crate; Dragonfly's hash",
        bits: 64,
        keyed: true,
        flood_resistant: false,
        look: 1,
        function: xxh3,
    },
    HashRow {
        name: "identity",
        about: "the trailing decimal digits, else the last eight bytes: deliberately bad",
        source: "own",
        bits: 64,
        keyed: false,
        flood_resistant: false,
        look: 2,
        function: identity::identity,
    },
    HashRow {
        name: "sip12",
        about: "SipHash-1-2, keyed: one round less than 1-3 at the end, safe as far as is known",
        source: "Aumasson and Bernstein 2012; own; Redis's hash",
        bits: 64,
        keyed: true,
        flood_resistant: true,
        look: 3,
        function: sip::sip12,
    },
    HashRow {
        name: "sip24",
        about: "SipHash-2-4, keyed: as its authors recommend it, with a margin",
        source: "Aumasson and Bernstein 2012; the siphasher crate",
        bits: 64,
        keyed: true,
        flood_resistant: true,
        look: 4,
        function: sip24,
    },
    HashRow {
        name: "xxh3-32",
        about: "the lower half of XXH3-64, seeded",
        source: "Collet 2019; the xxhash-rust crate; memcached's hash (hash_algorithm=xxh3)",
        bits: 32,
        keyed: true,
        flood_resistant: false,
        look: 5,
        function: xxh3_32,
    },
    HashRow {
        name: "murmur3-32",
        about: "MurmurHash3 for 32-bit machines, seeded: collides on purpose under every seed",
        source: "Appleby 2011; own; memcached's hash (hash_algorithm=murmur3)",
        bits: 32,
        keyed: true,
        flood_resistant: false,
        look: 6,
        function: murmur3::murmur3_32,
    },
    HashRow {
        name: "lookup3",
        about: "Jenkins's lookup3, seeded: additions and rotations on 32-bit words",
        source: "Jenkins 2006; own; memcached's hash (hash_algorithm=jenkins)",
        bits: 32,
        keyed: true,
        flood_resistant: false,
        look: 7,
        function: lookup3::lookup3,
    },
    HashRow {
        name: "fnv1a-32",
        about: "FNV-1a, 32 bits: exclusive-or and multiply, a byte at a time",
        source: "Fowler, Noll and Vo 1991, RFC 9923; own",
        bits: 32,
        keyed: false,
        flood_resistant: false,
        look: 8,
        function: fnv::fnv1a_32,
    },
    HashRow {
        name: "fnv1a-64",
        about: "FNV-1a, 64 bits: exclusive-or and multiply, a byte at a time",
        source: "Fowler, Noll and Vo 1991, RFC 9923; own",
        bits: 64,
        keyed: false,
        flood_resistant: false,
        look: 9,
        function: fnv::fnv1a_64,
    },
    HashRow {
        name: "djb2",
        about: "djb2: times 33 and add, a byte at a time",
        source: "Bernstein 1991; own",
        bits: 32,
        keyed: false,
        flood_resistant: false,
        look: 10,
        function: djb2::djb2,
    },
    HashRow {
        name: "crc32c",
        about: "CRC-32C, a checksum that processors compute: linear, so trivial to collide",
        source: "Castagnoli 1993, RFC 3720; the crc32c crate",
        bits: 32,
        keyed: false,
        flood_resistant: false,
        look: 11,
        function: crc32c,
    },
    HashRow {
        name: "rapidhash",
        about: "rapidhash V3, seeded, constants public: among the fastest of those that pass all tests",
        source: "De Carli 2024, after Wang Yi's wyhash; the rapidhash crate",
        bits: 64,
        keyed: true,
        flood_resistant: false,
        look: 12,
        function: rapidhash,
    },
    HashRow {
        name: "foldhash",
        about: "foldhash (quality), seeded: fast; its seed may leak to an attacker that observes many hashes",
        source: "Peters 2024; the foldhash crate; hashbrown's default",
        bits: 64,
        keyed: true,
        flood_resistant: false,
        look: 13,
        function: foldhash,
    },
    HashRow {
        name: "rustc-hash",
        about: "the Rust compiler's own, unseeded as it uses it: fast, for keys that no attacker chooses",
        source: "Peters 2024 (version 2); the rustc-hash crate",
        bits: 64,
        keyed: false,
        flood_resistant: false,
        look: 14,
        function: rustc_hash,
    },
];

/// SipHash-1-3 under the seed as its key.
fn sip13(bytes: &[u8], seed: Seed) -> u64 {
    SipHasher13::new_with_keys(seed[0], seed[1]).hash(bytes)
}

/// SipHash-2-4 under the seed as its key.
fn sip24(bytes: &[u8], seed: Seed) -> u64 {
    SipHasher24::new_with_keys(seed[0], seed[1]).hash(bytes)
}

/// XXH3-64, seeded with the seed's first word.
fn xxh3(bytes: &[u8], seed: Seed) -> u64 {
    xxhash_rust::xxh3::xxh3_64_with_seed(bytes, seed[0])
}

/// The lower half of XXH3-64, as memcached takes it; widened.
fn xxh3_32(bytes: &[u8], seed: Seed) -> u64 {
    widen(low_half(xxh3(bytes, seed)))
}

/// CRC-32C, with the instruction for it where there is one; widened.
fn crc32c(bytes: &[u8], _seed: Seed) -> u64 {
    widen(crc32c::crc32c(bytes))
}

/// rapidhash V3, seeded with the seed's first word as its C++ original seeds it: the other secrets
/// are the default ones.
fn rapidhash(bytes: &[u8], seed: Seed) -> u64 {
    use rapidhash::v3::{RapidSecrets, rapidhash_v3_seeded};
    rapidhash_v3_seeded(bytes, &RapidSecrets::seed_cpp(seed[0]))
}

/// foldhash (quality), its state seeded with the seed's first word. What it shares between all
/// hashers of a process is the fixed one, so that a run can be repeated.
fn foldhash(bytes: &[u8], seed: Seed) -> u64 {
    use foldhash::{SharedSeed, quality::FoldHasher};
    let mut hasher = FoldHasher::with_seed(seed[0], SharedSeed::global_fixed());
    hasher.write(bytes);
    hasher.finish()
}

/// rustc-hash, unseeded.
fn rustc_hash(bytes: &[u8], _seed: Seed) -> u64 {
    let mut hasher = rustc_hash::FxHasher::default();
    hasher.write(bytes);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::vectors;

    /// Under the key 00 … 0f, of the first bytes of 00, 01, 02 …: 2-4 as in the paper's appendix and the
    /// reference code (`vectors.h`, Aumasson); 1-3 of the empty key whole, and the low halves as they are
    /// in Linux, whose 64-bit `hsiphash` is that half of SipHash-1-3 (`lib/tests/siphash_kunit.c`).
    #[test]
    fn siphash_vectors() {
        let key = [0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908];
        let bytes: Vec<u8> = (0..32).collect();
        assert_eq!(sip24(b"", key), 0x726f_db47_dd0e_0e31);
        assert_eq!(sip24(&bytes[..8], key), 0x93f5_f579_9a93_2462);
        assert_eq!(sip24(&bytes[..15], key), 0xa129_ca61_49be_45e5);
        assert_eq!(sip13(b"", key), 0xabac_0158_050f_c4dc);
        for (len, expected) in [
            (0, 0x050f_c4dc),
            (1, 0x7d57_ca93),
            (7, 0x9bb1_1140),
            (8, 0x8d29_9a8e),
            (9, 0x6c06_3de4),
            (15, 0x2a51_9956),
            (16, 0x7d90_8b66),
            (17, 0x63db_d80c),
        ] {
            assert_eq!(low_half(sip13(&bytes[..len], key)), expected, "{len}");
        }
    }

    /// `XSUM_XXH3_testdata` of the xxHash repository (`tests/sanity_test_vectors.h`): a length out of
    /// each of the ranges that XXH3 treats apart, with seed 0 and with `PRIME64`, over the buffer that
    /// its self-test fills (`XSUM_fillTestBuffer`).
    #[test]
    fn xxh3_vectors() {
        const PRIME32: u64 = 2_654_435_761;
        const PRIME64: u64 = 11_400_714_785_074_694_797;
        let powers =
            std::iter::successors(Some(PRIME32), |power| Some(power.wrapping_mul(PRIME64)));
        let buffer: Vec<u8> = powers
            .map(|power| power.to_be_bytes()[0])
            .take(512)
            .collect();
        for (len, unseeded, seeded) in [
            (0, 0x2d06_8005_38d3_94c2, 0xa8a6_b918_b2f0_364a),
            (1, 0xc44b_dff4_074e_ecdb, 0x032b_e332_dd76_6ef8),
            (6, 0x27b5_6a84_cd2d_7325, 0x8458_9c11_6ab5_9ab9),
            (12, 0xa713_daf0_dfbb_77e7, 0xe730_3e1b_2336_de0e),
            (24, 0xa3fe_70bf_9d35_10eb, 0x850e_80fc_35bd_d690),
            (48, 0x397d_a259_ecba_1f11, 0xadc2_cbaa_44ac_c616),
            (80, 0xbcde_fbbb_2c47_c90a, 0xc6dd_0cb6_9953_2e73),
            (195, 0xcd94_217e_e362_ec3a, 0xba68_003d_370c_b3d9),
            (403, 0xcdeb_804d_65c6_dea4, 0x6259_f6ec_fd64_43fd),
            (512, 0x617e_4959_9013_cb6b, 0x3ce4_57de_14c2_7708),
        ] {
            assert_eq!(xxh3(&buffer[..len], [0, 9]), unseeded, "{len}");
            assert_eq!(xxh3(&buffer[..len], [PRIME64, 9]), seeded, "{len}, seeded");
        }
        assert_eq!(xxh3_32(b"", [0, 0]), widen(0x38d3_94c2));
    }

    /// RFC 3720, appendix B.4, and the check value of the catalogue of parametrised CRC algorithms.
    #[test]
    fn crc32c_vectors() {
        let ascending: Vec<u8> = (0..32).collect();
        let descending: Vec<u8> = (0..32).rev().collect();
        for (key, expected) in [
            (&b"123456789"[..], 0xe306_9283),
            (&[0; 32], 0x8a91_36aa),
            (&[0xff; 32], 0x62a8_ab43),
            (&ascending, 0x46dd_794e),
            (&descending, 0x113f_db5c),
        ] {
            assert_eq!(crc32c(key, [1, 2]), widen(expected), "{key:?}");
        }
    }

    /// The verification code of rapidhash V3 in `SMHasher3` (`hashes/rapidhash.cpp`).
    #[test]
    fn rapidhash_vectors() {
        let hash = |key: &[u8], seed: u32| rapidhash(key, [seed.into(), 0]).to_le_bytes();
        assert_eq!(vectors::smhasher(hash), 0x1fdc_65ee);
    }

    /// From the tests of rustc-hash 2 itself.
    #[test]
    fn rustc_hash_vectors() {
        for (key, expected) in [
            (&b""[..], 17_606_491_139_363_777_937),
            (b"\0", 5_448_590_020_104_574_886),
            (b"uwu", 7_168_164_714_682_931_527),
            (
                b"These are some bytes for testing rustc_hash.",
                2_349_210_501_944_688_211,
            ),
        ] {
            assert_eq!(rustc_hash(key, [1, 2]), expected, "{key:?}");
        }
    }

    /// foldhash publishes no vectors: its output may change between versions. What is pinned is that
    /// it does not change unnoticed, as runs would no longer be comparable (foldhash 0.2).
    #[test]
    fn foldhash_is_what_it_was() {
        assert_eq!(foldhash(b"", [1, 2]), 2_579_976_234_781_303_763);
        assert_eq!(
            foldhash(b"user0000000000000001", [1, 2]),
            851_363_597_804_739_599
        );
    }
}
