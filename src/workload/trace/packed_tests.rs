//! Tests with files as other programs write them: compression, byte-order marks, line ends, other formats, logs.

use super::layout::Cut;
use super::tests::{error, gzip, keys, record, requests, trace, trace_in};
use super::*;
use crate::workload::{Stream, TraceSource, Workload};

fn zstd_frame(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).unwrap()
}

/// A frame that decoders skip.
fn skippable(kind: u8, bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap().to_le_bytes();
    [&[0x50 + kind, 0x2a, 0x4d, 0x18], &length[..], bytes].concat()
}

/// A frame of one block that is not packed, which states a window of 2^`log` bytes (RFC 8878).
fn frame_with_window(log: u8, bytes: &[u8]) -> Vec<u8> {
    let block = u32::try_from(bytes.len()).unwrap() << 3 | 1;
    let window = (log - 10) << 3;
    let head = [0x28, 0xb5, 0x2f, 0xfd, 0, window];
    [&head[..], &block.to_le_bytes()[..3], bytes].concat()
}

#[test]
fn skippable_frames_of_zstandard_are_skipped_wherever_they_stand() {
    let (a, b) = (zstd_frame(b"a\nb"), zstd_frame(b"b\nc\n"));
    for kind in 0..16 {
        let frame = skippable(kind, b"size");
        for parts in [
            [&frame, &a, &b, &[][..]],
            [&frame[..], &a, &frame, &b],
            [&a[..], &frame, &frame, &b],
            [&a[..], &b, &frame, &[]],
            [&skippable(kind, b"")[..], &a, &b, &[]],
        ] {
            assert_eq!(keys(&parts.concat()), ["a", "bb", "c"], "{kind}");
        }
    }
    let text = error(&skippable(0, b"size"));
    assert!(text.contains("is empty"), "{text}");
    let text = error(&[skippable(0, b"size"), b"junk".to_vec()].concat());
    assert!(text.contains("damaged"), "{text}");
    // Every frame behind one of its own, as pzstd packs; guessed from the name and from the content.
    let lines: Vec<String> = (1..=5_000).map(|n| format!("user:{n}\n")).collect();
    let packed: Vec<u8> = lines
        .chunks(1_000)
        .flat_map(|lines| {
            let frame = zstd_frame(lines.concat().as_bytes());
            let length = u32::try_from(frame.len()).unwrap();
            [skippable(0, &length.to_le_bytes()), frame].concat()
        })
        .collect();
    let folder = tempfile::tempdir().unwrap();
    for name in ["r.keys.txt.zst", "r"] {
        let path = folder.path().join(name);
        std::fs::write(&path, &packed).unwrap();
        let source = TraceSource::parse(path.to_str().unwrap(), false).unwrap();
        let facts = TraceFacts::scan(&source).unwrap();
        assert_eq!((facts.requests, facts.distinct), (5_000, 5_000), "{name}");
    }
}

#[test]
fn windows_of_zstandard_are_read_up_to_its_own_limit_and_refused_by_name_beyond() {
    for log in [27, 28, 31] {
        assert_eq!(
            keys(&frame_with_window(log, b"a\nb\n")),
            ["a", "b"],
            "{log}"
        );
    }
    let text = error(&frame_with_window(32, b"a\nb\n"));
    assert!(text.contains("a window of more than 2^31 bytes"), "{text}");
    assert!(text.contains("--long=31"), "{text}");
}

#[test]
fn zeros_behind_a_gzip_member_are_ignored_and_nothing_else_is() {
    let member = gzip(b"a\nb\n");
    for zeros in [1, 2, 511, 70_000] {
        let padded = [member.clone(), vec![0; zeros]].concat();
        assert_eq!(keys(&padded), ["a", "b"], "{zeros}");
        let two = [member.clone(), padded].concat();
        assert_eq!(keys(&two), ["a", "b", "a", "b"], "{zeros}");
        for behind in [&b"x"[..], &member] {
            let text = error(&[&member, &vec![0; zeros][..], behind].concat());
            assert!(text.contains("damaged"), "{text}");
            assert!(text.contains("after 4 bytes of unpacked"), "{text}");
        }
    }
    let text = error(&[&member[..], b"x"].concat());
    assert!(text.contains("cannot be unpacked"), "{text}");
    let text = error(&[&member[..], &member[..5]].concat());
    assert!(text.contains("cut short"), "{text}");
    // Zstandard has no such padding.
    let text = error(&[zstd_frame(b"a\n"), vec![0; 512]].concat());
    assert!(text.contains("damaged"), "{text}");
}

#[test]
fn what_is_no_trace_is_refused_by_name_in_every_format_packed_or_not() {
    let mut tar = vec![b'k'; 600];
    tar[257..262].copy_from_slice(b"ustar");
    for (bytes, name) in [
        (b"\xfd7zXZ\0\0\x04".to_vec(), "xz"),
        (b"BZh91AY&SY\x01\x02".to_vec(), "bzip2"),
        (b"\x04\x22\x4d\x18\x64\x40".to_vec(), "lz4"),
        (b"\x02\x21\x4c\x18\x64\x40".to_vec(), "lz4"),
        (b"LZIP\x01\x0c".to_vec(), "lzip"),
        (b"\x1f\x9d\x90\x61".to_vec(), "compress"),
        (b"\xff\x06\0\0sNaPpY\x01".to_vec(), "Snappy"),
        (b"PK\x03\x04\x14\0".to_vec(), "zip"),
        (b"7z\xbc\xaf\x27\x1c\0\x04".to_vec(), "7z"),
        (b"PAR1\x15\x04\x15".to_vec(), "Parquet"),
        (b"Obj\x01\x04".to_vec(), "Avro"),
        (b"ARROW1\0\0".to_vec(), "Arrow"),
        (b"SQLite format 3\0".to_vec(), "SQLite"),
        (tar, "tar"),
        (gzip(b"a\n"), "gzip twice"),
        (zstd_frame(b"a\n"), "packed twice"),
    ] {
        let packings = [bytes.clone(), gzip(&bytes), zstd_frame(&bytes)];
        // Gzip and Zstandard themselves are read where they are not packed once more.
        let from = usize::from(name.ends_with("twice"));
        for packed in &packings[from..] {
            for format in FORMATS {
                // Letters alone may be the beginning of a name of another format, but not of this one.
                let source = &trace_in(format.name, packed).source;
                let error = requests(source).unwrap_err();
                assert!(error.0.contains(name), "{}: {error}", format.name);
                assert!(error.0.contains("trace.txt"), "{error}");
            }
            let file = trace(packed);
            let path = file.source.path.to_str().unwrap();
            let error = TraceSource::parse(path, false).unwrap_err();
            assert!(error.0.contains(name), "{error}");
        }
    }
    // Keys that begin with the same letters are keys.
    for key in [
        "PAR1", "PAR1:a", "BZh9", "BZh91", "ORC", "ORC:1", "PK", "Obj", "7z", "LZIP",
    ] {
        assert_eq!(keys(format!("{key}\n").as_bytes()), [key]);
    }
}

#[test]
fn a_text_format_that_meets_a_nul_byte_says_so() {
    for format in FORMATS.iter().filter(|format| format.cut == Cut::Lines) {
        for bytes in [&b"a\0b\n"[..], b"\0\0\0\0", &vec![0; 200_000]] {
            let mut trace = trace_in(format.name, bytes);
            let error = requests(&trace.source).unwrap_err();
            assert!(
                error.0.contains("has a NUL byte"),
                "{}: {error}",
                format.name
            );
            // Lenient readers count it, and do not take it for a request.
            trace.source.lenient = true;
            let error = TraceFacts::scan(&trace.source).unwrap_err();
            assert!(
                error.0.contains("has a NUL byte"),
                "{}: {error}",
                format.name
            );
        }
    }
    // Bytes that are no records are not guessed to be some.
    let backwards = [record(1, 5), record(2, 5)].concat();
    let mut backwards = backwards;
    backwards[24] = 6;
    for bytes in [&backwards[..], b"\x89HDF\0\x01"] {
        let file = trace(bytes);
        let path = file.source.path.to_str().unwrap();
        let error = TraceSource::parse(path, false).unwrap_err();
        assert!(error.0.contains("has NUL bytes"), "{error}");
    }
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_first_line() {
    for format in FORMATS.iter().filter(|format| format.cut == Cut::Lines) {
        let plain = super::tests::sound(format.name);
        let expected = requests(&trace_in(format.name, &plain).source).unwrap();
        let marked = [&b"\xef\xbb\xbf"[..], &plain].concat();
        for bytes in [marked.clone(), gzip(&marked), zstd_frame(&marked)] {
            let file = trace_in(format.name, &bytes);
            assert_eq!(requests(&file.source).unwrap(), expected, "{}", format.name);
            let path = file.source.path.to_str().unwrap();
            let guessed = TraceSource::parse(path, false).unwrap();
            let (name, _) = super::formats::split(&guessed.format).unwrap();
            assert_eq!(name, format.name);
        }
    }
    // Records have no such mark: these are three bytes of a time.
    let mut bytes = record(1, 5);
    bytes[..3].copy_from_slice(b"\xef\xbb\xbf");
    assert_eq!(
        requests(&trace_in("oracle-general", &bytes).source)
            .unwrap()
            .len(),
        1
    );
    for mark in [&b"\xff\xfea\0\n\0"[..], b"\xfe\xff\0a\0\n"] {
        let text = error(mark);
        assert!(text.contains("UTF-16") && text.contains("iconv"), "{text}");
    }
    assert!(error(b"\xef\xbb\xbf").contains("is empty"));
}

#[test]
fn line_ends_of_lone_carriage_returns_are_refused_by_name() {
    let lines = "product/1\r".repeat(4_400);
    for format in FORMATS.iter().filter(|format| format.cut == Cut::Lines) {
        for bytes in [lines.clone(), lines.repeat(10), format!("a\n{lines}")] {
            let file = trace_in(format.name, bytes.as_bytes());
            let error = requests(&file.source).unwrap_err();
            let by_name = error.0.contains("carriage return (CR) without a line feed");
            assert!(
                by_name || error.0.contains("line 1"),
                "{}: {error}",
                format.name
            );
            assert!(
                by_name || bytes.starts_with("a\n"),
                "{}: {error}",
                format.name
            );
        }
    }
    // Ends that were turned twice.
    assert!(error(b"a\r\r\nb\n").contains("carriage return"));
    assert_eq!(keys(b"a\r\nb\r"), ["a", "b"]);
}

const YCSB_LOG: &[u8] = b"/usr/bin/java -cp core.jar site.ycsb.Client -t -db site.ycsb.BasicDB\n\
Command line: -t -db site.ycsb.BasicDB -P workloads/workloada\nYCSB Client 0.17.0\n\n\
Loading workload...\nStarting test.\n\
***************** properties *****************\n\"recordcount\"=\"1000\"\n\
**********************************************\n\
2026-01-01 00:00:00:000 0 sec: 0 operations; est completion in 0 second \n\
READ usertable user11 [ <all fields>]\nUPDATE usertable user22 [ field1=ab c ]\n\
INSERT usertable user33 [ field0=x ]\nREAD usertable user22 [ <all fields>]\n\
[OVERALL], RunTime(ms), 50\n[READ], Operations, 2\n";

#[test]
fn the_log_of_ycsb_s_basic_binding_is_read_and_guessed() {
    let of_c = String::from_utf8(YCSB_LOG.to_vec()).unwrap();
    let of_c = of_c.replace("[ <all fields>]", "< all fields >");
    for bytes in [YCSB_LOG, of_c.as_bytes()] {
        let file = trace_in("ycsb", bytes);
        let facts = TraceFacts::scan(&file.source).unwrap();
        assert_eq!((facts.requests, facts.distinct), (4, 3));
        assert_eq!(facts.left_out.skipped, 0);
        let path = file.source.path.to_str().unwrap();
        let guessed = TraceSource::parse(path, false).unwrap();
        assert_eq!(guessed.format, "ycsb");
        let all = requests(&guessed).unwrap();
        let keys: Vec<&[u8]> = all.iter().map(|(_, key, _)| key.as_slice()).collect();
        assert_eq!(keys, [b"user11", b"user22", b"user33", b"user22"]);
    }
}

#[test]
fn operations_that_a_format_does_not_know_are_named_with_counts_and_the_first_line() {
    let bytes = b"key,op,size\na,get,10\nb,get,20\na,set,10\n";
    let source = &trace_in("cachelib", bytes).source;
    let of_scan = TraceFacts::scan(source).unwrap_err();
    let workload = Workload::replay(source.clone(), 1, 1);
    let of_replay = Stream::open(&workload, 0, 0, 1).err().unwrap();
    assert_eq!(
        of_replay.downcast_ref::<crate::base::BadInput>(),
        Some(&of_scan)
    );
    assert_eq!(TraceProfile::read(source).unwrap_err(), of_scan);
    for words in [
        "3 were left out, for get 2, set 1",
        "first: line 2 (at byte 12) with 'get'",
        "GET, GET_LEASE, SET, SET_LEASE and DELETE",
    ] {
        assert!(of_scan.0.contains(words), "{of_scan}");
    }
    // Beside others they are a note, with the first line.
    let source = &trace_in("cachelib", &[&bytes[..], &b"a,GET,10\n".repeat(3)].concat()).source;
    let notes = TraceFacts::scan(source).unwrap().notes_in_words();
    assert!(
        notes[0].contains("get 2, set 1; first: line 2 (at byte 12) with 'get'"),
        "{notes:?}"
    );
    // The other formats refuse such a line with its number.
    for (format, line) in [("twitter", "0,k,1,5,1,GET,0\n"), ("ycsb", "read user1\n")] {
        let error = requests(&trace_in(format, line.as_bytes()).source).unwrap_err();
        assert!(error.0.contains("line 1 (at byte 0)"), "{error}");
    }
    // A header alone has no operations.
    let error = requests(&trace_in("cachelib", b"key,op,size\n").source);
    assert_eq!(error.unwrap(), []);
    let error = TraceFacts::scan(&trace_in("cachelib", b"key,op,size\n").source).unwrap_err();
    assert!(error.0.contains("has no requests"), "{error}");
}

#[test]
fn times_that_run_backwards_are_counted_and_the_first_is_named() {
    let twitter =
        b"5,a,1,1,1,get,0\n9,b,1,1,1,get,0\n7,a,1,1,1,get,0\n8,a,1,1,1,get,0\n9,a,1,1,1,get,0\n";
    let cachelib = b"key,op,size,op_count,op_time\na,GET,1,1,9\na,GET,1,2,7\na,GET,1,1,9\n";
    let mut records = [record(1, 5), record(2, 5)].concat();
    records[24] = 6;
    for (format, bytes, count, first) in [
        (
            "twitter",
            &twitter[..],
            2,
            "line 3 (at byte 32) at 7 s, after 9 s",
        ),
        (
            "cachelib",
            cachelib,
            2,
            "line 3 (at byte 41) at 7 s, after 9 s",
        ),
        (
            "oracle-general",
            &records,
            1,
            "record 2 (at byte 24) at 6 s, after 7 s",
        ),
    ] {
        let facts = TraceFacts::scan(&trace_in(format, bytes).source).unwrap();
        assert_eq!(facts.left_out.backwards, count, "{format}");
        let notes = facts.notes_in_words().join("\n");
        assert!(notes.contains(first), "{notes}");
    }
    let sorted = TraceFacts::scan(&trace_in("keys", b"a\nb\n").source).unwrap();
    assert_eq!(sorted.left_out.backwards, 0);
}
