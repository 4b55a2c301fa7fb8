//! Format `oracle-general`: libCacheSim's packed records of 24 bytes: seconds (u32), object id (u64),
//! bytes (u32), number of the next request for the object (i64), all little-endian.

use super::layout::{Cut, Format, Holds, Line, Reading, Row, Time, Why};
use super::op::TraceOp;

const RECORD_BYTES: usize = 24;

pub(super) const FORMAT: Format = Format {
    name: "oracle-general",
    about: "records of 24 bytes: time, object id, size, next access; every record a get that \
            fills on a miss, its key the decimal of the id; plain, .gz or .zst",
    source: "libCacheSim",
    operations: "",
    cut: Cut::Records(RECORD_BYTES),
    by_time: false,
    open: |options| Reading::plain("oracle-general", options, HOLDS, Box::new(record)),
    // It has no lines: see `looks_like_records`.
    looks_like: |_| false,
};

const HOLDS: Holds = Holds {
    writes: false,
    fills: true,
    sizes: true,
    times: true,
};

#[inline]
fn record(record: &[u8]) -> Result<Line, Why> {
    let (time_s, id, bytes) = fields(record);
    Ok(Line::Request(Row {
        value_bytes: Some(bytes.into()),
        time: Time::of_s(time_s.into()),
        ..Row::with_id(TraceOp::Get, id)
    }))
}

/// Time, object id, size.
fn fields(record: &[u8]) -> (u32, u64, u32) {
    let four = |at: usize| u32::from_le_bytes([0, 1, 2, 3].map(|n| record[at + n]));
    let id = u64::from(four(4)) | u64::from(four(8)) << 32;
    (four(0), id, four(12))
}

/// Whether the first bytes of a file could be records: at least one is whole, and their times do not
/// run backwards.
pub(super) fn looks_like_records(head: &[u8]) -> bool {
    let mut records = head
        .chunks_exact(RECORD_BYTES)
        .map(|record| fields(record).0);
    let Some(mut latest_s) = records.next() else {
        return false;
    };
    records.all(|time_s| {
        let goes_on = time_s >= latest_s;
        latest_s = time_s;
        goes_on
    })
}
