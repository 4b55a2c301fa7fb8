//! Rows to lines of CSV files, and back.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use anyhow::Context;

use super::columns::Row;
use super::files::{check_version, open, replace};
use super::names::Names;
use super::read_error::ReadError;

pub(super) fn create_with_header<R: Row>(directory: &Path) -> io::Result<File> {
    let mut file = OpenOptions::new()
        .append(true)
        .create_new(true)
        .open(directory.join(R::FILE))?;
    file.write_all(header::<R>().as_bytes())?;
    Ok(file)
}

fn header<R: Row>() -> String {
    format!("{}\n", [R::COLUMNS, R::NAMES].concat().join(","))
}

pub(super) fn append<R: Row>(file: &mut File, rows: &[R], names: &Names) -> anyhow::Result<()> {
    let cannot = || format!("cannot write {}", R::FILE);
    let lines = lines_of(rows, names).with_context(cannot)?;
    // Straight to the system: there is no buffer that a kill could lose.
    file.write_all(&lines).with_context(cannot)
}

/// A CSV file with these rows in place of the one that is there, open for more.
pub(super) fn rewrite<R: Row>(directory: &Path, rows: &[R], names: &Names) -> anyhow::Result<File> {
    let path = directory.join(R::FILE);
    let mut bytes = header::<R>().into_bytes();
    bytes.extend(lines_of(rows, names)?);
    let cannot = || format!("cannot write {}", R::FILE);
    replace(&path, &bytes).with_context(cannot)?;
    OpenOptions::new()
        .append(true)
        .open(&path)
        .with_context(cannot)
}

/// The rows, exactly one line each.
fn lines_of<R: Row>(rows: &[R], names: &Names) -> anyhow::Result<Vec<u8>> {
    let mut lines = Vec::new();
    for row in rows {
        let mut writer = csv::WriterBuilder::new()
            .has_headers(false)
            .from_writer(Vec::new());
        // The fields of the cell's name follow those of the row.
        writer.serialize((
            row,
            names
                .fields(row.cell().unwrap_or_default(), R::NAMES)
                .collect::<Vec<&str>>(),
        ))?;
        let mut line = writer.into_inner()?;
        let end = line.len() - 1;
        // A line break within a quoted field would hide where a row ends, and a reason reads as
        // well without.
        for byte in &mut line[..end] {
            if matches!(byte, b'\n' | b'\r') {
                *byte = b' ';
            }
        }
        lines.extend_from_slice(&line);
    }
    Ok(lines)
}

/// Where the last whole line of a file ends, of which the first byte is read next; 0 where there is none.
fn end_of_last_line(file: &mut File, length: u64) -> io::Result<u64> {
    const CHUNK: u64 = 1 << 16;
    let mut end = length;
    let mut found = 0;
    while end > 0 && found == 0 {
        let start = end.saturating_sub(CHUNK);
        file.seek(SeekFrom::Start(start))?;
        let mut bytes = Vec::new();
        Read::by_ref(file)
            .take(end - start)
            .read_to_end(&mut bytes)?;
        let at = bytes.iter().rposition(|&b| b == b'\n');
        found = at.map_or(0, |at| start + at as u64 + 1);
        end = start;
    }
    file.rewind()?;
    Ok(found)
}

pub(super) fn read_rows<R: Row>(
    directory: &Path,
    dropped_lines: &mut u32,
) -> Result<Vec<R>, ReadError> {
    let path = directory.join(R::FILE);
    let mut file = open(&path)?;
    let unreadable = |error| ReadError::Unreadable(path.clone(), error);
    let length = file.metadata().map_err(unreadable)?.len();
    let whole = end_of_last_line(&mut file, length).map_err(unreadable)?;
    if whole == 0 {
        return Err(ReadError::Empty(path));
    }
    *dropped_lines += u32::from(whole < length);
    // Row by row: a sweep has files that are larger than what is kept of them.
    let mut reader = csv::ReaderBuilder::new()
        .buffer_capacity(1 << 18)
        .from_reader(file.take(whole));
    let row_error = |line, why: String| ReadError::Row {
        file: path.clone(),
        line,
        why,
    };
    let header = reader
        .headers()
        .map_err(|error| row_error(1, error.to_string()))?
        .clone();
    if let Some(why) = header_difference(&header, (R::COLUMNS, R::NAMES), R::OPTIONAL) {
        return Err(ReadError::Header { file: path, why });
    }
    let mut rows = Vec::new();
    let mut record = csv::StringRecord::new();
    loop {
        // A row is a line (that is how they are written), so a row's number gives its line.
        let line = rows.len() as u64 + 2;
        let more = reader
            .read_record(&mut record)
            .map_err(|error| row_error(line, what_is_wrong(&error, &header)))?;
        if !more {
            return Ok(rows);
        }
        let row: R = record
            .deserialize(Some(&header))
            .map_err(|error| row_error(line, what_is_wrong(&error, &header)))?;
        if let Some(version) = row.schema_version() {
            check_version(&path, version)?;
        }
        rows.push(row);
    }
}

/// What is wrong with a header: the columns come in their order, those of names last, and only the latter and those
/// that are optional may be left out.
fn header_difference(
    header: &csv::StringRecord,
    (columns, names): (&[&str], &[&str]),
    optional: &[&str],
) -> Option<String> {
    let mut index = 0;
    for wanted in columns.iter().chain(names) {
        match header.get(index) {
            Some(found) if found == *wanted => index += 1,
            _ if optional.contains(wanted) => {}
            None if names.contains(wanted) => {}
            Some(found) => {
                let column = index + 1;
                return Some(format!(
                    "column {column} is '{found}' instead of '{wanted}'"
                ));
            }
            None => return Some(format!("column '{wanted}' is missing")),
        }
    }
    let extra = header.get(index)?;
    Some(format!("column '{extra}' is not known"))
}

/// The csv crate's error without the position, which it counts in its own way, and with the name
/// of the column.
fn what_is_wrong(error: &csv::Error, header: &csv::StringRecord) -> String {
    match error.kind() {
        csv::ErrorKind::Deserialize { err, .. } => {
            let column = err
                .field()
                .and_then(|field| header.get(usize::try_from(field).ok()?));
            match column {
                Some(column) => format!("{column}: {}", err.kind()),
                None => err.kind().to_string(),
            }
        }
        csv::ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => format!("{len} fields where the header has {expected_len}"),
        csv::ErrorKind::Utf8 { err, .. } => format!("not UTF-8: {err}"),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::rows::TrialRow;

    #[test]
    fn a_row_is_one_line_whatever_is_in_it() {
        let row = TrialRow {
            error: "expected \"a\",\r\ngot\nb".into(),
            ..TrialRow::default()
        };
        let lines =
            String::from_utf8(lines_of(&[row.clone(), row], &Names::default()).unwrap()).unwrap();
        assert_eq!(lines.lines().count(), 2);
        assert!(
            lines.contains(",\"expected \"\"a\"\",  got b\","),
            "{lines}"
        );
    }
}
