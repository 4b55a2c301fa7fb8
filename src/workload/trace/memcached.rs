//! Formats of memcached: `memcached-vv`, its verbose log, and `metadump`, a list of what it holds.

use std::ops::Range;

use percent_encoding::percent_decode;

use super::fields::Fields;
use super::layout::{
    Cut, Format, Holds, Layout, Line, Reading, Row, Time, Why, digits, number, show,
};
use super::op::TraceOp;
use super::options::Separator;

pub(super) const VERBOSE: Format = Format {
    name: "memcached-vv",
    about: "the log of memcached -vv: the lines of clients' commands, text and meta protocol",
    source: "memcached",
    operations: "get, gets, gat, set, add, replace, cas, append, prepend, delete, incr, decr, mg, ms, md, ma",
    cut: Cut::Lines,
    by_time: false,
    open: |options| {
        Reading::plain(
            "memcached-vv",
            options,
            VERBOSE_HOLDS,
            Box::new(Verbose::new()),
        )
    },
    looks_like: |lines| {
        let mut verbose = Verbose::new();
        let mut lines = lines.iter();
        lines.any(|line| matches!(verbose.read(line), Ok(Line::Request(_))))
    },
};

const VERBOSE_HOLDS: Holds = Holds {
    writes: true,
    fills: false,
    sizes: true,
    times: false,
};

pub(super) const METADUMP: Format = Format {
    name: "metadump",
    about: "what lru_crawler metadump prints: every item a set, the least recently used first, its value as \
            large as the item less its header and key",
    source: "memcached",
    operations: "",
    cut: Cut::Lines,
    by_time: true,
    open: |options| Reading::plain("metadump", options, DUMP_HOLDS, Box::new(Dump::default())),
    looks_like: |lines| {
        let mut dump = Dump::default();
        let mut lines = lines.iter();
        lines.any(|line| matches!(dump.read(line), Ok(Line::Request(_))))
    },
};

const DUMP_HOLDS: Holds = Holds {
    writes: true,
    fills: false,
    sizes: true,
    times: true,
};

/// The longest time to live that memcached takes as a distance; beyond it is a date.
const LONGEST_TTL_S: u64 = 60 * 60 * 24 * 30;

/// Reads `<26 set key 0 60 100`.
struct Verbose {
    words: Fields,
    op: TraceOp,
    /// The word with the next key of a get.
    next: usize,
}

impl Verbose {
    fn new() -> Verbose {
        Verbose {
            words: Fields::new(Separator::Blanks),
            op: TraceOp::Get,
            next: 0,
        }
    }

    fn place(&self, word: usize) -> Range<usize> {
        self.words.place(word).unwrap_or(0..0)
    }

    /// The get of the next key.
    fn get(&mut self) -> Result<Row, Why> {
        let mut row = Row::new(self.op, self.place(self.next))?;
        self.next += 1;
        row.more = self.next < self.words.count();
        Ok(row)
    }

    /// A set: flags, time to live and size stand behind its key.
    fn store(&self, line: &[u8]) -> Result<Row, Why> {
        let mut row = Row::new(self.op, self.place(2))?;
        let ttl = self.words.text(line, 4);
        if !ttl.starts_with(b"-") {
            let ttl = number(ttl, "time to live")?.min(LONGEST_TTL_S);
            row.ttl_s = u32::try_from(ttl).unwrap_or(0);
        }
        row.value_bytes = Some(number(self.words.text(line, 5), "size")?);
        Ok(row)
    }

    /// A command of the meta protocol, whose flags may turn it into another.
    fn meta(&self, line: &[u8], name: &[u8]) -> Result<Row, Why> {
        let flag = |first: u8| {
            let texts = (3..self.words.count()).map(|at| self.words.text(line, at));
            texts
                .filter(|text| text.first() == Some(&first))
                .find_map(|text| text.get(1).copied().or(Some(0)))
        };
        let op = match (name, flag(b'M')) {
            (b"mg", _) => TraceOp::Get,
            (b"md", _) => TraceOp::Delete,
            (b"ma", Some(b'D' | b'd' | b'-')) => TraceOp::Decr,
            (b"ma", _) => TraceOp::Incr,
            (_, Some(b'E' | b'e')) => TraceOp::Add,
            (_, Some(b'R' | b'r')) => TraceOp::Replace,
            (_, Some(b'A' | b'a')) => TraceOp::Append,
            (_, Some(b'P' | b'p')) => TraceOp::Prepend,
            _ => TraceOp::Set,
        };
        let mut row = Row::new(op, self.place(2))?;
        if name == b"ms" {
            row.value_bytes = Some(number(self.words.text(line, 3), "size")?);
        }
        Ok(row)
    }
}

impl Layout for Verbose {
    fn read(&mut self, line: &[u8]) -> Result<Line, Why> {
        // Only lines with `<` are the clients', and not all of those are commands.
        let is_client = line.starts_with(b"<") && line.get(1).is_some_and(u8::is_ascii_digit);
        if !is_client {
            return Ok(Line::Nothing);
        }
        self.words.cut(line)?;
        let name = self.words.text(line, 1);
        self.next = 2;
        let row = match name {
            b"get" | b"gets" => {
                self.op = if name == b"gets" {
                    TraceOp::Gets
                } else {
                    TraceOp::Get
                };
                self.get()?
            }
            // Their time to live is before the keys.
            b"gat" | b"gats" => {
                (self.op, self.next) = (TraceOp::Get, 3);
                self.get()?
            }
            b"set" | b"add" | b"replace" | b"append" | b"prepend" | b"cas" => {
                self.op = super::names::operation(name).unwrap_or(TraceOp::Set);
                self.store(line)?
            }
            b"delete" => Row::new(TraceOp::Delete, self.place(2))?,
            b"incr" => Row::new(TraceOp::Incr, self.place(2))?,
            b"decr" => Row::new(TraceOp::Decr, self.place(2))?,
            b"mg" | b"ms" | b"md" | b"ma" => self.meta(line, name)?,
            b"touch" | b"flush_all" | b"stats" | b"version" | b"verbosity" | b"mn" | b"me"
            | b"lru_crawler" => {
                return Ok(Line::Other {
                    op: self.place(1),
                    repeats: 1,
                });
            }
            _ => return Ok(Line::Nothing),
        };
        Ok(Line::Request(row))
    }

    fn next_of(&mut self, _line: &[u8]) -> Option<Row> {
        self.get().ok()
    }
}

/// Bytes of an item beside its key and value: the header with a cas token, a NUL behind the key, CR and LF
/// behind the value (`ITEM_ntotal` in memcached.h).
const ITEM_BYTES: u64 = 48 + 8 + 1 + 2;

/// Reads `key=user%3A1 exp=-1 la=1700000000 cas=1 fetch=no cls=4 size=175`.
#[derive(Default)]
struct Dump {
    key: Vec<u8>,
}

impl Layout for Dump {
    fn read(&mut self, line: &[u8]) -> Result<Line, Why> {
        if line.trim_ascii().is_empty() || line.starts_with(b"END") {
            return Ok(Line::Nothing);
        }
        let rest = line.strip_prefix(b"key=").ok_or_else(|| {
            Why::from(format!(
                "is not like key=… exp=-1 la=1700000000 … size=175: '{}'",
                show(line)
            ))
        })?;
        let key = rest.split(|byte| *byte == b' ').next().unwrap_or(rest);
        self.key.clear();
        self.key.extend(percent_decode(key));
        let mut row = Row::own(TraceOp::Set, self.key.len())?;
        let field = |name: &str| {
            let words = rest[key.len()..].split(|byte| *byte == b' ');
            words.into_iter().find_map(|word| {
                let value = word.strip_prefix(name.as_bytes())?;
                value.strip_prefix(b"=")
            })
        };
        let size = field("size").ok_or("has no size=")?;
        let item = number(size, "size")?;
        row.value_bytes = Some(item.saturating_sub(ITEM_BYTES + self.key.len() as u64));
        let accessed = number(field("la").ok_or("has no la=")?, "la")?;
        row.time = Time::of_s(accessed);
        // `-1` is for ever; else the moment when it ends.
        let ends = field("exp").and_then(digits).unwrap_or(0);
        row.ttl_s = u32::try_from(ends.saturating_sub(accessed)).unwrap_or(u32::MAX);
        Ok(Line::Request(row))
    }

    fn own_key(&self) -> &[u8] {
        &self.key
    }
}

#[cfg(test)]
mod tests {
    use super::super::layout::Key;
    use super::*;

    #[test]
    fn commands_of_clients_are_read_and_the_rest_is_passed_over() {
        let mut verbose = Verbose::new();
        let mut ops = |line: &str| -> Vec<(TraceOp, String, Option<u64>)> {
            let mut found = Vec::new();
            let mut next = match verbose.read(line.as_bytes()).unwrap() {
                Line::Request(row) => Some(row),
                _ => None,
            };
            while let Some(row) = next {
                let Key::At(place) = row.key.clone() else {
                    panic!("not in the line");
                };
                found.push((row.op, line[place].to_owned(), row.value_bytes));
                next = row.more.then(|| verbose.next_of(line.as_bytes())).flatten();
            }
            found
        };
        let one = |op, key: &str, bytes| vec![(op, key.to_owned(), bytes)];
        for (line, wanted) in [
            ("<26 get a", one(TraceOp::Get, "a", None)),
            ("<26 set a 0 60 100", one(TraceOp::Set, "a", Some(100))),
            (
                "<26 set a 0 -1 100 noreply",
                one(TraceOp::Set, "a", Some(100)),
            ),
            ("<26 cas a 0 0 5 17", one(TraceOp::Cas, "a", Some(5))),
            ("<26 gat 60 a", one(TraceOp::Get, "a", None)),
            ("<26 ms a 5 T60 ME", one(TraceOp::Add, "a", Some(5))),
            ("<26 ma a MD", one(TraceOp::Decr, "a", None)),
            ("<26 mg a v", one(TraceOp::Get, "a", None)),
            ("<26 new auto-negotiating client connection", vec![]),
            (">26 sending key a", vec![]),
            ("26: Client using the ascii protocol", vec![]),
            ("slab class   1: chunk size        96", vec![]),
        ] {
            assert_eq!(ops(line), wanted, "{line}");
        }
        let keys: Vec<String> = ops("<26 gets a b c")
            .into_iter()
            .map(|(_, key, _)| key)
            .collect();
        assert_eq!(keys, ["a", "b", "c"]);
        let mut verbose = Verbose::new();
        let touch = verbose.read(b"<26 touch a 60");
        assert_eq!(
            touch,
            Ok(Line::Other {
                op: 4..9,
                repeats: 1
            })
        );
        assert!(verbose.read(b"<26 get").unwrap_err().contains("empty key"));
        assert!(
            verbose
                .read(b"<26 set a 0 0 x")
                .unwrap_err()
                .contains("'x' as size")
        );
    }

    #[test]
    fn items_of_a_dump_are_sets_of_their_size() {
        let mut dump = Dump::default();
        let line =
            b"key=a%3Ab%20 exp=1700000060 la=1700000000 cas=1 fetch=no cls=4 size=175 flags=0";
        let Ok(Line::Request(row)) = dump.read(line) else {
            panic!("no request");
        };
        assert_eq!(dump.own_key(), b"a:b ");
        assert_eq!(
            (row.op, row.value_bytes),
            (TraceOp::Set, Some(175 - 59 - 4))
        );
        assert_eq!((row.time, row.ttl_s), (Time::of_s(1_700_000_000), 60));
        assert_eq!(dump.read(b"END"), Ok(Line::Nothing));
        for (line, words) in [
            (&b"ITEM a [1 b; 0 s]"[..], "is not like key="),
            (b"key=a exp=-1 size=5", "has no la="),
            (b"key=a exp=-1 la=5", "has no size="),
            (b"key= exp=-1 la=5 size=5", "empty key"),
        ] {
            let why = dump.read(line).unwrap_err();
            assert!(why.contains(words), "{why}");
        }
    }
}
