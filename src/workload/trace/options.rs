//! What stands in the parentheses behind a format: which columns mean what, and how they are written.

use std::fmt;

use super::clock::Unit;
use super::names::{Field, operation};
use super::op::TraceOp;
use crate::base::{BadInput, unknown_name};

/// How to read lines of columns or named fields.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Options {
    /// Where each field is.
    pub(super) columns: Vec<(Field, Column)>,
    pub(super) separator: Option<Separator>,
    pub(super) unit: Option<Unit>,
    /// Whether the first line is a header; otherwise it is seen from its fields.
    pub(super) header: Option<bool>,
    /// What operations are called here, before their usual names.
    pub(super) operations: Vec<(String, TraceOp)>,
    /// Whether a get that misses fills; otherwise it does where there is no column of operations.
    pub(super) fill: Option<bool>,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Column {
    /// From 0; in options from 1.
    Number(usize),
    /// By its name in the header.
    Name(String),
}

/// What stands between columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Separator {
    Byte(u8),
    /// Any number of spaces and tabs.
    Blanks,
}

/// Separators that have names, as a comma cannot stand in options and a shell may take others.
const SEPARATORS: [(&str, Separator); 5] = [
    ("comma", Separator::Byte(b',')),
    ("tab", Separator::Byte(b'\t')),
    ("semicolon", Separator::Byte(b';')),
    ("pipe", Separator::Byte(b'|')),
    ("space", Separator::Blanks),
];

const NAMES: [&str; 10] = [
    "time", "op", "key", "size", "ttl", "sep", "unit", "header", "ops", "fill",
];

impl Options {
    /// Reads `key=2,op=1,unit=ms` over what is there.
    pub(super) fn with(mut self, text: &str) -> Result<Options, BadInput> {
        for part in text.split(',').filter(|part| !part.trim().is_empty()) {
            let (name, value) = part.split_once('=').ok_or_else(|| {
                BadInput(format!(
                    "'{part}' in '({text})': write NAME=VALUE, with one of {}",
                    NAMES.join(", ")
                ))
            })?;
            let (name, value) = (name.trim(), value.trim());
            let field = Field::ALL.into_iter().find(|field| field.name() == name);
            match (name, field) {
                (_, Some(field)) => self.set(field, Column::of(name, value)?),
                ("sep", _) => self.separator = Some(Separator::of(value)?),
                ("unit", _) => self.unit = Some(Unit::of(value)?),
                ("header", _) => self.header = Some(yes_or_no(name, value)?),
                ("fill", _) => self.fill = Some(yes_or_no(name, value)?),
                ("ops", _) => self.operations = operations(value)?,
                _ => return Err(unknown_name("option of a trace format", name, NAMES)),
            }
        }
        Ok(self)
    }

    pub(super) fn set(&mut self, field: Field, column: Column) {
        self.columns.retain(|(other, _)| *other != field);
        self.columns.push((field, column));
        self.columns.sort_by_key(|(field, _)| *field);
    }

    pub(super) fn column(&self, field: Field) -> Option<&Column> {
        let found = self.columns.iter().find(|(other, _)| *other == field);
        found.map(|(_, column)| column)
    }

    pub(super) fn has(&self, field: Field) -> bool {
        self.column(field).is_some()
    }

    /// The operation that is called so here.
    pub(super) fn operation(&self, name: &[u8]) -> Option<TraceOp> {
        let own = self.operations.iter();
        own.into_iter()
            .find(|(known, _)| known.as_bytes().eq_ignore_ascii_case(name))
            .map(|(_, op)| *op)
            .or_else(|| operation(name))
    }
}

impl fmt::Display for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<String> = self
            .columns
            .iter()
            .map(|(field, column)| format!("{}={column}", field.name()))
            .collect();
        let word = |yes: bool| if yes { "yes" } else { "no" };
        parts.extend(self.separator.map(|separator| format!("sep={separator}")));
        parts.extend(self.unit.map(|unit| format!("unit={}", unit.name())));
        parts.extend(self.header.map(|yes| format!("header={}", word(yes))));
        if !self.operations.is_empty() {
            let operations = self.operations.iter();
            let pairs: Vec<String> = operations
                .map(|(name, op)| format!("{name}:{}", op.name()))
                .collect();
            parts.push(format!("ops={}", pairs.join("/")));
        }
        parts.extend(self.fill.map(|yes| format!("fill={}", word(yes))));
        f.write_str(&parts.join(","))
    }
}

impl Column {
    fn of(option: &str, text: &str) -> Result<Column, BadInput> {
        match text.parse::<usize>() {
            Ok(0) => Err(BadInput(format!(
                "{option}=0 is no column: columns are counted from 1"
            ))),
            Ok(number) => Ok(Column::Number(number - 1)),
            Err(_) if text.is_empty() => Err(BadInput(format!(
                "{option}= needs a column: its number from 1, or its name in the header"
            ))),
            Err(_) => Ok(Column::Name(text.to_owned())),
        }
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Column::Number(number) => write!(f, "{}", number + 1),
            Column::Name(name) => f.write_str(name),
        }
    }
}

impl Separator {
    fn of(text: &str) -> Result<Separator, BadInput> {
        if let Some((_, known)) = SEPARATORS.iter().find(|(name, _)| *name == text) {
            return Ok(*known);
        }
        match text.as_bytes() {
            b"\\t" => Ok(Separator::Byte(b'\t')),
            [byte] if byte.is_ascii_graphic() && !byte.is_ascii_alphanumeric() && *byte != b'"' => {
                Ok(Separator::Byte(*byte))
            }
            _ => Err(BadInput(format!(
                "sep={text}: one character that is neither letter, digit nor quotation mark, or one of {}",
                SEPARATORS.map(|(name, _)| name).join(", ")
            ))),
        }
    }

    /// Whether the byte is one.
    pub(super) fn is(self, byte: u8) -> bool {
        match self {
            Separator::Byte(own) => byte == own,
            Separator::Blanks => byte == b' ' || byte == b'\t',
        }
    }
}

impl fmt::Display for Separator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = SEPARATORS.iter().find(|(_, separator)| separator == self);
        match (known, self) {
            (Some((name, _)), _) => f.write_str(name),
            (None, Separator::Byte(byte)) => write!(f, "{}", char::from(*byte)),
            (None, Separator::Blanks) => f.write_str("space"),
        }
    }
}

fn yes_or_no(name: &str, text: &str) -> Result<bool, BadInput> {
    match text {
        "yes" | "true" => Ok(true),
        "no" | "false" => Ok(false),
        _ => Err(BadInput(format!("{name}={text}: yes or no"))),
    }
}

/// `0:put/1:get`: what operations are called, and what they are.
fn operations(text: &str) -> Result<Vec<(String, TraceOp)>, BadInput> {
    let pair = |pair: &str| {
        let (name, meaning) = pair.split_once(':').ok_or_else(|| {
            BadInput(format!(
                "ops={text}: write NAME:OPERATION, several of them with / between, as in \
                 ops=0:get/1:set"
            ))
        })?;
        let op = operation(meaning.as_bytes()).ok_or_else(|| {
            unknown_name(
                "operation in ops=",
                meaning,
                TraceOp::ALL.map(TraceOp::name),
            )
        })?;
        Ok((name.to_owned(), op))
    };
    text.split('/').map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_read_as_they_are_written() {
        for text in [
            "",
            "time=1,key=2,size=3",
            "time=ts,op=op,key=cache key,sep=tab,unit=iso,header=yes",
            "op=2,key=1,sep=|,ops=0:get/1:set/x:delete,fill=yes",
        ] {
            let options = Options::default().with(text).unwrap();
            let again = options.to_string();
            assert_eq!(again, text.replace("sep=|", "sep=pipe"));
            assert_eq!(Options::default().with(&again).unwrap(), options);
        }
        let options = Options::default().with("ops=0:put/GET:delete").unwrap();
        assert_eq!(options.operation(b"0"), Some(TraceOp::Set));
        assert_eq!(options.operation(b"get"), Some(TraceOp::Delete));
        assert_eq!(options.operation(b"read"), Some(TraceOp::Get));
        // The last one counts, over what a format says by itself.
        let options = options.with("key=1").unwrap().with("key=k").unwrap();
        assert_eq!(options.column(Field::Key), Some(&Column::Name("k".into())));
    }

    #[test]
    fn what_is_no_option_is_named_with_what_would_be() {
        for (text, words) in [
            ("kye=1", "did you mean 'key'"),
            ("key", "write NAME=VALUE"),
            ("key=0", "counted from 1"),
            ("key=", "needs a column"),
            ("sep=ab", "semicolon"),
            ("unit=sec", "unit of times 'sec'"),
            ("header=perhaps", "yes or no"),
            ("ops=0", "ops=0:get/1:set"),
            ("ops=0:got", "did you mean 'get'"),
        ] {
            let error = Options::default().with(text).unwrap_err();
            assert!(error.0.contains(words), "{text}: {error}");
        }
    }
}
