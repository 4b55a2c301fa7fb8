//! `lru_crawler metadump`: every key with what is known of it, a part at a time.

use super::classes::class_of;
use super::header::{FETCHED, Header};
use super::reply::{OUT_MAX, decimal};
use super::shared::Shared;
use crate::table::{Cursor, ErasedSession, Keep};
use crate::wire::footprint;

/// Buckets that are walked at a time.
const STEP: usize = 64;

/// Entries that one turn looks at, about, whether they are listed or not: some hundred microseconds.
const MOST_ENTRIES: u32 = 2000;

/// Buckets that one turn walks, where they are empty.
const MOST_BUCKETS: usize = 1 << 14;

/// A list of keys under way.
#[derive(Debug)]
pub(super) struct Dump {
    cursor: Cursor,
    /// The classes that are asked for, a bit each.
    classes: u64,
}

impl Dump {
    /// A list that has not begun.
    pub(super) fn of(classes: u64) -> Dump {
        Dump { cursor: 0, classes }
    }

    /// Appends lines until `out` is full, the turn has done its share or the table has been walked; whether it
    /// has.
    pub(super) fn go_on(
        &mut self,
        session: &mut dyn ErasedSession,
        shared: &Shared<'_>,
        now: u32,
        out: &mut Vec<u8>,
    ) -> bool {
        let (mut entries, mut buckets) = (0, 0);
        while out.len() < OUT_MAX && entries < MOST_ENTRIES && buckets < MOST_BUCKETS {
            let classes = self.classes;
            buckets += STEP;
            self.cursor = session.walk(self.cursor, STEP, &mut |key, item, _| {
                entries += 1;
                if let Some((header, value)) = Header::split(item)
                    && shared.gone(&header, now).is_none()
                {
                    line(out, shared, key, &header, value.len(), classes);
                }
                Keep::Keep
            });
            if self.cursor == 0 {
                out.extend_from_slice(b"END\r\n");
                return true;
            }
        }
        false
    }
}

fn line(
    out: &mut Vec<u8>,
    shared: &Shared<'_>,
    key: &[u8],
    header: &Header,
    length: usize,
    wanted: u64,
) {
    let size = footprint(key.len(), header.flags, length);
    let class = class_of(size);
    if wanted >> class & 1 == 0 {
        return;
    }
    out.extend_from_slice(b"key=");
    for &byte in key {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(byte);
        } else {
            out.extend_from_slice(format!("%{byte:02X}").as_bytes());
        }
    }
    out.extend_from_slice(b" exp=");
    if header.exptime == 0 {
        out.extend_from_slice(b"-1");
    } else {
        decimal(out, shared.clock.unix(header.exptime));
    }
    out.extend_from_slice(b" la=");
    decimal(out, shared.clock.unix(header.time));
    out.extend_from_slice(b" cas=");
    decimal(out, header.cas);
    out.extend_from_slice(b" fetch=");
    out.extend_from_slice(if header.has(FETCHED) { b"yes" } else { b"no" });
    out.extend_from_slice(b" cls=");
    decimal(out, u64::from(class));
    out.extend_from_slice(b" size=");
    decimal(out, size as u64);
    out.push(b'\n');
}
