//! The directory: which segment holds the hashes with these low bits.
//!
//! Readers go through it without a lock. That is safe because nothing that it leads to is freed
//! before the table: a segment lives as long as the table, and an array that was outgrown is kept,
//! which costs less than its successor in all (1/2 + 1/4 + … of it).

use crate::table::sync::atomic::{AtomicPtr, Ordering};
use std::ptr::NonNull;

use crate::table::sync::Mutex;

use super::segment::Segment;
use crate::table::buckets::low_bits;

/// How many pointers a directory may have for each segment before it refuses to double: where hashes
/// share so many low bits, splitting on is dearer than an overflow chain.
const POINTERS_PER_SEGMENT: usize = 64;

/// Pointers to all segments, by low bits of the hash.
pub(super) struct Directory {
    /// The array in force: made by [`leak`], and valid until the directory is dropped.
    current: AtomicPtr<Array>,
    /// Taken to change the directory, for as long as that takes; its holder waits for no other thread.
    growth: Mutex<Growth>,
}

struct Array {
    /// A power of two of segments, each made by [`leak`] and valid until the directory is dropped.
    /// One whose hashes share fewer bits than an index has is here several times.
    segments: Box<[AtomicPtr<Segment>]>,
}

struct Growth {
    /// Arrays that were outgrown; somebody may still be reading them.
    retired: Vec<NonNull<Array>>,
    segments: usize,
}

// SAFETY: what keeps it from being `Send` by itself are the retired arrays, which hold pointers to
// segments and are owned by the directory alone; segments and arrays are `Send`.
unsafe impl Send for Growth {}

/// What a doubling, or the lack of one, came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    /// There is room for segments of that depth.
    Enough,
    /// There is now, and the directory takes so many more bytes.
    Doubled(u64),
    /// There is not, and there will not be.
    Refused,
}

impl Directory {
    /// A directory of `segments` empty segments, a power of two, or nothing if there is no memory.
    pub(super) fn open(segments: usize) -> Option<Directory> {
        // All the segments' memory is asked for once, so that a size beyond reach fails here and
        // not after filling the machine.
        let bytes = segments.checked_mul(size_of::<Segment>())?;
        Vec::<u8>::new().try_reserve_exact(bytes).ok()?;
        let depth = segments.ilog2();
        let mut array = Vec::new();
        array.try_reserve_exact(segments).ok()?;
        array.extend(
            (0..segments as u64)
                .map(|pattern| AtomicPtr::new(leak(Box::new(Segment::new(depth, pattern))))),
        );
        Some(Directory {
            current: AtomicPtr::new(leak(Box::new(Array {
                segments: array.into(),
            }))),
            growth: Mutex::new(Growth {
                retired: Vec::new(),
                segments,
            }),
        })
    }

    #[inline]
    fn array(&self) -> &Array {
        // SAFETY: `current` points to an initialised array, which acquiring the pointer makes
        // visible, and no array is freed while `self` is borrowed.
        unsafe { &*self.current.load(Ordering::Acquire) }
    }

    /// The segment that held this hash when the directory was read. It may have been split since:
    /// whether it still owns the hash is to be asked under its lock, and if not, the directory, read
    /// again, knows better, as it is changed before that lock is released.
    #[inline]
    pub(super) fn segment(&self, hash: u64) -> &Segment {
        let segments = &self.array().segments;
        let segment = segments[low_bits(hash, segments.len())].load(Ordering::Acquire);
        // SAFETY: every pointer in the array is to an initialised segment, which acquiring the
        // pointer makes visible, and no segment is freed while `self` is borrowed.
        unsafe { &*segment }
    }

    /// Sees to it that the directory tells apart hashes by their `depth` low bits. It refuses if it
    /// would become too large for its segments by the time it tells apart those that differ first in
    /// bit `differing`, for which the room is wanted.
    pub(super) fn make_room(&self, depth: u32, differing: u32) -> Room {
        let mut growth = self.growth.lock();
        let retired = self.current.load(Ordering::Acquire);
        let old = self.array();
        let len = old.segments.len();
        let most = (POINTERS_PER_SEGMENT * (growth.segments + 1)).max(len);
        if differing > most.ilog2() - 1 {
            return Room::Refused;
        }
        if depth <= len.ilog2() {
            return Room::Enough;
        }
        let mut segments = Vec::new();
        if segments.try_reserve_exact(2 * len).is_err() {
            return Room::Refused;
        }
        // Relaxed: the lock is held, so no thread changes the array meanwhile.
        let pointers = old.segments.iter().chain(&old.segments);
        segments.extend(pointers.map(|segment| AtomicPtr::new(segment.load(Ordering::Relaxed))));
        let array = leak(Box::new(Array {
            segments: segments.into(),
        }));
        self.current.store(array, Ordering::Release);
        growth.retired.extend(NonNull::new(retired));
        Room::Doubled(array_bytes(2 * len))
    }

    /// Adds a segment, for which [`Directory::make_room`] has made room, and points to it wherever a
    /// hash is one of its own; returns how many segments there are. Once it is reachable, it is all
    /// there: the caller holds the lock of the segment that it was split from.
    pub(super) fn publish(&self, mut segment: Box<Segment>) {
        let state = segment.state.get_mut();
        #[expect(clippy::cast_possible_truncation, reason = "below the array's length")]
        let (first, step) = (state.pattern as usize, 1_usize << state.depth);
        let segment = leak(segment);
        let mut growth = self.growth.lock();
        for place in self.array().segments[first..].iter().step_by(step) {
            place.store(segment, Ordering::Release);
        }
        growth.segments += 1;
    }

    /// How many segments there are.
    pub(super) fn segments(&self) -> usize {
        self.growth.lock().segments
    }

    /// Bytes of the arrays, present and outgrown.
    pub(super) fn bytes(&self) -> u64 {
        let growth = self.growth.lock();
        // SAFETY: retired arrays are freed when the directory is dropped.
        let retired = growth.retired.iter().map(|array| unsafe { array.as_ref() });
        let arrays = retired.chain([self.array()]);
        arrays.map(|array| array_bytes(array.segments.len())).sum()
    }

    /// Shows each segment once.
    pub(super) fn each(&mut self, mut see: impl FnMut(&mut Segment)) {
        // Relaxed, here and below: the exclusive borrow has seen all that was done before it.
        for index in 0..self.array().segments.len() {
            let segment = self.array().segments[index].load(Ordering::Relaxed);
            // SAFETY: the pointer is valid as the directory still stands, and `self` is borrowed
            // exclusively, so that this is the only reference.
            let segment = unsafe { &mut *segment };
            // A segment is met first at the index that is its pattern.
            if segment.state.get_mut().pattern == index as u64 {
                see(segment);
            }
        }
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let mut segments = Vec::new();
        self.each(|segment| segments.push(NonNull::from(segment)));
        for segment in segments {
            // SAFETY: made by `leak`, seen once, and no thread has a reference any more.
            drop(unsafe { Box::from_raw(segment.as_ptr()) });
        }
        let retired = std::mem::take(&mut self.growth.get_mut().retired);
        let current = NonNull::new(*self.current.get_mut());
        for array in retired.into_iter().chain(current) {
            // SAFETY: made by `leak`, and each is either retired, once, or current. Arrays hold
            // pointers only, so that those they hold being freed is no matter.
            drop(unsafe { Box::from_raw(array.as_ptr()) });
        }
    }
}

/// Gives up a box for a pointer, to be freed by `Directory::drop`.
fn leak<T>(value: Box<T>) -> *mut T {
    Box::into_raw(value)
}

fn array_bytes(len: usize) -> u64 {
    (size_of::<Array>() + len * size_of::<AtomicPtr<Segment>>()) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(directory: &mut Directory) -> Vec<(u32, u64)> {
        let mut patterns = Vec::new();
        directory.each(|segment| {
            let state = segment.state.get_mut();
            patterns.push((state.depth, state.pattern));
        });
        patterns
    }

    /// Splits the segment that holds this hash, as a full one would be.
    fn split(directory: &Directory, hash: u64) -> Room {
        let mut state = directory.segment(hash).state.write();
        let room = directory.make_room(state.depth + 1, state.depth);
        if room != Room::Refused {
            let sibling = state.split(&[]);
            directory.publish(sibling);
        }
        room
    }

    #[test]
    fn a_split_doubles_the_directory_only_where_it_must() {
        let mut directory = Directory::open(2).unwrap();
        assert_eq!(directory.bytes(), 2 * 8 + 16);
        assert_eq!(split(&directory, 1), Room::Doubled(4 * 8 + 16));
        assert_eq!(split(&directory, 0), Room::Enough);
        assert_eq!(split(&directory, 6), Room::Doubled(8 * 8 + 16));
        assert_eq!(directory.bytes(), (2 + 4 + 8) * 8 + 3 * 16);
        let expected = [(2, 0), (2, 1), (3, 2), (2, 3), (3, 6)];
        assert_eq!(patterns(&mut directory), expected);
        for hash in 0..64 {
            assert!(directory.segment(hash).state.read().owns(hash), "{hash}");
        }
    }

    #[test]
    fn a_directory_does_not_double_for_few_segments_for_ever() {
        let mut directory = Directory::open(1).unwrap();
        let splits = (0..100)
            .take_while(|_| split(&directory, 0) != Room::Refused)
            .count();
        // 64 pointers a segment: 2^9 ≤ 64 × 9, 2^10 > 64 × 10 + 64.
        assert_eq!(splits, 9);
        assert_eq!(patterns(&mut directory).len(), 10);
        assert!(Directory::open(1 << 50).is_none());
    }
}

/// The protocol of a split, with the orderings of `make_room` and `publish`: an array is written, then
/// pointed to; a segment is written, then pointed to, while the one that it was split from is locked.
/// What is written before it is pointed to is plain memory here, so that the model checker objects to a
/// reader that gets there unordered.
#[cfg(all(test, loom))]
mod models {
    use loom::cell::UnsafeCell;
    use loom::sync::atomic::{AtomicUsize, Ordering};
    use loom::sync::{Arc, Mutex};
    use loom::thread;

    /// An entry's hash: its segment has pattern 0 and depth 0, then pattern 1 and depth 1.
    const HASH: usize = 1;

    struct State {
        depth: u32,
        pattern: usize,
        has_entry: bool,
    }

    impl State {
        fn owns(&self, hash: usize) -> bool {
            hash & ((1 << self.depth) - 1) == self.pattern
        }
    }

    /// Pointers are indexes here.
    struct Dash {
        current: AtomicUsize,
        arrays: [UnsafeCell<Vec<AtomicUsize>>; 2],
        segments: [UnsafeCell<Option<Mutex<State>>>; 2],
    }

    impl Dash {
        fn new() -> Dash {
            let whole = Mutex::new(State {
                depth: 0,
                pattern: 0,
                has_entry: true,
            });
            Dash {
                current: AtomicUsize::new(0),
                arrays: [vec![AtomicUsize::new(0)], Vec::new()].map(UnsafeCell::new),
                segments: [Some(whole), None].map(UnsafeCell::new),
            }
        }

        /// Doubles the directory and splits the segment, as a writer does that finds it full.
        fn split(&self) {
            // SAFETY: written before the threads were started.
            let mut state = self.segments[0]
                .with(|segment| unsafe { &*segment }.as_ref().unwrap().lock().unwrap());
            // SAFETY: no thread is pointed to this array yet.
            self.arrays[1].with_mut(|array| unsafe {
                *array = vec![AtomicUsize::new(0), AtomicUsize::new(0)];
            });
            self.current.store(1, Ordering::Release);
            *state = State {
                depth: 1,
                pattern: 0,
                has_entry: false,
            };
            let sibling = Mutex::new(State {
                depth: 1,
                pattern: 1,
                has_entry: true,
            });
            // SAFETY: no thread is pointed to this segment yet.
            self.segments[1].with_mut(|segment| unsafe { *segment = Some(sibling) });
            // SAFETY: written above, and not again.
            self.arrays[1].with(|array| unsafe { &*array }[1].store(1, Ordering::Release));
        }

        /// Whether the entry is found; `asked`: whether the segment is asked if it owns the hash.
        fn finds(&self, asked: bool) -> bool {
            loop {
                let array = self.current.load(Ordering::Acquire);
                // SAFETY: the array was written before it was pointed to.
                let segment = self.arrays[array].with(|array| {
                    let array = unsafe { &*array };
                    array[HASH & (array.len() - 1)].load(Ordering::Acquire)
                });
                // SAFETY: the segment was written before it was pointed to.
                let state = self.segments[segment]
                    .with(|segment| unsafe { &*segment }.as_ref().unwrap().lock().unwrap());
                if !asked || state.owns(HASH) {
                    return state.has_entry;
                }
                drop(state);
                thread::yield_now();
            }
        }
    }

    fn a_reader_beside_a_split(asked: bool) {
        loom::model(move || {
            let dash = Arc::new(Dash::new());
            let writer = {
                let dash = Arc::clone(&dash);
                thread::spawn(move || dash.split())
            };
            assert!(dash.finds(asked), "a miss");
            writer.join().unwrap();
            assert!(dash.finds(asked), "a miss");
        });
    }

    #[test]
    fn loom_a_split_is_not_missed() {
        a_reader_beside_a_split(true);
    }

    /// The model can fail: a segment that is not asked may be the one that the entry has left.
    #[test]
    #[should_panic(expected = "a miss")]
    fn loom_without_asking_it_would_be() {
        a_reader_beside_a_split(false);
    }
}
