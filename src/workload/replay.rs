//! Operations read from a trace.

use std::collections::HashSet;

use foldhash::fast::FixedState;
use xxhash_rust::xxh3::xxh3_128;

use super::presence::Window;
use super::segment::{Expect, Filled, Kind, Op, Segment};
use super::trace::{Requests, find_format};
use super::{Size, TraceSource, Workload};
use crate::base::BadInput;

/// The requests of one thread out of a trace.
///
/// Each key belongs to one thread, by its hash, so the order of the requests for it is kept and
/// their outcomes are known: every thread reads the whole file and leaves out what is not its own.
pub(super) struct Replay {
    requests: Box<dyn Requests>,
    owner: Owner,
    value: Size,
    pass_ops: u64,
    done: u64,
    /// A request that found no room in the last segment, with the hash of its key.
    held: Option<u128>,
    /// Hashes of the keys so far; among fewer than 10^12 keys, two with the same 128 bits have
    /// odds below 10^-14.
    seen: HashSet<u128, FixedState>,
    window: Window<u128>,
}

/// Which keys are this thread's.
#[derive(Clone, Copy)]
struct Owner {
    thread: u64,
    threads: u64,
}

impl Owner {
    /// From the hash's upper half: the lower one places the key in the set of those seen.
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
        let format = find_format(&source.format)?;
        let owner = Owner {
            thread: thread.into(),
            threads: threads.into(),
        };
        let mut requests = format.open(&source.path)?;
        let (mut all, mut own) = (0u64, 0u64);
        while requests.advance()? {
            all += 1;
            own += u64::from(threads == 1 || owner.has(xxh3_128(requests.key())));
        }
        if all == 0 {
            return Err(source.is_empty());
        }
        Ok(Replay {
            requests: format.open(&source.path)?,
            owner,
            value: workload.value,
            pass_ops: own,
            done: 0,
            held: None,
            seen: HashSet::default(),
            window: Window::new(workload.batch),
        })
    }

    /// Requests of this thread.
    pub(super) fn pass_ops(&self) -> u64 {
        self.pass_ops
    }

    /// Different keys of this thread so far.
    pub(super) fn first_touches(&self) -> u64 {
        self.seen.len() as u64
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
            let key = self.requests.key();
            let with_this = segment.bytes() + size_of::<Op>() + key.len();
            if with_this > bytes && !segment.ops.is_empty() {
                self.held = Some(hash);
                break;
            }
            let first = self.seen.insert(hash);
            let expect = if first {
                Expect::Absent
            } else if self.window.may_wait(hash) {
                Expect::Either
            } else {
                Expect::Present
            };
            self.window.get(hash, first);
            // The record number of a key that has none: 64 bits of its hash.
            let record = (hash >> 64) as u64;
            let value_len = self.value.of(record);
            segment.push(Kind::GetFill, expect, key, value_len);
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
            let hash = xxh3_128(self.requests.key());
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
