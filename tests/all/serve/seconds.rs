//! Answers that tell seconds: how long an item has left, and how long ago it was asked for.
//!
//! The seconds of two servers begin at different moments, and on a busy machine one answers later than the other. Such a
//! number may differ by the seconds that a transcript took, and by two for the moments; all else has to be the same to
//! the byte. A test of many answers counts those that differ so: they are few, or the excuse
//! hides something.

use std::time::Duration;

/// What stands before a number of seconds: the flags `t` and `l` of meta commands, and the words of `me`. No key and no
/// value that is sent looks like one.
const BEFORE: [&str; 4] = ["t", "l", "exp=", "la="];

/// How two answers compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Likeness {
    Same,
    /// The same, but for seconds that may have passed.
    Near,
    /// They differ from this byte of ours on.
    Different(usize),
}

/// Compares the answers to what took so long.
pub fn compare(ours: &[u8], theirs: &[u8], took: Duration) -> Likeness {
    if ours == theirs {
        return Likeness::Same;
    }
    let most = took.as_secs() + 2;
    let (mut at, mut theirs) = (0, words(theirs));
    for word in words(ours) {
        match theirs.next() {
            Some(other) if word == other || are_near(word, other, most) => at += word.len(),
            _ => return Likeness::Different(at),
        }
    }
    match theirs.next() {
        None => Likeness::Near,
        Some(_) => Likeness::Different(at),
    }
}

/// The words, and the spaces and line ends between them.
fn words(answer: &[u8]) -> impl Iterator<Item = &[u8]> {
    answer.chunk_by(|a, b| a.is_ascii_whitespace() == b.is_ascii_whitespace())
}

fn are_near(a: &[u8], b: &[u8], most: u64) -> bool {
    BEFORE.iter().any(|before| {
        let seconds = |word: &[u8]| -> Option<u64> {
            let digits = std::str::from_utf8(word.strip_prefix(before.as_bytes())?).ok()?;
            let number: u64 = digits.parse().ok()?;
            // As a server writes it: without a plus sign, and without zeros before.
            (number.to_string() == digits).then_some(number)
        };
        match (seconds(a), seconds(b)) {
            (Some(a), Some(b)) => a.abs_diff(b) <= most,
            _ => false,
        }
    })
}

#[test]
fn seconds_may_pass_and_nothing_else_may_differ() {
    let compare = |a: &str, b: &str| compare(a.as_bytes(), b.as_bytes(), Duration::from_secs(3));
    assert_eq!(compare("HD t97\r\n", "HD t97\r\n"), Likeness::Same);
    for (a, b) in [
        ("HD f0 t97 W\r\n", "HD f0 t92 W\r\n"),
        ("HD t100\r\n", "HD t99\r\n"),
        ("HD l0\r\nEND\r\n", "HD l5\r\nEND\r\n"),
        ("ME a exp=100 la=1 cas=2\r\n", "ME a exp=98 la=3 cas=2\r\n"),
    ] {
        assert_eq!(compare(a, b), Likeness::Near, "{a}{b}");
    }
    for (a, b, at) in [
        ("HD t97\r\n", "HD t91\r\n", 3),
        ("HD t97\r\n", "HD t97 \r\n", 6),
        ("HD t97\r\n", "HD t97\n", 6),
        ("HD t97\r\n", "HD l97\r\n", 3),
        ("HD t1\r\n", "HD t-1\r\n", 3),
        ("HD t1\r\n", "HD t+1\r\n", 3),
        ("HD t7\r\n", "HD t07\r\n", 3),
        ("HD f1\r\n", "HD f2\r\n", 3),
        ("HD c1\r\n", "HD c2\r\n", 3),
        ("VALUE a 0 1\r\n1\r\n", "VALUE a 0 1\r\n2\r\n", 13),
        ("ME a exp=-1 la=0\r\n", "ME a exp=1 la=0\r\n", 5),
        ("HD t97 f1\r\n", "HD t96 f2\r\n", 7),
        ("HD t97\r\n", "HD t97\r\nEN\r\n", 8),
        ("HD t97\r\nEN\r\n", "HD t97\r\n", 8),
    ] {
        assert_eq!(compare(a, b), Likeness::Different(at), "{a}{b}");
    }
}
