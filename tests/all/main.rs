//! What is tested from outside the library: the program's commands, and the rules that the source
//! keeps. One binary holds all of it, because each integration binary links the whole library again.
//!
//! Only `tests/failures.rs` stands apart, and says why.

mod alone;
mod arguments;
mod budget;
mod cli;
mod compare;
mod guarantees;
mod hash;
mod heap;
mod interrupt;
mod ketama;
mod latency;
mod logs;
mod manners;
mod memory;
mod precision;
mod predictions;
mod quantities;
mod reference;
mod report;
mod resume;
mod schema;
mod serve;
mod servers;
mod structure;
mod sweeps;
mod targets;
mod threads;
mod verified;
mod verify;

use bucketlab::machine::CountingAllocator;

/// The tests of `memory` need it. It counts only for threads that ask, and passes all else on.
#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;
