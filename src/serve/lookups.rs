//! Reads that wait to be looked up together.
//!
//! Keys of consecutive gets, of one request or of many, are collected, hashed together and handed to
//! the table in one call, which overlaps their cache misses. Answers come in the order of requests,
//! whatever order the table finds the items in.

use super::batch::get_many;
use super::counts::Count;
use super::header::{BINARY, Header, STALE, WON};
use super::items::{Items, Win, marked};
use super::reply::{self, Told};
use super::shared::Gone;
use crate::base::Key;
use crate::wire::{Meta, Span};

/// Keys that are looked up together at most.
pub(super) const TOGETHER: usize = 64;

/// What an answer is made like.
#[derive(Debug)]
pub(super) enum Asked {
    /// get or gets; whether END follows.
    Plain { cas: bool, last: bool },
    /// mg
    Meta(Box<Meta>),
}

/// One key that is to be looked up.
#[derive(Debug)]
pub(super) struct Lookup {
    /// The key in the buffer; that of a meta command is in its flags.
    pub(super) key: Span,
    pub(super) asked: Asked,
    /// Where the request starts in the buffer.
    pub(super) request: usize,
}

impl Lookup {
    fn key<'k>(&'k self, buffer: &'k [u8]) -> &'k [u8] {
        match &self.asked {
            Asked::Plain { .. } => self.key.of(buffer),
            Asked::Meta(meta) => meta.key.bytes(buffer),
        }
    }
}

/// What is done about an item after the table is free again.
#[derive(Clone, Copy)]
enum After {
    Nothing,
    Mark,
    Bury(Gone),
}

/// One batch's progress through its answers.
struct Answers<'a> {
    lookups: &'a [Lookup],
    buffer: &'a [u8],
    out: &'a mut Vec<u8>,
    /// The first index that is not answered.
    next: usize,
    /// Answers that came before their turn.
    early: Vec<(usize, Vec<u8>)>,
    /// Index of the first lookup that no longer found room.
    stop: usize,
    limit: usize,
    /// Whether the lookup at `stop` was not answered because it changes the item: it is to be done by
    /// itself.
    alone: bool,
    hit: [bool; TOGETHER],
    after: [After; TOGETHER],
}

impl Items<'_, '_> {
    /// Looks `lookups` up and appends their answers to `out`, until it has `limit` bytes. Returns how
    /// many were answered, and whether the next is one that has to be done by itself.
    pub(super) fn look_up(
        &mut self,
        lookups: &[Lookup],
        buffer: &[u8],
        out: &mut Vec<u8>,
        limit: usize,
    ) -> (usize, bool) {
        debug_assert!(lookups.len() <= TOGETHER);
        let nothing = Key {
            bytes: b"",
            hash: 0,
        };
        let mut keys = [nothing; TOGETHER];
        for (place, lookup) in keys.iter_mut().zip(lookups) {
            *place = self.key(lookup.key(buffer));
        }
        let keys = &keys[..lookups.len()];
        let mut answers = Answers {
            lookups,
            buffer,
            out,
            next: 0,
            early: Vec::new(),
            stop: lookups.len(),
            limit,
            alone: false,
            hit: [false; TOGETHER],
            after: [After::Nothing; TOGETHER],
        };
        let (shared, now) = (self.shared, self.now);
        get_many(self.session, keys, &mut |index, item| {
            let split = item.and_then(Header::split);
            let gone = split.and_then(|(header, _)| shared.gone(&header, now));
            if let Some(gone) = gone {
                answers.after[index] = After::Bury(gone);
            }
            answers.found(index, split.filter(|_| gone.is_none()), now);
        });
        let (answered, after) = (answers.next, answers.after);
        let alone = answers.alone && answered == answers.stop;
        let hits = answers.hit[..answered].iter().filter(|hit| **hit).count() as u64;
        for (index, after) in after.iter().enumerate().take(answered) {
            match after {
                After::Nothing => {}
                After::Mark => self.mark(keys[index]),
                After::Bury(gone) => self.bury(keys[index], *gone),
            }
        }
        self.counts.add(Count::CmdGet, answered as u64);
        self.counts.add(Count::GetHits, hits);
        self.counts.add(Count::GetMisses, answered as u64 - hits);
        (answered, alone)
    }
}

impl Answers<'_> {
    /// Answers nothing from `index` on.
    fn halt(&mut self, index: usize, alone: bool) {
        if index < self.stop {
            (self.stop, self.alone) = (index, alone);
        }
    }

    fn found(&mut self, index: usize, item: Option<(Header, &[u8])>, now: u32) {
        // The next in turn goes out if there is room at all; the others wait in no more than the rest.
        let waiting: usize = self.early.iter().map(|(_, answer)| answer.len()).sum();
        let held = self.out.len() + if index == self.next { 0 } else { waiting };
        if index >= self.stop || held >= self.limit {
            self.halt(index, false);
            return;
        }
        let lookup = &self.lookups[index];
        if let Some((header, _)) = &item {
            if wins(header) && matches!(lookup.asked, Asked::Meta(_)) {
                self.halt(index, true);
                return;
            }
            self.hit[index] = true;
            let no_update = matches!(&lookup.asked, Asked::Meta(meta) if meta.no_update);
            if !no_update && marked(header, now).is_some() {
                self.after[index] = After::Mark;
            }
        }
        if index == self.next {
            answer(lookup, self.buffer, item, now, self.out);
            self.next += 1;
        } else {
            let mut early = Vec::new();
            answer(lookup, self.buffer, item, now, &mut early);
            self.early.push((index, early));
        }
        while let Some(at) = self.early.iter().position(|(index, _)| *index == self.next) {
            if self.next >= self.stop || self.out.len() >= self.limit {
                self.halt(self.next, false);
                break;
            }
            let (_, early) = self.early.swap_remove(at);
            self.out.extend_from_slice(&early);
            self.next += 1;
        }
    }
}

fn answer(
    lookup: &Lookup,
    buffer: &[u8],
    item: Option<(Header, &[u8])>,
    now: u32,
    out: &mut Vec<u8>,
) {
    match &lookup.asked {
        Asked::Plain { cas, last } => {
            if let Some((header, value)) = item {
                reply::value(out, lookup.key.of(buffer), &header, value, *cas);
            }
            if *last {
                out.extend_from_slice(b"END\r\n");
            }
        }
        Asked::Meta(meta) => match item {
            Some((header, value)) => {
                meta_hit(out, meta, buffer, [&header; 2], value, Win::No, now, [0; 2]);
            }
            None => meta_miss(out, meta, buffer),
        },
    }
}

/// Appends the answer of an mg that found something. `headers` are before and after, `exptimes` what N
/// and T set.
#[expect(clippy::too_many_arguments, reason = "the parts of one answer")]
pub(super) fn meta_hit(
    out: &mut Vec<u8>,
    meta: &Meta,
    buffer: &[u8],
    headers: [&Header; 2],
    value: &[u8],
    win: Win,
    now: u32,
    exptimes: [u32; 2],
) {
    let [before, after] = headers;
    if meta.value {
        out.reserve(value.len() + 64);
        out.extend_from_slice(b"VA ");
        reply::decimal(out, value.len() as u64);
    } else {
        out.extend_from_slice(b"HD");
    }
    let item = Told {
        header: after,
        before,
        length: value.len(),
        now,
        binary: before.has(BINARY),
        letters: b"stcflhOk",
        exptimes,
        created: win == Win::Makes,
    };
    reply::told(out, meta, buffer, &item);
    reply::tokens(out, before, win != Win::No);
    out.extend_from_slice(b"\r\n");
    if meta.value {
        out.extend_from_slice(value);
        out.extend_from_slice(b"\r\n");
    }
}

/// Appends the answer of an mg that found nothing.
pub(super) fn meta_miss(out: &mut Vec<u8>, meta: &Meta, buffer: &[u8]) {
    if !meta.quiet {
        out.extend_from_slice(b"EN");
        reply::echo(out, meta, buffer, meta.key.is_binary());
        out.extend_from_slice(b"\r\n");
    }
}

/// Whether the next mg of an item wins the right to renew it, which changes the item.
fn wins(header: &Header) -> bool {
    header.has(STALE) && !header.has(WON)
}
