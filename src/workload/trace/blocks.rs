//! A file, plain or packed, as blocks of bytes that are cut into lines or records where they lie.
//!
//! One buffer of fixed size holds whatever is being read: nothing is allocated for what a file
//! claims, and a line is a slice of the block that it came in.

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use crate::base::BadInput;

const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];
const ZSTD_MAGIC: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
/// Bytes read from a packed file at a time.
const PACKED_BYTES: usize = 1 << 16;
/// Bytes of the block: within a second-level cache, and more than the longest line.
const BLOCK_BYTES: usize = 1 << 18;
/// Bytes of the longest line, without its end: the longest key and room for what stands beside it.
const LINE_MAX: usize = (1 << 16) + (1 << 14);

/// How a file is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Packing {
    Plain,
    Gzip,
    Zstd,
}

/// A file read block by block, and where its current line or record is.
pub(super) struct Blocks {
    path: PathBuf,
    input: Box<dyn Read + Send>,
    packing: Packing,
    /// What a place is counted in: `line` or `record`.
    unit: &'static str,
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
    /// Opens a file; whether it is packed is seen from its first bytes, not from its name.
    pub(super) fn open(path: &Path, unit: &'static str) -> Result<Blocks, BadInput> {
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
        let mut file = BufReader::with_capacity(PACKED_BYTES, file);
        let head = file.fill_buf().map_err(|error| unreadable(&error))?;
        let packing = match head {
            head if head.starts_with(GZIP_MAGIC) => Packing::Gzip,
            head if head.starts_with(ZSTD_MAGIC) => Packing::Zstd,
            _ => Packing::Plain,
        };
        let input: Box<dyn Read + Send> = match packing {
            Packing::Plain => Box::new(file),
            Packing::Gzip => Box::new(MultiGzDecoder::new(file)),
            Packing::Zstd => {
                let unpacked = zstd::stream::read::Decoder::with_buffer(file);
                Box::new(unpacked.map_err(|error| unreadable(&error))?)
            }
        };
        Ok(Blocks {
            path: path.to_owned(),
            input,
            packing,
            unit,
            block: vec![0; BLOCK_BYTES].into_boxed_slice(),
            start: 0,
            end: 0,
            ended: false,
            number: 0,
            item_at: 0,
            start_at: 0,
        })
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

    /// The file as errors call it.
    pub(super) fn file_name(&self) -> String {
        format!("trace '{}'", self.path.display())
    }

    /// Says what is wrong with the current line or record.
    pub(super) fn bad_item(&self, why: &str) -> BadInput {
        BadInput(format!(
            "{}: {} {} (at byte {}{}) {why}",
            self.file_name(),
            self.unit,
            self.number,
            self.item_at,
            match self.packing {
                Packing::Plain => "",
                _ => " of the unpacked text",
            },
        ))
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
        if at.len() > LINE_MAX {
            return Item::Broken(TOO_LONG);
        }
        Item::At(at)
    }

    /// Leaves a line that does not end within its limit behind. A file without line ends must not
    /// fill the memory.
    #[cold]
    fn skip_line(&mut self) -> Result<Item, BadInput> {
        loop {
            let rest = &self.block[self.start..self.end];
            if let Some(length) = memchr::memchr(b'\n', rest) {
                self.consume(length + 1);
                return Ok(Item::Broken(TOO_LONG));
            }
            self.consume(rest.len());
            if self.ended {
                return Ok(Item::Broken(TOO_LONG));
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
        let why = match (self.packing, error.kind()) {
            (Packing::Plain, _) => format!("cannot be read: {error}"),
            (_, ErrorKind::UnexpectedEof) => "cannot be unpacked: it is cut short".to_owned(),
            (_, _) => format!("cannot be unpacked: it is damaged ({error})"),
        };
        BadInput(format!(
            "{}: {} {}, after {} bytes of {}text: the file {why}",
            self.file_name(),
            self.unit,
            self.number.max(1),
            self.start_at + (self.end - self.start) as u64,
            match self.packing {
                Packing::Plain => "",
                _ => "unpacked ",
            },
        ))
    }
}

/// What is said of a line beyond [`LINE_MAX`]. Keys have a limit of their own below it.
pub(super) const TOO_LONG: &str = "is longer than 65535 bytes, the most that a key may have";
