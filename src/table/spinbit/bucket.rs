//! A bucket of `spinbit`: a chain behind a head that is its own lock.

use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};

use super::head::Head;
use crate::table::buckets::ZeroIsEmpty;
use crate::table::item::{self, Chain, Item};

// The lock's bit is free in every head.
const _: () = assert!(Item::ALIGN > 1);

/// A chain, owned, to be had by one thread at a time.
#[derive(Default)]
pub(super) struct Bucket {
    /// The chain as `item::into_raw` gives it. While the lock is held, the holder has the chain, and
    /// the pointer means nothing.
    head: Head,
}

// SAFETY: zeroes are an unlocked null pointer, which is the empty chain.
unsafe impl ZeroIsEmpty for Bucket {}

/// A chain that is locked for as long as this lives.
pub(super) struct Locked<'t> {
    head: &'t Head,
    /// Given back to the head at the end.
    chain: ManuallyDrop<Chain>,
}

impl Bucket {
    /// Waits for the lock and takes it.
    #[inline]
    pub(super) fn lock(&self) -> Locked<'_> {
        // SAFETY: the pointer in an unlocked head is what `into_raw` gave, and by taking the lock this
        // thread has become the only one to make a chain of it.
        let chain = unsafe { item::from_raw(self.head.lock()) };
        Locked {
            head: &self.head,
            chain: ManuallyDrop::new(chain),
        }
    }

    /// Where the first item probably is; not to be followed.
    #[inline]
    pub(super) fn hint(&self) -> *const () {
        self.head.hint()
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        let chain = self.lock().take();
        drop(chain);
    }
}

impl Deref for Locked<'_> {
    type Target = Chain;

    #[inline]
    fn deref(&self) -> &Chain {
        &self.chain
    }
}

impl DerefMut for Locked<'_> {
    #[inline]
    fn deref_mut(&mut self) -> &mut Chain {
        &mut self.chain
    }
}

impl Drop for Locked<'_> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the chain is not used after this.
        let chain = unsafe { ManuallyDrop::take(&mut self.chain) };
        self.head.unlock(item::into_raw(chain));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::chain;

    #[test]
    fn what_is_linked_under_the_lock_is_there_under_the_next() {
        let bucket = Bucket::default();
        for key in [b"a", b"b"] {
            chain::prepend(&mut bucket.lock(), Item::new(key, b"", None));
        }
        assert!(!bucket.hint().is_null());
        let locked = bucket.lock();
        let keys: Vec<_> = chain::items(&locked).map(Item::key).collect();
        assert_eq!(keys, [b"b", b"a"]);
    }

    #[test]
    fn a_panic_under_the_lock_gives_it_back() {
        let bucket = Bucket::default();
        let panicking = std::panic::AssertUnwindSafe(|| {
            let mut locked = bucket.lock();
            chain::prepend(&mut locked, Item::new(b"key", b"", None));
            panic!("while reading");
        });
        assert!(std::panic::catch_unwind(panicking).is_err());
        assert!(bucket.lock().is_some());
    }
}
