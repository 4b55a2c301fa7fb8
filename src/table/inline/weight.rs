//! How much of a page an entry counts for, when it is decided whether there are enough pages.

use super::page::{BODY, DIRECT};
use super::record;

/// Words that entries may have in a page.
pub(super) const ROOM: usize = BODY - DIRECT;

/// What an entry takes at least of a page's room: a sixteenth, as there are as many tags, and some for chance.
const LEAST_WORDS: usize = 9;

/// What an entry counts for, in words of a page: its record's, or [`LEAST_WORDS`] if it has none.
pub(super) fn weight(key_len: usize, value_len: usize) -> i64 {
    let words = record::words_for(key_len, value_len).unwrap_or(0);
    i64::try_from(words.max(LEAST_WORDS)).expect("a record is short")
}
