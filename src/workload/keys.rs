//! A record's key, and the prefill.

use super::Workload;
use super::decimal::{DECIMAL_BYTES, Decimal};
use super::naming::Namer;
use super::size::{KEY_SIZE_MAX, Lengths};

/// The longest key of a record, in bytes: `user` and the twenty digits of a number beyond 10^19.
pub(super) const KEY_LEN_MAX: usize = 4 + DECIMAL_BYTES;

/// Bytes behind a key that may be written over with it: keys are copied in blocks of one size,
/// because copies of many sizes cost wrong guesses.
pub(super) const KEY_EXCESS: usize = BLOCK_BYTES;

/// FNV-1a in 64 bits (Fowler, Noll and Vo) over the eight little-endian octets of `number`.
///
/// Different numbers below 2^32 have different hashes (a test proves it), so records never share a
/// key.
#[inline]
pub(super) fn fnv1a64(number: u64) -> u64 {
    // An octet of zero only multiplies. All records and YCSB's ranks have three of these at least,
    // which are one multiplication.
    if number < 1 << 40 {
        octets(number, 5).wrapping_mul(FNV_PRIME.wrapping_pow(3))
    } else {
        octets(number, 8)
    }
}

/// FNV-1a over the lowest octets.
#[inline]
fn octets(number: u64, count: usize) -> u64 {
    let octets = number.to_le_bytes().into_iter().take(count);
    octets.fold(FNV_OFFSET, |hash, octet| {
        (hash ^ u64::from(octet)).wrapping_mul(FNV_PRIME)
    })
}

const FNV_OFFSET: u64 = 0xCBF2_9CE4_8422_2325;
const FNV_PRIME: u64 = 1_099_511_628_211;

/// Keys of records under a workload: YCSB's, ones with a size of their own, or those of a corpus.
#[derive(Clone, Debug)]
pub(super) enum KeyMaker {
    /// As YCSB makes it: `user` and the decimal of the hashed record number.
    Ycsb,
    Sized(Box<SizedKeys>),
    Named(Namer),
}

impl KeyMaker {
    pub(super) fn new(workload: &Workload) -> KeyMaker {
        if let Some(namer) = Namer::new(workload.corpus, workload.records()) {
            return KeyMaker::Named(namer);
        }
        match &workload.key {
            None => KeyMaker::Ycsb,
            Some(size) => KeyMaker::Sized(Box::new(SizedKeys {
                lengths: Lengths::of_keys(size),
            })),
        }
    }

    /// Bytes of the longest key, or more.
    pub(super) fn longest(&self) -> usize {
        match self {
            KeyMaker::Ycsb => KEY_LEN_MAX,
            KeyMaker::Sized(_) => KEY_BYTES_MAX,
            KeyMaker::Named(namer) => namer.longest(),
        }
    }

    /// Writes the key of a record to the beginning of `out`, which has [`KEY_EXCESS`] bytes more
    /// than the longest, and returns its length. What is behind the key then means nothing.
    #[inline]
    pub(super) fn write(&mut self, record: u64, out: &mut [u8]) -> usize {
        match self {
            KeyMaker::Ycsb => {
                let out: &mut [u8; KEY_LEN_MAX] = out.first_chunk_mut().expect(ROOM);
                let (user, digits) = out.split_first_chunk_mut().expect(ROOM);
                *user = *b"user";
                4 + Decimal::of(fnv1a64(record)).write(digits.first_chunk_mut().expect(ROOM))
            }
            KeyMaker::Sized(sized) => sized.write(record, out),
            KeyMaker::Named(namer) => {
                let key = namer.key(record);
                out[..key.len()].copy_from_slice(key);
                key.len()
            }
        }
    }
}

/// What there is where a key is written.
const ROOM: &str = "there is room for the longest key and more";

const KEY_BYTES_MAX: usize = KEY_SIZE_MAX as usize;

/// Bytes of the id at the end of a sized key: base 64, so six for numbers below 2^36.
const ID_BYTES: usize = 6;

/// Bytes that are copied at a time: more than most keys have.
const BLOCK_BYTES: usize = 80;

/// Where the id of the longest key begins.
const PREFIX_BYTES: usize = KEY_BYTES_MAX - ID_BYTES;

/// What stands before the id in the longest key, of which others have the end; then room for a
/// block.
static PREFIX: [u8; PREFIX_BYTES + BLOCK_BYTES] = {
    let mut prefix = [0; PREFIX_BYTES + BLOCK_BYTES];
    let mut at = 0;
    while at < PREFIX_BYTES {
        prefix[at] = b"/collection"[at % 11];
        at += 1;
    }
    prefix
};

/// Keys with sizes: a prefix that all share, as real keys do, and an id that no two share.
#[derive(Clone, Debug)]
pub(super) struct SizedKeys {
    lengths: Lengths,
}

impl SizedKeys {
    #[inline]
    fn write(&self, record: u64, out: &mut [u8]) -> usize {
        let prefix = (self.lengths.of(record) as usize).saturating_sub(ID_BYTES);
        let from = &PREFIX[PREFIX_BYTES - prefix..];
        let (block, to) = (from.first_chunk(), out.first_chunk_mut());
        *to.expect(ROOM) = *block.expect(ROOM) as [u8; BLOCK_BYTES];
        if prefix > BLOCK_BYTES {
            out[..prefix].copy_from_slice(&from[..prefix]);
        }
        *out[prefix..].first_chunk_mut().expect(ROOM) = id(record);
        prefix + ID_BYTES
    }
}

/// The id of a record, and two bytes more.
#[inline]
fn id(record: u64) -> [u8; 8] {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    // An odd factor is a bijection modulo 2^36: neighbours look nothing like each other.
    let id = record.wrapping_mul(0x9_E377_9B97);
    let digit = |place: u64| u64::from(ALPHABET[(id >> (6 * place) & 63) as usize]);
    // Put together in a register: bytes written one by one could not be read back as a block at once.
    (0..ID_BYTES as u64)
        .fold(0, |word, place| word << 8 | digit(place))
        .to_le_bytes()
}

impl Workload {
    /// How many of its records have a key that is longer than their draw from `key`, because it
    /// must carry six bytes of id.
    #[must_use]
    pub fn raised_keys(&self) -> u64 {
        let Some(size) = &self.key else { return 0 };
        let lengths = Lengths::of_keys(size);
        let short = (0..self.entries).filter(|record| (lengths.of(*record) as usize) < ID_BYTES);
        short.count() as u64
    }
}

/// What is in the table before the clock starts: records `0..entries`, or nothing.
#[derive(Clone, Debug)]
pub struct Prefill {
    records: u64,
    value: Lengths,
    keys: KeyMaker,
}

impl Prefill {
    /// The prefill of a workload; empty for one that starts from an empty table.
    #[must_use]
    pub fn new(workload: &Workload) -> Prefill {
        let filled = workload.prefill && workload.trace.is_none();
        Prefill {
            records: if filled { workload.entries } else { 0 },
            value: Lengths::new(&workload.value),
            keys: KeyMaker::new(workload),
        }
    }

    /// Every record that may be in the table at the end of a pass from empty: what is to be removed for the table
    /// to be empty again. A trace's keys are its own, and not among them.
    #[must_use]
    pub fn whole(workload: &Workload) -> Prefill {
        let inserted = workload.first_insert() + workload.ops.unwrap_or(workload.entries);
        let records = if workload.mix.insert > 0 {
            inserted
        } else {
            workload.entries
        };
        Prefill {
            records,
            ..Prefill::new(workload)
        }
    }

    /// How many records it has; their keys are all different.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.records
    }

    /// Shows each record's key and the length of its value in bytes, in the order of the records.
    pub fn for_each(&self, mut see: impl FnMut(&[u8], u32)) {
        let mut keys = self.keys.clone();
        let mut key = vec![0; keys.longest() + KEY_EXCESS];
        for record in 0..self.records {
            let length = keys.write(record, &mut key);
            see(&key[..length], self.value.of(record));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::io::Read;
    use std::path::PathBuf;

    use super::super::{Size, find_preset};
    use super::*;

    fn key(record: u64) -> String {
        let mut key = vec![0; KEY_LEN_MAX + KEY_EXCESS];
        let length = KeyMaker::Ycsb.write(record, &mut key);
        key.truncate(length);
        String::from_utf8(key).unwrap()
    }

    #[test]
    fn keys_are_the_decimals_of_the_hash() {
        // From the sample printed by a YCSB implementation for workload A.
        assert_eq!(key(0), "user12161962213042174405");
        assert_eq!(key(1), "user9929646806074584996");
        assert_eq!(key(2), "user16626593026977353223");
        for record in (0..10_000).chain([u64::MAX, u64::from(u32::MAX)]) {
            assert_eq!(key(record), format!("user{}", fnv1a64(record)));
        }
        // Where ranks 0, 1 and 2 fall among 10,000 records.
        assert_eq!([0, 1, 2].map(|r| fnv1a64(r) % 10_000), [4405, 4996, 3223]);
    }

    /// Two numbers below 2^32 differ in their four low octets only; behind these come four
    /// multiplications by an odd number, which keep different hashes different. After the four,
    /// equal hashes would need a p^3 + b p^2 + c p + d = 0 (mod 2^64) with coefficients within
    /// ±255, not all zero: changing an octet under XOR changes the sum by at most that. There is
    /// no such combination: sums of the first two terms and of the last two meet in zero alone.
    #[test]
    fn records_below_two_to_the_32_never_share_a_key() {
        let pairs = |high: u64, low: u64| {
            (-255i64..=255).flat_map(move |a| {
                (-255i64..=255).map(move |b| {
                    let high = high.wrapping_mul(a.cast_unsigned());
                    high.wrapping_add(low.wrapping_mul(b.cast_unsigned()))
                })
            })
        };
        let square = FNV_PRIME.wrapping_mul(FNV_PRIME);
        let first: HashSet<u64> = pairs(square.wrapping_mul(FNV_PRIME), square).collect();
        assert_eq!(first.len(), 511 * 511);
        let met: Vec<u64> = pairs(FNV_PRIME, 1).filter(|n| first.contains(n)).collect();
        assert_eq!(met, [0]);
    }

    #[test]
    fn a_prefill_has_every_record_once_and_an_empty_start_none() {
        let mut workload = (find_preset("ycsb-c").unwrap().build)();
        workload.entries = 5_000;
        workload.value = Size::Uniform { min: 1, max: 9 };
        let lengths = Lengths::new(&workload.value);
        let prefill = Prefill::new(&workload);
        assert_eq!(prefill.count(), 5_000);
        let mut seen = Vec::new();
        prefill.for_each(|key, value_len| {
            assert_eq!(value_len, lengths.of(seen.len() as u64));
            seen.push(key.to_vec());
        });
        assert_eq!(seen[2], b"user16626593026977353223");
        assert_eq!(seen.into_iter().collect::<HashSet<_>>().len(), 5_000);

        workload.prefill = false;
        let prefill = Prefill::new(&workload);
        assert_eq!(prefill.count(), 0);
        prefill.for_each(|_, _| panic!("an empty prefill has no record"));
    }

    #[test]
    fn sized_keys_have_their_sizes_and_never_meet() {
        let mut workload = (find_preset("facebook-etc").unwrap().build)();
        let sum_and_seen = |workload: &Workload| {
            let (mut sum, mut raised, mut seen) = (0, 0, HashSet::new());
            Prefill::new(workload).for_each(|key, _| {
                assert!((ID_BYTES..=250).contains(&key.len()));
                sum += key.len();
                raised += u64::from(key.len() == ID_BYTES);
                assert!(seen.insert(key.to_vec()), "a key that another record has");
            });
            (sum, raised)
        };
        let (sum, shortest) = sum_and_seen(&workload);
        let mean = sum as f64 / workload.entries as f64;
        assert!((35.0..37.0).contains(&mean), "{mean}");
        assert!(workload.raised_keys() <= shortest);
        // Draws that are far too short are all raised.
        workload.key = Some(Size::Uniform { min: 1, max: 5 });
        let (sum, shortest) = sum_and_seen(&workload);
        assert_eq!(sum as u64, workload.entries * ID_BYTES as u64);
        assert_eq!((workload.raised_keys(), shortest), (100_000, 100_000));
        workload.key = None;
        assert_eq!(workload.raised_keys(), 0);
    }

    /// The folder of sample traces is no part of the project: `BUCKETLAB_TRACES`, or where it lies
    /// beside a checkout.
    fn sample() -> Option<String> {
        let folder = std::env::var_os("BUCKETLAB_TRACES").map_or_else(
            || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/traces")),
            PathBuf::from,
        );
        let file = std::fs::File::open(folder.join("ycsb_a.txt.gz")).ok()?;
        let mut text = String::new();
        flate2::read::MultiGzDecoder::new(file)
            .read_to_string(&mut text)
            .expect("the sample is whole");
        Some(text)
    }

    /// The hottest records of the sample trace `ycsb_a` with their counts among its 200,000
    /// operations: what a YCSB implementation drew over 10,000 rows.
    const SAMPLE_HOTTEST: [(usize, u32); 20] = [
        (4405, 7493),
        (4996, 3863),
        (3223, 3042),
        (3814, 2217),
        (6769, 1718),
        (7360, 1340),
        (5587, 1206),
        (6178, 984),
        (8061, 974),
        (8652, 818),
        (6879, 782),
        (425, 640),
        (7470, 606),
        (1016, 569),
        (9243, 538),
        (9834, 520),
        (1717, 504),
        (2308, 439),
        (1126, 428),
        (535, 420),
    ];

    /// How many of the sample's operations its hottest hundred records get.
    const SAMPLE_HOTTEST_100: u32 = 42_754;

    /// How often our generator draws each of 10,000 records in as many operations as the sample has.
    fn our_counts() -> Vec<u32> {
        let mut ours = vec![0; 10_000];
        let workload = super::super::KeyDistribution::Zipfian { theta: 0.99 };
        let mut picker = super::super::picker::Picker::new(&workload, 10_000, 10_000, 0, 1);
        let mut draws = super::super::draws::Draws::new(1, 0);
        for _ in 0..200_000 {
            ours[usize::try_from(picker.pick(&mut draws)).unwrap()] += 1;
        }
        ours
    }

    #[test]
    fn our_skew_is_the_sample_s() {
        let mut ours = our_counts();
        // Each of the hottest within five deviations of the difference.
        for (record, theirs) in SAMPLE_HOTTEST {
            let (a, b) = (f64::from(theirs), f64::from(ours[record]));
            assert!(
                (a - b).abs() < 5.0 * (a + b).sqrt(),
                "{record}: {a}, ours {b}"
            );
        }
        // And as many draws on the hottest hundred, whichever these are.
        ours.sort_unstable_by(|a, b| b.cmp(a));
        let hottest: u32 = ours[..100].iter().sum();
        let off = f64::from(hottest) / f64::from(SAMPLE_HOTTEST_100);
        assert!((0.98..=1.02).contains(&off), "{hottest} of 200,000");
    }

    #[test]
    fn the_sample_has_our_keys_and_the_counts_named_here() {
        let Some(sample) = sample() else {
            eprintln!("skipped: no ycsb_a.txt.gz (set BUCKETLAB_TRACES to the sample traces)");
            return;
        };
        let mut inserted = 0;
        let mut records = std::collections::HashMap::new();
        let mut counts = vec![0u32; 10_000];
        for line in sample.lines() {
            let mut words = line.split(' ');
            let (verb, word) = (words.next().unwrap(), words.next().unwrap());
            if verb == "INSERT" {
                assert_eq!(word, key(inserted), "insert {inserted}");
                records.insert(word, usize::try_from(inserted).unwrap());
                inserted += 1;
            } else {
                counts[records[word]] += 1;
            }
        }
        assert_eq!(inserted, 10_000);
        assert_eq!(counts.iter().sum::<u32>(), 200_000);
        for (record, count) in SAMPLE_HOTTEST {
            assert_eq!(counts[record], count, "record {record}");
        }
        counts.sort_unstable_by(|a, b| b.cmp(a));
        assert_eq!(counts[..100].iter().sum::<u32>(), SAMPLE_HOTTEST_100);
    }
}
