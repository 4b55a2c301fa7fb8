//! Limits that a child puts on itself, and processes that end with it.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};

use rustix::process::{
    Pid, Resource, Rlimit, Signal, geteuid, getrlimit, kill_process,
    set_parent_process_death_signal, setrlimit,
};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

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

/// Descriptors beside those of connections.
const OWN_DESCRIPTORS: u64 = 64;

/// Asks for as many descriptors as `connections` need. Where they cannot be had, the process goes on with those that
/// there are.
pub fn raise_descriptors(connections: usize) {
    let wanted = connections as u64 + OWN_DESCRIPTORS;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_some_and(|current| current < wanted) {
        let current = Some(maximum.map_or(wanted, |maximum| maximum.min(wanted)));
        let _ = setrlimit(Resource::Nofile, Rlimit { current, maximum });
    }
}

/// Starts a process that is kept to these processors and is killed when this thread ends. None keeps it to those
/// of this thread.
///
/// # Errors
/// What [`Command::spawn`] says.
pub fn spawn_kept(command: &mut Command, cpus: &[usize]) -> io::Result<Child> {
    let own = sched_getaffinity(None);
    let mut set = CpuSet::new();
    for &cpu in cpus.iter().filter(|&&cpu| cpu < CpuSet::MAX_CPU) {
        set.set(cpu);
    }
    // A child has the processors of the thread that starts it. A refusal leaves it where the scheduler puts it.
    let kept = !cpus.is_empty() && own.is_ok() && sched_setaffinity(None, &set).is_ok();
    // SAFETY: between fork and exec the closure makes one system call, prctl(2), through rustix: it allocates
    // nothing, takes no lock, and touches no memory that another thread may have been changing.
    let spawned =
        unsafe { command.pre_exec(|| Ok(set_parent_process_death_signal(Some(Signal::KILL))?)) }
            .spawn();
    if let (true, Ok(own)) = (kept, own) {
        let _ = sched_setaffinity(None, &own);
    }
    spawned
}

/// CPU time of a process's threads, in nanoseconds, from their `schedstat` (proc(5)): threads that have ended are not
/// counted, and nothing where the kernel keeps none.
pub fn cpu_ns_of(pid: u32) -> u64 {
    let Ok(tasks) = std::fs::read_dir(format!("/proc/{pid}/task")) else {
        return 0;
    };
    let of_task = |task: std::fs::DirEntry| -> Option<u64> {
        let text = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split_ascii_whitespace().next()?.parse().ok()
    };
    tasks.flatten().filter_map(of_task).sum()
}

/// Asks a process to end. One that has ended already is left alone.
pub fn end_process(pid: u32) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, Signal::TERM);
    }
}

/// Whether this process runs as root.
pub fn is_root() -> bool {
    geteuid().is_root()
}
