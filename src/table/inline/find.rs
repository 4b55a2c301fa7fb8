//! How readers of `inline` find an entry.

use super::Inline;
use super::page::{Look, tag};
use super::record::Span;
use crate::base::Key;
use crate::table::optimistic::version::Wait;
use crate::table::prefetch::prefetch_read;
use crate::table::segments::bucket_of;

/// Races that a reader loses before it locks the page.
pub(super) const PATIENCE: u32 = 64;

impl Inline {
    /// Finds a key and copies its value; `asked` says that the lines are at hand.
    ///
    /// Most lookups end here, at the first slot with the tag or at none. There is no loop around it, so no registers are
    /// kept for another attempt.
    #[inline]
    pub(super) fn find(&self, key: Key<'_>, asked: bool, into: &mut Vec<u64>) -> Option<Span> {
        let count = self.pages();
        let page = self.page(key.hash, count);
        if !asked {
            prefetch_read(page);
            page.prefetch_half(key.hash);
        }
        let state = page.version.load();
        if !state.is_locked() {
            match page.candidate(tag(key.hash)) {
                Some((slot, place)) => {
                    if let Look::Found(span) = page.look_at(place, state, key, into) {
                        if self.env.recency {
                            page.mark(slot);
                        }
                        return Some(span);
                    }
                }
                None if !state.spills()
                    && page.version.unchanged_since(state)
                    && self.is_of(key.hash, count) =>
                {
                    return None;
                }
                None => {}
            }
        }
        self.find_anywhere(key, into)
    }

    /// The general case: any slot with the tag, overflow lines, locks and races; tries until a read validates. The lines
    /// are usually at hand.
    #[inline(never)]
    fn find_anywhere(&self, key: Key<'_>, into: &mut Vec<u64>) -> Option<Span> {
        let mut races = 0;
        let mut wait = None;
        loop {
            let count = self.pages();
            let page = self.page(key.hash, count);
            let state = page.version.load();
            if state.is_locked() {
                wait.get_or_insert_with(Wait::new).a_little();
                continue;
            }
            match page.search(state, key, self.env.recency, into) {
                Look::Found(span) => return Some(span),
                Look::Other if self.is_of(key.hash, count) => return None,
                Look::Other | Look::Changed => races += 1,
            }
            if races == PATIENCE {
                return self.find_locked(key, into);
            }
        }
    }

    /// Whether a hash still has the page that it had among so many.
    #[inline]
    fn is_of(&self, hash: u64, count: usize) -> bool {
        let now = self.pages();
        now == count || bucket_of(hash, now) == bucket_of(hash, count)
    }

    #[cold]
    fn find_locked(&self, key: Key<'_>, into: &mut Vec<u64>) -> Option<Span> {
        let locked = self.lock(key.hash, false);
        let spot = locked.find(key)?;
        self.touch(&locked, spot);
        // SAFETY: the page is locked, and nothing is written meanwhile.
        let (_, value) = unsafe { locked.bytes(spot) };
        into.resize(into.len().max(value.len().div_ceil(8)), 0);
        for (word, bytes) in into.iter_mut().zip(value.chunks(8)) {
            let mut image = [0; 8];
            image[..bytes.len()].copy_from_slice(bytes);
            *word = u64::from_ne_bytes(image);
        }
        Some(Span {
            from: 0,
            len: value.len(),
        })
    }
}
