//! Floor 2: workloads: keys, sizes, operations, and their order.
//!
//! A [`Workload`] is plain data, readable from a suite and sent to children as JSON. From it,
//! a seed and a thread index alone come the prefill ([`Prefill`]) and the operations ([`Stream`]),
//! the same bytes on every machine.
//!
//! | file | what it knows |
//! |---|---|
//! | `plan`, `checks` | a workload as data, and what it may not be |
//! | `pace` | when operations begin, in an open loop |
//! | `preset` | the workloads with names |
//! | `distribution`, `picker`, `zipf`, `rejection`, `alias` | which record an operation picks |
//! | `power`, `modulus`, `decimal` | arithmetic for picking records and writing keys |
//! | `keys`, `naming`, `floods`, `size`, `law` | a record's key, and the lengths of both key and value |
//! | `searched` | keys that one process finds by search and hands to others |
//! | `segment` | operations as the timed loop reads them |
//! | `stream`, `drawn`, `replay` | where segments come from: drawn, or read from a trace |
//! | `presence` | what a thread can know of a key before it touches it |
//! | `versions` | how long ago a thread has written a key |
//! | `trace` | trace formats, the reading of their files, what a trace holds |

mod alias;
mod checks;
mod decimal;
mod distribution;
mod drawn;
mod draws;
mod floods;
mod keys;
mod law;
#[cfg(test)]
mod model_tests;
mod modulus;
mod naming;
mod pace;
mod picker;
mod plan;
#[cfg(test)]
mod plan_tests;
mod power;
mod presence;
mod preset;
mod rejection;
mod replay;
mod searched;
mod segment;
mod size;
mod stream;
mod trace;
mod versions;
mod zipf;

pub use distribution::KeyDistribution;
pub use keys::Prefill;
pub use law::Law;
pub use naming::Naming;
pub use pace::{Arrival, Arrivals, Pace, Pacing};
pub use plan::{Mix, OnMiss, Origin, Workload, absent_suffix};
pub use preset::{PRESETS, Preset, REFUSED, Refused, find as find_preset};
pub use searched::{handed, searched};
pub use segment::{Expect, Filled, Kind, NOT_KNOWN, Op, SEGMENT_BYTES_MAX, Segment};
pub use size::{Size, VALUE_BYTES_MAX};
pub use stream::Stream;
pub use trace::{
    Converted, FORMATS, FirstRows, Format, Holds, LeftOut, Oversize, Request, SizeFacts,
    TraceFacts, TraceOp, TraceProfile, TraceReader, TraceSource, ZipfFit, convert, find_format,
};
