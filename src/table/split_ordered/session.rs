//! What one thread does with the table.

use crate::table::sync::atomic::Ordering;

use crossbeam_epoch::LocalHandle;

use super::list::{self, Pinned, Step, Walk, find, node_order};
use super::node::{New, Node, Target};
use super::table::{Pin, SplitOrdered};
use crate::base::{Key, Worker};
use crate::table::buckets;
use crate::table::change::Change;
use crate::table::count::Count;
use crate::table::prefetch::{GROUP, prefetch_read};
use crate::table::{Cursor, Edit, Keep, Outcome, Session, Stored};

/// A session of [`SplitOrdered`].
pub struct SplitOrderedSession<'t> {
    table: &'t SplitOrdered,
    pub(super) epoch: LocalHandle,
    count: Count<'t>,
    scratch: Vec<u8>,
}

impl<'t> SplitOrderedSession<'t> {
    pub(super) fn new(table: &'t SplitOrdered, who: Worker) -> SplitOrderedSession<'t> {
        SplitOrderedSession {
            table,
            epoch: table.collector.register(),
            count: table.counts.session(who),
            scratch: Vec::new(),
        }
    }

    /// Counts what an operation changed, and sees to it that the table grows when it is full.
    #[inline]
    fn count(&mut self, change: Change) {
        if self.count.add(change) {
            self.table.counts.claim.hold(|| self.table.grow());
        }
    }
}

impl Session for SplitOrderedSession<'_> {
    #[inline]
    fn get<R>(&mut self, key: Key<'_>, read: impl FnOnce(&[u8]) -> R) -> Option<R> {
        let guard = self.epoch.pin();
        let node = self.table.pin(&guard).walk(key.hash).finish(key.bytes)?;
        node.touch(self.table.env.recency);
        Some(read(node.value()))
    }

    fn set(&mut self, key: Key<'_>, value: &[u8]) -> Stored {
        // Allocated and copied before the pin.
        let mut new = New::with(node_order(key.hash), key.bytes, value);
        let size = new.size();
        let guard = self.epoch.pin();
        let pin = self.table.pin(&guard);
        let start = pin.start(key.hash);
        loop {
            let place = find(pin, start, node_order(key.hash), key.bytes);
            if self.table.env.recency {
                new.set_used(place.node.is_some());
            }
            let done = match place.node {
                Some(node) => list::replace(node, new),
                None => place.insert(new),
            };
            match (done, place.node) {
                (Err(back), _) => new = back,
                (Ok(()), Some(node)) => {
                    place.clear(pin, start);
                    self.count(Change::resized(node.size(), size));
                    return Stored::Replaced;
                }
                (Ok(()), None) => {
                    drop(guard);
                    self.count(Change::added(size));
                    return Stored::Created;
                }
            }
        }
    }

    fn remove(&mut self, key: Key<'_>) -> bool {
        let guard = self.epoch.pin();
        let pin = self.table.pin(&guard);
        let start = pin.start(key.hash);
        loop {
            let place = find(pin, start, node_order(key.hash), key.bytes);
            let Some(node) = place.node else { return false };
            if list::remove(node) {
                place.clear(pin, start);
                self.count(Change::removed(node.size()));
                return true;
            }
        }
    }

    fn update<R>(
        &mut self,
        key: Key<'_>,
        mut edit: impl FnMut(Option<&[u8]>, &mut Vec<u8>) -> (Edit, R),
    ) -> (Outcome, R) {
        let guard = self.epoch.pin();
        let pin = self.table.pin(&guard);
        let start = pin.start(key.hash);
        let order = node_order(key.hash);
        loop {
            let place = find(pin, start, order, key.bytes);
            self.scratch.clear();
            if let Some(node) = place.node {
                node.touch(self.table.env.recency);
            }
            let value = place.node.map(Node::value);
            let (edit, result) = edit(value, &mut self.scratch);
            let new = match edit {
                Edit::Keep => return (Outcome::Kept, result),
                Edit::Remove => {
                    let Some(node) = place.node else {
                        return (Outcome::Kept, result);
                    };
                    if list::remove(node) {
                        place.clear(pin, start);
                        self.count(Change::removed(node.size()));
                        return (Outcome::Removed, result);
                    }
                    continue;
                }
                Edit::Store => New::with(order, key.bytes, &self.scratch),
                Edit::Patch { at } => {
                    let value = value.expect("a patch needs an entry");
                    New::with_patch(order, key.bytes, value, at, &self.scratch)
                }
            };
            let size = new.size();
            new.set_used(self.table.env.recency && place.node.is_some());
            if let Some(node) = place.node {
                // What was edited is what is replaced: a node's value never changes.
                if list::replace(node, new).is_ok() {
                    place.clear(pin, start);
                    self.count(Change::resized(node.size(), size));
                    return (Outcome::Replaced, result);
                }
            } else if place.insert(new).is_ok() {
                drop(guard);
                self.count(Change::added(size));
                return (Outcome::Created, result);
            }
        }
    }

    /// Asks for all sentinels, then for all first nodes, and then walks in step, each round
    /// asking for what the next one looks at; as `item::find_group` does.
    fn get_many(&mut self, keys: &[Key<'_>], mut each: impl FnMut(usize, Option<&[u8]>)) {
        let guard = self.epoch.pin();
        let pin = self.table.pin(&guard);
        for (from, keys) in (0..).step_by(GROUP).zip(keys.chunks(GROUP)) {
            let count = self.table.count.load(Ordering::Acquire);
            for key in keys {
                prefetch_read(pin.sentinel(buckets::low_bits(key.hash, count)));
            }
            let mut walks: [Option<(usize, Walk<Pin<'_>>)>; GROUP] = [const { None }; GROUP];
            for (slot, (index, key)) in walks.iter_mut().zip(keys.iter().enumerate()) {
                let walk = pin.walk(key.hash);
                walk.prefetch();
                *slot = Some((index, walk));
            }
            let mut walking = keys.len();
            while walking > 0 {
                let mut left = 0;
                for at in 0..walking {
                    let Some((index, mut walk)) = walks[at].take() else {
                        continue;
                    };
                    match walk.step(keys[index].bytes) {
                        Step::Hit(node) => {
                            node.touch(self.table.env.recency);
                            each(from + index, Some(node.value()));
                        }
                        Step::Miss => each(from + index, None),
                        Step::On => {
                            walk.prefetch();
                            walks[left] = Some((index, walk));
                            left += 1;
                        }
                    }
                }
                walking = left;
            }
        }
    }

    /// A cursor is a place in the order of the list, where the stretch of a bucket starts. The order
    /// never changes, and a doubling only makes more such places: what is there throughout is seen
    /// once, or more often where it is overwritten while it is looked at.
    fn walk(
        &mut self,
        from: Cursor,
        buckets: usize,
        mut see: impl FnMut(&[u8], &[u8], bool) -> Keep,
    ) -> Cursor {
        let guard = self.epoch.pin();
        let pin = self.table.pin(&guard);
        let count = self.table.count.load(Ordering::Acquire);
        // No end: to that of the list.
        let stretch = 1_u64.checked_shl(u64::BITS - count.ilog2());
        let end = stretch.and_then(|stretch| {
            let stretches = stretch.checked_mul(buckets.max(1) as u64)?;
            (from & !(stretch - 1)).checked_add(stretches)
        });
        let mut link = pin.start(from.reverse_bits());
        loop {
            // SAFETY: loaded from a link in the list during the pin.
            let node = match unsafe { link.load().target() } {
                Target::Sentinel(0) => break,
                Target::Sentinel(bucket) => {
                    link = pin.sentinel(bucket);
                    continue;
                }
                Target::Node(node) => node,
            };
            link = node.next();
            if end.is_some_and(|end| node.order() >= end) {
                break;
            }
            // A dead one has been removed, or the next node has the entry's new value.
            if node.order() < from || link.load().is_marked() {
                continue;
            }
            match see(node.key(), node.value(), node.is_used()) {
                Keep::Keep => {}
                Keep::Unmark => node.forget_use(),
                Keep::Remove => {
                    // Unless it has another value by now, which is shown next.
                    if list::remove(node) {
                        let start = pin.start(node.order().reverse_bits());
                        find(pin, start, node.order(), node.key());
                        self.count(Change::removed(node.size()));
                    }
                }
            }
        }
        end.unwrap_or(0)
    }

    fn quiesce(&mut self) {
        self.epoch.pin().flush();
    }
}
