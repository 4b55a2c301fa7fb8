//! Fills a table before it is timed.
//!
//! A large table's prefill waits for memory at every entry, so it hints at keys some places ahead. Their bytes wait
//! in a ring meanwhile; entries go in in the order of the workload.

use super::timed::write_value;
use crate::base::{Key, Worker};
use crate::hash::Hasher;
use crate::machine;
use crate::table::{AHEAD, AnySession, ErasedTable, Keeper, Session};
use crate::workload::{Prefill, Workload};

/// A key that waits, and the length of its value.
#[derive(Default)]
struct Waiting {
    bytes: Vec<u8>,
    hash: u64,
    length: usize,
}

impl Waiting {
    fn key(&self) -> Key<'_> {
        Key {
            bytes: &self.bytes,
            hash: self.hash,
        }
    }
}

/// Puts entries in, and makes room where there is a budget.
struct Filling<'t> {
    session: AnySession<'t>,
    keeper: Option<Keeper<'t>>,
    value: Vec<u8>,
}

impl Filling<'_> {
    fn insert(&mut self, waiting: &Waiting) {
        write_value(&mut self.value, &waiting.bytes, waiting.length);
        self.session.insert_new(waiting.key(), &self.value);
        if let Some(keeper) = &mut self.keeper {
            let bytes = waiting.bytes.len() + self.value.len();
            self.session.erased().wrote(keeper, bytes);
        }
    }
}

/// Fills the table, untimed; returns the live bytes that the allocator counted, or why not.
pub(super) fn prefill<T: ErasedTable + ?Sized>(
    table: &T,
    workload: &Workload,
    hasher: Hasher,
) -> Result<u64, String> {
    let budget = workload.budget.filter(|_| table.walks());
    let mut filling = Filling {
        session: table.session(Worker::ALONE),
        keeper: budget.map(|budget| Keeper::new(table.clock(), budget.0, 1)),
        value: Vec::new(),
    };
    let mut ring: [Waiting; AHEAD] = Default::default();
    let mut count = 0;
    machine::counting::start();
    Prefill::new(workload).for_each(|bytes, length| {
        let length = length as usize;
        let keeper = filling.keeper.as_ref();
        if keeper.is_some_and(|keeper| !keeper.fits(bytes.len() + length)) {
            return;
        }
        let waiting = &mut ring[count % AHEAD];
        if count >= AHEAD {
            filling.insert(waiting);
        }
        waiting.bytes.clear();
        waiting.bytes.extend_from_slice(bytes);
        (waiting.hash, waiting.length) = (hasher.hash(bytes), length);
        filling.session.prefetch(waiting.key());
        count += 1;
    });
    for at in count.saturating_sub(AHEAD)..count {
        filling.insert(&ring[at % AHEAD]);
    }
    let keys: usize = ring.iter().map(|waiting| waiting.bytes.capacity()).sum();
    let own = (keys + filling.value.capacity()) as u64;
    machine::counting::stop()
        .map(|live| u64::try_from(live).unwrap_or(0).saturating_sub(own))
        .ok_or_else(|| "the counting allocator is not installed in this program".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Journal, Params};
    use crate::hash;
    use crate::table::{Env, Keep, Kind, Striped};
    use std::sync::Arc;

    /// What is in a table of one bucket, in the order of its chain.
    fn chain(fill: impl FnOnce(&dyn ErasedTable, Hasher)) -> Vec<(Vec<u8>, Vec<u8>)> {
        let env = Env {
            hasher: Hasher::new(hash::find("sip13").unwrap(), [1, 2]),
            clock: || 0,
            journal: Arc::new(Journal::new(8)),
            recency: false,
        };
        let kind = Kind::of::<Striped>();
        let spec = "striped:buckets=1,grow=off".parse().unwrap();
        let params = Params::resolve(kind.params, &spec).unwrap();
        let table = (kind.open)(&params, &env).unwrap();
        fill(table.as_ref(), env.hasher);
        let mut seen = Vec::new();
        let mut session = table.session(Worker::ALONE);
        session.walk(0, usize::MAX, |key, value, _| {
            seen.push((key.to_vec(), value.to_vec()));
            Keep::Keep
        });
        seen
    }

    #[test]
    fn entries_go_in_in_the_order_of_the_workload() {
        let mut workload = (crate::workload::find_preset("ycsb-a").unwrap().build)();
        // Fewer than wait, as many, and more.
        for entries in [1, AHEAD as u64 - 1, AHEAD as u64, AHEAD as u64 + 1, 100] {
            workload.resize(entries);
            let filled = chain(|table, hasher| drop(prefill(table, &workload, hasher)));
            let wanted = chain(|table, hasher| {
                let (mut session, mut value) = (table.session(Worker::ALONE), Vec::new());
                Prefill::new(&workload).for_each(|bytes, length| {
                    write_value(&mut value, bytes, length as usize);
                    let hash = hasher.hash(bytes);
                    session.insert_new(Key { bytes, hash }, &value);
                });
            });
            assert_eq!(filled.len() as u64, entries);
            assert_eq!(filled, wanted);
        }
    }
}
