//! A table's usage and census, compared with the model.

use std::thread::sleep;
use std::time::Duration;

use super::failure::{Failure, Wrong, caught, expect};
use crate::base::Worker;
use crate::table::{ErasedTable, Session};

/// How often, a millisecond apart, a table is asked whether its resize is done before it counts as
/// one that never is.
const PATIENCE: u32 = 10_000;

/// What a table must hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    items: u64,
    key_bytes: u64,
    value_bytes: u64,
}

impl Totals {
    /// Counts one entry.
    pub(super) fn count(&mut self, key: &[u8], value: &[u8]) {
        self.items += 1;
        self.key_bytes += key.len() as u64;
        self.value_bytes += value.len() as u64;
    }
}

impl std::ops::AddAssign for Totals {
    fn add_assign(&mut self, more: Totals) {
        self.items += more.items;
        self.key_bytes += more.key_bytes;
        self.value_bytes += more.value_bytes;
    }
}

/// Waits for a resize to end, then compares usage and census with the model and with each other.
pub(super) fn check(table: &mut dyn ErasedTable, totals: Totals) -> Result<(), Failure> {
    caught(|| settle(table)).map_err(|wrong| wrong.during("settling"))?;
    let usage = caught(|| {
        let usage = table.usage();
        named("items", totals.items, usage.items)?;
        Ok(usage)
    })
    .map_err(|wrong| wrong.during("usage"))?;
    let census = || {
        let census = table.census();
        named("items", totals.items, census.items)?;
        named("bytes of keys", totals.key_bytes, census.bytes.key)?;
        named("bytes of values", totals.value_bytes, census.bytes.value)?;
        named(
            "bytes in all, as usage says",
            usage.bytes,
            census.bytes.total(),
        )?;
        if !census.chain_lengths.is_empty() {
            let chained = (0..)
                .zip(&census.chain_lengths)
                .map(|(n, buckets)| n * buckets);
            named("items by chain length", totals.items, chained.sum())?;
            let buckets = census.chain_lengths.iter().sum();
            named("buckets by chain length", census.buckets, buckets)?;
        }
        Ok(())
    };
    caught(census).map_err(|wrong| wrong.during("census"))
}

fn settle(table: &dyn ErasedTable) -> Result<(), Wrong> {
    let mut session = table.session(Worker::ALONE);
    for _ in 0..PATIENCE {
        if table.settled() {
            return Ok(());
        }
        session.quiesce();
        sleep(Duration::from_millis(1));
    }
    Err(Wrong::new(
        "a resize that ends",
        "one that goes on after 10 s",
    ))
}

fn named(what: &str, expected: u64, got: u64) -> Result<(), Wrong> {
    expect(&expected, &got).map_err(|wrong| Wrong {
        expected: format!("{} {what}", wrong.expected),
        ..wrong
    })
}
