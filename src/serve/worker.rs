//! A worker thread's event loop.

use std::io::{self, ErrorKind};
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token};

use super::connection::{Connection, Spare, Turn};
use super::hands::Server;
use super::shared::Shared;
use crate::table::ErasedSession;

/// The token of the waker; connections have the others.
pub(super) const WAKE: Token = Token(usize::MAX);

/// Events taken at a time.
const EVENTS: usize = 256;

/// How often idle connections are looked for, and whether the server ends.
const TICK: Duration = Duration::from_secs(1);

/// How long answers may take to leave when the server ends.
const DRAIN: Duration = Duration::from_secs(2);

/// Serves the connections that come out of `arrivals` until the server ends.
///
/// # Errors
/// Polling failed, which leaves nothing to go on with.
pub(super) fn work(
    session: &mut dyn ErasedSession,
    shared: &Shared<'_>,
    index: usize,
    mut poll: Poll,
    arrivals: &Receiver<Connection>,
) -> io::Result<()> {
    let mut events = Events::with_capacity(EVENTS);
    let mut server = Server::new(session, shared, shared.counts.of(index));
    let mut guests = Guests::default();
    let mut tick = Instant::now();
    while !shared.stopping() {
        let pause = if guests.again.is_empty() {
            TICK
        } else {
            Duration::ZERO
        };
        match poll.poll(&mut events, Some(pause)) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            other => other?,
        }
        let again = std::mem::take(&mut guests.again);
        for event in &events {
            if event.token() == WAKE {
                for connection in arrivals.try_iter() {
                    guests.admit(connection, &poll, shared);
                }
                continue;
            }
            let place = event.token().0;
            if let Some(connection) = guests.at(place) {
                if event.is_readable() || event.is_read_closed() || event.is_error() {
                    connection.wake();
                    connection.ending |= event.is_read_closed() || event.is_error();
                }
                guests.turn(place, &mut server, &poll);
            }
        }
        for place in again {
            if let Some(connection) = guests.at(place) {
                connection.queued = false;
            }
            guests.turn(place, &mut server, &poll);
        }
        server.session.quiesce();
        if tick.elapsed() >= TICK {
            tick = Instant::now();
            guests.close_idle(shared, &poll);
        }
    }
    let deadline = Instant::now() + DRAIN;
    for connection in arrivals.try_iter() {
        guests.admit(connection, &poll, shared);
    }
    guests.drain(&mut server, &mut poll, &mut events, deadline);
    Ok(())
}

/// The connections of one thread.
#[derive(Default)]
struct Guests {
    places: Vec<Option<Connection>>,
    free: Vec<usize>,
    /// Those that want another turn.
    again: Vec<usize>,
    spare: Spare,
}

impl Guests {
    fn at(&mut self, place: usize) -> Option<&mut Connection> {
        self.places.get_mut(place)?.as_mut()
    }

    fn admit(&mut self, mut connection: Connection, poll: &Poll, shared: &Shared<'_>) {
        let place = self.free.pop().unwrap_or_else(|| {
            self.places.push(None);
            self.places.len() - 1
        });
        let both = Interest::READABLE | Interest::WRITABLE;
        if poll
            .registry()
            .register(&mut connection.socket, Token(place), both)
            .is_err()
        {
            self.free.push(place);
            forget(&connection, shared);
            return;
        }
        connection.queued = true;
        self.places[place] = Some(connection);
        self.again.push(place);
    }

    fn turn(&mut self, place: usize, server: &mut Server<'_, '_>, poll: &Poll) {
        let Some(connection) = self.places.get_mut(place).and_then(Option::as_mut) else {
            return;
        };
        match connection.turn(server, &mut self.spare) {
            Turn::Wait => {}
            Turn::Again => {
                if !std::mem::replace(&mut connection.queued, true) {
                    self.again.push(place);
                }
            }
            Turn::Close => self.close(place, server.shared, poll),
        }
    }

    fn close(&mut self, place: usize, shared: &Shared<'_>, poll: &Poll) {
        if let Some(mut connection) = self.places[place].take() {
            // Closing takes it out of the kernel's list in any case.
            let _ = poll.registry().deregister(&mut connection.socket);
            forget(&connection, shared);
            self.free.push(place);
        }
    }

    fn close_idle(&mut self, shared: &Shared<'_>, poll: &Poll) {
        let timeout = shared.options.idle_timeout;
        if timeout == 0 {
            return;
        }
        let now = shared.clock.now();
        for place in 0..self.places.len() {
            let idle = self.at(place).is_some_and(|connection| {
                let last = connection.guest.last_command.load(Ordering::Relaxed);
                now.saturating_sub(last) > timeout
            });
            if idle {
                self.close(place, shared, poll);
            }
        }
    }

    /// Serves what has arrived, lets the answers leave, and closes everything. What arrives later is not
    /// waited for: each socket is looked at, and not again once it has been emptied.
    fn drain(
        &mut self,
        server: &mut Server<'_, '_>,
        poll: &mut Poll,
        events: &mut Events,
        deadline: Instant,
    ) {
        // Requests that the kernel has and no event has announced yet.
        for connection in self.places.iter_mut().flatten() {
            connection.wake();
        }
        loop {
            let (mut owing, mut unserved) = (false, false);
            for place in 0..self.places.len() {
                self.turn(place, server, poll);
                match self.at(place) {
                    Some(connection) if connection.is_owing() => owing = true,
                    Some(connection) if connection.is_unserved() => unserved = true,
                    Some(_) => self.close(place, server.shared, poll),
                    None => {}
                }
            }
            server.session.quiesce();
            let left = deadline.saturating_duration_since(Instant::now());
            if !(owing || unserved) || left.is_zero() {
                break;
            }
            // Others may go on while some wait for their clients to read.
            let pause = if unserved { Duration::ZERO } else { left };
            match poll.poll(events, Some(pause)) {
                Err(error) if error.kind() != ErrorKind::Interrupted => break,
                _ => {}
            }
        }
        for place in 0..self.places.len() {
            self.close(place, server.shared, poll);
        }
    }
}

/// A connection is no longer counted.
fn forget(connection: &Connection, shared: &Shared<'_>) {
    shared.guests().remove(&connection.id);
    shared.connections.now.fetch_sub(1, Ordering::Relaxed);
}
