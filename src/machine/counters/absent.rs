//! What stands for hardware counters in a program that was built without them.

use std::path::Path;
use std::sync::OnceLock;

use super::counts::Counts;
use super::lack::{Lack, Seen, lack_of_machine};

/// The counters of one thread; there are none.
#[derive(Debug)]
pub struct Counters;

impl Counters {
    /// Of the calling thread.
    #[must_use]
    pub fn of_this_thread() -> Counters {
        Counters
    }

    /// Would begin to count.
    pub fn resume(&mut self) {}

    /// Would stop counting.
    pub fn pause(&mut self) {}

    /// Whether anything is counted: nothing is.
    #[must_use]
    pub fn are_there(&self) -> bool {
        false
    }

    /// What was counted: nothing.
    pub fn take(&mut self) -> Option<Counts> {
        None
    }

    /// Nothing can be counted: for want of counters, which no other build would help, or of the build.
    pub(super) fn look() -> Seen {
        let lack = lack_of_machine(Path::new("/"));
        Seen::nothing(&lack.unwrap_or(Lack::NotBuiltIn))
    }
}

/// What this process can count; looked at once, by counting with each.
pub fn seen() -> &'static Seen {
    static SEEN: OnceLock<Seen> = OnceLock::new();
    SEEN.get_or_init(Counters::look)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_reason_goes_for_everything() {
        let seen = Counters::look();
        let (_, lack) = &seen.lacking[0];
        assert_eq!(seen, Seen::nothing(lack));
        assert_ne!(*lack, Lack::NoSuchEvent);
    }
}
