//! Limits that a child puts on itself.

use rustix::process::{
    Resource, Rlimit, Signal, getrlimit, set_parent_process_death_signal, setrlimit,
};

use super::memory::available_bytes;

/// Asks the kernel to kill this process when the thread that started it ends. A kernel that cannot
/// leaves it as it is: the process then ends when it finds its pipe closed.
pub fn die_with_parent() {
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
}

/// Limits this process's address space to the memory at hand, so that a table that eats memory
/// fails by itself before the kernel has to pick a victim. A limit that is lower already stays.
pub fn limit_memory() {
    // Address space beyond memory: stacks, and the arenas that the allocator reserves a thread.
    const RESERVED: u64 = 16 << 30;
    let Some(available) = available_bytes() else {
        return;
    };
    let limit = available.saturating_add(RESERVED);
    let Rlimit { current, maximum } = getrlimit(Resource::As);
    if current.is_none_or(|current| current > limit) {
        let _ = setrlimit(
            Resource::As,
            Rlimit {
                current: Some(limit),
                maximum,
            },
        );
    }
}
