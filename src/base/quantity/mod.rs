//! Quantities: one grammar for counts, sizes, times, rates, shares and lists, in flags, specs and files.
//!
//! | what | examples | units |
//! |---|---|---|
//! | number | `1000000`, `1_000_000`, `1.5`, `1e6`, `2^20` | |
//! | count | `10M`, `64Ki` | `k`, `M`, `G`, `T` for 10^3 to 10^12; `Ki`, `Mi`, `Gi`, `Ti` for 2^10 to 2^40 |
//! | size | `64MB`, `64MiB` | those of a count, with or without `B`; a bare number is bytes |
//! | time | `200us`, `1.5s`, `1m` | `ns`, `us`, `ms`, `s`, `m`, `h` |
//! | rate | `100k`, `1e6` | those of a count, with or without `/s` |
//! | share | `2%` | `%`; a bare number is per cent, and refused below 1 |
//! | factor | `2x` | with or without `x` |
//! | list | `1,2`, `1-4` | commas; a range of counts stands for each of them |
//!
//! What a quantity is, its type says ([`Written`]); every reader goes through it. Units are written as above: `m`
//! is minutes and `M` is 10^6.

mod bytes;
mod count;
mod number;
mod rate;
mod share;
mod time;
mod written;

pub use bytes::ByteCount;
pub use count::{Counts, counted, human_integer, read_range, things, within};
pub use rate::{Factor, PerSecond};
pub use share::{Fraction, Percent, Percentage, Weight, some_percentage};
pub use time::{Milliseconds, Nanoseconds, Seconds};
pub use written::{Written, list, of, one, one_of, some, some_list, some_of, texts};

pub(super) use number::float;

/// The nearest whole number of what is not negative: a rate, a time, a count. Saturates.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "not negative, and a cast keeps within the type"
)]
#[must_use]
pub fn whole(number: f64) -> u64 {
    libm::round(number) as u64
}
