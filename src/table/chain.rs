//! Chains of items: what a table of linked lists does at one bucket.
//!
//! A strategy says where a key's chain is, what lock protects it and how the table grows; here is what happens at
//! the chain, the same in all of them. [`get`] walks to the item of a key; [`set`], [`update`] and
//! [`insert_new`] overwrite it or add one; [`remove`] takes it out; [`sweep`] shows all of a chain, for a
//! walk of the table. Nothing here locks or counts: what changed is returned as a [`Change`], for the
//! strategy to count where it counts.

use super::change::Change;
use super::item::{self, Chain, Item};
use super::prefetch::{GROUP, prefetch_read};
use super::strategy::{Edit, Keep, Outcome, Stored};
use crate::base::{Census, Key};

/// Looks a key up; marks its item with `recency` and shows the value to `read`.
#[inline]
pub(super) fn get<R>(
    chain: &Chain,
    key: &[u8],
    recency: bool,
    read: impl FnOnce(&[u8]) -> R,
) -> Option<R> {
    find(chain, key)
        .inspect(|item| item.touch(recency))
        .map(|item| read(item.value()))
}

/// Looks up to [`GROUP`] keys up, walking their chains in step so that the cache misses of independent
/// chains overlap: it asks for all buckets, then every round looks at one item of each chain and asks
/// for the next. `chain` gives the chain of a key, in its bucket; `each` is called once per key with its
/// index and value. Items found are marked with `recency`.
///
/// Chen, Ailamaki, Gibbons and Mowry (ICDE 2004) call it group prefetching, for hash joins.
#[inline]
pub(super) fn get_group<'c>(
    keys: &[Key<'_>],
    chain: impl Fn(&Key<'_>) -> &'c Chain,
    recency: bool,
    mut each: impl FnMut(usize, Option<&[u8]>),
) {
    for key in keys {
        prefetch_read(chain(key));
    }
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

/// Overwrites the item of a key, or appends one.
#[expect(
    clippy::inline_always,
    reason = "timed; as a call it costs a set 7 % more instructions, for registers saved and the change returned in memory"
)]
#[inline(always)]
pub(super) fn set(chain: &mut Chain, key: &[u8], value: &[u8], recency: bool) -> (Stored, Change) {
    let link = seek(chain, key);
    if let Some(item) = link {
        item.touch(recency);
        (Stored::Replaced, replace(item, value))
    } else {
        (Stored::Created, fill(link, key, value))
    }
}

/// Takes the item of a key out of its chain. The caller counts its size, and frees it by dropping it.
#[inline]
pub(super) fn remove(chain: &mut Chain, key: &[u8]) -> Option<Item> {
    unlink(seek(chain, key))
}

/// Reads, modifies and writes: [`Session::update`](super::Session::update) at one chain.
#[inline]
pub(super) fn update<R>(
    chain: &mut Chain,
    key: &[u8],
    recency: bool,
    scratch: &mut Vec<u8>,
    mut edit: impl FnMut(Option<&[u8]>, &mut Vec<u8>) -> (Edit, R),
) -> (Outcome, Change, R) {
    let link = seek(chain, key);
    if let Some(item) = &*link {
        item.touch(recency);
    }
    scratch.clear();
    let (edit, result) = edit(link.as_ref().map(Item::value), scratch);
    let (outcome, change) = match (edit, link.as_mut()) {
        (Edit::Keep, _) | (Edit::Remove, None) => (Outcome::Kept, Change::default()),
        (Edit::Store, Some(item)) => (Outcome::Replaced, replace(item, scratch)),
        (Edit::Store, None) => (Outcome::Created, fill(link, key, scratch)),
        (Edit::Patch { at }, item) => {
            item::patch(item, at, scratch);
            (Outcome::Replaced, Change::default())
        }
        (Edit::Remove, Some(item)) => {
            let change = Change::removed(item.size());
            unlink(link);
            (Outcome::Removed, change)
        }
    };
    (outcome, change, result)
}

/// Adds an item in front of a chain without walking it. The caller knows that the key is absent.
#[inline]
pub(super) fn insert_new(chain: &mut Chain, key: &[u8], value: &[u8]) -> Change {
    debug_assert!(
        absent_in_front(chain, key),
        "insert_new of a key that is present"
    );
    let item = Item::new(key, value, None);
    let change = Change::added(item.size());
    prepend(chain, item);
    change
}

/// Gives an item another value.
#[inline]
fn replace(item: &mut Item, value: &[u8]) -> Change {
    let before = item.size();
    item.replace_value(value);
    Change::resized(before, item.size())
}

/// Puts a new item at the end of a chain.
#[inline]
fn fill(end: &mut Chain, key: &[u8], value: &[u8]) -> Change {
    Change::added(end.insert(Item::new(key, value, None)).size())
}

/// Shows all items of a chain to `see` and does with each what it answers.
pub(super) fn sweep(
    mut link: &mut Chain,
    see: &mut impl FnMut(&[u8], &[u8], bool) -> Keep,
) -> Change {
    let mut removed = Change::default();
    while let Some(item) = link {
        let keep = see_item(item, see);
        if keep == Keep::Remove {
            removed += Change::removed(item.size());
            drop(unlink(link));
        } else {
            link = link.as_mut().expect("it was kept").next_mut();
        }
    }
    removed
}

/// Shows an item to `see` and clears its mark if it answers so.
#[inline]
pub(super) fn see_item(item: &mut Item, see: &mut impl FnMut(&[u8], &[u8], bool) -> Keep) -> Keep {
    let keep = see(item.key(), item.value(), item.is_marked());
    if keep == Keep::Unmark {
        item.unmark();
    }
    keep
}

/// Counts a bucket and the items of its chain.
pub(super) fn count_bucket(census: &mut Census, chain: &Chain) {
    let entries = items(chain).map(|item| (item.key(), item.value()));
    census.count_bucket(Item::HEADER, entries);
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

/// Whether none of the first 64 items has this key: as much of "the caller knows that the key is
/// absent" as a debug build can check without making a prefill quadratic.
pub(super) fn absent_in_front(chain: &Chain, key: &[u8]) -> bool {
    items(chain).take(64).all(|item| !item.has_key(key))
}

#[cfg(test)]
mod tests {
    use std::cell::UnsafeCell;

    use super::*;
    use crate::table::buckets;

    fn keys(chain: &Chain) -> Vec<&[u8]> {
        items(chain).map(Item::key).collect()
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
            get_group(&keys, chain, true, |index, value| {
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
    fn a_chain_of_a_million_drops_without_recursion() {
        let mut chain = None;
        for _ in 0..1_000_000 {
            prepend(&mut chain, Item::new(b"", b"", None));
        }
        let thread = std::thread::Builder::new().stack_size(64 << 10);
        thread.spawn(move || drop(chain)).unwrap().join().unwrap();
    }

    #[test]
    fn a_chain_survives_as_a_pointer() {
        assert!(item::into_raw(None).is_null());
        // SAFETY: the pointer comes from `into_raw`, and is used once.
        assert!(unsafe { item::from_raw(item::into_raw(None)) }.is_none());
        let raw = item::into_raw(Some(Item::new(b"a", b"", Some(Item::new(b"b", b"", None)))));
        assert_eq!(raw.addr() % Item::ALIGN, 0);
        // SAFETY: the pointer comes from `into_raw`, and is used once.
        assert_eq!(keys(&unsafe { item::from_raw(raw) }), [b"a", b"b"]);
    }

    #[test]
    fn a_sweep_follows_each_answer() {
        let mut chain = None;
        for key in [b"dd", b"cc", b"bb", b"aa"] {
            prepend(&mut chain, Item::new(key, b"value", None));
        }
        find(&chain, b"bb").unwrap().touch(true);
        find(&chain, b"cc").unwrap().touch(false);
        let mut saw = Vec::new();
        let removed = sweep(&mut chain, &mut |key, value, marked| {
            assert_eq!(value, b"value");
            saw.push((key[0], marked));
            match key {
                b"aa" | b"dd" => Keep::Remove,
                b"bb" => Keep::Unmark,
                _ => Keep::Keep,
            }
        });
        assert_eq!(
            saw,
            [(b'a', false), (b'b', true), (b'c', false), (b'd', false)]
        );
        assert_eq!(
            removed,
            Change {
                items: -2,
                bytes: -46
            }
        );
        let left: Vec<_> = items(&chain).map(|i| (i.key(), i.is_marked())).collect();
        assert_eq!(left, [(&b"bb"[..], false), (b"cc", false)]);
    }

    #[test]
    fn zeroed_buckets_are_empty() {
        let mut array = buckets::zeroed_buckets::<UnsafeCell<Chain>>(1000).unwrap();
        assert!(array.iter_mut().all(|chain| chain.get_mut().is_none()));
        prepend(array[7].get_mut(), Item::new(b"key", b"value", None));
        assert_eq!(keys(array[7].get_mut()), [b"key"]);
        assert!(buckets::zeroed_buckets::<UnsafeCell<Chain>>(1 << 63).is_none());
        assert!(buckets::zeroed_buckets::<UnsafeCell<Chain>>(1 << 60).is_none());
    }

    #[test]
    fn changes_add_up_to_what_a_chain_holds() {
        let mut chain = None;
        let mut held = crate::base::Usage::default();
        let mut scratch = Vec::new();
        held += insert_new(&mut chain, b"front", b"");
        let (stored, change) = set(&mut chain, b"back", b"value", false);
        assert_eq!((stored, change), (Stored::Created, Change::added(25)));
        held += change;
        let (stored, change) = set(&mut chain, b"back", b"a longer one", false);
        assert_eq!(
            (stored, change),
            (Stored::Replaced, Change { items: 0, bytes: 7 })
        );
        held += change;
        for (key, edit, wanted) in [
            (&b"front"[..], Edit::Keep, Outcome::Kept),
            (b"front", Edit::Store, Outcome::Replaced),
            (b"middle", Edit::Remove, Outcome::Kept),
            (b"middle", Edit::Store, Outcome::Created),
            (b"middle", Edit::Patch { at: 1 }, Outcome::Replaced),
            (b"back", Edit::Remove, Outcome::Removed),
        ] {
            let (outcome, change, ()) = update(&mut chain, key, false, &mut scratch, |_, new| {
                new.extend_from_slice(b"xyz");
                if let Edit::Patch { .. } = edit {
                    new.truncate(2);
                }
                (edit, ())
            });
            assert_eq!(outcome, wanted);
            held += change;
        }
        assert_eq!(keys(&chain), [&b"front"[..], b"middle"]);
        let mut census = Census::default();
        count_bucket(&mut census, &chain);
        assert_eq!(
            (census.items, census.buckets, census.longest_chain()),
            (2, 1, 2)
        );
        assert_eq!((held.items, held.bytes), (2, census.bytes.total()));
        assert!(remove(&mut chain, b"back").is_none());
        held += Change::removed(remove(&mut chain, b"front").unwrap().size());
        assert_eq!((held.items, held.bytes), (1, 16 + 6 + 3));
    }
}
