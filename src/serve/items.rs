//! Items in the table: every command that changes one is one atomic update.
//!
//! The edits are run under the table's own lock, or again after a lost race: they take what they need
//! (a cas, the time) once, and write their answer anew each time.

use super::batch::get_many;
use super::counts::{Count, Counts};
use super::credit::{Credit, Edited, charge};
use super::header::{ACTIVE, BINARY, FETCHED, Header, STALE, WON};
use super::shared::{Gone, Shared};
use crate::base::Key;
use crate::table::{Edit, ErasedSession, Outcome, Stored};
use crate::wire::{Meta, Verb, footprint};

/// Seconds after which a read is marked again.
pub(super) const MARK_AFTER: u32 = 60;

/// What became of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Stored,
    Exists,
    NotFound,
    NotStored,
    NoMemory,
}

/// A value on its way into the table.
pub(super) struct Incoming<'v> {
    pub(super) verb: Verb,
    pub(super) flags: u32,
    /// As given.
    pub(super) exptime: i32,
    /// The cas to compare; 0 compares with nothing.
    pub(super) cas: u64,
    /// Whether the key is base64.
    pub(super) binary: bool,
    /// Whether a value that is refused takes the old one with it.
    pub(super) replaces: bool,
    /// Whether a value for an older cas is taken and marked stale.
    pub(super) invalidate: bool,
    /// The value.
    pub(super) value: &'v [u8],
}

/// Whether the client that reads an item is the one to renew it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Win {
    No,
    /// It is stale or about to expire.
    Renews,
    /// It was not there and has just been made.
    Makes,
}

/// A table's items, seen by one thread at one time.
pub(super) struct Items<'a, 't> {
    pub(super) session: &'a mut dyn ErasedSession,
    pub(super) shared: &'a Shared<'t>,
    pub(super) counts: &'a Counts,
    pub(super) now: u32,
    /// Bytes that may be stored before usage is looked at again.
    pub(super) credit: &'a mut Credit,
}

/// Writes what turns `old` in front of `value` into `new`: in place where lengths allow.
fn rewrite(old: &Header, new: &Header, value: &[u8], out: &mut Vec<u8>) -> Edit {
    new.push(out);
    if old.pack().1 == out.len() {
        Edit::Patch { at: 0 }
    } else {
        out.extend_from_slice(value);
        Edit::Store
    }
}

/// The header after one more read at `now`.
pub(super) fn marked(header: &Header, now: u32) -> Option<Header> {
    let mut marked = *header;
    if !header.has(FETCHED) {
        marked.state |= FETCHED;
    } else if !header.has(ACTIVE) || now.saturating_sub(header.time) > MARK_AFTER {
        marked.state |= ACTIVE;
        marked.time = now;
    }
    (marked != *header).then_some(marked)
}

impl<'t> Items<'_, 't> {
    pub(super) fn key<'k>(&self, bytes: &'k [u8]) -> Key<'k> {
        Key {
            bytes,
            hash: self.shared.hasher.hash(bytes),
        }
    }

    /// Splits what the table holds, unless it counts as gone.
    fn live<'v>(
        shared: &Shared<'t>,
        now: u32,
        item: Option<&'v [u8]>,
    ) -> Option<(Header, &'v [u8])> {
        let (header, value) = Header::split(item?)?;
        shared
            .gone(&header, now)
            .is_none()
            .then_some((header, value))
    }

    /// Runs `edit` on the item of `key`; what counts as gone is shown as absent, and goes away
    /// unless something is stored in its place.
    pub(super) fn edit(
        &mut self,
        key: Key<'_>,
        mut edit: impl FnMut(Option<(Header, &[u8])>, &mut Vec<u8>) -> Edit,
    ) -> Edited {
        let (shared, now) = (self.shared, self.now);
        let (mut old, mut new) = (0, 0);
        let (outcome, _) = self.session.update(key, &mut |item, out| {
            old = item.map_or(0, |item| charge(key.bytes.len(), item));
            let live = Self::live(shared, now, item);
            let edit = match edit(live, out) {
                Edit::Keep if live.is_none() && item.is_some() => Edit::Remove,
                edit => edit,
            };
            new = match edit {
                Edit::Store => charge(key.bytes.len(), out),
                Edit::Remove => 0,
                Edit::Keep | Edit::Patch { .. } => old,
            };
            (edit, 0)
        });
        if outcome == Outcome::Removed {
            shared.removed(old);
        }
        Edited { outcome, old, new }
    }

    /// Stores a value whatever was there. `buffer[body]` is the value; the header is written in front
    /// of it, over what stands there, so that the value is copied once, into the table.
    pub(super) fn set(
        &mut self,
        key: &[u8],
        buffer: &mut [u8],
        body: std::ops::Range<usize>,
        header: &Header,
    ) -> Fate {
        self.counts.one(Count::CmdSet);
        let key = self.key(key);
        let Some(room) = self.admit(footprint(key.bytes.len(), header.flags, body.len())) else {
            return self.no_memory(key, true);
        };
        let (bytes, length) = header.pack();
        let start = body.start - length;
        buffer[start..body.start].copy_from_slice(&bytes[..length]);
        let item = &buffer[start..body.end];
        let stored = if room.is_plain() {
            self.session.set(key, item) != Stored::Refused
        } else {
            let edited = self.edit(key, |_, out| {
                out.extend_from_slice(item);
                Edit::Store
            });
            self.settle(room, edited);
            edited.outcome != Outcome::Refused
        };
        if !stored {
            return self.no_memory(key, true);
        }
        self.counts.one(Count::TotalItems);
        Fate::Stored
    }

    /// A value was refused. Behind a set, nothing stays that could be taken for it; what is stored on a
    /// condition leaves what is there, as in memcached.
    fn no_memory(&mut self, key: Key<'_>, replaces: bool) -> Fate {
        self.counts.one(Count::StoreNoMemory);
        if replaces {
            self.forget(key);
        }
        Fate::NoMemory
    }

    /// Removes a key without counting.
    pub(super) fn forget(&mut self, key: Key<'_>) {
        self.edit(key, |old, _| match old {
            Some(_) => Edit::Remove,
            None => Edit::Keep,
        });
    }

    /// Stores a value under the conditions of its verb; what became of it, and the new cas.
    pub(super) fn store(&mut self, key: &[u8], new: &Incoming<'_>) -> (Fate, u64) {
        self.counts.one(Count::CmdSet);
        let key = self.key(key);
        let bytes = footprint(key.bytes.len(), new.flags, new.value.len());
        let Some(room) = self.admit(bytes) else {
            return (self.no_memory(key, new.replaces), 0);
        };
        let (shared, now) = (self.shared, self.now);
        let deadline = shared.clock.deadline(new.exptime, now);
        let fresh = Header {
            state: if new.binary { BINARY } else { 0 },
            time: now,
            cas: 0,
            exptime: deadline,
            flags: new.flags,
        };
        let mut taken = None;
        let mut fate = Fate::NotStored;
        let edited = self.edit(key, |old, out| {
            let mut put = |header: &Header, parts: [&[u8]; 2]| {
                let cas = *taken.get_or_insert_with(|| shared.next_cas());
                Header { cas, ..*header }.push(out);
                out.extend_from_slice(parts[0]);
                out.extend_from_slice(parts[1]);
                (Fate::Stored, Edit::Store)
            };
            let none = (Fate::NotStored, Edit::Keep);
            let edit;
            (fate, edit) = match (new.verb, old) {
                (Verb::Set, _) | (Verb::Add, None) | (Verb::Replace, Some(_)) => {
                    put(&fresh, [new.value, b""])
                }
                (Verb::Add, Some(_)) | (Verb::Replace | Verb::Append | Verb::Prepend, None) => none,
                (Verb::Append | Verb::Prepend, Some((header, value))) => {
                    let length = value.len() + new.value.len();
                    let too_large =
                        footprint(key.bytes.len(), header.flags, length) > shared.limits.item_max;
                    // memcached forgets that the key was base64; clients decode by the flag in the answer.
                    let kept = Header {
                        state: 0,
                        time: now,
                        ..header
                    };
                    if new.cas != 0 && new.cas != header.cas {
                        (Fate::Exists, Edit::Keep)
                    } else if too_large {
                        none
                    } else if new.verb == Verb::Append {
                        put(&kept, [value, new.value])
                    } else {
                        put(&kept, [new.value, value])
                    }
                }
                (Verb::Cas, None) => (Fate::NotFound, Edit::Keep),
                (Verb::Cas, Some((header, _))) if header.cas == new.cas => {
                    put(&fresh, [new.value, b""])
                }
                (Verb::Cas, Some((header, _)))
                    if new.invalidate && new.cas != 0 && new.cas < header.cas =>
                {
                    let stale = Header {
                        state: fresh.state | STALE | header.state & WON,
                        exptime: header.exptime,
                        ..fresh
                    };
                    put(&stale, [new.value, b""])
                }
                (Verb::Cas, Some(_)) => (Fate::Exists, Edit::Keep),
            };
            edit
        });
        self.settle(room, edited);
        if edited.outcome == Outcome::Refused {
            return (self.no_memory(key, new.replaces), 0);
        }
        match (new.verb, fate) {
            (_, Fate::Stored) if new.verb == Verb::Cas => self.counts.one(Count::CasHits),
            (Verb::Cas, Fate::Exists) => self.counts.one(Count::CasBadval),
            (Verb::Cas, Fate::NotFound) => self.counts.one(Count::CasMisses),
            _ => {}
        }
        if fate == Fate::Stored {
            self.counts.one(Count::TotalItems);
        }
        (fate, taken.unwrap_or(0))
    }

    /// Gives an item a new exptime, and shows it to `read`; whether there is one.
    pub(super) fn touch(
        &mut self,
        key: &[u8],
        exptime: i32,
        mut read: impl FnMut(&Header, &[u8]),
    ) -> bool {
        let key = self.key(key);
        let now = self.now;
        let exptime = self.shared.clock.deadline(exptime, now);
        let mut found = false;
        let mut lengths = [0; 2];
        self.edit(key, |old, out| {
            found = old.is_some();
            let Some((header, value)) = old else {
                return Edit::Keep;
            };
            read(&header, value);
            let marked = marked(&header, now).unwrap_or(header);
            let touched = Header { exptime, ..marked };
            lengths = [header.pack().1, touched.pack().1];
            rewrite(&header, &touched, value, out)
        });
        self.grown(lengths[0], lengths[1]);
        self.counts.one(Count::CmdTouch);
        if found {
            self.counts.one(Count::TouchHits);
        } else {
            self.counts.one(Count::TouchMisses);
        }
        found
    }

    /// Shows an item to `read` and leaves no trace; whether there is one.
    pub(super) fn peek(&mut self, key: &[u8], mut read: impl FnMut(&Header, &[u8])) -> bool {
        let key = self.key(key);
        let (shared, now) = (self.shared, self.now);
        let mut found = false;
        get_many(self.session, &[key], &mut |_, item| {
            if let Some((header, value)) = Self::live(shared, now, item) {
                found = true;
                read(&header, value);
            }
        });
        found
    }

    /// Marks an item as read once more.
    pub(super) fn mark(&mut self, key: Key<'_>) {
        let now = self.now;
        self.edit(key, |old, out| {
            let Some((header, _)) = old else {
                return Edit::Keep;
            };
            let Some(marked) = marked(&header, now) else {
                return Edit::Keep;
            };
            marked.push(out);
            Edit::Patch { at: 0 }
        });
    }

    /// Removes an item that was found to count as gone, unless it has come back.
    pub(super) fn bury(&mut self, key: Key<'_>, gone: Gone) {
        self.counts.one(match gone {
            Gone::Expired => Count::GetExpired,
            Gone::Flushed => Count::GetFlushed,
        });
        self.edit(key, |_, _| Edit::Keep);
    }

    /// Removes an item; whether there was one.
    pub(super) fn delete(&mut self, key: &[u8]) -> bool {
        let key = self.key(key);
        let mut found = false;
        self.edit(key, |old, _| {
            found = old.is_some();
            if found { Edit::Remove } else { Edit::Keep }
        });
        self.counts.one(if found {
            Count::DeleteHits
        } else {
            Count::DeleteMisses
        });
        found
    }

    /// md: removes an item or declares it stale, if its cas is the one that is expected.
    pub(super) fn meta_delete(&mut self, key: &[u8], meta: &Meta) -> Fate {
        let key = self.key(key);
        let (shared, now) = (self.shared, self.now);
        let mut taken = None;
        let mut fate = Fate::NotFound;
        let mut lengths = [0; 2];
        self.edit(key, |old, out| {
            let Some((header, value)) = old else {
                fate = Fate::NotFound;
                return Edit::Keep;
            };
            if meta.cas.is_some_and(|cas| cas != header.cas) {
                fate = Fate::Exists;
                return Edit::Keep;
            }
            fate = Fate::Stored;
            if !meta.invalidate {
                return Edit::Remove;
            }
            let mut stale = Header {
                cas: *taken.get_or_insert_with(|| shared.next_cas()),
                state: (header.state | STALE) & !WON,
                ..header
            };
            if let Some(exptime) = meta.ttl {
                stale.exptime = shared.clock.deadline(exptime, now);
            }
            lengths = [header.pack().1, stale.pack().1];
            rewrite(&header, &stale, value, out)
        });
        self.grown(lengths[0], lengths[1]);
        match fate {
            Fate::Stored if meta.invalidate => {}
            Fate::Stored => self.counts.one(Count::DeleteHits),
            _ => self.counts.one(Count::DeleteMisses),
        }
        fate
    }

    /// mg with flags that ask for or change an item's state: `answer` gets the header before and
    /// after, the value, and whether this client is to renew it. Whether there is an item.
    pub(super) fn meta_get(
        &mut self,
        key: &[u8],
        meta: &Meta,
        mut answer: impl FnMut(&Header, &Header, &[u8], Win),
    ) -> bool {
        let key = self.key(key);
        let (shared, now) = (self.shared, self.now);
        let mut taken = None;
        let mut found = false;
        let mut lengths = [0; 2];
        let deadline = |exptime| shared.clock.deadline(exptime, now);
        let fresh_bytes = footprint(key.bytes.len(), 0, 0);
        let outcome = self.edit_within(key, |old, out, room| {
            let Some((header, value)) = old else {
                found = false;
                let Some(exptime) = meta.new_exptime() else {
                    return (Edit::Keep, 0);
                };
                if fresh_bytes > room {
                    return (Edit::Keep, fresh_bytes);
                }
                let fresh = Header {
                    state: if meta.no_update { WON } else { WON | FETCHED },
                    time: now,
                    cas: *taken.get_or_insert_with(|| shared.next_cas()),
                    exptime: deadline(exptime),
                    flags: 0,
                };
                fresh.push(out);
                found = true;
                let before = Header {
                    state: 0,
                    exptime: 0,
                    ..fresh
                };
                answer(&before, &fresh, b"", Win::Makes);
                return (Edit::Store, fresh_bytes);
            };
            found = true;
            let mut after = header;
            if let Some(exptime) = meta.ttl {
                after.exptime = deadline(exptime);
            }
            let looked_at = if meta.ttl_last {
                header.exptime
            } else {
                after.exptime
            };
            let ending = meta.recache.map(deadline);
            let ending = ending.is_some_and(|limit| looked_at != 0 && looked_at < limit);
            let won = !header.has(WON) && (header.has(STALE) || ending);
            if won {
                after.state |= WON;
            }
            if !meta.no_update {
                after = marked(&after, now).unwrap_or(after);
            }
            let win = if won { Win::Renews } else { Win::No };
            answer(&header, &after, value, win);
            if after == header {
                return (Edit::Keep, 0);
            }
            lengths = [header.pack().1, after.pack().1];
            (rewrite(&header, &after, value, out), 0)
        });
        self.grown(lengths[0], lengths[1]);
        // Where there is no room for an item, there is none.
        found && outcome.is_some_and(|outcome| outcome != Outcome::Refused)
    }
}
