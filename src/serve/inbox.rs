//! Bytes that have arrived and are not served yet.

use std::io::{self, Read};
use std::ops::Range;

use super::header::HEADER_MAX;

/// Room in front of the first byte, so that a header fits before any value.
const FRONT: usize = HEADER_MAX + 11;

/// Bytes of a buffer that a thread shares among its connections.
const SHARED: usize = 64 << 10;

/// A connection that waits with less than this keeps a copy of just that.
const SMALL: usize = 16 << 10;

/// A buffer of bytes that have arrived and are not served yet. Empty, it holds no memory: a thread
/// lends its connections one buffer in turns.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl Inbox {
    /// How many bytes wait.
    pub(super) fn len(&self) -> usize {
        self.end - self.start
    }

    /// Where the bytes are in [`Inbox::buffer`].
    pub(super) fn range(&self) -> Range<usize> {
        self.start..self.end
    }

    /// The whole buffer; in front of the waiting bytes, what was there before.
    pub(super) fn buffer(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    /// Takes the first `count` bytes out.
    pub(super) fn consume(&mut self, count: usize) {
        self.start += count;
    }

    /// Borrows the thread's buffer if this has none.
    pub(super) fn borrow(&mut self, spare: &mut Vec<u8>) {
        if self.bytes.is_empty() {
            self.bytes = std::mem::take(spare);
            if self.bytes.is_empty() {
                self.bytes = vec![0; FRONT + SHARED];
            }
            (self.start, self.end) = (FRONT, FRONT);
        }
    }

    /// Gives the buffer back if nothing waits, or little that can be copied.
    pub(super) fn give_back(&mut self, spare: &mut Vec<u8>) {
        if self.bytes.is_empty() || self.len() >= SMALL {
            return;
        }
        let mut rest = Vec::new();
        if self.len() > 0 {
            if self.bytes.len() < FRONT + SHARED {
                return;
            }
            rest.reserve_exact(FRONT + self.len());
            rest.resize(FRONT, 0);
            rest.extend_from_slice(&self.bytes[self.range()]);
        }
        let end = rest.len().max(FRONT);
        let mut old = std::mem::replace(&mut self.bytes, rest);
        (self.start, self.end) = (FRONT, end);
        if spare.is_empty() && old.len() >= FRONT + SHARED {
            old.truncate(FRONT + SHARED);
            old.shrink_to_fit();
            *spare = old;
        }
    }

    /// Reads once. `wanted` is how many bytes from the first waiting one on the next request needs:
    /// there will be room for at least one more. Memory follows what has really arrived: it doubles
    /// when it is full, and never for what was only announced.
    ///
    /// Returns how many bytes came and whether the buffer was filled, so that there may be more.
    pub(super) fn read(
        &mut self,
        wanted: usize,
        from: &mut impl Read,
    ) -> io::Result<(usize, bool)> {
        if self.start > FRONT && (self.len() < SMALL || self.end == self.bytes.len()) {
            let range = self.range();
            self.bytes.copy_within(range, FRONT);
            self.end -= self.start - FRONT;
            self.start = FRONT;
        }
        if self.end == self.bytes.len() || self.bytes.len() < FRONT + 2 * self.len() {
            let doubled = (2 * self.len()).clamp(SHARED, (wanted + SHARED).max(SHARED));
            let size = FRONT + doubled.max(self.len() + 1);
            if size > self.bytes.len() {
                self.bytes.resize(size, 0);
            }
        }
        let room = &mut self.bytes[self.end..];
        let size = room.len();
        let count = from.read(room)?;
        self.end += count;
        Ok((count, count == size))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_follows_what_has_arrived() {
        let mut inbox = Inbox::default();
        let mut spare = Vec::new();
        inbox.borrow(&mut spare);
        // A gigabyte is announced; little comes.
        let mut source: &[u8] = &[7; 1000];
        assert_eq!(inbox.read(1 << 30, &mut source).unwrap(), (1000, false));
        assert!(inbox.bytes.len() <= 2 * (FRONT + SHARED));
        inbox.give_back(&mut spare);
        assert_eq!(inbox.bytes.len(), FRONT + 1000);
        assert_eq!(inbox.len(), 1000);
        assert!(!spare.is_empty());
        inbox.borrow(&mut spare);
        let much = vec![8; 100_000];
        let mut source: &[u8] = &much;
        while !source.is_empty() {
            inbox.read(1 << 30, &mut source).unwrap();
        }
        let range = inbox.range();
        assert_eq!(range.len(), 101_000);
        assert_eq!(inbox.buffer()[range.start + 999], 7);
        assert_eq!(inbox.buffer()[range.start + 1000], 8);
        inbox.consume(101_000);
        inbox.give_back(&mut spare);
        assert!(inbox.bytes.is_empty());
    }
}
