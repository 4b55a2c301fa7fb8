//! What is counted, and the counts of a stretch of time.

use serde::{Deserialize, Serialize};

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Clock cycles of the core.
    Cycles,
    /// Instructions that were retired.
    Instructions,
    /// Branches that were predicted wrong.
    BranchMisses,
    /// Reads that the last level of cache did not hold.
    LlcMisses,
    /// Reads whose page the first-level data TLB did not hold.
    DtlbMisses,
}

impl Event {
    /// All, the most telling first: where a processor has too few counters, the last are left out.
    pub const ALL: [Event; 5] = [
        Event::Cycles,
        Event::Instructions,
        Event::BranchMisses,
        Event::LlcMisses,
        Event::DtlbMisses,
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Event::Cycles => "cycles",
            Event::Instructions => "instructions",
            Event::BranchMisses => "branch misses",
            Event::LlcMisses => "LLC misses",
            Event::DtlbMisses => "dTLB misses",
        }
    }
}

/// Counts, with the time that they are about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// By [`Event`], as read; `None` for one that cannot be had.
    pub events: [Option<u64>; Event::ALL.len()],
    /// Nanoseconds in which the counters were switched on and their thread had a core.
    pub enabled_ns: u64,
    /// Of these, those in which they counted: less where the kernel shares the processor's counters
    /// out among several programs that want them.
    pub running_ns: u64,
}

impl Counts {
    /// The sum; `None` where there is nothing to add up, or one of them is missing: a part would pass
    /// for the whole.
    #[must_use]
    pub fn sum(all: &[Option<Counts>]) -> Option<Counts> {
        let all: Option<Vec<Counts>> = all.iter().copied().collect();
        all?.into_iter().reduce(|sum, one| Counts {
            events: std::array::from_fn(|event| {
                let both = sum.events[event].zip(one.events[event]);
                both.map(|(sum, one)| sum + one)
            }),
            enabled_ns: sum.enabled_ns + one.enabled_ns,
            running_ns: sum.running_ns + one.running_ns,
        })
    }

    /// The count of an event, scaled up to all the time where the counters ran for a part of it only;
    /// `None` where it cannot be had, or they never ran.
    #[must_use]
    pub fn scaled(&self, event: Event) -> Option<u64> {
        let count = self.events[event as usize]?;
        if self.running_ns == self.enabled_ns {
            return Some(count);
        }
        let (count, running) = (u128::from(count), u128::from(self.running_ns));
        let scaled = (count * u128::from(self.enabled_ns) + running / 2).checked_div(running)?;
        u64::try_from(scaled).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(cycles: Option<u64>, enabled_ns: u64, running_ns: u64) -> Counts {
        let mut events = [Some(7); 5];
        events[Event::Cycles as usize] = cycles;
        Counts {
            events,
            enabled_ns,
            running_ns,
        }
    }

    #[test]
    fn counts_of_a_part_of_the_time_are_scaled_to_all_of_it() {
        for (count, enabled, running, wanted) in [
            (Some(1000), 50, 50, Some(1000)),
            (Some(1000), 0, 0, Some(1000)),
            (Some(1000), 40, 10, Some(4000)),
            (Some(1), 3, 2, Some(2)),
            (Some(u64::MAX / 2), u64::MAX, u64::MAX / 2, Some(u64::MAX)),
            // What never ran has counted nothing, which is no zero.
            (Some(0), 40, 0, None),
            (None, 40, 40, None),
            (Some(u64::MAX), 2, 1, None),
        ] {
            let scaled = counts(count, enabled, running).scaled(Event::Cycles);
            assert_eq!(scaled, wanted, "{count:?} {enabled} {running}");
        }
        for (place, event) in Event::ALL.into_iter().enumerate() {
            assert_eq!(event as usize, place);
        }
    }

    #[test]
    fn a_sum_lacks_what_one_of_its_parts_lacks() {
        let both = [Some(counts(Some(3), 10, 5)), Some(counts(Some(4), 20, 20))];
        let sum = Counts::sum(&both).unwrap();
        assert_eq!(
            sum.events,
            [Some(7), Some(14), Some(14), Some(14), Some(14)]
        );
        assert_eq!((sum.enabled_ns, sum.running_ns), (30, 25));
        let sum = Counts::sum(&[both[0], Some(counts(None, 1, 1))]).unwrap();
        assert_eq!((sum.events[0], sum.events[1]), (None, Some(14)));
        assert_eq!(Counts::sum(&[both[0], None]), None);
        assert_eq!(Counts::sum(&[]), None);
    }

    #[test]
    fn counts_go_to_the_parent_and_back() {
        let sent = serde_json::to_string(&counts(None, 2, 1)).unwrap();
        let back: Counts = serde_json::from_str(&sent).unwrap();
        assert_eq!(back, counts(None, 2, 1));
    }
}
