//! Which heap a process has, and in which pages.
//!
//! The allocator is chosen at the birth of the process (`choice`). Pages are asked for by the means of each
//! allocator, and [`Heap::settle`] looks whether they come: what cannot be had is an error, never
//! something else in silence.

use std::hint::black_box;

use serde::{Deserialize, Serialize};

use super::choice::{ALLOCATOR, Allocator, chosen};
use super::counting;
use super::memory::{huge_page_bytes, trim};
use crate::base::{BadInput, Written, unknown_name};

/// Bytes of the block that is tried for huge pages: above the largest threshold up to which glibc
/// learns from a block that is freed to keep such blocks (32 MiB, mallopt(3)).
const TRIED_BYTES: usize = 48 << 20;

/// In which pages memory comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pages {
    /// As the kernel and the allocator have it; mimalloc asks for huge ones by itself.
    #[default]
    Default,
    /// Base pages only.
    Small,
    /// Transparent huge pages where they fit.
    Huge,
}

impl Pages {
    const ALL: [Pages; 3] = [Pages::Default, Pages::Small, Pages::Huge];

    /// Their name in suites, flags and rows.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Pages::Default => "default",
            Pages::Small => "small",
            Pages::Huge => "huge",
        }
    }
}

impl std::str::FromStr for Pages {
    type Err = BadInput;

    fn from_str(text: &str) -> Result<Pages, BadInput> {
        Pages::read(text)
    }
}

impl Written for Pages {
    const WANTED: &'static str = "a page mode: default, small or huge";

    fn read(text: &str) -> Result<Pages, BadInput> {
        let all = Pages::ALL.into_iter();
        let found = all.clone().find(|one| one.word() == text);
        found.ok_or_else(|| unknown_name("page mode", text, all.map(Pages::word)))
    }
}

/// The heap of a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heap {
    /// Where memory comes from.
    pub allocator: Allocator,
    /// In which pages.
    pub pages: Pages,
}

impl Heap {
    /// What it adds to the name of a target: nothing where all is as it comes by default, else
    /// ` (mimalloc)`, ` (huge pages)` or ` (mimalloc, huge pages)`.
    #[must_use]
    pub fn suffix(self) -> String {
        let mut words = Vec::new();
        if self.allocator != Allocator::default() {
            words.push(self.allocator.word().to_owned());
        }
        if self.pages != Pages::default() {
            words.push(format!("{} pages", self.pages.word()));
        }
        if words.is_empty() {
            String::new()
        } else {
            format!(" ({})", words.join(", "))
        }
    }

    /// Environment variables that a process with this heap must be born with.
    #[must_use]
    pub fn environment(self) -> Vec<(String, String)> {
        let name = ALLOCATOR.to_string_lossy().into_owned();
        let mut variables = vec![(name, self.allocator.word().to_owned())];
        if self.allocator == Allocator::System && self.pages == Pages::Huge {
            // glibc 2.35 and later; others take no notice, and `settle` finds out.
            let mut tunables = std::env::var("GLIBC_TUNABLES").unwrap_or_default();
            if !tunables.is_empty() {
                tunables.push(':');
            }
            tunables += "glibc.malloc.hugetlb=1";
            variables.push(("GLIBC_TUNABLES".to_owned(), tunables));
            // glibc (2.36 and around) compares what the kernel says of its huge pages together with one byte of the
            // stack behind it, which the lazy binding of functions leaves different from 0 in one process of
            // five, or of ten all but one.
            variables.push(("LD_BIND_NOW".to_owned(), "1".to_owned()));
        }
        variables
    }

    /// Makes sure that this process, born with [`Heap::environment`], has this heap.
    ///
    /// # Errors
    /// Why it cannot be had.
    pub fn settle(self) -> Result<(), String> {
        let has = if counting::installed() {
            chosen()
        } else {
            Allocator::System
        };
        if has != self.allocator {
            return Err(format!(
                "allocator {}: the program has not installed the allocator that can choose",
                self.allocator.word()
            ));
        }
        match self.pages {
            Pages::Default => Ok(()),
            Pages::Small => only_small_pages(),
            Pages::Huge => {
                if huge_pages_come() {
                    return Ok(());
                }
                Err(format!(
                    "huge pages: the kernel gave none for a block of {} MiB; see \
                     /sys/kernel/mm/transparent_hugepage/enabled",
                    TRIED_BYTES >> 20
                ))
            }
        }
    }
}

/// Forbids this process transparent huge pages from now on.
fn only_small_pages() -> Result<(), String> {
    // SAFETY: this request takes integers only and touches no memory of ours.
    let refused = unsafe { libc::prctl(libc::PR_SET_THP_DISABLE, 1, 0, 0, 0) } != 0;
    if refused {
        let why = std::io::Error::last_os_error();
        return Err(format!("small pages: the kernel refuses: {why}"));
    }
    Ok(())
}

/// Whether a large block comes in huge pages.
fn huge_pages_come() -> bool {
    let before = huge_page_bytes();
    // Ones, so that every page is written to.
    let tried = black_box(vec![1_u8; TRIED_BYTES]);
    let came = huge_page_bytes() > before;
    drop(tried);
    trim();
    came
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_both_ways_and_wrong_ones_are_named() {
        for one in Allocator::ALL {
            assert_eq!(one.word().parse::<Allocator>().unwrap(), one);
            let json = serde_json::to_string(&one).unwrap();
            assert_eq!(json, format!("\"{}\"", one.word()));
        }
        for one in Pages::ALL {
            assert_eq!(one.word().parse::<Pages>().unwrap(), one);
            let json = serde_json::to_string(&one).unwrap();
            assert_eq!(json, format!("\"{}\"", one.word()));
        }
        let error = "mimaloc".parse::<Allocator>().unwrap_err().to_string();
        assert!(error.contains("mimalloc"), "{error}");
        assert!("hugs".parse::<Pages>().is_err());
    }

    #[test]
    fn only_what_differs_from_the_default_is_in_a_name() {
        let heap = |allocator, pages| Heap { allocator, pages }.suffix();
        assert_eq!(Heap::default().suffix(), "");
        assert_eq!(heap(Allocator::Mimalloc, Pages::Default), " (mimalloc)");
        assert_eq!(heap(Allocator::System, Pages::Huge), " (huge pages)");
        let both = heap(Allocator::Mimalloc, Pages::Small);
        assert_eq!(both, " (mimalloc, small pages)");
    }

    #[test]
    fn a_process_is_born_with_its_choice() {
        let environment = Heap::default().environment();
        assert_eq!(environment.len(), 1);
        assert_eq!(environment[0].1, "system");
        let huge = Heap {
            pages: Pages::Huge,
            ..Heap::default()
        };
        let environment = huge.environment();
        assert!(environment[1].1.ends_with("glibc.malloc.hugetlb=1"));
        assert_eq!(environment[2].0, "LD_BIND_NOW");
    }

    /// The library's own tests run without the allocator that can choose.
    #[test]
    fn what_was_not_chosen_cannot_be_had() {
        let mimalloc = Heap {
            allocator: Allocator::Mimalloc,
            ..Heap::default()
        };
        let why = mimalloc.settle().unwrap_err();
        assert!(why.starts_with("allocator mimalloc"), "{why}");
        assert_eq!(Heap::default().settle(), Ok(()));
    }
}
