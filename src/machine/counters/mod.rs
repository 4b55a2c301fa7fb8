//! Hardware counters of the threads that work on a table: cycles, instructions and misses, in user
//! space alone.
//!
//! Built with the feature `counters` they are read through Linux's `perf_event_open`; built without
//! it, or on a machine that has none, there are no counts, and [`Seen`] says why. Nothing is read or
//! switched within a timed loop.

#[cfg(not(all(feature = "counters", target_os = "linux")))]
mod absent;
#[cfg(all(feature = "counters", target_os = "linux"))]
mod perf;

use std::fmt::{self, Display, Formatter};
use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

#[cfg(not(all(feature = "counters", target_os = "linux")))]
pub use absent::Counters;
#[cfg(all(feature = "counters", target_os = "linux"))]
pub use perf::Counters;

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

/// Why an event is not counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lack {
    /// The program was built without the feature.
    NotBuiltIn,
    /// The machine has no counters at all.
    NoCounters,
    /// It has counters, but none for this.
    NoSuchEvent,
    /// It has too few of them to count this beside the others.
    NoRoom,
    /// They may not be read; what `kernel.perf_event_paranoid` is, where that is known.
    NotAllowed(Option<i64>),
    /// The kernel has no `perf_event_open`.
    NoInterface,
    /// What the kernel said.
    Other(String),
}

/// The highest `kernel.perf_event_paranoid` at which a process may count what it does in user space
/// itself; 3 and more are a patch of some distributions, and forbid everything.
const PARANOID: i64 = 2;

impl Lack {
    /// What to do about it, a command where there is one; empty where nothing can be done.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match self {
            Lack::NotBuiltIn => "cargo build --release --features counters",
            Lack::NotAllowed(Some(level)) if *level > PARANOID => {
                "echo 2 | sudo tee /proc/sys/kernel/perf_event_paranoid"
            }
            _ => "",
        }
    }
}

impl Display for Lack {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Lack::NotBuiltIn => write!(f, "not built in: {}", self.advice()),
            Lack::NoCounters => f.write_str("this machine has no hardware counters"),
            Lack::NoSuchEvent => f.write_str("this machine has no counter of them"),
            Lack::NoRoom => f.write_str("too few counters are free to count them beside the others"),
            Lack::NotAllowed(Some(level)) if *level > PARANOID => write!(
                f,
                "not allowed: kernel.perf_event_paranoid is {level}; {PARANOID} or less would be"
            ),
            Lack::NotAllowed(_) => f.write_str(
                "not allowed, though kernel.perf_event_paranoid does not forbid it: a container may",
            ),
            Lack::NoInterface => f.write_str("the kernel has no perf events"),
            Lack::Other(error) => f.write_str(error),
        }
    }
}

/// What this process can count, and what not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// What it can.
    pub counted: Vec<Event>,
    /// What it cannot, and why.
    pub lacking: Vec<(Event, Lack)>,
}

impl Seen {
    /// Nothing can be counted, for this one reason.
    fn nothing(lack: &Lack) -> Seen {
        Seen {
            counted: Vec::new(),
            lacking: Event::ALL.map(|event| (event, lack.clone())).to_vec(),
        }
    }

    /// What is not counted and why, in one line; `None` where everything is.
    #[must_use]
    pub fn missing(&self) -> Option<String> {
        let mut reasons: Vec<(&Lack, Vec<&str>)> = Vec::new();
        for (event, lack) in &self.lacking {
            match reasons.iter_mut().find(|(other, _)| *other == lack) {
                Some((_, names)) => names.push(event.name()),
                None => reasons.push((lack, vec![event.name()])),
            }
        }
        match reasons.as_slice() {
            [] => None,
            // One reason that goes for all needs no names.
            [(lack, _)] if self.counted.is_empty() => Some(lack.to_string()),
            some => {
                let parts = some.iter().map(|(lack, names)| {
                    let names = names.join(", ");
                    format!("{names}: {lack}")
                });
                Some(parts.collect::<Vec<_>>().join("; "))
            }
        }
    }
}

impl Display for Seen {
    /// `cycles, instructions; not dTLB misses: this machine has no counter of them`.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.counted.iter().map(|event| event.name()).collect();
        match (names.as_slice(), self.missing()) {
            ([], missing) => write!(f, "none: {}", missing.unwrap_or_default()),
            (some, None) => f.write_str(&some.join(", ")),
            (some, Some(missing)) => write!(f, "{}; not {missing}", some.join(", ")),
        }
    }
}

/// What this process can count; looked at once, by counting with each.
pub fn seen() -> &'static Seen {
    static SEEN: OnceLock<Seen> = OnceLock::new();
    SEEN.get_or_init(Counters::look)
}

/// Why no program can count on the machine whose file system starts at `root`, as far as files tell.
#[cfg_attr(
    all(feature = "counters", target_os = "linux", not(test)),
    expect(dead_code, reason = "the counters themselves tell more than files")
)]
fn lack_of_machine(root: &Path) -> Option<Lack> {
    let devices = root.join("sys/bus/event_source/devices");
    let has_unit = fs::read_dir(devices).is_ok_and(|devices| {
        devices.flatten().any(|device| {
            let name = device.file_name();
            // Hybrid processors have a unit for each kind of core; Arm's are named after the core.
            let name = name.to_string_lossy();
            name.starts_with("cpu") || name.starts_with("armv")
        })
    });
    if !has_unit {
        return Some(Lack::NoCounters);
    }
    match paranoid(root) {
        None => Some(Lack::NoInterface),
        level if level > Some(PARANOID) => Some(Lack::NotAllowed(level)),
        Some(_) => None,
    }
}

/// `kernel.perf_event_paranoid`.
fn paranoid(root: &Path) -> Option<i64> {
    let text = fs::read_to_string(root.join("proc/sys/kernel/perf_event_paranoid")).ok()?;
    text.trim().parse().ok()
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

    #[test]
    fn what_cannot_be_had_is_told_with_its_reason() {
        let all = Seen {
            counted: Event::ALL.to_vec(),
            lacking: Vec::new(),
        };
        assert_eq!(all.missing(), None);
        let names = "cycles, instructions, branch misses, LLC misses, dTLB misses";
        assert_eq!(all.to_string(), names);
        let built = "not built in: cargo build --release --features counters";
        let none = Seen::nothing(&Lack::NotBuiltIn);
        assert_eq!(none.missing().as_deref(), Some(built));
        assert_eq!(none.to_string(), format!("none: {built}"));
        let part = Seen {
            counted: vec![Event::Cycles, Event::Instructions],
            lacking: vec![
                (Event::LlcMisses, Lack::NoSuchEvent),
                (Event::BranchMisses, Lack::NoRoom),
                (Event::DtlbMisses, Lack::NoSuchEvent),
            ],
        };
        assert_eq!(
            part.to_string(),
            "cycles, instructions; not LLC misses, dTLB misses: this machine has no counter of them; \
             branch misses: too few counters are free to count them beside the others"
        );
        let forbidden = Lack::NotAllowed(Some(4));
        assert_eq!(
            forbidden.to_string(),
            "not allowed: kernel.perf_event_paranoid is 4; 2 or less would be"
        );
        assert!(forbidden.advice().contains("perf_event_paranoid"));
        for level in [None, Some(2)] {
            let elsewhere = Lack::NotAllowed(level);
            assert!(elsewhere.to_string().contains("a container may"));
            assert_eq!(elsewhere.advice(), "");
        }
        let no_counters = Lack::NoCounters.to_string();
        assert_eq!(no_counters, "this machine has no hardware counters");
    }

    #[test]
    fn files_tell_of_a_machine_without_counters_and_of_one_that_forbids_them() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(lack_of_machine(root.path()), Some(Lack::NoCounters));
        for unit in ["cpu_core", "armv8_pmuv3_0"] {
            let root = tempfile::tempdir().unwrap();
            let devices = root.path().join("sys/bus/event_source/devices");
            fs::create_dir_all(devices.join("software")).unwrap();
            assert_eq!(lack_of_machine(root.path()), Some(Lack::NoCounters));
            fs::create_dir_all(devices.join(unit)).unwrap();
            assert_eq!(lack_of_machine(root.path()), Some(Lack::NoInterface));
            let paranoid = root.path().join("proc/sys/kernel");
            fs::create_dir_all(&paranoid).unwrap();
            let forbidden = Some(Lack::NotAllowed(Some(3)));
            for (level, wanted) in [("3\n", forbidden), ("2\n", None), ("-1\n", None)] {
                fs::write(paranoid.join("perf_event_paranoid"), level).unwrap();
                assert_eq!(lack_of_machine(root.path()), wanted);
            }
        }
    }

    #[test]
    fn this_process_counts_or_says_why_not() {
        let seen = seen();
        assert_eq!(seen.counted.len() + seen.lacking.len(), Event::ALL.len());
        assert!(!seen.to_string().is_empty());
        let mut counters = Counters::of_this_thread();
        counters.resume();
        std::hint::black_box((0..100_000_u64).fold(0, |sum, n| sum ^ std::hint::black_box(n)));
        counters.pause();
        let counts = counters.take();
        assert_eq!(counts.is_none(), seen.counted.is_empty());
        for event in Event::ALL {
            let count = counts.and_then(|counts| counts.events[event as usize]);
            assert_eq!(count.is_some(), seen.counted.contains(&event), "{event:?}");
        }
        let instructions = counts.and_then(|counts| counts.scaled(Event::Instructions));
        assert!(instructions.is_none_or(|count| count > 100_000));
    }
}
