//! Reads the requests of a trace.

use std::collections::BTreeMap;
use std::ops::Range;

use super::super::decimal::{DECIMAL_BYTES, Decimal};
use super::blocks::{Blocks, Item};
use super::formats::find_format;
use super::layout::{Cut, Format, Layout, Line, Row, Why, show};
use super::op::{Request, TraceOp};
use super::source::TraceSource;
use crate::base::BadInput;

/// How many different operations that are none of a table's are told apart by name.
const OTHERS_MAX: usize = 32;

/// Reads the requests of a trace, one at a time.
pub struct TraceReader {
    blocks: Blocks,
    format: &'static Format,
    layout: Box<dyn Layout>,
    lenient: bool,
    left_out: LeftOut,
    latest_s: u64,
    /// The current request; its key is in the block, or in `key` where it had to be written.
    row: Row,
    written: bool,
    key: Vec<u8>,
    /// How often the current request is still to come.
    repeats: u32,
}

/// What a reader came across that is not replayed as it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Broken lines or records that were left out; 0 unless the source is lenient.
    pub skipped: u64,
    /// What was wrong with the first of them, with its place.
    pub first_skipped: Option<String>,
    /// Requests for operations that are none of a table's, by name: left out. Beyond 32 names the
    /// rest is together under `…`.
    pub others: BTreeMap<String, u64>,
    /// The place and the name of the first of them.
    pub first_other: Option<String>,
    /// Requests at a time before that of a request ahead of them.
    pub backwards: u64,
    /// The place and the times of the first of them.
    pub first_backwards: Option<String>,
}

impl TraceReader {
    /// Opens a trace before its first request.
    ///
    /// # Errors
    /// An unknown format, or a file that cannot be opened or is of a kind that holds no requests.
    pub fn open(source: &TraceSource) -> Result<TraceReader, BadInput> {
        let format = find_format(&source.format)?;
        Ok(TraceReader {
            blocks: Blocks::open(&source.path, format.cut)?,
            format,
            layout: (format.layout)(),
            lenient: source.lenient,
            left_out: LeftOut::default(),
            latest_s: 0,
            row: Row::with_id(TraceOp::Get, None),
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
            let item = match self.format.cut {
                Cut::Records(bytes) => self.blocks.next_record(bytes)?,
                Cut::Lines => self.blocks.next_line()?,
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
        let row = match self.layout.read(line)? {
            Line::Request(row) => row,
            Line::Nothing => return Ok(false),
            Line::Other { op, repeats } => {
                let name = show(&line[op]);
                self.count_other(name, repeats);
                return Ok(false);
            }
        };
        let key = &line[row.key.clone()];
        self.written = row.id.is_some() || row.key_bytes > key.len();
        if let Some(id) = row.id {
            let mut digits = [0; DECIMAL_BYTES];
            let length = Decimal::of(id).write(&mut digits);
            self.key.clear();
            self.key.extend_from_slice(&digits[..length]);
        } else if self.written {
            self.key.clear();
            self.key.resize(row.key_bytes - key.len(), b'~');
            self.key.extend_from_slice(key);
        }
        self.repeats = row.repeats - 1;
        self.row = row;
        self.row.key.start += place.start;
        self.row.key.end += place.start;
        if self.row.time_s < self.latest_s {
            self.count_backwards();
        } else {
            self.latest_s = self.row.time_s;
        }
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

    /// What was left out so far, or is not replayed as it stands.
    #[must_use]
    pub fn left_out(&self) -> &LeftOut {
        &self.left_out
    }

    /// The trace as errors call it.
    pub(in crate::workload) fn name(&self) -> String {
        self.blocks.file_name()
    }

    /// Why a trace that was read to its end had no request.
    pub(in crate::workload) fn why_empty(&self) -> BadInput {
        let name = self.blocks.file_name();
        let others: u64 = self.left_out.others.values().sum();
        let mut text = if others > 0 {
            let format = self.format;
            format!(
                "{name} has no request that format {} knows: {others} were left out, for {}; first: {}; \
                 its operations are {}; give another format behind a colon, or change their names",
                format.name,
                in_words(&self.left_out.others),
                self.left_out.first_other.as_deref().unwrap_or_default(),
                format.operations,
            )
        } else {
            format!("{name} is empty: it needs at least one request")
        };
        if let Some(first) = &self.left_out.first_skipped {
            let count = self.left_out.skipped;
            text += &format!("; {count} broken lines were left out, first: {first}");
        }
        BadInput(text)
    }

    #[cfg(test)]
    pub(super) fn key_capacity(&self) -> usize {
        self.key.capacity()
    }

    #[cold]
    fn broken(&mut self, why: &str) -> Result<(), BadInput> {
        let error = self.blocks.bad_item(why);
        // Without columns, no line means anything.
        if !self.lenient || self.layout.needs_header() {
            return Err(error);
        }
        self.left_out.skipped += 1;
        self.left_out.first_skipped.get_or_insert(error.0);
        Ok(())
    }

    #[cold]
    fn count_other(&mut self, name: String, repeats: u32) {
        let LeftOut {
            others,
            first_other,
            ..
        } = &mut self.left_out;
        first_other.get_or_insert_with(|| format!("{} with '{name}'", self.blocks.place()));
        let room = others.len() < OTHERS_MAX || others.contains_key(&name);
        let name = if room { name } else { "…".to_owned() };
        *others.entry(name).or_default() += u64::from(repeats);
    }

    #[cold]
    fn count_backwards(&mut self) {
        self.left_out.backwards += u64::from(self.row.repeats);
        self.left_out.first_backwards.get_or_insert_with(|| {
            let (own, latest) = (self.row.time_s, self.latest_s);
            format!("{} at {own} s, after {latest} s", self.blocks.place())
        });
    }
}

/// Names with their counts: `get 300, set 100`.
pub(super) fn in_words(counts: &BTreeMap<String, u64>) -> String {
    let words: Vec<String> = counts
        .iter()
        .map(|(name, count)| format!("{name} {count}"))
        .collect();
    words.join(", ")
}
