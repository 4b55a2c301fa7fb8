//! Lookups of one key or of several.

use crate::base::Key;
use crate::table::ErasedSession;

/// Looks keys up together; a single one without what several need.
pub(super) fn get_many(
    session: &mut dyn ErasedSession,
    keys: &[Key<'_>],
    each: &mut dyn FnMut(usize, Option<&[u8]>),
) {
    if let [key] = keys {
        if !session.get(*key, &mut |value| each(0, Some(value))) {
            each(0, None);
        }
    } else {
        session.get_many(keys, each);
    }
}
