//! A file, plain or packed, as blocks of bytes that are cut into lines or records where they lie.
//!
//! One buffer of fixed size holds the block that is being read: no allocation depends on sizes that a
//! file states, and a line is a slice of its block.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::layout::{Cut, TOO_LONG};
use super::unpack::{self, BOM, Packing};
use crate::base::BadInput;

/// Bytes of the block: within a second-level cache, and more than the longest line.
const BLOCK_BYTES: usize = 1 << 18;
/// Bytes of the longest line, without its end: the longest key and room for what stands beside it.
const LINE_MAX: usize = (1 << 16) + (1 << 14);

/// Bytes at a file's beginning that say what it is: up to the name of a tar archive's format.
const KIND_BYTES: usize = 512;

/// A file read block by block, and where its current line or record is.
pub(super) struct Blocks {
    path: PathBuf,
    input: Box<dyn Read + Send>,
    packing: Packing,
    cut: Cut,
    block: Box<[u8]>,
    /// What of the block is still to be read.
    start: usize,
    end: usize,
    /// The file has no more.
    ended: bool,
    /// Number of the current line or record, from 1; 0 before the first.
    number: u64,
    /// Bytes of (unpacked) content before the current line or record.
    item_at: u64,
    /// Bytes of (unpacked) content before `start`.
    start_at: u64,
}

/// The next line or record.
pub(super) enum Item {
    /// Where it is in [`Blocks::bytes`].
    At(Range<usize>),
    /// It is one that no reader can use, for this reason; the one behind it may be sound.
    Broken(&'static str),
    /// There is none.
    End,
}

impl Blocks {
    /// Opens a file; whether it is packed is seen from its first bytes, not from its name. A byte-order
    /// mark in front of lines is passed over.
    pub(super) fn open(path: &Path, cut: Cut) -> Result<Blocks, BadInput> {
        let unreadable = |error: &std::io::Error| {
            BadInput(format!(
                "trace '{}' cannot be read: {error}",
                path.display()
            ))
        };
        let file = File::open(path).map_err(|error| unreadable(&error))?;
        let kind = file.metadata().map_err(|error| unreadable(&error))?;
        if !kind.is_file() {
            return Err(BadInput(format!(
                "trace '{}' is no regular file: every thread reads it from its beginning, so it cannot \
                 be a pipe or a directory; save it first",
                path.display()
            )));
        }
        let (packing, input) = unpack::unpack(file).map_err(|error| unreadable(&error))?;
        let mut blocks = Blocks {
            path: path.to_owned(),
            input,
            packing,
            cut,
            block: vec![0; BLOCK_BYTES].into_boxed_slice(),
            start: 0,
            end: 0,
            ended: false,
            number: 0,
            item_at: 0,
            start_at: 0,
        };
        blocks.check_kind()?;
        Ok(blocks)
    }

    /// Refuses what is no trace, and passes over a byte-order mark.
    fn check_kind(&mut self) -> Result<(), BadInput> {
        let of_lines = self.cut == Cut::Lines;
        let head = self.head(KIND_BYTES)?;
        let refused = match unpack::foreign(head) {
            None if of_lines && unpack::is_utf_16(head) => Some((
                "UTF-16 text",
                "turn it into UTF-8, as iconv -f UTF-16 -t UTF-8 does",
            )),
            refused => refused,
        };
        let marked = of_lines && head.starts_with(BOM);
        if let Some((what, remedy)) = refused {
            return Err(BadInput(format!(
                "{} is {what}, which cannot be read: {remedy} first; plain text, gzip and \
                 Zstandard can be read",
                self.file_name()
            )));
        }
        if marked {
            self.consume(BOM.len());
        }
        Ok(())
    }

    /// The block that ranges of items point into.
    #[inline]
    pub(super) fn bytes(&self) -> &[u8] {
        &self.block
    }

    /// The first bytes of the content, as many as are at hand, at least `least` of them where the
    /// file has so many. Nothing is consumed.
    pub(super) fn head(&mut self, least: usize) -> Result<&[u8], BadInput> {
        while self.end - self.start < least && !self.ended {
            self.fill()?;
        }
        Ok(&self.block[self.start..self.end])
    }

    /// At the end: whether there was no line or record.
    pub(super) fn is_empty(&self) -> bool {
        self.number <= 1
    }

    /// The file as errors call it.
    pub(super) fn file_name(&self) -> String {
        format!("trace '{}'", self.path.display())
    }

    /// Says what is wrong with the current line or record.
    pub(super) fn bad_item(&self, why: &str) -> BadInput {
        BadInput(format!("{}: {} {why}", self.file_name(), self.place()))
    }

    /// Where the current line or record is.
    pub(super) fn place(&self) -> String {
        format!(
            "{} {} (at byte {}{})",
            self.cut.unit(),
            self.number,
            self.item_at,
            match self.packing {
                Packing::Plain => "",
                _ => " of the unpacked text",
            },
        )
    }

    /// Moves on to the next line, which ends with `\n` or `\r\n`; the last one may lack it.
    #[inline]
    pub(super) fn next_line(&mut self) -> Result<Item, BadInput> {
        self.begin();
        let mut searched = 0;
        loop {
            let rest = &self.block[self.start + searched..self.end];
            if let Some(length) = memchr::memchr(b'\n', rest) {
                let line = self.start..self.start + searched + length;
                self.consume(line.len() + 1);
                return Ok(self.line(line));
            }
            searched += rest.len();
            if searched > LINE_MAX {
                return self.skip_line();
            }
            if self.ended {
                if searched == 0 {
                    return Ok(Item::End);
                }
                let line = self.start..self.end;
                self.consume(line.len());
                return Ok(self.line(line));
            }
            self.fill()?;
        }
    }

    /// A line without its end.
    #[inline]
    fn line(&self, mut at: Range<usize>) -> Item {
        if self.block[at.clone()].last() == Some(&b'\r') {
            at.end -= 1;
        }
        if let Some(why) = not_text(&self.block[at.clone()]) {
            return Item::Broken(why);
        }
        if at.len() > LINE_MAX {
            return Item::Broken(TOO_LONG);
        }
        Item::At(at)
    }

    /// Leaves a line that does not end within its limit behind. A file without line ends must not
    /// fill the memory.
    #[cold]
    fn skip_line(&mut self) -> Result<Item, BadInput> {
        let why = not_text(&self.block[self.start..self.end]).unwrap_or(TOO_LONG);
        loop {
            let rest = &self.block[self.start..self.end];
            if let Some(length) = memchr::memchr(b'\n', rest) {
                self.consume(length + 1);
                return Ok(Item::Broken(why));
            }
            self.consume(rest.len());
            if self.ended {
                return Ok(Item::Broken(why));
            }
            self.fill()?;
        }
    }

    /// Moves on to the next record of `length` bytes.
    #[inline]
    pub(super) fn next_record(&mut self, length: usize) -> Result<Item, BadInput> {
        self.begin();
        while self.end - self.start < length {
            if self.ended {
                let rest = self.end - self.start;
                self.consume(rest);
                return Ok(match rest {
                    0 => Item::End,
                    _ => Item::Broken("is cut short: the file ends within it"),
                });
            }
            self.fill()?;
        }
        let record = self.start..self.start + length;
        self.consume(length);
        Ok(Item::At(record))
    }

    /// Moves on to the next request of format `compact`: what is at hand of it and of those behind it, as
    /// much as the longest one has where the file has so much. [`Blocks::take`] says how long it was.
    #[inline]
    pub(super) fn next_packed(&mut self, longest: usize) -> Result<Range<usize>, BadInput> {
        self.begin();
        while self.end - self.start < longest && !self.ended {
            self.fill()?;
        }
        Ok(self.start..self.end)
    }

    /// Leaves so many bytes behind.
    #[inline]
    pub(super) fn take(&mut self, bytes: usize) {
        self.consume(bytes);
    }

    #[inline]
    fn begin(&mut self) {
        self.number += 1;
        self.item_at = self.start_at;
    }

    #[inline]
    fn consume(&mut self, bytes: usize) {
        self.start += bytes;
        self.start_at += bytes as u64;
    }

    /// Reads more behind what is still to be read, which moves to the front of the block first.
    #[cold]
    fn fill(&mut self) -> Result<(), BadInput> {
        self.block.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        debug_assert!(self.end < BLOCK_BYTES, "items are shorter than a block");
        loop {
            match self.input.read(&mut self.block[self.end..]) {
                Ok(count) => {
                    self.end += count;
                    self.ended = count == 0;
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(self.unreadable(&error)),
            }
        }
    }

    fn unreadable(&self, error: &std::io::Error) -> BadInput {
        let why = unpack::why(self.packing, error);
        BadInput(format!(
            "{}: {} {}, after {} bytes of {}text: the file {why}",
            self.file_name(),
            self.cut.unit(),
            self.number.max(1),
            self.start_at + (self.end - self.start) as u64,
            match self.packing {
                Packing::Plain => "",
                _ => "unpacked ",
            },
        ))
    }
}

/// Why a line is none of a text: no format has such bytes, so the file is of another kind.
#[inline]
fn not_text(line: &[u8]) -> Option<&'static str> {
    memchr::memchr2(b'\r', 0, line).map(|at| match line[at] {
        0 => "has a NUL byte, so it is no text: the file is of another format, or damaged",
        _ => {
            "has a carriage return (CR) without a line feed (LF) behind it; if lines end in CR, \
             convert them first: tr '\\r' '\\n'"
        }
    })
}
