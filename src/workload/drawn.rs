//! Operations drawn from a seed.

use super::draws::{Draws, mix};
use super::keys::KeyMaker;
use super::picker::{Inserts, Picker};
use super::presence::Presence;
use super::segment::{Expect, Filled, Kind, Op, Segment};
use super::size::Lengths;
use super::{KeyDistribution, Mix, OnMiss, Workload};

/// A ring has at least this many operations, so that a small table is not read in an order that
/// branch predictors learn by heart.
const RING_OPS_MIN: u64 = 1 << 16;

/// How many operations are drawn before their keys are written. How many digits a key has is
/// anyone's guess, so branch predictors are wrong about every other key; were each written as soon
/// as it is drawn, each wrong guess would wait for the whole chain of floating-point operations
/// before it.
const PICKS: usize = 256;

/// The drawn operations of one thread.
pub(super) struct Drawn {
    keys: KeyMaker,
    value: Lengths,
    resizes: Option<Resizes>,
    mix: Mix,
    mix_total: u64,
    fills: bool,
    length: Length,
    /// Operations since the start of the ring or of the pass.
    done: u64,
    cursor: Cursor,
    /// The cursor as it was at the start of the ring.
    start: Cursor,
    inserts: Inserts,
    removes: Removes,
    presence: Presence,
}

/// Sizes that each write draws anew: from the seed, the thread and the place in the stream.
struct Resizes {
    seed: u64,
    /// Operations written since the start of the ring or of the pass.
    written: u64,
}

/// Records that one thread may take out: those put aside for it in the prefill, then its own
/// inserts, the oldest first.
struct Removes {
    /// The first record put aside for the thread.
    first: u64,
    step: u64,
    /// How many were put aside for it.
    put_aside: u64,
    done: u64,
}

impl Removes {
    fn new(workload: &Workload, thread: u32, threads: u32) -> Removes {
        let all = workload.put_aside();
        Removes {
            first: workload.entries - all + u64::from(thread),
            step: threads.into(),
            put_aside: share(all, thread, threads),
            done: 0,
        }
    }

    /// The next record to take out; `None` when the thread has none.
    fn next(&mut self, inserts: &Inserts) -> Option<u64> {
        let record = if self.done < self.put_aside {
            self.first + self.done * self.step
        } else {
            let index = self.done - self.put_aside;
            if index == inserts.done {
                return None;
            }
            inserts.record(index)
        };
        self.done += 1;
        Some(record)
    }
}

/// Where the draws stand.
#[derive(Clone)]
struct Cursor {
    draws: Draws,
    picker: Picker,
}

#[derive(Clone, Copy)]
enum Length {
    Ring(u64),
    Pass(u64),
}

impl Drawn {
    /// The operations of `thread` of `threads` in a checked workload that is no trace.
    pub(super) fn new(workload: &Workload, seed: u64, thread: u32, threads: u32) -> Drawn {
        let cursor = Cursor {
            draws: Draws::new(seed, thread),
            picker: Picker::new(
                &workload.keys,
                workload.entries - workload.put_aside(),
                thread,
                threads,
            ),
        };
        Drawn {
            keys: KeyMaker::new(workload),
            value: Lengths::new(&workload.value),
            resizes: workload.resize_values.then(|| Resizes {
                seed: mix(seed ^ mix(thread.into())),
                written: 0,
            }),
            mix: workload.mix,
            mix_total: workload.mix.total(),
            fills: workload.on_miss == OnMiss::Fill,
            length: if workload.keeps_key_set() {
                Length::Ring(ring_ops(workload, thread, threads))
            } else {
                let all = workload.ops.unwrap_or(workload.entries);
                Length::Pass(share(all, thread, threads))
            },
            done: 0,
            start: cursor.clone(),
            cursor,
            inserts: Inserts {
                first: workload.first_insert() + u64::from(thread),
                step: threads.into(),
                done: 0,
            },
            removes: Removes::new(workload, thread, threads),
            presence: Presence::new(workload, thread, threads),
        }
    }

    /// Operations of this thread in one pass; none for a ring.
    pub(super) fn pass_ops(&self) -> Option<u64> {
        match self.length {
            Length::Ring(_) => None,
            Length::Pass(ops) => Some(ops),
        }
    }

    /// See [`Presence::filled`].
    pub(super) fn first_touches(&self) -> u64 {
        self.presence.filled()
    }

    /// Puts the next operations into an empty segment, at most `bytes` of them with their keys
    /// (but at least one operation).
    pub(super) fn refill(&mut self, segment: &mut Segment, bytes: usize) -> Filled {
        let longest = self.keys.longest();
        let room = (bytes / (size_of::<Op>() + longest)).max(1) as u64;
        let (count, filled) = match self.length {
            Length::Ring(ops) if ops <= room => (ops, Filled::Ring),
            Length::Ring(_) => (room, Filled::Part),
            Length::Pass(ops) if ops == self.done => return Filled::End,
            Length::Pass(ops) => (room.min(ops - self.done), Filled::Part),
        };
        let fits = "a segment is far smaller than the address space";
        let reserve = usize::try_from(count).expect(fits);
        segment.ops.reserve_exact(reserve);
        segment.keys.reserve_exact(reserve * longest);
        let mut picks = [(Kind::Get, 0, Expect::Either); PICKS];
        let mut left = reserve;
        while left > 0 {
            let picks = &mut picks[..left.min(PICKS)];
            left -= picks.len();
            for pick in picks.iter_mut() {
                *pick = self.next();
            }
            for (kind, record, expect) in picks.iter().copied() {
                let value_len = match &mut self.resizes {
                    None => self.value.of(record),
                    Some(resizes) => {
                        resizes.written += 1;
                        self.value.at(mix(resizes.seed ^ mix(resizes.written)))
                    }
                };
                segment.push(kind, expect, self.keys.key(record), value_len);
            }
        }
        filled
    }

    #[inline]
    fn next(&mut self) -> (Kind, u64, Expect) {
        let op = self.draw();
        self.done += 1;
        if let Length::Ring(ops) = self.length
            && self.done == ops
        {
            self.done = 0;
            self.cursor = self.start.clone();
        }
        op
    }

    #[inline]
    fn draw(&mut self) -> (Kind, u64, Expect) {
        let Cursor { draws, picker } = &mut self.cursor;
        let mut dice = draws.below(self.mix_total);
        let mut falls_on = |weight: u32| {
            let hit = dice < u64::from(weight);
            dice = dice.wrapping_sub(weight.into());
            hit
        };
        if falls_on(self.mix.get) {
            let record = picker.pick(draws, &self.inserts);
            let kind = if self.fills { Kind::GetFill } else { Kind::Get };
            (kind, record, self.presence.get(record, self.fills))
        } else if falls_on(self.mix.set) {
            let record = picker.pick(draws, &self.inserts);
            (Kind::Set, record, self.presence.set(record))
        } else if falls_on(self.mix.insert) {
            self.insert()
        } else if falls_on(self.mix.add) {
            let record = picker.pick(draws, &self.inserts);
            (Kind::Add, record, self.presence.set(record))
        } else if falls_on(self.mix.remove) {
            match self.removes.next(&self.inserts) {
                Some(record) => (Kind::Remove, record, Expect::Present),
                None => self.insert(),
            }
        } else {
            // Read-modify-write is only valid on a prefilled table.
            (
                Kind::Rmw,
                picker.pick(draws, &self.inserts),
                Expect::Present,
            )
        }
    }
}

impl Drawn {
    fn insert(&mut self) -> (Kind, u64, Expect) {
        let record = self.inserts.next();
        self.cursor.picker.inserted();
        self.presence.insert(record);
        (Kind::Insert, record, Expect::Absent)
    }
}

/// Operations in the ring of one thread: at least as many as there are records. A sequential ring
/// ends where its thread's records do, so that it goes on in order when it starts over.
fn ring_ops(workload: &Workload, thread: u32, threads: u32) -> u64 {
    let least = workload.entries.max(RING_OPS_MIN);
    if workload.keys == KeyDistribution::Sequential {
        least.next_multiple_of(share(workload.entries, thread, threads))
    } else {
        least
    }
}

/// How many of `all` things fall to a thread; the remainder goes to the first ones.
fn share(all: u64, thread: u32, threads: u32) -> u64 {
    let (thread, threads) = (u64::from(thread), u64::from(threads));
    all / threads + u64::from(thread < all % threads)
}
