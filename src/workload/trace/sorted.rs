//! Requests in the order of their times, for formats whose lines are in another: held in memory, as the
//! table is that they fill.

use super::op::{Request, TraceOp};

/// The requests of a file, their keys one behind the other.
#[derive(Default)]
pub(super) struct Sorted {
    keys: Vec<u8>,
    rows: Vec<Row>,
    next: usize,
}

struct Row {
    time: (u64, u32),
    key_at: usize,
    key_bytes: u16,
    op: TraceOp,
    value_bytes: Option<u32>,
    ttl_s: u32,
}

impl Sorted {
    pub(super) fn add(&mut self, request: &Request<'_>) {
        self.rows.push(Row {
            time: (request.time_s, request.time_ns),
            key_at: self.keys.len(),
            key_bytes: u16::try_from(request.key.len()).unwrap_or(u16::MAX),
            op: request.op,
            value_bytes: request.value_bytes,
            ttl_s: request.ttl_s,
        });
        self.keys.extend_from_slice(request.key);
    }

    /// Requests of one moment keep their order.
    pub(super) fn sort(&mut self) {
        self.rows.sort_by_key(|row| row.time);
    }

    pub(super) fn next(&mut self) -> Option<Request<'_>> {
        let row = self.rows.get(self.next)?;
        self.next += 1;
        Some(Request {
            op: row.op,
            key: &self.keys[row.key_at..row.key_at + usize::from(row.key_bytes)],
            value_bytes: row.value_bytes,
            ttl_s: row.ttl_s,
            time_s: row.time.0,
            time_ns: row.time.1,
        })
    }
}
