//! Operations drawn from a seed.

use std::hint::select_unpredictable;

use super::draws::{Draws, mix, scale};
use super::keys::{KEY_EXCESS, KeyMaker};
use super::picker::{Inserts, Picker};
use super::presence::Presence;
use super::segment::{Expect, Filled, Kind, Op, Segment};
use super::size::Lengths;
use super::versions::{Piece, Versions};
use super::{KeyDistribution, Mix, OnMiss, Workload};

/// A ring has at least this many operations, so that a small table is not read in an order that
/// branch predictors learn by heart.
const RING_OPS_MIN: u64 = 1 << 16;

/// How many operations are drawn before their keys are written. Where something cannot be foreseen
/// about a record or its key, a wrong guess of the branch predictor would wait for the whole chain
/// of operations that pick it, were each written as soon as it is drawn.
const PICKS: usize = 256;

/// The drawn operations of one thread.
pub(super) struct Drawn {
    keys: KeyMaker,
    /// Where the keys of some operations are written before they go to the segment together.
    block: Vec<u8>,
    value: Lengths,
    resizes: Option<Resizes>,
    absent: Option<Absent>,
    phases: Option<Phases>,
    choice: Choice,
    length: Length,
    /// Operations since the start of the ring or of the pass.
    done: u64,
    cursor: Cursor,
    /// The cursor as it was at the start of the ring.
    start: Cursor,
    inserts: Inserts,
    removes: Removes,
    presence: Presence,
    versions: Versions,
}

/// Sizes that each write draws anew: from the seed, the thread and the place in the stream.
struct Resizes {
    seed: u64,
    /// Operations written since the start of the ring or of the pass.
    written: u64,
}

/// Lookups of keys that are never stored: which ones, from the seed, the thread and the place in the stream.
struct Absent {
    seed: u64,
    percent: u64,
    /// What is added to a record's number for its absent counterpart: above all numbers that are stored.
    stored: u64,
}

impl Absent {
    fn new(workload: &Workload, seed: u64, thread: u32) -> Option<Absent> {
        (!workload.absent.is_zero()).then(|| Absent {
            seed: mix(!seed ^ mix(thread.into())),
            percent: workload.absent.get().into(),
            stored: workload.stored(),
        })
    }

    /// Turns a share of the gets to absent records; the first of `picks` is the operation at this place.
    fn settle(&self, picks: &mut [(Kind, u64)], place: u64) {
        for ((kind, record), place) in picks.iter_mut().zip(place..) {
            let dice = scale(mix(self.seed ^ mix(place)), 100);
            let is_absent = *kind == Kind::Get && dice < self.percent;
            // A branch would be guessed wrong as often as the share is even.
            *record += select_unpredictable(is_absent, self.stored, 0);
        }
    }
}

/// A pass in parts of equal length that insert and look up in turn.
#[derive(Clone, Copy)]
struct Phases {
    parts: u64,
    /// Operations of the thread's pass.
    ops: u64,
}

impl Phases {
    fn new(workload: &Workload, thread: u32, threads: u32) -> Option<Phases> {
        let ops = workload.ops.unwrap_or(workload.entries);
        workload.points.map(|points| Phases {
            parts: 2 * u64::from(points),
            ops: share(ops, thread, threads),
        })
    }

    /// Whether the operation at this place inserts. Part p ends before ⌊ops (p + 1) / parts⌋.
    fn inserts(self, place: u64) -> bool {
        let part = ((place + 1) * self.parts).div_ceil(self.ops) - 1;
        part.is_multiple_of(2)
    }
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
                workload.first_insert(),
                thread,
                threads,
            ),
        };
        let keys = KeyMaker::new(workload);
        Drawn {
            block: vec![0; PICKS * keys.longest() + KEY_EXCESS],
            keys,
            value: Lengths::new(&workload.value),
            resizes: workload.resize_values.then(|| Resizes {
                seed: mix(seed ^ mix(thread.into())),
                written: 0,
            }),
            phases: Phases::new(workload, thread, threads),
            absent: Absent::new(workload, seed, thread),
            choice: Choice::new(&workload.mix, workload.on_miss),
            length: if workload.keeps_key_set() {
                Length::Ring(ring_ops(workload, thread, threads))
            } else {
                let all = workload.ops.unwrap_or(workload.entries);
                Length::Pass(share(all, thread, threads))
            },
            done: 0,
            start: cursor.clone(),
            cursor,
            inserts: Inserts::new(workload.first_insert(), thread, threads),
            removes: Removes::new(workload, thread, threads),
            presence: Presence::new(workload, thread, threads),
            versions: Versions::new(workload),
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
        let piece = match (self.length, filled) {
            (Length::Pass(_), _) => Piece::PartOfPass,
            (_, Filled::Ring) => Piece::WholeRing,
            _ => Piece::PartOfRing,
        };
        self.versions.begin(piece);
        let fits = "a segment is far smaller than the address space";
        let mut left = usize::try_from(count).expect(fits);
        segment.ops.reserve_exact(left);
        segment.keys.reserve_exact(left * longest);
        let mut picks = [(Kind::Get, 0); PICKS];
        while left > 0 {
            let (Length::Ring(ops) | Length::Pass(ops)) = self.length;
            let to_end = usize::try_from(ops - self.done).unwrap_or(usize::MAX);
            let picks = &mut picks[..left.min(PICKS).min(to_end)];
            left -= picks.len();
            self.pick(picks);
            self.write(picks, segment, piece);
            self.done += picks.len() as u64;
            if let Length::Ring(ops) = self.length
                && self.done == ops
            {
                self.done = 0;
                self.cursor = self.start.clone();
            }
        }
        if piece == Piece::WholeRing {
            self.versions.close(&mut segment.ops);
        }
        filled
    }

    /// Draws what operations do and which records they touch.
    #[inline]
    fn pick(&mut self, picks: &mut [(Kind, u64)]) {
        let Cursor { draws, picker } = &mut self.cursor;
        // A copy can live in registers while they are drawn.
        let mut local = draws.clone();
        if let Some(phases) = self.phases {
            for ((kind, record), place) in picks.iter_mut().zip(self.done..) {
                (*kind, *record) = if phases.inserts(place) {
                    (Kind::Insert, self.inserts.next())
                } else {
                    let known = local.below(self.inserts.done);
                    (Kind::Get, self.inserts.record(known))
                };
            }
        } else {
            picks.fill_with(|| {
                let kind = self.choice.draw(&mut local);
                let removed = match kind {
                    Kind::Insert => None,
                    Kind::Remove => self.removes.next(&self.inserts),
                    _ => return (kind, picker.draw(&mut local)),
                };
                removed.map_or_else(
                    || (Kind::Insert, self.inserts.next()),
                    |record| (kind, record),
                )
            });
        }
        *draws = local;
        picker.settle(picks);
        if let Some(absent) = &self.absent {
            absent.settle(picks, self.done);
        }
    }

    /// Puts operations with their keys behind those of the segment.
    #[inline]
    fn write(&mut self, picks: &[(Kind, u64)], segment: &mut Segment, piece: Piece) {
        let first = segment.keys.len();
        let mut used = 0;
        let stored = self
            .absent
            .as_ref()
            .map_or(u64::MAX, |absent| absent.stored);
        segment.ops.extend(picks.iter().map(|(kind, record)| {
            let value_len = match &mut self.resizes {
                None => self.value.of(*record),
                Some(resizes) => {
                    resizes.written += 1;
                    self.value.at(mix(resizes.seed ^ mix(resizes.written)))
                }
            };
            let key_len = self.keys.write(*record, &mut self.block[used..]);
            let expect = if *record >= stored {
                Expect::Absent
            } else {
                self.presence.expect(*kind, *record)
            };
            let since = self.versions.since(*kind, *record, piece);
            let op = Op::new(first + used, key_len, value_len, (*kind, expect, since));
            used += key_len;
            op
        }));
        segment.keys.extend_from_slice(&self.block[..used]);
    }
}

/// What an operation does, drawn by the weights of a mix.
struct Choice {
    kinds: [Kind; 6],
    /// The sums of the weights up to each kind but the last.
    ends: [u64; 5],
    total: u64,
}

impl Choice {
    fn new(mix: &Mix, on_miss: OnMiss) -> Choice {
        let get = match on_miss {
            OnMiss::Nothing => Kind::Get,
            OnMiss::Fill => Kind::GetFill,
        };
        let weights = [mix.get, mix.set, mix.insert, mix.add, mix.remove];
        let mut sum = 0;
        Choice {
            kinds: [
                get,
                Kind::Set,
                Kind::Insert,
                Kind::Add,
                Kind::Remove,
                Kind::Rmw,
            ],
            ends: weights.map(|weight| {
                sum += u64::from(weight);
                sum
            }),
            total: mix.total(),
        }
    }

    /// Counts the ends that a draw has passed: going from kind to kind, a processor would guess
    /// wrong as often as the mix is mixed.
    #[inline]
    fn draw(&self, draws: &mut Draws) -> Kind {
        let dice = draws.below(self.total);
        let passed: usize = self.ends.iter().map(|end| usize::from(dice >= *end)).sum();
        self.kinds[passed]
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
