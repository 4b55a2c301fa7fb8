//! One connection's turn: read, serve, write.

use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::counts::Count;
use super::hands::Server;
use super::inbox::Inbox;
use super::requests::{Pause, Talk};
use super::shared::Guest;
use super::socket::Socket;

/// Buffers that a thread lends to whichever connection has its turn.
#[derive(Debug, Default)]
pub(super) struct Spare {
    inbox: Vec<u8>,
    out: Vec<u8>,
}

/// Answers' buffer is kept for the next connection up to this size.
const OUT_KEPT: usize = 1 << 20;

/// A connection.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each tells of a different thing that may happen at any time"
)]
pub(super) struct Connection {
    pub(super) socket: Socket,
    pub(super) id: u64,
    pub(super) guest: Arc<Guest>,
    inbox: Inbox,
    /// Answers that have not left, from `sent` on.
    out: Vec<u8>,
    sent: usize,
    talk: Talk,
    /// Whether a read may find something.
    readable: bool,
    /// Whether the other side has said that it sends no more: reading goes on to the end.
    pub(super) ending: bool,
    /// Whether it waits for another turn already.
    pub(super) queued: bool,
    /// Whether what has arrived is not served to its end.
    more: bool,
    /// Whether the connection ends when its answers have left.
    closing: bool,
    /// Bytes dropped since it was decided that the connection ends when the other side has ended.
    lingering: Option<usize>,
}

/// So much is dropped of what comes behind a line that is too long; then the connection is cut.
const DROPPED_MAX: usize = 256 << 20;

/// What a connection needs next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// The next event.
    Wait,
    /// Another turn, after others had theirs.
    Again,
    /// Nothing any more.
    Close,
}

impl Connection {
    pub(super) fn new(socket: Socket, id: u64, guest: Arc<Guest>) -> Connection {
        Connection {
            socket,
            id,
            guest,
            inbox: Inbox::default(),
            out: Vec::new(),
            sent: 0,
            talk: Talk::default(),
            readable: true,
            ending: false,
            queued: false,
            more: false,
            closing: false,
            lingering: None,
        }
    }

    /// There may be something to read.
    pub(super) fn wake(&mut self) {
        self.readable = true;
    }

    /// Whether answers wait for the other side to read.
    pub(super) fn is_owing(&self) -> bool {
        self.sent < self.out.len()
    }

    /// Whether something has arrived, or may have, that is not served to its end.
    pub(super) fn is_unserved(&self) -> bool {
        self.more || self.readable
    }

    /// One turn: at most one read, what it brought, and what of the answers the socket takes.
    ///
    /// While answers wait, nothing is read: a client that does not read is not read from, and costs what its
    /// answers and its last read take.
    pub(super) fn turn(&mut self, server: &mut Server<'_, '_>, spare: &mut Spare) -> Turn {
        match self.try_turn(server, spare) {
            Ok(turn) => turn,
            // Whatever ended it, an answer would reach no client.
            Err(_) => Turn::Close,
        }
    }

    fn try_turn(&mut self, server: &mut Server<'_, '_>, spare: &mut Spare) -> io::Result<Turn> {
        if self.is_owing() && !self.send(server, spare)? {
            return Ok(Turn::Wait);
        }
        if self.closing {
            return Ok(Turn::Close);
        }
        if let Some(dropped) = self.lingering {
            return self.drop_rest(dropped);
        }
        if self.readable && !self.more {
            self.inbox.borrow(&mut spare.inbox);
            match self.inbox.read(self.talk.wanted, &mut self.socket) {
                Ok((0, _)) => return Ok(Turn::Close),
                Ok((count, full)) => {
                    // A read that did not fill the buffer has emptied the socket: the next event
                    // tells of more. Only an end that is announced already is not told again.
                    self.readable = full || self.ending;
                    server.counts.add(Count::BytesRead, count as u64);
                    let now = server.shared.clock.now();
                    self.guest.last_command.store(now, Ordering::Relaxed);
                    self.more = true;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.readable = false,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        if self.more {
            if self.out.capacity() == 0 {
                self.out = std::mem::take(&mut spare.out);
            }
            let pause = server.serve(&mut self.talk, &mut self.inbox, &mut self.out);
            self.more = pause == Pause::More;
            self.closing = pause == Pause::Close;
            self.lingering = (pause == Pause::Linger).then_some(0);
        }
        self.inbox.give_back(&mut spare.inbox);
        if !self.send(server, spare)? {
            return Ok(Turn::Wait);
        }
        Ok(if self.closing {
            Turn::Close
        } else if self.more || self.readable || self.lingering.is_some() {
            Turn::Again
        } else {
            Turn::Wait
        })
    }

    /// Drops what still comes, until the other side ends. A socket that is closed with bytes unread resets
    /// the connection, and the last answer may be lost with it.
    fn drop_rest(&mut self, dropped: usize) -> io::Result<Turn> {
        if dropped == 0 {
            self.socket.end_answers()?;
        }
        if !self.readable {
            return Ok(Turn::Wait);
        }
        let mut rest = [0; 16 << 10];
        match self.socket.read(&mut rest) {
            Ok(0) => return Ok(Turn::Close),
            Ok(count) if dropped + count > DROPPED_MAX => return Ok(Turn::Close),
            Ok(count) => self.lingering = Some(dropped + count),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.readable = false;
                return Ok(Turn::Wait);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        Ok(Turn::Again)
    }

    /// Sends what the socket takes; whether that was everything.
    fn send(&mut self, server: &Server<'_, '_>, spare: &mut Spare) -> io::Result<bool> {
        while self.is_owing() {
            match self.socket.write(&self.out[self.sent..]) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => {
                    self.sent += count;
                    server.counts.add(Count::BytesWritten, count as u64);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    // What waits for long is kept without the buffer's slack.
                    self.out.drain(..self.sent);
                    self.sent = 0;
                    self.out.shrink_to_fit();
                    return Ok(false);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.sent = 0;
        self.out.clear();
        let out = std::mem::take(&mut self.out);
        if spare.out.capacity() == 0 && out.capacity() <= OUT_KEPT {
            spare.out = out;
        }
        Ok(true)
    }
}
