//! Format `keys`: one key a line.

use super::layout::{Cut, Format, Holds, Line, Reading, Row, Why};
use super::op::TraceOp;

pub(super) const FORMAT: Format = Format {
    name: "keys",
    about: "one key a line, every line a get that fills on a miss; plain, .gz or .zst",
    source: "bucketlab",
    operations: "",
    cut: Cut::Lines,
    by_time: false,
    open: |options| Reading::plain("keys", options, HOLDS, Box::new(line)),
    // Any line could be a key: it is what is left.
    looks_like: |_| false,
};

const HOLDS: Holds = Holds {
    writes: false,
    fills: true,
    sizes: false,
    times: false,
};

/// A line: all of it is the key.
fn line(line: &[u8]) -> Result<Line, Why> {
    if line.is_empty() {
        return Err("is empty: every line of a trace in format keys is a key".into());
    }
    Row::new(TraceOp::Get, 0..line.len()).map(Line::Request)
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_empty_line_is_no_key() {
        assert!(super::line(b"").unwrap_err().contains("is empty"));
    }
}
