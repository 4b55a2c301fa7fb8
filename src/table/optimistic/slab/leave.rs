//! Which page is being left: its entries move to others of their class, so that other classes and the system get it.
//!
//! ```text
//!   a class's list of pages with room                    its entries in use,
//!   ┌──────┐  ┌──────┐  ┌──────┐  ┌──────┐  emptiest of  a few with each call
//!   │ full │──│      │──│      │──│ ▪    │ ────────────▶ ───────────────────▶ blocks of the others
//!   └──────┘  └──────┘  └──────┘  └──────┘  the last                          the page goes to the pool
//! ```
//!
//! One page of a slab at a time, and one thread at a time, which goes on where another stopped. Which of the page's blocks
//! hold entries nobody knows here: the table, which is asked about each, finds out by way of its key.

use std::ptr::NonNull;

use super::depot::Depot;
use super::free::Run;
use super::page::EAGER;
use super::pool::Pool;
use super::sizes::{PAGE, class_bytes};

/// Pages that in a row did not become empty before there is a rest.
const PATIENCE: u32 = 9;
/// Calls that a rest lasts.
const REST: u32 = 64;
/// Classes that are asked for a page, those with most room first.
const ASKED: usize = 4;

/// The page that is being left, and how it went with those before.
#[derive(Default)]
pub(super) struct Leaving {
    now: Option<Page>,
    /// Pages that did not become empty since one last did.
    stayed: u32,
    /// Calls to come that do nothing.
    rest: u32,
    /// Entries that moved.
    #[cfg(all(test, not(loom)))]
    pub(super) moved: usize,
    /// Pages that became empty.
    #[cfg(all(test, not(loom)))]
    pub(super) left: usize,
}

/// A page that is being left.
pub(super) struct Page {
    pub(super) class: usize,
    /// The blocks that have not been looked at.
    blocks: Run,
}

impl Page {
    /// The next block, which may hold an entry or not.
    pub(super) fn next(&mut self) -> Option<NonNull<u8>> {
        self.blocks.cut(class_bytes(self.class))
    }

    fn is_done(&self) -> bool {
        self.blocks.count == 0
    }
}

impl Leaving {
    /// The page to go on with, or another one if there is one worth it. `come_home` is told of its class before
    /// it is picked, so that the caller gives back what it has at hand.
    pub(super) fn page(
        &mut self,
        depots: &[Depot],
        pool: &Pool,
        mut come_home: impl FnMut(usize),
    ) -> Option<&mut Page> {
        // Others freed what was left in it: it may be any class's by now.
        let is_gone = |page: &mut Page| !depots[page.class].is_leaving();
        if self.now.take_if(is_gone).is_some() {
            self.ends_empty();
        }
        if self.rest > 0 && !EAGER {
            self.rest -= 1;
            return None;
        }
        if let Some(page) = &self.now {
            come_home(page.class);
        } else {
            self.now = pick(depots, pool, come_home);
            if self.now.is_none() {
                self.rest = REST;
            }
        }
        self.now.as_mut()
    }

    /// Whether there is a page to go on with.
    pub(super) fn is_begun(&self) -> bool {
        self.now.is_some()
    }

    fn ends_empty(&mut self) {
        self.stayed = 0;
        #[cfg(all(test, not(loom)))]
        {
            self.left += 1;
        }
    }

    /// Ends with the page if all of its blocks have been looked at.
    pub(super) fn end_if_done(&mut self, depots: &[Depot]) {
        let Some(page) = self.now.take_if(|page| page.is_done()) else {
            return;
        };
        if depots[page.class].end_leaving() {
            self.ends_empty();
            return;
        }
        self.stayed += 1;
        if self.stayed == PATIENCE {
            (self.stayed, self.rest) = (0, REST);
        }
    }
}

fn pick(depots: &[Depot], pool: &Pool, mut come_home: impl FnMut(usize)) -> Option<Page> {
    let mut classes: Vec<(usize, usize)> = depots
        .iter()
        .map(Depot::room)
        .enumerate()
        .filter(|(_, room)| *room >= PAGE || EAGER && *room > 0)
        .collect();
    classes.sort_unstable_by_key(|(_, room)| std::cmp::Reverse(*room));
    classes.into_iter().take(ASKED).find_map(|(class, _)| {
        come_home(class);
        let blocks = depots[class].begin_leaving(pool)?;
        Some(Page { class, blocks })
    })
}
