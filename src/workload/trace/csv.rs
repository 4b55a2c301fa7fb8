//! Formats of lines of columns: `csv`, whose columns are given or found in a header, and two whose columns
//! are known: `cdn` and `ibm`.

use super::clock::Unit;
use super::fields::{Fields, likely_separator};
use super::layout::{Cut, Format, Holds, Reading};
use super::names::{Field, OPERATION_NAMES, operation, usual_columns};
use super::op::TraceOp;
use super::options::{Column, Options, Separator};
use super::table::Columns;
use crate::base::BadInput;

pub(super) const FORMAT: Format = Format {
    name: "csv",
    about: "columns by the names of a header or by number, as in csv(time=1,op=2,key=3,size=4): also ttl=, \
            sep=, unit=, header=, ops=, fill=; without op every row is a get that fills",
    source: "logs of one's own",
    operations: OPERATION_NAMES,
    cut: Cut::Lines,
    by_time: false,
    open: |options| reading(Options::default().with(options)?, false),
    looks_like: |lines| {
        let Some(header) = lines.first() else {
            return false;
        };
        let header = header.strip_prefix(b"#").unwrap_or(header);
        let mut fields = Fields::new(likely_separator(header));
        if fields.cut(header).is_err() || fields.count() < 2 {
            return false;
        }
        let found = usual_columns(&fields.all(header));
        found.iter().any(|(field, _)| *field == Field::Key)
    },
};

pub(super) const CDN: Format = Format {
    name: "cdn",
    about: "time, id and size between spaces, every line a get that fills; takes the options of csv",
    source: "simulators of content delivery networks (webcachesim, LRB)",
    operations: OPERATION_NAMES,
    cut: Cut::Lines,
    by_time: false,
    open: |options| reading(cdn().with(options)?, true),
    looks_like: |lines| {
        let lines: Vec<&&[u8]> = lines.iter().filter(|line| !line.is_empty()).collect();
        let mut fields = Fields::new(Separator::Blanks);
        let mut fits = |line: &[u8]| {
            let numbers = |text: &&[u8]| {
                let mut bytes = text.iter();
                text[0].is_ascii_digit() && bytes.all(|byte| byte.is_ascii_digit() || *byte == b'.')
            };
            fields.cut(line).is_ok()
                && fields.count() >= 3
                && fields.all(line).iter().take(3).all(numbers)
        };
        !lines.is_empty() && lines.into_iter().all(|line| fits(line))
    },
};

pub(super) const IBM: Format = Format {
    name: "ibm",
    about: "milliseconds, operation (REST.GET.OBJECT, or 0 put, 1 get, 2 delete, 3 head, 4 copy), object and \
            perhaps size, between spaces or commas, lines of # left out; a get fills on a miss",
    source: "IBM's traces of an object store (SNIA)",
    operations: "REST.PUT.OBJECT, REST.GET.OBJECT, … or 0 put, 1 get, 2 delete, 3 head, 4 copy",
    cut: Cut::Lines,
    by_time: false,
    open: |options| reading(ibm().with(options)?, true),
    looks_like: |lines| {
        let marked = lines.first().is_some_and(|line| line.starts_with(b"#"));
        let mut data = lines.iter().filter(|line| !line.starts_with(b"#"));
        let Some(line) = data.next() else {
            return false;
        };
        let mut fields = Fields::new(likely_separator(line));
        if fields.cut(line).is_err() || fields.count() < 3 {
            return false;
        }
        let (time, op) = (fields.text(line, 0), fields.text(line, 1));
        let is_rest = op.starts_with(b"REST.") && operation(op).is_some();
        let is_number = marked && matches!(op, [b'0'..=b'4']);
        time.first().is_some_and(u8::is_ascii_digit) && (is_rest || is_number)
    },
};

fn numbered(fields: &[Field]) -> Options {
    let mut options = Options::default();
    for (at, field) in fields.iter().enumerate() {
        options.set(*field, Column::Number(at));
    }
    options.header = Some(false);
    options
}

fn cdn() -> Options {
    Options {
        separator: Some(Separator::Blanks),
        unit: Some(Unit::Seconds),
        ..numbered(&[Field::Time, Field::Key, Field::Size])
    }
}

fn ibm() -> Options {
    let operations = [
        ("0", TraceOp::Set),
        ("1", TraceOp::Get),
        ("2", TraceOp::Delete),
        ("3", TraceOp::Get),
        // The object is the one that the copy makes.
        ("4", TraceOp::Set),
    ];
    Options {
        unit: Some(Unit::Milliseconds),
        operations: operations.map(|(name, op)| (name.to_owned(), op)).into(),
        // The store has every object; a cache in front of it fills.
        fill: Some(true),
        ..numbered(&[Field::Time, Field::Op, Field::Key, Field::Size])
    }
}

fn reading(options: Options, loose: bool) -> Result<Reading, BadInput> {
    Ok(Reading {
        holds: holds(&options)?,
        layout: Box::new(Columns::new(options, loose)),
    })
}

/// What rows with these columns say. Without any the header tells, and may have all of them.
pub(super) fn holds(options: &Options) -> Result<Holds, BadInput> {
    let open = options.columns.is_empty();
    if !open && !options.has(Field::Key) {
        return Err(BadInput(format!(
            "trace format with '{options}': it needs key=, the number or name of the column with the key"
        )));
    }
    let has = |field| open || options.has(field);
    Ok(Holds {
        writes: has(Field::Op),
        fills: options.fill.unwrap_or(!has(Field::Op)),
        sizes: has(Field::Size),
        times: has(Field::Time),
    })
}

#[cfg(test)]
mod tests {
    use super::super::layout::{Key, Line, Row, Time};
    use super::*;

    fn rows(format: &Format, options: &str, lines: &[&str]) -> Vec<Row> {
        let mut layout = (format.open)(options).unwrap().layout;
        lines
            .iter()
            .filter_map(|line| match layout.read(line.as_bytes()).unwrap() {
                Line::Request(row) => Some(row),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn columns_are_found_by_number_and_by_name() {
        for (options, lines) in [
            ("time=1,op=2,key=3,size=4", &["1,GET,ab,5"][..]),
            (
                "time=1,op=2,key=3,size=4",
                &["ts,op,key,size", "1,GET,ab,5"],
            ),
            (
                "key=K,size=bytes,time=t,op=o",
                &["t,o,k,bytes", "1,Read,ab,5"],
            ),
            ("", &["timestamp,verb,cache_key,len", "1,GET,ab,5"]),
            ("sep=pipe", &["time|op|key|size", "1|GET|ab|5"]),
        ] {
            let found = rows(&FORMAT, options, lines);
            assert_eq!(found.len(), 1, "{options}");
            let row = &found[0];
            assert_eq!((row.op, row.value_bytes), (TraceOp::Get, Some(5)));
            let key = match &row.key {
                Key::At(place) => lines.last().unwrap()[place.clone()].to_owned(),
                other => panic!("{other:?}"),
            };
            assert_eq!((key.as_str(), row.time), ("ab", Time::of_s(1)));
        }
        let row = &rows(&FORMAT, "key=1", &["\"a,b\"\"c\",5"])[0];
        assert_eq!((&row.key, row.key_bytes), (&Key::Own, 5));
    }

    #[test]
    fn lines_that_do_not_fit_are_named() {
        for (options, lines, words) in [
            ("key=k", &["a,b"][..], "without a column 'k'; it has a, b"),
            ("key=5", &["a,b"], "key=5 is not among them"),
            ("", &["a,b"], "known as the name of a key, among a, b"),
            ("", &["key,size", "a,b,5"], "has 3 columns, its header 2"),
            ("key=1,size=2", &["a,5", "b"], "has 1 column between"),
            ("key=1,size=2", &["a,5", "b,-5"], "'-5' as size: below 0"),
            (
                "key=1,size=2",
                &["a,5", "b,7.5"],
                "'7.5' as size: not a whole number",
            ),
            ("key=1,op=2", &["a,"], "has an empty op"),
            ("key=1,size=2", &[",5"], "has an empty key"),
        ] {
            let mut layout = (FORMAT.open)(options).unwrap().layout;
            let results = lines.iter().map(|line| layout.read(line.as_bytes()));
            let why = results.last().unwrap().unwrap_err();
            assert!(why.contains(words), "{options} {lines:?}: {why}");
        }
        let error = (FORMAT.open)("size=2").err().unwrap();
        assert!(error.0.contains("it needs key="), "{error}");
    }

    #[test]
    fn an_object_store_s_operations_have_names_or_numbers() {
        let lines = [
            "#time,op,key,size",
            "5,REST.GET.OBJECT,a1,7",
            "1500,0,B,8",
            "1500,2,B",
        ];
        let found = rows(&IBM, "", &lines);
        let ops: Vec<TraceOp> = found.iter().map(|row| row.op).collect();
        assert_eq!(ops, [TraceOp::Get, TraceOp::Set, TraceOp::Delete]);
        assert_eq!(
            found[1].time,
            Time {
                s: 1,
                ns: 500_000_000
            }
        );
        assert_eq!(found[2].value_bytes, None);
        let spaced = rows(&IBM, "", &["5 REST.PUT.OBJECT a1 7 0 6"]);
        assert_eq!(spaced[0].value_bytes, Some(7));
    }

    #[test]
    fn what_options_hold() {
        let holds = |options: &str| (FORMAT.open)(options).unwrap().holds;
        let of = |options| {
            let found = holds(options);
            (found.writes, found.fills, found.sizes, found.times)
        };
        assert_eq!(of("key=1"), (false, true, false, false));
        assert_eq!(of("key=1,op=2,size=3,time=4"), (true, false, true, true));
        assert_eq!(of("key=1,op=2,fill=yes"), (true, true, false, false));
    }
}
