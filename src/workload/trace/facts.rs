//! Counts from one reading of a trace.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use xxhash_rust::xxh3::xxh3_128;

use super::left_out::LeftOut;
use super::op::{Request, TraceOp};
use super::reader::TraceReader;
use super::source::TraceSource;
use crate::base::{BadInput, counted};

/// What a trace holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TraceFacts {
    /// How many requests it has, at least one.
    pub requests: u64,
    /// How many different keys.
    pub distinct: u64,
    /// Bytes of the longest key.
    pub max_key_len: u32,
    /// Bytes of all different keys together.
    pub distinct_key_bytes: u64,
    /// Bytes of the largest value of each key, together; 0 where the format does not say.
    pub distinct_value_bytes: u64,
    /// Bytes of the longest value; `None` where the format does not say.
    pub max_value_len: Option<u32>,
    /// Requests by operation, in the order of [`TraceOp::ALL`].
    pub ops: [u64; TraceOp::ALL.len()],
    /// When the first request came and when the latest, in seconds on the trace's own clock.
    pub times_s: Option<(u64, u64)>,
    /// Whether any request tells when it came within its second.
    pub fine_times: bool,
    /// Requests whose value has a time to live.
    pub with_ttl: u64,
    /// What was left out, or is not replayed as it stands: not in `requests`, but for what runs
    /// backwards.
    pub left_out: LeftOut,
}

impl TraceFacts {
    /// Reads a trace once from end to end; holds some 40 bytes for each different key.
    ///
    /// # Errors
    /// An unknown format; a file that cannot be read, is cut short, damaged or empty, or that has
    /// a broken line (without `lenient`), with the line or byte offset.
    pub fn scan(source: &TraceSource) -> Result<TraceFacts, BadInput> {
        let mut reader = TraceReader::open(source)?;
        let mut facts = TraceFacts::default();
        let mut largest: HashMap<u128, u32, FixedState> = HashMap::default();
        while let Some(request) = reader.next_request()? {
            facts.count(&request);
            let bytes = request.value_bytes.unwrap_or(0);
            let known = largest.entry(xxh3_128(request.key)).or_insert_with(|| {
                facts.distinct += 1;
                facts.distinct_key_bytes += request.key.len() as u64;
                0
            });
            *known = bytes.max(*known);
        }
        facts.distinct_value_bytes = largest.values().copied().map(u64::from).sum();
        facts.end(&reader)?;
        Ok(facts)
    }

    /// Counts a request, all but whether its key is new.
    pub(super) fn count(&mut self, request: &Request<'_>) {
        self.requests += 1;
        self.ops[request.op as usize] += 1;
        let (first, latest) = self.times_s.unwrap_or((request.time_s, 0));
        self.times_s = Some((first, latest.max(request.time_s)));
        self.fine_times |= request.time_ns > 0;
        self.with_ttl += u64::from(request.ttl_s > 0);
        #[expect(clippy::cast_possible_truncation, reason = "at most 65,535")]
        let key_len = request.key.len() as u32;
        self.max_key_len = self.max_key_len.max(key_len);
        self.max_value_len = self.max_value_len.max(request.value_bytes);
    }

    /// Takes over what the reader has left out.
    pub(super) fn end(&mut self, reader: &TraceReader) -> Result<(), BadInput> {
        self.left_out = reader.left_out().clone();
        // A trace that says nothing of times has 0 everywhere.
        let fine = self.fine_times;
        self.times_s = self.times_s.filter(|(_, latest)| *latest > 0 || fine);
        if self.requests == 0 {
            return Err(reader.why_empty());
        }
        reader.check_understood(self.requests)
    }

    /// Seconds between the first request and the end of the second in which the latest came; 0 where
    /// the trace says nothing of when.
    #[must_use]
    pub fn span_s(&self) -> u64 {
        match self.times_s {
            Some((first, latest)) if latest > first || self.fine_times => latest - first + 1,
            _ => 0,
        }
    }

    /// How many requests ask for an operation.
    #[must_use]
    pub fn of(&self, op: TraceOp) -> u64 {
        self.ops[op as usize]
    }

    /// The same as sentences without an end: `1 request with a time to live, …`.
    #[must_use]
    pub fn notes_in_words(&self) -> Vec<String> {
        let notes = self.notes().into_iter();
        notes
            .map(|(count, what)| format!("{} {what}", counted(count, "request")))
            .collect()
    }

    /// What of the trace is not as it was where it was recorded, each with how many requests it
    /// concerns: what a table in process cannot honour, and what was left out.
    #[must_use]
    pub fn notes(&self) -> Vec<(u64, String)> {
        let tokens = self.of(TraceOp::Gets) + self.of(TraceOp::Cas);
        let leases = self.of(TraceOp::GetLease) + self.of(TraceOp::SetLease);
        let others = self.left_out.other_requests();
        let first = |place: &Option<String>| place.clone().unwrap_or_default();
        [
            (
                self.with_ttl,
                "with a time to live, which a table in process does not know: it keeps entries for ever".to_owned(),
            ),
            (
                tokens,
                "with cas tokens, which tables do not have: gets is a get, cas stores if there is a \
                 value"
                    .to_owned(),
            ),
            (
                leases,
                "with leases, which tables do not grant: they are plain gets and sets".to_owned(),
            ),
            (
                others,
                format!(
                    "for operations that a table does not have, left out: {}; first: {}",
                    self.left_out.others_in_words(),
                    first(&self.left_out.first_other)
                ),
            ),
            (
                self.left_out.skipped,
                format!(
                    "in broken lines, left out; first: {}",
                    first(&self.left_out.first_skipped)
                ),
            ),
            (
                self.left_out.backwards,
                format!(
                    "with an earlier time than a request before them, moved to the latest time so \
                     far; first: {}",
                    first(&self.left_out.first_backwards)
                ),
            ),
            (
                self.left_out.clamped,
                format!(
                    "with a value over the item limit, which was cut to the limit; first: {}",
                    first(&self.left_out.first_oversized)
                ),
            ),
            (
                self.left_out.oversized,
                format!(
                    "with a value over the item limit, left out; first: {}",
                    first(&self.left_out.first_oversized)
                ),
            ),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .collect()
    }
}
