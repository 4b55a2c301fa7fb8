//! A link that knows a little about what is behind it, and the items that it leads to.
//!
//! ```text
//!   Link                                        block
//!   ┌──────────────┬─────────────────────┐   ┌────────────┬─────────┬───────────┬─────┬───────┐
//!   │ filter 63–48 │ address 47–0      ●─┼──▶│ next: Link │ key_len │ value_len │ key │ value │
//!   └──────────────┴─────────────────────┘   └──────●─────┴─────────┴───────────┴─────┴───────┘
//! ```
//!
//! The filter is the union of the bits of all items behind the link, one of sixteen for each.
//! A [`Link`] owns the block that it leads to, and through it the rest of the chain.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ptr::{NonNull, null_mut};

use crate::hash::Hasher;
use crate::table::Keep;
use crate::table::change::Change;

const FILTER_SHIFT: u32 = 48;
const ADDRESS: usize = (1 << FILTER_SHIFT) - 1;

const _: () = assert!(usize::BITS == 64);

/// The bit that stands for a hash: picked by its top bits, as buckets are picked by the low ones.
#[inline]
pub(super) fn bit(hash: u64) -> usize {
    1 << (hash >> 60)
}

/// The owner of a chain, perhaps empty, with the filter over it.
pub(super) struct Link(*mut Header);

/// What precedes the key in a block.
#[repr(C)]
struct Header {
    next: Link,
    key_len: u32,
    /// With [`MARK`] in the top bit.
    value_len: u32,
}

/// Set in `value_len` where the item has been used since the mark was last cleared.
const MARK: u32 = 1 << 31;

// SAFETY: a chain is owned exclusively, as in a `Box`, and holds plain bytes and further links.
unsafe impl Send for Link {}
// SAFETY: a shared reference only ever reads the chain; writing takes `&mut`.
unsafe impl Sync for Link {}

impl Default for Link {
    fn default() -> Link {
        Link(null_mut())
    }
}

impl Link {
    /// Bytes of a block that are neither key nor value.
    pub(super) const HEADER: usize = size_of::<Header>();

    /// The union of the bits of all items behind this link.
    #[inline]
    pub(super) fn filter(&self) -> usize {
        self.0.addr() >> FILTER_SHIFT
    }

    /// Gives the link another filter.
    pub(super) fn set_filter(&mut self, filter: usize) {
        self.0 = self
            .0
            .map_addr(|packed| packed & ADDRESS | filter << FILTER_SHIFT);
    }

    #[inline]
    fn block(&self) -> Option<NonNull<Header>> {
        NonNull::new(self.0.map_addr(|packed| packed & ADDRESS))
    }

    /// Where the first item is, for prefetching.
    #[inline]
    pub(super) fn address(&self) -> *const u8 {
        self.0
            .map_addr(|packed| packed & ADDRESS)
            .cast_const()
            .cast()
    }

    /// Puts a new item in front of the chain.
    ///
    /// Panics if a length does not fit 31 bits; out of memory ends the process, as for a `Box`.
    pub(super) fn push(&mut self, bit: usize, key: &[u8], value: &[u8]) {
        let filter = self.filter() | bit;
        let block = new_block(key, value);
        // SAFETY: the block starts with an initialised header, and belongs to no other thread.
        unsafe { (*block.as_ptr()).next = std::mem::take(self) };
        self.own(block, filter);
    }

    /// Puts an item in front that has been taken out elsewhere: a link with nothing behind it but
    /// that item.
    pub(super) fn push_item(&mut self, bit: usize, mut item: Link) {
        let filter = self.filter() | bit;
        let next = item.next_mut().expect("an item that was taken out");
        *next = std::mem::take(self);
        *self = item;
        self.set_filter(filter);
    }

    /// Takes the first item out, to be dropped or pushed elsewhere; the rest closes up with the
    /// filter that it has.
    pub(super) fn take_first(&mut self) -> Option<Link> {
        let mut item = std::mem::take(self);
        *self = std::mem::take(item.next_mut()?);
        Some(item)
    }

    fn own(&mut self, block: NonNull<Header>, filter: usize) {
        assert!(block.addr().get() & !ADDRESS == 0, "an address has 48 bits");
        self.0 = block.as_ptr();
        self.set_filter(filter);
    }

    /// The link to what is behind the first item.
    #[inline]
    pub(super) fn next(&self) -> Option<&Link> {
        // SAFETY: a link that leads anywhere owns a block that starts with a header.
        self.block().map(|block| unsafe { &(*block.as_ptr()).next })
    }

    /// The link to what is behind the first item, to be walked on or changed.
    #[inline]
    pub(super) fn next_mut(&mut self) -> Option<&mut Link> {
        // SAFETY: as for `next`; the exclusive borrow makes this the only reference.
        self.block()
            .map(|block| unsafe { &mut (*block.as_ptr()).next })
    }

    /// Key and value of the first item.
    #[inline]
    pub(super) fn first(&self) -> Option<(&[u8], &[u8])> {
        self.block().map(|block| {
            // SAFETY: the block is a header, then key and value, initialised and as long as the
            // header says, and not written while `self` is borrowed.
            unsafe {
                let (key_len, value_len) = lengths(block);
                let key = block.add(1).cast::<u8>();
                (
                    NonNull::slice_from_raw_parts(key, key_len).as_ref(),
                    NonNull::slice_from_raw_parts(key.add(key_len), value_len).as_ref(),
                )
            }
        })
    }

    /// Whether the first item is that of `key`; false where there is none.
    #[inline]
    pub(super) fn first_is(&self, key: &[u8]) -> bool {
        self.first().is_some_and(|(first, _)| first == key)
    }

    /// The first item's value, to be overwritten in place.
    pub(super) fn value_mut(&mut self) -> Option<&mut [u8]> {
        self.block().map(|block| {
            // SAFETY: as for `first`; the exclusive borrow makes this the only reference.
            unsafe {
                let (key_len, value_len) = lengths(block);
                let value = block.add(1).cast::<u8>().add(key_len);
                NonNull::slice_from_raw_parts(value, value_len).as_mut()
            }
        })
    }

    /// Marks the first item, which there is, as used, if uses are marked at all and it has no mark yet.
    #[inline]
    pub(super) fn touch(&mut self, recency: bool) {
        if recency && !self.is_marked() {
            self.flip_mark();
        }
    }

    /// Whether the first item has been used since its mark was last cleared.
    #[inline]
    pub(super) fn is_marked(&self) -> bool {
        self.block().is_some_and(|block| {
            // SAFETY: a link that leads anywhere owns a block that starts with a header.
            unsafe { (*block.as_ptr()).value_len & MARK != 0 }
        })
    }

    fn flip_mark(&mut self) {
        if let Some(block) = self.block() {
            // SAFETY: as for `is_marked`; the exclusive borrow makes this the only reference.
            unsafe { (*block.as_ptr()).value_len ^= MARK };
        }
    }

    /// Shows all items of the chain, does with each what is asked for, and makes the filters right
    /// where some have been removed.
    pub(super) fn sweep(
        &mut self,
        hasher: Hasher,
        see: &mut impl FnMut(&[u8], &[u8], bool) -> Keep,
    ) -> Change {
        let mut removed = Change::default();
        let mut link = &mut *self;
        while let Some((key, value)) = link.first() {
            match see(key, value, link.is_marked()) {
                Keep::Remove => {
                    removed += Change::removed(link.size());
                    drop(link.take_first());
                    continue;
                }
                Keep::Unmark if link.is_marked() => link.flip_mark(),
                Keep::Unmark | Keep::Keep => {}
            }
            link = link.next_mut().expect("it was kept");
        }
        if removed.items < 0 {
            let own_bit = |link: &Link| link.first().map_or(0, |(key, _)| bit(hasher.hash(key)));
            let bits: Vec<usize> = self.chain().map(own_bit).collect();
            self.set_filters(bits, 0);
        }
        removed
    }

    /// Makes the filters of the first links right: `bits` are those of their items, and `rest` is the
    /// filter of what is behind them.
    pub(super) fn set_filters(&mut self, mut bits: Vec<usize>, rest: usize) {
        let mut filter = rest;
        for bit in bits.iter_mut().rev() {
            filter |= *bit;
            *bit = filter;
        }
        let mut link = self;
        for filter in bits {
            link.set_filter(filter);
            link = link.next_mut().expect("the links in front lead to items");
        }
    }

    /// Gives the first item, which there is, another value: in place where the length stays the
    /// same, else in a new block.
    pub(super) fn replace_value(&mut self, value: &[u8]) {
        let old = self.value_mut().expect("an item to be overwritten");
        if old.len() == value.len() {
            old.copy_from_slice(value);
            return;
        }
        let (filter, marked) = (self.filter(), self.is_marked());
        let mut old = std::mem::take(self);
        let (key, _) = old.first().expect("it was there before");
        self.own(new_block(key, value), filter);
        self.touch(marked);
        let rest = old
            .next_mut()
            .map(std::mem::take)
            .expect("it was there before");
        *self.next_mut().expect("just linked") = rest;
    }

    /// Bytes of the first item's block; 0 where there is none.
    pub(super) fn size(&self) -> u64 {
        self.first().map_or(0, |(key, value)| {
            (Link::HEADER + key.len() + value.len()) as u64
        })
    }

    /// The links of the chain that lead to an item, front to back.
    pub(super) fn chain(&self) -> impl Iterator<Item = &Link> {
        let leads = |link: &&Link| !link.0.is_null();
        std::iter::successors(Some(self), |link| link.next()).take_while(leads)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // One by one: long chains would overflow the stack if each block dropped its successor.
        let mut rest = std::mem::take(self);
        while let Some(block) = rest.block() {
            // SAFETY: the link owns the block, whose header is initialised; it was allocated with
            // this layout, and no thread frees it again, as the link goes on to the next one.
            unsafe {
                let (key_len, value_len) = lengths(block);
                let next = std::mem::take(&mut (*block.as_ptr()).next);
                dealloc(block.cast().as_ptr(), layout(key_len, value_len));
                std::mem::forget(std::mem::replace(&mut rest, next));
            }
        }
        std::mem::forget(rest);
    }
}

/// A block with a key and a value and nothing behind it.
fn new_block(key: &[u8], value: &[u8]) -> NonNull<Header> {
    let length = |bytes: &[u8]| {
        let length = u32::try_from(bytes.len()).ok();
        length
            .filter(|length| length & MARK == 0)
            .expect("a key or value is shorter than 2 GiB")
    };
    let (key_len, value_len) = (length(key), length(value));
    let layout = layout(key.len(), value.len());
    // SAFETY: the layout covers a header at least, so its size is not zero.
    let Some(block) = NonNull::new(unsafe { alloc(layout) }) else {
        handle_alloc_error(layout)
    };
    let block = block.cast::<Header>();
    // SAFETY: the block is fresh, aligned for a header, and as long as header, key and value
    // together; the three writes stay within it, in that order, and overlap no source.
    unsafe {
        block.write(Header {
            next: Link::default(),
            key_len,
            value_len,
        });
        let bytes = block.add(1).cast::<u8>();
        bytes.copy_from_nonoverlapping(NonNull::from(key).cast(), key.len());
        bytes
            .add(key.len())
            .copy_from_nonoverlapping(NonNull::from(value).cast(), value.len());
    }
    block
}

/// Lengths of key and value, in bytes.
///
/// # Safety
/// The block starts with an initialised header.
#[inline]
unsafe fn lengths(block: NonNull<Header>) -> (usize, usize) {
    // SAFETY: as the caller promises.
    unsafe {
        (
            (*block.as_ptr()).key_len as usize,
            ((*block.as_ptr()).value_len & !MARK) as usize,
        )
    }
}

fn layout(key_len: usize, value_len: usize) -> Layout {
    Layout::from_size_align(Link::HEADER + key_len + value_len, align_of::<Header>())
        .expect("two 32-bit lengths and a header fit the address space")
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn keys(link: &Link) -> Vec<&[u8]> {
        link.chain().map(|link| link.first().unwrap().0).collect()
    }

    #[test]
    fn items_are_pushed_replaced_and_taken_out() {
        let mut link = Link::default();
        assert!(link.first().is_none() && link.next().is_none() && link.filter() == 0);
        for (bit, key) in [(1, b"aa"), (8, b"bb"), (4, b"cc")] {
            link.push(bit, key, b"value");
        }
        assert_eq!(keys(&link), [b"cc", b"bb", b"aa"]);
        let filters: Vec<_> = link.chain().map(Link::filter).collect();
        assert_eq!(filters, [13, 9, 1]);
        assert_eq!(link.size(), 16 + 2 + 5);

        link.replace_value(b"other");
        link.next_mut().unwrap().replace_value(b"a longer one");
        link.next_mut().unwrap().value_mut().unwrap()[0] = b'A';
        assert_eq!(link.first(), Some((&b"cc"[..], &b"other"[..])));
        assert_eq!(
            link.next().unwrap().first(),
            Some((&b"bb"[..], &b"A longer one"[..]))
        );
        assert_eq!(link.next().unwrap().filter(), 9);

        let taken = link.next_mut().unwrap().take_first().unwrap();
        assert!(taken.first_is(b"bb") && taken.next().unwrap().first().is_none());
        assert_eq!(keys(&link), [b"cc", b"aa"]);
        let mut other = Link::default();
        other.push_item(8, taken);
        other.push_item(4, link.take_first().unwrap());
        assert_eq!(
            (keys(&other), other.filter()),
            (vec![&b"cc"[..], b"bb"], 12)
        );
        assert_eq!((keys(&link), link.filter()), (vec![&b"aa"[..]], 1));
        assert!(Link::default().take_first().is_none());
    }

    #[test]
    fn a_sweep_mends_the_filters_and_a_mark_is_no_part_of_the_length() {
        let hasher = Hasher::new(crate::hash::find("sip13").unwrap(), [1, 2]);
        let mut link = Link::default();
        let names: Vec<String> = (0..30).map(|number| number.to_string()).collect();
        for name in &names {
            link.push(bit(hasher.hash(name.as_bytes())), name.as_bytes(), b"value");
        }
        link.touch(true);
        link.replace_value(b"longer value");
        assert_eq!(link.size(), 16 + 2 + 12);
        let mut seen = 0;
        let removed = link.sweep(hasher, &mut |key, _, marked| {
            seen += 1;
            assert_eq!(marked, key == b"29");
            if marked {
                Keep::Unmark
            } else if seen % 3 == 0 {
                Keep::Remove
            } else {
                Keep::Keep
            }
        });
        assert_eq!((seen, removed.items, link.is_marked()), (30, -10, false));
        assert_eq!(keys(&link).len(), 20);
        for link in link.chain() {
            let bits = link.chain().filter_map(Link::first);
            let union = bits.fold(0, |union, (key, _)| union | bit(hasher.hash(key)));
            assert_eq!(link.filter(), union);
        }
    }

    #[test]
    fn a_chain_of_a_million_drops_without_recursion() {
        let mut link = Link::default();
        for _ in 0..1_000_000 {
            link.push(1, b"", b"");
        }
        let thread = std::thread::Builder::new().stack_size(64 << 10);
        thread.spawn(move || drop(link)).unwrap().join().unwrap();
    }
}
