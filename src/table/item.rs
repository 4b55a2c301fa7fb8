//! An entry of a chain: link, lengths, key and value in one heap block.
//!
//! ```text
//!   Chain            block
//!   ┌──────┐   ┌───────────────────────────────────────────────────────┐
//!   │   ●──┼──▶│ next: Chain │ key_len: u32 │ value_len: u32 │ key │ value │
//!   └──────┘   └──────●────────────────────────────────────────────────┘
//!                     └──▶ the next block, or nothing
//! ```
//!
//! An [`Item`] is a thin pointer that owns its block, and through `next` the rest of its chain; the
//! layout is that of memcached's `item` (`memcached.h`), without its flags but for one: the top bit of
//! `value_len` says that the item has been used, where uses are marked. This is the only place
//! where strategies of chained items allocate by hand: a [`Chain`] is an `Option<Item>` of one
//! machine word, and everything that walks or relinks one is safe code over `&Chain` and
//! `&mut Chain`.

use std::alloc::{Layout, alloc, alloc_zeroed, dealloc, handle_alloc_error};
use std::cell::UnsafeCell;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};

use super::prefetch::{GROUP, prefetch_read};
use crate::base::{BadInput, Key, SpecError};

/// A chain of items, perhaps empty: what a bucket holds.
pub(super) type Chain = Option<Item>;

// Two u32 lengths and a header then always fit the address space.
const _: () = assert!(usize::BITS >= 64);

/// What precedes the key in a block.
#[repr(C)]
struct Header {
    next: Chain,
    key_len: u32,
    /// With [`MARK`] in the top bit. Atomic for the mark, which readers that share a lock may set at
    /// the same time; whatever they store, the length in it is the same.
    value_len: AtomicU32,
}

/// Set in `value_len` where the item has been used since the mark was last cleared.
const MARK: u32 = 1 << 31;

/// One entry: owns its heap block, and through it the rest of the chain.
///
/// Transparent, so that an empty chain is a null pointer and a zeroed array one of empty buckets.
#[repr(transparent)]
pub(super) struct Item {
    /// Points to a `Header` followed by `key_len` and then `value_len` initialised bytes, with the
    /// provenance of the whole block, which nobody else frees or keeps a pointer to.
    block: NonNull<Header>,
}

// SAFETY: the block is owned exclusively, as in a `Box`, and holds plain bytes and further items.
unsafe impl Send for Item {}
// SAFETY: through a shared reference the block is read, and of it only the length, which is atomic and
// carries the mark of a use, is written; everything else is written through `&mut self`.
unsafe impl Sync for Item {}

impl Item {
    /// Bytes of a block that are neither key nor value.
    pub(super) const HEADER: usize = size_of::<Header>();

    /// What the address of an item is a multiple of.
    pub(super) const ALIGN: usize = align_of::<Header>();

    /// Copies key and value into a new block in front of `next`.
    ///
    /// Panics if a length does not fit 31 bits; out of memory ends the process, as for a `Box`.
    pub(super) fn new(key: &[u8], value: &[u8], next: Chain) -> Item {
        let header = Header {
            next,
            key_len: length(key),
            value_len: AtomicU32::new(length(value)),
        };
        let layout = layout(key.len(), value.len());
        // SAFETY: the layout covers a header at least, so its size is not zero.
        let Some(block) = NonNull::new(unsafe { alloc(layout) }) else {
            handle_alloc_error(layout)
        };
        let block = block.cast::<Header>();
        // SAFETY: the block is fresh, aligned for a header, and as long as header, key and value
        // together; the three writes stay within it, in that order, and overlap no source.
        unsafe {
            block.write(header);
            let bytes = block.add(1).cast::<u8>();
            bytes.copy_from_nonoverlapping(NonNull::from(key).cast(), key.len());
            bytes
                .add(key.len())
                .copy_from_nonoverlapping(NonNull::from(value).cast(), value.len());
        }
        Item { block }
    }

    /// The key.
    #[inline]
    pub(super) fn key(&self) -> &[u8] {
        // SAFETY: `key_len` initialised bytes follow the header, and nothing writes them while
        // `self` is borrowed.
        unsafe { NonNull::slice_from_raw_parts(self.bytes(), self.key_len()).as_ref() }
    }

    /// The value.
    #[inline]
    pub(super) fn value(&self) -> &[u8] {
        // SAFETY: `value_len` initialised bytes follow the key, and nothing writes them while
        // `self` is borrowed.
        unsafe {
            let start = self.bytes().add(self.key_len());
            NonNull::slice_from_raw_parts(start, self.value_len()).as_ref()
        }
    }

    /// The value's bytes, to be overwritten in place.
    pub(super) fn value_mut(&mut self) -> &mut [u8] {
        // SAFETY: as for `value`; the exclusive borrow makes this the only reference into the block.
        unsafe {
            let start = self.bytes().add(self.key_len());
            NonNull::slice_from_raw_parts(start, self.value_len()).as_mut()
        }
    }

    /// Gives the item another value: in place where the length stays the same, else in a new block
    /// that takes the old one's place in the chain.
    pub(super) fn replace_value(&mut self, value: &[u8]) {
        if value.len() == self.value_len() {
            self.value_mut().copy_from_slice(value);
            return;
        }
        let mut successor = Item::new(self.key(), value, None);
        successor.touch(self.is_marked());
        *successor.next_mut() = self.next_mut().take();
        *self = successor;
    }

    /// Marks the item as used, if uses are marked at all. An item that is used often has its mark
    /// already, and its line is not written again.
    #[inline]
    pub(super) fn touch(&self, recency: bool) {
        if recency {
            let word = self.header().value_len.load(Ordering::Relaxed);
            if word & MARK == 0 {
                // Not a read-modify-write: whoever stores here at the same time stores the same.
                self.header()
                    .value_len
                    .store(word | MARK, Ordering::Relaxed);
            }
        }
    }

    /// Whether the item has been used since its mark was last cleared.
    #[inline]
    pub(super) fn is_marked(&self) -> bool {
        self.header().value_len.load(Ordering::Relaxed) & MARK != 0
    }

    /// Clears the mark.
    pub(super) fn unmark(&mut self) {
        let length = self.header().value_len.load(Ordering::Relaxed) & !MARK;
        self.header().value_len.store(length, Ordering::Relaxed);
    }

    /// The rest of the chain.
    #[inline]
    pub(super) fn next(&self) -> &Chain {
        &self.header().next
    }

    /// The rest of the chain, to be walked on or relinked.
    #[inline]
    pub(super) fn next_mut(&mut self) -> &mut Chain {
        // SAFETY: the block starts with an initialised header, and the exclusive borrow makes this
        // the only reference to it.
        unsafe { &mut self.block.as_mut().next }
    }

    /// Where the block starts: a place to prefetch.
    #[inline]
    pub(super) fn start(&self) -> *const u8 {
        self.block.as_ptr().cast_const().cast()
    }

    /// Whether this is the item of `key`. Lengths differ more often than not where keys vary in
    /// length, and comparing them touches nothing beyond the header.
    #[inline]
    pub(super) fn has_key(&self, key: &[u8]) -> bool {
        self.key_len() == key.len() && self.key() == key
    }

    /// Bytes of the block.
    pub(super) fn size(&self) -> u64 {
        (Item::HEADER + self.key_len() + self.value_len()) as u64
    }

    /// Asks for the item's memory: its header and, on most machines, key and start of value.
    #[inline]
    pub(super) fn prefetch(&self) {
        prefetch_read(self.block.as_ptr());
    }

    #[inline]
    fn key_len(&self) -> usize {
        self.header().key_len as usize
    }

    #[inline]
    fn value_len(&self) -> usize {
        (self.header().value_len.load(Ordering::Relaxed) & !MARK) as usize
    }

    #[inline]
    fn header(&self) -> &Header {
        // SAFETY: the block starts with an initialised header.
        unsafe { self.block.as_ref() }
    }

    /// Where the key starts.
    #[inline]
    fn bytes(&self) -> NonNull<u8> {
        // SAFETY: the header is within the block, so its end is within it or just behind it.
        unsafe { self.block.add(1).cast() }
    }
}

impl Drop for Item {
    fn drop(&mut self) {
        // Chains of a million would overflow the stack if each item dropped its successor: they
        // are unlinked one by one here, and each is dropped with nothing behind it.
        let mut rest = self.next_mut().take();
        while let Some(mut item) = rest {
            rest = item.next_mut().take();
        }
        let layout = layout(self.key_len(), self.value_len());
        // SAFETY: `new` allocated the block with this layout, the lengths never change, and
        // dropping happens once. The header's only field with a destructor, `next`, is empty.
        unsafe { dealloc(self.block.cast().as_ptr(), layout) }
    }
}

fn length(bytes: &[u8]) -> u32 {
    let length = u32::try_from(bytes.len()).ok();
    length
        .filter(|length| length & MARK == 0)
        .expect("a key or value is shorter than 2 GiB")
}

fn layout(key_len: usize, value_len: usize) -> Layout {
    Layout::from_size_align(Item::HEADER + key_len + value_len, align_of::<Header>())
        .expect("two 32-bit lengths and a header fit the address space")
}

/// The items of a chain, front to back.
pub(super) fn items(chain: &Chain) -> impl Iterator<Item = &Item> {
    std::iter::successors(chain.as_ref(), |item| item.next().as_ref())
}

/// Walks a chain to the item of `key`.
#[inline]
pub(super) fn find<'c>(chain: &'c Chain, key: &[u8]) -> Option<&'c Item> {
    items(chain).find(|item| item.has_key(key))
}

/// Walks the chains of up to [`GROUP`] keys in step, so that the cache misses of independent chains
/// overlap: every round looks at one item of each chain and asks for the next. `chain` gives the
/// chain of a key; `each` is called once per key with its index and value. What is found is marked
/// with `recency`.
///
/// Chen, Ailamaki, Gibbons and Mowry (ICDE 2004) call it group prefetching, for hash joins.
#[inline]
pub(super) fn find_group<'c>(
    keys: &[Key<'_>],
    chain: impl Fn(&Key<'_>) -> &'c Chain,
    recency: bool,
    mut each: impl FnMut(usize, Option<&[u8]>),
) {
    let mut walks: [(usize, Option<&Item>); GROUP] = [(0, None); GROUP];
    for (walk, (index, key)) in walks.iter_mut().zip(keys.iter().enumerate()) {
        *walk = (index, chain(key).as_ref());
        if let Some(item) = walk.1 {
            item.prefetch();
        }
    }
    let mut walking = keys.len();
    while walking > 0 {
        let mut left = 0;
        for at in 0..walking {
            let (index, item) = walks[at];
            match item {
                Some(item) if !item.has_key(keys[index].bytes) => {
                    let next = item.next().as_ref();
                    if let Some(item) = next {
                        item.prefetch();
                    }
                    walks[left] = (index, next);
                    left += 1;
                }
                found => {
                    let found = found.inspect(|item| item.touch(recency));
                    each(index, found.map(Item::value));
                }
            }
        }
        walking = left;
    }
}

/// Walks a chain to the place of `key`'s item: the link that holds it, or the empty link at the
/// chain's end where it would be appended.
#[inline]
pub(super) fn seek<'c>(mut link: &'c mut Chain, key: &[u8]) -> &'c mut Chain {
    while link.as_ref().is_some_and(|item| !item.has_key(key)) {
        link = link.as_mut().expect("checked just now").next_mut();
    }
    link
}

/// Takes the first item out of the chain at `link`; the rest closes up.
pub(super) fn unlink(link: &mut Chain) -> Option<Item> {
    let mut item = link.take()?;
    *link = item.next_mut().take();
    Some(item)
}

/// Links an item in front of a chain.
pub(super) fn prepend(chain: &mut Chain, mut item: Item) {
    *item.next_mut() = chain.take();
    *chain = Some(item);
}

/// Overwrites the value's bytes from `at` on: [`Edit::Patch`](super::Edit::Patch), which promises
/// that there is a value and that it does not get longer.
pub(super) fn patch(item: Option<&mut Item>, at: usize, bytes: &[u8]) {
    let value = item.expect("a patch needs an entry").value_mut();
    let end = at.checked_add(bytes.len());
    let part = end.and_then(|end| value.get_mut(at..end));
    part.expect("a patch never lengthens the value")
        .copy_from_slice(bytes);
}

/// Whether none of the first 64 items has this key: as much of "the caller knows that the key is
/// absent" as a debug build can check without making a prefill quadratic.
pub(super) fn absent_in_front(chain: &Chain, key: &[u8]) -> bool {
    items(chain).take(64).all(|item| !item.has_key(key))
}

/// Gives a chain up for a pointer to its first item, null if it is empty: for strategies that keep
/// their heads in atomics. The pointer is a multiple of [`Item::ALIGN`]. It is owned: what becomes of
/// the chain is up to [`from_raw`].
#[inline]
pub(super) fn into_raw(chain: Chain) -> *mut () {
    chain.map_or(std::ptr::null_mut(), |item| {
        ManuallyDrop::new(item).block.as_ptr().cast()
    })
}

/// The chain that [`into_raw`] gave up.
///
/// # Safety
/// The pointer comes from `into_raw`, and no other chain has been made of it since.
#[inline]
pub(super) unsafe fn from_raw(first: *mut ()) -> Chain {
    NonNull::new(first.cast()).map(|block| Item { block })
}

/// The bucket, or the stripe, that a hash picks among `size`, a power of two: its low bits.
#[inline]
pub(super) fn low_bits(hash: u64, size: usize) -> usize {
    #[expect(clippy::cast_possible_truncation, reason = "only low bits are wanted")]
    let low = hash as usize;
    low & (size - 1)
}

/// How many of `buckets`, doubled until they suffice, hold `items` at `load` items a bucket.
/// Saturates instead of overflowing.
pub(super) fn buckets_for(items: u64, load: f64, buckets: usize) -> usize {
    std::iter::successors(Some(buckets), |buckets| buckets.checked_mul(2))
        .find(|&buckets| items <= items_allowed(buckets, load))
        .unwrap_or(1 << (usize::BITS - 1))
}

/// The greatest number of items that `buckets` hold without exceeding `load` items a bucket.
pub(super) fn items_allowed(buckets: usize, load: f64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "positive, and saturates"
    )]
    let allowed = (load * buckets as f64) as u64;
    allowed
}

/// An array of empty buckets, or nothing if there is no memory for it.
pub(super) fn empty_buckets<B: Default>(buckets: usize) -> Option<Box<[B]>> {
    let mut array = Vec::new();
    array.try_reserve_exact(buckets).ok()?;
    array.resize_with(buckets, B::default);
    Some(array.into_boxed_slice())
}

/// A bucket that is empty, and in every other way as good as new, when all its bytes are zero.
///
/// # Safety
/// All-zero bytes are a valid value of the type.
pub(super) unsafe trait ZeroIsEmpty {}

// SAFETY: an `Item` is a transparent `NonNull`, of which an `Option` is guaranteed to be `None` when
// all its bytes are zero; an `UnsafeCell` has the representation of what it holds.
unsafe impl ZeroIsEmpty for UnsafeCell<Chain> {}

/// An array of empty buckets, or nothing if there is no memory for it. Nothing is written: for a
/// large array the kernel gives each page, zeroed, when the page is first touched, so that this
/// takes microseconds whatever the length.
pub(super) fn zeroed_buckets<B: ZeroIsEmpty>(buckets: usize) -> Option<Box<[B]>> {
    assert!(buckets > 0 && size_of::<B>() > 0);
    let layout = Layout::array::<B>(buckets).ok()?;
    // SAFETY: neither length nor bucket is empty, so the layout's size is not zero.
    let start = unsafe { alloc_zeroed(layout) };
    let array = NonNull::slice_from_raw_parts(NonNull::new(start)?.cast::<B>(), buckets);
    // SAFETY: the memory is fresh, has the layout of this slice, and its zeroes are valid buckets.
    Some(unsafe { Box::from_raw(array.as_ptr()) })
}

/// The error for an array that cannot be allocated when a table opens.
pub(super) fn too_many_buckets(strategy: &str, buckets: usize) -> SpecError {
    BadInput(format!(
        "{strategy}: an array of {buckets} buckets takes {} MiB, more than can be allocated; \
         give fewer buckets or less capacity",
        (buckets as u128 * size_of::<Chain>() as u128).div_ceil(1 << 20)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(chain: &Chain) -> Vec<&[u8]> {
        items(chain).map(Item::key).collect()
    }

    #[test]
    fn a_link_is_one_word_and_a_header_two() {
        assert_eq!(size_of::<Chain>(), size_of::<usize>());
        assert_eq!(Item::HEADER, 2 * size_of::<usize>());
        assert_eq!(Item::new(b"key", b"value", None).size(), 16 + 3 + 5);
    }

    #[test]
    fn bytes_come_back_as_they_went_in() {
        for (key, value) in [
            (&b""[..], &b""[..]),
            (b"", b"v"),
            (b"k", b""),
            (b"key", b"value"),
        ] {
            let item = Item::new(key, value, None);
            assert_eq!((item.key(), item.value()), (key, value));
        }
    }

    #[test]
    fn a_value_of_the_same_length_is_replaced_in_place() {
        let mut item = Item::new(b"key", b"old", Some(Item::new(b"next", b"", None)));
        let block = item.block;
        item.replace_value(b"new");
        assert_eq!((item.block, item.value()), (block, &b"new"[..]));
        item.value_mut()[0] = b'N';
        item.replace_value(b"a longer one");
        assert_eq!(
            (item.key(), item.value()),
            (&b"key"[..], &b"a longer one"[..])
        );
        item.replace_value(b"");
        assert_eq!(item.value(), b"");
        assert_eq!(item.next().as_ref().unwrap().key(), b"next");
    }

    #[test]
    fn a_mark_is_no_part_of_the_length_and_outlives_a_new_value() {
        let mut item = Item::new(b"key", b"value", None);
        item.touch(false);
        assert!(!item.is_marked());
        item.touch(true);
        assert!(item.is_marked());
        assert_eq!((item.value(), item.size()), (&b"value"[..], 16 + 3 + 5));
        item.replace_value(b"other");
        item.replace_value(b"a longer one");
        assert!(item.is_marked());
        item.unmark();
        assert!(!item.is_marked());
    }

    #[test]
    fn chains_are_sought_prepended_and_unlinked() {
        let mut chain = None;
        for key in [b"aa", b"ab", b"ac"] {
            *seek(&mut chain, key) = Some(Item::new(key, key, None));
        }
        prepend(&mut chain, Item::new(b"a", b"", None));
        assert_eq!(keys(&chain), [&b"a"[..], b"aa", b"ab", b"ac"]);
        assert_eq!(find(&chain, b"ab").unwrap().value(), b"ab");
        assert!(find(&chain, b"b").is_none());
        assert!(absent_in_front(&chain, b"b") && !absent_in_front(&chain, b"ac"));
        assert_eq!(unlink(seek(&mut chain, b"ab")).unwrap().key(), b"ab");
        assert!(unlink(seek(&mut chain, b"ab")).is_none());
        assert_eq!(keys(&chain), [&b"a"[..], b"aa", b"ac"]);
    }

    #[test]
    fn a_patch_stays_within_the_value() {
        let mut item = Item::new(b"key", b"value", None);
        patch(Some(&mut item), 1, b"AL");
        patch(Some(&mut item), 5, b"");
        assert_eq!(item.value(), b"vALue");
        for (at, bytes) in [(4, &b"xy"[..]), (6, b""), (usize::MAX, b"x")] {
            let patching = std::panic::AssertUnwindSafe(|| patch(Some(&mut item), at, bytes));
            assert!(std::panic::catch_unwind(patching).is_err(), "{at}");
        }
        assert_eq!(item.value(), b"vALue");
    }

    #[test]
    fn a_chain_of_a_million_drops_without_recursion() {
        let mut chain = None;
        for _ in 0..1_000_000 {
            prepend(&mut chain, Item::new(b"", b"", None));
        }
        let thread = std::thread::Builder::new().stack_size(64 << 10);
        thread.spawn(move || drop(chain)).unwrap().join().unwrap();
    }

    #[test]
    fn a_group_finds_what_each_key_would() {
        let names: Vec<String> = (0..40).map(|n| format!("key{n}")).collect();
        let mut chains: Vec<Chain> = (0..7).map(|_| None).collect();
        for (n, name) in names.iter().enumerate().filter(|(n, _)| n % 3 > 0) {
            prepend(
                &mut chains[n % 7],
                Item::new(name.as_bytes(), name.as_bytes(), None),
            );
        }
        for from in 0..names.len() {
            let group = &names[from..names.len().min(from + GROUP)];
            let keys: Vec<Key<'_>> = (from as u64..)
                .zip(group)
                .map(|(hash, name)| Key {
                    bytes: name.as_bytes(),
                    hash,
                })
                .collect();
            let mut answers = vec![None; keys.len()];
            let chain = |key: &Key<'_>| &chains[usize::try_from(key.hash).unwrap() % 7];
            find_group(&keys, chain, true, |index, value| {
                let answer = value.map(<[u8]>::to_vec);
                assert_eq!(answers[index].replace(answer), None, "each key once");
            });
            for (n, answer) in (from..).zip(answers) {
                let expected = (n % 3 > 0).then(|| names[n].as_bytes().to_vec());
                assert_eq!(answer, Some(expected), "key {n}");
            }
        }
        assert!(chains.iter().flat_map(items).all(Item::is_marked));
    }

    #[test]
    fn a_chain_survives_as_a_pointer() {
        assert!(into_raw(None).is_null());
        // SAFETY: the pointer comes from `into_raw`, and is used once.
        assert!(unsafe { from_raw(into_raw(None)) }.is_none());
        let raw = into_raw(Some(Item::new(b"a", b"", Some(Item::new(b"b", b"", None)))));
        assert_eq!(raw.addr() % Item::ALIGN, 0);
        // SAFETY: the pointer comes from `into_raw`, and is used once.
        assert_eq!(keys(&unsafe { from_raw(raw) }), [b"a", b"b"]);
    }

    #[test]
    fn zeroed_buckets_are_empty() {
        let mut array = zeroed_buckets::<UnsafeCell<Chain>>(1000).unwrap();
        assert!(array.iter_mut().all(|chain| chain.get_mut().is_none()));
        prepend(array[7].get_mut(), Item::new(b"key", b"value", None));
        assert_eq!(keys(array[7].get_mut()), [b"key"]);
        assert!(zeroed_buckets::<UnsafeCell<Chain>>(1 << 63).is_none());
        assert!(zeroed_buckets::<UnsafeCell<Chain>>(1 << 60).is_none());
    }

    #[test]
    fn arrays_are_sized_by_load() {
        assert_eq!(items_allowed(1024, 1.5), 1536);
        assert_eq!(buckets_for(1536, 1.5, 1024), 1024);
        assert_eq!(buckets_for(1537, 1.5, 1024), 2048);
        assert_eq!(buckets_for(1, 0.1, 1), 16);
        assert_eq!(buckets_for(1 << 40, 1000.0, 1), 1 << 31);
        assert_eq!(buckets_for(u64::MAX, 0.1, 1), 1 << 63);
        assert!(empty_buckets::<Chain>(1 << 63).is_none());
        assert!(too_many_buckets("fixed", 1 << 32).0.contains("32768 MiB"));
        assert_eq!(low_bits(u64::MAX, 1024), 1023);
        assert_eq!(low_bits(u64::MAX, 1), 0);
    }
}
