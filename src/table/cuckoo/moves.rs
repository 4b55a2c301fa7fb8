//! The latest moves of entries between buckets, so that a walk can follow them.
//!
//! A walk goes through the buckets in order. An entry that moves from a bucket that is still to come
//! to one that has been visited would be missed. So the writer notes its moves, the cursor says how
//! many there had been when the walk stood there, and the next call first visits again the buckets that
//! entries have moved back to. If there were more moves than are remembered, or the array was replaced,
//! the walk starts over.

/// Moves that are remembered.
const REMEMBERED: usize = 512;

/// Bits of a cursor for the bucket to go on with; the number of moves is above.
const BUCKET_BITS: u32 = 34;

/// A ring of the latest moves.
pub(super) struct Moves {
    /// From where to where.
    latest: Vec<(usize, usize)>,
    /// How many there have been.
    count: u64,
}

impl Default for Moves {
    fn default() -> Moves {
        Moves {
            latest: vec![(0, 0); REMEMBERED],
            count: 0,
        }
    }
}

impl Moves {
    /// Notes a move.
    pub(super) fn note(&mut self, from: usize, to: usize) {
        let at = self.index(self.count);
        self.latest[at] = (from, to);
        self.count += 1;
    }

    /// All buckets are new: no walk can go on.
    pub(super) fn forget(&mut self) {
        self.count += REMEMBERED as u64 + 1;
    }

    fn index(&self, count: u64) -> usize {
        usize::try_from(count % self.latest.len() as u64).expect("below a length")
    }

    /// The cursor of a walk that goes on with this bucket. Of the number of moves, 30 bits are kept: a
    /// walk that rests for 2^30 moves, and a few, between two calls may miss one.
    pub(super) fn cursor(&self, bucket: usize) -> u64 {
        assert!(bucket >> BUCKET_BITS == 0, "a bucket of half a tebibyte's");
        self.count << BUCKET_BITS | bucket as u64
    }

    /// The bucket that a walk goes on with, and those before it that have got entries from behind it
    /// since.
    pub(super) fn resume(&self, cursor: u64) -> (usize, Vec<usize>) {
        let bucket = usize::try_from(cursor & ((1 << BUCKET_BITS) - 1)).expect("34 bits");
        let mask = u64::MAX >> BUCKET_BITS;
        let since = self.count.wrapping_sub(cursor >> BUCKET_BITS) & mask;
        if since > REMEMBERED as u64 {
            return (0, Vec::new());
        }
        let mut again: Vec<usize> = Vec::new();
        for count in self.count - since..self.count {
            let (from, to) = self.latest[self.index(count)];
            let unseen = from >= bucket || again.contains(&from);
            if to < bucket && unseen && !again.contains(&to) {
                again.push(to);
            }
        }
        (bucket, again)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_that_moved_back_are_visited_again() {
        let mut moves = Moves::default();
        moves.note(9, 1);
        let cursor = moves.cursor(5);
        assert_eq!(moves.resume(cursor), (5, vec![]));
        // Back, ahead, back in two moves, on among those that were visited already.
        for (from, to) in [(7, 2), (3, 8), (6, 5), (5, 0), (0, 4), (1, 3)] {
            moves.note(from, to);
        }
        assert_eq!(moves.resume(cursor), (5, vec![2, 0, 4]));
    }

    #[test]
    fn a_walk_that_cannot_follow_starts_over() {
        let mut moves = Moves::default();
        let cursor = moves.cursor(5);
        for _ in 0..REMEMBERED {
            moves.note(1, 2);
        }
        assert_eq!(moves.resume(cursor), (5, vec![]));
        moves.note(1, 2);
        assert_eq!(moves.resume(cursor), (0, vec![]));
        let cursor = moves.cursor(7);
        assert_eq!(moves.resume(cursor), (7, vec![]));
        moves.forget();
        assert_eq!(moves.resume(cursor), (0, vec![]));
    }
}
