//! Trace formats, and what a trace holds.

use std::collections::HashSet;
use std::path::Path;

use foldhash::fast::FixedState;
use xxhash_rust::xxh3::xxh3_128;

use super::TraceSource;
use super::lines::Lines;
use crate::base::{BadInput, unknown_name};

/// A trace format.
pub struct Format {
    /// Its name, as `--trace FILE:FORMAT` takes it.
    pub name: &'static str,
    /// One sentence for `list`.
    pub about: &'static str,
    reader: fn(&Path) -> Result<Box<dyn Requests>, BadInput>,
}

/// Every trace format, the default first.
pub static FORMATS: &[Format] = &[Format {
    name: "keys",
    about: "one key a line, every line a get that fills on a miss; plain or .gz",
    reader: |path| Ok(Box::new(Lines::open(path)?)),
}];

/// Finds a trace format by name.
///
/// # Errors
/// An unknown name, answered with the nearest valid one.
pub fn find_format(name: &str) -> Result<&'static Format, BadInput> {
    FORMATS
        .iter()
        .find(|format| format.name == name)
        .ok_or_else(|| {
            unknown_name(
                "trace format",
                name,
                FORMATS.iter().map(|format| format.name),
            )
        })
}

impl Format {
    /// Opens a trace in this format at its first request.
    pub(super) fn open(&self, path: &Path) -> Result<Box<dyn Requests>, BadInput> {
        (self.reader)(path)
    }
}

/// The requests of a trace, one at a time.
pub(super) trait Requests: Send {
    /// Moves on to the next request; false at the end. An error names the file and the place.
    fn advance(&mut self) -> Result<bool, BadInput>;

    /// The key of the current request: 1 to 65,535 bytes.
    fn key(&self) -> &[u8];

    /// The trace as errors call it.
    fn name(&self) -> String;
}

impl Requests for Lines {
    fn advance(&mut self) -> Result<bool, BadInput> {
        if !self.next_line()? {
            return Ok(false);
        }
        if self.line().is_empty() {
            return Err(self.bad_line("is empty: every line of a trace in format keys is a key"));
        }
        Ok(true)
    }

    fn key(&self) -> &[u8] {
        self.line()
    }

    fn name(&self) -> String {
        self.file_name()
    }
}

/// What a trace holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TraceFacts {
    /// How many requests it has, at least one.
    pub requests: u64,
    /// How many different keys.
    pub distinct: u64,
    /// Bytes of the longest key.
    pub max_key_len: u32,
    /// Bytes of all different keys together.
    pub distinct_key_bytes: u64,
}

impl TraceFacts {
    /// Reads a trace once from end to end; holds some 20 bytes for each different key.
    ///
    /// # Errors
    /// An unknown format; a file that cannot be read, is cut short, damaged or empty, or that has
    /// an empty line or a key longer than 65,535 bytes, with the line or byte offset.
    pub fn scan(source: &TraceSource) -> Result<TraceFacts, BadInput> {
        let mut requests = find_format(&source.format)?.open(&source.path)?;
        let mut facts = TraceFacts::default();
        let mut seen: HashSet<u128, FixedState> = HashSet::default();
        while requests.advance()? {
            let key = requests.key();
            facts.requests += 1;
            if seen.insert(xxh3_128(key)) {
                facts.distinct += 1;
                facts.distinct_key_bytes += key.len() as u64;
                #[expect(clippy::cast_possible_truncation, reason = "at most 65,535")]
                let len = key.len() as u32;
                facts.max_key_len = facts.max_key_len.max(len);
            }
        }
        if facts.requests == 0 {
            return Err(source.is_empty());
        }
        Ok(facts)
    }
}

impl TraceSource {
    pub(super) fn is_empty(&self) -> BadInput {
        BadInput(format!(
            "trace '{}' is empty: it needs at least one request",
            self.path.display()
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::path::PathBuf;

    use super::super::{Filled, Segment, Stream, Workload};
    use super::*;

    struct Trace {
        _folder: tempfile::TempDir,
        source: TraceSource,
    }

    fn trace(bytes: &[u8]) -> Trace {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trace.txt");
        std::fs::write(&path, bytes).unwrap();
        let format = "keys".to_owned();
        Trace {
            _folder: folder,
            source: TraceSource { path, format },
        }
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(bytes).unwrap();
        packed.finish().unwrap()
    }

    /// The error, which a scan and a stream must agree on.
    fn error(bytes: &[u8]) -> String {
        let trace = trace(bytes);
        let scan = TraceFacts::scan(&trace.source).unwrap_err();
        let workload = Workload::replay(trace.source.clone(), 1, 1);
        let open = Stream::open(&workload, 0, 0, 2).err().unwrap();
        assert_eq!(open.downcast_ref::<BadInput>(), Some(&scan));
        let text = scan.to_string();
        assert!(text.contains("trace.txt"), "{text}");
        text
    }

    fn keys(bytes: &[u8]) -> Vec<String> {
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
        assert!(error(&[0x28, 0xb5, 0x2f, 0xfd, 0]).contains("zstd"));
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
        for path in [folder.path().join("absent"), folder.path().to_owned()] {
            let source = TraceSource {
                path: path.clone(),
                format: "keys".into(),
            };
            let error = TraceFacts::scan(&source).unwrap_err().to_string();
            assert!(error.contains("cannot be read"), "{error}");
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

    /// The folder of sample traces is no part of the project.
    #[test]
    fn the_web_shop_trace_has_the_counts_it_is_known_for() {
        let folder = std::env::var_os("BUCKETLAB_TRACES").map_or_else(
            || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/traces")),
            PathBuf::from,
        );
        let source = TraceSource {
            path: folder.join("web07.keys.txt.gz"),
            format: "keys".into(),
        };
        if !source.path.exists() {
            eprintln!("skipped: no web07.keys.txt.gz (set BUCKETLAB_TRACES to the sample traces)");
            return;
        }
        let facts = TraceFacts::scan(&source).unwrap();
        assert_eq!((facts.requests, facts.distinct), (76_118, 20_484));
        let workload = Workload::replay(source, facts.requests, 1);
        for threads in [1, 2] {
            let (mut ops, mut absent) = (0, 0);
            for thread in 0..threads {
                let mut stream = Stream::open(&workload, 0, thread, threads).unwrap();
                let mut segment = Segment::default();
                while stream.refill(&mut segment).unwrap() != Filled::End {
                    ops += segment.ops.len();
                    let misses = segment.ops.iter();
                    absent += misses
                        .filter(|op| op.expect == super::super::Expect::Absent)
                        .count();
                }
            }
            assert_eq!((ops, absent), (76_118, 20_484), "{threads} threads");
        }
    }
}
