//! Shared nothing: does a shard for each thread, with requests that go to its owner in batches, beat one table that
//! all threads share?
//!
//! `routed [ENTRIES [ROUNDS]]` sets both beside each other, for `optimistic` and `inline`, with a thread on each of
//! two cores. In *shared* both threads hand batches of 16 to one table. In *routed* each thread owns half of the keys
//! in a table of its own. A thread sorts the keys that it draws by their owners; a batch of its own keys it hands to
//! its table, another it writes into a mailbox, and between two batches it answers what lies in its own mailboxes.
//!
//! ```text
//!   thread 0 ── own batch ──▶ table 0        mailbox 0 → 1: eight letters, each of sixteen keys
//!      │   ╰─── letter ────▶ [ keys, hashes ] ──▶ thread 1 ──▶ table 1
//!      ╰◀─────── answer ───  [ first words ] ◀──────╯
//! ```
//!
//! The comparison favours *routed*: an answer carries one word of its value, not all of it, and nobody waits for a
//! certain answer. Every answer is compared with its key. Both take turns in rounds of 100 ms. The output is CSV:
//! million keys a second of both threads together, the median and quartiles over the rounds.
//!
//! Without arguments (`cargo test --benches`), or with `--test`, it checks a few batches on small tables.

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use bucketlab::base::{Journal, Key, Params, Spec, Worker};
use bucketlab::hash::{self, Hasher};
use bucketlab::stats::{median, quantile};
use bucketlab::table::{Env, Inline, Optimistic, Session, Strategy};
use crossbeam_utils::CachePadded;
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

const THREADS: usize = 2;
/// Keys of a batch and of a letter.
const BATCH: usize = 16;
/// Letters that may be on their way from one thread to another.
const LETTERS: usize = 8;
/// All keys are this long, in bytes: three words.
const KEY_BYTES: usize = 24;
const VALUE_BYTES: usize = 64;

/// Who has a letter: its sender, its receiver, or its sender with the answers in it.
const FREE: usize = 0;
const SENT: usize = 1;
const ANSWERED: usize = 2;

/// A batch on its way: three words a key, its hash, and a word for its answer.
#[derive(Default)]
struct Letter {
    state: CachePadded<AtomicUsize>,
    keys: [[AtomicU64; KEY_BYTES / 8]; BATCH],
    hashes: [AtomicU64; BATCH],
    answers: [AtomicU64; BATCH],
}

/// What all threads share in *routed*: the letters from each thread to each.
#[derive(Default)]
struct Post {
    letters: [[[Letter; LETTERS]; THREADS]; THREADS],
    done: AtomicUsize,
}

/// A key of a record: a fixed start and the record's FNV-1a hash, a letter for each four bits.
fn key(record: u64) -> [u8; KEY_BYTES] {
    let hash = record
        .to_le_bytes()
        .into_iter()
        .fold(0xCBF2_9CE4_8422_2325_u64, |hash, octet| {
            (hash ^ u64::from(octet)).wrapping_mul(0x100_0000_01B3)
        });
    let mut bytes = [b'u'; KEY_BYTES];
    for (at, byte) in bytes.iter_mut().rev().take(16).enumerate() {
        *byte = b'a' + (hash >> (4 * at) & 15) as u8;
    }
    bytes
}

/// The word that the value of a key begins with: the key's last.
fn word_of(key: &[u8; KEY_BYTES]) -> u64 {
    key.last_chunk().map_or(0, |word| u64::from_ne_bytes(*word))
}

/// The thread that owns a key: by bits of the hash that no table looks at for buckets of these sizes.
fn owner(hash: u64) -> usize {
    usize::try_from((hash >> 40) % THREADS as u64).unwrap_or(0)
}

/// Keys that are drawn beforehand, with their hashes.
struct Drawn(Vec<([u8; KEY_BYTES], u64)>);

impl Drawn {
    fn new(entries: u64, seed: u64, hasher: Hasher) -> Drawn {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
        let draw = |_| {
            let bytes = key(random.random_range(0..entries));
            (bytes, hasher.hash(&bytes))
        };
        Drawn((0..entries.min(1 << 20)).map(draw).collect())
    }
}

/// A batch that is being gathered, or looked up.
#[derive(Default)]
struct Batch {
    keys: [[u8; KEY_BYTES]; BATCH],
    hashes: [u64; BATCH],
    count: usize,
}

impl Batch {
    fn push(&mut self, (key, hash): ([u8; KEY_BYTES], u64)) -> bool {
        (self.keys[self.count], self.hashes[self.count]) = (key, hash);
        self.count += 1;
        self.count == BATCH
    }

    /// Hands the batch to a table; what is answered goes to `each`, 0 for a miss.
    fn look_up(&self, session: &mut impl Session, mut each: impl FnMut(usize, u64)) {
        let keys: [Key<'_>; BATCH] = std::array::from_fn(|at| Key {
            bytes: &self.keys[at],
            hash: self.hashes[at],
        });
        session.get_many(&keys[..self.count], |at, value| {
            let word = value.and_then(<[u8]>::first_chunk);
            each(at, word.map_or(0, |word| u64::from_ne_bytes(*word)));
        });
    }
}

impl Letter {
    fn write(&self, batch: &Batch) {
        for at in 0..BATCH {
            let (words, _) = batch.keys[at].as_chunks::<8>();
            for (to, word) in self.keys[at].iter().zip(words) {
                to.store(u64::from_ne_bytes(*word), Ordering::Relaxed);
            }
            self.hashes[at].store(batch.hashes[at], Ordering::Relaxed);
        }
        self.state.store(SENT, Ordering::Release);
    }

    fn read_into(&self, batch: &mut Batch) {
        for at in 0..BATCH {
            let (words, _) = batch.keys[at].as_chunks_mut::<8>();
            for (word, from) in words.iter_mut().zip(&self.keys[at]) {
                *word = from.load(Ordering::Relaxed).to_ne_bytes();
            }
            batch.hashes[at] = self.hashes[at].load(Ordering::Relaxed);
        }
        batch.count = BATCH;
    }

    /// Compares the answers with the keys, and takes the letter back; how many were right.
    fn settle(&self) -> u64 {
        let right = (0..BATCH).filter(|&at| {
            let word = self.keys[at][KEY_BYTES / 8 - 1].load(Ordering::Relaxed);
            self.answers[at].load(Ordering::Relaxed) == word
        });
        let right = right.count() as u64;
        self.state.store(FREE, Ordering::Relaxed);
        right
    }
}

/// Keys asked for, and answers that were right.
#[derive(Clone, Copy, Default)]
struct Told {
    asked: u64,
    right: u64,
}

/// One thread of *shared*.
fn shared(session: &mut impl Session, drawn: &Drawn, until: Instant) -> Told {
    let (mut told, mut batch) = (Told::default(), Batch::default());
    for draw in drawn.0.iter().cycle() {
        if !batch.push(*draw) {
            continue;
        }
        let keys = batch.keys;
        batch.look_up(session, |at, word| {
            told.right += u64::from(word == word_of(&keys[at]));
        });
        told.asked += BATCH as u64;
        batch.count = 0;
        if Instant::now() >= until {
            break;
        }
    }
    told
}

/// One thread of *routed*: number `me`.
fn routed(
    session: &mut impl Session,
    post: &Post,
    me: usize,
    drawn: &Drawn,
    until: Instant,
) -> Told {
    let mut told = Told::default();
    let mut batches: [Batch; THREADS] = Default::default();
    let mut received = Batch::default();
    let mut next = [0; THREADS];
    let mut answer = |session: &mut _| {
        for from in (0..THREADS).filter(|from| *from != me) {
            for letter in &post.letters[from][me] {
                if letter.state.load(Ordering::Acquire) == SENT {
                    letter.read_into(&mut received);
                    received.look_up(session, |at, word| {
                        letter.answers[at].store(word, Ordering::Relaxed);
                    });
                    letter.state.store(ANSWERED, Ordering::Release);
                }
            }
        }
    };
    for draw in drawn.0.iter().cycle() {
        let to = owner(draw.1);
        if !batches[to].push(*draw) {
            continue;
        }
        let batch = &mut batches[to];
        if to == me {
            let keys = batch.keys;
            batch.look_up(session, |at, word| {
                told.right += u64::from(word == word_of(&keys[at]));
            });
        } else {
            let letter = &post.letters[me][to][next[to]];
            next[to] = (next[to] + 1) % LETTERS;
            while letter.state.load(Ordering::Acquire) == SENT {
                answer(session);
            }
            if letter.state.load(Ordering::Relaxed) == ANSWERED {
                told.right += letter.settle();
            }
            letter.write(batch);
        }
        told.asked += BATCH as u64;
        batch.count = 0;
        answer(session);
        if Instant::now() >= until {
            break;
        }
    }
    // The others may still wait for answers of this thread.
    post.done.fetch_add(1, Ordering::AcqRel);
    let mine = || post.letters[me].iter().flatten();
    while post.done.load(Ordering::Acquire) < THREADS
        || mine().any(|letter| letter.state.load(Ordering::Acquire) == SENT)
    {
        answer(session);
    }
    answer(session);
    for letter in mine() {
        if letter.state.load(Ordering::Acquire) == ANSWERED {
            told.right += letter.settle();
        }
    }
    told
}

/// A table with the records that `has` says so of.
fn filled<S: Strategy>(
    entries: u64,
    hasher: Hasher,
    has: impl Fn(u64) -> bool,
) -> anyhow::Result<S> {
    let env = Env {
        hasher,
        clock: bucketlab::machine::now_ns,
        journal: Arc::new(Journal::new(64)),
        recency: false,
    };
    let spec: Spec = S::NAME.parse()?;
    let table = S::open(&Params::resolve(S::PARAMS, &spec)?, &env)?;
    let mut session = table.session(Worker::ALONE);
    let mut value = [b'v'; VALUE_BYTES];
    for record in 0..entries {
        let bytes = key(record);
        let hash = hasher.hash(&bytes);
        if has(hash) {
            value[..8].copy_from_slice(&word_of(&bytes).to_ne_bytes());
            let key = Key {
                bytes: &bytes,
                hash,
            };
            session.insert_new(key, &value);
        }
    }
    drop(session);
    Ok(table)
}

/// Runs both threads at once, each pinned to a core of its own where there are two; million keys a second.
fn together(run: impl Fn(usize, Instant) -> Told + Sync, time: Duration) -> anyhow::Result<f64> {
    let cpus = bucketlab::machine::allowed_cpus();
    let start = Barrier::new(THREADS);
    let told = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|me| {
                let (run, start, cpus) = (&run, &start, &cpus);
                scope.spawn(move || {
                    if let Some(cpu) = cpus.get(me) {
                        // Where a thread cannot be pinned, the kernel places it.
                        let _ = bucketlab::machine::pin_thread(*cpu);
                    }
                    start.wait();
                    let begun = Instant::now();
                    let told = run(me, begun + time);
                    (told, begun.elapsed())
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| {
                thread
                    .join()
                    .map_err(|_| anyhow::anyhow!("a thread panicked"))
            })
            .collect::<anyhow::Result<Vec<_>>>()
    })?;
    let (mut all, mut longest) = (Told::default(), Duration::ZERO);
    for (one, took) in told {
        all.asked += one.asked;
        all.right += one.right;
        longest = longest.max(took);
    }
    let Told { asked, right } = all;
    ensure!(asked == right, "{right} of {asked} answers were right");
    Ok(asked as f64 / longest.as_secs_f64() / 1e6)
}

fn measure<S: Strategy>(entries: u64, rounds: usize, time: Duration) -> anyhow::Result<()> {
    let hasher = Hasher::new(hash::find("xxh3")?, [1, 2]);
    let drawn: Vec<Drawn> = (0..THREADS as u64)
        .map(|seed| Drawn::new(entries, seed, hasher))
        .collect();
    let one: S = filled(entries, hasher, |_| true)?;
    let parts: Vec<S> = (0..THREADS)
        .map(|part| filled(entries, hasher, |hash| owner(hash) == part))
        .collect::<anyhow::Result<_>>()?;
    let mut rates = [Vec::new(), Vec::new()];
    for _ in 0..rounds {
        let look = |me: usize, until| {
            let mut session = one.session(Worker::ALONE);
            shared(&mut session, &drawn[me], until)
        };
        rates[0].push(together(look, time)?);
        let post = Post::default();
        let look = |me: usize, until| {
            let mut session = parts[me].session(Worker::ALONE);
            routed(&mut session, &post, me, &drawn[me], until)
        };
        rates[1].push(together(look, time)?);
    }
    let ratios: Vec<f64> = rates[1].iter().zip(&rates[0]).map(|(a, b)| a / b).collect();
    let [shared, routed] = &rates;
    for (way, figures) in [("shared", shared), ("routed", routed), ("ratio", &ratios)] {
        let figure = |value: Option<f64>| format!("{:.3}", value.unwrap_or(f64::NAN));
        let (low, high) = (quantile(figures, 0.25), quantile(figures, 0.75));
        let figures = [median(figures), low, high].map(figure);
        println!("{},{way},{}", S::NAME, figures.join(","));
    }
    Ok(())
}

fn run(arguments: &[String]) -> anyhow::Result<()> {
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let numbers: Vec<u64> = arguments
        .iter()
        .filter(|word| !word.starts_with("--"))
        .map(|word| {
            let number = word
                .parse()
                .ok()
                .filter(|number| (1..=100_000_000).contains(number));
            number.with_context(|| format!("'{word}' is not valid: a number from 1 to 100000000"))
        })
        .collect::<anyhow::Result<_>>()?;
    let tiny = has("--test") || numbers.is_empty() && !has("--bench");
    let (entries, rounds) = match numbers[..] {
        [] if tiny => (2_000, 1),
        [] => (10_000_000, 30),
        [entries] => (entries, 30),
        [entries, rounds] => (entries, usize::try_from(rounds)?),
        _ => bail!("too many arguments: [ENTRIES [ROUNDS]]"),
    };
    let time = Duration::from_millis(if tiny { 5 } else { 100 });
    println!("table,way,million_keys_per_s,quartile_low,quartile_high");
    measure::<Optimistic>(entries, rounds, time)?;
    measure::<Inline>(entries, rounds, time)
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Err(error) = run(&arguments) {
        eprintln!("routed: {error:#}");
        return ExitCode::from(2);
    }
    ExitCode::SUCCESS
}
