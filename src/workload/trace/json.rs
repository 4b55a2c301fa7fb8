//! Format `jsonl`: a JSON object a line.

use serde_json::{Map, Value};

use super::clock::{Clock, Unit};
use super::csv::holds;
use super::layout::{Cut, Format, Layout, Line, Reading, Row, Why, number, seconds};
use super::names::{Field, OPERATION_NAMES, no_key, unit_of, usual_columns};
use super::op::TraceOp;
use super::options::{Column, Options};
use crate::base::BadInput;

pub(super) const FORMAT: Format = Format {
    name: "jsonl",
    about: "a JSON object a line, fields by name as columns of csv: jsonl(key=object,time=at,unit=ms)",
    source: "logs of one's own",
    operations: OPERATION_NAMES,
    cut: Cut::Lines,
    by_time: false,
    open: |options| {
        let options = Options::default().with(options)?;
        let by_number = |column: &Column| matches!(column, Column::Number(_));
        if let Some((field, column)) = options.columns.iter().find(|(_, column)| by_number(column))
        {
            return Err(BadInput(format!(
                "trace format jsonl: {}={column}: the fields of an object have names, not numbers",
                field.name()
            )));
        }
        Ok(Reading {
            holds: holds(&options)?,
            layout: Box::new(Objects {
                clock: Clock(options.unit),
                options,
                key: Vec::new(),
                found: false,
            }),
        })
    },
    looks_like: |lines| {
        let first = lines.iter().find(|line| !line.trim_ascii().is_empty());
        first.is_some_and(|line| object(line).is_ok())
    },
};

struct Objects {
    /// With the fields of the first object where none are given.
    options: Options,
    clock: Clock,
    key: Vec<u8>,
    found: bool,
}

impl Objects {
    /// Finds the fields by the names that the first object has.
    fn find(&mut self, object: &Map<String, Value>) -> Result<(), Why> {
        if self.options.columns.is_empty() {
            self.options = found(&self.options, [object])?;
        }
        if self.clock.0.is_none()
            && let Some(Column::Name(name)) = self.options.column(Field::Time)
            && let Some(unit) = unit_of(name.as_bytes())
        {
            self.clock.0 = Unit::of(unit).ok();
        }
        self.found = true;
        Ok(())
    }

    /// What an object says of a field: text as it is, a number in digits; `None` where it says nothing.
    fn given(&self, object: &Map<String, Value>, field: Field) -> Result<Option<String>, Why> {
        let Some(Column::Name(name)) = self.options.column(field) else {
            return Ok(None);
        };
        match object.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            Some(_) => {
                Err(format!("has a field '{name}' that is neither text nor a number").into())
            }
        }
    }
}

impl Layout for Objects {
    fn read(&mut self, line: &[u8]) -> Result<Line, Why> {
        if line.trim_ascii().is_empty() {
            return Ok(Line::Nothing);
        }
        let object = object(line)?;
        if !self.found {
            self.find(&object)?;
        }
        let op = match self.given(&object, Field::Op)? {
            None if self.options.has(Field::Op) => return Err("has no operation".into()),
            None => TraceOp::Get,
            Some(name) => {
                let Some(op) = self.options.operation(name.as_bytes()) else {
                    return Ok(Line::other(line, name.as_bytes()));
                };
                op
            }
        };
        let key = self.given(&object, Field::Key)?.unwrap_or_default();
        self.key.clear();
        self.key.extend_from_slice(key.as_bytes());
        let mut row = Row::own(op, self.key.len())?;
        if let Some(time) = self.given(&object, Field::Time)? {
            row.time = self.clock.read(time.as_bytes())?;
        }
        if let Some(size) = self.given(&object, Field::Size)? {
            row.value_bytes = Some(number(size.as_bytes(), "size")?);
        }
        if let Some(ttl) = self.given(&object, Field::Ttl)?
            && !ttl.starts_with('-')
        {
            row.ttl_s = seconds(ttl.as_bytes(), "ttl")?;
        }
        Ok(Line::Request(row))
    }

    fn needs_header(&self) -> bool {
        false
    }

    fn own_key(&self) -> &[u8] {
        &self.key
    }

    fn reading(&self) -> Option<String> {
        if !self.found {
            return None;
        }
        let columns = self.options.columns.iter();
        let fields: Vec<String> = columns
            .map(|(field, column)| format!("{} from '{column}'", field.name()))
            .collect();
        let unit = match (self.options.has(Field::Time), self.clock.0) {
            (true, Some(unit)) => format!("; times in {}", unit.name()),
            _ => String::new(),
        };
        Some(format!("fields: {}{unit}", fields.join(", ")))
    }
}

fn object(line: &[u8]) -> Result<Map<String, Value>, Why> {
    match serde_json::from_slice(line) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err("is JSON, but no object".into()),
        Err(error) => {
            let why = error.to_string();
            let why = why.split(" at line").next().unwrap_or_default();
            Err(format!("is no JSON object: {why} at column {}", error.column()).into())
        }
    }
}

/// The options with the fields that these objects have by their usual names.
fn found<'o>(
    options: &Options,
    objects: impl IntoIterator<Item = &'o Map<String, Value>>,
) -> Result<Options, Why> {
    let mut names: Vec<&str> = Vec::new();
    for name in objects.into_iter().flat_map(Map::keys) {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let names: Vec<&[u8]> = names.into_iter().map(str::as_bytes).collect();
    let mut options = options.clone();
    for (field, at) in usual_columns(&names) {
        let name = String::from_utf8_lossy(names[at]).into_owned();
        options.set(field, Column::Name(name));
    }
    if options.has(Field::Key) {
        Ok(options)
    } else {
        Err(no_key(&names))
    }
}

/// The options with the fields of the objects in these lines, so that they say all by themselves.
///
/// # Errors
/// Objects without a key.
pub(super) fn pinned(options: &Options, lines: &[&[u8]]) -> Result<Options, Why> {
    if !options.columns.is_empty() {
        return Ok(options.clone());
    }
    let objects: Vec<Map<String, Value>> =
        lines.iter().filter_map(|line| object(line).ok()).collect();
    found(options, &objects)
}

#[cfg(test)]
mod tests {
    use super::super::layout::Time;
    use super::*;

    #[test]
    fn objects_are_read_by_the_names_of_their_fields() {
        let lines: [&[u8]; 3] = [
            br#"{"ts": 1700000000.25, "op": "get", "key": "a\n\u00e9", "size": 115}"#,
            b"",
            br#"{"key": 17, "op": "SET", "size": null}"#,
        ];
        let options = pinned(&Options::default(), &lines).unwrap();
        assert_eq!(options.to_string(), "time=ts,op=op,key=key,size=size");
        for options in ["", &options.to_string()] {
            let mut layout = (FORMAT.open)(options).unwrap().layout;
            let Ok(Line::Request(first)) = layout.read(lines[0]) else {
                panic!("no request");
            };
            assert_eq!(layout.own_key(), "a\né".as_bytes());
            let time = Time {
                s: 1_700_000_000,
                ns: 250_000_000,
            };
            assert_eq!((first.time, first.value_bytes), (time, Some(115)));
            assert_eq!(layout.read(lines[1]), Ok(Line::Nothing));
            let Ok(Line::Request(second)) = layout.read(lines[2]) else {
                panic!("no request");
            };
            assert_eq!(layout.own_key(), b"17");
            assert_eq!((second.op, second.value_bytes), (TraceOp::Set, None));
        }
    }

    #[test]
    fn what_is_no_object_is_named() {
        for (line, words) in [
            (r#"{"key": "#, "no JSON object: EOF"),
            ("[1]", "no object"),
            (r#"{"kex": 1}"#, "among kex"),
            (r#"{"key": [1]}"#, "neither text nor a number"),
            (r#"{"key": ""}"#, "empty key"),
            (r#"{"key": "a", "size": 7.5}"#, "'7.5' as size"),
            (r#"{"key": "a", "size": -7}"#, "below 0"),
        ] {
            let mut layout = (FORMAT.open)("").unwrap().layout;
            let why = layout.read(line.as_bytes()).unwrap_err();
            assert!(why.contains(words), "{line}: {why}");
        }
        let error = (FORMAT.open)("key=1").err().unwrap();
        assert!(error.0.contains("have names, not numbers"), "{error}");
    }
}
