//! Cuts a line into its columns.

use std::ops::Range;

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

use super::layout::Why;
use super::options::Separator;

/// The columns of the line that was cut last.
pub(super) struct Fields {
    separator: Separator,
    reader: Reader,
    /// Where they are: in the line, or in `text` where one of them was quoted.
    places: Vec<Range<usize>>,
    quoted: bool,
    text: Vec<u8>,
    ends: Vec<usize>,
}

impl Fields {
    pub(super) fn new(separator: Separator) -> Fields {
        let mut builder = ReaderBuilder::new();
        if let Separator::Byte(byte) = separator {
            builder.delimiter(byte);
        }
        Fields {
            separator,
            reader: builder.build(),
            places: Vec::new(),
            quoted: false,
            text: Vec::new(),
            ends: Vec::new(),
        }
    }

    /// Cuts a line; then the others tell of it.
    pub(super) fn cut(&mut self, line: &[u8]) -> Result<(), Why> {
        self.places.clear();
        self.quoted = false;
        match self.separator {
            Separator::Blanks => self.cut_at_blanks(line),
            Separator::Byte(_) if memchr::memchr(b'"', line).is_some() => self.unquote(line)?,
            Separator::Byte(byte) => {
                let mut from = 0;
                for end in memchr::memchr_iter(byte, line).chain([line.len()]) {
                    self.places.push(from..end);
                    from = end + 1;
                }
            }
        }
        Ok(())
    }

    fn cut_at_blanks(&mut self, line: &[u8]) {
        let mut at = 0;
        while at < line.len() {
            let is_end = |byte: &u8| Separator::Blanks.is(*byte);
            let rest = &line[at..];
            let length = rest.iter().position(is_end).unwrap_or(rest.len());
            if length > 0 {
                self.places.push(at..at + length);
            }
            at += length + 1;
        }
    }

    /// Quoted columns may have separators in them, and quotation marks written twice.
    fn unquote(&mut self, line: &[u8]) -> Result<(), Why> {
        self.quoted = true;
        self.text.resize(line.len() + 1, 0);
        let columns = line.iter().filter(|byte| self.separator.is(**byte)).count() + 1;
        self.ends.resize(columns + 1, 0);
        self.reader.reset();
        let (_, _, written, ended) = self
            .reader
            .read_record(line, &mut self.text, &mut self.ends);
        // Within quotation marks, the line's end is text.
        let (result, _, _, more) =
            self.reader
                .read_record(b"\n", &mut self.text[written..], &mut self.ends[ended..]);
        if result != ReadRecordResult::Record {
            return Err(
                "has a quotation mark that does not close: a column that goes on in the next line is \
                 not read"
                    .into(),
            );
        }
        let mut from = 0;
        for end in &self.ends[..ended + more] {
            self.places.push(from..*end);
            from = *end;
        }
        Ok(())
    }

    pub(super) fn count(&self) -> usize {
        self.places.len()
    }

    /// A column's text; empty where the line has no such column.
    pub(super) fn text<'l>(&'l self, line: &'l [u8], column: usize) -> &'l [u8] {
        let from = if self.quoted { &self.text } else { line };
        match self.places.get(column) {
            Some(place) => &from[place.clone()],
            None => &[],
        }
    }

    /// Where a column is in its line; `None` where what it says was quoted.
    pub(super) fn place(&self, column: usize) -> Option<Range<usize>> {
        let place = self.places.get(column)?;
        (!self.quoted).then(|| place.clone())
    }

    /// All columns.
    pub(super) fn all<'l>(&'l self, line: &'l [u8]) -> Vec<&'l [u8]> {
        (0..self.count()).map(|at| self.text(line, at)).collect()
    }
}

/// The separator that a line most likely has.
pub(super) fn likely_separator(line: &[u8]) -> Separator {
    let count = |wanted: u8| memchr::memchr_iter(wanted, line).count();
    let bytes = [b'\t', b',', b';', b'|'].map(|byte| (count(byte), byte));
    // The first of several that occur alike.
    let most = bytes.iter().rev().max_by_key(|(count, _)| *count);
    match most {
        Some((1.., byte)) => Separator::Byte(*byte),
        _ if count(b' ') > 0 => Separator::Blanks,
        _ => Separator::Byte(b','),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_at_separators_outside_of_quotation_marks() {
        let comma = Separator::Byte(b',');
        for (separator, line, columns) in [
            (comma, "a,b,,c", &["a", "b", "", "c"][..]),
            (comma, "", &[""]),
            (comma, "\"a,b\",c", &["a,b", "c"]),
            (comma, "1,\"say \"\"x\"\"\",\"\"", &["1", "say \"x\"", ""]),
            (comma, "a\"b,c", &["a\"b", "c"]),
            (Separator::Byte(b'\t'), "a\t b \tc", &["a", " b ", "c"]),
            (Separator::Blanks, "  a \t b c ", &["a", "b", "c"]),
        ] {
            let mut fields = Fields::new(separator);
            // A cut leaves nothing behind for the next one.
            fields.cut(b"\"x,y\",z").unwrap();
            fields.cut(line.as_bytes()).unwrap();
            let wanted: Vec<&[u8]> = columns.iter().map(|text| text.as_bytes()).collect();
            assert_eq!(fields.all(line.as_bytes()), wanted, "{line}");
            assert_eq!(fields.text(line.as_bytes(), 9), b"");
        }
        let open = Fields::new(comma).cut(b"1,\"a,b").unwrap_err();
        assert!(open.contains("does not close"), "{open}");
    }

    #[test]
    fn separators_are_recognised() {
        for (line, separator) in [
            ("a,b;c,d", Separator::Byte(b',')),
            ("a;b", Separator::Byte(b';')),
            ("a\tb c", Separator::Byte(b'\t')),
            ("1 2 3", Separator::Blanks),
            ("a", Separator::Byte(b',')),
        ] {
            assert_eq!(likely_separator(line.as_bytes()), separator, "{line}");
        }
    }
}
