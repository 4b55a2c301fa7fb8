//! Format `ycsb`: the log of a YCSB implementation.
//!
//! Two forms of a line are read:
//!
//! - The basic binding's log, of YCSB itself and of YCSB-C: verb, table, key, fields: `READ usertable
//!   user1 [ <all fields>]`, `READ usertable user1 < all fields >`, `UPDATE usertable user1 [
//!   field1=ab c ]`, `DELETE usertable user1`.
//! - The short one: verb, key, perhaps fields: `READ user1`, `INSERT user1 field0=x`.
//!
//! Without fields the two forms look alike, so a line with two words behind its verb and no fields is
//! refused (except DELETE, which has none). The reader skips what YCSB prints around its operations
//! (banner, properties, status, results).

use super::layout::{Cut, Format, Holds, Line, Reading, Row, Why, show};
use super::op::TraceOp;

pub(super) const FORMAT: Format = Format {
    name: "ycsb",
    about: "a log of YCSB's basic binding, or lines of READ, UPDATE, INSERT, DELETE or \
            READMODIFYWRITE and a key; plain, .gz or .zst",
    source: "what YCSB implementations print",
    operations: "READ, UPDATE, INSERT, DELETE and READMODIFYWRITE",
    cut: Cut::Lines,
    by_time: false,
    open: |options| Reading::plain("ycsb", options, HOLDS, Box::new(line)),
    looks_like: |lines| {
        lines
            .iter()
            .any(|text| matches!(line(text), Ok(Line::Request(_))))
    },
};

const HOLDS: Holds = Holds {
    writes: true,
    fills: false,
    sizes: false,
    times: false,
};

const VERBS: [(&[u8], TraceOp); 5] = [
    (b"READ", TraceOp::Get),
    (b"UPDATE", TraceOp::Set),
    (b"INSERT", TraceOp::Insert),
    (b"DELETE", TraceOp::Delete),
    (b"READMODIFYWRITE", TraceOp::ReadModifyWrite),
];

fn line(line: &[u8]) -> Result<Line, Why> {
    let verb_end = memchr::memchr(b' ', line).unwrap_or(line.len());
    let verb = &line[..verb_end];
    let Some((_, op)) = VERBS.iter().find(|(name, _)| *name == verb) else {
        if verb == b"SCAN" {
            return Err("is a SCAN: a hash table has no scans".into());
        }
        if is_around(line) {
            return Ok(Line::Nothing);
        }
        return Err(format!(
            "begins with '{}': not READ, UPDATE, INSERT, DELETE or READMODIFYWRITE, and no line that \
             YCSB prints around them",
            show(verb)
        )
        .into());
    };
    let word = |from: usize| {
        let from = (from + 1).min(line.len());
        let length = memchr::memchr(b' ', &line[from..]).unwrap_or(line.len() - from);
        from..from + length
    };
    let first = word(verb_end);
    let behind_first = &line[first.end..];
    if behind_first.is_empty() || are_fields(behind_first) || is_assignment(behind_first) {
        return Row::new(*op, first).map(Line::Request);
    }
    let second = word(first.end);
    let behind_second = &line[second.end..];
    if are_fields(behind_second) || *op == TraceOp::Delete && behind_second.is_empty() {
        return Row::new(*op, second).map(Line::Request);
    }
    Err(format!(
        "is neither a verb, a table, a key and [ fields ], nor a verb and a key: '{}'",
        show(line)
    )
    .into())
}

/// Fields as both implementations print them.
fn are_fields(text: &[u8]) -> bool {
    let text = text.trim_ascii_end();
    text.starts_with(b" [") && text.ends_with(b"]") || text == b" < all fields >"
}

/// Fields of the short form: `field0=x` and what follows it.
fn is_assignment(text: &[u8]) -> bool {
    let word = text.trim_ascii_start();
    let word = word.split(|byte| *byte == b' ').next().unwrap_or(word);
    word.contains(&b'=')
}

/// Whether a line is one that YCSB or YCSB-C prints beside its operations.
fn is_around(line: &[u8]) -> bool {
    const STARTS: [&[u8]; 12] = [
        // Results: `[READ], Operations, 500`.
        b"[",
        // YCSB-C's results, a header each.
        b"# ",
        // The frame of the properties, and they themselves.
        b"***",
        b"\"",
        b"YCSB Client",
        b"Command line:",
        b"Loading workload",
        b"Starting test",
        b"DBWrapper:",
        b"SLF4J:",
        b"java ",
        b"/usr/bin/java ",
    ];
    let has = |part: &[u8]| memchr::memmem::find(line, part).is_some();
    line.trim_ascii().is_empty()
        || STARTS.iter().any(|start| line.starts_with(start))
        // The path of a Java that is elsewhere.
        || has(b"site.ycsb.Client")
        || has(b"com.yahoo.ycsb.Client")
        // Status: `2026-01-01 00:00:00:000 10 sec: 500 operations; 50 current ops/sec; …`.
        || has(b" sec: ") && has(b" operations")
        || is_rate_of_ycsb_c(line)
}

/// YCSB-C's result: name of the database, file of the workload, threads and rate between tabs.
fn is_rate_of_ycsb_c(line: &[u8]) -> bool {
    let fields: Vec<&[u8]> = line.split(|byte| *byte == b'\t').take(5).collect();
    let is_number =
        |text: &[u8]| str::from_utf8(text).is_ok_and(|text| text.parse::<f64>().is_ok());
    matches!(fields[..], [_, _, threads, rate] if is_number(threads) && is_number(rate))
}

#[cfg(test)]
mod tests {
    use super::super::layout::Key;
    use super::*;

    fn key_of(text: &str) -> (TraceOp, &str) {
        match line(text.as_bytes()) {
            Ok(Line::Request(Row {
                op,
                key: Key::At(key),
                ..
            })) => (op, &text[key]),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn the_key_stands_behind_the_table_or_the_verb() {
        for (text, op, key) in [
            (
                "READ usertable user11 [ <all fields>]",
                TraceOp::Get,
                "user11",
            ),
            (
                "READ usertable user11 [ field0 field3 ]",
                TraceOp::Get,
                "user11",
            ),
            (
                "READ usertable user11 < all fields >",
                TraceOp::Get,
                "user11",
            ),
            (
                "UPDATE usertable user22 [ field1=ab c ]",
                TraceOp::Set,
                "user22",
            ),
            (
                "INSERT usertable user33 [ field0=x ]",
                TraceOp::Insert,
                "user33",
            ),
            ("INSERT usertable user33 [ ]", TraceOp::Insert, "user33"),
            ("DELETE usertable user33", TraceOp::Delete, "user33"),
            ("DELETE user33", TraceOp::Delete, "user33"),
            ("READ k1", TraceOp::Get, "k1"),
            ("READ k1 [ <all fields>]", TraceOp::Get, "k1"),
            ("INSERT k f=1", TraceOp::Insert, "k"),
            ("READMODIFYWRITE k", TraceOp::ReadModifyWrite, "k"),
        ] {
            assert_eq!(key_of(text), (op, key), "{text}");
        }
    }

    #[test]
    fn a_line_of_neither_form_is_an_error() {
        for (text, words) in [
            ("READ", "empty key"),
            ("READ ", "empty key"),
            ("READ usertable user11", "neither"),
            ("UPDATE usertable user22 field1=ab", "neither"),
            ("INSERT usertable user33 [ field0=x", "neither"),
            ("READ usertable  [ <all fields>]", "empty key"),
            ("SCAN usertable k 5 [ <all fields>]", "no scans"),
            ("DROP k", "begins with 'DROP'"),
            (
                "read usertable user11 [ <all fields>]",
                "begins with 'read'",
            ),
        ] {
            let why = line(text.as_bytes()).unwrap_err();
            assert!(why.contains(words), "{text}: {why}");
        }
    }

    #[test]
    fn what_is_printed_around_operations_is_passed_over() {
        for text in [
            "",
            "/usr/lib/jvm/java/bin/java -cp x site.ycsb.Client -t -db site.ycsb.BasicDB",
            "Command line: -t -db site.ycsb.BasicDB -P workloads/workloada",
            "YCSB Client 0.17.0",
            "Loading workload...",
            "Starting test.",
            "DBWrapper: report latency for each error is false and specific error codes to track \
             for latency are: []",
            "***************** properties *****************",
            "\"recordcount\"=\"1000\"",
            "**********************************************",
            "2026-01-01 00:00:00:000 0 sec: 0 operations; est completion in 0 second ",
            "[OVERALL], RunTime(ms), 50",
            "[READ], Return=OK, 497",
            "# Loading records:\t1000",
            "basic\tworkloads/workloada.spec\t1\t123.4",
        ] {
            assert_eq!(line(text.as_bytes()), Ok(Line::Nothing), "{text}");
        }
    }
}
