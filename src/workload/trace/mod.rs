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
//! of itself; [`TraceFacts`] is what one such reading counts.
//!
//! Public traces have keys made anonymous, shorter than they were, with their old length beside
//! them. They are lengthened to it with `~` in front, as `CacheLib`'s own replay does (at the end):
//! so a table holds as many bytes as the cache that was recorded, and the end of a key, by which
//! values are known, stays its own.

mod blocks;
mod facts;
#[cfg(test)]
mod hostile;
mod profile;
mod rows;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ops::Range;

pub use facts::TraceFacts;
pub use profile::{SizeFacts, TraceProfile, ZipfFit};

use self::blocks::{Blocks, Item};
use self::rows::{Cachelib, Columns, ORACLE_BYTES, Row, Why};
use super::TraceSource;
use super::decimal::{DECIMAL_BYTES, Decimal};
use crate::base::{BadInput, unknown_name};

/// Bytes of the longest key.
const KEY_BYTES_MAX: usize = 65_535;

/// How often one line may say that its request occurs.
const REPEATS_MAX: u32 = 100_000_000;

/// How many different operations that are none of a table's are told apart by name.
const OTHERS_MAX: usize = 32;

/// A trace format.
pub struct Format {
    /// Its name, as `--trace FILE:FORMAT` takes it.
    pub name: &'static str,
    /// One sentence for `list`.
    pub about: &'static str,
    /// Where it comes from.
    pub source: &'static str,
    /// Whether it records writes, so that a get that misses is left to the set that follows it;
    /// otherwise each get fills on a miss.
    pub writes: bool,
    /// Whether it says how large values are.
    pub sizes: bool,
    /// Whether it says when requests came.
    pub times: bool,
    parser: fn() -> Parser,
}

/// Every trace format.
pub static FORMATS: &[Format] = &[
    Format {
        name: "keys",
        about: "one key a line, every line a get that fills on a miss; plain, .gz or .zst",
        source: "bucketlab",
        writes: false,
        sizes: false,
        times: false,
        parser: || Parser::Keys,
    },
    Format {
        name: "twitter",
        about: "CSV: timestamp, key, key size, value size, client, operation, TTL; plain, .gz or \
                .zst",
        source: "Twitter's cache traces (Yang et al., OSDI 2020)",
        writes: true,
        sizes: true,
        times: true,
        parser: || Parser::Twitter,
    },
    Format {
        name: "cachelib",
        about: "CSV with a header, columns found by name: key, op, size, perhaps key_size, \
                op_count, ttl, op_time; plain, .gz or .zst",
        source: "CacheLib's key-value traces (Meta)",
        writes: true,
        sizes: true,
        times: true,
        parser: || Parser::Cachelib(None),
    },
    Format {
        name: "oracle-general",
        about: "records of 24 bytes: time, object id, size, next access; every record a get that \
                fills on a miss, its key the decimal of the id; plain, .gz or .zst",
        source: "libCacheSim",
        writes: false,
        sizes: true,
        times: true,
        parser: || Parser::Oracle,
    },
    Format {
        name: "ycsb",
        about: "lines of READ, UPDATE, INSERT or READMODIFYWRITE and a key; plain, .gz or .zst",
        source: "what YCSB implementations print",
        writes: true,
        sizes: false,
        times: false,
        parser: || Parser::Ycsb,
    },
];

/// Finds a trace format by name.
///
/// # Errors
/// An unknown name, answered with the nearest valid one.
pub fn find_format(name: &str) -> Result<&'static Format, BadInput> {
    FORMATS
        .iter()
        .find(|format| format.name == name)
        .ok_or_else(|| {
            unknown_name(
                "trace format",
                name,
                FORMATS.iter().map(|format| format.name),
            )
        })
}

/// What a request of a trace asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum TraceOp {
    /// Looks the key up.
    Get,
    /// The same with a token for a later cas, which a table in process does not give.
    Gets,
    /// The same with a lease on a miss (Nishtala et al., NSDI 2013), which is not given either.
    GetLease,
    /// Sets the value.
    Set,
    /// Sets the value for the holder of a lease: here a plain set.
    SetLease,
    /// Sets the value of a key that is new to the one who asks: YCSB's INSERT.
    Insert,
    /// Sets the value if there is none.
    Add,
    /// Sets the value if there is one.
    Replace,
    /// Sets the value if it is the one that a token stands for; here, if there is one.
    Cas,
    /// Puts bytes behind the value.
    Append,
    /// Puts bytes before the value.
    Prepend,
    /// Takes the key out.
    Delete,
    /// Counts up.
    Incr,
    /// Counts down.
    Decr,
    /// Reads the value and writes it back changed, as one atomic step.
    ReadModifyWrite,
}

impl TraceOp {
    /// All of them, in the order of their declaration.
    pub const ALL: [TraceOp; 15] = [
        TraceOp::Get,
        TraceOp::Gets,
        TraceOp::GetLease,
        TraceOp::Set,
        TraceOp::SetLease,
        TraceOp::Insert,
        TraceOp::Add,
        TraceOp::Replace,
        TraceOp::Cas,
        TraceOp::Append,
        TraceOp::Prepend,
        TraceOp::Delete,
        TraceOp::Incr,
        TraceOp::Decr,
        TraceOp::ReadModifyWrite,
    ];

    /// What it is called in lists.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            TraceOp::Get => "get",
            TraceOp::Gets => "gets",
            TraceOp::GetLease => "get-lease",
            TraceOp::Set => "set",
            TraceOp::SetLease => "set-lease",
            TraceOp::Insert => "insert",
            TraceOp::Add => "add",
            TraceOp::Replace => "replace",
            TraceOp::Cas => "cas",
            TraceOp::Append => "append",
            TraceOp::Prepend => "prepend",
            TraceOp::Delete => "delete",
            TraceOp::Incr => "incr",
            TraceOp::Decr => "decr",
            TraceOp::ReadModifyWrite => "read-modify-write",
        }
    }
}

/// One request of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request<'r> {
    /// What it asks for.
    pub op: TraceOp,
    /// Its key: 1 to 65,535 bytes.
    pub key: &'r [u8],
    /// Bytes of its value, at most 1 MiB; `None` where the format does not say.
    pub value_bytes: Option<u32>,
    /// Seconds that the value may be used; 0 for ever, or where the format does not say.
    pub ttl_s: u32,
    /// When it came, in seconds, on the trace's own clock.
    pub time_s: u64,
}

enum Parser {
    Keys,
    Twitter,
    /// Until the header has been read there are no columns.
    Cachelib(Option<Columns>),
    Oracle,
    Ycsb,
}

/// Reads the requests of a trace, one at a time.
pub struct TraceReader {
    blocks: Blocks,
    parser: Parser,
    lenient: bool,
    skipped: u64,
    first_skipped: Option<String>,
    others: BTreeMap<String, u64>,
    /// The current request; its key is in the block, or in `key` where it had to be written.
    row: Row,
    written: bool,
    key: Vec<u8>,
    /// How often the current request is still to come.
    repeats: u32,
}

impl TraceReader {
    /// Opens a trace before its first request.
    ///
    /// # Errors
    /// An unknown format, or a file that cannot be opened.
    pub fn open(source: &TraceSource) -> Result<TraceReader, BadInput> {
        let parser = (find_format(&source.format)?.parser)();
        let unit = match parser {
            Parser::Oracle => "record",
            _ => "line",
        };
        Ok(TraceReader {
            blocks: Blocks::open(&source.path, unit)?,
            parser,
            lenient: source.lenient,
            skipped: 0,
            first_skipped: None,
            others: BTreeMap::new(),
            row: Row {
                key: 0..0,
                key_bytes: 0,
                op: TraceOp::Get,
                value_bytes: None,
                ttl_s: 0,
                time_s: 0,
                repeats: 1,
            },
            written: false,
            key: Vec::with_capacity(DECIMAL_BYTES),
            repeats: 0,
        })
    }

    /// Moves on to the next request; false at the end.
    ///
    /// # Errors
    /// A file that cannot be read or unpacked; without `lenient`, a line or record that is broken.
    /// Both name the file and the place.
    #[inline]
    pub fn advance(&mut self) -> Result<bool, BadInput> {
        if self.repeats > 0 {
            self.repeats -= 1;
            return Ok(true);
        }
        loop {
            let item = match self.parser {
                Parser::Oracle => self.blocks.next_record(ORACLE_BYTES)?,
                _ => self.blocks.next_line()?,
            };
            let read = match item {
                Item::End => return Ok(false),
                Item::Broken(why) => Err(why.into()),
                Item::At(place) => self.read(place),
            };
            match read {
                Ok(true) => return Ok(true),
                Ok(false) => {}
                Err(why) => self.broken(&why)?,
            }
        }
    }

    /// Reads one line or record; false if it holds no request.
    #[inline]
    fn read(&mut self, place: Range<usize>) -> Result<bool, Why> {
        let line = &self.blocks.bytes()[place.clone()];
        let row = match &mut self.parser {
            Parser::Oracle => {
                let record = line.first_chunk().expect("records have their length");
                let (time_s, id, bytes) = rows::oracle(record);
                self.row.value_bytes = rows::value_bytes(bytes.into())?;
                self.row.time_s = time_s.into();
                self.key.clear();
                let mut digits = [0; DECIMAL_BYTES];
                let length = Decimal::of(id).write(&mut digits);
                self.key.extend_from_slice(&digits[..length]);
                self.written = true;
                return Ok(true);
            }
            Parser::Keys => rows::keys(line)?,
            Parser::Ycsb => rows::ycsb(line)?,
            Parser::Twitter => rows::twitter(line)?,
            Parser::Cachelib(Some(columns)) => match columns.row(line)? {
                Cachelib::Row(row) => row,
                Cachelib::Other { op, repeats } => {
                    let name = rows::show(&line[op]);
                    self.count_other(name, repeats);
                    return Ok(false);
                }
            },
            Parser::Cachelib(unread) => {
                *unread = Some(Columns::find(line)?);
                return Ok(false);
            }
        };
        let key = &line[row.key.clone()];
        self.written = row.key_bytes > key.len();
        if self.written {
            self.key.clear();
            self.key.resize(row.key_bytes - key.len(), b'~');
            self.key.extend_from_slice(key);
        }
        self.repeats = row.repeats - 1;
        self.row = row;
        self.row.key.start += place.start;
        self.row.key.end += place.start;
        Ok(true)
    }

    /// The current request.
    #[inline]
    #[must_use]
    pub fn request(&self) -> Request<'_> {
        let key = if self.written {
            self.key.as_slice()
        } else {
            &self.blocks.bytes()[self.row.key.clone()]
        };
        Request {
            op: self.row.op,
            key,
            value_bytes: self.row.value_bytes,
            ttl_s: self.row.ttl_s,
            time_s: self.row.time_s,
        }
    }

    /// The next request; `None` at the end.
    ///
    /// # Errors
    /// As [`TraceReader::advance`].
    pub fn next_request(&mut self) -> Result<Option<Request<'_>>, BadInput> {
        Ok(self.advance()?.then(|| self.request()))
    }

    /// Broken lines or records that were left out, and what was wrong with the first.
    #[must_use]
    pub fn skipped(&self) -> (u64, Option<&str>) {
        (self.skipped, self.first_skipped.as_deref())
    }

    /// Requests for operations that are none of a table's, by name: left out. Beyond 32 names the
    /// rest is together under `…`.
    #[must_use]
    pub fn others(&self) -> &BTreeMap<String, u64> {
        &self.others
    }

    /// The trace as errors call it.
    pub(super) fn name(&self) -> String {
        self.blocks.file_name()
    }

    #[cold]
    fn broken(&mut self, why: &str) -> Result<(), BadInput> {
        let error = self.blocks.bad_item(why);
        // Without columns, no line means anything.
        if !self.lenient || matches!(self.parser, Parser::Cachelib(None)) {
            return Err(error);
        }
        self.skipped += 1;
        self.first_skipped.get_or_insert(error.0);
        Ok(())
    }

    #[cold]
    fn count_other(&mut self, name: String, repeats: u32) {
        let room = self.others.len() < OTHERS_MAX || self.others.contains_key(&name);
        let name = if room { name } else { "…".to_owned() };
        *self.others.entry(name).or_default() += u64::from(repeats);
    }
}

impl TraceSource {
    /// The trace that `FILE` or `FILE:FORMAT` names. Without a format it is guessed from the file's
    /// name and first bytes; a file whose name has a colon is still found as it is.
    ///
    /// # Errors
    /// An unknown format, or a file that cannot be read.
    pub fn parse(text: &str, lenient: bool) -> Result<TraceSource, BadInput> {
        let source = |path: &str, format: &str| TraceSource {
            path: path.into(),
            format: format.to_owned(),
            lenient,
        };
        if let Some((file, format)) = text.rsplit_once(':')
            && !std::path::Path::new(text).exists()
        {
            return Ok(source(file, find_format(format)?.name));
        }
        let mut blocks = Blocks::open(text.as_ref(), "line")?;
        let head = blocks.head(GUESS_BYTES)?;
        Ok(source(text, guess(text, head)?))
    }

    pub(super) fn is_empty(&self) -> BadInput {
        BadInput(format!(
            "trace '{}' is empty: it needs at least one request",
            self.path.display()
        ))
    }
}

/// Bytes that a guess wants to see: a line of most formats, some records of the packed one.
const GUESS_BYTES: usize = 4096;

/// Lines that a guess looks at.
const GUESS_LINES: usize = 16;

/// The format that a file's name says, or else its first lines look like. What looks like none is
/// `keys` if its lines could be nothing else: then they have no blanks, commas or the like.
///
/// # Errors
/// Lines that could be of another format, but are not.
fn guess(path: &str, head: &[u8]) -> Result<&'static str, BadInput> {
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    for (part, format) in [
        ("oraclegeneral", "oracle-general"),
        ("oracle-general", "oracle-general"),
        (".keys", "keys"),
    ] {
        if name.contains(part) {
            return Ok(format);
        }
    }
    if head.contains(&0) {
        return Ok("oracle-general");
    }
    // What is behind the last line's end may be cut off.
    let whole = match head.iter().rposition(|byte| *byte == b'\n') {
        Some(end) => &head[..end],
        None => head,
    };
    let lines = || {
        let lines = whole.split(|byte| *byte == b'\n').take(GUESS_LINES);
        lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line))
    };
    // One sound line is enough: a broken one is told of when it is read, with its number.
    if lines()
        .next()
        .is_some_and(|line| Columns::find(line).is_ok())
    {
        Ok("cachelib")
    } else if lines().any(|line| rows::ycsb(line).is_ok()) {
        Ok("ycsb")
    } else if lines().any(|line| rows::twitter(line).is_ok()) {
        Ok("twitter")
    } else if lines().any(|line| line.iter().any(|byte| b" \t,;#\"".contains(byte))) {
        let formats: Vec<&str> = FORMATS.iter().map(|format| format.name).collect();
        Err(BadInput(format!(
            "trace '{path}': its format cannot be guessed, as its first lines are of no format and \
             too much for keys; give it behind a colon, as in {path}:keys; valid: {}",
            formats.join(", ")
        )))
    } else {
        Ok("keys")
    }
}
