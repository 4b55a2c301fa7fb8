//! How many operations ago a thread has written the key that an operation touches.
//!
//! A value carries the place in its thread's stream of the operation that wrote it. So a thread that reads a key
//! which it alone writes knows the one value that it must find, and the operation's record holds where to look:
//! how far back the last write lies. Distances stay what they are when a ring goes round; one that reaches
//! behind the stream's start means the prefill.
//!
//! A ring in one segment is known whole: an operation before the first write of its key looks back to the last
//! write of the round before. Of a ring in parts the timed loop may pass over the rest of a segment, so a
//! distance is known within a segment alone. A pass is run once, in order.

use super::Workload;
use super::segment::{Kind, NOT_KNOWN, Op};

/// The writes of one thread so far.
pub(super) struct Versions {
    rule: Rule,
    prefilled: u64,
    /// For each record, the place of its last write; 0 where there is none. Places count from 1, in the ring, the
    /// segment or the pass.
    written: Vec<u32>,
    /// The records of a whole ring's operations.
    ring: Vec<u32>,
    place: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// What others do or what a read finds decides what is written.
    Unknown,
    /// Nothing is overwritten.
    Prefilled,
    Counted,
}

/// What a segment is of a thread's stream.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece {
    WholeRing,
    PartOfRing,
    PartOfPass,
}

impl Versions {
    pub(super) fn new(workload: &Workload) -> Versions {
        let mix = &workload.mix;
        let rule = if !workload.prefill || workload.budget.is_some() || workload.trace.is_some() {
            Rule::Unknown
        } else if mix.set + mix.rmw == 0 {
            Rule::Prefilled
        } else {
            Rule::Counted
        };
        let records = usize::try_from(workload.entries).expect("entries fit into 32 bits");
        Versions {
            rule,
            prefilled: workload.entries,
            written: vec![0; if rule == Rule::Counted { records } else { 0 }],
            ring: Vec::new(),
            place: 0,
        }
    }

    /// Before a segment is filled.
    pub(super) fn begin(&mut self, piece: Piece) {
        self.ring.clear();
        if piece != Piece::PartOfPass && self.place > 0 {
            self.written.fill(0);
            self.place = 0;
        }
    }

    /// How far back the last write of a record lies, before an operation on it; to be asked once for each, in
    /// their order.
    #[inline]
    pub(super) fn since(&mut self, kind: Kind, record: u64, piece: Piece) -> u32 {
        match self.rule {
            Rule::Prefilled if record < self.prefilled => return 0,
            // Else it is an insert of the pass.
            Rule::Prefilled | Rule::Unknown => return NOT_KNOWN,
            Rule::Counted => {}
        }
        self.place += 1;
        if piece == Piece::WholeRing {
            // Records are below 2^32.
            #[expect(clippy::cast_possible_truncation, reason = "checked with the workload")]
            self.ring.push(record as u32);
        }
        let Some(written) = usize::try_from(record)
            .ok()
            .and_then(|record| self.written.get_mut(record))
        else {
            return NOT_KNOWN;
        };
        let since = match (*written, piece) {
            (0, Piece::PartOfRing) => NOT_KNOWN,
            (0, _) => 0,
            (written, _) => distance(self.place - u64::from(written)),
        };
        if matches!(kind, Kind::Set | Kind::Rmw) {
            *written = u32::try_from(self.place).unwrap_or(NOT_KNOWN);
        }
        // A place that no longer fits is no place.
        if self.place >= u64::from(NOT_KNOWN) {
            return NOT_KNOWN;
        }
        since
    }

    /// When a whole ring is in its segment: what comes before the first write of its key looks back into the
    /// round before.
    pub(super) fn close(&self, ops: &mut [Op]) {
        let round = ops.len() as u64;
        for ((op, record), place) in ops.iter_mut().zip(&self.ring).zip(1..) {
            let written = self.written.get(*record as usize).copied().unwrap_or(0);
            if op.since == 0 && written > 0 {
                op.since = distance(place + round - u64::from(written));
            }
        }
    }
}

fn distance(far: u64) -> u32 {
    u32::try_from(far).unwrap_or(NOT_KNOWN)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::super::stream::Stream;
    use super::super::{Filled, Segment, find_preset};
    use super::*;

    /// Goes through a stream as the timed loop does and holds distances against a map of last writes. Returns how
    /// many reads were known to find a write, and how many the prefill's value.
    fn walk(name: &str, segment_bytes: usize, rounds: usize) -> (usize, usize) {
        let mut workload = (find_preset(name).unwrap().build)();
        workload.resize(500);
        let mut stream = Stream::with_segments_of(segment_bytes, &workload, 7, 0, 1).unwrap();
        let mut last: HashMap<Vec<u8>, u64> = HashMap::new();
        let (mut segment, mut seq) = (Segment::default(), 0_u64);
        let (mut writes, mut prefilled) = (0, 0);
        for _ in 0..rounds {
            let filled = stream.refill(&mut segment).unwrap();
            if filled == Filled::End {
                break;
            }
            // A whole ring goes round by itself.
            for _ in 0..if filled == Filled::Ring { 3 } else { 1 } {
                for op in &segment.ops {
                    seq += 1;
                    let key = segment.key(op).to_vec();
                    let written = last.get(&key).copied().unwrap_or(0);
                    if op.since != NOT_KNOWN {
                        let found = match u64::from(op.since) {
                            0 => 0,
                            since => seq.saturating_sub(since),
                        };
                        assert_eq!(found, written, "{name}, operation {seq}");
                        writes += usize::from(written > 0);
                        prefilled += usize::from(written == 0);
                    }
                    if matches!(op.kind, Kind::Set | Kind::Rmw | Kind::Insert) {
                        last.insert(key, seq);
                    }
                }
            }
        }
        (writes, prefilled)
    }

    #[test]
    fn distances_lead_to_the_last_write() {
        for name in ["ycsb-a", "ycsb-f"] {
            let (writes, prefilled) = walk(name, usize::MAX >> 1, 1);
            assert!(writes > 100_000 && prefilled > 0, "{name}");
            // In parts, what was written in an earlier one is not known.
            let (writes, prefilled) = walk(name, 20_000, 20);
            assert!(writes > 1_000 && prefilled == 0, "{name}");
        }
        // Reads of what the pass has inserted are not known.
        let (writes, prefilled) = walk("ycsb-d", usize::MAX >> 1, 1);
        assert!(writes == 0 && (1..475).contains(&prefilled));
        let (writes, prefilled) = walk("ycsb-c", usize::MAX >> 1, 1);
        assert!(writes == 0 && prefilled > 100_000);
        assert_eq!(walk("fill", usize::MAX >> 1, 3), (0, 0));
    }
}
