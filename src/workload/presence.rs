//! What a thread can know of a key before it touches it.
//!
//! Where nothing is ever removed, a key stays once it is there. So a thread is sure of every key
//! that it has written itself, and of the absence of one that no other thread may write. Two things
//! blur this:
//! - Another thread may have written the key: then an operation that has not seen it is "either".
//! - Gets are handed over in batches, so one may run later than its place in the stream says. A
//!   get that fills makes the key present for certain only for gets of a later batch, and a write
//!   may overtake a get that waits. Nothing here assumes when a batch is handed over, only that
//!   two gets with `batch` gets between them are never in one, and that batches keep their order.
//!   Sets that are handed over together run where they stand in the stream, in order; only gets wait.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::hint::select_unpredictable;

use foldhash::fast::FixedState;

use super::segment::{Expect, Kind};
use super::{KeyDistribution, OnMiss, Workload};

/// The keys that gets have filled so recently that the fill may still wait in a batch.
#[derive(Debug)]
pub(super) struct Window<K> {
    batch: u64,
    /// Gets so far: the index of the next one.
    gets: u64,
    order: VecDeque<(u64, K)>,
    /// The last get that may fill the key.
    members: HashMap<K, u64, FixedState>,
}

impl<K: Hash + Eq + Copy> Window<K> {
    pub(super) fn new(batch: u32) -> Window<K> {
        Window {
            batch: batch.into(),
            gets: 0,
            order: VecDeque::new(),
            members: HashMap::default(),
        }
    }

    /// Whether any fill can wait: not where each get is a batch of its own.
    #[inline]
    pub(super) fn is_open(&self) -> bool {
        self.batch > 1
    }

    /// Whether a fill of `key` may still wait in a batch when the next operation runs.
    #[inline]
    pub(super) fn may_wait(&mut self, key: K) -> bool {
        if !self.is_open() {
            return false;
        }
        while let Some((index, old)) = self.order.front() {
            if index + self.batch > self.gets {
                break;
            }
            if self.members.get(old) == Some(index) {
                self.members.remove(old);
            }
            self.order.pop_front();
        }
        self.members.contains_key(&key)
    }

    /// Counts a get, one that may fill its key if `fills` says so.
    #[inline]
    pub(super) fn get(&mut self, key: K, fills: bool) {
        if self.is_open() && fills {
            self.order.push_back((self.gets, key));
            self.members.insert(key, self.gets);
        }
        self.gets += 1;
    }

    /// Learns that `key` has been written outside a batch.
    #[inline]
    pub(super) fn written(&mut self, key: K) {
        if self.is_open() {
            self.members.remove(&key);
        }
    }
}

/// Presence of the records that a workload draws from, as one thread knows it.
pub(super) enum Presence {
    /// All were put in before the clock started.
    Complete,
    /// The table was empty.
    Grown(Grown),
}

/// See [`Presence::Grown`].
pub(super) struct Grown {
    /// One bit a record: written by this thread, or filled by one of its gets.
    touched: Vec<u64>,
    window: Window<u64>,
    /// What is expected of a record of one's own that one has not touched.
    own: Expect,
    /// What is expected of a record that one has not touched and that others may have.
    shared: Expect,
    ownership: Ownership,
    filled: u64,
}

/// Which records only this thread can put in.
enum Ownership {
    All,
    None,
    /// Those whose number leaves this remainder.
    Remainder {
        of: u64,
        is: u64,
    },
}

impl Presence {
    /// Nothing but the thread's own operations and `workload` is needed to know.
    pub(super) fn new(workload: &Workload, thread: u32, threads: u32) -> Presence {
        // At fill points only what the thread has inserted is looked up.
        if workload.prefill || workload.points.is_some() {
            return Presence::Complete;
        }
        let mix = &workload.mix;
        let fills = workload.on_miss == OnMiss::Fill && mix.get > 0;
        let inserts = mix.insert > 0 && workload.first_insert() == 0;
        let remainder = Ownership::Remainder {
            of: threads.into(),
            is: thread.into(),
        };
        let ownership = if threads == 1 {
            Ownership::All
        } else if workload.keys == KeyDistribution::Sequential || inserts {
            remainder
        } else {
            Ownership::None
        };
        let sets = mix.set > 0 || mix.add > 0;
        let written = fills || inserts || sets;
        let overtaken = workload.batch > 1 && (inserts || sets);
        Presence::Grown(Grown {
            touched: vec![0; bits_to_words(workload.entries)],
            window: Window::new(workload.batch),
            own: if overtaken {
                Expect::Either
            } else {
                Expect::Absent
            },
            shared: if written {
                Expect::Either
            } else {
                Expect::Absent
            },
            ownership,
            filled: 0,
        })
    }

    /// What an operation meets; to be asked once for each, in their order.
    #[inline]
    pub(super) fn expect(&mut self, kind: Kind, record: u64) -> Expect {
        match self {
            // Every insert is of a new record, and removes take what is known to be there.
            Presence::Complete => {
                select_unpredictable(kind == Kind::Insert, Expect::Absent, Expect::Present)
            }
            Presence::Grown(grown) => grown.operation(kind, record),
        }
    }

    /// How many records a get of this thread was the first to touch and fill.
    pub(super) fn filled(&self) -> u64 {
        match self {
            Presence::Complete => 0,
            Presence::Grown(grown) => grown.filled,
        }
    }
}

impl Grown {
    #[inline]
    fn operation(&mut self, kind: Kind, record: u64) -> Expect {
        match kind {
            Kind::Get => self.get(record, false),
            Kind::GetFill => self.get(record, true),
            Kind::Insert => {
                self.touch(record);
                Expect::Absent
            }
            // A set or an add; other operations need a prefilled table.
            _ => {
                let expect = self.expect(record);
                self.touch(record);
                self.window.written(record);
                expect
            }
        }
    }

    #[inline]
    fn get(&mut self, record: u64, fills: bool) -> Expect {
        let expect = self.expect(record);
        let first = fills && self.touch(record);
        self.filled += u64::from(first);
        self.window.get(record, first);
        expect
    }

    /// What is known of a record before an operation.
    #[inline]
    fn expect(&mut self, record: u64) -> Expect {
        let (word, bit) = place(record);
        let touched = self.touched[word] & bit != 0;
        if self.window.is_open() && touched && self.window.may_wait(record) {
            return Expect::Either;
        }
        let own = match self.ownership {
            Ownership::All => true,
            Ownership::None => false,
            Ownership::Remainder { of, is } => record % of == is,
        };
        let untouched = if own { self.own } else { self.shared };
        // A guess would be wrong as often as a cache is.
        select_unpredictable(touched, Expect::Present, untouched)
    }

    /// Marks a record; true if it was not. Records beyond the key space are inserts that no other
    /// operation picks.
    #[inline]
    fn touch(&mut self, record: u64) -> bool {
        let (word, bit) = place(record);
        let Some(word) = self.touched.get_mut(word) else {
            return false;
        };
        let fresh = *word & bit == 0;
        *word |= bit;
        fresh
    }
}

fn bits_to_words(bits: u64) -> usize {
    usize::try_from(bits.div_ceil(64)).expect("entries fit into 32 bits")
}

/// The word and the bit of a record. Records are below 2^32, so words are below 2^26.
fn place(record: u64) -> (usize, u64) {
    ((record / 64) as usize, 1 << (record % 64))
}

#[cfg(test)]
mod tests {
    use super::super::find_preset;
    use super::*;

    fn cache_aside(batch: u32) -> Workload {
        let mut workload = (find_preset("cache-aside").unwrap().build)();
        workload.batch = batch;
        workload
    }

    #[test]
    fn a_fill_is_sure_at_once_without_batches_and_after_a_batch_with_them() {
        let mut one = Presence::new(&cache_aside(1), 0, 1);
        let seen = [(); 3].map(|()| one.expect(Kind::GetFill, 7));
        assert_eq!(seen, [Expect::Absent, Expect::Present, Expect::Present]);
        assert_eq!(one.filled(), 1);

        let mut four = Presence::new(&cache_aside(4), 0, 1);
        assert_eq!(four.expect(Kind::GetFill, 7), Expect::Absent);
        for _ in 0..3 {
            assert_eq!(four.expect(Kind::GetFill, 7), Expect::Either);
        }
        assert_eq!(four.expect(Kind::GetFill, 7), Expect::Present);
        assert_eq!(four.filled(), 1);
    }

    #[test]
    fn others_blur_what_one_has_not_seen() {
        let mut two = Presence::new(&cache_aside(1), 0, 2);
        assert_eq!(two.expect(Kind::GetFill, 7), Expect::Either);
        assert_eq!(two.expect(Kind::GetFill, 7), Expect::Present);
    }

    #[test]
    fn a_write_settles_what_a_batch_left_open() {
        let mut workload = cache_aside(4);
        workload.mix.set = 1;
        let mut presence = Presence::new(&workload, 0, 1);
        // Not absent: a set further on may overtake it.
        assert_eq!(presence.expect(Kind::GetFill, 7), Expect::Either);
        assert_eq!(presence.expect(Kind::Set, 7), Expect::Either);
        assert_eq!(presence.expect(Kind::GetFill, 7), Expect::Present);
        assert_eq!(presence.filled(), 1);
    }
}
