//! As whom the process runs.

use anyhow::Context;
use rustix::process::{Gid, Uid};

/// Gives up root's rights for those of this user. To be called while there is one thread: the others
/// inherit.
pub(super) fn run_as((uid, gid): (u32, u32)) -> anyhow::Result<()> {
    let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
    rustix::thread::set_thread_groups(&[gid])
        .and_then(|()| rustix::thread::set_thread_res_gid(gid, gid, gid))
        .and_then(|()| rustix::thread::set_thread_res_uid(uid, uid, uid))
        .context("root's rights cannot be given up")
}
