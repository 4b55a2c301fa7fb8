//! What a session counts where no lock covers more than one bucket: in a tally of its own, reported for
//! growth every few items.
//!
//! ```text
//!   session ──▶ its part of the tally      every item        what `usage` says
//!          └──▶ claim.reported             every few items   what growth goes by
//! ```

use super::change::Change;
use super::claim::{self, Claim};
use super::tally::{Part, Tally};
use crate::base::{Usage, Worker};

/// A table's side of it.
pub(super) struct Counts {
    pub(super) tally: Tally,
    /// Whether it is time to grow, and which thread does it.
    pub(super) claim: Claim,
}

/// A session's side of it.
pub(super) struct Count<'t> {
    counts: &'t Counts,
    part: &'t Part,
    /// How many sessions there are, as far as this one knows.
    sessions: u64,
    /// Items added, less those removed, since the last report.
    unreported: i64,
    /// The change in items from which on it is reported.
    report_every: u64,
}

impl Counts {
    /// Of an empty table of so many buckets that grows beyond `load` items a bucket.
    pub(super) fn new(buckets: usize, load: f64) -> Counts {
        Counts {
            tally: Tally::default(),
            claim: Claim::new(claim::limit(buckets, load)),
        }
    }

    pub(super) fn session(&self, who: Worker) -> Count<'_> {
        let sessions = u64::from(who.of.max(1));
        Count {
            counts: self,
            part: self.tally.part(who),
            sessions,
            unreported: 0,
            report_every: report_every(self.claim.limit(), sessions),
        }
    }

    /// Items, their bytes and the tally's own.
    pub(super) fn usage(&self) -> Usage {
        let usage = self.tally.usage();
        Usage {
            bytes: usage.bytes + size_of::<Tally>() as u64,
            ..usage
        }
    }
}

impl Count<'_> {
    /// Counts what an operation changed. Whether the table is full now and the caller, which has the
    /// claim then, is to grow it.
    #[inline]
    #[must_use]
    pub(super) fn add(&mut self, change: Change) -> bool {
        self.part.add(change);
        if change.items == 0 {
            return false;
        }
        self.unreported += change.items;
        self.unreported.unsigned_abs() >= self.report_every && self.report()
    }

    fn report(&mut self) -> bool {
        let change = std::mem::take(&mut self.unreported);
        let claim = &self.counts.claim;
        claim.report(change);
        self.report_every = report_every(claim.limit(), self.sessions);
        change > 0 && claim.take()
    }
}

impl Drop for Count<'_> {
    fn drop(&mut self) {
        self.counts.claim.report(self.unreported);
    }
}

/// Every item where the limit is low, so that small tables grow on the item; at most 64; and never so
/// many that all sessions together hold back more than an eighth of the limit.
pub(super) fn report_every(limit: i64, counting: u64) -> u64 {
    (limit.unsigned_abs() / 8 / counting).clamp(1, 64)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_session_that_ends_reports_what_it_held_back() {
        let counts = Counts::new(1024, 1.5);
        let mut first = counts.session(Worker::ALONE);
        for _ in 0..10 {
            assert!(!first.add(Change::added(100)));
        }
        assert_eq!(counts.claim.reported(), 0);
        drop(first);
        assert_eq!(counts.claim.reported(), 10);
        let mut other = counts.session(Worker { index: 17, of: 18 });
        assert!(!other.add(Change::removed(100)));
        assert!(!other.add(Change::resized(100, 40)));
        drop(other);
        assert_eq!(counts.claim.reported(), 9);
        let bytes = 900 - 60 + size_of::<Tally>() as u64;
        assert_eq!(counts.usage(), Usage { items: 9, bytes });
    }

    /// One item too many, and one session alone is to see to it.
    #[test]
    fn who_finds_the_table_full_has_the_claim() {
        let counts = Counts::new(4, 1.5);
        let (mut one, mut two) = (counts.session(Worker::ALONE), counts.session(Worker::ALONE));
        for _ in 0..6 {
            assert!(!one.add(Change::added(1)));
        }
        assert!(two.add(Change::added(1)) && !one.add(Change::added(1)));
        assert!(
            !two.add(Change::removed(1)),
            "a removal does not make a table grow"
        );
    }

    #[test]
    fn reports_are_as_rare_as_the_limit_allows() {
        assert_eq!(
            [7, 16, 6144].map(|limit| report_every(limit, 1)),
            [1, 2, 64]
        );
        assert_eq!(report_every(1536, 12), 16);
        assert_eq!(report_every(i64::MAX, 1), 64);
    }
}
