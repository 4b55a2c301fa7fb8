//! Decompresses a file: gzip and Zstandard are read; other compressions and binary formats are refused
//! by name.

use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Read};

use flate2::bufread::GzDecoder;

const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];
const ZSTD_MAGIC: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
/// A frame that a decoder skips, as pzstd puts one in front of each frame: `50` to `5F`, then this
/// (RFC 8878, section 3.1.2).
const ZSTD_SKIPPABLE: &[u8] = &[0x2a, 0x4d, 0x18];

/// The largest window of a Zstandard frame, as the logarithm of its bytes: what `zstd --long=31` makes,
/// and the most that its library decodes. Memory is taken as the frame fills it.
const WINDOW_LOG: u32 = 31;

/// Bytes read from a packed file at a time.
const PACKED_BYTES: usize = 1 << 16;

/// How a file is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    Plain,
    Gzip,
    Zstd,
}

impl Packing {
    /// From the first bytes of a file, not from its name.
    fn of(head: &[u8]) -> Packing {
        let is_skippable = head.len() > ZSTD_SKIPPABLE.len()
            && (0x50..=0x5f).contains(&head[0])
            && head[1..].starts_with(ZSTD_SKIPPABLE);
        if head.starts_with(GZIP_MAGIC) {
            Packing::Gzip
        } else if is_skippable || head.starts_with(ZSTD_MAGIC) {
            Packing::Zstd
        } else {
            Packing::Plain
        }
    }
}

/// What a file holds, unpacked as it is read.
pub(super) fn unpack(file: File) -> io::Result<(Packing, Box<dyn Read + Send>)> {
    let mut file = BufReader::with_capacity(PACKED_BYTES, file);
    let packing = Packing::of(file.fill_buf()?);
    let input: Box<dyn Read + Send> = match packing {
        Packing::Plain => Box::new(file),
        Packing::Gzip => Box::new(Gzip::new(file)),
        Packing::Zstd => {
            let mut unpacked = zstd::stream::read::Decoder::with_buffer(file)?;
            unpacked.window_log_max(WINDOW_LOG)?;
            Box::new(unpacked)
        }
    };
    Ok((packing, input))
}

/// Why a file cannot be read on, by what its decoder says.
pub(super) fn why(packing: Packing, error: &io::Error) -> String {
    match (packing, error.kind()) {
        (Packing::Plain, _) => format!("cannot be read: {error}"),
        (_, ErrorKind::UnexpectedEof) => "cannot be unpacked: it is cut short".to_owned(),
        // The library has no kind for it.
        (Packing::Zstd, _) if error.to_string().contains("too much memory") => format!(
            "cannot be unpacked: it was packed with a window of more than 2^{WINDOW_LOG} bytes; \
             pack it anew with zstd --long={WINDOW_LOG} or less"
        ),
        (_, _) => format!("cannot be unpacked: it is damaged ({error})"),
    }
}

/// The members of a gzip file, one behind the other, and zeros behind the last one, which pad a file to
/// the blocks of a tape. gzip ignores these as well; anything else behind a member is damage.
struct Gzip<R> {
    /// `None` only after an error and at the end.
    member: Option<GzDecoder<R>>,
}

impl<R: BufRead> Gzip<R> {
    fn new(file: R) -> Gzip<R> {
        Gzip {
            member: Some(GzDecoder::new(file)),
        }
    }
}

impl<R: BufRead> Read for Gzip<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let Some(member) = &mut self.member else {
                return Ok(0);
            };
            let count = member.read(into)?;
            if count > 0 || into.is_empty() {
                return Ok(count);
            }
            let file = self.member.take().map(GzDecoder::into_inner);
            self.member = next_member(file)?.map(GzDecoder::new);
        }
    }
}

/// The file again if another member follows.
fn next_member<R: BufRead>(file: Option<R>) -> io::Result<Option<R>> {
    let Some(mut file) = file else {
        return Ok(None);
    };
    let mut padded = false;
    loop {
        let rest = file.fill_buf()?;
        let zeros = rest.iter().take_while(|byte| **byte == 0).count();
        match rest.get(zeros) {
            None if rest.is_empty() => return Ok(None),
            None => {
                padded = true;
                file.consume(zeros);
            }
            Some(_) if zeros == 0 && !padded => return Ok(Some(file)),
            Some(_) => {
                let what = "its last member is followed by bytes that are neither zeros nor \
                            another member";
                return Err(io::Error::new(ErrorKind::InvalidData, what));
            }
        }
    }
}

/// Files that people have beside traces: what they are, what they begin with, and what to do.
const FOREIGN: [(&str, &[u8], &str); 14] = [
    (
        "packed with gzip twice",
        GZIP_MAGIC,
        "unpack it with gzip -d",
    ),
    ("packed twice", ZSTD_MAGIC, "unpack it with zstd -d"),
    (
        "packed with xz",
        &[0xfd, b'7', b'z', b'X', b'Z', 0],
        "unpack it with xz -d",
    ),
    (
        "packed with lz4",
        &[0x04, 0x22, 0x4d, 0x18],
        "unpack it with lz4 -d",
    ),
    (
        "packed with lz4",
        &[0x02, 0x21, 0x4c, 0x18],
        "unpack it with lz4 -d",
    ),
    ("packed with lzip", b"LZIP\x01", "unpack it with lzip -d"),
    (
        "packed with compress",
        &[0x1f, 0x9d],
        "unpack it with gzip -d",
    ),
    ("packed with Snappy", b"\xff\x06\x00\x00sNaPpY", "unpack it"),
    ("a zip archive", b"PK\x03\x04", "unpack it with unzip"),
    ("a zip archive", b"PK\x05\x06", "unpack it with unzip"),
    (
        "a 7z archive",
        &[b'7', b'z', 0xbc, 0xaf, 0x27, 0x1c],
        "unpack it with 7z x",
    ),
    ("an Avro file", b"Obj\x01", "write it as CSV"),
    ("an Arrow file", b"ARROW1\0\0", "write it as CSV"),
    (
        "an SQLite database",
        b"SQLite format 3\0",
        "write it as CSV",
    ),
];

/// What a file is that is no trace, from its first (unpacked) bytes, and what to do about it.
pub(super) fn foreign(head: &[u8]) -> Option<(&'static str, &'static str)> {
    let known = FOREIGN.iter().find(|(_, magic, _)| head.starts_with(magic));
    if let Some((what, _, remedy)) = known {
        return Some((what, remedy));
    }
    let is_control = |at: usize| {
        let byte = head.get(at);
        byte.is_some_and(|byte| byte.is_ascii_control() && !b"\t\n\r".contains(byte))
    };
    let is_digit = |at: usize| head.get(at).is_some_and(u8::is_ascii_digit);
    // Letters that a key may begin with too, so more than they must fit.
    if head.starts_with(b"BZh") && is_digit(3) && head[4..].starts_with(b"1AY&SY") {
        Some(("packed with bzip2", "unpack it with bzip2 -d"))
    } else if head.starts_with(b"PAR1") && is_control(4) {
        Some(("a Parquet file", "write it as CSV"))
    } else if head
        .get(257..)
        .is_some_and(|rest| rest.starts_with(b"ustar"))
    {
        Some(("a tar archive", "unpack it with tar -x"))
    } else {
        None
    }
}

/// Whether text is UTF-16, from its byte-order mark.
pub(super) fn is_utf_16(head: &[u8]) -> bool {
    head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff])
}

/// The byte-order mark of UTF-8, which some programs put in front of text.
pub(super) const BOM: &[u8] = &[0xef, 0xbb, 0xbf];
