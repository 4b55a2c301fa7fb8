//! One worker thread: its stream, its segment, its session; slices as they are ordered.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, Barrier};

use super::protocol::{Cut, SliceOrder, ThreadSlice};
use super::timed::{Loop, Tally};
use crate::machine;
use crate::table::Session;
use crate::workload::{Filled, Segment, Stream};

/// Time between two looks at the clock and the stop flag that calibration aims at. Reading the
/// clock takes tens of nanoseconds, under a thousandth of this.
const CHUNK_NS: u64 = 50_000;

/// What all workers of a slice share.
pub(super) struct Start {
    pub(super) barrier: Barrier,
    pub(super) stop: AtomicBool,
}

/// A slice as a worker gets it.
pub(super) struct Job {
    pub(super) order: SliceOrder,
    pub(super) start: Arc<Start>,
}

/// What a worker sends back: its figures, or why there are none.
pub(super) type Done = (u32, Result<ThreadSlice, String>);

/// A stream with the segment that is loaded from it, and how far it has been run.
pub(super) struct Feed {
    stream: Stream,
    segment: Segment,
    filled: Filled,
    at: usize,
    /// Operations of the pass that are done, for slices that are parts of it.
    done: u64,
}

impl Feed {
    pub(super) fn load(mut stream: Stream) -> anyhow::Result<Feed> {
        let mut segment = Segment::default();
        let filled = stream.refill(&mut segment)?;
        Ok(Feed {
            stream,
            segment,
            filled,
            at: 0,
            done: 0,
        })
    }

    /// Operations of one pass of this thread.
    pub(super) fn pass_ops(&self) -> Option<u64> {
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

/// Serves slices until the sender of jobs is gone; returns how many keys that were absent the
/// stream touched.
pub(super) fn serve<S: Session>(
    index: u32,
    mut feed: Feed,
    mut session: Loop<S>,
    jobs: &Receiver<Job>,
    done: &Sender<Done>,
) -> u64 {
    let mut chunk = 1;
    session.prepare(&feed.segment);
    while let Ok(job) = jobs.recv() {
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            slice(&mut feed, &mut session, &job, &mut chunk)
        }));
        let outcome = outcome.unwrap_or_else(|panic| {
            // The others must not wait for the end of a time that this thread will not announce.
            job.start.stop.store(true, Ordering::Relaxed);
            Err(format!("panicked: {}", panic_message(panic.as_ref())))
        });
        if done.send((index, outcome)).is_err() {
            break;
        }
    }
    feed.stream.first_touches()
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message")
}

fn slice<S: Session>(
    feed: &mut Feed,
    session: &mut Loop<S>,
    job: &Job,
    chunk: &mut usize,
) -> Result<ThreadSlice, String> {
    // Untimed: the next part of a ring that is larger than a segment.
    let ring_needs_more = feed.filled == Filled::Part && feed.left() < feed.segment.ops.len() / 2;
    let refilled = if matches!(job.order.cut, Cut::Time { .. }) && ring_needs_more {
        feed.refill().map(|()| session.prepare(&feed.segment))
    } else {
        Ok(())
    };
    session.tally = Tally::default();
    session.quiesce();
    // Every worker gets here, whatever went wrong before: the others wait for it.
    job.start.barrier.wait();
    refilled?;
    let cpu_before = machine::thread_cpu_ns();
    let mut measured = match job.order.cut {
        Cut::Time { ns, discard_ns } => by_time(feed, session, job, chunk, ns, discard_ns),
        Cut::Part { part, of } => by_part(feed, session, part, of)?,
    };
    measured.cpu_ns = machine::thread_cpu_ns().saturating_sub(cpu_before);
    let tally = std::mem::take(&mut session.tally);
    if let Some(first) = tally.first_wrong {
        let ops = measured.ops;
        return Err(format!(
            "{} of {ops} checks failed; the first: {first}",
            tally.wrong
        ));
    }
    (measured.hits, measured.misses, measured.refused) = (tally.hits, tally.misses, tally.refused);
    Ok(measured)
}

/// Runs until the time is over, in chunks between looks at the clock; the chunk is calibrated in
/// the discarded part.
fn by_time<S: Session>(
    feed: &mut Feed,
    session: &mut Loop<S>,
    job: &Job,
    chunk: &mut usize,
    ns: u64,
    discard_ns: u64,
) -> ThreadSlice {
    let started_ns = machine::now_ns();
    let mut slice = ThreadSlice {
        started_ns,
        ..ThreadSlice::default()
    };
    let mut warm = false;
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
        let elapsed_ns = machine::now_ns() - started_ns;
        let chunk_ns = elapsed_ns - slice.elapsed_ns;
        slice.elapsed_ns = elapsed_ns;
        if !warm {
            if chunk_ns < CHUNK_NS / 2 {
                *chunk = (*chunk * 2).min(1 << 16);
            } else if chunk_ns > CHUNK_NS * 2 {
                *chunk = (*chunk / 2).max(1);
            }
            (slice.discarded_ops, slice.discarded_ns) = (slice.ops, elapsed_ns);
            warm = elapsed_ns >= discard_ns;
        }
        if elapsed_ns >= ns {
            job.start.stop.store(true, Ordering::Relaxed);
        }
        if job.start.stop.load(Ordering::Relaxed) {
            return slice;
        }
    }
}

/// Runs this thread's share of one part of the pass. Where the segment ends within it, the clock
/// stands while the next one is loaded.
fn by_part<S: Session>(
    feed: &mut Feed,
    session: &mut Loop<S>,
    part: u32,
    of: u32,
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
                    "the stream ended {left} operations before its pass"
                ));
            }
        }
        let count = feed.left().min(usize::try_from(left).unwrap_or(usize::MAX));
        let ops = &feed.segment.ops[feed.at..feed.at + count];
        let before_ns = machine::now_ns();
        session.run(&feed.segment, ops);
        slice.elapsed_ns += machine::now_ns() - before_ns;
        feed.at += count;
        slice.ops += count as u64;
        feed.done += count as u64;
        left -= count as u64;
    }
    Ok(slice)
}
