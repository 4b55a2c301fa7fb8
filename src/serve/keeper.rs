//! The keeper: a thread that walks the table for what has expired or was flushed, and evicts where a lowered limit
//! has not been reached yet.
//!
//! It works for half a millisecond at a time, a bucket at a time, and then sleeps: no client waits for
//! it longer than for another client's request. What it sees on the way is what `stats` tells of
//! buckets and chains.

use std::time::{Duration, Instant};

use super::counts::Count;
use super::credit::{Credit, charge};
use super::header::{FETCHED, Header};
use super::items::Items;
use super::shared::{Shared, Walked};
use crate::table::{ErasedSession, Keep};

/// How long it works at a time.
const WORK: Duration = Duration::from_micros(500);

/// How long it sleeps between.
const REST: Duration = Duration::from_millis(50);

/// How long it sleeps while the table is above its limit, which has been lowered.
const SHORT_REST: Duration = Duration::from_millis(2);

/// How long it rests after a walk through the whole table.
const LONG_REST: Duration = Duration::from_secs(1);

/// Walks until the server ends.
pub(super) fn keep(session: &mut dyn ErasedSession, shared: &Shared<'_>) {
    let counts = shared.counts.of(shared.options.threads);
    let mut cursor = 0;
    let mut walked = Walked::default();
    while !shared.stopping() {
        let now = shared.clock.now();
        let begun = Instant::now();
        let mut ended = false;
        let mut items = Items {
            session: &mut *session,
            shared,
            counts,
            now,
            credit: &mut Credit::default(),
        };
        let mut sinking = true;
        while sinking && begun.elapsed() < WORK {
            sinking = items.sink();
        }
        while !ended && begun.elapsed() < WORK {
            let (mut entries, mut gone, mut unread) = (0, 0, 0);
            cursor = session.walk(cursor, 1, &mut |key, item, _| {
                entries += 1;
                match Header::split(item) {
                    Some((header, _)) if shared.gone(&header, now).is_some() => {
                        gone += 1;
                        shared.removed(charge(key.len(), item));
                        unread += u64::from(!header.has(FETCHED));
                        Keep::Remove
                    }
                    _ => Keep::Keep,
                }
            });
            counts.add(Count::CrawlerItemsChecked, entries);
            counts.add(Count::CrawlerReclaimed, gone);
            counts.add(Count::ExpiredUnfetched, unread);
            walked.buckets += 1;
            walked.longest_chain = walked.longest_chain.max(entries);
            ended = cursor == 0;
        }
        session.quiesce();
        shared.read_journal();
        if ended {
            shared.set_walked(std::mem::take(&mut walked));
        }
        std::thread::park_timeout(match (sinking, ended) {
            (true, _) => SHORT_REST,
            (false, true) => LONG_REST,
            (false, false) => REST,
        });
    }
}
