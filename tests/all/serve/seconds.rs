//! Answers that tell seconds: how long an item has left, and how long ago it was asked for.
//!
//! The seconds of two servers begin at different moments, and on a busy machine one answers later than the other. Such a
//! number may differ by the seconds that a transcript took, and by two for the moments; everything else has to be the
//! same to the byte.

use std::time::Duration;

/// What stands before a number of seconds: the flags `t` and `l` of meta commands, and the words of `me`.
const BEFORE: [&str; 4] = ["t", "l", "exp=", "la="];

/// Whether the answers are the same, but for seconds that passed within `took`.
pub fn same(ours: &[u8], theirs: &[u8], took: Duration) -> bool {
    if ours == theirs {
        return true;
    }
    let most = took.as_secs() + 2;
    let mut ours = words(ours);
    let mut theirs = words(theirs);
    loop {
        match (ours.next(), theirs.next()) {
            (None, None) => return true,
            (Some(a), Some(b)) if a == b => {}
            (Some(a), Some(b)) if are_near(a, b, most) => {}
            _ => return false,
        }
    }
}

/// The words, and the spaces and line ends between them.
fn words(answer: &[u8]) -> impl Iterator<Item = &[u8]> {
    answer.chunk_by(|a, b| a.is_ascii_whitespace() == b.is_ascii_whitespace())
}

fn are_near(a: &[u8], b: &[u8], most: u64) -> bool {
    BEFORE.iter().any(|before| {
        let seconds = |word: &[u8]| -> Option<u64> {
            let digits = word.strip_prefix(before.as_bytes())?;
            let digits = std::str::from_utf8(digits).ok()?;
            digits.parse().ok()
        };
        match (seconds(a), seconds(b)) {
            (Some(a), Some(b)) => a.abs_diff(b) <= most,
            _ => false,
        }
    })
}

#[test]
fn seconds_may_pass_and_nothing_else_may_differ() {
    let same = |a: &str, b: &str| same(a.as_bytes(), b.as_bytes(), Duration::from_secs(3));
    for (a, b) in [
        ("HD f0 t97 W\r\n", "HD f0 t92 W\r\n"),
        ("HD l0\r\nEND\r\n", "HD l5\r\nEND\r\n"),
        ("ME a exp=100 la=1 cas=2\r\n", "ME a exp=98 la=3 cas=2\r\n"),
    ] {
        assert!(same(a, b), "{a}{b}");
    }
    for (a, b) in [
        ("HD t97\r\n", "HD t91\r\n"),
        ("HD t97\r\n", "HD t97 \r\n"),
        ("HD t97\r\n", "HD t97\n"),
        ("HD t97\r\n", "HD l97\r\n"),
        ("HD t1\r\n", "HD t-1\r\n"),
        ("HD f1\r\n", "HD f2\r\n"),
        ("HD c1\r\n", "HD c2\r\n"),
        ("VALUE a 0 1\r\n1\r\n", "VALUE a 0 1\r\n2\r\n"),
        ("ME a exp=-1 la=0\r\n", "ME a exp=1 la=0\r\n"),
        ("HD t97\r\n", "HD t97\r\nEN\r\n"),
    ] {
        assert!(!same(a, b), "{a}{b}");
    }
}
