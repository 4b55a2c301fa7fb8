//! The allocator that a process chooses at its birth, by its environment.
//!
//! The allocator of a Rust program is linked in, and a block must be freed where it came from. So both
//! allocators are there, and the first allocation decides for good, by the variable [`ALLOCATOR`].

use std::alloc::{GlobalAlloc, Layout, System};
use std::ffi::CStr;
use std::sync::atomic::{AtomicU8, Ordering};

use mimalloc::MiMalloc;
use serde::{Deserialize, Serialize};

use crate::base::{BadInput, Written, unknown_name};

/// The environment variable that decides: the word of an [`Allocator`].
pub(super) const ALLOCATOR: &CStr = c"BUCKETLAB_ALLOCATOR";

/// Where memory comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Allocator {
    /// The C library's.
    #[default]
    System,
    /// Microsoft's mimalloc, version 3.
    Mimalloc,
}

impl Allocator {
    pub(super) const ALL: [Allocator; 2] = [Allocator::System, Allocator::Mimalloc];

    /// Its name in suites, flags and rows.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Allocator::System => "system",
            Allocator::Mimalloc => "mimalloc",
        }
    }
}

impl std::str::FromStr for Allocator {
    type Err = BadInput;

    fn from_str(text: &str) -> Result<Allocator, BadInput> {
        Allocator::read(text)
    }
}

impl Written for Allocator {
    const WANTED: &'static str = "an allocator: system or mimalloc";

    fn read(text: &str) -> Result<Allocator, BadInput> {
        let all = Allocator::ALL.into_iter();
        let found = all.clone().find(|one| one.word() == text);
        found.ok_or_else(|| unknown_name("allocator", text, all.map(Allocator::word)))
    }
}

const UNDECIDED: u8 = 0;
const SYSTEM: u8 = 1;
const MIMALLOC: u8 = 2;

static CHOICE: AtomicU8 = AtomicU8::new(UNDECIDED);

/// The allocator that this process has. Decides if nothing was allocated before.
pub(super) fn chosen() -> Allocator {
    match choice() {
        MIMALLOC => Allocator::Mimalloc,
        _ => Allocator::System,
    }
}

#[inline]
fn choice() -> u8 {
    // Relaxed: every thread that finds it undecided decides the same, and no other memory hangs on it.
    match CHOICE.load(Ordering::Relaxed) {
        UNDECIDED => decide(),
        choice => choice,
    }
}

/// Reads the environment as it is, since anything better would allocate.
#[cold]
fn decide() -> u8 {
    // SAFETY: the name ends with a NUL. The environment is the one that the process was born with:
    // nothing in this program changes it, so that no other thread can do so meanwhile.
    let value = unsafe { libc::getenv(ALLOCATOR.as_ptr()) };
    // SAFETY: what is not null is a string that ends with a NUL and lives as long as the environment.
    let mimalloc = !value.is_null() && unsafe { CStr::from_ptr(value) } == c"mimalloc";
    let choice = if mimalloc { MIMALLOC } else { SYSTEM };
    CHOICE.store(choice, Ordering::Relaxed);
    choice
}

/// The heap that was chosen at the birth of the process.
#[derive(Debug)]
pub(super) struct ChosenHeap;

// SAFETY: every method hands its arguments unchanged to an allocator that keeps the contract, and
// returns what it returned. All calls of a process go to the same one: the choice is made before the
// first block is handed out, depends on the environment at birth alone, and never changes, so that a
// block goes back to where it came from.
unsafe impl GlobalAlloc for ChosenHeap {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match choice() {
            // SAFETY: the caller's promises are the ones that is asked for; so in all of these.
            MIMALLOC => unsafe { MiMalloc.alloc(layout) },
            // SAFETY: as above.
            _ => unsafe { System.alloc(layout) },
        }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        match choice() {
            // SAFETY: as in `alloc`.
            MIMALLOC => unsafe { MiMalloc.alloc_zeroed(layout) },
            // SAFETY: as in `alloc`.
            _ => unsafe { System.alloc_zeroed(layout) },
        }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        match choice() {
            // SAFETY: the block came from the same choice, and the rest as in `alloc`.
            MIMALLOC => unsafe { MiMalloc.dealloc(block, layout) },
            // SAFETY: as above.
            _ => unsafe { System.dealloc(block, layout) },
        }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        match choice() {
            // SAFETY: as in `dealloc`; the caller vouches for the new size.
            MIMALLOC => unsafe { MiMalloc.realloc(block, layout, size) },
            // SAFETY: as above.
            _ => unsafe { System.realloc(block, layout, size) },
        }
    }
}
