//! The two kinds of lock that twins differ in: one holder at a time, or many readers together.
//!
//! `resizable` and `rwlock` are one text over a [`Lock`], and so are `striped` and `striped-rw`. The
//! compiler makes a program of its own for each.

use std::ops::{Deref, DerefMut};

use crate::table::sync::{Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// A kind of lock, over content of any type.
///
/// # Safety
/// While an exclusive guard of a lock exists, no other guard of it does. Tables rest on it where one
/// lock protects what lies outside of it.
pub unsafe trait Lock: Send + Sync + 'static {
    /// The lock.
    type Of<T: Send + Sync + 'static>: Send + Sync;
    /// A guard that may exist beside other shared ones.
    type Shared<'l, T: Send + Sync + 'static>: Deref<Target = T>;
    /// A guard that exists alone.
    type Exclusive<'l, T: Send + Sync + 'static>: DerefMut<Target = T>;

    /// A lock, free.
    fn over<T: Send + Sync + 'static>(content: T) -> Self::Of<T>;

    /// Takes it to read.
    fn share<T: Send + Sync + 'static>(lock: &Self::Of<T>) -> Self::Shared<'_, T>;

    /// Takes it to write.
    fn exclude<T: Send + Sync + 'static>(lock: &Self::Of<T>) -> Self::Exclusive<'_, T>;

    /// The content, without locking: the borrow excludes everyone else.
    fn get_mut<T: Send + Sync + 'static>(lock: &mut Self::Of<T>) -> &mut T;
}

/// A mutex: readers exclude each other too.
#[derive(Debug)]
pub enum Excluding {}

// SAFETY: all guards are those of a mutex, of which one exists at a time.
unsafe impl Lock for Excluding {
    type Of<T: Send + Sync + 'static> = Mutex<T>;
    type Shared<'l, T: Send + Sync + 'static> = MutexGuard<'l, T>;
    type Exclusive<'l, T: Send + Sync + 'static> = MutexGuard<'l, T>;

    #[inline]
    fn over<T: Send + Sync + 'static>(content: T) -> Mutex<T> {
        Mutex::new(content)
    }

    #[inline]
    fn share<T: Send + Sync + 'static>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
        lock.lock()
    }

    #[inline]
    fn exclude<T: Send + Sync + 'static>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
        lock.lock()
    }

    #[inline]
    fn get_mut<T: Send + Sync + 'static>(lock: &mut Mutex<T>) -> &mut T {
        lock.get_mut()
    }
}

/// A reader–writer lock: readers share it.
#[derive(Debug)]
pub enum Sharing {}

// SAFETY: a write guard of a reader–writer lock excludes all other guards.
unsafe impl Lock for Sharing {
    type Of<T: Send + Sync + 'static> = RwLock<T>;
    type Shared<'l, T: Send + Sync + 'static> = RwLockReadGuard<'l, T>;
    type Exclusive<'l, T: Send + Sync + 'static> = RwLockWriteGuard<'l, T>;

    #[inline]
    fn over<T: Send + Sync + 'static>(content: T) -> RwLock<T> {
        RwLock::new(content)
    }

    #[inline]
    fn share<T: Send + Sync + 'static>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
        lock.read()
    }

    #[inline]
    fn exclude<T: Send + Sync + 'static>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
        lock.write()
    }

    #[inline]
    fn get_mut<T: Send + Sync + 'static>(lock: &mut RwLock<T>) -> &mut T {
        lock.get_mut()
    }
}
