//! The journal of a table's resizes: a bounded ring of events with their times.

use std::collections::VecDeque;
use std::sync::Mutex;

/// What happened to the bucket array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// A resize began: from here operations may wait or see two arrays.
    Begin,
    /// A part of an incremental resize was done.
    Step,
    /// The resize is complete.
    End,
}

impl EventKind {
    /// The word used in files.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            EventKind::Begin => "begin",
            EventKind::Step => "step",
            EventKind::End => "end",
        }
    }
}

/// One entry of the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// When, in nanoseconds of the table's clock.
    pub at_ns: u64,
    /// What.
    pub kind: EventKind,
    /// Buckets before the resize.
    pub from_buckets: u64,
    /// Buckets after it.
    pub to_buckets: u64,
}

/// A bounded ring of resize events: the newest are kept, what fell out is counted.
///
/// Resizes are rare, so a mutex is cheap enough; the times come from the caller, because nothing
/// below the harness reads a clock of its own.
#[derive(Debug)]
pub struct Journal {
    ring: Mutex<Ring>,
}

#[derive(Debug)]
struct Ring {
    events: VecDeque<Event>,
    capacity: usize,
    dropped: u64,
}

impl Journal {
    /// An empty journal that keeps the newest `capacity` events.
    #[must_use]
    pub fn new(capacity: usize) -> Journal {
        let ring = Ring {
            events: VecDeque::with_capacity(capacity),
            capacity,
            dropped: 0,
        };
        Journal {
            ring: Mutex::new(ring),
        }
    }

    /// Adds an event.
    pub fn note(&self, event: Event) {
        let mut ring = self.lock();
        if ring.events.len() == ring.capacity {
            ring.events.pop_front();
            ring.dropped += 1;
        }
        if ring.capacity > 0 {
            ring.events.push_back(event);
        }
    }

    /// Takes the events noted since the last call, oldest first, and how many had fallen out.
    #[must_use]
    pub fn drain(&self) -> (Vec<Event>, u64) {
        let mut ring = self.lock();
        let dropped = std::mem::take(&mut ring.dropped);
        (ring.events.drain(..).collect(), dropped)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Ring> {
        // A panic between two pushes leaves a ring that is still well formed.
        self.ring
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_are_kept_and_the_rest_counted() {
        let journal = Journal::new(2);
        for at_ns in 0..5 {
            let kind = EventKind::Step;
            journal.note(Event {
                at_ns,
                kind,
                from_buckets: 1,
                to_buckets: 2,
            });
        }
        let (events, dropped) = journal.drain();
        assert_eq!(events.iter().map(|e| e.at_ns).collect::<Vec<_>>(), [3, 4]);
        assert_eq!(dropped, 3);
        assert_eq!(journal.drain(), (vec![], 0));
    }
}
