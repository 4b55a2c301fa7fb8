//! Operations read from a trace.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use xxhash_rust::xxh3::xxh3_128;

use super::presence::Window;
use super::segment::{Expect, Filled, Kind, Op, Segment};
use super::size::Lengths;
use super::trace::{Request, TraceOp, TraceReader, find_format};
use super::{OnMiss, TraceSource, Workload};
use crate::base::BadInput;

/// The requests of one thread out of a trace.
///
/// Each key belongs to one thread, by its hash, so the order of the requests for it is kept and
/// their outcomes are known: every thread reads the whole file and leaves out what is not its own.
pub(super) struct Replay {
    requests: TraceReader,
    owner: Owner,
    value: Lengths,
    pass_ops: u64,
    done: u64,
    /// A request that found no room in the last segment, with the hash of its key.
    held: Option<u128>,
    known: Known,
}

/// Which keys are this thread's.
#[derive(Clone, Copy)]
struct Owner {
    thread: u64,
    threads: u64,
}

impl Owner {
    /// From the hash's upper half: the lower one places the key in the map of those known.
    fn has(self, hash: u128) -> bool {
        ((hash >> 64) as u64) % self.threads == self.thread
    }
}

impl Replay {
    /// Opens a trace after one reading from end to end, which counts the thread's requests and
    /// finds what is wrong with the file before anything is measured.
    pub(super) fn open(
        source: &TraceSource,
        workload: &Workload,
        thread: u32,
        threads: u32,
    ) -> Result<Replay, BadInput> {
        let owner = Owner {
            thread: thread.into(),
            threads: threads.into(),
        };
        let mut requests = TraceReader::open(source)?;
        let (mut all, mut own) = (0u64, 0u64);
        while requests.advance()? {
            all += 1;
            own += u64::from(threads == 1 || owner.has(xxh3_128(requests.request().key)));
        }
        if all == 0 {
            return Err(source.is_empty());
        }
        let writes = find_format(&source.format)?.writes;
        Ok(Replay {
            requests: TraceReader::open(source)?,
            owner,
            value: Lengths::new(&workload.value),
            pass_ops: own,
            done: 0,
            held: None,
            known: Known {
                fills: workload.on_miss == OnMiss::Fill,
                overtaken: writes && workload.batch > 1,
                present: HashMap::default(),
                misses: 0,
                window: Window::new(workload.batch),
            },
        })
    }

    /// Requests of this thread.
    pub(super) fn pass_ops(&self) -> u64 {
        self.pass_ops
    }

    /// Reads of this thread so far that are known to miss.
    pub(super) fn first_touches(&self) -> u64 {
        self.known.misses
    }

    /// Puts the next requests into an empty segment, at most `bytes` of them with their keys (but
    /// at least one).
    pub(super) fn refill(
        &mut self,
        segment: &mut Segment,
        bytes: usize,
    ) -> Result<Filled, BadInput> {
        while self.done < self.pass_ops {
            let hash = match self.held.take() {
                Some(hash) => hash,
                None => self.next_own()?,
            };
            let Request {
                op,
                key,
                value_bytes,
                ..
            } = self.requests.request();
            let with_this = segment.bytes() + size_of::<Op>() + key.len();
            if with_this > bytes && !segment.ops.is_empty() {
                self.held = Some(hash);
                break;
            }
            let (kind, expect) = self.known.learn(op, hash);
            // The record number of a key that has none: 64 bits of its hash.
            let record = (hash >> 64) as u64;
            let value_len = value_bytes.unwrap_or_else(|| self.value.of(record));
            segment.push(kind, expect, key, value_len);
            self.done += 1;
        }
        Ok(if segment.ops.is_empty() {
            Filled::End
        } else {
            Filled::Part
        })
    }

    /// Moves on to the next request of this thread.
    fn next_own(&mut self) -> Result<u128, BadInput> {
        while self.requests.advance()? {
            let hash = xxh3_128(self.requests.request().key);
            if self.owner.has(hash) {
                return Ok(hash);
            }
        }
        Err(BadInput(format!(
            "{}: the trace became shorter while it was replayed: {} requests instead of {}",
            self.requests.name(),
            self.done,
            self.pass_ops
        )))
    }
}

/// What is known of the keys of a thread, and what each request makes of it.
struct Known {
    fills: bool,
    /// Gets wait in batches and writes may overtake them: what a get meets is not known.
    overtaken: bool,
    /// Hashes of the keys that may be in the table, and whether they are for certain; among fewer
    /// than 10^12 keys, two with the same 128 bits have odds below 10^-14.
    present: HashMap<u128, bool, FixedState>,
    /// Reads that are known to miss.
    misses: u64,
    window: Window<u128>,
}

impl Known {
    fn learn(&mut self, op: TraceOp, hash: u128) -> (Kind, Expect) {
        let waiting = self.window.may_wait(hash);
        let known = self.present.get(&hash).copied();
        let expect = match known {
            _ if waiting => Expect::Either,
            None => Expect::Absent,
            Some(true) => Expect::Present,
            Some(false) => Expect::Either,
        };
        let kind = match op {
            TraceOp::Get | TraceOp::Gets | TraceOp::GetLease => {
                return self.get(hash, expect, known);
            }
            TraceOp::Insert if expect == Expect::Absent => Kind::Insert,
            TraceOp::Set | TraceOp::SetLease | TraceOp::Insert => Kind::Set,
            TraceOp::Add => Kind::Add,
            TraceOp::Replace => Kind::Replace,
            TraceOp::Cas => Kind::Cas,
            TraceOp::Append => Kind::Append,
            TraceOp::Prepend => Kind::Prepend,
            TraceOp::Incr => Kind::Incr,
            TraceOp::Decr => Kind::Decr,
            TraceOp::ReadModifyWrite => Kind::Rmw,
            TraceOp::Delete => Kind::Remove,
        };
        match kind {
            Kind::Set | Kind::Insert | Kind::Add | Kind::Rmw => {
                // A get that waits still waits: should a remove follow, it may put the key back.
                self.present.insert(hash, true);
                self.misses += u64::from(kind == Kind::Rmw && expect == Expect::Absent);
            }
            // A get that waits may put it back.
            Kind::Remove if waiting => {
                self.present.insert(hash, false);
            }
            Kind::Remove => {
                self.present.remove(&hash);
            }
            _ => {}
        }
        (kind, expect)
    }

    fn get(&mut self, hash: u128, expect: Expect, known: Option<bool>) -> (Kind, Expect) {
        self.misses += u64::from(expect == Expect::Absent && !self.overtaken);
        if self.fills {
            self.present.insert(hash, true);
        }
        // Where a remove may come in between, any get may be the one that fills.
        let may_fill = self.fills && (known != Some(true) || self.overtaken);
        self.window.get(hash, may_fill);
        let kind = if self.fills { Kind::GetFill } else { Kind::Get };
        if self.overtaken {
            (kind, Expect::Either)
        } else {
            (kind, expect)
        }
    }
}
