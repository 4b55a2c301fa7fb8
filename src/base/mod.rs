//! Floor 0: the words that every floor shares. No I/O, no clock, no dependency on another floor.

mod asked;
mod bad_input;
mod between;
mod census;
mod journal;
mod key;
mod param;
mod quantity;
mod spec;

pub use asked::asked_in_words;
pub use bad_input::{BadInput, unknown_name};
pub use between::Between;
pub use census::{ByteSplit, Census, Usage};
pub use journal::{Event, EventKind, Journal};
pub use key::{Key, Worker};
pub use param::{Param, Params, Range};
pub use quantity::{
    ByteCount, Counts, Factor, Fraction, Milliseconds, Nanoseconds, PerSecond, Percent, Percentage,
    Seconds, Weight, Written, counted, human_integer, list, of, one, one_of, read_range, some,
    some_list, some_of, some_percentage, texts, things, whole, within,
};
pub use spec::{Spec, SpecError, Value, expand_sweeps, split_targets};
