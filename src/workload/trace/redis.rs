//! Format `redis-monitor`: what `redis-cli MONITOR` prints.

use std::ops::Range;

use super::clock::{Clock, Unit};
use super::layout::{Cut, Format, Holds, Layout, Line, Reading, Row, Time, Why, digits, show};
use super::op::TraceOp;

pub(super) const FORMAT: Format = Format {
    name: "redis-monitor",
    about: "what redis-cli MONITOR prints: commands on strings; others are counted and left out",
    source: "Redis, Valkey",
    operations: "get, set, mget, mset, del and the other commands on whole strings",
    cut: Cut::Lines,
    by_time: false,
    open: |options| {
        Reading::plain(
            "redis-monitor",
            options,
            HOLDS,
            Box::new(Monitor::default()),
        )
    },
    looks_like: |lines| {
        let mut monitor = Monitor::default();
        lines.iter().any(|line| {
            matches!(
                monitor.read(line),
                Ok(Line::Request(_) | Line::Other { .. })
            )
        })
    },
};

const HOLDS: Holds = Holds {
    writes: true,
    fills: false,
    sizes: true,
    times: true,
};

/// A command line, its arguments as they were before they were quoted.
#[derive(Default)]
struct Monitor {
    text: Vec<u8>,
    arguments: Vec<Range<usize>>,
    op: Option<TraceOp>,
    time: Time,
    /// The key of the request read last, and where the next one of the line is.
    key: Range<usize>,
    next: usize,
    /// Arguments from one key to the next: with values between them, two.
    step: usize,
}

impl Layout for Monitor {
    fn read(&mut self, line: &[u8]) -> Result<Line, Why> {
        let plain = line.strip_prefix(b"+").unwrap_or(line).trim_ascii();
        if plain.is_empty() || plain == b"OK" {
            return Ok(Line::Nothing);
        }
        let from = self.head(line)?;
        let name = self.cut(line, from)?;
        let Some((op, step)) = self.command(&line[name.clone()]) else {
            return Ok(Line::Other {
                op: name,
                repeats: 1,
            });
        };
        (self.op, self.step, self.next) = (Some(op), step, 1);
        if self.arguments.len() < 1 + step {
            return Err(format!("has too few arguments for {}", show(&line[name])).into());
        }
        self.row(line).map(Line::Request)
    }

    fn own_key(&self) -> &[u8] {
        &self.text[self.key.clone()]
    }

    fn next_of(&mut self, line: &[u8]) -> Option<Row> {
        self.row(line).ok()
    }
}

impl Monitor {
    /// Reads the time and passes over `[0 127.0.0.1:60866]`; returns where the command begins.
    fn head(&mut self, line: &[u8]) -> Result<usize, Why> {
        const SHAPE: &str = "is not like 1700000000.000001 [0 127.0.0.1:60866] \"get\" \"key\"";
        let line_start = usize::from(line.starts_with(b"+"));
        let space = memchr::memchr(b' ', line).ok_or(SHAPE)?;
        let time = line.get(line_start..space).ok_or(SHAPE)?;
        let client = &line[space..];
        if !client.starts_with(b" [") {
            return Err(SHAPE.into());
        }
        self.time = Clock(Some(Unit::Seconds)).read(time)?;
        let end = memchr::memmem::find(client, b"] \"").ok_or(SHAPE)?;
        Ok(space + end + 2)
    }

    /// Takes the arguments out of their quotation marks; returns where the first one is in the line.
    fn cut(&mut self, line: &[u8], from: usize) -> Result<Range<usize>, Why> {
        self.text.clear();
        self.arguments.clear();
        let mut at = from;
        let mut name = 0..0;
        while at < line.len() {
            if line[at] != b'"' {
                return Err("has an argument that is not between quotation marks".into());
            }
            let begin = self.text.len();
            let end = unquote(&line[at + 1..], &mut self.text)
                .ok_or("has a quotation mark that does not close")?;
            if self.arguments.is_empty() {
                name = at + 1..at + 1 + end;
            }
            self.arguments.push(begin..self.text.len());
            // The mark, and the blank behind it.
            at += end + 3;
        }
        Ok(name)
    }

    fn argument(&self, at: usize) -> &[u8] {
        let place = self.arguments.get(at).cloned().unwrap_or(0..0);
        &self.text[place]
    }

    /// What a command does, and how many arguments belong to a key.
    fn command(&self, name: &[u8]) -> Option<(TraceOp, usize)> {
        let name = name.to_ascii_lowercase();
        let has = |word: &[u8]| {
            (3..self.arguments.len()).any(|at| self.argument(at).eq_ignore_ascii_case(word))
        };
        Some(match name.as_slice() {
            b"get" | b"getex" | b"mget" => (TraceOp::Get, 1),
            b"set" if has(b"nx") => (TraceOp::Add, 2),
            b"set" if has(b"xx") => (TraceOp::Replace, 2),
            b"set" | b"getset" | b"mset" => (TraceOp::Set, 2),
            b"setex" | b"psetex" => (TraceOp::Set, 3),
            b"setnx" => (TraceOp::Add, 2),
            b"append" => (TraceOp::Append, 2),
            b"del" | b"unlink" | b"getdel" => (TraceOp::Delete, 1),
            b"incr" => (TraceOp::Incr, 1),
            b"incrby" => (TraceOp::Incr, 2),
            b"decr" => (TraceOp::Decr, 1),
            b"decrby" => (TraceOp::Decr, 2),
            _ => return None,
        })
    }

    /// Whether the command has a key more in each step: the others have options behind their first one.
    fn has_many(&self) -> bool {
        let name = self.argument(0);
        [&b"mget"[..], b"mset", b"del", b"unlink"]
            .iter()
            .any(|many| name.eq_ignore_ascii_case(many))
    }

    /// The request of the next key.
    fn row(&mut self, _line: &[u8]) -> Result<Row, Why> {
        let op = self.op.unwrap_or(TraceOp::Get);
        self.key = self.arguments.get(self.next).cloned().unwrap_or(0..0);
        let mut row = Row::own(op, self.key.len())?;
        let stores = !matches!(
            op,
            TraceOp::Get | TraceOp::Delete | TraceOp::Incr | TraceOp::Decr
        );
        if stores {
            let value = self.argument(self.next + self.step - 1);
            row.value_bytes = Some(value.len() as u64);
        }
        row.time = self.time;
        row.ttl_s = self.ttl();
        self.next += self.step;
        row.more = self.has_many() && self.next + self.step <= self.arguments.len();
        Ok(row)
    }

    /// Seconds that `EX`, `PX`, SETEX or PSETEX give.
    fn ttl(&self) -> u32 {
        let name = self.argument(0).to_ascii_lowercase();
        let seconds = |at: usize, per: u64| {
            let number = digits(self.argument(at)).unwrap_or(0);
            u32::try_from(number.div_ceil(per)).unwrap_or(u32::MAX)
        };
        match name.as_slice() {
            b"setex" => seconds(2, 1),
            b"psetex" => seconds(2, 1_000),
            b"set" => (3..self.arguments.len())
                .find_map(
                    |at| match self.argument(at).to_ascii_lowercase().as_slice() {
                        b"ex" => Some(seconds(at + 1, 1)),
                        b"px" => Some(seconds(at + 1, 1_000)),
                        _ => None,
                    },
                )
                .unwrap_or(0),
            _ => 0,
        }
    }
}

/// Writes what stands up to the closing quotation mark, without its escapes; returns where the mark is.
fn unquote(quoted: &[u8], into: &mut Vec<u8>) -> Option<usize> {
    let mut at = 0;
    loop {
        match quoted.get(at)? {
            b'"' => return Some(at),
            b'\\' => {
                let (byte, length) = escaped(&quoted[at + 1..])?;
                into.push(byte);
                at += 1 + length;
            }
            byte => {
                into.push(*byte);
                at += 1;
            }
        }
    }
}

/// The byte that an escape stands for, and how many bytes that is behind the `\`.
fn escaped(text: &[u8]) -> Option<(u8, usize)> {
    Some(match *text.first()? {
        b'n' => (b'\n', 1),
        b'r' => (b'\r', 1),
        b't' => (b'\t', 1),
        b'a' => (7, 1),
        b'b' => (8, 1),
        b'x' => {
            let hex = str::from_utf8(text.get(1..3)?).ok()?;
            (u8::from_str_radix(hex, 16).ok()?, 3)
        }
        byte => (byte, 1),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(command: &str) -> Vec<(TraceOp, Vec<u8>, Option<u64>, u32)> {
        let line = format!("1700000000.000100 [0 127.0.0.1:6] {command}");
        let mut monitor = Monitor::default();
        let mut found = Vec::new();
        let mut next = match monitor.read(line.as_bytes()) {
            Ok(Line::Request(row)) => Some(row),
            other => panic!("{command}: {other:?}"),
        };
        while let Some(row) = next {
            let time = Time {
                s: 1_700_000_000,
                ns: 100_000,
            };
            assert_eq!(row.time, time);
            let key = monitor.own_key().to_vec();
            found.push((row.op, key, row.value_bytes, row.ttl_s));
            next = row.more.then(|| monitor.next_of(line.as_bytes())).flatten();
        }
        found
    }

    #[test]
    fn commands_on_strings_are_read() {
        let key = |text: &[u8]| text.to_vec();
        for (command, wanted) in [
            (r#""GET" "a b""#, (TraceOp::Get, key(b"a b"), None, 0)),
            (
                r#""get" "\"\\\x00\n""#,
                (TraceOp::Get, key(b"\"\\\0\n"), None, 0),
            ),
            (
                r#""set" "k" "\x00\xff!""#,
                (TraceOp::Set, key(b"k"), Some(3), 0),
            ),
            (
                r#""set" "k" "vv" "px" "1500" "NX""#,
                (TraceOp::Add, key(b"k"), Some(2), 2),
            ),
            (
                r#""setex" "k" "60" "vv""#,
                (TraceOp::Set, key(b"k"), Some(2), 60),
            ),
            (r#""incrby" "k" "60""#, (TraceOp::Incr, key(b"k"), None, 0)),
        ] {
            assert_eq!(read(command), [wanted], "{command}");
        }
        let many = read(r#""mset" "a" "1" "b" "22""#);
        assert_eq!(
            many,
            [
                (TraceOp::Set, key(b"a"), Some(1), 0),
                (TraceOp::Set, key(b"b"), Some(2), 0)
            ]
        );
        assert_eq!(read(r#""del" "a" "b" "c""#).len(), 3);
    }

    #[test]
    fn other_commands_are_named_and_broken_lines_told() {
        let mut monitor = Monitor::default();
        let line = b"1.5 [0 lua] \"HGETALL\" \"k\"";
        let place = Line::Other {
            op: 13..20,
            repeats: 1,
        };
        assert_eq!(monitor.read(line), Ok(place));
        assert_eq!(monitor.read(b"OK"), Ok(Line::Nothing));
        for (line, words) in [
            ("get k", "is not like"),
            ("1.5 [0 a:1] \"get", "does not close"),
            ("1.5 [0 a:1] \"get\"", "too few arguments"),
            ("1.5 [0 a:1] \"get\" k", "not between quotation marks"),
            ("x [0 a:1] \"get\" \"k\"", "'x' as time"),
            ("1.5 [0 a:1] \"get\" \"\"", "empty key"),
        ] {
            let why = monitor.read(line.as_bytes()).unwrap_err();
            assert!(why.contains(words), "{line}: {why}");
        }
    }
}
