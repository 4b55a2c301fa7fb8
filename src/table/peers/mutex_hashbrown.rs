//! `mutex-hashbrown`: one mutex around a `hashbrown` table.
//!
//! What one writes first when a map must be shared, and often enough: the table that is also the standard
//! library's `HashMap`, behind one lock.
//!
//! ```text
//!   ┌ lock ────────────────────────────────────────────────┐
//!   │ control bytes   │ 7f │ e │ 13 │ e │ 7f │ …  a tag of the hash's top 7 bits, or empty
//!   │ slots           │ kv │   │ kv │   │ kv │ …  two fat pointers each ──▶ key, value
//!   └──────────────────────────────────────────────────────┘
//! ```
//!
//! The caller's hash is passed on (`HashTable`, the part of `hashbrown`'s API that takes it), so a key
//! is hashed again only when the array grows, which it does all at once.
//!
//! **Locking:** the mutex is held for one operation, while `read` looks at a value and while `edit`
//! runs; `get_many` holds it for the batch, as anyone with a `Mutex` would.
//!
//! **Memory:** the table owns its entries, and each entry a key and a value that are allocated singly.
//! No thread reads without the lock, so what is removed, or replaced by a value of another length, is freed at
//! once, under it. The array is one allocation; it never shrinks, and while it grows the old one stands
//! beside the new. `usage` counts the bytes of live keys and values, the two fat pointers of each, and the
//! array with its empty slots; not what the allocator rounds up.
//!
//! **Source:** the `hashbrown` crate, after Kulukundis, "Designing a Fast, Efficient, Cache-friendly
//! Hash Table, Step by Step" (`CppCon` 2017); `parking_lot`'s mutex. Expect it to be good alone and at
//! nothing else: a second thread waits for the first.

use parking_lot::Mutex;

use super::slots::Slots;
use super::value;
use crate::base::{Census, Key, Param, Params, SpecError, Usage, Worker};
use crate::table::guarantees::{Batch, Floods, Freed, Guarantees, Holds, Promise, Waits};
use crate::table::{Edit, Env, Outcome, Session, Stored, Strategy};

/// `Mutex<hashbrown>`.
#[derive(Debug)]
pub struct MutexHashbrown {
    slots: Mutex<Slots>,
    env: Env,
}

/// A session of [`MutexHashbrown`].
#[derive(Debug)]
pub struct MutexHashbrownSession<'t> {
    table: &'t MutexHashbrown,
    buffer: Vec<u8>,
}

impl Strategy for MutexHashbrown {
    const NAME: &'static str = "mutex-hashbrown";
    const PEER: bool = true;
    const ABOUT: &'static str = "peer: a hashbrown SwissTable behind one mutex.";
    const SOURCE: &'static str = "the hashbrown crate, version 0.17; parking_lot's mutex";
    const PARAMS: &'static [Param] = &[Param::CAPACITY];
    const SAMPLES: &'static [&'static str] = &["mutex-hashbrown", "mutex-hashbrown:capacity=100"];
    const GUARANTEES: Guarantees = Guarantees {
        linearizable: Promise::shown(true),
        batch: Promise::shown(Batch::Whole),
        read: Promise::shown(Holds::Exclusive("table")),
        growth: Promise::shown(Waits::All),
        memory: Promise::shown(Freed::AtOnce),
        floods: Promise::shown(Floods::Slow),
    };
    type Session<'t> = MutexHashbrownSession<'t>;

    fn open(params: &Params, env: &Env) -> Result<MutexHashbrown, SpecError> {
        let slots = Mutex::new(Slots::with_capacity(value::capacity(params)?));
        Ok(MutexHashbrown {
            slots,
            env: env.clone(),
        })
    }

    fn session(&self, _who: Worker) -> MutexHashbrownSession<'_> {
        MutexHashbrownSession {
            table: self,
            buffer: Vec::new(),
        }
    }

    fn usage(&self) -> Usage {
        self.slots.lock().usage()
    }

    fn census(&mut self) -> Census {
        let mut census = Census::default();
        self.slots.get_mut().count(&mut census);
        census
    }
}

impl Session for MutexHashbrownSession<'_> {
    #[inline]
    fn get<R>(&mut self, key: Key<'_>, read: impl FnOnce(&[u8]) -> R) -> Option<R> {
        self.table.slots.lock().get(key).map(read)
    }

    fn set(&mut self, key: Key<'_>, value: &[u8]) -> Stored {
        self.table.slots.lock().set(key, value, &self.table.env)
    }

    fn remove(&mut self, key: Key<'_>) -> bool {
        self.table.slots.lock().remove(key)
    }

    fn update<R>(
        &mut self,
        key: Key<'_>,
        edit: impl FnMut(Option<&[u8]>, &mut Vec<u8>) -> (Edit, R),
    ) -> (Outcome, R) {
        self.table
            .slots
            .lock()
            .update(key, &mut self.buffer, &self.table.env, edit)
    }

    fn get_many(&mut self, keys: &[Key<'_>], mut each: impl FnMut(usize, Option<&[u8]>)) {
        let slots = self.table.slots.lock();
        for (index, &key) in keys.iter().enumerate() {
            each(index, slots.get(key));
        }
    }
}
