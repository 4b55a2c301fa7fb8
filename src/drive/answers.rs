//! What comes back on the connections of a load: which request it answers, whether it is right, and what follows.

use std::io::ErrorKind;

use super::client::{Client, Ended, touch_of};
use super::lane::{Asked, Held, Times, What};
use crate::machine;
use crate::table::Stored;
use crate::wire::client::{Storing, Unit};
use crate::workload::{Expect, Kind, NOT_KNOWN, Op, Segment};

impl Client<'_> {
    /// Takes all that has come on a connection.
    pub(super) fn take(&mut self, segment: &Segment, at: usize) {
        while self.lanes[at].readable && !self.is_broken() {
            match self.lanes[at].read() {
                Ok(0) => break,
                Ok(_) => self.take_units(segment, at),
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                    let waits = self.lanes[at].asked.len();
                    self.fail(match waits {
                        0 => "the server closed the connection".to_owned(),
                        _ => format!("the server closed the connection before it had answered {waits} of the requests"),
                    });
                }
                Err(error) => self.fail(format!("the connection broke: {error}")),
            }
        }
        let lane = &mut self.lanes[at];
        // Second halves of operations were asked meanwhile.
        if lane.is_owing() && self.filling[lane.server] != Some(at) {
            self.leave(at);
        }
    }

    fn take_units(&mut self, segment: &Segment, at: usize) {
        let (inbox, mut start, end) = self.lanes[at].take_inbox();
        let now_ns = if self.clocked > 0 {
            machine::now_ns()
        } else {
            0
        };
        while start < end && !self.is_broken() {
            match self.how.dialect.next(&inbox[start..end]) {
                Ok(Some((unit, used))) => {
                    self.unit(segment, at, unit, now_ns);
                    start += used;
                }
                Ok(None) => break,
                Err(garbled) => self.fail(format!(
                    "an answer that is none of the protocol: '{}'",
                    garbled.0
                )),
            }
        }
        self.lanes[at].put_back(inbox, start);
        let lane = &mut self.lanes[at];
        let is_filling = self.filling[lane.server] == Some(at);
        let has_room = if self.open_loop {
            lane.asked.len() < self.how.depth
        } else {
            lane.asked.is_empty()
        };
        if has_room && !lane.is_free && !is_filling {
            lane.is_free = true;
            self.free[lane.server].push_back(at);
        }
    }

    fn unit(&mut self, segment: &Segment, at: usize, unit: Unit<'_>, now_ns: u64) {
        let Some(&asked) = self.lanes[at].asked.front() else {
            let said = match unit {
                Unit::Refused(words) => String::from_utf8_lossy(words).into_owned(),
                other => other.to_string(),
            };
            self.fail(format!("the server said without being asked: {said}"));
            return;
        };
        let ended = match (asked.what, unit) {
            (What::Get, Unit::Value(key, value)) => self.value(segment, at, key, value, asked),
            (What::Get, Unit::Miss) => {
                self.found(segment, at, None);
                self.one_key_less(at, asked)
            }
            (What::Get, Unit::End) if self.how.dialect.ends_gets() => {
                for _ in 0..asked.keys {
                    self.found(segment, at, None);
                }
                true
            }
            (What::Get, Unit::Units(count)) if !asked.counted && count == asked.keys as usize => {
                self.lanes[at].asked[0].counted = true;
                false
            }
            (What::Store { .. }, Unit::Done) => self.stored(segment, at, true),
            (What::Store { .. }, Unit::NotDone | Unit::Miss) => self.stored(segment, at, false),
            (What::Delete, Unit::Done | Unit::Count(1)) => self.deleted(segment, at, true),
            (What::Delete, Unit::NotDone | Unit::Count(0)) => self.deleted(segment, at, false),
            (What::Store { .. }, Unit::Refused(words)) if is_full(words) && self.checks.evicts => {
                // It makes room, and could not in time.
                self.checks.tally.refused += 1;
                self.uncounted = true;
                self.let_go(at);
                true
            }
            (_, Unit::Refused(words)) => {
                let words = String::from_utf8_lossy(words).into_owned();
                self.fail(format!("the server says: {words}"));
                return;
            }
            (what, unit) => {
                self.fail(format!("an answer to another request: {unit} to {what}"));
                return;
            }
        };
        if ended {
            self.lanes[at].asked.pop_front();
            self.under_way -= 1;
            // An operation that goes on with a second request has not ended.
            let goes_on = asked.what == What::Get && self.went_on(at, asked);
            if asked.times.began_ns > 0 && !goes_on {
                self.clocked -= 1;
                self.ended.push(Ended {
                    times: asked.times,
                    at_ns: now_ns,
                });
            }
        }
    }

    /// Whether the request that was asked last on a connection is the second half of the one that has just ended;
    /// its times are then those of the first.
    fn went_on(&mut self, at: usize, first: Asked) -> bool {
        match self.lanes[at].asked.back_mut() {
            Some(last)
                if last.what == (What::Store { second: true }) && last.times.began_ns == 0 =>
            {
                last.times = first.times;
                true
            }
            _ => false,
        }
    }

    /// A value of a get: keys that were asked for before it and are passed over have none.
    fn value(
        &mut self,
        segment: &Segment,
        at: usize,
        key: Option<&[u8]>,
        value: &[u8],
        asked: Asked,
    ) -> bool {
        let mut asked = asked;
        if let Some(key) = key {
            loop {
                let next = self.lanes[at]
                    .held
                    .front()
                    .map(|held| segment.key(&held.op));
                if asked.keys == 0 || next.is_none() {
                    let key = key[..key.len().min(40)].escape_ascii();
                    self.fail(format!(
                        "a value was answered for '{key}', which was not asked for"
                    ));
                    return false;
                }
                if next == Some(key) {
                    break;
                }
                self.found(segment, at, None);
                asked.keys -= 1;
            }
        }
        self.found(segment, at, Some(value));
        asked.keys -= 1;
        self.lanes[at].asked[0].keys = asked.keys;
        // Where an end follows, it ends the request.
        asked.keys == 0 && !self.how.dialect.ends_gets()
    }

    fn one_key_less(&mut self, at: usize, asked: Asked) -> bool {
        self.lanes[at].asked[0].keys = asked.keys.saturating_sub(1);
        asked.keys <= 1
    }

    /// What a lookup of the next key has found, and what follows from it.
    fn found(&mut self, segment: &Segment, at: usize, value: Option<&[u8]>) {
        let Some(held) = self.lanes[at].held.pop_front() else {
            return;
        };
        let key = segment.key(&held.op);
        let mut op = held.op;
        if self
            .overlap
            .as_ref()
            .is_some_and(|overlap| !overlap.is_certain(held.ticket))
        {
            (op.expect, op.since) = (Expect::Either, NOT_KNOWN);
        }
        // A control has every key: where a server would not find one, it misses too, and its client fills.
        let value = value.filter(|_| self.checks.outcomes || op.expect != Expect::Absent);
        let mut faults = 0;
        if let Some(value) = value {
            held.stamps.look((value, key), (&op, 0), &mut faults);
        }
        self.checks.read(&op, key, (value.is_some(), faults));
        let goes_on = op.kind == Kind::Rmw || op.kind == Kind::GetFill && value.is_none();
        if goes_on {
            // In doubt, another write may store the key first.
            let expect = match value {
                Some(_) => Expect::Present,
                None if op.since == NOT_KNOWN && op.expect == Expect::Either => Expect::Either,
                None => Expect::Absent,
            };
            self.go_on(
                at,
                key,
                Held {
                    op: Op { expect, ..held.op },
                    ..held
                },
            );
        } else if let Some(overlap) = &mut self.overlap {
            overlap.end(held.ticket, touch_of(held.op.kind));
        }
    }

    /// The second half of an operation that began with a lookup: the value is written.
    fn go_on(&mut self, at: usize, key: &[u8], held: Held) {
        let value = held.stamps.value_for(&mut self.value, &held.op, key);
        let lane = &mut self.lanes[at];
        self.how
            .dialect
            .store(&mut lane.out, Storing::Set, key, value);
        lane.held.push_back(held);
        lane.asked.push_back(Asked {
            what: What::Store { second: true },
            keys: 1,
            counted: false,
            times: Times::default(),
        });
        self.under_way += 1;
    }

    /// A write was done or not.
    fn stored(&mut self, segment: &Segment, at: usize, done: bool) -> bool {
        let Some(held) = self.let_go(at) else {
            return true;
        };
        let (op, key) = (held.op, segment.key(&held.op));
        match op.kind {
            Kind::Add if done => self.checks.stored(&op, key, Stored::Created),
            Kind::Add | Kind::Replace | Kind::Cas => {
                self.checks
                    .outcome(&op, key, done != (op.kind == Kind::Add));
            }
            // The answer does not say what was there.
            _ => match op.expect {
                Expect::Present => {}
                Expect::Absent => self.checks.tally.balance += 1,
                Expect::Either => self.uncounted = true,
            },
        }
        true
    }

    fn deleted(&mut self, segment: &Segment, at: usize, present: bool) -> bool {
        if let Some(held) = self.let_go(at) {
            self.checks.tally.balance -= i64::from(present);
            self.checks
                .outcome(&held.op, segment.key(&held.op), present);
        }
        true
    }

    /// The next write or removal of a connection has ended.
    fn let_go(&mut self, at: usize) -> Option<Held> {
        let held = self.lanes[at].held.pop_front()?;
        if let Some(overlap) = &mut self.overlap {
            overlap.end(held.ticket, touch_of(held.op.kind));
        }
        Some(held)
    }
}

/// Whether a server refuses for want of memory: memcached's words, and Redis's.
fn is_full(words: &[u8]) -> bool {
    words.starts_with(b"SERVER_ERROR out of memory") || words.starts_with(b"OOM ")
}
