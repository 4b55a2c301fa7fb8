//! What a read-modify-write stores, and what of it is checked.

use super::super::room::Unbounded;
use super::*;

/// A table whose updates end in one way, whatever the loop asks for.
struct Ends {
    old: Option<Vec<u8>>,
    outcome: Outcome,
    stored: Vec<u8>,
}

impl Session for Ends {
    fn get<R>(&mut self, _: Key<'_>, read: impl FnOnce(&[u8]) -> R) -> Option<R> {
        self.old.as_deref().map(read)
    }

    fn set(&mut self, _: Key<'_>, _: &[u8]) -> Stored {
        Stored::Replaced
    }

    fn remove(&mut self, _: Key<'_>) -> bool {
        true
    }

    fn update<R>(
        &mut self,
        _: Key<'_>,
        mut edit: impl FnMut(Option<&[u8]>, &mut Vec<u8>) -> (Edit, R),
    ) -> (Outcome, R) {
        self.stored.clear();
        let (_, result) = edit(self.old.as_deref(), &mut self.stored);
        (self.outcome, result)
    }
}

/// One read-modify-write of the key `0123456789` in such a table: what it stored, and what was counted.
fn updated(old: Option<usize>, outcome: Outcome) -> (Vec<u8>, Tally) {
    let key = b"0123456789";
    let old = old.map(|length| {
        let mut value = Vec::new();
        write_value(&mut value, key, length);
        value
    });
    let op = Op {
        key_at: 0,
        value_len: 20,
        key_len: 10,
        kind: Kind::Rmw,
        expect: Expect::Either,
        since: 0,
    };
    let ends = Ends {
        old,
        outcome,
        stored: Vec::new(),
    };
    let mut timed = Loop::new(
        ends,
        Unbounded,
        Hasher::new(crate::hash::find("sip13").unwrap(), [1, 2]),
        (1, Between::NONE),
        (true, Worker::ALONE),
    );
    let segment = Segment {
        ops: vec![op],
        keys: key.to_vec(),
        ..Segment::default()
    };
    timed.prepare(&segment);
    timed.run(&segment, &segment.ops);
    let tally = std::mem::take(timed.tally());
    (timed.session.stored, tally)
}

/// The value keeps its length and what it says of its key, has the stamp of the operation, and another last byte.
#[test]
fn a_read_modify_write_changes_the_stamp_and_the_last_byte() {
    for length in [3, 8, 15, 16, 17, 100] {
        let mut wanted = Vec::new();
        write_value(&mut wanted, b"0123456789", length);
        if length >= 16 {
            wanted[8..16].copy_from_slice(&(1_u64 << 48 | 1).to_le_bytes());
        }
        if length > 16 {
            *wanted.last_mut().unwrap() += 1;
        }
        let (stored, tally) = updated(Some(length), Outcome::Replaced);
        assert_eq!(stored, wanted, "{length} bytes");
        assert_eq!((tally.hits, tally.wrong), (1, 0), "{length} bytes");
    }
}

#[test]
fn what_an_update_says_of_itself_is_held_against_what_it_found() {
    for (old, outcome, balance, refused, wrong) in [
        (Some(20), Outcome::Replaced, 0, 0, 0),
        (None, Outcome::Created, 1, 0, 0),
        (Some(20), Outcome::Refused, 0, 1, 0),
        (None, Outcome::Refused, 0, 1, 0),
        (Some(20), Outcome::Created, 1, 0, 1),
        (None, Outcome::Replaced, 0, 0, 1),
        (Some(20), Outcome::Kept, 0, 0, 1),
        (Some(20), Outcome::Removed, 0, 0, 1),
    ] {
        let (_, tally) = updated(old, outcome);
        let seen = (tally.balance, tally.refused, tally.wrong);
        assert_eq!(seen, (balance, refused, wrong), "{old:?} {outcome:?}");
    }
}
