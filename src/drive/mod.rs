//! Floor 5: load over the network against any server, in the child that a table would have.
//!
//! A server is no strategy: it fails with errors of its connections, has many of them, and several requests
//! on the way on each. What is asked of it, how slices are cut and what comes back is what it is for tables;
//! [`Server`] reads its name as a target.

mod ketama;
mod target;

pub use ketama::Ring;
pub use target::{Address, PROGRAMS, Program, Protocol, Server, Way};
