//! Floor 2: workloads: which keys, how large, which operations, in which order.
//!
//! A [`Workload`] is plain data, readable from a suite and sent to children as JSON. From it,
//! a seed and a thread index alone come the prefill ([`Prefill`]) and the operations ([`Stream`]),
//! the same bytes on every machine.

mod distribution;
mod keys;
mod plan;
mod preset;
mod size;
mod stream;
mod trace;

pub use distribution::KeyDistribution;
pub use keys::Prefill;
pub use plan::{Mix, OnMiss, TraceSource, Workload};
pub use preset::{PRESETS, Preset, find as find_preset};
pub use size::Size;
pub use stream::{Expect, Kind, Op, Segment, Stream};
pub use trace::{FORMATS, Format, TraceFacts};
