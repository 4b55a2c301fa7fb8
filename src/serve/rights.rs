//! What the process may do: how many descriptors it holds, and as whom it runs.

use anyhow::Context;
use rustix::process::{Gid, Resource, Rlimit, Uid, getrlimit, setrlimit};

/// Descriptors beside those of connections.
const OWN: u64 = 64;

/// Asks for as many descriptors as `connections` need. Where they cannot be had, the server goes on:
/// connections that come when none is free wait.
pub(super) fn raise_descriptors(connections: usize) {
    let wanted = connections as u64 + OWN;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_some_and(|current| current < wanted) {
        let current = Some(maximum.map_or(wanted, |maximum| maximum.min(wanted)));
        let _ = setrlimit(Resource::Nofile, Rlimit { current, maximum });
    }
}

/// Gives up root's rights for those of this user. To be called while there is one thread: the others
/// inherit.
pub(super) fn run_as((uid, gid): (u32, u32)) -> anyhow::Result<()> {
    let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
    rustix::thread::set_thread_groups(&[gid])
        .and_then(|()| rustix::thread::set_thread_res_gid(gid, gid, gid))
        .and_then(|()| rustix::thread::set_thread_res_uid(uid, uid, uid))
        .context("root's rights cannot be given up")
}
