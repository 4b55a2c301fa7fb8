//! Logs as people have them, in `tests/logs`, each with what must come of it.

use super::tests::{Asked, requests};
use super::*;
use crate::base::BadInput;
use crate::workload::TraceSource;

fn path(name: &str) -> String {
    format!("{}/tests/logs/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn parsed(name: &str) -> Result<TraceSource, BadInput> {
    TraceSource::parse(&path(name), false)
}

fn read(name: &str) -> Vec<Asked> {
    requests(&parsed(name).unwrap()).unwrap()
}

/// What is wrong with a file, wherever that is found.
fn refusal(name: &str) -> String {
    match parsed(name) {
        Err(error) => error.0,
        Ok(source) => TraceFacts::scan(&source).unwrap_err().0,
    }
}

fn asked(op: TraceOp, key: &str, bytes: impl Into<Option<u32>>) -> Asked {
    (op, key.as_bytes().to_vec(), bytes.into())
}

/// Format as guessed or given, requests, first request, first time and the seconds that the file spans.
type Log = (&'static str, &'static str, u64, &'static str, u64);

#[test]
fn logs_are_read_as_what_they_are() {
    let logs: [Log; 19] = [
        (
            "g1.csv",
            "csv(time=timestamp_ms,op=op,key=key,size=size)",
            399,
            "get user:27235:profile, 115 B, at 1700000000.001 s",
            1,
        ),
        (
            "g2.csv",
            "csv(time=timestamp_ms,op=op,key=key,size=size)",
            399,
            "get user:27235:profile, 115 B, at 1700000000.001 s",
            1,
        ),
        (
            "g2u.csv",
            "csv(time=timestamp_ms,op=op,key=key,size=size)",
            399,
            "get user:27235:profile, 115 B, at 1700000000.001 s",
            1,
        ),
        (
            "g3.csv",
            "csv(time=time,key=object_id,size=bytes)",
            399,
            "get 27235, 115 B, at 1700000000.001 s",
            1,
        ),
        (
            "g4.tsv",
            "csv(time=timestamp,op=op,key=key,size=value_size,sep=tab)",
            399,
            "get user:27235:profile, 115 B, at 1700000000 s",
            0,
        ),
        (
            "g5_noheader.csv:csv(time=1,key=2,size=3)",
            "csv(time=1,key=2,size=3)",
            400,
            "get user:27235:profile, 115 B, at 1700000000 s",
            0,
        ),
        ("cdn.tr", "cdn", 400, "get 27235, 115 B, at 1700000000 s", 0),
        ("ibm.tr", "ibm", 399, "get 0000000000006a63, 115 B", 1),
        ("ibm2.tr", "ibm", 399, "get A, 8371 B", 1),
        (
            "log.jsonl",
            "jsonl(time=ts,op=op,key=key,size=size)",
            400,
            "get user:27235:profile, 115 B, at 1700000000.001 s",
            1,
        ),
        (
            "redis.monitor",
            "redis-monitor",
            399,
            "get user:27235:profile, at 1700000000.001 s",
            1,
        ),
        ("mc.vv", "memcached-vv", 137, "get user:27235:profile", 0),
        (
            "metadump.txt",
            "metadump",
            400,
            "set user:27235:profile, 98 B, at 1700000000 s",
            0,
        ),
        (
            "access.log",
            "nginx",
            400,
            "get /obj/27235, 115 B, at 1696946136 s",
            0,
        ),
        ("keys.txt", "keys", 400, "get user:27235:profile", 0),
        (
            "ops.csv",
            "csv(time=timestamp_ms,op=op,key=key,size=size)",
            6,
            "get a, 5 B, at 0.001 s",
            1,
        ),
        (
            "semi.csv",
            "csv(op=op,key=key,size=size,sep=semicolon)",
            1,
            "get a, 1 B",
            0,
        ),
        (
            "bom_crlf.csv",
            "csv(op=op,key=key,size=size)",
            2,
            "get a, 10 B",
            0,
        ),
        ("big.csv:csv(key=1)", "csv(key=1)", 2, "get a", 0),
    ];
    for (name, format, count, first, span_s) in logs {
        let source = parsed(name).unwrap();
        assert_eq!(source.format, format, "{name}");
        let facts = TraceFacts::scan(&source).unwrap();
        assert_eq!(facts.requests, count, "{name}: {:?}", facts.left_out);
        assert_eq!(facts.span_s(), span_s, "{name}");
        assert_eq!(source.first_rows(3).unwrap().requests[0], first, "{name}");
        let again = TraceSource::parse(&format!("{}:{format}", source.path.display()), false);
        assert_eq!(again, Ok(source), "{name}");
    }
}

#[test]
fn the_same_requests_are_the_same_in_every_dress() {
    let wanted = read("g1.csv");
    let count = |op| wanted.iter().filter(|(own, ..)| *own == op).count();
    let counts = [TraceOp::Get, TraceOp::Set, TraceOp::Delete].map(count);
    assert_eq!(counts, [357, 38, 4]);
    for other in ["g2.csv", "g2u.csv", "g4.tsv"] {
        assert_eq!(read(other), wanted, "{other}");
    }
    assert_eq!(read("log.jsonl")[..399], wanted);
    // Redis tells no sizes of what it reads, and cuts values short here.
    let of_redis = read("redis.monitor")
        .into_iter()
        .map(|(op, key, _)| (op, key));
    let bare: Vec<_> = wanted
        .iter()
        .map(|(op, key, _)| (*op, key.clone()))
        .collect();
    assert_eq!(of_redis.collect::<Vec<_>>(), bare);
    // Only numbers are left of the keys here, and no operations.
    let numbers: Vec<Asked> = wanted
        .iter()
        .map(|(_, key, bytes)| {
            let key = String::from_utf8_lossy(key);
            asked(TraceOp::Get, key.split(':').nth(1).unwrap(), *bytes)
        })
        .collect();
    assert_eq!(read("g3.csv"), numbers);
    assert_eq!(read("cdn.tr")[..399], numbers);
    assert_eq!(
        read("g5_noheader.csv:csv(time=1,key=2,size=3)")[..399].len(),
        399
    );
}

#[test]
fn operations_are_known_by_many_names() {
    assert_eq!(
        read("ops.csv"),
        [
            asked(TraceOp::Get, "a", 5),
            asked(TraceOp::Get, "b", 6),
            asked(TraceOp::Set, "c", 7),
            asked(TraceOp::Get, "d", 8),
            asked(TraceOp::Get, "e", 9),
            asked(TraceOp::Set, "f", 10),
        ]
    );
    let numbers = read("ibm2.tr");
    let deletes = numbers.iter().filter(|(op, ..)| *op == TraceOp::Delete);
    assert_eq!(deletes.count(), 42);
}

#[test]
fn what_cannot_be_read_is_refused_with_a_remedy_that_works() {
    for (name, words) in [
        (
            "g5_noheader.csv",
            &[
                "cannot be guessed",
                "'1700000000,user:27235:profile,115'",
                "csv(time=1,key=2,size=3)",
            ][..],
        ),
        (
            "g5_noheader.csv:csv",
            &["among 1700000000", "csv(time=1,key=2,size=3)"],
        ),
        ("hdr.csv", &["has no requests", "header"]),
        ("quot.csv", &["line 4", "'7.5' as size"]),
        ("big.csv", &["line 2", "5000000 bytes", "--oversize clamp"]),
        (
            "g1.csv:csv(key=kye)",
            &[
                "line 1",
                "without a column 'kye'",
                "timestamp_ms, op, key, size",
            ],
        ),
        ("g1.csv:twitter", &["line 1"]),
        (
            "g1.csv:cvs(key=1)",
            &["unknown trace format 'cvs'", "did you mean 'csv'"],
        ),
        ("g1.csv:csv(key=1", &["its parenthesis does not close"]),
    ] {
        let text = refusal(name);
        for words in words {
            assert!(text.contains(words), "{name}: '{words}' in: {text}");
        }
    }
    // The refused file has a quoted key, which is kept.
    let mut source = parsed("quot.csv").unwrap();
    source.lenient = true;
    let found = requests(&source).unwrap();
    assert_eq!(
        found,
        [asked(TraceOp::Get, "a,b", 5), asked(TraceOp::Get, "b", 6)]
    );
}

#[test]
fn values_over_the_limit_are_cut_left_out_or_refused() {
    let mut source = parsed("big.csv").unwrap();
    let facts = |source: &TraceSource| TraceFacts::scan(source).unwrap();
    source.oversize = Oversize::Clamp;
    let clamped = facts(&source);
    assert_eq!(
        (clamped.requests, clamped.max_value_len),
        (2, Some(1 << 20))
    );
    let notes = clamped.notes_in_words();
    assert_eq!(notes.len(), 1);
    assert!(notes[0].starts_with("1 request with a value over the item limit, which was cut"));
    assert!(
        notes[0].contains("line 2 (at byte 12) has a value of 5000000 bytes"),
        "{notes:?}"
    );
    source.oversize = Oversize::Skip;
    let skipped = facts(&source);
    assert_eq!((skipped.requests, skipped.max_value_len), (1, Some(10)));
    assert!(skipped.notes_in_words()[0].contains("left out"));
    source.oversize = Oversize::Error;
    source.lenient = true;
    assert_eq!(facts(&source).left_out.skipped, 1);
}

#[test]
fn a_file_that_is_mostly_not_understood_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    let line = |n: usize| format!("k{n},{},5\n", if n < 4 { "get" } else { "frobnicate" });
    let text = (0..10).map(line).collect::<String>();
    std::fs::write(&path, format!("key,op,size\n{text}")).unwrap();
    let mut source = TraceSource::parse(path.to_str().unwrap(), false).unwrap();
    let error = TraceFacts::scan(&source).unwrap_err().0;
    for words in [
        "all but 4 requests",
        "frobnicate 6",
        "first: line 6",
        "ops=0:get/1:set",
        "--lenient",
    ] {
        assert!(error.contains(words), "{words} in: {error}");
    }
    source.lenient = true;
    assert_eq!(TraceFacts::scan(&source).unwrap().requests, 4);
    source.lenient = false;
    source.format = "csv(key=1,op=2,size=3,header=yes,ops=frobnicate:delete)".into();
    assert_eq!(TraceFacts::scan(&source).unwrap().requests, 10);
}

#[test]
fn a_dump_of_a_cache_comes_in_the_order_of_its_last_uses() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dump.txt");
    let lines =
        "key=a exp=-1 la=30 size=100\nkey=b exp=-1 la=10 size=100\nkey=c exp=-1 la=20 size=100\n";
    std::fs::write(&path, lines).unwrap();
    let source = TraceSource::parse(path.to_str().unwrap(), false).unwrap();
    let keys: Vec<Vec<u8>> = requests(&source)
        .unwrap()
        .into_iter()
        .map(|(_, key, _)| key)
        .collect();
    assert_eq!(keys, [b"b", b"c", b"a"]);
    assert_eq!(TraceFacts::scan(&source).unwrap().left_out.backwards, 0);
}

#[test]
fn sizes_and_times_at_the_ends_of_what_logs_have() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    std::fs::write(
        &path,
        "time,key,size\n5,a,0\n4,b,8589934592\n6,c,-1\n7,d,-\n",
    )
    .unwrap();
    let mut source = TraceSource::parse(path.to_str().unwrap(), true).unwrap();
    source.oversize = Oversize::Clamp;
    let found = requests(&source).unwrap();
    let limit = crate::workload::VALUE_BYTES_MAX;
    assert_eq!(
        found,
        [
            asked(TraceOp::Get, "a", 0),
            asked(TraceOp::Get, "b", limit),
            asked(TraceOp::Get, "d", None)
        ]
    );
    let out = TraceFacts::scan(&source).unwrap().left_out;
    assert_eq!((out.backwards, out.clamped, out.skipped), (1, 1, 1));
    assert!(
        out.first_skipped
            .unwrap()
            .contains("line 4 (at byte 35) has '-1' as size: below 0")
    );
}

#[test]
fn every_log_is_the_same_once_it_is_converted() {
    let folder = tempfile::tempdir().unwrap();
    let names = [
        "g1.csv",
        "g3.csv",
        "g4.tsv",
        "cdn.tr",
        "ibm.tr",
        "log.jsonl",
        "redis.monitor",
        "mc.vv",
        "metadump.txt",
        "access.log",
        "keys.txt",
        "ops.csv",
    ];
    for (name, end) in names
        .into_iter()
        .flat_map(|name| [(name, "blt"), (name, "blt.zst")])
    {
        let source = parsed(name).unwrap();
        let to = folder.path().join(format!("{name}.{end}"));
        let converted = convert(&source, &to).unwrap();
        let facts = TraceFacts::scan(&source).unwrap();
        assert_eq!(converted.requests, facts.requests, "{name}");
        assert_eq!(converted.bytes, std::fs::metadata(&to).unwrap().len());
        let other = TraceSource::parse(to.to_str().unwrap(), false).unwrap();
        assert!(other.format.starts_with("compact("), "{}", other.format);
        assert_eq!(other.holds(), source.holds(), "{name}");
        assert_eq!(
            requests(&other).unwrap(),
            requests(&source).unwrap(),
            "{name}"
        );
        let left_out = LeftOut::default();
        let plain = TraceFacts { left_out, ..facts };
        assert_eq!(TraceFacts::scan(&other).unwrap(), plain, "{name}");
        let again = format!("{}:compact", to.display());
        assert_eq!(TraceSource::parse(&again, false), Ok(other), "{name}");
    }
}

#[test]
fn damaged_compact_files_are_named_with_their_request() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.blt");
    let read = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        let source = TraceSource::parse(path.to_str().unwrap(), true)?;
        requests(&source).map(|all| all.len())
    };
    let whole = super::tests::sound("compact");
    assert_eq!(read(&whole), Ok(11));
    for (bytes, words) in [
        (&whole[..whole.len() - 1], "record 11 (at byte"),
        (&whole[..24], "record 1 (at byte 24) is cut short"),
        (&whole[..20], "its header is cut short"),
        (&[&whole[..], b"x"].concat(), "record 12 (at byte"),
        (
            &[&whole[..24], b"\x0f"].concat(),
            "has an operation that there is not",
        ),
    ] {
        let error = read(bytes).unwrap_err();
        assert!(error.0.contains(words), "{words}: {error}");
    }
    // A file that cannot be written leaves nothing behind, and a bad trace no file.
    let source = parsed("quot.csv").unwrap();
    let to = folder.path().join("none.blt");
    assert!(convert(&source, &to).unwrap_err().0.contains("line 4"));
    assert!(!to.exists());
    let nowhere = folder.path().join("absent/t.blt");
    let error = convert(&parsed("keys.txt").unwrap(), &nowhere).unwrap_err();
    assert!(error.0.contains("cannot be written"), "{error}");
}
