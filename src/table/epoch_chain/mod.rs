//! `epoch-chain`: chains that readers walk without a lock, even while the array doubles.
//!
//! As in `striped`, the hash's low bits pick a bucket and each bucket is a linked list. Here the
//! nodes never change once they are linked, except for the link itself, which is stored in one
//! piece: a reader sees the chain before or after, and either is a chain. A set that overwrites
//! puts a new node in the old one's place; what was taken out is freed when no reader can be
//! looking at it.
//!
//! The array doubles under the readers' eyes, by **unzipping**. Each new bucket first points into
//! the old chain, at its own first node: it finds all it wants, and some strangers in between. Then
//! the chains are taken apart, one link each per step, and between two steps the resize waits until
//! everyone who might stand in the way has left:
//!
//! ```text
//!   zipped     2 ─▶ a ─▶ b ─▶ C ─▶ D ─▶ e        a, b, e belong to bucket 2,
//!              6 ─────────────▲                   C, D to bucket 6
//!
//!   step 1     2 ─▶ a ─▶ b ────────────▶ e        whoever wanted e and stood at C or D goes on
//!              6 ─────────────▶ C ─▶ D ─▲         by D's link: wait until they are through
//!
//!   step 2     2 ─▶ a ─▶ b ─▶ e
//!              6 ─▶ C ─▶ D
//! ```
//!
//! **Locking:**
//! - Readers lock nothing. They are pinned in an epoch for one lookup, or for one batch.
//! - A writer holds the mutex of its bucket's stripe, picked by the hash's lowest bits, while it
//!   works and while `edit` runs. It is not pinned while it waits for one.
//! - The array is replaced, and chains are unzipped, while all stripes are held: writers wait for
//!   the whole of it. The resize waits for readers, who wait for nobody.
//!
//! **Memory:** epochs (Fraser 2004, by way of `crossbeam-epoch`, one collector for each table): what
//! is unlinked is deferred and freed once all threads have moved on, after some 64 removals of a
//! session or at `quiesce`; the old array at the end of its resize, after waiting. `usage` counts
//! what is linked. If the larger array cannot be allocated, the table goes on with the one it has.
//!
//! **Good at** reads under any writing, of values of any size, as nothing is copied. **Bad at**
//! overwriting, which allocates and defers; the pin is a full fence, dear for single lookups; and
//! writers feel the resize, with its waits, as one pause.
//!
//! **Source:** Triplett, `McKenney` and Walpole, *Resizable, Scalable, Concurrent Hash Tables via
//! Relativistic Programming*, USENIX ATC 2011 (expansion by unzipping; there under RCU and one
//! lock).

mod node;

#[cfg(all(test, not(loom)))]
mod tests;

use std::ptr::null_mut;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicPtr, Ordering};

use crossbeam_epoch::{Collector, Guard, LocalHandle};
use crossbeam_utils::{Backoff, CachePadded};
use parking_lot::{Mutex, MutexGuard};

use self::node::{Link, Node};
use super::item::{self, buckets_for, items_allowed, low_bits, too_many_buckets};
use super::prefetch::prefetch_read;
use super::{Edit, Env, Outcome, Session, Stored, Strategy};
use crate::base::{
    ByteSplit, Census, EventKind, Key, Param, Params, Range, SpecError, Usage, Worker,
};

/// Keys that `get_many` has in flight: about as many lines as a core can wait for.
const GROUP: usize = 32;

/// Chains whose readers take no lock.
pub struct EpochChain {
    /// Points to an array from `Box::into_raw`. Stored while all stripes are held.
    array: AtomicPtr<Array>,
    stripes: Box<[CachePadded<Mutex<Stripe>>]>,
    /// Items as far as the stripes have reported them.
    reported: CachePadded<AtomicI64>,
    /// Whether some thread is about to grow the table.
    growing: AtomicBool,
    /// Items a bucket before it grows.
    load: f64,
    /// For the journal.
    env: Env,
    /// Frees, when it is dropped, what is still deferred.
    collector: Collector,
}

/// The buckets, and what follows from how many there are.
struct Array {
    heads: Box<[Link]>,
    /// More items than this, and the array doubles.
    limit: i64,
    /// The change in a stripe's items from which on it is reported, as in `striped`.
    report_every: u64,
}

/// What a stripe counts of its own buckets.
#[derive(Default)]
struct Stripe {
    items: u64,
    /// Bytes of its nodes, headers included.
    node_bytes: u64,
    /// Nodes added, less those removed, since the last report.
    unreported: i64,
}

/// A session of [`EpochChain`].
pub struct EpochChainSession<'t> {
    table: &'t EpochChain,
    epoch: LocalHandle,
    scratch: Vec<u8>,
}

/// A stripe whose lock is held, on behalf of one key.
struct Locked<'t> {
    stripe: MutexGuard<'t, Stripe>,
    array: &'t Array,
    /// The link that leads to the key's node, or the last of the chain, which leads nowhere.
    link: &'t Link,
    /// The key's node.
    node: Option<Node<'t>>,
}

impl Array {
    fn open(buckets: usize, stripes: usize, load: f64) -> Option<Array> {
        let limit = items_allowed(buckets, load);
        let held_back = limit / 8 / stripes as u64;
        Some(Array {
            heads: item::empty_buckets(buckets)?,
            limit: i64::try_from(limit).unwrap_or(i64::MAX),
            report_every: held_back.clamp(1, 64),
        })
    }

    #[inline]
    fn head(&self, hash: u64) -> &Link {
        &self.heads[low_bits(hash, self.heads.len())]
    }

    fn bytes(&self) -> u64 {
        size_of_val(&*self.heads) as u64
    }
}

impl EpochChain {
    /// The array, for who is pinned.
    #[inline]
    fn array<'g>(&'g self, _pinned: &'g Guard) -> &'g Array {
        // SAFETY: the pointer is never null, and an array is freed only after all that were pinned
        // when it was replaced have gone.
        unsafe { &*self.array.load(Ordering::Acquire) }
    }

    /// Takes the stripe of a key and finds its place. The caller is not pinned.
    fn lock(&self, key: Key<'_>) -> Locked<'_> {
        let stripe = self.stripes[low_bits(key.hash, self.stripes.len())].lock();
        // SAFETY: the array is replaced and freed only while all stripes are held.
        let array = unsafe { &*self.array.load(Ordering::Acquire) };
        let mut link = array.head(key.hash);
        // SAFETY: the number of stripes divides the number of buckets, so whoever unlinks nodes of
        // this chain must hold the stripe that is held here.
        let mut node = unsafe { Node::follow(link) };
        while let Some(other) = node.filter(|node| !node.has_key(key.hash, key.bytes)) {
            link = other.next();
            // SAFETY: as above.
            node = unsafe { Node::follow(link) };
        }
        Locked {
            stripe,
            array,
            link,
            node,
        }
    }

    /// Doubles the array if the items really exceed its limit. The caller holds no lock and is not
    /// pinned.
    #[cold]
    fn grow_if_full(&self) {
        if self.growing.swap(true, Ordering::Relaxed) {
            return;
        }
        let mut stripes: Vec<_> = self.stripes.iter().map(|stripe| stripe.lock()).collect();
        let mut items = 0;
        for stripe in &mut stripes {
            items += stripe.items;
            stripe.unreported = 0;
        }
        let counted = i64::try_from(items).expect("items fit the address space");
        self.reported.store(counted, Ordering::Relaxed);
        // SAFETY: all stripes are held.
        while unsafe { counted > (*self.array.load(Ordering::Relaxed)).limit } && self.double() {}
        // Still under the locks: whoever adds an item from here on is not turned away.
        self.growing.store(false, Ordering::Relaxed);
    }

    /// Doubles the array; whether there was memory for it. All stripes are held.
    fn double(&self) -> bool {
        let old = self.array.load(Ordering::Relaxed);
        // SAFETY: the array is replaced only here, under all stripes.
        let heads = unsafe { &(*old).heads };
        let (from, to) = (heads.len(), 2 * heads.len());
        self.env.note(EventKind::Begin, from, to);
        let Some(new) = Array::open(to, self.stripes.len(), self.load) else {
            self.env.note(EventKind::End, from, from);
            return false;
        };
        for (bucket, head) in new.heads.iter().enumerate() {
            let first =
                nodes(&heads[bucket & (from - 1)]).find(|node| low_bits(node.hash(), to) == bucket);
            head.store(first.map_or(null_mut(), Node::as_ptr), Ordering::Relaxed);
        }
        // Where each old chain is still zipped, the node from which on it is.
        let mut zipped: Vec<_> = heads.iter().filter_map(|head| nodes(head).next()).collect();
        self.array
            .store(Box::into_raw(Box::new(new)), Ordering::Release);
        let epoch = self.collector.register();
        wait_for_readers(&epoch);
        // SAFETY: it came from `Box::into_raw`, and nobody who could have loaded it is left:
        // readers have gone, and writers wait for a stripe.
        drop(unsafe { Box::from_raw(old) });
        loop {
            zipped = zipped
                .into_iter()
                .filter_map(|node| unzip_step(node, to))
                .collect();
            if zipped.is_empty() {
                break;
            }
            self.env.note(EventKind::Step, from, to);
            wait_for_readers(&epoch);
        }
        self.env.note(EventKind::End, from, to);
        true
    }
}

/// The nodes of a chain, for who holds its stripe, or the table for itself, as long as the items
/// are used.
fn nodes<'n>(head: &Link) -> impl Iterator<Item = Node<'n>> + use<'n> {
    // SAFETY: all callers are in this file and keep to the condition above.
    let first = unsafe { Node::follow(head) };
    // SAFETY: as above.
    std::iter::successors(first, |node| unsafe { Node::follow(node.next()) })
}

/// Passes over the run of nodes from `start` on that share a bucket of the larger array, and links
/// its last to the next node of that bucket. Where the chain goes on from here, if it does.
fn unzip_step(start: Node<'_>, buckets: usize) -> Option<Node<'_>> {
    let bucket = |node: &Node<'_>| low_bits(node.hash(), buckets);
    let own = bucket(&start);
    let mut last = start;
    let mut rest = nodes(start.next());
    let stranger = loop {
        let node = rest.next()?;
        if bucket(&node) != own {
            break node;
        }
        last = node;
    };
    let back_home = rest.find(|node| bucket(node) == own);
    last.next().store(
        back_home.map_or(null_mut(), Node::as_ptr),
        Ordering::Release,
    );
    Some(stranger)
}

/// Returns when everyone who is pinned now has been unpinned.
fn wait_for_readers(epoch: &LocalHandle) {
    let gone = Arc::new(AtomicBool::new(false));
    let guard = epoch.pin();
    let signal = Arc::clone(&gone);
    guard.defer(move || signal.store(true, Ordering::Release));
    guard.flush();
    drop(guard);
    let backoff = Backoff::new();
    while !gone.load(Ordering::Acquire) {
        backoff.snooze();
        epoch.pin().flush();
    }
}

impl<'t> Locked<'t> {
    /// Links a new node in the place of the present one, or at the chain's end; whether the table
    /// may be full then.
    fn store(
        &mut self,
        table: &EpochChain,
        key: Key<'_>,
        value: &[u8],
        epoch: &LocalHandle,
    ) -> bool {
        let next = self
            .node
            .map_or(null_mut(), |node| node.next().load(Ordering::Relaxed));
        let new = Node::<'t>::new(key.hash, key.bytes, value, next);
        self.stripe.node_bytes += new.size();
        self.link.store(new.as_ptr(), Ordering::Release);
        match self.node {
            Some(old) => {
                self.retire(old, epoch);
                false
            }
            None => self.count(table, 1),
        }
    }

    /// Unlinks the present node.
    fn remove(&mut self, table: &EpochChain, node: Node<'t>, epoch: &LocalHandle) {
        self.link
            .store(node.next().load(Ordering::Relaxed), Ordering::Release);
        self.retire(node, epoch);
        self.count(table, -1);
    }

    /// Frees a node that has been unlinked, once nobody looks at it.
    fn retire(&mut self, node: Node<'t>, epoch: &LocalHandle) {
        self.stripe.node_bytes -= node.size();
        // SAFETY: the node has been unlinked, so only who is pinned now can be looking at it, and
        // what is deferred happens after they have gone. No other thread unlinks it again.
        unsafe { epoch.pin().defer_unchecked(move || node.free()) };
    }

    /// Counts a node more or less and reports it if it is time; whether the array is full then.
    fn count(&mut self, table: &EpochChain, change: i64) -> bool {
        self.stripe.items = self.stripe.items.wrapping_add_signed(change);
        self.stripe.unreported += change;
        if self.stripe.unreported.unsigned_abs() < self.array.report_every {
            return false;
        }
        let change = std::mem::take(&mut self.stripe.unreported);
        // Relaxed: a hint, as what is decided by it is counted again under all locks.
        let before = table.reported.fetch_add(change, Ordering::Relaxed);
        change > 0 && before + change > self.array.limit
    }
}

impl Strategy for EpochChain {
    const NAME: &'static str = "epoch-chain";
    const ABOUT: &'static str = "chains that readers walk without a lock, pinned in an epoch; \
                                 grows by unzipping under their eyes.";
    const PARAMS: &'static [Param] = &[
        Param {
            name: "buckets",
            range: Range::PowerOfTwo {
                default: 1024,
                min: 1,
                max: 1 << 32,
            },
            meaning: "buckets at the start",
        },
        Param {
            name: "load",
            range: Range::Decimal {
                default: 1.5,
                min: 0.1,
                max: 1000.0,
            },
            meaning: "items a bucket before the array doubles",
        },
        Param {
            name: "stripes",
            range: Range::PowerOfTwo {
                default: 1024,
                min: 1,
                max: 1 << 20,
            },
            meaning: "locks of writers; never more than buckets at the start",
        },
        Param::CAPACITY,
    ];
    type Session<'t> = EpochChainSession<'t>;

    fn open(params: &Params, env: &Env) -> Result<EpochChain, SpecError> {
        let load = params.decimal("load");
        let buckets = buckets_for(params.integer("capacity"), load, params.size("buckets"));
        let stripes = params.size("stripes").min(params.size("buckets"));
        let array = Array::open(buckets, stripes, load)
            .ok_or_else(|| too_many_buckets(EpochChain::NAME, buckets))?;
        Ok(EpochChain {
            array: AtomicPtr::new(Box::into_raw(Box::new(array))),
            stripes: (0..stripes).map(|_| CachePadded::default()).collect(),
            reported: CachePadded::default(),
            growing: AtomicBool::new(false),
            load,
            env: env.clone(),
            collector: Collector::new(),
        })
    }

    fn session(&self, _who: Worker) -> EpochChainSession<'_> {
        let epoch = self.collector.register();
        EpochChainSession {
            table: self,
            epoch,
            scratch: Vec::new(),
        }
    }

    fn usage(&self) -> Usage {
        let mut usage = Usage::default();
        for stripe in &self.stripes {
            let stripe = stripe.lock();
            usage.items += stripe.items;
            usage.bytes += stripe.node_bytes;
        }
        let _stripe = self.stripes[0].lock();
        // SAFETY: the array is replaced and freed only while all stripes are held.
        let array = unsafe { &*self.array.load(Ordering::Acquire) };
        usage.bytes += array.bytes() + size_of_val(&*self.stripes) as u64;
        usage
    }

    fn census(&mut self) -> Census {
        // SAFETY: the exclusive borrow says that nobody is working on the table.
        let array = unsafe { &**self.array.get_mut() };
        let mut census = Census {
            bytes: ByteSplit {
                bucket_array: array.bytes() + size_of_val(&*self.stripes) as u64,
                ..ByteSplit::default()
            },
            ..Census::default()
        };
        for head in &array.heads {
            let mut length = 0;
            for node in nodes(head) {
                length += 1;
                census.bytes.header += Node::HEADER as u64;
                census.bytes.key += node.key().len() as u64;
                census.bytes.value += node.value().len() as u64;
            }
            census.items += length as u64;
            census.count_chain(length);
        }
        census
    }
}

impl Drop for EpochChain {
    fn drop(&mut self) {
        // SAFETY: it came from `Box::into_raw`, and no session is left.
        let array = unsafe { Box::from_raw(*self.array.get_mut()) };
        for head in &array.heads {
            let mut next = nodes(head).next();
            while let Some(node) = next {
                next = nodes(node.next()).next();
                // SAFETY: no session is left, and each node is in one chain, once.
                unsafe { node.free() };
            }
        }
    }
}

impl Session for EpochChainSession<'_> {
    #[inline]
    fn get<R>(&mut self, key: Key<'_>, read: impl FnOnce(&[u8]) -> R) -> Option<R> {
        let pinned = self.epoch.pin();
        let head = self.table.array(&pinned).head(key.hash);
        find(head, key, &pinned).map(|node| read(node.value()))
    }

    fn set(&mut self, key: Key<'_>, value: &[u8]) -> Stored {
        let mut locked = self.table.lock(key);
        let replaced = locked.node.is_some();
        let full = locked.store(self.table, key, value, &self.epoch);
        drop(locked);
        if full {
            self.table.grow_if_full();
        }
        if replaced {
            Stored::Replaced
        } else {
            Stored::Created
        }
    }

    fn remove(&mut self, key: Key<'_>) -> bool {
        let mut locked = self.table.lock(key);
        let Some(node) = locked.node else {
            return false;
        };
        locked.remove(self.table, node, &self.epoch);
        true
    }

    fn update<R>(
        &mut self,
        key: Key<'_>,
        mut edit: impl FnMut(Option<&[u8]>, &mut Vec<u8>) -> (Edit, R),
    ) -> (Outcome, R) {
        let (table, epoch, scratch) = (self.table, &self.epoch, &mut self.scratch);
        let mut locked = table.lock(key);
        scratch.clear();
        let (edit, result) = edit(locked.node.map(Node::value), scratch);
        let mut full = false;
        let outcome = match (edit, locked.node) {
            (Edit::Keep, _) | (Edit::Remove, None) => Outcome::Kept,
            (Edit::Store, node) => {
                full = locked.store(table, key, scratch, epoch);
                if node.is_some() {
                    Outcome::Replaced
                } else {
                    Outcome::Created
                }
            }
            (Edit::Patch { at }, node) => {
                let value = node.expect("a patch needs an entry").value();
                let end = at
                    .checked_add(scratch.len())
                    .filter(|end| *end <= value.len());
                let end = end.expect("a patch never lengthens the value");
                // What readers may be looking at never changes: the patch is made in a copy.
                scratch.splice(0..0, value[..at].iter().copied());
                scratch.extend_from_slice(&value[end..]);
                locked.store(table, key, scratch, epoch);
                Outcome::Replaced
            }
            (Edit::Remove, Some(node)) => {
                locked.remove(table, node, epoch);
                Outcome::Removed
            }
        };
        drop(locked);
        if full {
            table.grow_if_full();
        }
        (outcome, result)
    }

    fn get_many(&mut self, keys: &[Key<'_>], mut each: impl FnMut(usize, Option<&[u8]>)) {
        let pinned = self.epoch.pin();
        let array = self.table.array(&pinned);
        for (group, keys) in keys.chunks(GROUP).enumerate() {
            for key in keys {
                prefetch_read(array.head(key.hash));
            }
            for key in keys {
                // The first node only: it is the one in most chains. Header and key, then value.
                let first = array
                    .head(key.hash)
                    .load(Ordering::Relaxed)
                    .cast_const()
                    .cast::<u8>();
                prefetch_read(first);
                prefetch_read(first.wrapping_add(64));
            }
            for (at, key) in keys.iter().enumerate() {
                let found = find(array.head(key.hash), *key, &pinned);
                each(group * GROUP + at, found.map(Node::value));
            }
        }
    }

    fn insert_new(&mut self, key: Key<'_>, value: &[u8]) {
        let table = self.table;
        let stripe = table.stripes[low_bits(key.hash, table.stripes.len())].lock();
        // SAFETY: the array is replaced and freed only while all stripes are held.
        let array = unsafe { &*table.array.load(Ordering::Acquire) };
        let link = array.head(key.hash);
        debug_assert!(
            nodes(link)
                .take(64)
                .all(|node| !node.has_key(key.hash, key.bytes)),
            "insert_new of a key that is present"
        );
        let mut locked = Locked {
            stripe,
            array,
            link,
            node: None,
        };
        let new = Node::new(key.hash, key.bytes, value, link.load(Ordering::Relaxed));
        locked.stripe.node_bytes += new.size();
        link.store(new.as_ptr(), Ordering::Release);
        let full = locked.count(table, 1);
        drop(locked);
        if full {
            table.grow_if_full();
        }
    }

    fn quiesce(&mut self) {
        self.epoch.pin().flush();
    }
}

/// Walks a chain to the node of a key, as a reader.
#[inline]
fn find<'g>(head: &Link, key: Key<'_>, _pinned: &'g Guard) -> Option<Node<'g>> {
    // SAFETY: for both: pinned since before the array was loaded, and until `'g` ends.
    let mut node: Option<Node<'g>> = unsafe { Node::follow(head) };
    while let Some(other) = node.filter(|node| !node.has_key(key.hash, key.bytes)) {
        // SAFETY: as above.
        node = unsafe { Node::follow(other.next()) };
    }
    node
}
