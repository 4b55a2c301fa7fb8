//! Reads the requests of a trace.

use std::ops::Range;

use super::super::decimal::{DECIMAL_BYTES, Decimal};
use super::blocks::{Blocks, Item};
use super::compact::{self, HEADER_BYTES, REQUEST_BYTES_MAX, Unpacker};
use super::formats;
use super::layout::{Cut, Format, Key, Layout, Line, Row, Time, Why, show};
use super::left_out::LeftOut;
use super::op::{Request, TraceOp};
use super::sorted::Sorted;
use super::source::{Oversize, TraceSource};
use crate::base::{BadInput, counted};
use crate::workload::size::VALUE_BYTES_MAX;

/// Reads the requests of a trace, one at a time.
pub struct TraceReader {
    blocks: Blocks,
    format: &'static Format,
    layout: Box<dyn Layout>,
    lenient: bool,
    oversize: Oversize,
    left_out: LeftOut,
    latest: Time,
    /// The current request; its key is in the block, or in `key` where it had to be written.
    row: Row,
    at: Range<usize>,
    written: bool,
    key: Vec<u8>,
    /// How often the current request is still to come.
    repeats: u32,
    /// The line of the current request, where it has more of them.
    line: Option<Range<usize>>,
    /// All requests, in a format where they are to be put in order.
    sorted: Option<Sorted>,
    /// What reads the requests of format `compact`.
    unpacker: Option<Unpacker>,
}

impl TraceReader {
    /// Opens a trace before its first request.
    ///
    /// # Errors
    /// An unknown format, or a file that cannot be opened or is of a kind that holds no requests.
    pub fn open(source: &TraceSource) -> Result<TraceReader, BadInput> {
        let (format, reading) = formats::open(&source.format)?;
        let mut blocks = Blocks::open(&source.path, format.cut)?;
        let mut unpacker = None;
        if format.cut == Cut::Packed {
            let header = compact::header(&mut blocks)?;
            blocks.take(HEADER_BYTES);
            unpacker = Some(Unpacker::new(header));
        }
        Ok(TraceReader {
            blocks,
            format,
            layout: reading.layout,
            lenient: source.lenient,
            oversize: source.oversize,
            left_out: LeftOut::default(),
            latest: Time::default(),
            row: Row::with_id(TraceOp::Get, 0),
            at: 0..0,
            written: false,
            key: Vec::with_capacity(DECIMAL_BYTES),
            repeats: 0,
            line: None,
            sorted: None,
            unpacker,
        })
    }

    /// Moves on to the next request; false at the end.
    ///
    /// # Errors
    /// A file that cannot be read or unpacked; without `lenient`, a line or record that is broken.
    /// Both name the file and the place.
    #[inline]
    pub fn advance(&mut self) -> Result<bool, BadInput> {
        if self.unpacker.is_some() {
            self.advance_packed()
        } else if self.format.by_time {
            self.advance_in_order()
        } else {
            self.advance_in_file()
        }
    }

    #[inline]
    fn advance_in_file(&mut self) -> Result<bool, BadInput> {
        if self.repeats > 0 {
            self.repeats -= 1;
            return Ok(true);
        }
        loop {
            let read = if let Some(line) = self.line.take() {
                self.read_on(line)
            } else {
                let item = match self.format.cut {
                    Cut::Records(bytes) => self.blocks.next_record(bytes)?,
                    Cut::Lines | Cut::Packed => self.blocks.next_line()?,
                };
                match item {
                    Item::End => return Ok(false),
                    Item::Broken(why) => Err(why.into()),
                    Item::At(place) => self.read(place),
                }
            };
            match read {
                Ok(true) => return Ok(true),
                Ok(false) => {}
                Err(why) => self.broken(&why)?,
            }
        }
    }

    /// The same in format `compact`, whose requests need no layout.
    #[inline]
    fn advance_packed(&mut self) -> Result<bool, BadInput> {
        let Some(unpacker) = &mut self.unpacker else {
            return Ok(false);
        };
        let place = self.blocks.next_packed(REQUEST_BYTES_MAX)?;
        if unpacker.left == 0 {
            return if place.is_empty() {
                Ok(false)
            } else {
                let why = "stands behind the last one that the header counts: the file is damaged";
                Err(self.blocks.bad_item(why))
            };
        }
        // A request that cannot be read hides those behind it, so it ends lenient readings too.
        let found = match unpacker.read(&self.blocks.bytes()[place.clone()]) {
            Ok(found) => found,
            Err(why) => return Err(self.blocks.bad_item(why)),
        };
        unpacker.left -= 1;
        self.blocks.take(found.key.end);
        self.at = place.start + found.key.start..place.start + found.key.end;
        self.row.op = found.op;
        self.row.value_bytes = found.value_bytes;
        self.row.ttl_s = found.ttl_s;
        self.row.time = found.time;
        Ok(true)
    }

    /// The same in the order of times: reads the whole file first.
    fn advance_in_order(&mut self) -> Result<bool, BadInput> {
        if self.sorted.is_none() {
            let mut all = Sorted::default();
            while self.advance_in_file()? {
                all.add(&self.request());
            }
            all.sort();
            self.sorted = Some(all);
        }
        let Some(request) = self.sorted.as_mut().and_then(Sorted::next) else {
            return Ok(false);
        };
        self.key.clear();
        self.key.extend_from_slice(request.key);
        self.written = true;
        self.row = Row {
            value_bytes: request.value_bytes.map(u64::from),
            ttl_s: request.ttl_s,
            time: Time {
                s: request.time_s,
                ns: request.time_ns,
            },
            ..Row::with_id(request.op, 0)
        };
        Ok(true)
    }

    /// Reads one line or record; false if it holds no request.
    #[inline]
    fn read(&mut self, place: Range<usize>) -> Result<bool, Why> {
        let line = &self.blocks.bytes()[place.clone()];
        match self.layout.read(line)? {
            Line::Request(row) => self.take(row, place),
            Line::Nothing => Ok(false),
            Line::Other { op, repeats } => {
                let name = show(&line[op]);
                let blocks = &self.blocks;
                self.left_out.add_other(name, repeats, || blocks.place());
                Ok(false)
            }
        }
    }

    /// Reads the next request of a line that has several.
    #[cold]
    fn read_on(&mut self, place: Range<usize>) -> Result<bool, Why> {
        let line = &self.blocks.bytes()[place.clone()];
        match self.layout.next_of(line) {
            Some(row) => self.take(row, place),
            None => Ok(false),
        }
    }

    /// Makes the request of a line the current one; false if it is left out.
    #[inline]
    fn take(&mut self, mut row: Row, place: Range<usize>) -> Result<bool, Why> {
        if row.more {
            self.line = Some(place.clone());
        }
        if row
            .value_bytes
            .is_some_and(|bytes| bytes > VALUE_BYTES_MAX.into())
            && !self.takes_oversize(&mut row)?
        {
            return Ok(false);
        }
        match &row.key {
            Key::At(at) => {
                self.at = place.start + at.start..place.start + at.end;
                self.written = row.key_bytes > at.len();
                if self.written {
                    self.key.clear();
                    self.key.resize(row.key_bytes - at.len(), b'~');
                    let key = &self.blocks.bytes()[self.at.clone()];
                    self.key.extend_from_slice(key);
                }
            }
            Key::Id(id) => {
                let mut digits = [0; DECIMAL_BYTES];
                let length = Decimal::of(*id).write(&mut digits);
                self.written = true;
                self.key.clear();
                self.key.extend_from_slice(&digits[..length]);
            }
            Key::Own => {
                self.written = true;
                self.key.clear();
                self.key.extend_from_slice(self.layout.own_key());
            }
        }
        self.repeats = row.repeats - 1;
        if row.time >= self.latest {
            self.latest = row.time;
        } else if !self.format.by_time {
            let blocks = &self.blocks;
            self.left_out
                .add_backwards(row.repeats, row.time, self.latest, || blocks.place());
        }
        self.row = row;
        Ok(true)
    }

    /// What is to become of a request with a value over the limit; false if it is left out.
    #[cold]
    fn takes_oversize(&mut self, row: &mut Row) -> Result<bool, Why> {
        let bytes = row.value_bytes.unwrap_or(0);
        let what = format!(
            "has a value of {bytes} bytes: over the item limit of {VALUE_BYTES_MAX} bytes (1 MiB)"
        );
        let place = format!("{} {what}", self.blocks.place());
        match self.oversize {
            Oversize::Error => {
                let remedy =
                    "; --oversize clamp gives it the limit's size, --oversize skip leaves it out";
                return Err((what + remedy).into());
            }
            Oversize::Clamp => {
                row.value_bytes = Some(VALUE_BYTES_MAX.into());
                self.left_out.clamped += u64::from(row.repeats);
            }
            Oversize::Skip => self.left_out.oversized += u64::from(row.repeats),
        }
        self.left_out.first_oversized.get_or_insert(place);
        Ok(self.oversize == Oversize::Clamp)
    }

    /// The current request.
    #[inline]
    #[must_use]
    pub fn request(&self) -> Request<'_> {
        let key = if self.written {
            self.key.as_slice()
        } else {
            &self.blocks.bytes()[self.at.clone()]
        };
        #[expect(clippy::cast_possible_truncation, reason = "at most 1 MiB")]
        let value_bytes = self.row.value_bytes.map(|bytes| bytes as u32);
        Request {
            op: self.row.op,
            key,
            value_bytes,
            ttl_s: self.row.ttl_s,
            time_s: self.row.time.s,
            time_ns: self.row.time.ns,
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

    /// How lines are understood, where the first of them or the format's options say it.
    #[must_use]
    pub fn reading(&self) -> Option<String> {
        self.layout.reading()
    }

    /// The trace as errors call it.
    pub(in crate::workload) fn name(&self) -> String {
        self.blocks.file_name()
    }

    /// Why a trace that was read to its end had no request.
    pub(in crate::workload) fn why_empty(&self) -> BadInput {
        let name = self.blocks.file_name();
        let out = &self.left_out;
        let mut text = if out.other_requests() > 0 {
            format!(
                "{name} has no request that format {} knows: {}",
                self.format.name,
                self.why_not_known()
            )
        } else if self.blocks.is_empty() {
            format!("{name} is empty: it needs at least one request")
        } else {
            format!(
                "{name} has no requests in format {}: nothing but lines that hold none, such as a header; if \
                 it is of another format, give that behind a colon",
                self.format.name
            )
        };
        if let Some(first) = &out.first_skipped {
            let count = out.skipped;
            text += &format!(
                "; {} left out, first: {first}",
                counted(count, "broken line")
            );
        }
        if let Some(first) = &out.first_oversized {
            let count = out.oversized;
            text += &format!(
                "; {} with values over the limit left out, first: {first}",
                counted(count, "request")
            );
        }
        BadInput(text)
    }

    /// What to say of operations that were left out, and what to do.
    fn why_not_known(&self) -> String {
        let out = &self.left_out;
        format!(
            "{} were left out, for {}; first: {}; its operations are {}; give another format behind a colon, or \
             say what they are, as in csv(key=…,op=…,ops=0:get/1:set)",
            out.other_requests(),
            out.others_in_words(),
            out.first_other.as_deref().unwrap_or_default(),
            self.format.operations,
        )
    }

    /// An error where most requests of a trace are for operations that are not known.
    pub(super) fn check_understood(&self, requests: u64) -> Result<(), BadInput> {
        let others = self.left_out.other_requests();
        if self.lenient || others <= requests {
            return Ok(());
        }
        Err(BadInput(format!(
            "{}: most of it is not understood in format {}, all but {}: {}; --lenient replays \
             what is",
            self.blocks.file_name(),
            self.format.name,
            counted(requests, "request"),
            self.why_not_known()
        )))
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
}
