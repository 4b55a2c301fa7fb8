//! A table behind the protocol without a socket: bytes in, answers out, in the caller's thread.

use std::io;
use std::sync::Arc;

use super::credit::Credit;
use super::hands::Server;
use super::inbox::Inbox;
use super::lookups::Lookup;
use super::options::Options;
use super::requests::{Pause, Talk};
use super::shared::Shared;
use crate::base::{Journal, Params, Usage, Worker};
use crate::hash::Hasher;
use crate::machine;
use crate::table::{AnySession, Env, Kind};

/// Resize events that are kept.
const JOURNAL_EVENTS: usize = 1 << 12;

/// A table that can be spoken to.
pub struct Spoken<'t> {
    shared: Shared<'t>,
}

/// One thread's connection to it.
pub struct Voice<'s, 't> {
    session: AnySession<'t>,
    shared: &'s Shared<'t>,
    index: usize,
    talk: Talk,
    inbox: Inbox,
    spare: Vec<u8>,
    piece: Vec<u8>,
    lookups: Vec<Lookup>,
    credit: Credit,
}

/// Opens a table of this strategy, hands it to `with`, and drops it.
///
/// # Errors
/// Parameters that do not go together, and whatever `with` returns.
pub fn without_sockets<R>(
    kind: &Kind,
    params: &Params,
    hasher: Hasher,
    options: &Options,
    with: impl FnOnce(&Spoken<'_>) -> anyhow::Result<R>,
) -> anyhow::Result<R> {
    let journal = Arc::new(Journal::new(JOURNAL_EVENTS));
    let env = Env {
        hasher,
        clock: machine::now_ns,
        journal: Arc::clone(&journal),
        recency: kind.walk && options.evict,
    };
    let table = (kind.open)(params, &env)?;
    let shared = Shared::new(table.as_ref(), params.short(), options, hasher, journal);
    with(&Spoken { shared })
}

impl<'t> Spoken<'t> {
    /// The connection of thread `index`; there are as many as the options have threads.
    #[must_use]
    pub fn voice(&self, index: u32) -> Voice<'_, 't> {
        let threads = u32::try_from(self.shared.options.threads).unwrap_or(u32::MAX);
        let who = Worker { index, of: threads };
        Voice {
            session: self.shared.table.session(who),
            shared: &self.shared,
            index: index as usize,
            talk: Talk::default(),
            inbox: Inbox::default(),
            spare: Vec::new(),
            piece: Vec::new(),
            lookups: Vec::new(),
            credit: Credit::default(),
        }
    }

    /// What the table holds.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.shared.table.usage()
    }
}

impl Voice<'_, '_> {
    /// Serves `requests` and appends the answers.
    ///
    /// # Errors
    /// The server would have closed the connection.
    pub fn exchange(&mut self, mut requests: &[u8], answers: &mut Vec<u8>) -> io::Result<()> {
        let mut server = Server {
            session: self.session.erased(),
            shared: self.shared,
            counts: self.shared.counts.of(self.index),
            credit: self.credit,
            lookups: std::mem::take(&mut self.lookups),
        };
        let mut open = true;
        while open && !requests.is_empty() {
            self.inbox.borrow(&mut self.spare);
            self.inbox.read(self.talk.wanted, &mut requests)?;
            loop {
                // A piece of answers is full before all requests are served: each begins empty.
                self.piece.clear();
                let pause = server.serve(&mut self.talk, &mut self.inbox, &mut self.piece);
                answers.extend_from_slice(&self.piece);
                match pause {
                    Pause::More => {}
                    Pause::Empty => break,
                    Pause::Close | Pause::Linger => {
                        open = false;
                        break;
                    }
                }
            }
            self.inbox.give_back(&mut self.spare);
        }
        // As a worker of the server does after each batch of events.
        server.session.quiesce();
        (self.credit, self.lookups) = (server.credit, server.lookups);
        if open {
            Ok(())
        } else {
            Err(io::ErrorKind::ConnectionAborted.into())
        }
    }
}
