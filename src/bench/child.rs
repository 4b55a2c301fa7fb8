//! The life of a child: open, fill, check, serve slices, count, and again for the next pass.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::erased::{Chunks, How, TimedKind, TimedTable};
use super::pipe::Pipe;
use super::prefill::prefill;
use super::protocol::{
    CensusReply, Finished, Memory, Open, Opened, Reply, Request, SliceOrder, Sliced, ThreadSlice,
};
use super::worker::{Done, Feed, Job, Start, serve};
use crate::base::{Journal, Key, Params, Worker, counted};
use crate::hash::{self, Hasher};
use crate::machine::{self, Pages};
use crate::table::{Env, ErasedTable, Session};
use crate::workload::{Prefill, Stream, Workload};

/// How many resize events a table may note in one pass before the oldest fall out.
const JOURNAL_EVENTS: usize = 1 << 16;

/// How long a table may take to finish resizes after the prefill.
const SETTLE: Duration = Duration::from_mins(1);

/// How often a session says that it holds nothing, once a table is emptied: more than the generations after which
/// any scheme of reclamation here frees.
const RECLAIMS: u32 = 64;

const PEAK_UNREADABLE: &str = "the peak of resident memory cannot be counted on this machine";

const RSS_UNREADABLE: &str = "resident memory cannot be read on this machine";

/// A check of a strategy that runs before anything is timed.
pub type Check = fn(&Params, &Env) -> Result<(), String>;

/// Serves one table until the parent closes the pipe. `check` runs before the first slice.
///
/// # Errors
/// Whatever keeps the table from giving figures; the caller passes the reason on to the parent.
pub fn child(
    kind: &TimedKind,
    open: &Open,
    check: Check,
    pipe: &mut dyn Pipe,
) -> anyhow::Result<()> {
    births(kind, open, Some(check), pipe)
}

/// The same for a control: it holds no entries, so nothing is checked but that values belong.
///
/// # Errors
/// Like [`child`].
pub fn control_child(kind: &TimedKind, open: &Open, pipe: &mut dyn Pipe) -> anyhow::Result<()> {
    births(kind, open, None, pipe)
}

fn births(
    timed: &TimedKind,
    open: &Open,
    check: Option<Check>,
    pipe: &mut dyn Pipe,
) -> anyhow::Result<()> {
    let is_control = check.is_none();
    open.heap.settle().map_err(anyhow::Error::msg)?;
    let params = Params::of_values(&open.strategy, timed.kind.params, &open.values)?;
    let hasher = Hasher::new(hash::find(&open.hash)?, open.hash_seed);
    // A control holds nothing that could be bounded.
    let budget = open.workload.budget.filter(|_| !is_control);
    if budget.is_some() && !timed.kind.walk {
        bail!("cannot be bounded: it cannot be walked");
    }
    let env = Env {
        hasher,
        clock: machine::now_ns,
        journal: Arc::new(Journal::new(JOURNAL_EVENTS)),
        recency: budget.is_some(),
    };
    if let Some(check) = check {
        check(&params, &env).map_err(|why| anyhow::anyhow!("check failed: {why}"))?;
    }
    let setting = Setting {
        timed,
        open,
        params,
        env,
        budget: budget.map(|budget| budget.0),
        is_control,
    };
    let mut is_first_pass = true;
    // The next pass of every table of a panel moves on by one core, as the next birth does.
    let mut pin_offset = open.pin_offset as usize;
    loop {
        let Some(finished) = setting.pass(is_first_pass, pin_offset, pipe)? else {
            return Ok(());
        };
        pipe.reply(&Reply::Finished(Box::new(finished)))?;
        is_first_pass = false;
        match pipe.next()? {
            Some(Request::Renew) => pin_offset += 1,
            None => return Ok(()),
            Some(other) => bail!("unexpected request: {other:?}"),
        }
    }
}

/// What the tables of all passes have in common.
struct Setting<'o> {
    timed: &'o TimedKind,
    open: &'o Open,
    params: Params,
    env: Env,
    /// Bytes that a table is kept to.
    budget: Option<u64>,
    is_control: bool,
}

impl Setting<'_> {
    /// One pass with a table of its own; `None` when the parent has closed the pipe.
    fn pass(
        &self,
        is_first: bool,
        pin_offset: usize,
        pipe: &mut dyn Pipe,
    ) -> anyhow::Result<Option<Finished>> {
        let (open, is_control) = (self.open, self.is_control);
        let feeds = load_feeds(open)?;
        let pass_ops = feeds.iter().map(Feed::pass_ops).sum();
        // The streams are the same for all tables; what they lie in is no part of what a table adds.
        self.gather();
        let grown = Grown::from_here(is_first);
        let mut table = (self.timed.open)(&self.params, &self.env)?;
        let filled = self.filled(&mut *table, grown)?;
        pipe.reply(&Reply::Opened(Box::new(Opened {
            pass_ops,
            filled,
            server: None,
        })))?;
        let (shared, of) = (&*table, open.threads);
        let how = How {
            hasher: self.env.hasher,
            batch: open.workload.batch,
            between: open.workload.between,
            outcomes: !is_control,
            budget: self.budget,
            single_sets: open.workload.budget.is_some(),
        };
        let make = |index| shared.timed(Worker { index, of }, how);
        let at_start = shared.usage().items;
        let count = |balance: i64| {
            // Between slices a resize may still be moving entries: then the next count is the one.
            if is_control || !shared.settled() {
                return Ok(());
            }
            check_items(shared.usage().items, at_start, balance)
        };
        let beside = Beside {
            count: &count,
            resident: &|| grown.now().ok(),
            cpu_ns: &|| 0,
            explain: &|why| why,
        };
        let ended = slices(make, &beside, pin_offset, is_control, feeds, pipe)?;
        let Some((Totals { misses, balance }, feeds)) = ended else {
            return Ok(None);
        };
        if !is_control {
            settle(shared, &mut shared.session(Worker::ALONE), "after the pass")?;
            check_items(shared.usage().items, at_start, balance)?;
            check_misses(open, misses, &feeds)?;
        }
        let mut memory = grown.memory(Err("bytes are counted during a prefill only".into()));
        if let Some(budget) = self.budget {
            check_budget(shared.usage().bytes, budget)?;
        }
        // The streams were there before the table and are there until its memory has been read.
        drop(feeds);
        let census = table.census();
        let (events, marks_dropped) = self.env.journal.drain();
        let is_fill =
            !open.workload.prefill && open.workload.trace.is_none() && self.budget.is_none();
        if is_fill && !is_control && grown.before.is_ok() {
            empty(&*table, &open.workload, self.env.hasher)?;
            memory.rss_emptied_bytes = grown.now().ok();
        }
        Ok(Some(Finished {
            memory,
            census: census.into(),
            marks: events.into_iter().map(Into::into).collect(),
            marks_dropped,
        }))
    }

    /// Where huge pages are asked for, gathers this process's memory into them: births must not differ by which of them
    /// found free blocks.
    fn gather(&self) {
        if self.open.heap.pages == Pages::Huge {
            machine::collapse_into_huge_pages();
        }
    }

    /// The table's prefill, where the workload has one: its memory, and what a count of its entries finds.
    fn filled(
        &self,
        table: &mut dyn TimedTable,
        grown: Grown,
    ) -> anyhow::Result<Option<(Memory, CensusReply)>> {
        let workload = &self.open.workload;
        if !workload.prefill {
            return Ok(None);
        }
        let live = prefill(table, workload, self.env.hasher);
        settle(
            table,
            &mut table.session(Worker::ALONE),
            "after the prefill",
        )?;
        let mut memory = grown.memory(live);
        self.gather();
        memory.huge_page_bytes = grown.in_huge_pages();
        if !self.is_control && self.budget.is_none() {
            let (items, wanted) = (table.usage().items, workload.entries);
            if items != wanted {
                bail!(
                    "after the prefill the table holds {items} of {}",
                    counted(wanted, "entry")
                );
            }
        }
        Ok(Some((memory, table.census().into())))
    }
}

/// The streams of a pass, each with its first segment.
pub(crate) fn load_feeds(open: &Open) -> anyhow::Result<Vec<Feed>> {
    thread::scope(|scope| {
        let loading: Vec<_> = (0..open.threads)
            .map(|thread| {
                scope.spawn(move || {
                    let stream = Stream::open(&open.workload, open.seed, thread, open.threads)?;
                    let seed = (open.seed, thread, open.threads);
                    Feed::load(stream, seed, open.workload.pace, open.workload.clocked)
                })
            })
            .collect();
        loading
            .into_iter()
            .map(|feed| {
                feed.join()
                    .unwrap_or_else(|_| bail!("making the stream panicked"))
            })
            .collect()
    })
}

/// Removes every entry of a fill, untimed, and hands what was freed back to the system.
fn empty<T: ErasedTable + ?Sized>(
    table: &T,
    workload: &Workload,
    hasher: Hasher,
) -> anyhow::Result<()> {
    let mut session = table.session(Worker::ALONE);
    Prefill::whole(workload).for_each(|bytes, _| {
        session.remove(Key {
            bytes,
            hash: hasher.hash(bytes),
        });
    });
    settle(table, &mut session, "after its entries were removed")?;
    let left = table.usage().items;
    if left > 0 {
        bail!("after all its entries were removed the table says that it holds {left}");
    }
    // Some tables reclaim what was removed only while they are worked on.
    for _ in 0..RECLAIMS {
        session.quiesce();
    }
    drop(session);
    machine::trim();
    Ok(())
}

/// Waits until no resize is pending.
fn settle<T: ErasedTable + ?Sized>(
    table: &T,
    session: &mut impl Session,
    when: &str,
) -> anyhow::Result<()> {
    let waiting_since = Instant::now();
    while !table.settled() {
        if waiting_since.elapsed() > SETTLE {
            bail!("a resize has not ended {} s {when}", SETTLE.as_secs());
        }
        session.quiesce();
        thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

/// How much the process's resident memory has grown.
#[derive(Clone, Copy)]
struct Grown {
    /// Resident memory before the table was opened, or why that is not to be had.
    before: Result<u64, &'static str>,
    /// Memory in huge pages at that time.
    huge_before: Option<u64>,
    /// Whether the kernel counts the peak from there on.
    peak_is_reset: bool,
}

impl Grown {
    /// Counts from here. What was freed until here must not hide what the table asks for. An earlier pass may have
    /// left pages in the middle of an arena, which no allocator gives back: a later table that moves in there
    /// would seem smaller than it is.
    fn from_here(is_first_pass: bool) -> Grown {
        machine::trim();
        let before = if is_first_pass {
            machine::resident_bytes().ok_or(RSS_UNREADABLE)
        } else {
            Err("the table may reuse pages that earlier passes of the same process left")
        };
        Grown {
            before,
            huge_before: machine::huge_page_bytes(),
            peak_is_reset: machine::reset_peak_resident(),
        }
    }

    fn now(self) -> Result<u64, &'static str> {
        let now = machine::resident_bytes().ok_or(RSS_UNREADABLE)?;
        Ok(now.saturating_sub(self.before?))
    }

    /// Of it, what lies in huge pages.
    fn in_huge_pages(self) -> Option<u64> {
        self.before.ok()?;
        Some(machine::huge_page_bytes()?.saturating_sub(self.huge_before?))
    }

    /// At the most; not less than now.
    fn peak(self) -> Result<u64, &'static str> {
        let now = self.now()?;
        if !self.peak_is_reset {
            return Err(PEAK_UNREADABLE);
        }
        let peak = machine::peak_resident_bytes().ok_or(PEAK_UNREADABLE)?;
        Ok(peak.saturating_sub(self.before?).max(now))
    }

    /// What the table has added.
    fn memory(self, counted: Result<u64, String>) -> Memory {
        let (rss, peak) = (self.now(), self.peak());
        let mut reasons: Vec<&str> = rss.err().into_iter().chain(peak.err()).collect();
        reasons.extend(counted.as_ref().err().map(String::as_str));
        reasons.dedup();
        Memory {
            rss_bytes: rss.ok(),
            rss_peak_bytes: peak.ok(),
            rss_emptied_bytes: None,
            huge_page_bytes: None,
            reason: reasons.join("; "),
            bytes_counted: counted.ok(),
        }
    }
}

/// What is looked at around slices.
pub(crate) struct Beside<'b> {
    /// Whether the table holds what its operations came to: entries added, less those taken away.
    pub(crate) count: &'b dyn Fn(i64) -> anyhow::Result<()>,
    /// Resident memory that the table has added, in bytes.
    pub(crate) resident: &'b dyn Fn() -> Option<u64>,
    /// CPU time of processes that work for the table beside this one, in nanoseconds.
    pub(crate) cpu_ns: &'b dyn Fn() -> u64,
    /// A failure, with what explains it.
    pub(crate) explain: &'b dyn Fn(String) -> String,
}

/// Serves slices until the parent finishes the pass, each thread pinned to a core of its own where
/// there are enough, counted on from `pin_offset`; and returns what they came to and the feeds; `None`
/// when it has closed the pipe.
pub(crate) fn slices<'t>(
    make: impl Fn(u32) -> Box<dyn Chunks + 't> + Copy + Send,
    beside: &Beside<'_>,
    pin_offset: usize,
    is_control: bool,
    feeds: Vec<Feed>,
    pipe: &mut dyn Pipe,
) -> anyhow::Result<Option<(Totals, Vec<Feed>)>> {
    let cpus = machine::allowed_cpus();
    let pin = cpus.len() >= feeds.len();
    thread::scope(|scope| {
        let (done_sender, done) = channel::<Done>();
        let (mut jobs, mut workers) = (Vec::new(), Vec::new());
        for (index, feed) in (0..).zip(feeds) {
            let (job_sender, job_receiver) = channel::<Job>();
            let done_sender = done_sender.clone();
            let cpu = pin.then(|| cpus[(index as usize + pin_offset) % cpus.len()]);
            jobs.push(job_sender);
            workers.push(scope.spawn(move || {
                if let Some(cpu) = cpu {
                    // A refusal leaves the thread where the scheduler puts it; figures stand.
                    let _ = machine::pin_thread(cpu);
                }
                serve(
                    index,
                    feed,
                    || make(index),
                    is_control,
                    &job_receiver,
                    &done_sender,
                )
            }));
        }
        drop(done_sender);
        let mut totals = Totals::default();
        loop {
            match pipe.next()? {
                None => return Ok(None),
                Some(Request::Slice(order)) => {
                    let cpu_before = (beside.cpu_ns)();
                    let mut sliced = one_slice(order, &jobs, &done)?;
                    let cpu_ns = (beside.cpu_ns)().saturating_sub(cpu_before);
                    sliced.cpu_ns += cpu_ns;
                    sliced.helper_cpu_ns += cpu_ns;
                    if order.clocked {
                        sliced.rss_bytes = (beside.resident)();
                    }
                    totals.misses += sliced.threads.iter().map(|t| t.misses).sum::<u64>();
                    totals.balance += sliced.threads.iter().map(|t| t.balance).sum::<i64>();
                    if sliced.failed.is_none() {
                        sliced.failed = (beside.count)(totals.balance)
                            .err()
                            .map(|error| error.to_string());
                    }
                    sliced.failed = sliced.failed.map(beside.explain);
                    let failed = sliced.failed.clone();
                    pipe.reply(&Reply::Sliced(sliced))?;
                    if let Some(failed) = failed {
                        bail!(failed);
                    }
                }
                Some(Request::Finish) => {
                    drop(jobs);
                    let feeds: Option<Vec<Feed>> = workers
                        .into_iter()
                        .map(|worker| worker.join().ok())
                        .collect();
                    return Ok(Some((totals, feeds.context("a worker died")?)));
                }
                Some(other) => bail!("unexpected request: {other:?}"),
            }
        }
    })
}

fn one_slice(
    order: SliceOrder,
    jobs: &[Sender<Job>],
    done: &Receiver<Done>,
) -> anyhow::Result<Sliced> {
    let threads = u32::try_from(jobs.len()).expect("there are fewer threads than that");
    let start = Arc::new(Start::new(threads));
    let own_before = machine::thread_cpu_ns();
    let cpu_before = machine::process_cpu_ns();
    for job in jobs {
        let job_for_worker = Job {
            order,
            start: Arc::clone(&start),
        };
        job.send(job_for_worker)
            .map_err(|_| anyhow::anyhow!("a worker thread is gone"))?;
    }
    let mut sliced = Sliced::default();
    sliced.threads.resize_with(jobs.len(), Default::default);
    for _ in jobs {
        let (index, outcome) = done.recv().context("a worker thread is gone")?;
        match outcome {
            Ok(slice) => sliced.threads[index as usize] = slice,
            Err(why) => {
                let why = format!("thread {index}: {why}");
                sliced.failed = Some(cause(sliced.failed.take(), why));
            }
        }
    }
    // What is left after the workers and this thread are threads that the strategy started.
    let of_workers = |thread: &ThreadSlice| thread.cpu_ns + thread.harness_cpu_ns;
    let workers_ns: u64 = sliced.threads.iter().map(of_workers).sum();
    let own_ns = machine::thread_cpu_ns().saturating_sub(own_before);
    let process_ns = machine::process_cpu_ns().saturating_sub(cpu_before);
    sliced.cpu_ns = process_ns;
    sliced.helper_cpu_ns = process_ns.saturating_sub(workers_ns + own_ns);
    Ok(sliced)
}

/// Of what two threads failed with, the cause: a lock is poisoned by another thread that panicked while it held it.
fn cause(first: Option<String>, second: String) -> String {
    let follows = |why: &str| why.contains("PoisonError");
    match first {
        Some(first) if !follows(&first) || follows(&second) => first,
        _ => second,
    }
}

/// Whether evictions could keep a table to its budget. Between two looks it may be a little above; by
/// an eighth it is only when what cannot be evicted, its array and locks, is too large.
fn check_budget(bytes: u64, budget: u64) -> anyhow::Result<()> {
    if bytes > budget.saturating_add(budget / 8) {
        bail!(
            "holds {bytes} bytes, more than its budget of {budget}, after every possible \
             eviction: its buckets and locks alone are too large"
        );
    }
    Ok(())
}

/// What operations have come to over all slices of a pass.
#[derive(Default)]
pub(crate) struct Totals {
    pub(crate) misses: u64,
    pub(crate) balance: i64,
}

/// An entry is in the table for every outcome that said so: neither more, nor fewer.
fn check_items(items: u64, at_start: u64, balance: i64) -> anyhow::Result<()> {
    let due = at_start.checked_add_signed(balance);
    if due != Some(items) {
        bail!(
            "the table holds {}: by the outcomes of its operations, {at_start} at the start and \
             {balance:+} since, it should hold {}",
            counted(items, "entry"),
            i128::from(at_start) + i128::from(balance)
        );
    }
    Ok(())
}

/// Where several threads fill the same keys on a miss, one outcome is not known but the number of
/// misses is bounded: each key misses at least once, and at most once a thread.
fn check_misses(open: &Open, misses: u64, feeds: &[Feed]) -> anyhow::Result<()> {
    let least = feeds.iter().map(Feed::first_touches).max().unwrap_or(0);
    let most: u64 = feeds.iter().map(Feed::first_touches).sum();
    // What was evicted misses again, any number of times.
    let unlimited = open.workload.batch > 1 || open.workload.budget.is_some();
    if least == 0 || misses >= least && (misses <= most || unlimited) {
        return Ok(());
    }
    bail!("{misses} misses where between {least} and {most} are possible")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_poisoned_lock_is_not_the_cause() {
        let poisoned =
            "thread 0: panicked: called `Result::unwrap()` on an `Err` value: PoisonError { .. }";
        let own = "thread 1: panicked: index out of bounds";
        for [first, second] in [
            [poisoned, own],
            [own, poisoned],
            [own, "thread 2: panicked: later"],
        ] {
            assert_eq!(cause(Some(first.to_owned()), second.to_owned()), own);
        }
        assert_eq!(cause(None, poisoned.to_owned()), poisoned);
    }
}
