//! Format `nginx`: the combined log of web servers (nginx, Apache), and the common one.

use std::ops::Range;

use super::clock::of_web_log;
use super::layout::{Cut, Format, Holds, Layout, Line, Reading, Row, Time, Why, number};
use super::op::TraceOp;

pub(super) const FORMAT: Format = Format {
    name: "nginx",
    about: "the combined log of nginx or Apache: the path is the key, GET and HEAD are gets that fill, PUT sets, \
            DELETE deletes; other methods, and answers of 400 and above, are counted and left out",
    source: "nginx, Apache",
    operations: "GET, HEAD, PUT and DELETE with an answer below 400",
    cut: Cut::Lines,
    by_time: false,
    open: |options| Reading::plain("nginx", options, HOLDS, Box::new(Requests::default())),
    looks_like: |lines| {
        let mut requests = Requests::default();
        lines.iter().any(|line| {
            matches!(
                requests.read(line),
                Ok(Line::Request(_) | Line::Other { .. })
            )
        })
    },
};

const HOLDS: Holds = Holds {
    writes: true,
    fills: true,
    sizes: true,
    times: true,
};

/// Reads `10.0.0.1 - - [10/Oct/2023:13:55:36 +0000] "GET /a HTTP/1.1" 200 115 "-" "curl/8.0"`.
#[derive(Default)]
struct Requests {
    /// The time of the last line as text and as a moment: most lines have that of the line before.
    text: Vec<u8>,
    time: Time,
}

impl Layout for Requests {
    fn read(&mut self, line: &[u8]) -> Result<Line, Why> {
        if line.is_empty() {
            return Ok(Line::Nothing);
        }
        let parts = parts(line).ok_or(
            "is not like 10.0.0.1 - - [10/Oct/2023:13:55:36 +0000] \"GET /a HTTP/1.1\" 200 115",
        )?;
        self.set_time(&line[parts.time])?;
        let status = &line[parts.status.clone()];
        let other = |op: Range<usize>| Ok(Line::Other { op, repeats: 1 });
        if matches!(number(status, "status")?, 400..) {
            return other(parts.status);
        }
        let op = match &line[parts.method.clone()] {
            b"GET" | b"HEAD" => TraceOp::Get,
            b"PUT" => TraceOp::Set,
            b"DELETE" => TraceOp::Delete,
            _ => return other(parts.method),
        };
        let mut row = Row::new(op, parts.path)?;
        row.time = self.time;
        // Other answers have no body, or one that is not the object.
        if &line[parts.method] == b"GET" && matches!(status, b"200" | b"206") {
            let bytes = &line[parts.bytes];
            row.value_bytes = Some(if bytes == b"-" {
                0
            } else {
                number(bytes, "size")?
            });
        }
        Ok(Line::Request(row))
    }
}

impl Requests {
    fn set_time(&mut self, text: &[u8]) -> Result<(), Why> {
        if self.text != text {
            self.time = of_web_log(text)?;
            self.text.clear();
            self.text.extend_from_slice(text);
        }
        Ok(())
    }
}

/// Where the parts of a line are.
struct Parts {
    time: Range<usize>,
    method: Range<usize>,
    path: Range<usize>,
    status: Range<usize>,
    bytes: Range<usize>,
}

fn parts(line: &[u8]) -> Option<Parts> {
    let find = |what: &[u8], from: usize| {
        let place = memchr::memmem::find(line.get(from..)?, what)?;
        Some(from + place)
    };
    let time = find(b" [", 0)? + 2;
    let time = time..find(b"] \"", time)?;
    let method = time.end + 3;
    let method = method..find(b" ", method)?;
    let path = method.end + 1;
    // A quotation mark in the path is escaped, so the first one with a blank behind it ends the request.
    let end = find(b"\" ", path)?;
    let path_end = memchr::memchr(b' ', &line[path..end]).map_or(end, |length| path + length);
    let status = end + 2;
    let status = status..find(b" ", status)?;
    let bytes = status.end + 1;
    let bytes_end = memchr::memchr(b' ', &line[bytes..]).map_or(line.len(), |n| bytes + n);
    Some(Parts {
        time,
        method,
        path: path..path_end,
        status,
        bytes: bytes..bytes_end,
    })
}

#[cfg(test)]
mod tests {
    use super::super::layout::Key;
    use super::*;

    fn read(request: &str, answer: &str) -> Result<Line, Why> {
        let line = format!("::1 - bob [10/Oct/2023:13:55:36 +0000] \"{request}\" {answer}");
        Requests::default().read(line.as_bytes())
    }

    #[test]
    fn the_path_is_the_key_and_the_bytes_are_the_size() {
        for (request, answer, op, bytes) in [
            (
                "GET /a?b=1 HTTP/1.1",
                "200 115 \"-\" \"curl\"",
                TraceOp::Get,
                Some(115),
            ),
            ("GET /a?b=1 HTTP/2.0", "200 115", TraceOp::Get, Some(115)),
            ("GET /a?b=1", "200 -", TraceOp::Get, Some(0)),
            ("GET /a?b=1 HTTP/1.1", "304 0", TraceOp::Get, None),
            ("HEAD /a?b=1 HTTP/1.1", "200 0", TraceOp::Get, None),
            ("PUT /a?b=1 HTTP/1.1", "201 7", TraceOp::Set, None),
            ("DELETE /a?b=1 HTTP/1.1", "204 0", TraceOp::Delete, None),
        ] {
            let Ok(Line::Request(row)) = read(request, answer) else {
                panic!("{request} {answer}");
            };
            assert_eq!((row.op, row.value_bytes), (op, bytes), "{request} {answer}");
            assert_eq!(row.time, Time::of_s(1_696_946_136));
            let Key::At(place) = row.key else {
                panic!("not in the line");
            };
            assert_eq!(place.len(), "/a?b=1".len());
        }
    }

    #[test]
    fn other_requests_are_named() {
        let named = |request: &str, answer: &str| match read(request, answer) {
            Ok(Line::Other { op, .. }) => op.len(),
            other => panic!("{other:?}"),
        };
        assert_eq!(named("POST /a HTTP/1.1", "200 5"), "POST".len());
        assert_eq!(named("GET /a HTTP/1.1", "404 5"), "404".len());
        assert!(
            read("GET /a HTTP/1.1", "200 x")
                .unwrap_err()
                .contains("'x' as size")
        );
        let why = Requests::default().read(b"GET /a").unwrap_err();
        assert!(why.contains("is not like"), "{why}");
    }
}
