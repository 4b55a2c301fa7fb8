//! From the bytes of a connection to its answers.

use super::answers::{say, uncounted};
use super::counting::Counted;
use super::counts::Count;
use super::dump::Dump;
use super::hands::Server;
use super::inbox::Inbox;
use super::lookups::{Asked, Lookup, TOGETHER};
use super::options::VERSION;
use super::reply::{self, OUT_MAX, moved};
use super::stats;
use crate::wire::{self, Request, Span, Step};

/// Requests that are served in a turn before others have theirs, in quarters, at least: as many as are
/// looked up together.
const LEAST_TURN: u32 = 64;

const NOT_FOUND: &str = "NOT_FOUND\r\n";
const NO_LIMIT: &str = "MEMLIMIT_ADJUST_FAILED out of bounds or unable to adjust\r\n";

/// Where a connection stands between two turns.
#[derive(Debug, Default)]
pub(super) struct Talk {
    /// Bytes of a refused body that are still to be passed over.
    swallow: usize,
    /// What is said behind that body.
    refusal: Option<&'static str>,
    /// Bytes that the next request needs.
    pub(super) wanted: usize,
    /// How much of a get at the front has been answered: its keys up to this offset.
    answered: usize,
    /// Whether something was said since answers were last sent, as memcached sends them: it refuses to
    /// list keys behind that.
    stacked: bool,
    /// A list of keys under way.
    pub(super) dump: Option<Dump>,
    /// Whether the first byte has been looked at: it tells the protocol.
    begun: bool,
}

/// Why serving stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pause {
    /// Everything that is whole has been served.
    Empty,
    /// There is more to serve: answers have to leave first, or others have their turn.
    More,
    /// The connection ends when its answers have left.
    Close,
    /// The same, but the other side may still be sending: what comes is dropped until it ends.
    Linger,
}

impl Server<'_, '_> {
    /// Serves what has arrived and appends the answers to `out`.
    pub(super) fn serve(&mut self, talk: &mut Talk, inbox: &mut Inbox, out: &mut Vec<u8>) -> Pause {
        let now = self.shared.clock.now();
        let range = inbox.range();
        let (mut at, end) = (range.start, range.end);
        talk.stacked &= !out.is_empty();
        let pause = self.serve_range(talk, inbox.buffer(), &mut at, end, out, now);
        inbox.consume(at - range.start);
        pause
    }

    fn serve_range(
        &mut self,
        talk: &mut Talk,
        buffer: &mut [u8],
        at: &mut usize,
        end: usize,
        out: &mut Vec<u8>,
        now: u32,
    ) -> Pause {
        if !talk.begun && *at < end {
            talk.begun = true;
            // The binary protocol, which memcached itself has given up.
            if buffer[*at] == 0x80 {
                return Pause::Close;
            }
        }
        let mut served = 0;
        loop {
            if let Some(dump) = &mut talk.dump {
                if !dump.go_on(&mut *self.session, self.shared, now, out) {
                    return Pause::More;
                }
                talk.dump = None;
            }
            let passed = talk.swallow.min(end - *at);
            talk.swallow -= passed;
            *at += passed;
            if talk.swallow == 0
                && let Some(text) = talk.refusal.take()
            {
                say(out, text, false);
                talk.stacked = true;
            }
            let enough = end - *at >= talk.wanted;
            let step = if enough && *at < end && talk.swallow == 0 {
                wire::next(&buffer[*at..end], &self.shared.limits)
            } else {
                Step::More(talk.wanted)
            };
            let (request, used) = match step {
                Step::Request(request, used) => (request, used),
                other => {
                    if let Some(stopped) = self.flush(talk, buffer, at, out, now) {
                        return stopped;
                    }
                    if other == Step::Close {
                        return Pause::Close;
                    }
                    if other == Step::TooLong {
                        say(out, wire::LINE_TOO_LONG, false);
                        *at = end;
                        return Pause::Linger;
                    }
                    let Step::More(wanted) = other else {
                        unreachable!("requests are taken above")
                    };
                    talk.wanted = if *at < end { wanted } else { 0 };
                    return Pause::Empty;
                }
            };
            talk.wanted = 0;
            let start = *at;
            match self.collect(talk, buffer, at, request, out, now) {
                Ok(None) => {}
                Ok(Some(stopped)) => return stopped,
                Err(request) => {
                    if let Some(stopped) = self.flush(talk, buffer, at, out, now) {
                        return stopped;
                    }
                    *at = start + used;
                    if self.execute(talk, buffer, request, start, out, now) {
                        return Pause::Close;
                    }
                }
            }
            if talk.answered > 0 {
                *at = start;
                return Pause::More;
            }
            *at = start + used;
            served += 1;
            let tired = served >= 4 * self.shared.options.requests_per_event.max(LEAST_TURN);
            if out.len() >= OUT_MAX || tired {
                if let Some(stopped) = self.flush(talk, buffer, at, out, now) {
                    return stopped;
                }
                self.counts.one(Count::ConnYields);
                return Pause::More;
            }
        }
    }

    /// Collects the keys of a read that changes nothing; any other request comes back.
    fn collect(
        &mut self,
        talk: &mut Talk,
        buffer: &mut [u8],
        at: &mut usize,
        request: Request,
        out: &mut Vec<u8>,
        now: u32,
    ) -> Result<Option<Pause>, Request> {
        let start = *at;
        match request {
            Request::MetaGet(mut meta) if !meta.stateful => {
                if let wire::MetaKey::Plain(key) = &mut meta.key {
                    *key = moved(*key, start);
                }
                meta.flags = moved(meta.flags, start);
                self.lookups.push(Lookup {
                    key: Span::default(),
                    asked: Asked::Meta(meta),
                    request: start,
                });
                talk.stacked = true;
            }
            Request::Get {
                keys,
                cas,
                touch: None,
                key_too_long: false,
            } => {
                talk.stacked = false;
                let keys = moved(keys, start);
                let mut at_key = keys.start.max(start + talk.answered);
                loop {
                    let mut tokens = Span {
                        start: at_key,
                        end: keys.end,
                    }
                    .tokens(buffer);
                    let Some(key) = tokens.next() else { break };
                    let last = tokens.clone().next().is_none();
                    at_key = tokens.rest().start;
                    self.lookups.push(Lookup {
                        key,
                        asked: Asked::Plain { cas, last },
                        request: start,
                    });
                    if self.lookups.len() == TOGETHER
                        && let Some(stopped) = self.flush(talk, buffer, at, out, now)
                    {
                        return Ok(Some(stopped));
                    }
                }
                talk.answered = 0;
            }
            other => return Err(other),
        }
        if self.lookups.len() == TOGETHER {
            return Ok(self.flush(talk, buffer, at, out, now));
        }
        Ok(None)
    }

    /// Answers the reads that were collected. If answers have to leave first, says so, and `at` is
    /// where to go on.
    fn flush(
        &mut self,
        talk: &mut Talk,
        buffer: &mut [u8],
        at: &mut usize,
        out: &mut Vec<u8>,
        now: u32,
    ) -> Option<Pause> {
        let lookups = std::mem::take(&mut self.lookups);
        let mut rest = lookups.as_slice();
        let mut stopped = None;
        while let Some(first) = rest.first() {
            if out.len() >= OUT_MAX {
                *at = first.request;
                // A get is taken up at the key that was not answered.
                talk.answered = match first.asked {
                    Asked::Plain { .. } => first.key.start - first.request,
                    Asked::Meta(_) => 0,
                };
                talk.wanted = 0;
                stopped = Some(Pause::More);
                break;
            }
            let (answered, alone) = self.items(now).look_up(rest, buffer, out, OUT_MAX);
            rest = &rest[answered..];
            if alone && let Some((lookup, behind)) = rest.split_first() {
                if let Asked::Meta(meta) = &lookup.asked {
                    self.meta_get(meta, buffer, out, now);
                }
                rest = behind;
            }
        }
        self.lookups = lookups;
        self.lookups.clear();
        stopped
    }

    /// Does what a request asks, which starts at `start`. Whether the connection ends.
    fn execute(
        &mut self,
        talk: &mut Talk,
        whole: &mut [u8],
        request: Request,
        start: usize,
        out: &mut Vec<u8>,
        now: u32,
    ) -> bool {
        let before = out.len();
        let buffer = &mut whole[start..];
        let mut stacks = true;
        match request {
            Request::Say { text, noreply } => say(out, text, noreply),
            Request::Get {
                keys,
                cas,
                touch,
                key_too_long,
                ..
            } => {
                stacks = key_too_long;
                let rest = Span {
                    start: keys.start.max(talk.answered),
                    ..keys
                };
                let next = self.get_and_touch(buffer, rest, cas, touch, key_too_long, out, now);
                talk.answered = next.unwrap_or(0);
            }
            Request::Store(store) => self.store(whole, start, &store, out, now),
            Request::Delete { key, noreply } => {
                let found = self.items(now).delete(key.of(buffer));
                say(out, if found { "DELETED\r\n" } else { NOT_FOUND }, noreply);
            }
            Request::Arithmetic {
                key,
                up,
                delta,
                noreply,
            } => {
                let key = key.of(buffer);
                let counted = self.items(now).count(key, up, delta, 0, None, None);
                match counted {
                    Counted::Number(number, _) if !noreply => {
                        reply::decimal(out, number);
                        out.extend_from_slice(b"\r\n");
                    }
                    other => say(out, uncounted(other), noreply),
                }
            }
            Request::Touch {
                key,
                exptime,
                noreply,
            } => {
                let found = self.items(now).touch(key.of(buffer), exptime, |_, _| {});
                say(out, if found { "TOUCHED\r\n" } else { NOT_FOUND }, noreply);
            }
            Request::MetaGet(meta) => self.meta_get(&meta, buffer, out, now),
            Request::MetaSet(meta, verb, body) => {
                self.meta_set(&meta, verb, body, buffer, out, now);
            }
            Request::MetaDelete(meta) => self.meta_delete(&meta, buffer, out, now),
            Request::MetaArithmetic(meta, up) => self.meta_count(&meta, up, buffer, out, now),
            Request::MetaNoop => {
                out.extend_from_slice(b"MN\r\n");
                stacks = false;
            }
            Request::MetaDebug(key) => {
                self.counts.one(Count::CmdMeta);
                let key = key.bytes(buffer);
                stats::debug(&mut self.items(now), key, out);
            }
            Request::FlushAll { delay, noreply } => {
                self.counts.one(Count::CmdFlush);
                self.shared.flush(delay, now);
                say(out, "OK\r\n", noreply);
            }
            Request::Stats(words) => stats::answer(self.shared, words, buffer, out),
            Request::Crawler(words) => {
                talk.dump = stats::crawler(self.shared, words, buffer, talk.stacked, out);
            }
            Request::Verbosity { level, noreply } => {
                stats::set_verbosity(self.shared, level);
                say(out, "OK\r\n", noreply);
            }
            Request::MemoryLimit { mib, noreply } => {
                let fits = self.items(now).limit_memory(mib);
                say(out, if fits { "OK\r\n" } else { NO_LIMIT }, noreply);
            }
            Request::Version => {
                out.extend_from_slice(format!("VERSION {VERSION}\r\n").as_bytes());
            }
            Request::Quit => return true,
            Request::Shutdown { valid } => return self.shutdown(valid, out),
            Request::Refuse {
                text,
                noreply,
                swallow,
                forget,
            } => {
                self.refuse(text, forget.as_ref().map(|key| key.bytes(buffer)), now);
                talk.swallow = swallow;
                talk.refusal = (!noreply).then_some(text);
            }
        }
        if !stacks {
            talk.stacked = false;
        } else if out.len() > before {
            talk.stacked = true;
        }
        false
    }

    /// Ends the server if clients may do that. Whether it does.
    fn shutdown(&mut self, valid: bool, out: &mut Vec<u8>) -> bool {
        if !self.shared.options.shutdown_enabled {
            say(out, "ERROR: shutdown not enabled\r\n", false);
        } else if valid {
            self.shared.end();
            return true;
        } else {
            say(out, "CLIENT_ERROR invalid shutdown mode\r\n", false);
        }
        false
    }

    /// Counts a refusal; the key's old value goes where a new one was to replace it.
    fn refuse(&mut self, text: &str, forget: Option<&[u8]>, now: u32) {
        if let Some(key) = forget {
            self.counts.one(Count::StoreTooLarge);
            let mut items = self.items(now);
            let key = items.key(key);
            items.forget(key);
        } else if text.starts_with("SERVER_ERROR") {
            self.counts.one(Count::StoreTooLarge);
        }
    }
}
