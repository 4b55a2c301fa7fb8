//! Floor 1: the machine: clocks, pinning, memory, fingerprint, counting allocator.
//!
//! Linux first: what is read from `/proc` and `/sys` is absent elsewhere, and says so.

mod choice;
mod clock;
mod collapse;
mod core_share;
pub mod counters;
pub mod counting;
mod cpu_time;
mod cpu_times;
pub mod doctor;
mod file_hash;
mod fingerprint;
mod heap;
mod memory;
mod memory_speed;
mod own_core;
mod pin;
mod process;
mod run_queue;
mod thread_usage;

pub use choice::Allocator;
pub use clock::{clock_cost_ps, now_ns, utc_now};
pub use collapse::collapse_into_huge_pages;
pub use core_share::{CAN_PROBE, CoreShare, OWN_SHARE, cores_are_alike};
pub use counting::CountingAllocator;
pub use cpu_time::{process_cpu_ns, thread_cpu_ns};
pub use cpu_times::CpuTimes;
pub use file_hash::file_hash;
pub use fingerprint::{BUILD, CARGO_FEATURES, RELEASE, fingerprint, profile, profile_of};
pub use heap::{Heap, Pages};
pub use memory::{
    available_bytes, huge_page_bytes, peak_resident_bytes, reset_peak_resident, resident_bytes,
    resident_bytes_of, trim,
};
pub use memory_speed::MemorySpeed;
pub use own_core::{OwnCore, cores_beside};
pub use pin::{allowed_cpus, pin_thread};
pub use process::{
    cpu_ns_of, die_with_parent, end_process, is_root, limit_memory, raise_descriptors, spawn_kept,
};
pub use run_queue::RunQueue;
pub use thread_usage::{ThreadMeter, ThreadUsage, frequency_khz};
