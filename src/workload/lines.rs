//! The lines of a file, plain or compressed by gzip.

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use crate::base::BadInput;

const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];
const ZSTD_MAGIC: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
const BUFFER_BYTES: usize = 1 << 16;

/// A file read line by line. Lines end with `\n` or `\r\n`; the last one may lack it.
pub(super) struct Lines {
    path: PathBuf,
    input: Box<dyn BufRead + Send>,
    gzip: bool,
    line: Vec<u8>,
    /// Number of the current line, from 1; 0 before the first.
    number: u64,
    /// Bytes of (unpacked) text before the current line.
    line_at: u64,
    /// Bytes of (unpacked) text read.
    read: u64,
}

impl Lines {
    /// Bytes of the longest line, without its end.
    pub(super) const LEN_MAX: usize = 65_535;

    /// Opens a file; whether it is packed is seen from its first bytes, not from its name.
    pub(super) fn open(path: &Path) -> Result<Lines, BadInput> {
        let unreadable = |error: &std::io::Error| {
            BadInput(format!(
                "trace '{}' cannot be read: {error}",
                path.display()
            ))
        };
        let file = File::open(path).map_err(|error| unreadable(&error))?;
        let mut file = BufReader::with_capacity(BUFFER_BYTES, file);
        let head = file.fill_buf().map_err(|error| unreadable(&error))?;
        if head.starts_with(ZSTD_MAGIC) {
            return Err(BadInput(format!(
                "trace '{}' is packed by zstd: plain text and gzip are read",
                path.display()
            )));
        }
        let gzip = head.starts_with(GZIP_MAGIC);
        let input: Box<dyn BufRead + Send> = if gzip {
            let unpacked = MultiGzDecoder::new(file);
            Box::new(BufReader::with_capacity(BUFFER_BYTES, unpacked))
        } else {
            Box::new(file)
        };
        Ok(Lines {
            path: path.to_owned(),
            input,
            gzip,
            line: Vec::new(),
            number: 0,
            line_at: 0,
            read: 0,
        })
    }

    /// The current line without its end.
    pub(super) fn line(&self) -> &[u8] {
        &self.line
    }

    /// The file as errors call it.
    pub(super) fn file_name(&self) -> String {
        format!("trace '{}'", self.path.display())
    }

    /// Says what is wrong with the current line.
    pub(super) fn bad_line(&self, why: &str) -> BadInput {
        BadInput(format!(
            "{}: line {} (at byte {}{}) {why}",
            self.file_name(),
            self.number,
            self.line_at,
            if self.gzip {
                " of the unpacked text"
            } else {
                ""
            },
        ))
    }

    /// Moves on to the next line; false at the end of the file.
    pub(super) fn next_line(&mut self) -> Result<bool, BadInput> {
        self.line.clear();
        self.line_at = self.read;
        self.number += 1;
        loop {
            let available = match self.input.fill_buf() {
                Ok(available) => available,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(self.broken(&error)),
            };
            if available.is_empty() {
                if self.read == self.line_at {
                    return Ok(false);
                }
                break;
            }
            let end = memchr::memchr(b'\n', available);
            let text = &available[..end.unwrap_or(available.len())];
            self.line.extend_from_slice(text);
            let used = text.len() + usize::from(end.is_some());
            self.input.consume(used);
            self.read += used as u64;
            // One more for a carriage return. A file without line ends must not fill the memory.
            if end.is_some() || self.line.len() > Self::LEN_MAX + 1 {
                break;
            }
        }
        if self.line.last() == Some(&b'\r') {
            self.line.pop();
        }
        if self.line.len() > Self::LEN_MAX {
            return Err(self.bad_line("is longer than 65535 bytes, the most that a key may have"));
        }
        Ok(true)
    }

    fn broken(&self, error: &std::io::Error) -> BadInput {
        let why = match (self.gzip, error.kind()) {
            (false, _) => format!("cannot be read: {error}"),
            (true, ErrorKind::UnexpectedEof) => "cannot be unpacked: it is cut short".to_owned(),
            (true, _) => format!("cannot be unpacked: it is damaged ({error})"),
        };
        BadInput(format!(
            "{}: line {}, after {} bytes of {}text: the file {why}",
            self.file_name(),
            self.number,
            self.read,
            if self.gzip { "unpacked " } else { "" },
        ))
    }
}
