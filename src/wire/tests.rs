//! The parser under arbitrary bytes and arbitrary splits.

use proptest::prelude::*;

use super::request::BAD_FORMAT;
use super::*;

const LIMITS: Limits = Limits {
    item_max: 1 << 20,
    flush: true,
};

/// All requests of `bytes`, as text, when they arrive in pieces that end at `cuts`.
fn requests(bytes: &[u8], cuts: &[usize]) -> Vec<String> {
    let mut ends: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    ends.push(bytes.len());
    ends.sort_unstable();
    let (mut found, mut at, mut wanted) = (Vec::new(), 0, 0);
    for end in ends {
        while end >= at + wanted {
            match next(&bytes[at..end], &LIMITS) {
                Step::More(more) => {
                    assert!(more > end - at, "wants what is there already");
                    wanted = more;
                }
                stop @ (Step::Close | Step::TooLong) => {
                    found.push(format!("{stop:?}"));
                    return found;
                }
                Step::Request(request, used) => {
                    assert!(used > 0 && used <= end - at);
                    found.push(format!("{at} {request:?}"));
                    at += used;
                    wanted = 0;
                }
            }
        }
    }
    found
}

fn one(text: &str) -> Request {
    match next(text.as_bytes(), &LIMITS) {
        Step::Request(request, used) => {
            assert_eq!(used, text.len(), "{text:?}");
            request
        }
        other => panic!("{text:?}: {other:?}"),
    }
}

fn answer(text: &str) -> &'static str {
    match one(text) {
        Request::Say { text, .. } => text,
        other => panic!("{text:?}: {other:?}"),
    }
}

#[test]
fn errors_are_worded_as_the_reference_words_them() {
    for (line, text) in [
        ("\r\n", "ERROR\r\n"),
        ("get\r\n", "ERROR\r\n"),
        ("GET a\r\n", "ERROR\r\n"),
        ("set a 0 0\r\n", "ERROR\r\n"),
        ("set a 0 0 -1\r\n", BAD_FORMAT),
        ("set a 0 0 4294967297\r\n", BAD_FORMAT),
        ("set a -1 0 1\r\n", BAD_FORMAT),
        ("ms a\r\n", BAD_FORMAT),
        ("mg a k k\r\n", "CLIENT_ERROR duplicate flag\r\n"),
        ("mg a Z\r\n", "CLIENT_ERROR invalid flag\r\n"),
        ("mg a b\r\n", "CLIENT_ERROR error decoding key\r\n"),
        (
            "incr a -1\r\n",
            "CLIENT_ERROR invalid numeric delta argument\r\n",
        ),
        ("touch a x\r\n", "CLIENT_ERROR invalid exptime argument\r\n"),
        ("set a 0 0 3\r\nabcde", "CLIENT_ERROR bad data chunk\r\n"),
    ] {
        assert_eq!(answer(line), text, "{line:?}");
    }
}

#[test]
fn keys_may_have_250_bytes() {
    let key = "k".repeat(KEY_MAX);
    assert!(matches!(
        one(&format!("get {key}\r\n")),
        Request::Get {
            key_too_long: false,
            ..
        }
    ));
    assert!(matches!(
        one(&format!("get a {key}k\n")),
        Request::Get {
            key_too_long: true,
            ..
        }
    ));
    assert_eq!(answer(&format!("mg {key}k v\r\n")), BAD_FORMAT);
    assert_eq!(answer(&format!("incr {key}k 1\r\n")), BAD_FORMAT);
}

#[test]
fn a_value_too_large_is_refused_by_its_line() {
    let most = (1 << 20) - footprint(1, 0, 0);
    let line = format!("set a 0 0 {most}\r\n");
    assert_eq!(
        next(line.as_bytes(), &LIMITS),
        Step::More(line.len() + most + 2)
    );
    assert!(matches!(
        one(&format!("set a 0 0 {}\r\n", most + 1)),
        Request::Refuse { swallow, .. } if swallow == most + 3
    ));
}

#[test]
fn long_lines_are_too_long_unless_they_are_gets() {
    assert_eq!(next(&[b'a'; LINE_MAX + 1], &LIMITS), Step::TooLong);
    let whole = [vec![b'a'; WHOLE_LINE_MAX + 1], b"\n".to_vec()].concat();
    assert_eq!(next(&whole, &LIMITS), Step::TooLong);
    let get = [b"get ".as_slice(), &[b'a'; LINE_MAX]].concat();
    assert_eq!(next(&get, &LIMITS), Step::More(get.len() + 1));
    // With its end or without.
    let mut get = [b"gets ".as_slice(), &vec![b'a'; GET_LINE_MAX]].concat();
    assert_eq!(next(&get, &LIMITS), Step::TooLong);
    get.push(b'\n');
    assert_eq!(next(&get, &LIMITS), Step::TooLong);
}

fn piece() -> impl Strategy<Value = Vec<u8>> {
    let words = prop::sample::select(vec![
        "get a b\r\n",
        "gets ",
        "set k 1 2 3\r\nabc\r\n",
        "set k 0 0 2\r\nabc\r\n",
        "ms k 2 T0 q\r\nhi\r\n",
        "mg YQ== b k v\r\n",
        "md k I T3\n",
        "ma k MD D9\r\n",
        "mn\r\n",
        "cas k 0 0 1 7 noreply\r\nx\r\n",
        "delete k 0\r\n",
        " noreply",
        "\r\n",
        "\n",
        "flush_all -1\r\n",
        "stats items\r\n",
        "set k 0 0 9999999\r\n",
        "verbosity 1\r\n",
        "GET / HTTP/1.1\r\n",
        "\0",
    ]);
    prop_oneof![
        8 => words.prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..40),
    ]
}

proptest! {
    #[test]
    fn splits_make_no_difference(
        pieces in prop::collection::vec(piece(), 0..20),
        cuts in prop::collection::vec(any::<usize>(), 0..12),
    ) {
        let bytes = pieces.concat();
        prop_assume!(bytes.len() <= LINE_MAX);
        prop_assert_eq!(requests(&bytes, &cuts), requests(&bytes, &[]));
    }

    #[test]
    fn no_bytes_are_too_odd(bytes in prop::collection::vec(any::<u8>(), 0..5000)) {
        requests(&bytes, &[]);
    }
}
