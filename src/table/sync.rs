//! The locks and atomics that tables are made of: the processor's, or those of a scheduler of tests.
//!
//! Under `--cfg shuttle` each operation on one of them is a point at which shuttle may run another thread: so the
//! schedules of whole tables are tried (`verify::schedules`). All threads of a schedule share one thread of the
//! system, and each sees what the last one did at once: the memory is *sequentially consistent*, whatever orderings are
//! asked for. The atomics have the size and the zeros of the processor's, as tables map zeroed memory to them.

#[cfg(not(all(test, shuttle)))]
pub(super) use parking_lot::{Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};

#[cfg(all(test, shuttle))]
pub(super) use scheduled::{Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// The atomics; [`Ordering`](std::sync::atomic::Ordering) and fences are the processor's in both cases.
pub(super) mod atomic {
    #[cfg(all(test, shuttle))]
    pub(in crate::table) use super::scheduled::{
        AtomicBool, AtomicI64, AtomicPtr, AtomicU64, AtomicUsize,
    };
    #[cfg(not(all(test, shuttle)))]
    pub(in crate::table) use std::sync::atomic::{
        AtomicBool, AtomicI64, AtomicPtr, AtomicU64, AtomicUsize,
    };
    pub(in crate::table) use std::sync::atomic::{Ordering, fence};
}

#[cfg(all(test, shuttle))]
pub(crate) use scheduled::give_way;

#[cfg(all(test, shuttle))]
mod scheduled {
    use std::sync::atomic::{self as processor, Ordering};
    use std::time::Duration;

    use parking_lot::lock_api::{self, RawMutex, RawRwLock};

    pub(in crate::table) type Mutex<T> = lock_api::Mutex<Lock, T>;
    pub(in crate::table) type MutexGuard<'l, T> = lock_api::MutexGuard<'l, Lock, T>;
    pub(in crate::table) type RwLock<T> = lock_api::RwLock<Lock, T>;
    pub(in crate::table) type RwLockReadGuard<'l, T> = lock_api::RwLockReadGuard<'l, Lock, T>;
    pub(in crate::table) type RwLockWriteGuard<'l, T> = lock_api::RwLockWriteGuard<'l, Lock, T>;

    /// Another thread may run here.
    fn point() {
        // A thread that unwinds runs to its end.
        if !std::thread::panicking() {
            // Shuttle has no time: to sleep is to be ready at once.
            shuttle::thread::sleep(Duration::ZERO);
        }
    }

    /// Another thread has to run for this one to get on.
    pub(crate) fn give_way() {
        if !std::thread::panicking() {
            shuttle::thread::yield_now();
        }
    }

    /// The readers of a lock, or `WRITER`: a lock of either kind.
    #[derive(Debug)]
    pub struct Lock(processor::AtomicUsize);

    const WRITER: usize = usize::MAX;

    impl Lock {
        /// Changes the holders if they are as they must be; no other thread runs in between.
        fn change(&self, change: impl Fn(usize) -> Option<usize>) -> Option<()> {
            self.0
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, change)
                .ok()
                .map(drop)
        }

        fn wait(try_it: impl Fn() -> Option<()>) {
            point();
            while try_it().is_none() {
                give_way();
            }
        }
    }

    // SAFETY: it is taken where nobody has it, in one step.
    unsafe impl RawMutex for Lock {
        const INIT: Lock = Lock(processor::AtomicUsize::new(0));
        type Guard = ();

        fn lock(&self) {
            Lock::wait(|| RawMutex::try_lock(self));
        }

        fn try_lock(&self) -> Option<()> {
            self.change(|holders| (holders == 0).then_some(WRITER))
        }

        unsafe fn unlock(&self, (): ()) {
            self.0.store(0, Ordering::SeqCst);
            point();
        }

        fn is_locked(&self) -> bool {
            self.0.load(Ordering::SeqCst) != 0
        }
    }

    // SAFETY: a writer takes it where nobody has it, a reader where no writer has it, each in one step.
    unsafe impl RawRwLock for Lock {
        const INIT: Lock = Lock(processor::AtomicUsize::new(0));
        type SharedGuard = ();
        type ExclusiveGuard = ();

        fn lock_shared(&self) {
            Lock::wait(|| self.try_lock_shared());
        }

        fn try_lock_shared(&self) -> Option<()> {
            self.change(|holders| (holders != WRITER).then(|| holders + 1))
        }

        unsafe fn unlock_shared(&self, (): ()) {
            self.0.fetch_sub(1, Ordering::SeqCst);
            point();
        }

        fn lock_exclusive(&self) {
            Lock::wait(|| self.try_lock_exclusive());
        }

        fn try_lock_exclusive(&self) -> Option<()> {
            self.change(|holders| (holders == 0).then_some(WRITER))
        }

        unsafe fn unlock_exclusive(&self, (): ()) {
            self.0.store(0, Ordering::SeqCst);
            point();
        }

        fn is_locked(&self) -> bool {
            self.0.load(Ordering::SeqCst) != 0
        }

        fn is_locked_exclusive(&self) -> bool {
            self.0.load(Ordering::SeqCst) == WRITER
        }
    }

    /// An atomic whose operations are points of a schedule.
    macro_rules! scheduled {
        ($name:ident <$($type:ident)?> of $value:ty $(, $arithmetic:ident)*) => {
            #[derive(Debug)]
            #[repr(transparent)]
            pub(in crate::table) struct $name $(<$type>)? (processor::$name $(<$type>)?);

            impl $(<$type>)? Default for $name $(<$type>)? {
                fn default() -> Self {
                    Self(processor::$name::default())
                }
            }

            #[allow(dead_code, reason = "tables do not need all of them of each type")]
            impl $(<$type>)? $name $(<$type>)? {
                pub(in crate::table) const fn new(value: $value) -> Self {
                    Self(processor::$name::new(value))
                }

                pub(in crate::table) fn load(&self, _: Ordering) -> $value {
                    point();
                    self.0.load(Ordering::SeqCst)
                }

                pub(in crate::table) fn store(&self, value: $value, _: Ordering) {
                    point();
                    self.0.store(value, Ordering::SeqCst);
                }

                pub(in crate::table) fn swap(&self, value: $value, _: Ordering) -> $value {
                    point();
                    self.0.swap(value, Ordering::SeqCst)
                }

                pub(in crate::table) fn compare_exchange(
                    &self,
                    from: $value,
                    to: $value,
                    _: Ordering,
                    _: Ordering,
                ) -> Result<$value, $value> {
                    point();
                    self.0.compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst)
                }

                pub(in crate::table) fn compare_exchange_weak(
                    &self,
                    from: $value,
                    to: $value,
                    first: Ordering,
                    second: Ordering,
                ) -> Result<$value, $value> {
                    self.compare_exchange(from, to, first, second)
                }

                pub(in crate::table) fn get_mut(&mut self) -> &mut $value {
                    self.0.get_mut()
                }

                pub(in crate::table) fn into_inner(self) -> $value {
                    self.0.into_inner()
                }

                $(
                    pub(in crate::table) fn $arithmetic(&self, value: $value, _: Ordering) -> $value {
                        point();
                        self.0.$arithmetic(value, Ordering::SeqCst)
                    }
                )*
            }
        };
    }

    scheduled!(AtomicBool<> of bool);
    scheduled!(AtomicI64<> of i64, fetch_add, fetch_sub);
    scheduled!(AtomicU64<> of u64, fetch_add, fetch_sub, fetch_or, fetch_and);
    scheduled!(AtomicUsize<> of usize, fetch_add, fetch_sub, fetch_max);
    scheduled!(AtomicPtr<T> of *mut T);
}
