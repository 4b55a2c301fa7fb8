//! Counting up and down: numbers are text, changed in place where they do not grow longer.

use super::classes::LARGEST;
use super::counts::Count;
use super::header::Header;
use super::items::{Items, MARK_AFTER};
use super::reply;
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
        let outcome = self.edit_within(key, |old, out, room| {
            let mut next_cas = || *taken.get_or_insert_with(|| shared.next_cas());
            let Some((header, value)) = old else {
                counted = Counted::NotFound;
                let Some((initial, exptime)) = vivify else {
                    return (Edit::Keep, 0);
                };
                let mut digits = Vec::with_capacity(DIGITS_MAX);
                reply::decimal(&mut digits, initial);
                let bytes = footprint(key.bytes.len(), 0, digits.len());
                if bytes > room {
                    counted = Counted::NoRoomToCreate;
                    return (Edit::Keep, bytes);
                }
                let fresh = Header {
                    state: 0,
                    time: now,
                    cas: next_cas(),
                    exptime: shared.clock.deadline(exptime, now),
                    flags: 0,
                };
                fresh.push(out);
                out.extend_from_slice(&digits);
                counted = Counted::Created(initial, fresh);
                return (Edit::Store, bytes);
            };
            // memcached counts in no item that it keeps in pieces, whatever that begins with.
            let in_pieces = footprint(key.bytes.len(), header.flags, value.len()) > LARGEST;
            if value.is_empty() || in_pieces {
                counted = Counted::NotNumeric;
                return (Edit::Keep, 0);
            }
            if cas != 0 && cas != header.cas {
                counted = Counted::Exists;
                return (Edit::Keep, 0);
            }
            let Some(number) = unsigned(value) else {
                counted = Counted::NotNumeric;
                return (Edit::Keep, 0);
            };
            let number = if up {
                number.wrapping_add(delta)
            } else {
                number.saturating_sub(delta)
            };
            let mut digits = Vec::with_capacity(DIGITS_MAX);
            reply::decimal(&mut digits, number);
            // A longer number is a new item; one that is not goes where the old one is.
            let grows = digits.len() > value.len();
            let bytes = if grows {
                footprint(key.bytes.len(), header.flags, digits.len())
            } else {
                0
            };
            if bytes > room {
                counted = Counted::NoMemory;
                return (Edit::Keep, bytes);
            }
            let mut new = Header {
                cas: next_cas(),
                ..header
            };
            if grows {
                // No client has read the new item.
                new.state = 0;
                new.time = now;
            } else {
                digits.resize(value.len(), b' ');
                if let Some(exptime) = ttl {
                    new.exptime = shared.clock.deadline(exptime, now);
                }
                if now.saturating_sub(header.time) > MARK_AFTER {
                    new.time = now;
                }
            }
            new.push(out);
            lengths = [header.pack().1, out.len()];
            out.extend_from_slice(&digits);
            counted = Counted::Number(number, [header, new]);
            let edit = if out.len() == header.pack().1 + value.len() {
                Edit::Patch { at: 0 }
            } else {
                Edit::Store
            };
            (edit, bytes)
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
