//! Counting up and down: numbers are text, changed in place where they do not grow longer.

use super::classes::LARGEST;
use super::counts::Count;
use super::header::Header;
use super::items::{Items, MARK_AFTER};
use super::reply;
use super::shared::Shared;
use crate::table::{Edit, Outcome};
use crate::wire::{footprint, unsigned};

/// Digits of the largest number.
const DIGITS_MAX: usize = 20;

/// What incr and decr came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counted {
    /// The number, and the item's header before and after.
    Number(u64, [Header; 2]),
    /// There was nothing, and now there is this.
    Created(u64, Header),
    NotFound,
    NotNumeric,
    Exists,
    /// There is no room for a longer number.
    NoMemory,
    /// There is no room for a new one.
    NoRoomToCreate,
}

/// By what a number is counted, and under which conditions.
struct By {
    key_bytes: usize,
    up: bool,
    delta: u64,
    cas: u64,
    ttl: Option<i32>,
}

/// A number that an item is to hold.
struct Number {
    is: u64,
    digits: Vec<u8>,
    /// A longer number is a new item; one that is not goes where the old one is.
    grows: bool,
    /// What the new item takes, 0 for the old one.
    bytes: usize,
}

impl By {
    /// What an item with that value is to hold, or why it stays as it is and for want of how many bytes.
    fn count(&self, header: Header, value: &[u8], room: usize) -> Result<Number, (Counted, usize)> {
        // memcached counts in no item that it keeps in pieces, whatever that begins with.
        let in_pieces = footprint(self.key_bytes, header.flags, value.len()) > LARGEST;
        if value.is_empty() || in_pieces {
            return Err((Counted::NotNumeric, 0));
        }
        if self.cas != 0 && self.cas != header.cas {
            return Err((Counted::Exists, 0));
        }
        let old = unsigned(value).ok_or((Counted::NotNumeric, 0))?;
        let number = if self.up {
            old.wrapping_add(self.delta)
        } else {
            old.saturating_sub(self.delta)
        };
        let mut digits = Vec::with_capacity(DIGITS_MAX);
        reply::decimal(&mut digits, number);
        let grows = digits.len() > value.len();
        let bytes = if grows {
            footprint(self.key_bytes, header.flags, digits.len())
        } else {
            digits.resize(value.len(), b' ');
            0
        };
        if bytes > room {
            return Err((Counted::NoMemory, bytes));
        }
        Ok(Number {
            is: number,
            digits,
            grows,
            bytes,
        })
    }

    /// The header of an item that has been counted in.
    fn header(&self, old: Header, grows: bool, shared: &Shared<'_>, now: u32, cas: u64) -> Header {
        let mut new = Header { cas, ..old };
        if grows {
            // No client has read the new item.
            new.state = 0;
            new.time = now;
            return new;
        }
        if let Some(exptime) = self.ttl {
            new.exptime = shared.clock.deadline(exptime, now);
        }
        if now.saturating_sub(old.time) > MARK_AFTER {
            new.time = now;
        }
        new
    }
}

impl Items<'_, '_> {
    /// Counts up or down. `vivify` makes an item with that initial number and exptime; `ttl` is the new
    /// exptime of one that is there, and is taken as memcached takes it: where the number grows longer,
    /// the exptime stays.
    pub(super) fn count(
        &mut self,
        key: &[u8],
        up: bool,
        delta: u64,
        cas: u64,
        vivify: Option<(u64, i32)>,
        ttl: Option<i32>,
    ) -> Counted {
        let key = self.key(key);
        let (shared, now) = (self.shared, self.now);
        let mut taken = None;
        let mut counted = Counted::NotFound;
        let mut lengths = [0; 2];
        let by = By {
            key_bytes: key.bytes.len(),
            up,
            delta,
            cas,
            ttl,
        };
        let outcome = self.edit_within(key, |old, out, room| {
            let mut next_cas = || *taken.get_or_insert_with(|| shared.next_cas());
            let edit;
            (counted, edit) = match (old, vivify) {
                (Some((header, value)), _) => match by.count(header, value, room) {
                    Err((why, bytes)) => (why, (Edit::Keep, bytes)),
                    Ok(number) => {
                        let new = by.header(header, number.grows, shared, now, next_cas());
                        new.push(out);
                        lengths = [header.pack().1, out.len()];
                        out.extend_from_slice(&number.digits);
                        let in_place = out.len() == header.pack().1 + value.len();
                        let edit = if in_place {
                            Edit::Patch { at: 0 }
                        } else {
                            Edit::Store
                        };
                        let counted = Counted::Number(number.is, [header, new]);
                        (counted, (edit, number.bytes))
                    }
                },
                (None, None) => (Counted::NotFound, (Edit::Keep, 0)),
                (None, Some((initial, exptime))) => {
                    let mut digits = Vec::with_capacity(DIGITS_MAX);
                    reply::decimal(&mut digits, initial);
                    let bytes = footprint(by.key_bytes, 0, digits.len());
                    if bytes > room {
                        (Counted::NoRoomToCreate, (Edit::Keep, bytes))
                    } else {
                        let fresh = Header {
                            state: 0,
                            time: now,
                            cas: next_cas(),
                            exptime: shared.clock.deadline(exptime, now),
                            flags: 0,
                        };
                        fresh.push(out);
                        out.extend_from_slice(&digits);
                        (Counted::Created(initial, fresh), (Edit::Store, bytes))
                    }
                }
            };
            edit
        });
        self.grown(lengths[0], lengths[1]);
        if outcome == Some(Outcome::Refused) {
            counted = match counted {
                Counted::Created(..) => Counted::NoRoomToCreate,
                _ => Counted::NoMemory,
            };
        }
        let (hits, misses) = if up {
            (Count::IncrHits, Count::IncrMisses)
        } else {
            (Count::DecrHits, Count::DecrMisses)
        };
        match counted {
            Counted::Number(..) => self.counts.one(hits),
            Counted::NotFound => self.counts.one(misses),
            Counted::NoMemory | Counted::NoRoomToCreate => self.counts.one(Count::StoreNoMemory),
            _ => {}
        }
        counted
    }
}
