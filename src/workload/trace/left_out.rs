//! What a reader came across that is not replayed as it stands.

use std::collections::BTreeMap;

use super::layout::Time;

/// How many different operations that are none of a table's are told apart by name.
const OTHERS_MAX: usize = 32;

/// What a reader came across that is not replayed as it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Broken lines or records that were left out; 0 unless the source is lenient.
    pub skipped: u64,
    /// What was wrong with the first of them, with its place.
    pub first_skipped: Option<String>,
    /// Requests for operations that are none of a table's, by name: left out. Beyond 32 names the
    /// rest is together under `…`.
    pub others: BTreeMap<String, u64>,
    /// The place and the name of the first of them.
    pub first_other: Option<String>,
    /// Requests at a time before that of a request ahead of them.
    pub backwards: u64,
    /// The place and the times of the first of them.
    pub first_backwards: Option<String>,
    /// Requests with a value over the item limit, which was made as large as the limit.
    pub clamped: u64,
    /// Requests with a value over the item limit that were left out.
    pub oversized: u64,
    /// The place and the size of the first value over the limit.
    pub first_oversized: Option<String>,
}

impl LeftOut {
    /// Requests for operations that are none of a table's.
    #[must_use]
    pub fn other_requests(&self) -> u64 {
        self.others.values().sum()
    }

    /// Their names with their counts: `get 300, set 100`.
    pub(super) fn others_in_words(&self) -> String {
        let words: Vec<String> = self
            .others
            .iter()
            .map(|(name, count)| format!("{name} {count}"))
            .collect();
        words.join(", ")
    }

    #[cold]
    pub(super) fn add_other(&mut self, name: String, repeats: u32, place: impl Fn() -> String) {
        self.first_other
            .get_or_insert_with(|| format!("{} with '{name}'", place()));
        let room = self.others.len() < OTHERS_MAX || self.others.contains_key(&name);
        let name = if room { name } else { "…".to_owned() };
        *self.others.entry(name).or_default() += u64::from(repeats);
    }

    #[cold]
    pub(super) fn add_backwards(
        &mut self,
        repeats: u32,
        own: Time,
        latest: Time,
        place: impl Fn() -> String,
    ) {
        self.backwards += u64::from(repeats);
        self.first_backwards.get_or_insert_with(|| {
            let (own, latest) = (in_seconds(own), in_seconds(latest));
            format!("{} at {own} s, after {latest} s", place())
        });
    }
}

/// Seconds, with a fraction where there is one.
pub(super) fn in_seconds(time: Time) -> String {
    if time.ns == 0 {
        return time.s.to_string();
    }
    let fraction = format!("{:09}", time.ns);
    format!("{}.{}", time.s, fraction.trim_end_matches('0'))
}
