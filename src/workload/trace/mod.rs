//! Trace formats and the reading of their files.
//!
//! | format | layout |
//! |---|---|
//! | `keys` | one key a line |
//! | `twitter` | the CSV of Yang, Yue and Rashmi (OSDI 2020) |
//! | `cachelib` | the CSV of `CacheLib`'s key-value traces, columns found by name |
//! | `oracle-general` | libCacheSim's packed records of 24 bytes |
//! | `ycsb` | what a YCSB implementation prints |
//!
//! A [`TraceReader`] goes through a file once, in one buffer of fixed size, whatever the file says
//! of itself; [`TraceFacts`] is what one such reading counts. From the file up: `unpack` gives its bytes,
//! `blocks` cuts them into lines or records, a file for each format makes requests of these, `guess` finds
//! the format.
//!
//! Public traces have keys made anonymous, shorter than they were, with their old length beside
//! them. They are lengthened to it with `~` in front, as `CacheLib`'s own replay does (at the end):
//! so a table holds as many bytes as the cache that was recorded, and the end of a key, by which
//! values are known, stays its own.

mod blocks;
mod cachelib;
mod facts;
mod formats;
mod guess;
#[cfg(test)]
mod hostile;
mod keys;
mod layout;
mod op;
mod oracle;
#[cfg(test)]
mod packed_tests;
mod profile;
mod reader;
#[cfg(test)]
mod tests;
mod twitter;
mod unpack;
mod ycsb;

pub use facts::TraceFacts;
pub use formats::{FORMATS, find_format};
pub use layout::Format;
pub use op::{Request, TraceOp};
pub use profile::{SizeFacts, TraceProfile, ZipfFit};
pub use reader::TraceReader;
