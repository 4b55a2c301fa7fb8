//! The load in the place of a timed loop: slices, open loops and samples, as the worker of a child asks for them.

use super::client::{Client, Ended};
use super::lane::Times;
use crate::bench::{Longest, Pacer, Ran, Recorder, Stretch};
use crate::machine;
use crate::workload::{Op, Segment};

/// Behind its schedule an open loop looks for answers after so many operations.
const LOOK_EVERY: usize = 8;

impl Client<'_> {
    /// Hands over what has ended.
    fn drain(&mut self, mut each: impl FnMut(Ended)) {
        self.ended.drain(..).for_each(&mut each);
    }

    /// Begins the operations of an open loop, each when it is due; returns what they came to.
    fn paced(
        &mut self,
        segment: &Segment,
        from: usize,
        pacer: &mut Pacer,
        stretch: Stretch,
    ) -> Ran {
        let mut ran = Ran::default();
        for (at, op) in segment.ops.iter().enumerate().skip(from) {
            let due_ns = pacer.due_ns(segment, at);
            if due_ns >= stretch.end_ns || self.is_broken() {
                ran.over = true;
                break;
            }
            let due_at_ns = stretch.base_ns + due_ns;
            let mut now_ns = machine::now_ns();
            while now_ns < due_at_ns && !self.is_broken() {
                self.wait_for(segment, due_at_ns - now_ns);
                record(self, pacer);
                now_ns = machine::now_ns();
            }
            if now_ns >= stretch.give_up_ns {
                (ran.over, ran.gave_up) = (true, true);
                break;
            }
            let keep = due_ns >= stretch.keep_from_ns;
            let times = Times {
                due_ns: due_at_ns,
                began_ns: 0,
                keep,
            };
            self.begin(segment, op, times);
            if now_ns > due_at_ns && at.is_multiple_of(LOOK_EVERY) {
                // Behind its schedule it does not wait, and answers must not lie unread.
                self.wait_for(segment, 0);
            }
            record(self, pacer);
            pacer.advance();
            ran.ops += 1;
            ran.discarded += usize::from(!keep);
            ran.last_due_ns = due_ns;
        }
        self.finish(segment);
        record(self, pacer);
        ran.last_ns = machine::now_ns();
        ran
    }
}

/// Puts what has ended in an open loop into histograms.
fn record(client: &mut Client<'_>, pacer: &mut Pacer) {
    client.drain(|Ended { times, at_ns }| {
        if times.keep {
            let service_ns = at_ns.saturating_sub(times.began_ns);
            pacer
                .recorder
                .open(at_ns.saturating_sub(times.due_ns), service_ns, at_ns);
        } else {
            pacer.recorder.start(at_ns);
        }
    });
}

impl Client<'_> {
    /// Begins operations as connections take them.
    pub(super) fn run(&mut self, segment: &Segment, ops: &[Op]) {
        for op in ops {
            self.begin(segment, op, Times::default());
        }
        if self.is_broken() {
            // A thread that only counts on would use up a processor until its slice is over.
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    }

    /// Begins operations when they are due, and waits for the last of them.
    pub(super) fn run_paced(
        &mut self,
        segment: &Segment,
        from: usize,
        pacer: &mut Pacer,
        stretch: Stretch,
    ) -> Ran {
        (self.timed, self.open_loop) = (true, true);
        let ran = self.paced(segment, from, pacer, stretch);
        (self.timed, self.open_loop) = (false, false);
        ran
    }

    /// Begins operations and has the last one clocked, in its place among the others; what one took that was clocked
    /// in this call or an earlier one, where it has ended, and the time now.
    pub(super) fn run_sampled(&mut self, segment: &Segment, ops: &[Op]) -> (Option<u64>, u64) {
        let Some((last, others)) = ops.split_last() else {
            return (None, machine::now_ns());
        };
        self.run(segment, others);
        self.timed = true;
        self.begin(segment, last, Times::default());
        let mut took_ns = None;
        self.drain(|one| {
            if one.times.began_ns > 0 {
                took_ns = Some(one.at_ns.saturating_sub(one.times.began_ns));
            }
        });
        self.timed = false;
        (took_ns, machine::now_ns())
    }

    /// Runs operations and clocks each.
    pub(super) fn run_clocked(
        &mut self,
        segment: &Segment,
        ops: &[Op],
        longest: &mut Longest,
        recorder: &mut Recorder,
    ) {
        self.timed = true;
        let mut note = |Ended { times, at_ns }: Ended| {
            let took_ns = at_ns.saturating_sub(times.began_ns);
            longest.ns = longest.ns.max(took_ns);
            recorder.clocked(took_ns, at_ns);
        };
        for op in ops {
            self.begin(segment, op, Times::default());
            self.drain(&mut note);
        }
        self.finish(segment);
        self.drain(&mut note);
        self.timed = false;
    }
}
