//! `null`: no table at all, the harness's own floor.
//!
//! A control: it stores nothing, every get hits, and the value is what a workload's values start
//! with, the last eight bytes of the key, and eight bytes of ones (a shorter key is its own value):
//!
//! ```text
//!   get("user4711")  ──▶  "user4711" and 8 bytes        no hash used, no memory touched
//! ```
//!
//! So the checks that the harness makes on every value hold, and what remains in the measurement is
//! the harness: taking the next operation from the stream, hashing the key, checking the bytes. It
//! is drawn as the floor under every other strategy; it is not ranked and not verified.
//!
//! **Locking:** none. **Memory:** none beyond one buffer a session. **Source:** the empty-loop
//! control of measuring practice.

use std::hint::black_box;

use super::guarantees::{Batch, Floods, Freed, Guarantees, Holds, Promise, Waits};
use super::{Edit, Env, Outcome, Session, Stored, Strategy};
use crate::base::{Census, Key, Param, Params, SpecError, Usage, Worker};

/// The control that stores nothing.
#[derive(Debug)]
pub struct Null;

/// A session of [`Null`].
#[derive(Debug)]
pub struct NullSession {
    scratch: Vec<u8>,
    /// What every get finds.
    value: [u8; 16],
}

impl Strategy for Null {
    const NAME: &'static str = "null";
    const ABOUT: &'static str =
        "control: stores nothing and answers from the key; the harness's own floor";
    const SOURCE: &'static str = "the empty-loop control of measuring practice";
    const PARAMS: &'static [Param] = &[Param::CAPACITY];
    const GUARANTEES: Guarantees = Guarantees {
        linearizable: Promise::word(false),
        batch: Promise::word(Batch::Keys),
        read: Promise::word(Holds::Nothing),
        growth: Promise::word(Waits::Never),
        memory: Promise::word(Freed::AtOnce),
        floods: Promise::shown(Floods::Slow),
    };
    type Session<'t> = NullSession;

    fn open(_params: &Params, _env: &Env) -> Result<Null, SpecError> {
        Ok(Null)
    }

    fn session(&self, _who: Worker) -> NullSession {
        NullSession {
            scratch: Vec::new(),
            value: [u8::MAX; 16],
        }
    }

    fn usage(&self) -> Usage {
        Usage::default()
    }

    fn census(&mut self) -> Census {
        Census::default()
    }
}

/// The value of every key. Passed through `black_box`, so that the compiler cannot see that comparing it with
/// the key always succeeds, and removes neither the check nor the stream.
#[inline]
fn value_of<'v>(value: &'v mut [u8; 16], key: Key<'v>) -> &'v [u8] {
    let value = match key.bytes.last_chunk::<8>() {
        Some(tail) => {
            write_whole(value, *tail);
            value.as_slice()
        }
        None => key.bytes,
    };
    black_box(value)
}

/// Writes the end of a key and eight bytes of ones, in one store. A load of all sixteen bytes, as a copy makes it, cannot
/// be served from a narrower store, and waits until that has reached the cache; no table's value makes it wait so.
#[cfg(target_arch = "x86_64")]
#[inline]
fn write_whole(value: &mut [u8; 16], tail: [u8; 8]) {
    use std::arch::x86_64::{_mm_set_epi64x, _mm_storeu_si128};
    // SAFETY: SSE2 is part of x86-64; the sixteen bytes are borrowed for writing, and the store takes any alignment.
    unsafe {
        let both = _mm_set_epi64x(-1, i64::from_le_bytes(tail));
        _mm_storeu_si128(value.as_mut_ptr().cast(), both);
    }
}

/// With the wait, so that the floor of read-modify-writes is higher elsewhere.
#[cfg(not(target_arch = "x86_64"))]
#[inline]
fn write_whole(value: &mut [u8; 16], tail: [u8; 8]) {
    let (place, _) = value.split_at_mut(8);
    place.copy_from_slice(&tail);
}

impl Session for NullSession {
    #[inline]
    fn get<R>(&mut self, key: Key<'_>, read: impl FnOnce(&[u8]) -> R) -> Option<R> {
        // The hash must be computed even though nothing looks at it.
        black_box(key.hash);
        Some(read(value_of(&mut self.value, key)))
    }

    #[inline]
    fn set(&mut self, key: Key<'_>, value: &[u8]) -> Stored {
        black_box((key.hash, value));
        Stored::Replaced
    }

    #[inline]
    fn remove(&mut self, key: Key<'_>) -> bool {
        black_box(key.hash);
        true
    }

    #[inline]
    fn update<R>(
        &mut self,
        key: Key<'_>,
        mut edit: impl FnMut(Option<&[u8]>, &mut Vec<u8>) -> (Edit, R),
    ) -> (Outcome, R) {
        black_box(key.hash);
        let new = &mut self.scratch;
        new.clear();
        let (edit, result) = edit(Some(value_of(&mut self.value, key)), new);
        black_box(&*new);
        let outcome = match edit {
            Edit::Keep => Outcome::Kept,
            Edit::Store | Edit::Patch { .. } => Outcome::Replaced,
            Edit::Remove => Outcome::Removed,
        };
        (outcome, result)
    }

    #[inline]
    fn insert_new(&mut self, key: Key<'_>, value: &[u8]) {
        black_box((key.hash, value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_get_hits_with_the_end_of_the_key() {
        let mut session = Null.session(Worker::ALONE);
        for (bytes, value) in [
            (
                &b"user1234567"[..],
                &b"r1234567\xff\xff\xff\xff\xff\xff\xff\xff"[..],
            ),
            (b"abc", b"abc"),
            (b"", b""),
        ] {
            let key = Key { bytes, hash: 0 };
            assert_eq!(session.get(key, <[u8]>::to_vec).as_deref(), Some(value));
            assert_eq!(session.set(key, b"anything"), Stored::Replaced);
            session.insert_new(key, b"anything");
            assert!(session.remove(key));
            let (outcome, saw) = session.update(key, |value, buffer| {
                assert!(buffer.is_empty());
                buffer.push(1);
                (Edit::Store, value.map(<[u8]>::to_vec))
            });
            assert_eq!((outcome, saw.as_deref()), (Outcome::Replaced, Some(value)));
        }
        assert_eq!(Null.usage(), Usage::default());
        assert_eq!(Null.census(), Census::default());
    }
}
