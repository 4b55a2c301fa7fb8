//! Floor 0: the words that every floor shares. No I/O, no clock, no dependency on another floor.

mod bad_input;
mod between;
mod census;
mod journal;
mod key;
mod param;
mod percent;
mod quantity;
mod spec;

pub use bad_input::{BadInput, unknown_name};
pub use between::Between;
pub use census::{ByteSplit, Census, Usage};
pub use journal::{Event, EventKind, Journal};
pub use key::{Key, Worker};
pub use param::{Param, Params, Range};
pub use percent::Percent;
pub use quantity::{ByteCount, Nanoseconds, PerSecond, whole};
pub use spec::{Spec, SpecError, Value, expand_sweeps, human_integer, parse_count, parse_integer};
