//! Trace formats and the reading of their files.
//!
//! | format | layout |
//! |---|---|
//! | `keys` | one key a line |
//! | `twitter` | the CSV of Yang, Yue and Rashmi (OSDI 2020) |
//! | `cachelib` | the CSV of `CacheLib`'s key-value traces, columns found by name |
//! | `oracle-general` | libCacheSim's packed records of 24 bytes |
//! | `ycsb` | the log of a YCSB implementation |
//! | `csv`, `cdn`, `ibm` | columns, by the names of a header or by number |
//! | `jsonl` | a JSON object a line |
//! | `redis-monitor` | what Redis' MONITOR prints |
//! | `nginx` | the combined log of a web server |
//! | `compact` | binary, as [`convert()`] writes it |
//! | `memcached-vv`, `metadump` | memcached's verbose log, and the list of what it holds |
//!
//! A [`TraceReader`] reads a file once, in one buffer of fixed size; [`TraceFacts`] are the counts of one
//! such reading. From the file up: `unpack` gives its bytes, `blocks` cuts them into lines or records, the
//! file of each format turns these into requests, `guess` finds the format.
//!
//! The keys of public traces are anonymous and shorter than the original ones, whose lengths are recorded.
//! The reader lengthens keys to the original length with `~` in front (`CacheLib`'s own replay puts it at the
//! end). So a table holds as many bytes as the recorded cache, and the end of a key, which identifies its
//! values, stays unchanged.

mod blocks;
mod cachelib;
mod clock;
mod compact;
mod convert;
mod csv;
mod facts;
mod fields;
mod first_rows;
mod formats;
mod guess;
#[cfg(test)]
mod hostile;
mod json;
mod keys;
mod layout;
mod left_out;
#[cfg(test)]
mod logs_tests;
mod memcached;
mod names;
mod nginx;
mod op;
mod options;
mod oracle;
#[cfg(test)]
mod packed_tests;
mod profile;
mod reader;
mod redis;
mod sorted;
mod source;
mod table;
#[cfg(test)]
mod tests;
mod twitter;
mod unpack;
mod ycsb;

pub use convert::{Converted, convert};
pub use facts::TraceFacts;
pub use first_rows::FirstRows;
pub use formats::{FORMATS, find_format};
pub use layout::{Format, Holds};
pub use left_out::LeftOut;
pub use op::{Request, TraceOp};
pub use profile::{SizeFacts, TraceProfile, ZipfFit};
pub use reader::TraceReader;
pub use source::{Oversize, TraceSource};
