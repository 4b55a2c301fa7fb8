//! The hash laboratory: what hash functions cost, how they spread keys over buckets, how far a
//! flipped bit goes, and how easily they are flooded.

use std::collections::HashSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::built::{BuiltFrom, hash_seed};
use super::deal::Dealer;
use super::execute::Ended;
use super::hash_flood::flooded;
use super::suite::{DEFAULT_SUITE, Suite};
use crate::base::{BadInput, human_integer, unknown_name};
use crate::bench::{HashKeys, no_hash};
use crate::hash::quality::{Bits, Corpus, avalanche, likely_longest, spread};
use crate::hash::{self, HASHES, HashRow, Hasher, Seed};
use crate::machine;
use crate::record::{
    CorpusEntry, HashAvalancheRow, HashChainRow, HashDirectory, HashEntry, HashManifest,
    HashSpeedRow, HashSpreadRow, SCHEMA_VERSION, Status,
};
use crate::workload::{Filled, Segment, Stream};

/// Key lengths of the speed measurement, in bytes: what the table shows (8, 20, 64, 250, 4096) and
/// enough between them to see where a function changes its way.
const LENGTHS: [u32; 15] = [
    4, 8, 12, 16, 20, 32, 48, 64, 96, 128, 192, 250, 512, 1024, 4096,
];
/// Length of a slice of the speed measurement, in nanoseconds.
const SLICE_NS: u64 = 200_000;
/// Rounds of the speed measurement at least, whatever the time.
const LEAST_ROUNDS: u32 = 5;
/// Rounds at most: more tell nothing.
const MOST_ROUNDS: u32 = 1000;
/// Default bucket counts: 64 shards, the 1024 buckets of `fixed`, and two large tables.
const BUCKETS: [u64; 4] = [1 << 6, 1 << 10, 1 << 16, 1 << 20];
/// The most buckets.
const BUCKETS_MAX: u64 = 1 << 26;
/// The most keys of a corpus: 2^26 of twenty bytes take 3 GiB.
const KEYS_MAX: u64 = 1 << 26;
/// Keys whose every bit is flipped.
const AVALANCHE_KEYS: usize = 1000;
/// The name under which the loop around a function that does nothing is recorded.
const EMPTY: &str = "empty";

/// What to measure, as flags say it.
#[derive(Clone, Debug, PartialEq)]
pub struct HashOptions {
    /// Names of functions; all where empty.
    pub hashes: Vec<String>,
    /// Names of corpora or of files with a key a line (`FILE[:FORMAT]`); all corpora where empty.
    pub keys: Vec<String>,
    /// Bucket counts, powers of two; four usual ones where empty.
    pub buckets: Vec<u64>,
    /// Keys of each corpus at most.
    pub entries: u64,
    /// Seconds for the speed measurement.
    pub time_s: f64,
    /// Seed of keys, hashes and bootstrap.
    pub seed: u64,
}

/// The keys of a corpus or a file.
struct Keys {
    entry: CorpusEntry,
    keys: Vec<Vec<u8>>,
}

/// What to measure, checked.
pub struct HashPlan {
    rows: Vec<&'static HashRow>,
    keys: Vec<Keys>,
    log2: Vec<u32>,
    time_s: f64,
    seed: u64,
}

impl HashPlan {
    /// Checks the options and reads the files among them.
    ///
    /// # Errors
    /// The first thing that cannot be used, named, with what would be valid.
    pub fn new(options: &HashOptions) -> Result<HashPlan, BadInput> {
        let bad = |why: String| Err(BadInput(why));
        let mut rows: Vec<&'static HashRow> = Vec::new();
        for name in &options.hashes {
            let row = hash::find(name)?;
            if rows.iter().all(|known| known.name != row.name) {
                rows.push(row);
            }
        }
        if rows.is_empty() {
            rows.extend(HASHES);
        }
        if !(options.time_s > 0.0 && options.time_s <= 1e5) {
            return bad(format!(
                "--time {} is not valid: seconds above 0, at most 10^5",
                options.time_s
            ));
        }
        if !(1..=KEYS_MAX).contains(&options.entries) {
            return bad(format!(
                "--entries {} is not valid: 1 to {}",
                options.entries,
                human_integer(KEYS_MAX)
            ));
        }
        let mut log2 = Vec::new();
        let counts: &[u64] = if options.buckets.is_empty() {
            &BUCKETS
        } else {
            &options.buckets
        };
        for &buckets in counts {
            let power = log2_of(buckets)?;
            if !log2.contains(&power) {
                log2.push(power);
            }
        }
        log2.sort_unstable();
        let mut keys: Vec<Keys> = Vec::new();
        let all = Corpus::ALL.map(|corpus| corpus.name().to_owned());
        let wanted: &[String] = if options.keys.is_empty() {
            &all
        } else {
            &options.keys
        };
        for name in wanted {
            let found = keys_of(name, options)?;
            if keys
                .iter()
                .all(|known| known.entry.name != found.entry.name)
            {
                keys.push(found);
            }
        }
        Ok(HashPlan {
            rows,
            keys,
            log2,
            time_s: options.time_s,
            seed: options.seed,
        })
    }
}

fn log2_of(buckets: u64) -> Result<u32, BadInput> {
    if buckets.is_power_of_two() && buckets <= BUCKETS_MAX {
        return Ok(buckets.ilog2());
    }
    let (most, wanted) = (BUCKETS_MAX as f64, buckets.clamp(1, BUCKETS_MAX) as f64);
    // The nearer of the powers below and above, by ratio.
    let nearest = libm::exp2(libm::round(libm::log2(wanted))).min(most);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 1 and 2^26"
    )]
    let nearest = human_integer(nearest as u64);
    Err(BadInput(format!(
        "--buckets {buckets} is not valid: a power of two, 1 to {}; the nearest valid value is \
         {nearest}",
        human_integer(BUCKETS_MAX)
    )))
}

fn keys_of(name: &str, options: &HashOptions) -> Result<Keys, BadInput> {
    let count = usize::try_from(options.entries).unwrap_or(usize::MAX);
    if let Ok(corpus) = Corpus::find(name) {
        let keys = corpus.keys(count, options.seed);
        return Ok(Keys {
            entry: CorpusEntry {
                name: corpus.name().to_owned(),
                about: corpus.about().to_owned(),
                keys: keys.len() as u64,
            },
            keys,
        });
    }
    let file = name.rsplit_once(':').map_or(name, |(file, _)| file);
    let is_file = |path: &str| path.contains(['/', '.']) || Path::new(path).exists();
    if !is_file(name) && !is_file(file) {
        let error = unknown_name("corpus", name, Corpus::ALL.map(Corpus::name));
        return Err(BadInput(format!(
            "{error}; or the path of a file with a key a line"
        )));
    }
    let keys = read_keys(name, count)?;
    let short = Path::new(file).file_name().unwrap_or(file.as_ref());
    Ok(Keys {
        entry: CorpusEntry {
            name: short.to_string_lossy().into_owned(),
            about: format!("different keys of {name}"),
            keys: keys.len() as u64,
        },
        keys,
    })
}

/// The first different keys of a trace, in whatever format.
fn read_keys(source: &str, most: usize) -> Result<Vec<Vec<u8>>, BadInput> {
    let bad = |error: anyhow::Error| match error.downcast::<BadInput>() {
        Ok(error) => error,
        Err(error) => BadInput(format!("{error:#}")),
    };
    let workload = Suite::load(DEFAULT_SUITE)?.workload(&format!("trace={source}"), None, None)?;
    let mut stream = Stream::open(&workload, 0, 0, 1).map_err(bad)?;
    let (mut seen, mut keys) = (HashSet::new(), Vec::new());
    let mut segment = Segment::default();
    while stream.refill(&mut segment).map_err(bad)? != Filled::End {
        for op in &segment.ops {
            if keys.len() == most {
                return Ok(keys);
            }
            let key = segment.key(op);
            if !seen.contains(key) {
                seen.insert(key.to_vec());
                keys.push(key.to_vec());
            }
        }
    }
    Ok(keys)
}

/// Measures, and records each part as soon as it is known. `watch` receives the progress.
///
/// # Errors
/// A results directory that cannot be written, found out before anything is measured, or a disk
/// that fills.
pub fn measure_hashes(
    plan: &HashPlan,
    executable: &Path,
    out: &Path,
    argv: &[String],
    watch: &mut dyn FnMut(&str),
    interrupted: &AtomicBool,
) -> anyhow::Result<Ended> {
    let origin = BuiltFrom::of(executable);
    let (compact, started) = machine::utc_now();
    let mut directory = HashDirectory::create(out, &origin.revision, &compact)?;
    let mut manifest = HashManifest {
        schema_version: SCHEMA_VERSION,
        run_id: directory.run_id().to_owned(),
        started,
        status: Status::Running,
        argv: argv.to_vec(),
        seed: plan.seed,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        revision: origin.revision,
        binary_hash: origin.binary_hash,
        lockfile_hash: origin.lockfile_hash,
        hashes: plan.rows.iter().map(|row| entry_of(row)).collect(),
        corpora: plan.keys.iter().map(|keys| keys.entry.clone()).collect(),
        buckets: plan.log2.iter().map(|log2| 1 << log2).collect(),
        not_measured: vec![
            "latency of dependent calls: no call here waits for the one before it".to_owned(),
            "hardware counters: none are read".to_owned(),
        ],
        machine: machine::fingerprint(),
    };
    directory.manifest(&manifest)?;
    let mut laboratory = Laboratory {
        plan,
        seed: hash_seed(plan.seed),
        directory: &mut directory,
        watch,
        interrupted,
    };
    manifest.status = if laboratory.everything()? {
        Status::Complete
    } else {
        Status::Interrupted
    };
    directory.manifest(&manifest)?;
    Ok(Ended {
        path: directory.path().to_owned(),
        status: manifest.status,
    })
}

fn entry_of(row: &HashRow) -> HashEntry {
    HashEntry {
        name: row.name.to_owned(),
        about: row.about.to_owned(),
        bits: row.bits,
        keyed: row.keyed,
        flood_resistant: row.flood_resistant,
        colour: row.look,
    }
}

struct Laboratory<'l> {
    plan: &'l HashPlan,
    seed: Seed,
    directory: &'l mut HashDirectory,
    watch: &'l mut dyn FnMut(&str),
    interrupted: &'l AtomicBool,
}

impl Laboratory<'_> {
    /// Whether the run may continue: no stop was requested.
    fn go_on(&self) -> bool {
        !self.interrupted.load(Ordering::Relaxed)
    }

    /// Measures everything; false if it was interrupted.
    fn everything(&mut self) -> anyhow::Result<bool> {
        self.speed()?;
        self.spreads()?;
        for row in &self.plan.rows {
            if !self.go_on() {
                return Ok(false);
            }
            (self.watch)(&format!("avalanche of {}", row.name));
            self.avalanche(row)?;
        }
        for row in &self.plan.rows {
            if !self.go_on() {
                return Ok(false);
            }
            (self.watch)(&format!("flood of {}", row.name));
            let flood = flooded(row, self.seed);
            self.directory.flood(&[flood])?;
        }
        Ok(self.go_on())
    }

    /// Rounds of all functions at all lengths, dealt in balanced random order.
    fn speed(&mut self) -> anyhow::Result<()> {
        static NOTHING: HashRow = HashRow {
            name: EMPTY,
            about: "",
            source: "",
            bits: 64,
            keyed: false,
            flood_resistant: false,
            look: 0,
            function: no_hash,
        };
        let rows: Vec<&HashRow> = self.plan.rows.iter().copied().chain([&NOTHING]).collect();
        let keys = LENGTHS.map(|length| HashKeys::random(length, self.plan.seed));
        let hasher = |row: &HashRow| Hasher::new(row, self.seed);
        // A first turn says how many calls fill a slice.
        let calls: Vec<u64> = rows
            .iter()
            .flat_map(|row| {
                keys.iter().map(|keys| {
                    let (calls, ns) = keys.time(hasher(row), 1000);
                    (calls * SLICE_NS / ns.max(1)).max(1)
                })
            })
            .collect();
        let mut dealer = Dealer::new(rows.len() * keys.len(), self.plan.seed);
        let began = Instant::now();
        for round in 0..MOST_ROUNDS {
            let spent_s = began.elapsed().as_secs_f64();
            let after_this = spent_s + spent_s / f64::from(round.max(1));
            if !self.go_on() || (round >= LEAST_ROUNDS && after_this > self.plan.time_s) {
                break;
            }
            let share = 100.0 * (spent_s / self.plan.time_s).min(1.0);
            (self.watch)(&format!("speed, {share:.0} %"));
            let order = dealer.round();
            let measured: Vec<HashSpeedRow> = order
                .iter()
                .map(|&at| {
                    let (row, keys) = (rows[at / keys.len()], &keys[at % keys.len()]);
                    let (calls, elapsed_ns) = keys.time(hasher(row), calls[at]);
                    HashSpeedRow {
                        round,
                        hash: row.name.to_owned(),
                        key_bytes: keys.length(),
                        calls,
                        elapsed_ns,
                    }
                })
                .collect();
            self.directory.speed(&measured)?;
        }
        Ok(())
    }

    fn spreads(&mut self) -> anyhow::Result<()> {
        for corpus in &self.plan.keys {
            for row in &self.plan.rows {
                if !self.go_on() {
                    return Ok(());
                }
                let name = &corpus.entry.name;
                (self.watch)(&format!("spread of {} over buckets, keys {name}", row.name));
                let hash = |key: &Vec<u8>| (row.function)(key, self.seed);
                let hashes: Vec<u64> = corpus.keys.iter().map(hash).collect();
                for &log2 in &self.plan.log2 {
                    for bits in [Bits::Low, Bits::High] {
                        let (spread_row, chains) = one_spread(row.name, name, &hashes, log2, bits);
                        self.directory.spread(&[spread_row])?;
                        self.directory.chains(&chains)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn avalanche(&mut self, row: &HashRow) -> anyhow::Result<()> {
        let keys = Corpus::User.keys(AVALANCHE_KEYS, self.plan.seed);
        let matrix = avalanche(|key| (row.function)(key, self.seed), &keys);
        let count = |flips: f64| {
            let count = libm::round(flips * keys.len() as f64);
            format!("{count:.0}")
        };
        let rows = (0..).zip(&matrix.flips).map(|(input_bit, outputs)| {
            let flips: Vec<String> = outputs.iter().map(|flips| count(*flips)).collect();
            HashAvalancheRow {
                hash: row.name.to_owned(),
                keys: u32::try_from(keys.len()).expect("a thousand"),
                input_bit,
                flips: flips.join(" "),
            }
        });
        self.directory.avalanche(&rows.collect::<Vec<_>>())
    }
}

/// Lengths that neither occur nor are expected are left out.
fn one_spread(
    hash: &str,
    corpus: &str,
    hashes: &[u64],
    log2: u32,
    bits: Bits,
) -> (HashSpreadRow, Vec<HashChainRow>) {
    let found = spread(hashes, log2, bits);
    let lengths = (0..).zip(&found.chains).zip(&found.expected);
    let chains = lengths
        .filter(|((_, count), expected)| **count > 0 || **expected >= 0.5)
        .map(|((length, &count), &expected)| HashChainRow {
            hash: hash.to_owned(),
            corpus: corpus.to_owned(),
            bits: bits.word().to_owned(),
            buckets: found.buckets,
            length,
            count,
            expected: rounded(expected),
        })
        .collect();
    let row = HashSpreadRow {
        hash: hash.to_owned(),
        corpus: corpus.to_owned(),
        bits: bits.word().to_owned(),
        buckets: found.buckets,
        keys: found.keys,
        chi_square: rounded(found.chi_square),
        score: rounded(found.score),
        longest: found.longest() as u64,
        likely_longest: likely_longest(found.keys, found.buckets),
    };
    (row, chains)
}

/// To three decimals: what a reader of CSV files has use for.
fn rounded(figure: f64) -> f64 {
    libm::round(figure * 1000.0) / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::HashRecords;

    fn options() -> HashOptions {
        HashOptions {
            hashes: vec!["djb2".into(), "sip13".into(), "djb2".into()],
            keys: vec!["user".into()],
            buckets: vec![1 << 10, 16],
            entries: 5000,
            time_s: 0.01,
            seed: 1,
        }
    }

    fn error(change: impl FnOnce(&mut HashOptions)) -> String {
        let mut options = options();
        change(&mut options);
        HashPlan::new(&options).err().expect("it is refused").0
    }

    #[test]
    fn nonsense_is_named() {
        assert!(error(|o| o.hashes = vec!["djb".into()]).contains("did you mean 'djb2'"));
        assert!(error(|o| o.keys = vec!["urls".into()]).contains("did you mean 'url'"));
        let text = error(|o| o.keys = vec!["./absent.txt".into()]);
        assert!(
            text.contains("absent.txt") && text.contains("cannot be read"),
            "{text}"
        );
        let text = error(|o| o.buckets = vec![1000]);
        assert!(text.contains("1000") && text.contains("2^10"), "{text}");
        assert!(error(|o| o.buckets = vec![0]).contains("nearest valid value is 1"));
        assert!(error(|o| o.buckets = vec![1 << 40]).contains("nearest valid value is 2^26"));
        assert!(error(|o| o.time_s = f64::NAN).contains("--time"));
        assert!(error(|o| o.entries = 0).contains("--entries 0"));
    }

    #[test]
    fn a_small_run_records_every_kind() {
        let root = tempfile::tempdir().unwrap();
        let plan = HashPlan::new(&options()).unwrap();
        let program = std::env::current_exe().unwrap();
        let mut steps = 0;
        let ended = measure_hashes(
            &plan,
            &program,
            root.path(),
            &["bucketlab".into()],
            &mut |_| steps += 1,
            &AtomicBool::new(false),
        )
        .unwrap();
        assert!(ended.status == Status::Complete && steps > 5);
        let records = HashRecords::read(&ended.path).unwrap();
        assert_eq!(records.manifest.buckets, [16, 1024]);
        assert_eq!(records.speed.len(), 5 * 3 * LENGTHS.len());
        assert_eq!(records.spread.len(), 2 * 2 * 2);
        assert_eq!(records.avalanche.len(), 2 * 160);
        let [djb2, sip13] = records.flood.as_slice() else {
            panic!("two floods")
        };
        assert_eq!(
            (djb2.longest_seed_known, djb2.longest_seed_unknown),
            (64, 64)
        );
        assert_eq!(sip13.longest_seed_known, 64);
        assert!(sip13.longest_seed_unknown < 5 && sip13.method == "search");
        for row in &records.spread {
            let of_it = |chain: &&HashChainRow| {
                chain.hash == row.hash && chain.bits == row.bits && chain.buckets == row.buckets
            };
            let chains = records.chains.iter().filter(of_it);
            assert_eq!(chains.map(|chain| chain.count).sum::<u64>(), row.buckets);
        }
    }

    #[test]
    fn an_interrupted_run_says_so() {
        let root = tempfile::tempdir().unwrap();
        let plan = HashPlan::new(&options()).unwrap();
        let program = std::env::current_exe().unwrap();
        let stop = AtomicBool::new(true);
        let ended = measure_hashes(&plan, &program, root.path(), &[], &mut |_| (), &stop).unwrap();
        assert_eq!(ended.status, Status::Interrupted);
        assert!(HashRecords::read(&ended.path).unwrap().flood.is_empty());
    }

    #[test]
    fn files_are_read_once_a_key() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("keys.txt");
        std::fs::write(&path, "a\nb\na\nccc\n").unwrap();
        let text = path.to_str().unwrap();
        assert_eq!(read_keys(text, 10).unwrap(), [&b"a"[..], b"b", b"ccc"]);
        assert_eq!(read_keys(text, 2).unwrap().len(), 2);
        std::fs::write(&path, "").unwrap();
        assert!(read_keys(text, 2).unwrap_err().0.contains("is empty"));
    }
}
