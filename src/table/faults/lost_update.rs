//! A write that is lost now and then.

use std::sync::atomic::{AtomicU64, Ordering};

use super::wrapper::{Fault, FaultyThread};
use crate::base::SpecError;

/// One set in so many is lost.
const LOST: u64 = 100_000;

/// Counts the sets of all threads.
pub struct Forgetting {
    sets: AtomicU64,
}

impl Fault for Forgetting {
    const NAME: &'static str = "lost-update";
    const ABOUT: &'static str = "fault: another table, that loses one set in 10^5";
    type Thread<'f> = &'f Forgetting;

    fn open(_clock: fn() -> u64) -> Result<Forgetting, SpecError> {
        Ok(Forgetting {
            sets: AtomicU64::new(0),
        })
    }

    fn thread(&self) -> &Forgetting {
        self
    }
}

impl FaultyThread for &Forgetting {
    fn loses(&mut self) -> bool {
        let number = self.sets.fetch_add(1, Ordering::Relaxed) + 1;
        number.is_multiple_of(LOST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Worker;
    use crate::table::faults::wrapper::Faulty;
    use crate::table::testing::{key, open};
    use crate::table::{Session, Stored, Strategy, Striped};

    type LostUpdate<S> = Faulty<S, Forgetting>;

    #[test]
    fn one_set_in_so_many_is_lost() {
        let table = LostUpdate {
            table: open::<Striped>("striped"),
            fault: Forgetting {
                sets: AtomicU64::new(LOST - 2),
            },
        };
        let mut session = table.session(Worker::ALONE);
        for name in ["a", "b", "c"] {
            assert_eq!(session.set(key(name), b"v"), Stored::Created);
        }
        let kept = ["a", "b", "c"].map(|name| session.get(key(name), |_| ()).is_some());
        assert_eq!(kept, [true, false, true]);
        table.fault.sets.store(LOST - 2, Ordering::Relaxed);
        let mut stored = Vec::new();
        let entries = ["a", "b", "c", "d"].map(|name| (key(name), &b"new"[..]));
        session.set_many(&entries, |index, did| stored.push((index, did)));
        let [replaced, created] = [Stored::Replaced, Stored::Created];
        let wanted = [(0, replaced), (1, created), (2, replaced), (3, created)];
        assert_eq!(stored, wanted);
        let kept = ["a", "b", "c", "d"].map(|name| session.get(key(name), <[u8]>::len));
        assert_eq!(kept, [Some(3), None, Some(3), Some(3)]);
    }
}
