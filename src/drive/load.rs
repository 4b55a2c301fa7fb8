//! A client in its worker: what cannot be counted is told to the child, and what cannot be reached is a failure.

use std::sync::atomic::{AtomicBool, Ordering};

use super::client::Client;
use crate::bench::{Chunks, Longest, Pacer, Ran, Recorder, Stretch, Tally};
use crate::workload::{Op, Segment};

/// A client, and the flag of the child that its entries cannot be counted by outcomes.
pub(super) struct Load<'s> {
    pub(super) client: Client<'s>,
    pub(super) uncounted: &'s AtomicBool,
}

impl Chunks for Load<'_> {
    fn prepare(&mut self, segment: &Segment) {
        self.client.prepare(segment);
    }

    fn quiesce(&mut self) {}

    fn tally(&mut self) -> &mut Tally {
        self.client.tally()
    }

    fn finish(&mut self, segment: &Segment) {
        self.client.finish(segment);
        if self.client.uncounted {
            self.uncounted.store(true, Ordering::Relaxed);
        }
    }

    fn broken(&mut self) -> Option<String> {
        self.client.broken()
    }

    fn run(&mut self, segment: &Segment, ops: &[Op]) {
        self.client.run(segment, ops);
    }

    fn run_hash_only(&mut self, _segment: &Segment, _ops: &[Op]) {
        // Servers hash: what the load itself does about a key is part of what the control shows.
    }

    fn run_paced(
        &mut self,
        segment: &Segment,
        from: usize,
        pacer: &mut Pacer,
        stretch: Stretch,
    ) -> Ran {
        self.client.run_paced(segment, from, pacer, stretch)
    }

    fn run_sampled(&mut self, segment: &Segment, ops: &[Op]) -> (Option<u64>, u64) {
        self.client.run_sampled(segment, ops)
    }

    fn run_clocked(
        &mut self,
        segment: &Segment,
        ops: &[Op],
        longest: &mut Longest,
        recorder: &mut Recorder,
    ) {
        self.client.run_clocked(segment, ops, longest, recorder);
    }
}

/// A server that this thread cannot connect to: why.
pub(super) struct Unreachable(pub(super) String, pub(super) Tally);

impl Chunks for Unreachable {
    fn prepare(&mut self, _segment: &Segment) {}

    fn quiesce(&mut self) {}

    fn tally(&mut self) -> &mut Tally {
        &mut self.1
    }

    fn broken(&mut self) -> Option<String> {
        Some(self.0.clone())
    }

    fn run(&mut self, _segment: &Segment, _ops: &[Op]) {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }

    fn run_hash_only(&mut self, _segment: &Segment, _ops: &[Op]) {}

    fn run_paced(
        &mut self,
        _segment: &Segment,
        _from: usize,
        _pacer: &mut Pacer,
        _stretch: Stretch,
    ) -> Ran {
        Ran {
            over: true,
            ..Ran::default()
        }
    }

    fn run_sampled(&mut self, _segment: &Segment, _ops: &[Op]) -> (Option<u64>, u64) {
        (None, crate::machine::now_ns())
    }

    fn run_clocked(
        &mut self,
        _segment: &Segment,
        _ops: &[Op],
        _longest: &mut Longest,
        _recorder: &mut Recorder,
    ) {
    }
}
