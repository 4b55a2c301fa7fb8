//! The lookups of a chained run, timed by a plain loop of its own: what the harness's figures are held to.
//!
//! `independent [ENTRIES [BIRTHS [ROUNDS]]]` fills six tables and times uniform gets that all hit, hashed with
//! xxh3, with two things between them: *none*, where the next key is known, and *chained*, where the next key's
//! address is computed from the value that was found. It takes from the library the tables, the hash function and
//! the median. Keys, draws, the loop and the timing are written anew: nothing comes from the `bench` and `workload`
//! folders.
//!
//! Where it must be like the harness, it is. Keys have the form of YCSB's (23 bytes, some 22 or 24), values have 64
//! bytes, of which the first eight are the key's last eight. The keys to look up lie behind one another in the order
//! in which they were drawn, as they do in the harness's ring, so that they stream from memory and only the table's
//! own misses are left. An operation hashes its key, looks it up and compares the value with the key.
//!
//! Where glibc is told to ask for huge pages, the kernel is asked to gather each birth's memory into them, as the
//! harness does.
//!
//! The tables take turns in slices as long as the harness's, so that noise hits all alike. A birth makes all tables anew. The
//! output is CSV: nanoseconds of processor time per operation, the median and the quartiles over the slices of all
//! births. `scripts/chained` sets it beside the harness's.
//!
//! Without arguments (`cargo test --benches`), or with `--test`, it runs a few gets on small tables and checks that
//! each finds its value.

use std::hint::black_box;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use bucketlab::base::{Journal, Key, Params, Spec, Worker};
use bucketlab::hash::{self, Hasher};
use bucketlab::machine::{self, OwnCore};
use bucketlab::stats::{median, quantile};
use bucketlab::table::{
    Cuckoo, Env, Inline, Optimistic, Papaya, Session, ShardedHashbrown, Strategy, Striped,
};
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

/// The tables, in the order of the output.
const TABLES: [Make; 6] = [
    filled::<ShardedHashbrown>,
    filled::<Papaya>,
    filled::<Striped>,
    filled::<Optimistic>,
    filled::<Cuckoo>,
    filled::<Inline>,
];

const VALUE_BYTES: usize = 64;

/// How long a slice takes, and for how long the table's lines come back to the caches before it: as in the harness,
/// as they are colder after every turn of the others, and a longer slice would hide more of that.
const SLICE: Duration = Duration::from_millis(8);
const WARM: Duration = Duration::from_millis(2);

/// The most entries: key addresses have 32 bits.
const ENTRIES_MAX: usize = 100_000_000;

/// How much is measured.
#[derive(Clone, Copy)]
struct Extent {
    entries: usize,
    births: usize,
    rounds: usize,
    slice: Duration,
    warm: Duration,
}

/// As cargo runs it among the tests.
const TINY: Extent = Extent {
    entries: 2_000,
    births: 2,
    rounds: 2,
    slice: Duration::ZERO,
    warm: Duration::ZERO,
};

const FULL: Extent = Extent {
    entries: 1_000_000,
    births: 3,
    rounds: 50,
    slice: SLICE,
    warm: WARM,
};

/// Where a key to look up lies among the bytes of all.
#[derive(Clone, Copy)]
struct Draw {
    at: u32,
    length: u32,
}

/// Keys in the order in which they are looked up.
struct Stream {
    bytes: Vec<u8>,
    draws: Vec<Draw>,
}

impl Stream {
    /// As many uniform draws as there are entries.
    fn new(entries: usize) -> Stream {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(14);
        let (mut bytes, mut draws) = (Vec::new(), Vec::new());
        for _ in 0..entries {
            let key = key(random.random_range(0..entries as u64));
            let number = |count: usize| u32::try_from(count).expect("entries are bounded");
            draws.push(Draw {
                at: number(bytes.len()),
                length: number(key.len()),
            });
            bytes.extend_from_slice(key.as_bytes());
        }
        Stream { bytes, draws }
    }
}

/// A record's key as YCSB makes it: `user` and the decimal of the number's FNV-1a hash in 64 bits.
fn key(record: u64) -> String {
    let hash = record
        .to_le_bytes()
        .into_iter()
        .fold(0xCBF2_9CE4_8422_2325_u64, |hash, octet| {
            (hash ^ u64::from(octet)).wrapping_mul(0x100_0000_01B3)
        });
    format!("user{hash}")
}

/// The first word of a value; 0, which no key ends with, where there is none.
#[inline]
fn first_word(value: &[u8]) -> u64 {
    value
        .first_chunk()
        .map_or(0, |word| u64::from_ne_bytes(*word))
}

/// The last word of a key.
#[inline]
fn last_word(key: &[u8]) -> u64 {
    key.last_chunk().map_or(0, |word| u64::from_ne_bytes(*word))
}

/// The loop: one get after another. Returns how many gets missed and the bits in which any value was not its key's.
///
/// Chained, the address of a key is moved by a zero computed from the value before. Values are compared without a
/// branch: behind a branch on equality the compiler could take the key's word for the value's, which is known early.
#[inline(never)]
fn gets<const CHAINED: bool, S: Session>(
    session: &mut S,
    hasher: Hasher,
    bytes: &[u8],
    draws: &[Draw],
) -> (u64, u64) {
    let zero = black_box(0_u64);
    let (mut missed, mut wrong) = (0, 0);
    let mut moved = 0_usize;
    for draw in draws {
        let bytes = &bytes[(draw.at as usize).wrapping_add(moved)..][..draw.length as usize];
        let key = Key {
            bytes,
            hash: hasher.hash(bytes),
        };
        let Some(word) = session.get(key, first_word) else {
            missed += 1;
            continue;
        };
        wrong |= word ^ last_word(bytes);
        if CHAINED {
            moved = usize::try_from(word & zero).unwrap_or(0);
        }
    }
    (missed, wrong)
}

/// What stands between two gets.
#[derive(Clone, Copy)]
enum Between {
    Chained,
    Nothing,
}

/// The processor time of this thread: where others work too, its waits for a core do not count.
fn cpu_time() -> Duration {
    Duration::from_nanos(machine::thread_cpu_ns())
}

/// A filled table, of whichever strategy.
trait Table {
    /// Looks the keys up and returns how long it took, in processor time.
    ///
    /// # Errors
    /// A key without its value.
    fn time(&self, bytes: &[u8], draws: &[Draw], between: Between) -> anyhow::Result<Duration>;
}

struct Filled<S> {
    table: S,
    hasher: Hasher,
}

type Make = fn(usize) -> anyhow::Result<(&'static str, Box<dyn Table>)>;

/// A table with this many entries and default parameters.
fn filled<S: Strategy>(entries: usize) -> anyhow::Result<(&'static str, Box<dyn Table>)> {
    let hasher = Hasher::new(hash::find("xxh3")?, [1, 2]);
    let env = Env {
        hasher,
        clock: machine::now_ns,
        journal: Arc::new(Journal::new(64)),
        recency: false,
    };
    let spec: Spec = S::NAME.parse()?;
    let table = S::open(&Params::resolve(S::PARAMS, &spec)?, &env)?;
    let mut session = table.session(Worker::ALONE);
    let mut value = [b'v'; VALUE_BYTES];
    for record in 0..entries as u64 {
        let key = key(record);
        let bytes = key.as_bytes();
        value[..8].copy_from_slice(&last_word(bytes).to_ne_bytes());
        let hash = hasher.hash(bytes);
        session.insert_new(Key { bytes, hash }, &value);
    }
    while !table.settled() {
        session.quiesce();
        std::thread::yield_now();
    }
    drop(session);
    Ok((S::NAME, Box::new(Filled { table, hasher })))
}

impl<S: Strategy> Table for Filled<S> {
    fn time(&self, bytes: &[u8], draws: &[Draw], between: Between) -> anyhow::Result<Duration> {
        let mut session = self.table.session(Worker::ALONE);
        let before = cpu_time();
        let (missed, wrong) = match between {
            Between::Chained => gets::<true, _>(&mut session, self.hasher, bytes, draws),
            Between::Nothing => gets::<false, _>(&mut session, self.hasher, bytes, draws),
        };
        let took = cpu_time().saturating_sub(before);
        let name = S::NAME;
        ensure!(missed == 0, "{name}: {missed} keys were not found");
        ensure!(
            wrong == 0,
            "{name}: a key was answered with another's value"
        );
        Ok(took)
    }
}

/// One way to look up in one table: where it stands in the stream, and what its slices took.
struct Course {
    table: usize,
    between: Between,
    next: usize,
    /// Nanoseconds per operation in the latest slice.
    latest_ns: f64,
    slices_ns: Vec<f64>,
}

impl Course {
    /// Looks up for about as long, at least a hundred keys; nanoseconds per operation.
    fn run(&mut self, table: &dyn Table, stream: &Stream, time: Duration) -> anyhow::Result<f64> {
        let most = stream.draws.len();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a positive count, bounded below"
        )]
        let wanted = (time.as_nanos() as f64 / self.latest_ns) as usize;
        let count = wanted.clamp(100, most);
        if self.next + count > most {
            self.next = 0;
        }
        let draws = &stream.draws[self.next..][..count];
        self.next += count;
        let took = table.time(&stream.bytes, draws, self.between)?;
        self.latest_ns = (took.as_nanos() as f64 / count as f64).max(1.0);
        Ok(self.latest_ns)
    }
}

fn measure(extent: Extent) -> anyhow::Result<()> {
    let stream = Stream::new(extent.entries);
    // Courses begin at different places, so that none finds the keys in the cache that another has read.
    let step = extent.entries / (2 * TABLES.len());
    let ways = (0..TABLES.len())
        .flat_map(|table| [Between::Chained, Between::Nothing].map(|between| (table, between)));
    let mut courses: Vec<Course> = ways
        .enumerate()
        .map(|(place, (table, between))| Course {
            table,
            between,
            next: place * step,
            latest_ns: 1_000.0,
            slices_ns: Vec::new(),
        })
        .collect();
    let mut names = Vec::new();
    // Like the harness's, the thread moves to a core that no other hardware thread works on, if there is one: before
    // each slice, as slices beside one are not left out here.
    let cores = machine::allowed_cpus();
    let cores = cores
        .first()
        .map_or_else(Vec::new, |&first| machine::cores_beside(first));
    let mut own_core = OwnCore::default();
    let tunables = std::env::var("GLIBC_TUNABLES").unwrap_or_default();
    let huge = tunables.contains("glibc.malloc.hugetlb=1");
    for _ in 0..extent.births {
        let born: Vec<_> = TABLES
            .iter()
            .map(|make| make(extent.entries))
            .collect::<anyhow::Result<_>>()?;
        if huge {
            machine::collapse_into_huge_pages();
        }
        for _ in 0..extent.rounds {
            for course in &mut courses {
                if let Some(core) = own_core.choose(&cores) {
                    // A refusal leaves the thread where it is.
                    let _ = machine::pin_thread(core);
                }
                let table = &*born[course.table].1;
                course.run(table, &stream, extent.warm)?;
                let ns = course.run(table, &stream, extent.slice)?;
                course.slices_ns.push(ns);
            }
        }
        names = born.iter().map(|(name, _)| *name).collect();
        drop(born);
        // The next birth gets other pages.
        machine::trim();
    }
    println!("table,between,ns_per_op,quartile_low,quartile_high");
    for course in &courses {
        let between = match course.between {
            Between::Chained => "chained",
            Between::Nothing => "none",
        };
        let slices = &course.slices_ns;
        let figures = [
            median(slices),
            quantile(slices, 0.25),
            quantile(slices, 0.75),
        ];
        let figures = figures.map(|figure| format!("{:.1}", figure.unwrap_or(f64::NAN)));
        println!("{},{between},{}", names[course.table], figures.join(","));
    }
    Ok(())
}

fn asked(arguments: &[String]) -> anyhow::Result<Extent> {
    // Cargo adds flags of its own: `--bench` where it measures.
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let mut words = Vec::new();
    for word in arguments.iter().filter(|word| !word.starts_with("--")) {
        let number: usize = word
            .parse()
            .ok()
            .filter(|number| (1..=ENTRIES_MAX).contains(number))
            .with_context(|| format!("'{word}' is not valid: a number from 1 to {ENTRIES_MAX}"))?;
        words.push(number);
    }
    if has("--test") || words.is_empty() && !has("--bench") {
        return Ok(TINY);
    }
    let mut extent = FULL;
    match words[..] {
        [] => {}
        [entries] => extent.entries = entries,
        [entries, births] => (extent.entries, extent.births) = (entries, births),
        [entries, births, rounds] => {
            (extent.entries, extent.births, extent.rounds) = (entries, births, rounds);
        }
        _ => bail!("too many arguments: [ENTRIES [BIRTHS [ROUNDS]]]"),
    }
    ensure!(
        extent.entries >= 100,
        "{} entries are too few: at least 100",
        extent.entries
    );
    Ok(extent)
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let extent = match asked(&arguments) {
        Ok(extent) => extent,
        Err(error) => {
            eprintln!("independent: {error:#}");
            return ExitCode::from(2);
        }
    };
    if let Err(error) = measure(extent) {
        eprintln!("independent: {error:#}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
