//! Sets of a batch in three passes, each some entries behind the one before: a hint for the bucket, a hint for the
//! entry that the bucket leads to, the set.

use super::prefetch::AHEAD;
use super::strategy::{Session, Stored};
use crate::base::Key;

/// An entry to be set.
pub(super) type Entry<'e> = (Key<'e>, &'e [u8]);

/// [`Session::set_many`] of a table that can tell where the entry of a key may be, once its bucket is at hand: `hint`
/// asks for it, and says whether it could; `set` gets that with the entry. Hints change no result.
#[inline]
pub(super) fn set_many<S: Session>(
    session: &mut S,
    entries: &[Entry<'_>],
    mut each: impl FnMut(usize, Stored),
    hint: impl Fn(&S, Entry<'_>) -> bool,
    set: impl Fn(&mut S, Entry<'_>, bool) -> Stored,
) {
    let ahead = entries.len().min(AHEAD);
    let mut hinted = [false; AHEAD];
    for step in 0..entries.len() + 2 * ahead {
        if let Some(at) = step.checked_sub(2 * ahead) {
            each(at, set(session, entries[at], hinted[at % AHEAD]));
        }
        if let Some(at) = step.checked_sub(ahead)
            && let Some(entry) = entries.get(at)
        {
            hinted[at % AHEAD] = hint(session, *entry);
        }
        if let Some((key, _)) = entries.get(step) {
            session.prefetch(*key);
        }
    }
}
