//! Operations read from a trace.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use xxhash_rust::xxh3::xxh3_128;

use super::presence::Window;
use super::segment::{Expect, Filled, Kind, Op, Segment};
use super::size::Lengths;
use super::trace::{Request, TraceOp, TraceReader};
use super::{OnMiss, Pace, TraceSource, Workload};
use crate::base::{BadInput, counted};

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
    times: Option<Times>,
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
        let mut times = match workload.pace {
            Some(Pace::Trace { speed }) => Some(Times::new(speed)),
            _ => None,
        };
        while requests.advance()? {
            all += 1;
            if let Some(times) = &mut times {
                times.count(&requests.request());
            }
            own += u64::from(threads == 1 || owner.has(xxh3_128(requests.request().key)));
        }
        if all == 0 {
            return Err(requests.why_empty());
        }
        if let Some(times) = &mut times {
            times.settle();
        }
        let writes = source.holds()?.writes;
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
            times,
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
            segment
                .due_ns
                .extend(self.times.as_ref().map(Times::due_ns));
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
            if let Some(times) = &mut self.times {
                times.advance(&self.requests.request());
            }
            let hash = xxh3_128(self.requests.request().key);
            if self.owner.has(hash) {
                return Ok(hash);
            }
        }
        Err(BadInput(format!(
            "{}: the trace became shorter during the replay: {} instead of {}",
            self.requests.name(),
            counted(self.done, "request"),
            self.pass_ops
        )))
    }
}

/// When the requests of a trace came. Most traces tell whole seconds: the requests of one second are spread
/// over it at equal distances, in their order, over all threads. Finer times are taken as they are. A request
/// that says it came before the one in front of it came with it.
struct Times {
    /// Nanoseconds that a second of the trace takes.
    second_ns: f64,
    /// Each second that has requests, from the first one on, with how many.
    seconds: Vec<(u64, u64)>,
    first_s: u64,
    first_ns: u32,
    /// Whether any request tells more than whole seconds.
    fine: bool,
    /// With fine times, when the latest request came, in nanoseconds since the first.
    latest_ns: u64,
    /// Where the current request is: the second's index, and its place in it, from 1.
    at: usize,
    place: u64,
}

impl Times {
    fn new(speed: f64) -> Times {
        Times {
            second_ns: 1e9 / speed,
            seconds: Vec::new(),
            first_s: 0,
            first_ns: 0,
            fine: false,
            latest_ns: 0,
            at: 0,
            place: 0,
        }
    }

    fn count(&mut self, request: &Request<'_>) {
        if self.seconds.is_empty() {
            self.first_s = request.time_s;
            self.first_ns = request.time_ns;
        }
        self.fine |= request.time_ns > 0;
        let since_s = request.time_s.saturating_sub(self.first_s);
        match self.seconds.last_mut() {
            Some((last_s, count)) if since_s <= *last_s => *count += 1,
            _ => self.seconds.push((since_s, 1)),
        }
    }

    /// Every request was counted.
    fn settle(&mut self) {
        if self.fine {
            self.seconds = Vec::new();
        }
    }

    fn advance(&mut self, request: &Request<'_>) {
        if self.fine {
            let whole_ns = request.time_s.saturating_sub(self.first_s);
            let since_ns = whole_ns
                .saturating_mul(1_000_000_000)
                .saturating_add(request.time_ns.into())
                .saturating_sub(self.first_ns.into());
            self.latest_ns = self.latest_ns.max(since_ns);
            return;
        }
        self.place += 1;
        let of_this = self
            .seconds
            .get(self.at)
            .map_or(u64::MAX, |(_, count)| *count);
        if self.place > of_this {
            self.at += 1;
            self.place = 1;
        }
    }

    /// The intended start of the current request, from the start of the first second.
    fn due_ns(&self) -> u64 {
        if self.fine {
            return scaled(self.latest_ns as f64 / 1e9 * self.second_ns);
        }
        let (since_s, count) = self.seconds.get(self.at).copied().unwrap_or((0, 1));
        let within = (self.place.saturating_sub(1)) as f64 / count as f64;
        scaled((since_s as f64 + within) * self.second_ns)
    }
}

fn scaled(ns: f64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "not negative, and saturates"
    )]
    let ns = ns as u64;
    ns
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

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::super::{Stream, find_preset};
    use super::*;

    fn due(threads: u32, speed: f64) -> Vec<Vec<u64>> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        for (time, key) in [(7, "a"), (7, "b"), (6, "c"), (7, "d"), (9, "a"), (9, "e")] {
            writeln!(file, "{time},{key},1,5,0,get,0").unwrap();
        }
        let source = TraceSource::new(file.path(), "twitter");
        let mut workload = Workload::replay(source, 6, 1);
        assert!(
            (find_preset("ycsb-c").unwrap().build)()
                .at_pace(Pace::Trace { speed })
                .is_err()
        );
        workload = workload.at_pace(Pace::Trace { speed }).unwrap();
        let of_thread = |thread| {
            let mut stream = Stream::open(&workload, 1, thread, threads).unwrap();
            let mut segment = Segment::default();
            stream.refill(&mut segment).unwrap();
            assert_eq!(segment.due_ns.len(), segment.ops.len());
            segment.due_ns
        };
        (0..threads).map(of_thread).collect()
    }

    #[test]
    fn finer_times_are_taken_as_they_are() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        for (time, key) in [
            ("7.25", "a"),
            ("7.5", "b"),
            ("7.5", "c"),
            ("7.4", "d"),
            ("9", "e"),
        ] {
            writeln!(file, "{time} {key} 5").unwrap();
        }
        let source = TraceSource::new(file.path(), "cdn");
        let workload = Workload::replay(source, 5, 1);
        let workload = workload.at_pace(Pace::Trace { speed: 2.0 }).unwrap();
        let mut stream = Stream::open(&workload, 1, 0, 1).unwrap();
        let mut segment = Segment::default();
        stream.refill(&mut segment).unwrap();
        let ms = [0, 125, 125, 125, 875].map(|ms: u64| ms * 1_000_000);
        assert_eq!(segment.due_ns, ms);
    }

    #[test]
    fn requests_of_a_second_are_spread_over_it() {
        let ms = |all: &[u64]| all.iter().map(|ms| ms * 1_000_000).collect::<Vec<u64>>();
        assert_eq!(due(1, 1.0), [ms(&[0, 250, 500, 750, 2000, 2500])]);
        assert_eq!(due(1, 10.0), [ms(&[0, 25, 50, 75, 200, 250])]);
        let mut all = due(3, 10.0).concat();
        all.sort_unstable();
        assert_eq!(all, ms(&[0, 25, 50, 75, 200, 250]));
    }
}
