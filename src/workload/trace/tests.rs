//! Readers of files: valid, broken, compressed, truncated, arbitrary.

use std::collections::{BTreeSet, HashMap};
use std::io::Write;
use std::path::PathBuf;

use super::guess::guess;
use super::*;
use crate::base::BadInput;
use crate::workload::{Expect, Filled, Kind, Prefill, Segment, Stream, TraceSource, Workload};

pub(super) struct Trace {
    _folder: tempfile::TempDir,
    pub(super) source: TraceSource,
}

pub(super) fn trace(bytes: &[u8]) -> Trace {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trace.txt");
    std::fs::write(&path, bytes).unwrap();
    Trace {
        _folder: folder,
        source: TraceSource::new(path, "keys"),
    }
}

pub(super) fn trace_in(format: &str, bytes: &[u8]) -> Trace {
    let mut trace = trace(bytes);
    format.clone_into(&mut trace.source.format);
    trace
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

/// The error, which a scan and a stream must agree on.
pub(super) fn error(bytes: &[u8]) -> String {
    let trace = trace(bytes);
    let scan = TraceFacts::scan(&trace.source).unwrap_err();
    let workload = Workload::replay(trace.source.clone(), 1, 1);
    let open = Stream::open(&workload, 0, 0, 2).err().unwrap();
    assert_eq!(open.downcast_ref::<BadInput>(), Some(&scan));
    let text = scan.to_string();
    assert!(text.contains("trace.txt"), "{text}");
    text
}

pub(super) fn keys(bytes: &[u8]) -> Vec<String> {
    let trace = trace(bytes);
    let mut stream = Stream::open(&Workload::replay(trace.source, 1, 1), 0, 0, 1).unwrap();
    let mut segment = Segment::default();
    assert_eq!(stream.refill(&mut segment).unwrap(), Filled::Part);
    let key = |op| String::from_utf8(segment.key(op).to_vec()).unwrap();
    let keys: Vec<String> = segment.ops.iter().map(key).collect();
    assert_eq!(stream.pass_ops(), Some(keys.len() as u64));
    assert_eq!(stream.refill(&mut segment).unwrap(), Filled::End);
    keys
}

#[test]
fn lines_end_in_many_ways_and_packing_is_seen_from_the_bytes() {
    let parts = [gzip(b"a\nb"), gzip(b"b\nc\n")].concat();
    for (bytes, expected) in [
        (&b"a\nbb\na\n"[..], &["a", "bb", "a"][..]),
        (b"a\nbb\na", &["a", "bb", "a"]),
        (b"a\r\nbb\r\na\r\n", &["a", "bb", "a"]),
        (b" a b \n", &[" a b "]),
        (&gzip(b"a\r\nbb\na"), &["a", "bb", "a"]),
        (&parts, &["a", "bb", "c"]),
    ] {
        assert_eq!(keys(bytes), expected);
    }
}

#[test]
fn facts_are_counted() {
    let trace = trace(b"a\nbcd\na\nbcd\na\n");
    let facts = TraceFacts {
        requests: 5,
        distinct: 2,
        max_key_len: 3,
        distinct_key_bytes: 4,
        ops: std::array::from_fn(|at| if at == 0 { 5 } else { 0 }),
        ..TraceFacts::default()
    };
    assert_eq!(TraceFacts::scan(&trace.source).unwrap(), facts);
}

#[test]
fn bad_traces_are_named_with_the_place() {
    assert!(error(b"").contains("is empty"));
    assert!(error(&gzip(b"")).contains("is empty"));
    let text = error(b"ab\n\nc\n");
    assert!(text.contains("line 2 (at byte 3) is empty"), "{text}");
    assert!(error(b"ab\n\r\nc\n").contains("line 2 (at byte 3) is empty"));
    assert!(error(b"a\n\n").contains("line 2"));
    let text = error(&gzip(b"ab\n\nc\n"));
    assert!(text.contains("byte 3 of the unpacked text"), "{text}");
    // The magic of zstd and no more.
    let text = error(&[0x28, 0xb5, 0x2f, 0xfd, 0]);
    assert!(text.contains("cannot be unpacked"), "{text}");
}

#[test]
fn a_key_may_have_65535_bytes_and_no_more() {
    let longest = "k".repeat(65_535);
    for end in ["\n", "\r\n", ""] {
        assert_eq!(keys(format!("{longest}{end}").as_bytes()), [&*longest]);
    }
    for text in [
        format!("a\n{longest}k\nb\n"),
        format!("a\n{longest}kk"),
        format!("a\n{}", "k".repeat(1 << 20)),
    ] {
        let text = error(text.as_bytes());
        assert!(text.contains("line 2 (at byte 2) is longer"), "{text}");
    }
}

#[test]
fn a_gzip_file_cut_short_or_damaged_is_named_with_the_place() {
    let lines: Vec<String> = (0..5_000).map(|n| format!("key-{n}")).collect();
    let packed = gzip((lines.join("\n") + "\n").as_bytes());
    for cut in [packed.len() / 2, packed.len() - 1, 12, 5] {
        let text = error(&packed[..cut]);
        assert!(text.contains("cut short"), "{text}");
        assert!(
            text.contains("line ") && text.contains("bytes of unpacked"),
            "{text}"
        );
    }
    let mut damaged = packed.clone();
    let end = damaged.len() - 6;
    damaged[end] ^= 1;
    let text = error(&damaged);
    assert!(
        text.contains("damaged") && text.contains("line 5001"),
        "{text}"
    );
    let trailing = [packed, b"junk".to_vec()].concat();
    assert!(error(&trailing).contains("line 5001"));
}

#[test]
fn files_that_are_none_are_named() {
    let folder = tempfile::tempdir().unwrap();
    for (path, why) in [
        (folder.path().join("absent"), "cannot be read"),
        (folder.path().to_owned(), "no regular file"),
    ] {
        let source = TraceSource::new(path.clone(), "keys");
        let error = TraceFacts::scan(&source).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
        assert!(error.contains(path.to_str().unwrap()), "{error}");
    }
    let unknown = find_format("keyz").err().unwrap().to_string();
    assert!(unknown.contains("did you mean 'keys'"), "{unknown}");
}

#[test]
fn a_trace_that_shrinks_under_a_replay_is_an_error_and_no_panic() {
    // More than a reader takes in when it opens the file.
    let trace = trace(&b"key\n".repeat(100_000));
    let workload = Workload::replay(trace.source.clone(), 100_000, 1);
    let mut stream = Stream::open(&workload, 0, 0, 1).unwrap();
    std::fs::write(&trace.source.path, b"key\n").unwrap();
    let error = stream.refill(&mut Segment::default()).unwrap_err();
    assert!(error.to_string().contains("became shorter"), "{error}");
}

/// Operation, key and bytes of the value of a request.
pub(super) type Asked = (TraceOp, Vec<u8>, Option<u32>);

/// Each format's requests, however the file is packed.
pub(super) fn requests(source: &TraceSource) -> Result<Vec<Asked>, BadInput> {
    let mut reader = TraceReader::open(source)?;
    let mut all = Vec::new();
    while let Some(request) = reader.next_request()? {
        all.push((request.op, request.key.to_vec(), request.value_bytes));
    }
    Ok(all)
}

pub(super) fn record(id: u64, bytes: u32) -> Vec<u8> {
    let mut record = 7u32.to_le_bytes().to_vec();
    record.extend(id.to_le_bytes());
    record.extend(bytes.to_le_bytes());
    record.extend((-1i64).to_le_bytes());
    record
}

/// A small sound file of each format.
pub(super) fn sound(format: &str) -> Vec<u8> {
    match format {
        "keys" => b"a\nbc\na\n".to_vec(),
        "ycsb" => b"INSERT u1\nREAD usertable u1 [ <all fields>]\nUPDATE u1\nREADMODIFYWRITE u1\n"
            .to_vec(),
        "twitter" => TWITTER.to_vec(),
        "cachelib" => b"op_time,key,key_size,op,op_count,size,ttl\n1,ab,5,GET,3,10,0\n\
                        2,ab,5,SET_LEASE,1,20,60\n2,ab,5,TOUCH,4,20,0\n3,c,1,DELETE,1,0,0\n\
                        3,c,1,GET_LEASE,1,0,0\n"
            .to_vec(),
        "oracle-general" => [record(5, 100), record(u64::MAX, 0), record(5, 1 << 20)].concat(),
        "csv" => b"time,op,key,size\n1,GET,\"a,b\",5\n2,put,b,6\n2,HEAD,c,7\n".to_vec(),
        "jsonl" => br#"{"ts": 1, "key": "a", "size": 5}
{"ts": 1, "key": "b\n", "size": 6}
{"ts": 2, "key": 7, "size": 0}
"#
        .to_vec(),
        "cdn" => b"1 17 5\n1 18 6 0.5\n2 17 5\n".to_vec(),
        "ibm" => b"#time,op,key,size\n0,1,a1,7\n5,0,b,8\n9,2,b\n".to_vec(),
        "redis-monitor" => b"OK\n1.5 [0 [::1]:6] \"get\" \"a\"\n1.6 [0 lua] \"mset\" \"b\" \"1\" \"\\x00c\" \"22\"\n"
            .to_vec(),
        "nginx" => b"::1 - - [10/Oct/2023:13:55:36 +0000] \"GET /a HTTP/1.1\" 200 5 \"-\" \"x\"\n"
            .repeat(3),
        "memcached-vv" => b"<26 get a b\n>26 END\n<26 set a 0 0 5\n".to_vec(),
        "metadump" => b"key=a exp=-1 la=7 size=175\nkey=b exp=-1 la=6 size=75\nkey=%20 exp=9 la=6 size=5\n"
            .to_vec(),
        "compact" => {
            let trace = trace_in("twitter", TWITTER);
            let to = trace.source.path.with_extension("blt");
            convert(&trace.source, &to).unwrap();
            std::fs::read(to).unwrap()
        }
        _ => panic!("a format without an example"),
    }
}

const TWITTER: &[u8] = b"0,k1,4,10,1,get,0\n0,k1,4,10,1,set,60\n1,k1,4,10,1,gets,0\n\
1,k1,4,12,1,cas,60\n2,k2,4,5,2,add,0\n2,k2,4,6,2,replace,0\n2,k2,4,3,2,append,0\n\
3,k2,4,3,2,prepend,0\n3,k2,4,0,2,incr,0\n3,k2,4,0,2,decr,0\n4,k2,4,0,2,delete,0\n";

#[test]
fn every_format_is_read_however_it_is_packed() {
    for format in FORMATS {
        let plain = sound(format.name);
        let expected = requests(&trace_in(format.name, &plain).source).unwrap();
        assert!(expected.len() >= 3);
        let zst = zstd::encode_all(plain.as_slice(), 3).unwrap();
        for packed in [gzip(&plain), zst] {
            let found = requests(&trace_in(format.name, &packed).source).unwrap();
            assert_eq!(found, expected, "{}", format.name);
        }
    }
    let at = |format: &str| requests(&trace_in(format, &sound(format)).source).unwrap();
    let key = |text: &str| text.as_bytes().to_vec();
    assert_eq!(
        at("oracle-general"),
        [
            (TraceOp::Get, key("5"), Some(100)),
            (TraceOp::Get, key("18446744073709551615"), Some(0)),
            (TraceOp::Get, key("5"), Some(1 << 20)),
        ]
    );
    let get = (TraceOp::Get, key("~~~ab"), Some(10));
    assert_eq!(
        at("cachelib"),
        [
            get.clone(),
            get.clone(),
            get,
            (TraceOp::SetLease, key("~~~ab"), Some(20)),
            (TraceOp::Delete, key("c"), Some(0)),
            (TraceOp::GetLease, key("c"), Some(0)),
        ]
    );
    let ops: Vec<TraceOp> = at("twitter").into_iter().map(|(op, ..)| op).collect();
    let mut sorted = ops.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(sorted.len(), 11, "every operation once: {ops:?}");
    assert_eq!(at("twitter")[0].1, b"~~k1");
}

#[test]
fn what_a_table_cannot_honour_is_counted_and_said() {
    let facts = TraceFacts::scan(&trace_in("twitter", &sound("twitter")).source).unwrap();
    assert_eq!((facts.requests, facts.distinct, facts.with_ttl), (11, 2, 2));
    assert_eq!((facts.max_key_len, facts.max_value_len), (4, Some(12)));
    assert_eq!(
        (facts.distinct_key_bytes, facts.distinct_value_bytes),
        (8, 18)
    );
    let notes = facts.notes();
    assert_eq!(notes.iter().map(|(n, _)| *n).collect::<Vec<_>>(), [2, 2]);
    assert!(notes[0].1.contains("time to live") && notes[1].1.contains("cas tokens"));
    let facts = TraceFacts::scan(&trace_in("cachelib", &sound("cachelib")).source).unwrap();
    assert_eq!((facts.requests, facts.left_out.others["TOUCH"]), (6, 4));
    let notes = facts.notes();
    assert_eq!(notes.iter().map(|(n, _)| *n).collect::<Vec<_>>(), [1, 2, 4]);
    assert!(notes[1].1.contains("leases") && notes[2].1.contains("TOUCH 4"));
}

#[test]
fn lenient_readers_leave_broken_lines_out_and_count_them() {
    let long = "k".repeat(300_000);
    for (format, bytes, good, bad, words) in [
        (
            "keys",
            format!("a\n\n{long}\n\nb\n").into_bytes(),
            2,
            3,
            "line 2 (at byte 2) is empty",
        ),
        ("ycsb", b"READ a\nSCAN b 5\nREAD c".to_vec(), 2, 1, "line 2"),
        (
            "twitter",
            b"junk\n0,k,1,5,1,get,0\n".to_vec(),
            1,
            1,
            "too few fields",
        ),
        (
            "cachelib",
            b"key,op,size\nk,GET,x\nk,GET,5\n".to_vec(),
            1,
            1,
            "'x' as size",
        ),
        (
            "oracle-general",
            [
                record(1, 5),
                record(2, (1 << 20) + 1),
                record(3, 5),
                vec![0; 10],
            ]
            .concat(),
            2,
            2,
            "record 2 (at byte 24) has a value of 1048577 bytes",
        ),
    ] {
        let mut trace = trace_in(format, &bytes);
        let error = TraceFacts::scan(&trace.source).unwrap_err().to_string();
        assert!(error.contains(words), "{format}: {error}");
        trace.source.lenient = true;
        let facts = TraceFacts::scan(&trace.source).unwrap();
        assert_eq!(
            (facts.requests, facts.left_out.skipped),
            (good, bad),
            "{format}"
        );
        assert_eq!(facts.left_out.first_skipped, Some(error), "{format}");
        // A replay leaves out the same.
        let workload = Workload::replay(trace.source.clone(), good, 1);
        let stream = Stream::open(&workload, 0, 0, 1).unwrap();
        assert_eq!(stream.pass_ops(), Some(good));
    }
    // Nothing but broken lines is an empty trace, and a header that is none stops any reader.
    for (format, words) in [
        ("ycsb", "1 broken line left out"),
        ("cachelib", "no column 'key'"),
    ] {
        let mut trace = trace_in(format, b"junk\n\n");
        trace.source.lenient = true;
        let error = TraceFacts::scan(&trace.source).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn a_file_that_ends_within_a_record_is_named() {
    let mut bytes = record(1, 5).repeat(3);
    bytes.pop();
    let error = requests(&trace_in("oracle-general", &bytes).source).unwrap_err();
    assert!(
        error.0.contains("record 3 (at byte 48) is cut short"),
        "{error}"
    );
}

#[test]
fn formats_are_guessed_from_name_and_first_bytes() {
    for format in FORMATS {
        for (packed, end) in [(sound(format.name), ""), (gzip(&sound(format.name)), ".gz")] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join(format!("requests{end}"));
            std::fs::write(&path, packed).unwrap();
            let text = path.to_str().unwrap();
            let found = TraceSource::parse(text, false).unwrap();
            let (name, _) = super::formats::split(&found.format).unwrap();
            assert_eq!((name, &found.path), (format.name, &path));
            let given = TraceSource::parse(&format!("{text}:keys"), true).unwrap();
            assert_eq!((given.format.as_str(), given.lenient), ("keys", true));
        }
    }
    // A name that says it wins.
    assert_eq!(
        guess("a/w.oracleGeneral.bin.gz", b"READ a\n").unwrap(),
        "oracle-general"
    );
    assert_eq!(guess("READ.keys.txt", b"READ a\n").unwrap(), "keys");
    // A first line that is broken does not hide what the others are.
    let second = b"0,k1,4,10,1,gett,0\n0,k1,4,10,1,get,0\n";
    assert_eq!(guess("t", second).unwrap(), "twitter");
    assert_eq!(
        guess("t", b"***** properties *****\nREAD user1\n").unwrap(),
        "ycsb"
    );
    assert_eq!(guess("t", b"user1\nproduct/2").unwrap(), "keys");
    for neither in ["SCAN user1 10\n", "a,b,c\n", "# a remark\n"] {
        let error = guess("t", neither.as_bytes()).unwrap_err();
        assert!(error.0.contains("t:keys"), "{error}");
    }
    assert!(TraceSource::parse("/nowhere/at-all", false).is_err());
}

/// The folder of sample traces is no part of the project.
fn sample(name: &str) -> Option<TraceSource> {
    let folder = std::env::var_os("BUCKETLAB_TRACES").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/traces")),
        PathBuf::from,
    );
    let path = folder.join(name);
    if !path.exists() {
        eprintln!("skipped: no {name} (set BUCKETLAB_TRACES to the sample traces)");
        return None;
    }
    Some(TraceSource::parse(path.to_str().unwrap(), false).unwrap())
}

/// How many of a replay's reads hit and miss for certain, and all its operations.
fn outcomes(source: &TraceSource, requests: u64, threads: u32) -> (u64, u64, usize) {
    let workload = Workload::replay(source.clone(), requests, 1);
    let (mut hits, mut misses, mut ops) = (0, 0, 0);
    for thread in 0..threads {
        let mut stream = Stream::open(&workload, 0, thread, threads).unwrap();
        let mut segment = Segment::default();
        while stream.refill(&mut segment).unwrap() != Filled::End {
            ops += segment.ops.len();
            for op in &segment.ops {
                assert_ne!(op.expect, Expect::Either);
                if matches!(op.kind, Kind::Get | Kind::GetFill) {
                    hits += u64::from(op.expect == Expect::Present);
                    misses += u64::from(op.expect == Expect::Absent);
                }
            }
        }
    }
    (hits, misses, ops)
}

#[test]
fn the_sample_traces_have_the_counts_they_are_known_for() {
    for (name, format, requests, distinct, hits, misses) in [
        ("web07.keys.txt.gz", "keys", 76_118, 20_484, 55_634, 20_484),
        (
            "web07.oracleGeneral.bin.gz",
            "oracle-general",
            76_118,
            20_484,
            55_634,
            20_484,
        ),
        ("ycsb_a.txt.gz", "ycsb", 210_000, 10_000, 99_810, 0),
        ("cachelib_kv_traces_1.csv", "cachelib", 691, 52, 12, 666),
    ] {
        let Some(source) = sample(name) else { continue };
        assert_eq!(source.format, format, "{name}");
        let facts = TraceFacts::scan(&source).unwrap();
        assert_eq!(
            (facts.requests, facts.distinct),
            (requests, distinct),
            "{name}"
        );
        for threads in [1, 2] {
            let found = outcomes(&source, requests, threads);
            let ops = usize::try_from(requests).unwrap();
            assert_eq!(found, (hits, misses, ops), "{name}, {threads} threads");
        }
    }
}

/// Keys are decimals in both, so the two are the same work for a table.
#[test]
fn both_forms_of_the_web_shop_trace_have_the_same_keys() {
    let both = ["web07.keys.txt.gz", "web07.oracleGeneral.bin.gz"];
    let [Some(text), Some(packed)] = both.map(sample) else {
        return;
    };
    let keys = |source: &TraceSource| -> Vec<Vec<u8>> {
        let all = requests(source).unwrap().into_iter();
        all.map(|(_, key, _)| key).collect()
    };
    assert_eq!(keys(&text), keys(&packed));
}

/// Our YCSB A over 10,000 records and the sample printed by another implementation: the same keys,
/// as hot.
#[test]
fn our_ycsb_a_is_the_sample_s() {
    let Some(source) = sample("ycsb_a.txt.gz") else {
        return;
    };
    let mut theirs: HashMap<Vec<u8>, u64> = HashMap::new();
    let (mut inserted, mut asked) = (BTreeSet::new(), 0usize);
    for (op, key, _) in requests(&source).unwrap() {
        if op == TraceOp::Insert {
            assert!(inserted.insert(key));
        } else {
            asked += 1;
            *theirs.entry(key).or_default() += 1;
        }
    }
    let mut workload = (crate::workload::find_preset("ycsb-a").unwrap().build)();
    workload.resize(10_000);
    let mut ours_inserted = BTreeSet::new();
    Prefill::new(&workload).for_each(|key, _| {
        ours_inserted.insert(key.to_vec());
    });
    assert!(inserted == ours_inserted, "the key sets differ");
    // Threads draw different streams of one ring each.
    let mut ours: HashMap<Vec<u8>, u64> = HashMap::new();
    let mut left = asked;
    for thread in 0..8 {
        let mut segment = Segment::default();
        let mut stream = Stream::open(&workload, 1, thread, 8).unwrap();
        stream.refill(&mut segment).unwrap();
        for op in segment.ops.iter().take(left) {
            *ours.entry(segment.key(op).to_vec()).or_default() += 1;
        }
        left = left.saturating_sub(segment.ops.len());
    }
    assert_eq!(left, 0);
    let by_rank = |counts: &HashMap<Vec<u8>, u64>| {
        let mut counts: Vec<u64> = counts.values().copied().collect();
        counts.sort_unstable_by(|a, b| b.cmp(a));
        counts
    };
    let (theirs, ours) = (by_rank(&theirs), by_rank(&ours));
    let (their_fit, our_fit) = (ZipfFit::of(&theirs).unwrap(), ZipfFit::of(&ours).unwrap());
    let apart = (their_fit.exponent - our_fit.exponent).abs();
    assert!(apart < 0.02, "{their_fit:?}, ours {our_fit:?}");
    // And the shares of the hottest records, which a fit may smooth over.
    for hottest in [1, 10, 100, 1_000] {
        let share = |counts: &[u64]| counts[..hottest].iter().sum::<u64>() as f64 / asked as f64;
        let off = share(&ours) / share(&theirs);
        assert!((0.97..=1.03).contains(&off), "hottest {hottest}: {off}");
    }
}
