//! Format `cachelib`: the CSV of `CacheLib`'s key-value traces, its columns found by name.

use super::layout::{
    Cut, Format, Holds, Layout, Line, REPEATS_MAX, Reading, Row, Time, Why, number, seconds, show,
};
use super::op::TraceOp;
use crate::base::counted;

pub(super) const FORMAT: Format = Format {
    name: "cachelib",
    about: "CSV with a header, columns found by name: key, op, size, perhaps key_size, \
            op_count, ttl, op_time; plain, .gz or .zst",
    source: "CacheLib's key-value traces (Meta)",
    operations: "GET, GET_LEASE, SET, SET_LEASE and DELETE, in capitals",
    cut: Cut::Lines,
    by_time: false,
    open: |options| Reading::plain("cachelib", options, HOLDS, Box::new(Cachelib(None))),
    looks_like: |lines| {
        let columns = lines.first().and_then(|line| Columns::find(line).ok());
        // A header of these three alone says nothing of how operations are written.
        columns.is_some_and(|columns| {
            columns.key_size.is_some() || columns.op_count.is_some() || columns.op_time.is_some()
        })
    },
};

const HOLDS: Holds = Holds {
    writes: true,
    fills: false,
    sizes: true,
    times: true,
};

/// Until the header has been read there are no columns.
struct Cachelib(Option<Columns>);

impl Layout for Cachelib {
    #[inline]
    fn read(&mut self, line: &[u8]) -> Result<Line, Why> {
        if let Some(columns) = &self.0 {
            return columns.row(line);
        }
        self.0 = Some(Columns::find(line)?);
        Ok(Line::Nothing)
    }

    fn needs_header(&self) -> bool {
        self.0.is_none()
    }
}

/// Columns that a header of format `cachelib` may have; more are left out.
const COLUMNS_MAX: usize = 64;

/// Where the columns of a `cachelib` trace are, from its header.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Columns {
    count: usize,
    key: usize,
    op: usize,
    size: usize,
    key_size: Option<usize>,
    op_count: Option<usize>,
    ttl: Option<usize>,
    op_time: Option<usize>,
}

impl Columns {
    /// Finds the columns by name.
    fn find(header: &[u8]) -> Result<Columns, Why> {
        let names: Vec<&[u8]> = header
            .split(|byte| *byte == b',')
            .take(COLUMNS_MAX + 1)
            .map(<[u8]>::trim_ascii)
            .collect();
        if names.len() > COLUMNS_MAX {
            return Err(format!("is a header of more than {COLUMNS_MAX} columns").into());
        }
        let find = |name: &str| -> Result<Option<usize>, Why> {
            let mut places = (0..names.len()).filter(|at| names[*at] == name.as_bytes());
            let place = places.next();
            match places.next() {
                Some(_) => Err(format!("is a header with two columns '{name}'").into()),
                None => Ok(place),
            }
        };
        let need = |name: &str| {
            find(name)?.ok_or_else(|| {
                Why::from(format!(
                    "is no header of a cachelib trace: no column '{name}' among '{}'",
                    show(header)
                ))
            })
        };
        Ok(Columns {
            count: names.len(),
            key: need("key")?,
            op: need("op")?,
            size: need("size")?,
            key_size: find("key_size")?,
            op_count: find("op_count")?,
            ttl: find("ttl")?,
            op_time: find("op_time")?,
        })
    }

    /// The request of a line.
    fn row(&self, line: &[u8]) -> Result<Line, Why> {
        let mut fields = [(0, 0); COLUMNS_MAX];
        let (mut count, mut from) = (0, 0);
        for comma in memchr::memchr_iter(b',', line).chain([line.len()]) {
            if let Some(field) = fields.get_mut(count) {
                *field = (from, comma);
            }
            count += 1;
            from = comma + 1;
        }
        if count != self.count {
            return Err(format!(
                "has {}, its header {}",
                counted(count as u64, "column"),
                self.count
            )
            .into());
        }
        let field = |column: usize| fields[column].0..fields[column].1;
        // An optional column that is absent or empty says nothing.
        let given = |column: Option<usize>| {
            let text = &line[field(column?)];
            (!text.is_empty()).then_some(text)
        };
        let repeats = match given(self.op_count) {
            None => 1,
            Some(text) => u32::try_from(number(text, "op_count")?)
                .ok()
                .filter(|count| (1..=REPEATS_MAX).contains(count))
                .ok_or_else(|| {
                    let text = show(text);
                    Why::from(format!("has op_count {text}: not 1 to {REPEATS_MAX}"))
                })?,
        };
        let op = match &line[field(self.op)] {
            b"GET" => TraceOp::Get,
            b"GET_LEASE" => TraceOp::GetLease,
            b"SET" => TraceOp::Set,
            b"SET_LEASE" => TraceOp::SetLease,
            b"DELETE" => TraceOp::Delete,
            b"" => return Err("has an empty op".into()),
            _ => {
                let op = field(self.op);
                return Ok(Line::Other { op, repeats });
            }
        };
        let mut row = Row::new(op, field(self.key))?;
        if let Some(text) = given(self.key_size) {
            row = row.with_key_bytes(text)?;
        }
        row.value_bytes = Some(number(&line[field(self.size)], "size")?);
        if let Some(text) = given(self.ttl) {
            row.ttl_s = seconds(text, "ttl")?;
        }
        if let Some(text) = given(self.op_time) {
            row.time = Time::of_s(number(text, "op_time")?);
        }
        row.repeats = repeats;
        Ok(Line::Request(row))
    }
}

#[cfg(test)]
mod tests {
    use super::super::layout::Key;
    use super::*;

    #[test]
    fn columns_are_found_by_name() {
        let columns = Columns::find(b"size,op,extra,key").unwrap();
        let line = b"17,SET,zzz,abc";
        let Ok(Line::Request(found)) = columns.row(line) else {
            panic!("not a row");
        };
        assert_eq!(found.key, Key::At(11..14));
        assert_eq!((found.value_bytes, found.repeats), (Some(17), 1));
        for (header, words) in [
            (&b"key,op"[..], "no column 'size'"),
            (b"key,op,size,op", "two columns 'op'"),
            (b"", "no column 'key'"),
            (&b",".repeat(70), "more than 64"),
        ] {
            let text = Columns::find(header).unwrap_err();
            assert!(text.contains(words), "{text}");
        }
        let columns = Columns::find(b"key,op,size,op_count").unwrap();
        for (line, words) in [
            (&b"k,GET,5"[..], "3 columns, its header 4"),
            (b"k,GET,5,0", "op_count 0"),
            (b"k,GET,5,4294967296", "op_count 4294967296"),
            (b"k,GET,,1", "'' as size"),
            (b"k,,5,1", "empty op"),
        ] {
            let text = columns.row(line).err().unwrap();
            assert!(text.contains(words), "{text}");
        }
        let Ok(Line::Other { op, repeats }) = columns.row(b"k,TOUCH,5,3") else {
            panic!("not another");
        };
        assert_eq!((op, repeats), (2..7, 3));
    }
}
