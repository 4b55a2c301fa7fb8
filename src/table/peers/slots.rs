//! A `hashbrown` table as both adapters around it use it.

use std::ops::AddAssign;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry as Slot;

use super::value::{self, Bytes, HANDLES};
use crate::base::{Census, EventKind, Key, Usage};
use crate::table::{Edit, Env, Outcome, Stored};

/// Key and value, and nothing else.
#[derive(Debug)]
struct Entry {
    key: Bytes,
    value: Bytes,
}

/// A map from bytes to bytes over `HashTable`, the part of `hashbrown`'s API that takes the hash from
/// its caller; with its counts, as a thread that changes it has it alone anyway.
#[derive(Debug, Default)]
pub(super) struct Slots {
    table: HashTable<Entry>,
    /// Bytes of keys and values.
    bytes: u64,
}

impl Slots {
    /// An empty map with room for `capacity` entries.
    pub(super) fn with_capacity(capacity: usize) -> Slots {
        Slots {
            table: HashTable::with_capacity(capacity),
            bytes: 0,
        }
    }

    #[inline]
    pub(super) fn get(&self, key: Key<'_>) -> Option<&[u8]> {
        let entry = self
            .table
            .find(key.hash, |entry| *entry.key == *key.bytes)?;
        Some(&entry.value)
    }

    pub(super) fn set(&mut self, key: Key<'_>, value: &[u8], env: &Env) -> Stored {
        let bytes = &mut self.bytes;
        match slot(&mut self.table, key, env) {
            Slot::Occupied(mut slot) => {
                let old = &mut slot.get_mut().value;
                *bytes = *bytes - old.len() as u64 + value.len() as u64;
                value::replace(old, value);
                Stored::Replaced
            }
            Slot::Vacant(slot) => {
                *bytes += (key.bytes.len() + value.len()) as u64;
                slot.insert(Entry {
                    key: key.bytes.into(),
                    value: value.into(),
                });
                Stored::Created
            }
        }
    }

    pub(super) fn remove(&mut self, key: Key<'_>) -> bool {
        let found = self
            .table
            .find_entry(key.hash, |entry| *entry.key == *key.bytes);
        let Ok(slot) = found else { return false };
        let (entry, _) = slot.remove();
        self.bytes -= (entry.key.len() + entry.value.len()) as u64;
        true
    }

    /// Runs `edit` on the entry of `key`; `buffer` is cleared before.
    pub(super) fn update<R>(
        &mut self,
        key: Key<'_>,
        buffer: &mut Vec<u8>,
        env: &Env,
        edit: impl FnOnce(Option<&[u8]>, &mut Vec<u8>) -> (Edit, R),
    ) -> (Outcome, R) {
        buffer.clear();
        let bytes = &mut self.bytes;
        let mut slot = slot(&mut self.table, key, env);
        let value = match &mut slot {
            Slot::Occupied(slot) => Some(&mut slot.get_mut().value),
            Slot::Vacant(_) => None,
        };
        let (edit, result) = edit(value.as_deref().map(|value| &**value), buffer);
        let outcome = match (edit, slot) {
            (Edit::Keep, _) | (Edit::Remove, Slot::Vacant(_)) => Outcome::Kept,
            (Edit::Store, Slot::Occupied(mut slot)) => {
                let old = &mut slot.get_mut().value;
                *bytes = *bytes - old.len() as u64 + buffer.len() as u64;
                value::replace(old, buffer);
                Outcome::Replaced
            }
            (Edit::Store, Slot::Vacant(slot)) => {
                *bytes += (key.bytes.len() + buffer.len()) as u64;
                slot.insert(Entry {
                    key: key.bytes.into(),
                    value: buffer.as_slice().into(),
                });
                Outcome::Created
            }
            (Edit::Patch { at }, Slot::Occupied(mut slot)) => {
                value::patch(Some(&mut slot.get_mut().value), at, buffer);
                Outcome::Replaced
            }
            (Edit::Patch { at }, Slot::Vacant(_)) => {
                value::patch(None, at, buffer);
                Outcome::Kept
            }
            (Edit::Remove, Slot::Occupied(slot)) => {
                let (entry, _) = slot.remove();
                *bytes -= (entry.key.len() + entry.value.len()) as u64;
                Outcome::Removed
            }
        };
        (outcome, result)
    }

    /// Items, and bytes: keys, values, and the array as `hashbrown` says that it allocated it.
    pub(super) fn usage(&self) -> Usage {
        let bytes = self.bytes + self.table.allocation_size() as u64;
        Usage {
            items: self.table.len() as u64,
            bytes,
        }
    }

    /// Adds this map to a census. The array's slots are the headers of the entries in them and
    /// slack where they are empty; what else was allocated is control bytes.
    pub(super) fn count(&self, census: &mut Census) {
        for entry in &self.table {
            value::count(census, &entry.key, &entry.value);
        }
        let allocated = self.table.allocation_size() as u64;
        if allocated > 0 {
            let buckets = self.table.num_buckets() as u64;
            let slots = buckets * size_of::<Entry>() as u64;
            census.buckets += buckets;
            census.bytes.slack += slots - self.table.len() as u64 * HANDLES;
            census.bytes.bucket_array += allocated - slots;
        }
    }
}

/// The slot of `key`, and before it a larger array if this one has no room for another entry. It
/// is `entry` that would grow it; it is done here for the journal.
#[inline]
fn slot<'s>(table: &'s mut HashTable<Entry>, key: Key<'_>, env: &Env) -> Slot<'s, Entry> {
    if table.len() == table.capacity() {
        grow(table, env);
    }
    let hasher = env.hasher;
    let same = |entry: &Entry| *entry.key == *key.bytes;
    table.entry(key.hash, same, |entry| hasher.hash(&entry.key))
}

#[cold]
fn grow(table: &mut HashTable<Entry>, env: &Env) {
    let from = table.num_buckets();
    env.note(EventKind::Begin, from, 2 * from);
    table.reserve(1, |entry| env.hasher.hash(&entry.key));
    env.note(EventKind::End, from, table.num_buckets());
}

/// Sums over shards.
impl AddAssign<&Slots> for Usage {
    fn add_assign(&mut self, slots: &Slots) {
        let Usage { items, bytes } = slots.usage();
        self.items += items;
        self.bytes += bytes;
    }
}
