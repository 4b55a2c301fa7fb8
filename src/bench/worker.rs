//! One worker thread with its stream, segment and session, which runs the slices it receives.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, Barrier};

use super::caught::caught;
use super::checks::Tally;
use super::clocked::Longest;
use super::erased::Chunks;
use super::latency::Recorder;
use super::paced::{Pacer, Stretch};
use super::protocol::{Cut, LatencyOrder, SliceOrder, ThreadSlice};
use crate::base::counted;
use crate::machine::counters::Counters;
use crate::machine::{self, CoreShare};
use crate::workload::{Filled, Pace, Segment, Stream};

/// Time between two looks at the clock and the stop flag that calibration aims at. Reading the
/// clock takes tens of nanoseconds, under a thousandth of this.
const CHUNK_NS: u64 = 50_000;

/// What all workers of a slice share.
pub(super) struct Start {
    pub(super) barrier: Barrier,
    pub(super) threads: u32,
    /// How many have begun: while one has not, the others' work is not what the cell is about.
    begun: AtomicU32,
    /// When the discarded part of a slice of time ends, on the clock; `u64::MAX` until all have begun.
    counts_from_ns: AtomicU64,
    /// How many have done something that counts.
    counted: AtomicU32,
    pub(super) stop: AtomicBool,
    /// When the schedules of an open loop begin, on the clock; 0 until a thread has said it.
    base_ns: AtomicU64,
}

/// How soon after the first thread is ready the schedules begin: the others need as long to wake up.
const LEAD_NS: u64 = 200_000;

impl Start {
    pub(super) fn new(threads: u32) -> Start {
        Start {
            barrier: Barrier::new(threads as usize),
            threads,
            begun: AtomicU32::new(0),
            counts_from_ns: AtomicU64::new(u64::MAX),
            counted: AtomicU32::new(0),
            stop: AtomicBool::new(false),
            base_ns: AtomicU64::new(0),
        }
    }

    fn base_ns(&self) -> u64 {
        let own = machine::now_ns() + LEAD_NS;
        let set = self
            .base_ns
            .compare_exchange(0, own, Ordering::Relaxed, Ordering::Relaxed);
        set.err().unwrap_or(own)
    }

    /// A thread has begun a slice of time. What counts begins for all of them at one time, which the last
    /// to begin decides: what one did before another began is not what the cell is about, and what they
    /// do side by side afterwards must all count.
    fn begin(&self, started_ns: u64, discard_ns: u64) {
        if self.begun.fetch_add(1, Ordering::Relaxed) + 1 == self.threads {
            let from_ns = started_ns + discard_ns;
            self.counts_from_ns.store(from_ns, Ordering::Relaxed);
        }
    }

    fn counts_from_ns(&self) -> u64 {
        self.counts_from_ns.load(Ordering::Relaxed)
    }

    fn all_counted(&self) -> bool {
        self.counted.load(Ordering::Relaxed) == self.threads
    }
}

/// A slice as a worker gets it.
pub(super) struct Job {
    pub(super) order: SliceOrder,
    pub(super) start: Arc<Start>,
}

/// What a worker sends back: its figures, or why there are none.
pub(super) type Done = (u32, Result<ThreadSlice, String>);

/// A stream with the segment that is loaded from it, and how far it has been run.
pub(crate) struct Feed {
    stream: Stream,
    segment: Segment,
    filled: Filled,
    at: usize,
    /// Operations of the pass that are done, for slices that are parts of it.
    done: u64,
    /// Who is to make a [`Pacer`], which a feed has from the start where the workload has a pace or is
    /// clocked.
    seed: (u64, u32, u32),
    pacer: Option<Box<Pacer>>,
}

impl Feed {
    /// `seed` is that of the stream, with its thread and of how many.
    pub(super) fn load(
        mut stream: Stream,
        seed: (u64, u32, u32),
        pace: Option<Pace>,
        clocked: bool,
    ) -> anyhow::Result<Feed> {
        let mut segment = Segment::default();
        let filled = stream.refill(&mut segment)?;
        let (seed_of, thread, threads) = seed;
        let needs_one = pace.is_some() || clocked;
        let pacer = needs_one.then(|| Box::new(Pacer::new(seed_of, thread, threads, pace)));
        Ok(Feed {
            seed,
            pacer,
            stream,
            segment,
            filled,
            at: 0,
            done: 0,
        })
    }

    /// Keys that were absent and that this thread was the first of its own to touch.
    pub(super) fn first_touches(&self) -> u64 {
        self.stream.first_touches()
    }

    /// Operations of one pass of this thread.
    pub(crate) fn pass_ops(&self) -> Option<u64> {
        self.stream.pass_ops()
    }

    fn left(&self) -> usize {
        self.segment.ops.len() - self.at
    }

    fn refill(&mut self) -> Result<(), String> {
        self.filled = self
            .stream
            .refill(&mut self.segment)
            .map_err(|e| format!("{e:#}"))?;
        self.at = 0;
        Ok(())
    }
}

/// Serves slices until the sender of jobs is gone; returns the feed, so that its memory stays where
/// it is until the table's has been read.
///
/// `make` makes the session, in this thread. Whatever panics is the slice's failure, and a worker
/// that failed still meets the others at the barrier.
pub(super) fn serve<'t>(
    index: u32,
    mut feed: Feed,
    make: impl FnOnce() -> Box<dyn Chunks + 't>,
    is_control: bool,
    jobs: &Receiver<Job>,
    done: &Sender<Done>,
) -> Feed {
    let mut chunk = 1;
    let meter = machine::ThreadMeter::of_this_thread();
    let mut counters = Counters::of_this_thread();
    let mut session = caught(|| {
        let mut session = make();
        session.prepare(&feed.segment);
        Ok(session)
    });
    while let Ok(job) = jobs.recv() {
        if let Some(core) = job.order.core {
            // A refusal leaves the thread where it is; figures stand.
            let _ = machine::pin_thread(core as usize);
        }
        let cpu_before = machine::thread_cpu_ns();
        let ready = match &mut session {
            Ok(session) => caught(|| prepare(&mut feed, session.as_mut(), &job)),
            Err(why) => Err(why.clone()),
        };
        job.start.barrier.wait();
        let outcome = match (&mut session, ready) {
            (Ok(session), Ok(())) => {
                let before = meter.read();
                let outcome = caught(|| {
                    let with = (&mut chunk, &mut counters);
                    slice(&mut feed, session.as_mut(), &job, is_control, with)
                });
                outcome.map(|slice| with_usage(slice, meter.read().since(&before)))
            }
            (_, Err(why)) => Err(why),
            (Err(why), Ok(())) => Err(why.clone()),
        };
        let outcome = outcome.map(|mut slice| {
            let cpu_ns = machine::thread_cpu_ns().saturating_sub(cpu_before);
            slice.counts = counters.take();
            slice.harness_cpu_ns = cpu_ns.saturating_sub(slice.cpu_ns);
            slice
        });
        if outcome.is_err() {
            // The others must not wait for the end of a time that this thread will not announce.
            job.start.stop.store(true, Ordering::Relaxed);
        }
        if done.send((index, outcome)).is_err() {
            break;
        }
    }
    feed
}

/// What the kernel did to the thread during its slice.
fn with_usage(slice: ThreadSlice, usage: machine::ThreadUsage) -> ThreadSlice {
    ThreadSlice {
        run_queue_ns: usage.run_queue_ns,
        involuntary_switches: usage.involuntary_switches,
        voluntary_switches: usage.voluntary_switches,
        page_faults: usage.page_faults,
        ..slice
    }
}

/// Untimed: the next part of a ring that is larger than a segment, and what reclamation there is.
fn prepare(feed: &mut Feed, session: &mut dyn Chunks, job: &Job) -> Result<(), String> {
    let ring_needs_more = feed.filled == Filled::Part && feed.left() < feed.segment.ops.len() / 2;
    if matches!(job.order.cut, Cut::Time { .. }) && ring_needs_more {
        feed.refill()?;
        session.prepare(&feed.segment);
    }
    if job.order.latency.is_some() || job.order.clocked {
        let (seed, thread, threads) = feed.seed;
        let pacer = feed
            .pacer
            .get_or_insert_with(|| Box::new(Pacer::new(seed, thread, threads, None)));
        if let Some(LatencyOrder::Open(pace)) = job.order.latency {
            pacer.start(pace);
        }
        pacer.recorder.prepare(match job.order.cut {
            Cut::Time { ns, .. } => ns,
            Cut::Part { .. } => 0,
        });
    }
    *session.tally() = Tally::default();
    session.quiesce();
    Ok(())
}

fn slice(
    feed: &mut Feed,
    session: &mut dyn Chunks,
    job: &Job,
    is_control: bool,
    (chunk, counters): (&mut usize, &mut Counters),
) -> Result<ThreadSlice, String> {
    let mut measured = match (job.order.latency, job.order.cut) {
        (Some(LatencyOrder::Open(_)), cut) => open_loop(feed, session, job, cut)?,
        (Some(LatencyOrder::Closed { every }), Cut::Time { ns, discard_ns }) => {
            closed_loop(feed, session, job, every as usize, (ns, discard_ns))?
        }
        (Some(LatencyOrder::Closed { .. }), Cut::Part { .. }) => {
            return Err("the closed loop is sampled in slices of time".to_owned());
        }
        (None, Cut::Time { ns, discard_ns }) => {
            // Counters would count the probes too.
            let mut share =
                (!counters.are_there() && machine::cores_are_alike()).then(CoreShare::new);
            counters.resume();
            let cpu_before = machine::thread_cpu_ns();
            let (mut slice, probed_ns) =
                by_time(feed, session, job, chunk, (ns, discard_ns), share.as_mut());
            let cpu_ns = machine::thread_cpu_ns().saturating_sub(cpu_before);
            slice.cpu_ns = cpu_ns.saturating_sub(probed_ns);
            counters.pause();
            slice.additions_per_kcycle = share.and_then(|share| share.additions_per_kcycle());
            slice
        }
        (None, Cut::Part { part, of }) => {
            // It is the feed's again when the slice is over.
            let mut pacer = feed.pacer.take();
            let mut clocks = pacer
                .as_mut()
                .filter(|_| job.order.clocked)
                .map(|pacer| (Longest::new(), &mut pacer.recorder));
            let with = (clocks.as_mut(), counters);
            let slice = by_part(feed, session, is_control, (part, of), with);
            let slice = slice.map(|mut slice| {
                if let Some((longest, recorder)) = &mut clocks {
                    slice.longest_ns = Some(longest.ns);
                    slice.latencies = Some(Box::new(recorder.take_clocked()));
                }
                slice
            });
            feed.pacer = pacer;
            slice?
        }
    };
    session.finish(&feed.segment);
    if let Some(why) = session.broken() {
        return Err(why);
    }
    let tally = std::mem::take(session.tally());
    if let Some(first) = tally.first_wrong {
        let ops = measured.ops;
        return Err(format!(
            "{} of {ops} checks failed; the first: {first}",
            tally.wrong
        ));
    }
    (measured.hits, measured.misses) = (tally.hits, tally.misses);
    (measured.refused, measured.evicted) = (tally.refused, tally.evicted);
    measured.balance = tally.balance;
    Ok(measured)
}

/// Runs until the time is over, in chunks between looks at the clock; the chunk is calibrated in
/// the discarded part, which starts when all threads have begun and ends for all at the same time. A slice
/// does not end before every thread has done something that counts, unless one is kept from running for
/// several times the length of the slice. The slice's clock stands while the core is probed: how long it
/// stood is returned too.
fn by_time(
    feed: &mut Feed,
    session: &mut dyn Chunks,
    job: &Job,
    chunk: &mut usize,
    (ns, discard_ns): (u64, u64),
    mut share: Option<&mut CoreShare>,
) -> (ThreadSlice, u64) {
    let started_ns = machine::now_ns();
    let mut slice = ThreadSlice {
        started_ns,
        ..ThreadSlice::default()
    };
    let (mut warm, mut counted, mut probed_ns) = (false, false, 0);
    job.start.begin(started_ns, discard_ns);
    loop {
        if feed.left() == 0 {
            feed.at = 0;
        }
        let count = (*chunk).min(feed.left());
        let ops = &feed.segment.ops[feed.at..feed.at + count];
        if job.order.hash_only {
            session.run_hash_only(&feed.segment, ops);
        } else {
            session.run(&feed.segment, ops);
        }
        feed.at += count;
        slice.ops += count as u64;
        let now_ns = machine::now_ns();
        let elapsed_ns = now_ns - started_ns - probed_ns;
        let chunk_ns = elapsed_ns - slice.elapsed_ns;
        slice.elapsed_ns = elapsed_ns;
        if !warm {
            if chunk_ns < CHUNK_NS / 2 {
                *chunk = (*chunk * 2).min(1 << 16);
            } else if chunk_ns > CHUNK_NS * 2 {
                *chunk = (*chunk / 2).max(1);
            }
            (slice.discarded_ops, slice.discarded_ns) = (slice.ops, elapsed_ns);
            warm = now_ns >= job.start.counts_from_ns();
        } else if !counted {
            counted = true;
            job.start.counted.fetch_add(1, Ordering::Relaxed);
        }
        let counted_ns = now_ns.saturating_sub(job.start.counts_from_ns());
        if counted_ns >= ns - discard_ns && job.start.all_counted() || elapsed_ns >= ns * 5 {
            job.start.stop.store(true, Ordering::Relaxed);
        }
        if job.start.stop.load(Ordering::Relaxed) {
            return (slice, probed_ns);
        }
        if let Some(share) = share.as_mut().filter(|_| warm) {
            probed_ns += share.look(now_ns) - now_ns;
        }
    }
}

/// Runs this thread's share of one part of the pass. Where the segment ends within it, the clock
/// stands while the next one is loaded.
fn by_part(
    feed: &mut Feed,
    session: &mut dyn Chunks,
    is_control: bool,
    (part, of): (u32, u32),
    (mut clocks, counters): (Option<&mut (Longest, &mut Recorder)>, &mut Counters),
) -> Result<ThreadSlice, String> {
    let total = feed
        .pass_ops()
        .ok_or("a part of a pass was asked of an endless stream")?;
    let end = u128::from(total) * u128::from(part + 1) / u128::from(of);
    let mut left = u64::try_from(end)
        .expect("a part of a u64")
        .saturating_sub(feed.done);
    let mut slice = ThreadSlice {
        started_ns: machine::now_ns(),
        ..ThreadSlice::default()
    };
    while left > 0 {
        if feed.left() == 0 {
            feed.refill()?;
            session.prepare(&feed.segment);
            if feed.left() == 0 {
                return Err(format!(
                    "the stream ended {} before its pass",
                    counted(left, "operation")
                ));
            }
        }
        let count = feed.left().min(usize::try_from(left).unwrap_or(usize::MAX));
        let ops = &feed.segment.ops[feed.at..feed.at + count];
        if clocks.is_none() {
            // Else a reading of the clock for each operation would count as well.
            counters.resume();
        }
        let cpu_before = machine::thread_cpu_ns();
        let before_ns = machine::now_ns();
        match &mut clocks {
            None => {
                session.run(&feed.segment, ops);
                session.finish(&feed.segment);
            }
            Some((longest, recorder)) => {
                if slice.ops == 0 {
                    recorder.start(before_ns);
                }
                session.run_clocked(&feed.segment, ops, longest, recorder);
            }
        }
        let after_ns = machine::now_ns();
        slice.elapsed_ns += after_ns - before_ns;
        slice.cpu_ns += machine::thread_cpu_ns().saturating_sub(cpu_before);
        counters.pause();
        if is_control {
            let before_ns = machine::now_ns();
            session.run_hash_only(&feed.segment, ops);
            *slice.hash_ns.get_or_insert(0) += machine::now_ns() - before_ns;
        }
        feed.at += count;
        slice.ops += count as u64;
        feed.done += count as u64;
        left -= count as u64;
    }
    Ok(slice)
}

/// Runs operations when they are due: those of a time, or a whole pass. Within a time, a ring starts
/// over; in a pass the schedule stands still while the next segment is loaded.
fn open_loop(
    feed: &mut Feed,
    session: &mut dyn Chunks,
    job: &Job,
    cut: Cut,
) -> Result<ThreadSlice, String> {
    let mut pacer = feed.pacer.take().ok_or("there is no schedule")?;
    let outcome = run_open_loop(feed, session, job, cut, &mut pacer);
    feed.pacer = Some(pacer);
    outcome
}

fn run_open_loop(
    feed: &mut Feed,
    session: &mut dyn Chunks,
    job: &Job,
    cut: Cut,
    pacer: &mut Pacer,
) -> Result<ThreadSlice, String> {
    let cpu_before = machine::thread_cpu_ns();
    let base_ns = job.start.base_ns();
    let (mut stretch, pass_ops) = match cut {
        Cut::Time { ns, discard_ns } => {
            let stretch = Stretch {
                base_ns,
                keep_from_ns: discard_ns,
                end_ns: ns,
                give_up_ns: base_ns + 2 * ns,
            };
            (stretch, None)
        }
        Cut::Part { .. } => {
            let stretch = Stretch {
                base_ns,
                keep_from_ns: 0,
                end_ns: u64::MAX,
                give_up_ns: u64::MAX,
            };
            (stretch, feed.pass_ops())
        }
    };
    let mut slice = ThreadSlice {
        started_ns: base_ns,
        ..ThreadSlice::default()
    };
    pacer.recorder.start(base_ns);
    let (mut last_ns, mut last_due_ns) = (base_ns, 0);
    while pass_ops.is_none_or(|all| slice.ops < all) {
        if feed.left() == 0 && pass_ops.is_none() {
            feed.at = 0;
        }
        if feed.left() == 0 {
            let before_ns = machine::now_ns();
            feed.refill()?;
            session.prepare(&feed.segment);
            if feed.left() == 0 {
                return Err(format!(
                    "the stream ended after {}",
                    counted(slice.ops, "operation")
                ));
            }
            stretch.base_ns += machine::now_ns() - before_ns;
        }
        let ran = session.run_paced(&feed.segment, feed.at, pacer, stretch);
        feed.at += ran.ops;
        slice.ops += ran.ops as u64;
        slice.discarded_ops += ran.discarded as u64;
        if ran.ops > 0 {
            (last_ns, last_due_ns) = (ran.last_ns, ran.last_due_ns);
        }
        if ran.over {
            break;
        }
    }
    let covered_ns = match cut {
        Cut::Time { ns, .. } => ns,
        // Up to the last one, and to the end of its share of the time.
        Cut::Part { .. } => last_due_ns + last_due_ns / slice.ops.saturating_sub(1).max(1),
    };
    let kept = slice.ops - slice.discarded_ops;
    let left = match cut {
        Cut::Time { ns, .. } => pacer.left_before(ns),
        Cut::Part { .. } => 0,
    };
    slice.elapsed_ns = last_ns.saturating_sub(stretch.base_ns).max(covered_ns);
    slice.discarded_ns = stretch.keep_from_ns;
    slice.cpu_ns = machine::thread_cpu_ns().saturating_sub(cpu_before);
    let scheduled_ns = covered_ns - stretch.keep_from_ns;
    let latencies = pacer.recorder.take_open(kept + left, scheduled_ns);
    slice.latencies = Some(Box::new(latencies));
    Ok(slice)
}

/// Runs operations as fast as they go for a time, with a clock around every nth operation.
fn closed_loop(
    feed: &mut Feed,
    session: &mut dyn Chunks,
    job: &Job,
    every: usize,
    (ns, discard_ns): (u64, u64),
) -> Result<ThreadSlice, String> {
    let cpu_before = machine::thread_cpu_ns();
    let recorder = &mut feed.pacer.as_mut().ok_or("there is no histogram")?.recorder;
    let started_ns = machine::now_ns();
    let mut slice = ThreadSlice {
        started_ns,
        ..ThreadSlice::default()
    };
    let every = every.max(1);
    while slice.elapsed_ns < ns && !job.start.stop.load(Ordering::Relaxed) {
        if feed.at == feed.segment.ops.len() {
            feed.at = 0;
        }
        let count = every.min(feed.segment.ops.len() - feed.at);
        let ops = &feed.segment.ops[feed.at..feed.at + count];
        let (took_ns, ended_ns) = session.run_sampled(&feed.segment, ops);
        feed.at += count;
        slice.ops += count as u64;
        slice.elapsed_ns = ended_ns - started_ns;
        if slice.elapsed_ns < discard_ns {
            (slice.discarded_ops, slice.discarded_ns) = (slice.ops, slice.elapsed_ns);
        } else if let Some(took_ns) = took_ns.filter(|_| count == every) {
            recorder.closed(took_ns);
        }
    }
    slice.latencies = Some(Box::new(recorder.take_sampled()));
    slice.cpu_ns = machine::thread_cpu_ns().saturating_sub(cpu_before);
    Ok(slice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_counts_begins_for_all_when_the_last_has_begun() {
        let start = Start::new(3);
        start.begin(1_000, 200);
        start.begin(5_000, 200);
        assert_eq!(start.counts_from_ns(), u64::MAX);
        start.begin(9_000, 200);
        assert_eq!(start.counts_from_ns(), 9_200);
    }
}
