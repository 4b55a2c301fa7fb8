//! Sets of a batch in three passes, each some entries behind the one before: a hint for the bucket, a hint for the
//! entry that the bucket leads to, the set.

use super::prefetch::AHEAD;
use super::strategy::{Session, Stored};
use crate::base::Key;

/// [`Session::set_many`] of a table that can tell where the entry of a key may be, once its bucket is at hand: `entry`
/// asks for it. Neither hint changes a result.
#[inline]
pub(super) fn set_many<S: Session>(
    session: &mut S,
    entries: &[(Key<'_>, &[u8])],
    mut each: impl FnMut(usize, Stored),
    entry: impl Fn(&S, Key<'_>),
) {
    let ahead = entries.len().min(AHEAD);
    for step in 0..entries.len() + 2 * ahead {
        if let Some(at) = step.checked_sub(2 * ahead) {
            let (key, value) = entries[at];
            each(at, session.set(key, value));
        }
        if let Some((key, _)) = step.checked_sub(ahead).and_then(|at| entries.get(at)) {
            entry(session, *key);
        }
        if let Some((key, _)) = entries.get(step) {
            session.prefetch(*key);
        }
    }
}
