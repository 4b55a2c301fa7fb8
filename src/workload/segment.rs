//! Operations as the timed loop reads them: records of 16 bytes, and their keys in one buffer.

/// How many bytes of operations and keys a segment holds at most: 64 MiB.
pub const SEGMENT_BYTES_MAX: usize = 64 << 20;

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Looks the key up.
    Get,
    /// Looks the key up and, when it is absent, sets the value that the original source would give.
    GetFill,
    /// Sets the value.
    Set,
    /// Adds a key that is not in the table.
    Insert,
    /// Reads the value and writes it back changed, as one atomic step.
    Rmw,
    /// Takes the key out.
    Remove,
    /// Sets the value if there is none.
    Add,
    /// Sets the value if there is one.
    Replace,
    /// Reads the value and sets another, if there is one: what a compare-and-swap does that
    /// succeeds.
    Cas,
    /// Puts bytes behind the value, if there is one.
    Append,
    /// Puts bytes before the value, if there is one.
    Prepend,
    /// Counts the number at the end of the value up, if there is one.
    Incr,
    /// The same, down.
    Decr,
}

/// What is known of the key when the operation comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Expect {
    /// It is in the table.
    Present,
    /// It is not in the table.
    Absent,
    /// It depends on other threads, or on how operations are batched.
    Either,
}

/// One operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Op {
    /// Where the key starts in [`Segment::keys`].
    pub key_at: u32,
    /// Bytes of the record's value: what a write writes or adds. Without appends, what a get that
    /// hits finds.
    pub value_len: u32,
    /// Bytes of the key.
    pub key_len: u16,
    /// What it does.
    pub kind: Kind,
    /// Whether the key is in the table before it.
    pub expect: Expect,
    /// How many operations before it, in the thread's stream, the thread last wrote the key: what it must find
    /// where no other thread writes. 0, or further than the stream has come: the prefill's value is there.
    /// [`NOT_KNOWN`] where that depends on more.
    pub since: u32,
}

/// Nothing is known of when a key was written.
pub const NOT_KNOWN: u32 = u32::MAX;

impl Op {
    /// An operation with a key of `key_len` bytes at `key_at`.
    #[inline]
    pub(super) fn new(
        key_at: usize,
        key_len: usize,
        value_len: u32,
        (kind, expect, since): (Kind, Expect, u32),
    ) -> Op {
        debug_assert!(key_at <= SEGMENT_BYTES_MAX && u16::try_from(key_len).is_ok());
        #[expect(
            clippy::cast_possible_truncation,
            reason = "segments have at most 64 MiB, keys are checked where they are read"
        )]
        Op {
            key_at: key_at as u32,
            value_len,
            key_len: key_len as u16,
            kind,
            expect,
            since,
        }
    }
}

/// Operations with their keys, laid out one after the other in the order of the operations.
#[derive(Debug, Default)]
pub struct Segment {
    /// The operations.
    pub ops: Vec<Op>,
    /// The bytes of all keys.
    pub keys: Vec<u8>,
    /// When each operation is to begin, in nanoseconds from the start of the pass; empty but for a trace
    /// at its own pace.
    pub due_ns: Vec<u64>,
}

/// What a refill has put into a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filled {
    /// The whole ring: loop over it, no refill is needed again.
    Ring,
    /// There is more: refill before the next slice. A ring larger than a segment starts over by
    /// itself and stays here for ever.
    Part,
    /// The pass is over and the segment is empty.
    End,
}

impl Segment {
    /// The key of an operation of this segment.
    #[inline]
    #[must_use]
    pub fn key(&self, op: &Op) -> &[u8] {
        &self.keys[op.key_at as usize..][..usize::from(op.key_len)]
    }

    /// The same, found by an address to which `moved` is added: 0, computed from the answer of the
    /// operation before, so that the key's bytes cannot be read any earlier.
    #[inline]
    #[must_use]
    pub fn key_moved(&self, op: &Op, moved: usize) -> &[u8] {
        &self.keys[(op.key_at as usize).wrapping_add(moved)..][..usize::from(op.key_len)]
    }

    /// Bytes of operations and keys.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(self.ops.as_slice()) + self.keys.len() + size_of_val(self.due_ns.as_slice())
    }

    /// Empties it; the buffers stay.
    pub(super) fn clear(&mut self) {
        self.ops.clear();
        self.keys.clear();
        self.due_ns.clear();
    }

    /// Appends an operation.
    #[inline]
    pub(super) fn push(&mut self, kind: Kind, expect: Expect, key: &[u8], value_len: u32) {
        let key_at = self.keys.len();
        self.keys.extend_from_slice(key);
        let op = Op::new(key_at, key.len(), value_len, (kind, expect, NOT_KNOWN));
        self.ops.push(op);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_has_sixteen_bytes() {
        assert_eq!(size_of::<Op>(), 16);
    }

    #[test]
    fn keys_come_back_as_they_went_in() {
        let mut segment = Segment::default();
        let long = vec![b'x'; usize::from(u16::MAX)];
        let keys: [&[u8]; 3] = [b"a", &long, b"bc"];
        for key in keys {
            segment.push(Kind::Get, Expect::Either, key, 5);
        }
        for (op, key) in segment.ops.iter().zip(keys) {
            assert_eq!(segment.key(op), key);
        }
        assert_eq!(segment.bytes(), 3 * 16 + 3 + 65_535);
    }
}
