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

/// Limits this process's private memory to what is at hand now, so that a table that eats memory
/// fails by itself before the kernel has to pick a victim. A limit that is lower already stays.
pub fn limit_memory() {
    let Some(available) = available_bytes() else {
        return;
    };
    let Rlimit { current, maximum } = getrlimit(Resource::Data);
    if current.is_none_or(|current| current > available) {
        let limit = Rlimit {
            current: Some(available),
            maximum,
        };
        let _ = setrlimit(Resource::Data, limit);
    }
}
