//! Readers of arbitrary bytes and of damaged files give an error or requests, and never panic.

use proptest::prelude::*;

use super::layout::KEY_BYTES_MAX;
use super::tests::{gzip, sound, trace};
use super::*;
use crate::workload::TraceSource;

/// Goes through a file in every format and both manners; whatever it is, there are requests within
/// the limits, or an error with the file's name and a place.
fn survive(bytes: &[u8]) {
    let mut trace = trace(bytes);
    for format in FORMATS {
        for lenient in [false, true] {
            format.name.clone_into(&mut trace.source.format);
            trace.source.lenient = lenient;
            let mut reader = match TraceReader::open(&trace.source) {
                Ok(reader) => reader,
                Err(error) => {
                    assert!(error.0.contains("trace.txt"), "{error}");
                    continue;
                }
            };
            // One line may stand for many requests.
            for _ in 0..100_000 {
                match reader.next_request() {
                    Ok(None) => break,
                    Ok(Some(request)) => {
                        assert!((1..=KEY_BYTES_MAX).contains(&request.key.len()));
                        let limit = crate::workload::VALUE_BYTES_MAX;
                        assert!(request.value_bytes.is_none_or(|bytes| bytes <= limit));
                    }
                    Err(error) => {
                        let place = error.0.contains("line ") || error.0.contains("record ");
                        assert!(error.0.contains("trace.txt") && place, "{error}");
                        break;
                    }
                }
            }
            assert!(reader.key_capacity() <= 2 * KEY_BYTES_MAX);
            assert!(lenient || reader.left_out().skipped == 0);
        }
    }
    let path = trace.source.path.to_str().unwrap();
    if let Ok(source) = TraceSource::parse(path, false) {
        assert!(find_format(&source.format).is_ok());
    }
}

/// A sound file of some format, as it is or packed.
fn any_sound() -> impl Strategy<Value = Vec<u8>> {
    (0..FORMATS.len(), 0..3usize, 1..40usize).prop_map(|(format, packing, times)| {
        let plain = sound(FORMATS[format].name).repeat(times);
        match packing {
            0 => plain,
            1 => gzip(&plain),
            _ => zstd::encode_all(plain.as_slice(), 1).unwrap(),
        }
    })
}

/// Numbers and bytes that lie at the ends of what readers expect.
const TOKENS: [&[u8]; 12] = [
    b"18446744073709551616",
    b"4294967295",
    b"1048577",
    b"65536",
    b"-1",
    b"",
    b",",
    b"\n",
    b"\r\n",
    b"\0",
    b"\xff\xff\xff\xff\xff\xff\xff\xff",
    b"0",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn readers_survive_arbitrary_bytes(
        magic in prop_oneof![Just(&b""[..]), Just(&[0x1f, 0x8b][..]), Just(&[0x28, 0xb5, 0x2f, 0xfd][..]), Just(&b"key,op,size\n"[..])],
        bytes in proptest::collection::vec(any::<u8>(), 0..2_000),
    ) {
        survive(&[magic, &bytes].concat());
    }

    /// Sound files with bytes changed, tokens put in and ends cut off: a bounded fuzz run.
    #[test]
    fn readers_survive_mutated_files(
        mut bytes in any_sound(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        tokens in proptest::collection::vec((any::<prop::sample::Index>(), 0..TOKENS.len()), 0..4),
        cut in proptest::option::of(any::<prop::sample::Index>()),
    ) {
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        for (at, token) in tokens {
            let at = at.index(bytes.len());
            bytes.splice(at..at, TOKENS[token].iter().copied());
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        survive(&bytes);
    }
}
