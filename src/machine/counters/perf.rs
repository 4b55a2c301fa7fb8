//! Counters through Linux's `perf_event_open`: one group for each thread, so that all of its events
//! are about the same stretches of time.

use std::hint::black_box;
use std::io;
use std::path::Path;
use std::sync::OnceLock;

use perf_event::events::{Cache, CacheId, CacheOp, CacheResult, Hardware};
use perf_event::{Builder, Counter, Group};

use super::counts::{Counts, Event};
use super::lack::{Lack, Seen, paranoid};

/// The counters of one thread; opened, switched and read by the thread itself.
pub struct Counters {
    /// `None` where nothing can be counted.
    opened: Option<Opened>,
}

struct Opened {
    group: Group,
    members: Vec<(Event, Counter)>,
    /// The reading that was taken last: the kernel's times are never set back.
    taken: Counts,
}

impl Counters {
    /// Of the calling thread; they stand still until [`Counters::resume`].
    #[must_use]
    pub fn of_this_thread() -> Counters {
        let wanted: Vec<_> = seen()
            .counted
            .iter()
            .map(|&event| (event, builder_of(event)))
            .collect();
        let opened = Opened::of(&wanted).ok().map(|(opened, _)| opened);
        Counters {
            opened: opened.filter(|opened| !opened.members.is_empty()),
        }
    }

    /// Goes on counting; costs a system call.
    pub fn resume(&mut self) {
        self.switch(Group::enable);
    }

    /// Stops counting; costs a system call.
    pub fn pause(&mut self) {
        self.switch(Group::disable);
    }

    fn switch(&mut self, to: fn(&mut Group) -> io::Result<()>) {
        let failed = self
            .opened
            .as_mut()
            .is_some_and(|opened| to(&mut opened.group).is_err());
        if failed {
            // Counts of an unknown stretch are none.
            self.opened = None;
        }
    }

    /// Whether anything is counted.
    #[must_use]
    pub fn are_there(&self) -> bool {
        self.opened.is_some()
    }

    /// What was counted since it was last taken; `None` where nothing was.
    pub fn take(&mut self) -> Option<Counts> {
        let opened = self.opened.as_mut()?;
        let now = opened.read().ok()?;
        let grown = grown(&now, &opened.taken);
        opened.taken = now;
        (grown.enabled_ns > 0).then_some(grown)
    }

    /// Opens what can be opened, and counts with it for a moment.
    pub(super) fn look() -> Seen {
        look_at(Event::ALL.map(|event| (event, builder_of(event))).to_vec())
    }
}

/// The event as `perf` has it: `cycles:u`, `instructions:u`, `branch-misses:u`, `LLC-load-misses:u`,
/// `dTLB-load-misses:u`. Builders leave kernel and hypervisor out by themselves.
///
/// The generic `cache-misses` is not taken for the last level: on some processors it is the second.
fn builder_of(event: Event) -> Builder<'static> {
    let read_misses = |which| Cache {
        which,
        operation: CacheOp::READ,
        result: CacheResult::MISS,
    };
    match event {
        Event::Cycles => Builder::new(Hardware::CPU_CYCLES),
        Event::Instructions => Builder::new(Hardware::INSTRUCTIONS),
        Event::BranchMisses => Builder::new(Hardware::BRANCH_MISSES),
        Event::LlcMisses => Builder::new(read_misses(CacheId::LL)),
        Event::DtlbMisses => Builder::new(read_misses(CacheId::DTLB)),
    }
}

fn look_at(mut wanted: Vec<(Event, Builder<'static>)>) -> Seen {
    let paranoid = paranoid(Path::new("/"));
    let mut lacking = Vec::new();
    loop {
        let (opened, refused) = match Opened::of(&wanted) {
            Ok(opened) => opened,
            Err(error) => return Seen::nothing(&lack_of(&error, paranoid)),
        };
        for (event, error) in refused {
            wanted.retain(|(other, _)| *other != event);
            lacking.push((event, lack_of(&error, paranoid)));
        }
        // The kernel takes in a group that never runs, where counters are held by others, its own
        // watchdog among them.
        if opened.members.is_empty() || opened.runs() {
            break;
        }
        lacking.extend(wanted.pop().map(|(event, _)| (event, Lack::NoRoom)));
    }
    if wanted.is_empty() && lacking.iter().all(|(_, lack)| *lack == Lack::NoSuchEvent) {
        return Seen::nothing(&Lack::NoCounters);
    }
    Seen {
        counted: wanted.into_iter().map(|(event, _)| event).collect(),
        lacking,
    }
}

fn lack_of(error: &io::Error, paranoid: Option<i64>) -> Lack {
    match error.raw_os_error() {
        Some(libc::ENOENT | libc::ENODEV | libc::EOPNOTSUPP) => Lack::NoSuchEvent,
        Some(libc::EACCES | libc::EPERM) => Lack::NotAllowed(paranoid),
        // A group that the processor could not hold is invalid.
        Some(libc::EINVAL | libc::ENOSPC | libc::EBUSY) => Lack::NoRoom,
        Some(libc::ENOSYS) => Lack::NoInterface,
        _ => Lack::Other(error.to_string()),
    }
}

impl Opened {
    /// A group of this thread's with the events that the kernel takes in, and those that it does not.
    fn of(wanted: &[(Event, Builder<'static>)]) -> io::Result<(Opened, Vec<(Event, io::Error)>)> {
        let mut opened = Opened {
            group: Group::new()?,
            members: Vec::new(),
            taken: Counts::default(),
        };
        let mut refused = Vec::new();
        for (event, builder) in wanted {
            match opened.group.add(builder) {
                Ok(counter) => opened.members.push((*event, counter)),
                Err(error) => refused.push((*event, error)),
            }
        }
        Ok((opened, refused))
    }

    fn read(&mut self) -> io::Result<Counts> {
        let data = self.group.read()?;
        let ns = |time: Option<std::time::Duration>| {
            time.map_or(0, |time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
        };
        let mut counts = Counts {
            enabled_ns: ns(data.time_enabled()),
            running_ns: ns(data.time_running()),
            ..Counts::default()
        };
        for (event, counter) in &self.members {
            counts.events[*event as usize] = data.get(counter).map(|entry| entry.value());
        }
        Ok(counts)
    }

    /// Whether the processor has room for the whole group.
    fn runs(self) -> bool {
        let mut counters = Counters { opened: Some(self) };
        counters.resume();
        black_box((0..10_000_u64).fold(0, |sum, n| sum ^ black_box(n)));
        counters.pause();
        counters.take().is_some_and(|counts| counts.running_ns > 0)
    }
}

/// What was added since an earlier reading of the same group.
fn grown(now: &Counts, earlier: &Counts) -> Counts {
    Counts {
        events: std::array::from_fn(|event| {
            let earlier = earlier.events[event].unwrap_or(0);
            now.events[event].map(|count| count.saturating_sub(earlier))
        }),
        enabled_ns: now.enabled_ns.saturating_sub(earlier.enabled_ns),
        running_ns: now.running_ns.saturating_sub(earlier.running_ns),
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
    use perf_event::events::Software;
    use std::time::{Duration, Instant};

    /// Events that the kernel counts by itself, in the places of those of the processor.
    fn software() -> Vec<(Event, Builder<'static>)> {
        vec![
            (Event::Cycles, Builder::new(Software::TASK_CLOCK)),
            (Event::DtlbMisses, Builder::new(Software::PAGE_FAULTS)),
        ]
    }

    fn spin() {
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(2) {}
    }

    /// Too large for any heap to have it lying about.
    fn fault() {
        drop(black_box(vec![1_u8; 64 << 20]));
    }

    #[test]
    fn a_group_counts_between_resume_and_pause_and_nowhere_else() {
        let seen = look_at(software());
        let (opened, refused) = match Opened::of(&software()) {
            Ok(opened) => opened,
            Err(error) => {
                // A container that forbids the call altogether.
                let lack = lack_of(&error, paranoid(Path::new("/")));
                assert_eq!(seen, Seen::nothing(&lack));
                return;
            }
        };
        assert!(refused.is_empty(), "{refused:?}");
        assert_eq!(seen.counted, [Event::Cycles, Event::DtlbMisses]);
        assert_eq!(seen.missing(), None);
        let mut counters = Counters {
            opened: Some(opened),
        };
        assert_eq!(counters.take(), None);
        fault();
        assert_eq!(counters.take(), None);
        counters.resume();
        fault();
        spin();
        counters.pause();
        fault();
        let first = counters.take().unwrap();
        assert!(
            first.events[Event::DtlbMisses as usize] > Some(0),
            "{first:?}"
        );
        assert_eq!(first.events[Event::Instructions as usize], None);
        assert!(first.enabled_ns > 0);
        assert_eq!(first.running_ns, first.enabled_ns);
        // The task clock counts the very nanoseconds that the group runs, but for its switching.
        let clock = first.scaled(Event::Cycles).unwrap();
        assert!(
            clock.abs_diff(first.enabled_ns) <= first.enabled_ns / 2,
            "{first:?}"
        );

        counters.resume();
        spin();
        counters.pause();
        let second = counters.take().unwrap();
        let faults = |counts: &Counts| counts.events[Event::DtlbMisses as usize];
        assert!(faults(&second) < faults(&first), "{first:?} {second:?}");
        assert_eq!(counters.take(), None);
    }

    #[test]
    fn an_event_that_is_not_there_leaves_the_others() {
        let mut wanted = software();
        // A type of event that no kernel has.
        let mut nonsense = Builder::new(Software::DUMMY);
        nonsense.attrs_mut().type_ = 0x7fff_0000;
        wanted.insert(1, (Event::LlcMisses, nonsense.clone()));
        if Group::new().is_ok() {
            let seen = look_at(wanted);
            assert_eq!(seen.counted, [Event::Cycles, Event::DtlbMisses]);
            assert_eq!(seen.lacking, [(Event::LlcMisses, Lack::NoSuchEvent)]);
            let seen = look_at(vec![(Event::LlcMisses, nonsense)]);
            assert_eq!(seen, Seen::nothing(&Lack::NoCounters));
        }
    }

    #[test]
    fn errors_of_the_kernel_become_reasons() {
        let lack = |errno| lack_of(&io::Error::from_raw_os_error(errno), Some(3));
        assert_eq!(lack(libc::ENOENT), Lack::NoSuchEvent);
        assert_eq!(lack(libc::EACCES), Lack::NotAllowed(Some(3)));
        assert_eq!(lack(libc::EPERM), Lack::NotAllowed(Some(3)));
        assert_eq!(lack(libc::EINVAL), Lack::NoRoom);
        assert_eq!(lack(libc::ENOSYS), Lack::NoInterface);
        assert!(matches!(lack(libc::EMFILE), Lack::Other(text) if text.contains("open files")));
    }

    #[test]
    fn a_reading_grows_by_what_was_added() {
        let at = |cycles, enabled_ns, running_ns| Counts {
            events: [Some(cycles), None, None, None, None],
            enabled_ns,
            running_ns,
        };
        assert_eq!(grown(&at(70, 30, 20), &at(50, 10, 5)), at(20, 20, 15));
        assert_eq!(grown(&at(70, 30, 20), &Counts::default()), at(70, 30, 20));
    }
}
