//! Floor 5: load over the network against any server, in the child that a table would have.
//!
//! A server is no strategy: it fails with errors of its connections, has many of them, and several requests
//! on the way on each. What is asked of it, how slices are cut and what comes back is what it is for tables;
//! [`Server`] reads its name as a target.
//!
//! - `target`: the names; `ketama` and `ring`: which of several servers has a key;
//! - [`child`]: the life of a child; `start`: servers that begin and end with it; `null_server`: the control;
//!   `control` and `side`: prefill, counts of entries, versions, memory, and that a server is left as it was;
//! - `client`: one thread of the load over its connections (`lane`, `socket`), `answers` for what comes back,
//!   `chunks` for slices, open loops and samples, and `overlap` for what may meet on the way; `load` is a client in its worker.

mod answers;
mod child;
mod chunks;
mod client;
mod control;
mod ketama;
mod lane;
mod load;
mod null_server;
mod overlap;
mod ring;
mod side;
mod socket;
mod start;
mod target;
#[cfg(test)]
mod tests;

pub use child::child;
pub use ketama::Ring;
pub use target::{Address, PROGRAMS, Program, Protocol, Server, Way};
