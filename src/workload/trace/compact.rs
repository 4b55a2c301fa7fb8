//! Format `compact`: a binary form that is read as fast as a table replays it; [`convert`](fn@super::convert)
//! writes it.
//!
//! A header of 24 bytes, then the requests, one behind the other.
//!
//! | header | bytes | what it holds |
//! |---|---|---|
//! | magic | 8 | `89 62 6C 74 72 61 63 65`: `bltrace` behind a byte that is none of a text's |
//! | version | 1 | 1 |
//! | holds | 1 | bit 0: there are writes; 1: a get that misses fills; 2: sizes; 3: times |
//! | tick | 1 | times count 10^tick nanoseconds: 9, 6, 3 or 0 |
//! | zeros | 5 | |
//! | requests | 8 | how many follow, little-endian |
//!
//! | request | bytes | what it holds |
//! |---|---|---|
//! | head | 1 | bits 0 to 3: the operation, its place in [`TraceOp::ALL`]; 4 to 7: whether the next four are there |
//! | time | number | bit 4: ticks since the request before; from 0 for the first |
//! | key length | number | bit 5: where it is not that of the request before; 0 before the first |
//! | size | number | bit 6: bytes of the value |
//! | ttl | number | bit 7: seconds |
//! | key | length | |
//!
//! A number has seven bits a byte, the lowest first; the highest bit says that another byte follows.

use std::ops::Range;

use super::blocks::Blocks;
use super::layout::{Cut, Format, Holds, KEY_BYTES_MAX, Layout, Line, Reading, Time, Why};
use super::op::{Request, TraceOp};
use crate::base::{BadInput, unknown_name};
use crate::workload::size::VALUE_BYTES_MAX;

pub(super) const FORMAT: Format = Format {
    name: "compact",
    about: "requests in binary, as trace --convert writes them: what is read fastest",
    source: "bucketlab",
    operations: "",
    cut: Cut::Packed,
    by_time: false,
    open: |options| {
        Ok(Reading {
            holds: holds(options)?,
            layout: Box::new(NoLines),
        })
    },
    // It has no lines: its magic tells.
    looks_like: |_| false,
};

pub(super) const MAGIC: &[u8] = b"\x89bltrace";
const VERSION: u8 = 1;
pub(super) const HEADER_BYTES: usize = 24;

/// Bytes of the longest request: its head, four numbers and its key.
pub(super) const REQUEST_BYTES_MAX: usize = 1 + 4 * NUMBER_BYTES_MAX + KEY_BYTES_MAX;
const NUMBER_BYTES_MAX: usize = 10;

const HAS_TIME: u8 = 1 << 4;
const HAS_LENGTH: u8 = 1 << 5;
const HAS_SIZE: u8 = 1 << 6;
const HAS_TTL: u8 = 1 << 7;

/// What stands in the parentheses behind the format's name, for each bit of the header.
const WORDS: [&str; 4] = ["writes", "fills", "sizes", "times"];

/// Its requests are read by [`Unpacker`].
struct NoLines;

impl Layout for NoLines {
    fn read(&mut self, _line: &[u8]) -> Result<Line, Why> {
        Ok(Line::Nothing)
    }
}

/// What a trace holds, by the words behind the format's name. Without words it may have writes, and fills
/// nothing.
fn holds(options: &str) -> Result<Holds, BadInput> {
    if options.is_empty() {
        return Ok(Holds {
            writes: true,
            fills: false,
            sizes: true,
            times: true,
        });
    }
    let mut bits = 0;
    for word in options.split(',') {
        let at = WORDS.iter().position(|known| *known == word);
        let at = at.ok_or_else(|| unknown_name("option of trace format compact", word, WORDS))?;
        bits |= 1 << at;
    }
    Ok(of_bits(bits))
}

fn of_bits(bits: u8) -> Holds {
    let has = |bit: u8| bits & (1 << bit) != 0;
    Holds {
        writes: has(0),
        fills: has(1),
        sizes: has(2),
        times: has(3),
    }
}

fn bits_of(holds: Holds) -> u8 {
    let parts = [holds.writes, holds.fills, holds.sizes, holds.times];
    (0..)
        .zip(parts)
        .map(|(bit, has)| u8::from(has) << bit)
        .sum()
}

/// What a file's beginning says of its requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) holds: Holds,
    pub(super) tick: Tick,
    pub(super) requests: u64,
}

impl Header {
    pub(super) fn read(head: &[u8]) -> Result<Header, Why> {
        if !head.starts_with(MAGIC) {
            return Err("is not there: the file does not begin as a compact trace does".into());
        }
        let Some(head) = head.first_chunk::<HEADER_BYTES>() else {
            return Err("is cut short: the file ends within its header".into());
        };
        if head[8] != VERSION {
            return Err(format!(
                "is of version {} of the compact format; this program reads version {VERSION}",
                head[8]
            )
            .into());
        }
        let mut requests = [0; 8];
        requests.copy_from_slice(&head[16..]);
        Ok(Header {
            holds: of_bits(head[9]),
            tick: Tick::of_digits(head[10]).ok_or("has a tick that is not 9, 6, 3 or 0")?,
            requests: u64::from_le_bytes(requests),
        })
    }

    pub(super) fn bytes(self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8] = VERSION;
        bytes[9] = bits_of(self.holds);
        bytes[10] = self.tick.digits;
        bytes[16..].copy_from_slice(&self.requests.to_le_bytes());
        bytes
    }

    /// The format with what its traces hold: `compact(writes,sizes,times)`.
    pub(super) fn format(self) -> String {
        let bits = bits_of(self.holds);
        let words: Vec<&str> = (0..)
            .zip(WORDS)
            .filter(|(bit, _)| bits & (1 << bit) != 0)
            .map(|(_, word)| word)
            .collect();
        if words.is_empty() {
            FORMAT.name.to_owned()
        } else {
            format!("{}({})", FORMAT.name, words.join(","))
        }
    }
}

/// The header of an open file, before its first request.
pub(super) fn header(blocks: &mut Blocks) -> Result<Header, BadInput> {
    let read = Header::read(blocks.head(HEADER_BYTES)?);
    read.map_err(|why| BadInput(format!("{}: its header {why}", blocks.file_name())))
}

/// What times are counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tick {
    /// It has 10^digits nanoseconds.
    digits: u8,
    per_second: u64,
    ns: u32,
}

impl Tick {
    fn of_digits(digits: u8) -> Option<Tick> {
        let (per_second, ns) = match digits {
            9 => (1, 1_000_000_000),
            6 => (1_000, 1_000_000),
            3 => (1_000_000, 1_000),
            0 => (1_000_000_000, 1),
            _ => return None,
        };
        Some(Tick {
            digits,
            per_second,
            ns,
        })
    }

    /// The coarsest one in which all these nanoseconds of seconds are whole.
    pub(super) fn for_all(mut ns: impl FnMut(u32) -> bool) -> Tick {
        let fits = [9, 6, 3].into_iter().find(|digits| ns(10_u32.pow(*digits)));
        let digits = fits.map_or(0, |digits| u8::try_from(digits).unwrap_or(0));
        Tick::of_digits(digits).unwrap_or(Tick {
            digits: 0,
            per_second: 1_000_000_000,
            ns: 1,
        })
    }

    /// `None` beyond what 64 bits hold.
    fn ticks(self, time: Time) -> Option<u64> {
        let whole = time.s.checked_mul(self.per_second)?;
        whole.checked_add(u64::from(time.ns / self.ns))
    }

    fn time(self, ticks: u64) -> Time {
        if self.per_second == 1 {
            return Time::of_s(ticks);
        }
        #[expect(clippy::cast_possible_truncation, reason = "below a second")]
        let part = (ticks % self.per_second) as u32;
        Time {
            s: ticks / self.per_second,
            ns: part * self.ns,
        }
    }
}

/// Writes requests.
pub(super) struct Packer {
    tick: Tick,
    ticks: u64,
    key_bytes: usize,
}

impl Packer {
    pub(super) fn new(tick: Tick) -> Packer {
        Packer {
            tick,
            ticks: 0,
            key_bytes: 0,
        }
    }

    /// Puts a request behind what is in `into`. One that says it came before another came with that.
    /// `None` for a time beyond what the format holds.
    pub(super) fn write(&mut self, request: &Request<'_>, into: &mut Vec<u8>) -> Option<()> {
        let time = Time {
            s: request.time_s,
            ns: request.time_ns,
        };
        let ticks = self.tick.ticks(time)?.max(self.ticks);
        let head_at = into.len();
        into.push(request.op as u8);
        let mut part = |flag: u8, given: bool, number: u64| {
            if given {
                into[head_at] |= flag;
                write_number(number, into);
            }
        };
        part(HAS_TIME, ticks > self.ticks, ticks - self.ticks);
        let key_bytes = request.key.len();
        part(HAS_LENGTH, key_bytes != self.key_bytes, key_bytes as u64);
        let size = request.value_bytes;
        part(HAS_SIZE, size.is_some(), size.unwrap_or(0).into());
        part(HAS_TTL, request.ttl_s > 0, request.ttl_s.into());
        into.extend_from_slice(request.key);
        (self.ticks, self.key_bytes) = (ticks, key_bytes);
        Some(())
    }
}

fn write_number(mut number: u64, into: &mut Vec<u8>) {
    while number >= 1 << 7 {
        into.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    #[expect(clippy::cast_possible_truncation, reason = "seven bits")]
    into.push(number as u8);
}

/// Reads requests.
pub(super) struct Unpacker {
    tick: Tick,
    /// Requests that are still to come.
    pub(super) left: u64,
    ticks: u64,
    key_bytes: usize,
}

/// A request and where it is in what was read.
pub(super) struct Unpacked {
    pub(super) op: TraceOp,
    pub(super) key: Range<usize>,
    pub(super) value_bytes: Option<u64>,
    pub(super) ttl_s: u32,
    pub(super) time: Time,
}

impl Unpacker {
    pub(super) fn new(header: Header) -> Unpacker {
        Unpacker {
            tick: header.tick,
            left: header.requests,
            ticks: 0,
            key_bytes: 0,
        }
    }

    /// Reads the request at the beginning of `bytes`, which ends with its key.
    #[inline]
    pub(super) fn read(&mut self, bytes: &[u8]) -> Result<Unpacked, &'static str> {
        const SHORT: &str = "is cut short: the file ends within it";
        let head = *bytes.first().ok_or(SHORT)?;
        let op = TraceOp::ALL.get(usize::from(head & 0xf));
        let op = *op.ok_or("has an operation that there is not: the file is damaged")?;
        let mut at = 1;
        let mut number = || read_number(bytes, &mut at).ok_or(SHORT);
        if head & HAS_TIME != 0 {
            let ticks = self.ticks.checked_add(number()?);
            self.ticks = ticks.ok_or("has a time beyond 64 bits: the file is damaged")?;
        }
        if head & HAS_LENGTH != 0 {
            self.key_bytes = usize::try_from(number()?)
                .ok()
                .filter(|bytes| (1..=KEY_BYTES_MAX).contains(bytes))
                .ok_or("has a key that is not of 1 to 65535 bytes: the file is damaged")?;
        }
        let mut value_bytes = None;
        if head & HAS_SIZE != 0 {
            let bytes = number()?;
            if bytes > VALUE_BYTES_MAX.into() {
                return Err("has a value over the item limit: the file is damaged");
            }
            value_bytes = Some(bytes);
        }
        let mut ttl_s = 0;
        if head & HAS_TTL != 0 {
            ttl_s = u32::try_from(number()?).unwrap_or(u32::MAX);
        }
        let key = at..at + self.key_bytes;
        if key.is_empty() {
            return Err("has no key: the file is damaged");
        }
        if key.end > bytes.len() {
            return Err(SHORT);
        }
        Ok(Unpacked {
            op,
            key,
            value_bytes,
            ttl_s,
            time: self.tick.time(self.ticks),
        })
    }
}

#[inline]
fn read_number(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let first = *bytes.get(*at)?;
    *at += 1;
    if first < 0x80 {
        return Some(first.into());
    }
    let mut number = u64::from(first & 0x7f);
    let mut shift = 7;
    loop {
        let byte = *bytes.get(*at)?;
        *at += 1;
        // What goes beyond 64 bits falls off: its writer does not make it.
        number |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
        if byte < 0x80 {
            return Some(number);
        }
        shift += 7;
        if shift >= 70 {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tick(digits: u8) -> Tick {
        Tick::of_digits(digits).unwrap()
    }

    #[test]
    fn requests_come_back_as_they_were_written() {
        let requests = [
            (TraceOp::Get, "user:1", None, 0, 1_700_000_000, 5_000_000),
            (
                TraceOp::Set,
                "user:2",
                Some(1 << 20),
                60,
                1_700_000_000,
                5_000_000,
            ),
            (
                TraceOp::ReadModifyWrite,
                "x",
                Some(0),
                u32::MAX,
                1_700_000_009,
                0,
            ),
            (
                TraceOp::Get,
                &"k".repeat(65_535),
                Some(127),
                0,
                1_700_000_009,
                128_000_000,
            ),
        ];
        for digits in [6, 3, 0] {
            let mut packer = Packer::new(tick(digits));
            let mut bytes = Vec::new();
            for (op, key, value_bytes, ttl_s, time_s, time_ns) in &requests {
                let request = Request {
                    op: *op,
                    key: key.as_bytes(),
                    value_bytes: *value_bytes,
                    ttl_s: *ttl_s,
                    time_s: *time_s,
                    time_ns: *time_ns,
                };
                packer.write(&request, &mut bytes).unwrap();
            }
            let header = Header {
                holds: of_bits(15),
                tick: tick(digits),
                requests: 4,
            };
            let mut unpacker = Unpacker::new(header);
            let mut at = 0;
            for (op, key, value_bytes, ttl_s, time_s, time_ns) in &requests {
                let found = unpacker.read(&bytes[at..]).unwrap();
                assert_eq!(&bytes[at..][found.key.clone()], key.as_bytes());
                assert_eq!((found.op, found.ttl_s), (*op, *ttl_s));
                assert_eq!(found.value_bytes, value_bytes.map(u64::from));
                let time = Time {
                    s: *time_s,
                    ns: *time_ns,
                };
                assert_eq!(found.time, time);
                // Every end is noticed.
                for end in [at, at + 1, at + found.key.end - 1] {
                    let mut other = Unpacker {
                        key_bytes: key.len(),
                        ..Unpacker::new(header)
                    };
                    assert!(other.read(&bytes[at..end]).is_err());
                }
                at += found.key.end;
            }
            assert_eq!(at, bytes.len());
        }
    }

    #[test]
    fn headers_come_back_and_others_are_refused() {
        let header = Header {
            holds: of_bits(0b1101),
            tick: tick(3),
            requests: u64::MAX,
        };
        let bytes = header.bytes();
        assert_eq!(Header::read(&bytes), Ok(header));
        assert_eq!(header.format(), "compact(writes,sizes,times)");
        assert_eq!(holds("writes,sizes,times").unwrap(), header.holds);
        assert!(holds("writing").unwrap_err().0.contains("'writes'"));
        let change = |at: usize, byte: u8| {
            let mut bytes = bytes;
            bytes[at] = byte;
            Header::read(&bytes).unwrap_err()
        };
        assert!(change(0, 1).contains("does not begin"));
        assert!(change(8, 2).contains("version 2"));
        assert!(change(10, 4).contains("tick"));
        assert!(
            Header::read(&bytes[..20])
                .unwrap_err()
                .contains("cut short")
        );
    }

    #[test]
    fn times_beyond_what_a_tick_can_count_are_noticed() {
        let request = Request {
            op: TraceOp::Get,
            key: b"k",
            value_bytes: None,
            ttl_s: 0,
            time_s: u64::MAX / 1_000,
            time_ns: 0,
        };
        let mut bytes = Vec::new();
        assert_eq!(Packer::new(tick(0)).write(&request, &mut bytes), None);
        assert_eq!(Packer::new(tick(9)).write(&request, &mut bytes), Some(()));
        let whole = |ns: &'static [u32]| Tick::for_all(|tick| ns.iter().all(|ns| ns % tick == 0));
        assert_eq!(whole(&[0]), tick(9));
        assert_eq!(whole(&[0, 5_000_000]), tick(6));
        assert_eq!(whole(&[5_000]), tick(3));
        assert_eq!(whole(&[5_001]), tick(0));
    }
}
