//! What the server keeps in front of each value in the table.
//!
//! ```text
//!   0       1        5        13           17         21
//!   ┌───────┬────────┬────────┬───────────┬──────────┬───────
//!   │ state │ time   │ cas    │ exptime   │ flags    │ value …
//!   └───────┴────────┴────────┴───────────┴──────────┴───────
//!     bits    4 bytes  8 bytes  0 or 4      0 or 4
//! ```
//!
//! `exptime` and `flags` are there if a bit of the state says so: most items have neither. Times are
//! seconds of the server's [`Clock`](super::clock::Clock), numbers little-endian.

/// The shortest header, in bytes.
pub(super) const HEADER_MIN: usize = 13;

/// The longest header, in bytes.
pub(super) const HEADER_MAX: usize = 21;

const WITH_EXPTIME: u8 = 1;
const WITH_FLAGS: u8 = 2;
/// Somebody has read it.
pub(super) const FETCHED: u8 = 4;
/// It was read twice.
pub(super) const ACTIVE: u8 = 8;
/// It was declared stale (md with I).
pub(super) const STALE: u8 = 16;
/// A reader was told to renew it.
pub(super) const WON: u8 = 32;
/// Its key came as base64.
pub(super) const BINARY: u8 = 64;

/// A header, unpacked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Header {
    /// Bits of what happened to the item.
    pub(super) state: u8,
    /// When it was stored or last marked as read.
    pub(super) time: u32,
    /// Which of all stores this was.
    pub(super) cas: u64,
    /// When it expires; 0 for never.
    pub(super) exptime: u32,
    /// The client's flags.
    pub(super) flags: u32,
}

impl Header {
    pub(super) fn has(&self, bit: u8) -> bool {
        self.state & bit != 0
    }

    /// Splits what a table holds into header and value; `None` if it is no item of this server.
    #[inline]
    pub(super) fn split(item: &[u8]) -> Option<(Header, &[u8])> {
        let (&state, rest) = item.split_first()?;
        let (time, rest) = rest.split_first_chunk()?;
        let (cas, mut rest) = rest.split_first_chunk()?;
        let mut header = Header {
            state: state & !(WITH_EXPTIME | WITH_FLAGS),
            time: u32::from_le_bytes(*time),
            cas: u64::from_le_bytes(*cas),
            exptime: 0,
            flags: 0,
        };
        if state & WITH_EXPTIME != 0 {
            let (exptime, behind) = rest.split_first_chunk()?;
            (header.exptime, rest) = (u32::from_le_bytes(*exptime), behind);
        }
        if state & WITH_FLAGS != 0 {
            let (flags, behind) = rest.split_first_chunk()?;
            (header.flags, rest) = (u32::from_le_bytes(*flags), behind);
        }
        Some((header, rest))
    }

    /// The packed form, in the first bytes of the array, and its length.
    #[inline]
    pub(super) fn pack(&self) -> ([u8; HEADER_MAX], usize) {
        let mut bytes = [0; HEADER_MAX];
        bytes[0] = self.state;
        bytes[1..5].copy_from_slice(&self.time.to_le_bytes());
        bytes[5..13].copy_from_slice(&self.cas.to_le_bytes());
        let mut length = HEADER_MIN;
        for (bit, number) in [(WITH_EXPTIME, self.exptime), (WITH_FLAGS, self.flags)] {
            if number != 0 {
                bytes[0] |= bit;
                bytes[length..length + 4].copy_from_slice(&number.to_le_bytes());
                length += 4;
            }
        }
        (bytes, length)
    }

    /// Appends the packed form.
    pub(super) fn push(&self, out: &mut Vec<u8>) {
        let (bytes, length) = self.pack();
        out.extend_from_slice(&bytes[..length]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_come_back_and_are_short() {
        for (exptime, flags, length) in [(0, 0, 13), (7, 0, 17), (0, 9, 17), (7, u32::MAX, 21)] {
            let header = Header {
                state: STALE | BINARY,
                time: 62,
                cas: 1 << 40,
                exptime,
                flags,
            };
            let mut item = Vec::new();
            header.push(&mut item);
            assert_eq!(item.len(), length);
            item.extend_from_slice(b"value");
            assert_eq!(Header::split(&item), Some((header, b"value".as_slice())));
            assert_eq!(Header::split(&item[..length - 1]), None);
        }
    }
}
