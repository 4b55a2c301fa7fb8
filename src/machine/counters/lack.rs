//! What can be counted here, why not more, and what could be done about it.

use std::fmt::{self, Display, Formatter};
use std::fs;
use std::path::Path;

use super::counts::Event;

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
    pub(super) fn nothing(lack: &Lack) -> Seen {
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

/// Why no program can count on the machine whose file system starts at `root`, as far as files tell.
#[cfg_attr(
    all(feature = "counters", target_os = "linux", not(test)),
    expect(dead_code, reason = "the counters themselves tell more than files")
)]
pub(super) fn lack_of_machine(root: &Path) -> Option<Lack> {
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
pub(super) fn paranoid(root: &Path) -> Option<i64> {
    let text = fs::read_to_string(root.join("proc/sys/kernel/perf_event_paranoid")).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
