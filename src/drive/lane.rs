//! One connection of the load: requests that wait to leave, answers that have come, and what was asked.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, ErrorKind, Read, Write};

use super::overlap::Ticket;
use super::socket::Socket;
use crate::bench::Stamps;
use crate::workload::Op;

/// Room for answers at first, in bytes; it doubles when it is full.
const ROOM: usize = 16 << 10;

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// A lookup of one key or several.
    Get,
    /// The write of an operation, or the second half of one that began with a lookup.
    Store { second: bool },
    /// The removal of a key.
    Delete,
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            What::Get => "a get",
            What::Store { .. } => "a write",
            What::Delete => "a removal",
        })
    }
}

/// A request whose answer has not come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) what: What,
    /// Keys whose answers have not come.
    pub(super) keys: u32,
    /// Whether the number of units of the answer has come.
    pub(super) counted: bool,
    pub(super) times: Times,
}

/// When a request was due and began, on the child's clock.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Times {
    pub(super) due_ns: u64,
    pub(super) began_ns: u64,
    /// Whether it counts.
    pub(super) keep: bool,
}

/// An operation under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    pub(super) op: Op,
    /// Where the thread's stream stood.
    pub(super) stamps: Stamps,
    pub(super) ticket: Ticket,
}

/// A connection.
pub(super) struct Lane<'s> {
    pub(super) socket: Socket<'s>,
    /// Which of several servers it leads to.
    pub(super) server: usize,
    pub(super) out: Vec<u8>,
    /// How much of `out` has left.
    sent: usize,
    /// Answers, from `start` to `end`.
    inbox: Vec<u8>,
    start: usize,
    end: usize,
    pub(super) asked: VecDeque<Asked>,
    /// The operations of all that was asked, one for each key.
    pub(super) held: VecDeque<Held>,
    /// Whether it can be asked.
    pub(super) is_free: bool,
    /// Whether a read may find something.
    pub(super) readable: bool,
    /// Whether the other side has said that it sends no more: it is read to its end.
    pub(super) ending: bool,
}

impl<'s> Lane<'s> {
    pub(super) fn new(socket: Socket<'s>, server: usize) -> Lane<'s> {
        Lane {
            socket,
            server,
            out: Vec::new(),
            sent: 0,
            inbox: vec![0; ROOM],
            start: 0,
            end: 0,
            asked: VecDeque::new(),
            held: VecDeque::new(),
            is_free: false,
            readable: false,
            ending: false,
        }
    }

    /// Sends what the socket takes.
    pub(super) fn send(&mut self) -> io::Result<()> {
        while self.sent < self.out.len() {
            match self.socket.write(&self.out[self.sent..]) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => self.sent += count,
                // The socket says when it takes more.
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.out.clear();
        self.sent = 0;
        self.readable |= self.socket.is_parsed();
        Ok(())
    }

    /// Whether requests wait to leave.
    pub(super) fn is_owing(&self) -> bool {
        !self.out.is_empty()
    }

    /// Reads once; how many bytes came. `readable` goes when the socket is empty.
    pub(super) fn read(&mut self) -> io::Result<usize> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        } else if self.end == self.inbox.len() && self.start > 0 {
            self.inbox.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.inbox.len() {
            self.inbox.resize(2 * self.end, 0);
        }
        loop {
            match self.socket.read(&mut self.inbox[self.end..]) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => {
                    self.readable = self.ending || self.end + count == self.inbox.len();
                    self.end += count;
                    return Ok(count);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.readable = false;
                    return Ok(0);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// What has come and was not looked at, as words.
    pub(super) fn last_words(&mut self) -> Option<String> {
        let _ = self.read();
        let bytes = &self.inbox[self.start..self.end];
        let end = bytes.len().min(100);
        (end > 0).then(|| String::from_utf8_lossy(&bytes[..end]).trim().to_owned())
    }

    /// Takes what has come out, to be looked at; [`Lane::put_back`] brings it back.
    pub(super) fn take_inbox(&mut self) -> (Vec<u8>, usize, usize) {
        (std::mem::take(&mut self.inbox), self.start, self.end)
    }

    /// Brings it back, read up to `start`.
    pub(super) fn put_back(&mut self, inbox: Vec<u8>, start: usize) {
        (self.inbox, self.start) = (inbox, start);
    }
}
