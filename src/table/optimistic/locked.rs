//! A bucket whose lock is held.

use super::bucket::{Bucket, Chain};
use super::version::State;

/// A bucket whose lock is held; unlocked when dropped.
pub(super) struct Locked<'t> {
    bucket: &'t Bucket,
    pub(super) chain: Chain<'t>,
    before: State,
    /// Whether anything has been stored under the lock.
    pub(super) changed: bool,
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        if self.changed {
            self.bucket.version.unlock(self.chain.state);
        } else {
            self.bucket.version.unlock_unchanged(self.before);
        }
    }
}

impl<'t> Locked<'t> {
    #[inline]
    pub(super) fn new(bucket: &'t Bucket) -> Locked<'t> {
        let before = bucket.version.lock();
        // SAFETY: the bucket is locked until this is dropped.
        let chain = unsafe { Chain::new(bucket, before) };
        Locked {
            bucket,
            chain,
            before,
            changed: false,
        }
    }

    /// The chain, to be changed.
    pub(super) fn chain_mut(&mut self) -> &mut Chain<'t> {
        self.changed = true;
        &mut self.chain
    }
}
