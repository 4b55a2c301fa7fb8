//! What is answered to requests that look at or change items, one by one.

use super::counting::Counted;
use super::counts::Count;
use super::hands::Server;
use super::header::Header;
use super::items::{Fate, Incoming};
use super::lookups::{meta_hit, meta_miss};
use super::reply::{self, OUT_MAX, Told, moved};
use crate::wire::{self, Meta, Span, Store, Verb};

impl Server<'_, '_> {
    /// gat and gats, and gets with a key that is too long, whose whole answer is an error. `keys` may be
    /// those behind others that were answered already. Where answers have to leave first, returns where
    /// the next key is.
    #[expect(clippy::too_many_arguments, reason = "the parts of one request")]
    pub(super) fn get_and_touch(
        &mut self,
        buffer: &[u8],
        keys: Span,
        cas: bool,
        touch: Option<i32>,
        key_too_long: bool,
        out: &mut Vec<u8>,
        now: u32,
    ) -> Option<usize> {
        let before = out.len();
        for key in keys.tokens(buffer) {
            if key.len() > wire::KEY_MAX {
                break;
            }
            let Some(exptime) = touch else {
                // Nothing is shown, but what stands in front of the long key counts as read.
                let mut items = self.items(now);
                let key = items.key(key.of(buffer));
                items.mark(key);
                continue;
            };
            if out.len() >= OUT_MAX {
                return Some(key.start);
            }
            let mark = out.len();
            let text = key.of(buffer);
            self.items(now).touch(text, exptime, |header, value| {
                // An edit may be run again.
                out.truncate(mark);
                reply::value(out, text, header, value, cas);
            });
            if key_too_long {
                out.truncate(before);
            }
        }
        if key_too_long {
            out.extend_from_slice(b"CLIENT_ERROR bad command line format\r\n");
        } else {
            out.extend_from_slice(b"END\r\n");
        }
        None
    }

    pub(super) fn store(
        &mut self,
        whole: &mut [u8],
        start: usize,
        store: &Store,
        out: &mut Vec<u8>,
        now: u32,
    ) {
        let (key, body) = (moved(store.key, start), moved(store.body, start));
        let fate = if store.verb == Verb::Set {
            let header = Header {
                state: 0,
                time: now,
                cas: self.shared.next_cas(),
                exptime: self.shared.clock.deadline(store.exptime, now),
                flags: store.flags,
            };
            self.set(whole, key, body, &header, now)
        } else {
            let incoming = Incoming {
                verb: store.verb,
                flags: store.flags,
                exptime: store.exptime,
                cas: store.cas,
                binary: false,
                replaces: false,
                invalidate: false,
                value: body.of(whole),
            };
            self.items(now).store(key.of(whole), &incoming).0
        };
        let text = match fate {
            Fate::Stored => "STORED\r\n",
            Fate::Exists => "EXISTS\r\n",
            Fate::NotFound => "NOT_FOUND\r\n",
            Fate::NotStored => "NOT_STORED\r\n",
            Fate::NoMemory => OUT_OF_MEMORY,
        };
        say(out, text, store.noreply);
    }

    /// A plain set: the header goes in front of the body, over the line, so the key is saved first.
    fn set(&mut self, buffer: &mut [u8], key: Span, body: Span, header: &Header, now: u32) -> Fate {
        let mut saved = [0; wire::KEY_MAX];
        let saved = &mut saved[..key.len()];
        saved.copy_from_slice(key.of(buffer));
        self.items(now)
            .set(saved, buffer, body.start..body.end, header)
    }

    /// What N and T set, in this order.
    fn exptimes(&self, meta: &Meta, now: u32) -> [u32; 2] {
        let clock = &self.shared.clock;
        [meta.vivify, meta.ttl].map(|exptime| clock.deadline(exptime.unwrap_or(0), now))
    }

    pub(super) fn meta_get(&mut self, meta: &Meta, buffer: &[u8], out: &mut Vec<u8>, now: u32) {
        let mark = out.len();
        let key = meta.key.bytes(buffer);
        let exptimes = self.exptimes(meta, now);
        let found = self
            .items(now)
            .meta_get(key, meta, |before, after, value, win| {
                out.truncate(mark);
                let headers = [before, after];
                meta_hit(out, meta, buffer, headers, value, win, now, exptimes);
            });
        let touching = meta.ttl.is_some();
        self.counts.one(if touching {
            Count::CmdTouch
        } else {
            Count::CmdGet
        });
        if found {
            self.counts.one(if touching {
                Count::TouchHits
            } else {
                Count::GetHits
            });
        } else {
            self.counts.one(Count::GetMisses);
            out.truncate(mark);
            meta_miss(out, meta, buffer);
        }
    }

    pub(super) fn meta_set(
        &mut self,
        meta: &Meta,
        verb: Verb,
        body: Span,
        buffer: &mut [u8],
        out: &mut Vec<u8>,
        now: u32,
    ) {
        let incoming = Incoming {
            verb,
            flags: meta.client_flags,
            exptime: meta.ttl.unwrap_or(0),
            cas: meta.cas.unwrap_or(0),
            binary: meta.key.is_binary(),
            // Of whatever mode: the reference does not look at it here.
            replaces: true,
            invalidate: meta.invalidate,
            value: body.of(buffer),
        };
        let (fate, cas) = self.items(now).store(meta.key.bytes(buffer), &incoming);
        let code: &[u8] = match fate {
            Fate::Stored if meta.quiet => return,
            Fate::Stored => b"HD",
            Fate::Exists => b"EX",
            Fate::NotFound => b"NF",
            Fate::NotStored => b"NS",
            Fate::NoMemory => return say(out, OUT_OF_MEMORY, false),
        };
        out.extend_from_slice(code);
        let header = Header {
            cas,
            ..Header::default()
        };
        let item = Told {
            header: &header,
            before: &header,
            length: 0,
            now,
            binary: meta.key.is_binary(),
            letters: b"Okc",
            created: false,
            exptimes: [0; 2],
        };
        reply::told(out, meta, buffer, &item);
        out.extend_from_slice(b"\r\n");
    }

    pub(super) fn meta_delete(&mut self, meta: &Meta, buffer: &[u8], out: &mut Vec<u8>, now: u32) {
        let code: &[u8] = match self.items(now).meta_delete(meta.key.bytes(buffer), meta) {
            Fate::Stored if meta.quiet => return,
            Fate::Stored => b"HD",
            Fate::Exists => b"EX",
            _ => b"NF",
        };
        out.extend_from_slice(code);
        reply::echo(out, meta, buffer, meta.key.is_binary());
        out.extend_from_slice(b"\r\n");
    }

    pub(super) fn meta_count(
        &mut self,
        meta: &Meta,
        up: bool,
        buffer: &[u8],
        out: &mut Vec<u8>,
        now: u32,
    ) {
        let key = meta.key.bytes(buffer);
        let vivify = meta.new_exptime().map(|exptime| (meta.initial, exptime));
        let cas = meta.cas.unwrap_or(0);
        let counted = self
            .items(now)
            .count(key, up, meta.delta, cas, vivify, meta.ttl);
        let binary = meta.key.is_binary();
        match counted {
            Counted::Number(..) if meta.quiet => {}
            Counted::Number(..) | Counted::Created(..) => {
                let (number, [before, header]) = match counted {
                    Counted::Number(number, headers) => (number, headers),
                    Counted::Created(number, header) => (
                        number,
                        [
                            Header {
                                exptime: 0,
                                ..header
                            },
                            header,
                        ],
                    ),
                    _ => return,
                };
                let mut digits = Vec::with_capacity(20);
                reply::decimal(&mut digits, number);
                if meta.value {
                    out.extend_from_slice(b"VA ");
                    reply::decimal(out, digits.len() as u64);
                } else {
                    out.extend_from_slice(b"HD");
                }
                let item = Told {
                    header: &header,
                    before: &before,
                    length: digits.len(),
                    now,
                    binary,
                    letters: b"ctOk",
                    created: matches!(counted, Counted::Created(..)),
                    exptimes: self.exptimes(meta, now),
                };
                reply::told(out, meta, buffer, &item);
                out.extend_from_slice(b"\r\n");
                if meta.value {
                    out.extend_from_slice(&digits);
                    out.extend_from_slice(b"\r\n");
                }
            }
            Counted::NotFound | Counted::Exists => {
                out.extend_from_slice(if counted == Counted::Exists {
                    b"EX"
                } else {
                    b"NF"
                });
                reply::echo(out, meta, buffer, binary);
                out.extend_from_slice(b"\r\n");
            }
            other => say(out, uncounted(other), false),
        }
    }
}

const OUT_OF_MEMORY: &str = "SERVER_ERROR out of memory storing object\r\n";

/// What is said where a count gives no number.
pub(super) fn uncounted(counted: Counted) -> &'static str {
    match counted {
        Counted::NotNumeric => "CLIENT_ERROR cannot increment or decrement non-numeric value\r\n",
        Counted::NoMemory => "SERVER_ERROR out of memory\r\n",
        Counted::NoRoomToCreate => "SERVER_ERROR Out of memory allocating new item\r\n",
        _ => "NOT_FOUND\r\n",
    }
}

/// Appends an answer unless it is left out.
pub(super) fn say(out: &mut Vec<u8>, text: &str, noreply: bool) {
    if !noreply {
        out.extend_from_slice(text.as_bytes());
    }
}
