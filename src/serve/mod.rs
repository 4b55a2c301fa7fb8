//! Floor 4: a strategy behind the memcached protocol.
//!
//! [`serve`] opens a table and serves it until a signal ends it. Threads:
//!
//! - the caller's accepts connections and deals them out in turn (`listen`);
//! - each worker has an event loop of its own over epoll, one session of the table, and the
//!   connections it was dealt (`worker`). A turn of a connection is one read, everything that has
//!   arrived, one write (`connection`): requests are parsed as a batch, the keys of consecutive
//!   gets are hashed and looked up together (`lookups`), and answers leave in one piece;
//! - the keeper walks the table for what has expired, where the table can be walked.
//!
//! The loop is compiled once: it calls the table through an erased session, an indirect call an
//! operation or for many keys. What the protocol keeps of an item is a `header` in front of its value; every
//! command that changes an item is one atomic update of the table (`items`).
//!
//! **What a client can cost.** Idle, it holds no buffer. With half a request it holds what it has
//! sent, at most doubled; what it announces is never allocated. While it does not read its answers,
//! nothing more of it is read or served: it holds at most 256 KiB of answers and one item.

mod answers;
mod batch;
mod classes;
mod clock;
mod connection;
mod counting;
mod counts;
mod credit;
mod dump;
mod hands;
mod header;
mod inbox;
mod items;
mod keeper;
mod listen;
mod lookups;
mod options;
mod reply;
mod requests;
mod rights;
mod room;
mod shared;
mod socket;
mod stats;
#[cfg(test)]
mod tests;
mod voice;
mod worker;

use std::sync::Arc;
use std::sync::mpsc::channel;

use anyhow::Context;
use mio::{Poll, Waker};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};

pub use options::{Options, VERSION};
pub use voice::{Spoken, Voice, without_sockets};

use crate::base::{BadInput, Journal, Params, Worker};
use crate::hash::Hasher;
use crate::machine;
use crate::table::{Env, Kind};
use listen::Desk;
use shared::Shared;

/// Resize events that are kept until `stats` counts them.
const JOURNAL_EVENTS: usize = 1 << 12;

/// Opens a table of this strategy and serves it until SIGTERM, SIGINT or SIGUSR1; then every worker answers
/// what has arrived and the call returns. `ready` is called with the addresses when connections are
/// accepted.
///
/// # Errors
/// Parameters that do not go together, a table that takes all the memory while it is empty, addresses that
/// cannot be listened on, and whatever keeps threads from starting or polling.
pub fn serve(
    kind: &Kind,
    params: &Params,
    hasher: Hasher,
    options: &Options,
    ready: &mut dyn FnMut(&[&str]) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let journal = Arc::new(Journal::new(JOURNAL_EVENTS));
    let env = Env {
        hasher,
        clock: machine::now_ns,
        journal: Arc::clone(&journal),
        recency: kind.walk && options.evict,
    };
    let table = (kind.open)(params, &env)?;
    let shared = Shared::new(table.as_ref(), params.short(), options, hasher, journal);
    let limit = options.memory_bytes;
    if shared.empty_bytes >= limit {
        return Err(BadInput(format!(
            "{} takes {} bytes before anything is stored, all of the {} bytes of -m: give it more, \
             or the table fewer buckets",
            shared.spec, shared.empty_bytes, limit
        ))
        .into());
    }
    run(&shared, ready)
}

/// Starts the threads, accepts until the end, and waits for them.
fn run(
    shared: &Shared<'_>,
    ready: &mut dyn FnMut(&[&str]) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    machine::raise_descriptors(shared.options.connections);
    let mut listeners = listen::open(shared.options)?;
    if let Some(user) = shared.options.user {
        rights::run_as(user)?;
    }
    // Both ends are pipes: a signal writes a byte, and the listener's poll sees it.
    let (wake, signals) = std::os::unix::net::UnixStream::pair()?;
    for signal in [SIGTERM, SIGINT, SIGUSR1] {
        signal_hook::low_level::pipe::register(signal, wake.try_clone()?)
            .context("signals cannot be caught")?;
    }
    // A terminal that is closed ends no server, as it ends no memcached.
    signal_hook::flag::register(SIGHUP, Arc::default()).context("signals cannot be caught")?;
    let poll = Poll::new()?;
    shared.wake_with(Arc::new(Waker::new(poll.registry(), worker::WAKE)?));
    std::thread::scope(|scope| {
        // However this ends, the threads end too, or the scope would wait for ever.
        let _end = EndWithMe(shared);
        let mut desks = Vec::new();
        let mut workers = Vec::new();
        for index in 0..shared.options.threads {
            let poll = Poll::new()?;
            let waker = Arc::new(Waker::new(poll.registry(), worker::WAKE)?);
            shared.wake_with(Arc::clone(&waker));
            let (sender, arrivals) = channel();
            desks.push(Desk {
                arrivals: sender,
                waker,
            });
            let work = move || -> anyhow::Result<()> {
                // Whoever ends early, by an error or a panic, ends the server: half a server that
                // never answers part of its clients is worse than none.
                let _last = EndWithMe(shared);
                let mut session = shared.table.session(who(index, shared));
                Ok(worker::work(
                    session.erased(),
                    shared,
                    index,
                    poll,
                    &arrivals,
                )?)
            };
            let thread = std::thread::Builder::new().name(format!("worker-{index}"));
            match thread.spawn_scoped(scope, work) {
                Ok(worker) => workers.push(worker),
                Err(error) => return Err(error).context("a worker thread cannot be started"),
            }
        }
        let keeper = shared.table.walks().then(|| {
            scope.spawn(move || {
                let _last = EndWithMe(shared);
                let who = who(shared.options.threads, shared);
                keeper::keep(shared.table.session(who).erased(), shared);
            })
        });
        let all = listeners.iter().map(|l| l.address.clone());
        shared.listeners.get_or_init(|| all.collect());
        let addresses: Vec<&str> = listeners.iter().map(|l| l.address.as_str()).collect();
        let accepted = ready(&addresses).and_then(|()| {
            Ok(listen::accept(
                shared,
                &mut listeners,
                signals,
                &desks,
                poll,
            )?)
        });
        shared.end();
        if let Some(keeper) = &keeper {
            keeper.thread().unpark();
        }
        for worker in workers {
            match worker.join() {
                Ok(result) => result?,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        accepted
    })?;
    if let Some((path, _)) = &shared.options.unix {
        // It may be gone already.
        let _ = std::fs::remove_file(path);
    }
    Ok(())
}

/// The worker's identity; the keeper is one more.
fn who(index: usize, shared: &Shared<'_>) -> Worker {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Worker {
        index: number(index),
        of: number(shared.options.threads + 1),
    }
}

/// Ends the server when it goes out of scope.
struct EndWithMe<'a, 't>(&'a Shared<'t>);

impl Drop for EndWithMe<'_, '_> {
    fn drop(&mut self) {
        self.0.end();
    }
}
