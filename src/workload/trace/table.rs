//! Lines of columns, by name or by number: what formats `csv`, `cdn` and `ibm` share.

use super::clock::{Clock, Unit};
use super::fields::{Fields, likely_separator};
use super::layout::{Layout, Line, Row, Why, number, seconds, show};
use super::names::{Field, no_key, unit_of, usual_columns};
use super::op::TraceOp;
use super::options::{Column, Options, Separator};
use crate::base::counted;

/// Reads lines of columns.
pub(super) struct Columns {
    options: Options,
    /// Lines that begin with `#` are remarks, and a line may end before its size.
    loose: bool,
    clock: Clock,
    /// Until the first line has been read there are none.
    found: Option<Found>,
    key: Vec<u8>,
}

/// What the first line has shown.
struct Found {
    fields: Fields,
    separator: Separator,
    /// Columns that a line has at least; with a header it has as many as this.
    least: usize,
    header: Option<usize>,
    time: Option<usize>,
    op: Option<usize>,
    key: usize,
    size: Option<usize>,
    ttl: Option<usize>,
    /// How the columns are understood, for people.
    reading: String,
}

impl Columns {
    pub(super) fn new(options: Options, loose: bool) -> Columns {
        Columns {
            clock: Clock(options.unit),
            options,
            loose,
            found: None,
            key: Vec::new(),
        }
    }

    /// Finds the columns from the first line; true if it is a header.
    fn find(&mut self, line: &[u8]) -> Result<bool, Why> {
        let plain = line.strip_prefix(b"#").unwrap_or(line);
        let separator = self
            .options
            .separator
            .unwrap_or_else(|| likely_separator(plain));
        let mut fields = Fields::new(separator);
        fields.cut(plain)?;
        let names = fields.all(plain);
        let places = places(&self.options, &names, self.loose)?;
        let of = |field| place_of(&places, field);
        let Some(key) = of(Field::Key) else {
            return Err(no_key(&names));
        };
        let has_header = self.options.header.unwrap_or_else(|| {
            self.options.columns.is_empty() || by_name(&self.options) || is_header(&places, &names)
        });
        if has_header
            && self.clock.0.is_none()
            && let Some(unit) = of(Field::Time).and_then(|at| unit_of(names[at]))
        {
            self.clock.0 = Unit::of(unit).ok();
        }
        let needed =
            |(field, at): &(Field, usize)| (!is_optional(*field, self.loose)).then_some(at + 1);
        self.found = Some(Found {
            separator,
            least: places.iter().filter_map(needed).max().unwrap_or(1),
            header: (has_header && separator != Separator::Blanks).then_some(names.len()),
            time: of(Field::Time),
            op: of(Field::Op),
            key,
            size: of(Field::Size),
            ttl: of(Field::Ttl),
            reading: in_words(&places, has_header.then_some(&names), separator),
            fields,
        });
        Ok(has_header)
    }

    /// The request of a line.
    fn row(&mut self, line: &[u8]) -> Result<Line, Why> {
        let Some(found) = &mut self.found else {
            return Ok(Line::Nothing);
        };
        found.fields.cut(line)?;
        let fields = &found.fields;
        found.check_count()?;
        let given = |column: Option<usize>| {
            let text = fields.text(line, column?).trim_ascii();
            (!text.is_empty() && text != b"-").then_some(text)
        };
        let op = match found.op {
            None => TraceOp::Get,
            Some(column) => {
                let name = fields.text(line, column).trim_ascii();
                if name.is_empty() {
                    return Err("has an empty op".into());
                }
                let Some(op) = self.options.operation(name) else {
                    return Ok(Line::other(line, name));
                };
                op
            }
        };
        let mut row = if let Some(place) = fields.place(found.key) {
            Row::new(op, place)?
        } else {
            self.key.clear();
            self.key.extend_from_slice(fields.text(line, found.key));
            Row::own(op, self.key.len())?
        };
        if let Some(text) = given(found.time) {
            row.time = self.clock.read(text)?;
        }
        if let Some(text) = given(found.size) {
            row.value_bytes = Some(number(text, "size")?);
        }
        // A time to live below 0 is for ever.
        if let Some(text) = given(found.ttl).filter(|text| !text.starts_with(b"-")) {
            row.ttl_s = seconds(text, "ttl")?;
        }
        Ok(Line::Request(row))
    }
}

impl Layout for Columns {
    fn read(&mut self, line: &[u8]) -> Result<Line, Why> {
        let blank = line.iter().all(u8::is_ascii_whitespace);
        if blank || self.loose && line.starts_with(b"#") {
            return Ok(Line::Nothing);
        }
        if self.found.is_none() && self.find(line)? {
            return Ok(Line::Nothing);
        }
        self.row(line)
    }

    fn needs_header(&self) -> bool {
        self.found.is_none()
    }

    fn own_key(&self) -> &[u8] {
        &self.key
    }

    fn reading(&self) -> Option<String> {
        let found = self.found.as_ref()?;
        let unit = match (found.time, self.clock.0) {
            (Some(_), Some(Unit::Iso)) => "; times in ISO 8601".to_owned(),
            (Some(_), Some(unit)) => format!("; times in {}", unit.name()),
            _ => String::new(),
        };
        Some(format!("{}{unit}", found.reading))
    }
}

impl Found {
    fn check_count(&self) -> Result<(), Why> {
        let count = self.fields.count();
        if count < self.least {
            return Err(format!(
                "has {} between {}, where one is number {}",
                counted(count as u64, "column"),
                self.separator,
                self.least
            )
            .into());
        }
        match self.header {
            Some(header) if count != header => Err(format!(
                "has {}, its header {header}: a column with a separator in it stands between \
                 quotation marks",
                counted(count as u64, "column")
            )
            .into()),
            _ => Ok(()),
        }
    }
}

/// Where the fields are that the options name, or else those that headers usually have.
fn places(options: &Options, header: &[&[u8]], loose: bool) -> Result<Vec<(Field, usize)>, Why> {
    if options.columns.is_empty() {
        return Ok(usual_columns(header));
    }
    let place = |(field, column): &(Field, Column)| match column {
        Column::Number(at) if *at < header.len() || is_optional(*field, loose) => Ok((*field, *at)),
        Column::Number(at) => Err(Why::from(format!(
            "has {} between {}: {}={} is not among them; another separator is given with sep=",
            counted(header.len() as u64, "column"),
            options.separator.unwrap_or(Separator::Byte(b',')),
            field.name(),
            at + 1
        ))),
        Column::Name(name) => {
            let is = |text: &&[u8]| text.trim_ascii().eq_ignore_ascii_case(name.as_bytes());
            let at = header.iter().position(is).ok_or_else(|| {
                let names: Vec<String> = header.iter().map(|name| show(name.trim_ascii())).collect();
                Why::from(format!(
                    "is a header without a column '{name}'; it has {}; columns can be given by their number",
                    names.join(", ")
                ))
            })?;
            Ok((*field, at))
        }
    };
    options.columns.iter().map(place).collect()
}

/// Whether a line may end before this column.
fn is_optional(field: Field, loose: bool) -> bool {
    loose && matches!(field, Field::Size | Field::Ttl)
}

fn place_of(places: &[(Field, usize)], field: Field) -> Option<usize> {
    let found = places.iter().find(|(other, _)| *other == field);
    found.map(|(_, at)| *at)
}

fn by_name(options: &Options) -> bool {
    let mut columns = options.columns.iter();
    columns.any(|(_, column)| matches!(column, Column::Name(_)))
}

/// Whether a line is a header though columns are given by number: one has a usual name, or begins with a
/// letter where a time or a size has a digit.
fn is_header(places: &[(Field, usize)], line: &[&[u8]]) -> bool {
    let usual = usual_columns(line);
    places.iter().any(|(field, at)| {
        let text = line.get(*at).map_or(&[][..], |text| text.trim_ascii());
        if usual.contains(&(*field, *at)) {
            return true;
        }
        matches!(field, Field::Time | Field::Size | Field::Ttl)
            && text.first().is_some_and(u8::is_ascii_alphabetic)
    })
}

/// What is read from where, and what is not.
fn in_words(
    places: &[(Field, usize)],
    header: Option<&Vec<&[u8]>>,
    separator: Separator,
) -> String {
    let column = |at: usize| match header {
        Some(names) if at < names.len() => format!("'{}'", show(names[at].trim_ascii())),
        _ => format!("column {}", at + 1),
    };
    let read: Vec<String> = places
        .iter()
        .map(|(field, at)| format!("{} from {}", field.name(), column(*at)))
        .collect();
    let mut text = format!("columns between {separator}: {}", read.join(", "));
    if place_of(places, Field::Op).is_none() {
        text += "; every row a get that fills";
    }
    let is_read = |at: &usize| places.iter().any(|(_, read)| read == at);
    let unread: Vec<String> = (0..header.map_or(0, Vec::len))
        .filter(|at| !is_read(at))
        .map(column)
        .collect();
    if !unread.is_empty() {
        text += &format!("; not read: {}", unread.join(", "));
    }
    text
}

/// The options with the columns that the header of these lines has, so that they say all by themselves.
///
/// # Errors
/// A header without a key.
pub(super) fn pinned(options: &Options, lines: &[&[u8]]) -> Result<Options, Why> {
    let Some(first) = lines.iter().find(|line| !line.trim_ascii().is_empty()) else {
        return Ok(options.clone());
    };
    let plain = first.strip_prefix(b"#").unwrap_or(first);
    let separator = options.separator.unwrap_or_else(|| likely_separator(plain));
    let mut pinned = options.clone();
    if separator != Separator::Byte(b',') {
        pinned.separator = Some(separator);
    }
    if !options.columns.is_empty() {
        return Ok(pinned);
    }
    let mut fields = Fields::new(separator);
    fields.cut(plain)?;
    let names = fields.all(plain);
    let found = usual_columns(&names);
    if place_of(&found, Field::Key).is_none() {
        return Err(no_key(&names));
    }
    for (field, at) in found {
        let name = String::from_utf8_lossy(names[at].trim_ascii()).into_owned();
        // What cannot stand between commas and parentheses is given by its number.
        let unfit = name.contains([',', '(', ')', '=', ':']) || name.parse::<u64>().is_ok();
        let column = if unfit {
            Column::Number(at)
        } else {
            Column::Name(name)
        };
        pinned.set(field, column);
    }
    if !by_name(&pinned) {
        pinned.header = Some(true);
    }
    Ok(pinned)
}

/// Options that might fit lines without a header: for a person to look at.
pub(super) fn suggested(options: &Options, line: &[u8]) -> Options {
    let separator = options.separator.unwrap_or_else(|| likely_separator(line));
    let mut fields = Fields::new(separator);
    let mut suggested = options.clone();
    if separator != Separator::Byte(b',') {
        suggested.separator = Some(separator);
    }
    if fields.cut(line).is_err() {
        return suggested;
    }
    let texts = fields.all(line);
    let is_number = |text: &[u8]| number(text.trim_ascii(), "").is_ok();
    let is_time = |text: &[u8]| text.len() >= 9 && Clock(None).read(text).is_ok();
    let mut free: Vec<usize> = (0..texts.len()).collect();
    let mut take = |field: Field, fits: &dyn Fn(&[u8]) -> bool| {
        if let Some(place) = free.iter().position(|at| fits(texts[*at])) {
            suggested.set(field, Column::Number(free.remove(place)));
        }
    };
    take(Field::Time, &is_time);
    take(Field::Op, &|text| options.operation(text).is_some());
    take(Field::Key, &|text| !is_number(text) && !text.is_empty());
    if !suggested.has(Field::Key) {
        let mut take = |field: Field| {
            if let Some(place) = free.iter().position(|at| !texts[*at].is_empty()) {
                suggested.set(field, Column::Number(free.remove(place)));
            }
        };
        take(Field::Key);
    }
    if let Some(place) = free.iter().position(|at| is_number(texts[*at])) {
        suggested.set(Field::Size, Column::Number(free[place]));
    }
    suggested
}
