//! One thread of the load: its connections, what it asks on them, and the checks of what comes back.
//!
//! In a closed loop a connection sends its `depth` requests together and is asked again when all of them are
//! answered, as redis-benchmark does. In an open loop an operation leaves when it is due, on any connection that has
//! fewer than `depth` under way; if there is none it waits, and its response time with it.
//!
//! Operations are begun in the order of the stream (`overlap` says what becomes of it on the way) and end in that
//! of the answers. An operation counts as done when it was begun: as many are under way when a slice's rate
//! begins to count as when it ends.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::time::Duration;

use mio::{Events, Poll, Token};

use super::lane::{Asked, Held, Lane, Times, What};
use super::overlap::{Overlap, Ticket, Touch};
use super::ring::Ring;
use super::socket::{PATIENCE, Socket};
use crate::bench::{Checks, Stamps, Tally, grow_pattern};
use crate::machine;
use crate::wire::client::{Dialect, Storing};
use crate::workload::{Expect, Kind, Op, Segment};

/// Events taken at a time.
const EVENTS: usize = 1024;

/// An operation that is due sooner is waited for without sleeping: the kernel's timers are not finer.
const NAP: Duration = Duration::from_millis(2);

/// How requests are made.
#[derive(Clone, Copy, Debug)]
pub(super) struct How {
    pub(super) dialect: Dialect,
    /// Gets in a request.
    pub(super) batch: usize,
    /// Requests that a connection has under way.
    pub(super) depth: usize,
}

/// An operation that has ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ended {
    pub(super) times: Times,
    pub(super) at_ns: u64,
}

/// One thread of the load.
pub(super) struct Client<'s> {
    pub(super) how: How,
    poll: Poll,
    events: Events,
    pub(super) lanes: Vec<Lane<'s>>,
    ring: Ring,
    /// By server: the connections that can be asked, in turn.
    pub(super) free: Vec<VecDeque<usize>>,
    /// By server: the connection that is being asked.
    pub(super) filling: Vec<Option<usize>>,
    /// By server: gets that wait to be asked together.
    together: Vec<Vec<Held>>,
    pub(super) overlap: Option<Overlap>,
    pub(super) under_way: usize,
    stamps: Stamps,
    pub(super) checks: Checks,
    /// The bytes of every value that is written; the first sixteen are rewritten for each.
    pub(super) value: Vec<u8>,
    /// Whether operations that begin are clocked.
    pub(super) timed: bool,
    /// Requests under way that are clocked.
    pub(super) clocked: usize,
    /// Clocked operations that have ended.
    pub(super) ended: Vec<Ended>,
    /// Whether operations leave when they are due.
    pub(super) open_loop: bool,
    /// Whether entries cannot be counted by the outcomes.
    pub(super) uncounted: bool,
    broken: Option<String>,
}

impl<'s> Client<'s> {
    pub(super) fn new(
        how: How,
        sockets: Vec<(Socket<'s>, usize)>,
        ring: Ring,
        (stamps, checks): (Stamps, Checks),
    ) -> anyhow::Result<Client<'s>> {
        let poll = Poll::new()?;
        let servers = ring.servers();
        let mut lanes = Vec::new();
        for (at, (mut socket, server)) in sockets.into_iter().enumerate() {
            socket.register(poll.registry(), Token(at))?;
            lanes.push(Lane::new(socket, server));
        }
        let overlap = Overlap::new(lanes.len() / servers * how.depth * how.batch);
        let mut client = Client {
            how,
            poll,
            events: Events::with_capacity(EVENTS),
            lanes,
            ring,
            free: vec![VecDeque::new(); servers],
            filling: vec![None; servers],
            together: vec![Vec::new(); servers],
            overlap,
            under_way: 0,
            stamps,
            checks,
            value: Vec::new(),
            timed: false,
            clocked: 0,
            ended: Vec::new(),
            open_loop: false,
            uncounted: false,
            broken: None,
        };
        client.rest();
        Ok(client)
    }

    /// What has been counted.
    pub(super) fn tally(&mut self) -> &mut Tally {
        &mut self.checks.tally
    }

    /// Why nothing can be asked any more.
    pub(super) fn broken(&mut self) -> Option<String> {
        let why = self.broken.clone()?;
        Some(match self.checks.tally.first_wrong.take() {
            Some(wrong) => format!("{why}; before that: {wrong}"),
            None => why,
        })
    }

    pub(super) fn is_broken(&self) -> bool {
        self.broken.is_some()
    }

    /// Makes room for the longest value of a segment, and finds keys that cannot be sent.
    pub(super) fn prepare(&mut self, segment: &Segment) {
        let longest = segment.ops.iter().map(|op| op.value_len).max().unwrap_or(0) as usize;
        grow_pattern(&mut self.value, longest);
        let dialect = self.how.dialect;
        let keys = segment.ops.iter().map(|op| segment.key(op));
        if let Some(key) = keys.into_iter().find(|key| !dialect.carries(key)) {
            let key = key[..key.len().min(40)].escape_ascii();
            self.fail(format!(
                "memcached's protocol does not carry the key '{key}': keys have 1 to 250 bytes, without spaces and \
                 control characters; redis:// takes any"
            ));
        }
    }

    /// All connections can be asked: between slices.
    fn rest(&mut self) {
        for server in 0..self.free.len() {
            self.free[server].clear();
            self.filling[server] = None;
            self.together[server].clear();
        }
        for (at, lane) in self.lanes.iter_mut().enumerate() {
            lane.is_free = true;
            self.free[lane.server].push_back(at);
        }
    }

    /// Begins an operation: it leaves at once in an open loop, and with others that its connection takes
    /// otherwise.
    pub(super) fn begin(&mut self, segment: &Segment, op: &Op, times: Times) {
        self.stamps.next();
        let held = Held {
            op: *op,
            stamps: self.stamps,
            ticket: Ticket::default(),
        };
        let server = self.ring.server_of(segment.key(op));
        if self.how.batch > 1 {
            if matches!(op.kind, Kind::Get | Kind::GetFill) {
                self.together[server].push(held);
                if self.together[server].len() == self.how.batch {
                    self.ask_together(segment, server);
                }
                return;
            }
            self.ask_rest(segment);
        }
        self.ask_one(segment, server, held, times);
    }

    /// Asks for the gets that wait to be asked together.
    pub(super) fn ask_rest(&mut self, segment: &Segment) {
        for server in 0..self.together.len() {
            if !self.together[server].is_empty() {
                self.ask_together(segment, server);
            }
        }
    }

    fn ask_together(&mut self, segment: &Segment, server: usize) {
        let all = std::mem::take(&mut self.together[server]);
        let writes = all.iter().filter(|held| held.op.kind != Kind::Get);
        let writes: Vec<&[u8]> = writes.map(|held| segment.key(&held.op)).collect();
        let Some(at) = self.lane_for(segment, server, &writes) else {
            return;
        };
        let lane = &mut self.lanes[at];
        let keys = all.iter().map(|held| segment.key(&held.op));
        self.how.dialect.get(&mut lane.out, keys);
        for held in &all {
            let key = segment.key(&held.op);
            let touch = touch_of(held.op.kind);
            let ticket = self
                .overlap
                .as_mut()
                .map(|overlap| overlap.begin(key, at, touch));
            lane.held.push_back(Held {
                ticket: ticket.unwrap_or_default(),
                ..*held
            });
        }
        self.asked(at, What::Get, all.len(), Times::default());
        self.together[server] = all;
        self.together[server].clear();
    }

    fn ask_one(&mut self, segment: &Segment, server: usize, mut held: Held, times: Times) {
        let op = &held.op;
        let key = segment.key(op);
        let touch = touch_of(op.kind);
        let key_written = [key];
        // Neither the outcome of a set whose key is there nor the count of entries depends on the order: only
        // what later reads find.
        let any_order = op.kind == Kind::Set && op.expect == Expect::Present;
        let writes: &[&[u8]] = if touch == Touch::Read || any_order {
            &[]
        } else {
            &key_written
        };
        let Some(at) = self.lane_for(segment, server, writes) else {
            return;
        };
        if let Some(overlap) = &mut self.overlap {
            held.ticket = overlap.begin(key, at, touch);
        }
        let (lane, dialect) = (&mut self.lanes[at], self.how.dialect);
        let what = match op.kind {
            Kind::Get | Kind::GetFill | Kind::Rmw => {
                dialect.get(&mut lane.out, std::iter::once(key));
                What::Get
            }
            Kind::Remove => {
                dialect.delete(&mut lane.out, key);
                What::Delete
            }
            Kind::Set | Kind::Insert | Kind::Add | Kind::Replace | Kind::Cas => {
                let how = match op.kind {
                    Kind::Add => Storing::Add,
                    Kind::Replace | Kind::Cas => Storing::Replace,
                    _ => Storing::Set,
                };
                let value = held.stamps.value_for(&mut self.value, op, key);
                dialect.store(&mut lane.out, how, key, value);
                What::Store { second: false }
            }
            Kind::Append | Kind::Prepend | Kind::Incr | Kind::Decr => {
                let kind = op.kind;
                self.fail(format!(
                    "{kind:?} is not sent to servers: get, set, add, replace, cas and delete are"
                ));
                return;
            }
        };
        lane.held.push_back(held);
        self.asked(at, what, 1, times);
    }

    /// A request was written for a connection.
    fn asked(&mut self, at: usize, what: What, keys: usize, mut times: Times) {
        if self.timed && times.began_ns == 0 {
            times.began_ns = machine::now_ns();
        }
        self.clocked += usize::from(times.began_ns > 0);
        let lane = &mut self.lanes[at];
        lane.asked.push_back(Asked {
            what,
            keys: u32::try_from(keys).expect("a batch has at most 4096 keys"),
            counted: false,
            times,
        });
        self.under_way += 1;
        let is_full = lane.asked.len() >= self.how.depth;
        let server = lane.server;
        if self.open_loop {
            self.filling[server] = None;
            self.leave(at);
            if !is_full {
                self.lanes[at].is_free = true;
                self.free[server].push_back(at);
            }
        } else if is_full {
            self.filling[server] = None;
            self.leave(at);
        }
    }

    /// What was asked on a connection leaves.
    pub(super) fn leave(&mut self, at: usize) {
        if let Err(error) = self.lanes[at].send() {
            // A server that refuses a connection says why before it closes it.
            let words = self.lanes[at].last_words();
            self.fail(match words {
                Some(words) => format!("the connection broke: {error}; the server said: {words}"),
                None => format!("the connection broke: {error}"),
            });
        }
    }

    /// A connection that can be asked, once there is one, and once no write is under way that must come before those
    /// of these keys; `None` if something broke.
    fn lane_for(&mut self, segment: &Segment, server: usize, writes: &[&[u8]]) -> Option<usize> {
        loop {
            if self.is_broken() {
                return None;
            }
            let at = match self.filling[server] {
                Some(at) => Some(at),
                None => self.free[server]
                    .pop_front()
                    .inspect(|&at| self.lanes[at].is_free = false),
            };
            self.filling[server] = at;
            if let Some(at) = at {
                let overlap = self.overlap.as_ref();
                let waits = |overlap: &Overlap| writes.iter().any(|key| overlap.must_wait(key, at));
                if !overlap.is_some_and(waits) {
                    return Some(at);
                }
                // What it waits for may wait to leave itself.
                self.hurry();
            }
            self.turn(segment, PATIENCE);
        }
    }

    /// Lets connections leave that have been asked less than they take.
    fn hurry(&mut self) {
        for server in 0..self.filling.len() {
            if let Some(at) = self.filling[server]
                && !self.lanes[at].asked.is_empty()
            {
                self.filling[server] = None;
                self.leave(at);
            }
        }
    }

    /// Waits until all that is under way has ended.
    pub(super) fn finish(&mut self, segment: &Segment) {
        self.ask_rest(segment);
        self.hurry();
        while self.under_way > 0 && !self.is_broken() {
            self.turn(segment, PATIENCE);
        }
        if !self.is_broken() {
            self.rest();
        }
    }

    /// Waits for a time that is due, and takes what comes meanwhile.
    pub(super) fn wait_for(&mut self, segment: &Segment, ns: u64) {
        let time = Duration::from_nanos(ns);
        let nap = time.checked_sub(NAP).unwrap_or_default();
        self.poll_once(segment, nap);
    }

    /// Waits for an event, and takes what has come; nothing within `patience` breaks the load off.
    pub(super) fn turn(&mut self, segment: &Segment, patience: Duration) {
        if !self.poll_once(segment, patience) && patience == PATIENCE {
            self.fail(format!("no answer within {} s", PATIENCE.as_secs()));
        }
    }

    /// Whether anything happened.
    fn poll_once(&mut self, segment: &Segment, wait: Duration) -> bool {
        let mut parsed = false;
        for at in 0..self.lanes.len() {
            if !self.lanes[at].socket.is_parsed() {
                break;
            }
            if self.lanes[at].readable {
                parsed = true;
                self.take(segment, at);
            }
        }
        if parsed {
            return true;
        }
        let mut events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        let polled = self.poll.poll(&mut events, Some(wait));
        let any = match polled {
            Err(error) if error.kind() == ErrorKind::Interrupted => true,
            Err(error) => {
                self.fail(format!("waiting for answers failed: {error}"));
                true
            }
            Ok(()) => !events.is_empty(),
        };
        for event in &events {
            let at = event.token().0;
            if event.is_writable()
                && self.lanes[at].is_owing()
                && self.filling[self.lanes[at].server] != Some(at)
            {
                self.leave(at);
            }
            if event.is_readable() || event.is_read_closed() || event.is_error() {
                self.lanes[at].readable = true;
                self.lanes[at].ending |= event.is_read_closed() || event.is_error();
                self.take(segment, at);
            }
        }
        self.events = events;
        any
    }

    #[cold]
    pub(super) fn fail(&mut self, why: String) {
        self.broken.get_or_insert(why);
    }
}

/// What an operation does to its key.
pub(super) fn touch_of(kind: Kind) -> Touch {
    match kind {
        Kind::Get => Touch::Read,
        Kind::GetFill | Kind::Rmw => Touch::Halves,
        _ => Touch::Write,
    }
}
