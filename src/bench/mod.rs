//! Floor 4: the timed loop and what surrounds one slice, inside a child process.
//!
//! A table under test lives in a child process of its own; the parent sends it one request a line
//! and gets one reply a line (`protocol`). [`child`] opens the table, fills it (`prefill`), keeps the worker
//! threads and their sessions across slices (`worker`), and each worker runs the timed loop
//! (`timed`): hash, table call, check that the bytes belong to the key, and nothing else. That loop alone is
//! compiled for each strategy; the rest calls it for a chunk of operations at a time (`erased`). What stands
//! between two operations is `gap`'s, what a value says of itself `stamp`'s, what is compared and counted `checks`'s.
//!
//! Latencies are measured in slices of their own kind, in an open loop (`paced`), and go to the parent
//! as histograms (`latency`).
//!
//! `micro` and `hashing` time one operation, or one hash function, in this process.

mod caught;
mod checks;
mod child;
mod clocked;
mod erased;
mod gap;
mod hashing;
mod latency;
mod micro;
mod paced;
mod pipe;
mod prefill;
mod protocol;
mod room;
mod stamp;
mod timed;
mod worker;

pub(crate) use checks::{Checks, Tally};
pub(crate) use child::{Beside, load_feeds, slices};
pub use child::{child, control_child};
pub(crate) use clocked::Longest;
pub(crate) use erased::Chunks;
pub use erased::TimedKind;
pub use hashing::{HashKeys, no_hash};
pub(crate) use latency::Recorder;
pub use latency::{Latencies, LongOp, SentHistogram, Window};
pub use micro::{Measure, MicroOp, Run, control_micro, micro};
pub(crate) use paced::{Pacer, Ran, Stretch};
pub use pipe::{Pipe, StdPipe};
pub use protocol::{
    CensusReply, Cut, Finished, LatencyOrder, Mark, Memory, Open, Opened, Reply, Request,
    ServerFacts, SliceOrder, Sliced, ThreadSlice,
};
pub(crate) use stamp::Stamps;
pub(crate) use timed::{grow_pattern, write_value};
pub(crate) use worker::Feed;
