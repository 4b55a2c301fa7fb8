//! Models of the list: interleavings of two or three threads on a few nodes.
//!
//! Nothing is freed, so that what is wrongly retired is counted instead of being read. Loads see the
//! latest value (`Link::load` says why), so that it is interleavings that are tried, up to the number of
//! preemptions that each model names, and not what a weaker memory might add.

use std::mem::forget;
use std::sync::Mutex;

use loom::sync::Arc;
use loom::thread;

use super::link::{Link, Word};
use super::list::{self, Pinned, Walk, find, node_order};
use super::node::{New, Node, Target};

/// Two buckets, and what was retired.
struct Model {
    sentinels: [Link; 2],
    /// Never waited for: the model's threads change places only at the model's atomics.
    retired: Mutex<Vec<Word>>,
}

// SAFETY: nothing is freed at all.
unsafe impl<'g> Pinned<'g> for &'g Model {
    fn sentinel(self, bucket: usize) -> &'g Link {
        &self.sentinels[bucket]
    }

    unsafe fn retire(self, node: Node<'g>) {
        self.retired.lock().unwrap().push(node.word());
    }
}

impl Model {
    /// A list with these keys.
    fn with(keys: &[u64]) -> Arc<Model> {
        let model = Model {
            sentinels: [Link::new(Word::END), Link::untouched()],
            retired: Mutex::default(),
        };
        for &key in keys {
            assert!(model.add(key, b"old"));
        }
        Arc::new(model)
    }

    fn start(&self, bucket: usize) -> &Link {
        let sentinel = &self.sentinels[bucket];
        if sentinel.is_ready() {
            sentinel
        } else {
            list::prepare(self, bucket)
        }
    }

    /// Keys are their own hashes; the lowest bit is the bucket.
    fn place(&self, key: u64) -> (u64, [u8; 8], &Link) {
        let start = self.start(usize::from(key & 1 == 1));
        (node_order(key), key.to_le_bytes(), start)
    }

    fn get(&self, key: u64) -> Option<Vec<u8>> {
        let (order, bytes, start) = self.place(key);
        let node = Walk::new(self, start, order).finish(&bytes);
        node.map(|node| node.value().to_vec())
    }

    /// Adds a key if it is absent; whether it was.
    fn add(&self, key: u64, value: &[u8]) -> bool {
        let (order, bytes, start) = self.place(key);
        loop {
            let place = find(self, start, order, &bytes);
            if place.node.is_some() {
                return false;
            }
            match place.insert(New::with(order, &bytes, value)) {
                Ok(()) => return true,
                Err(new) => forget(new),
            }
        }
    }

    /// Overwrites a key if it is present; whether it was.
    fn overwrite(&self, key: u64, value: &[u8]) -> bool {
        let (order, bytes, start) = self.place(key);
        loop {
            let place = find(self, start, order, &bytes);
            let Some(node) = place.node else { return false };
            match list::replace(node, New::with(order, &bytes, value)) {
                Ok(()) => {
                    place.clear(self, start);
                    return true;
                }
                Err(new) => forget(new),
            }
        }
    }

    fn remove(&self, key: u64) -> bool {
        let (order, bytes, start) = self.place(key);
        loop {
            let place = find(self, start, order, &bytes);
            let Some(node) = place.node else { return false };
            if list::remove(node) {
                place.clear(self, start);
                return true;
            }
        }
    }

    /// Keys in the order of the list. Checks that it is sorted and has nothing dead or retired, and
    /// that as many nodes were retired as are said to have left, each once.
    fn check(&self, left: usize) -> Vec<u64> {
        let retired = self.retired.lock().unwrap();
        let mut once = retired.iter().map(|word| word.hint()).collect::<Vec<_>>();
        once.sort_unstable();
        once.dedup();
        assert_eq!((once.len(), retired.len()), (left, left));
        let (mut keys, mut last) = (Vec::new(), 0);
        let mut word = self.sentinels[0].load();
        loop {
            // SAFETY: a word of the list, and nothing is freed.
            let (order, next) = match unsafe { word.target() } {
                Target::Sentinel(0) => return keys,
                Target::Sentinel(bucket) => {
                    let next = self.sentinels[bucket].load();
                    assert!(self.sentinels[bucket].is_ready());
                    (list::sentinel_order(bucket), next)
                }
                Target::Node(node) => {
                    assert!(!retired.contains(&node.word()));
                    assert!(!node.next().load().is_marked());
                    keys.push(u64::from_le_bytes(node.key().try_into().unwrap()));
                    (node.order(), node.next().load())
                }
            };
            assert!(order >= last);
            (word, last) = (next, order);
        }
    }
}

/// Runs in another thread.
fn spawn<R: 'static>(
    model: &Arc<Model>,
    work: impl FnOnce(&Model) -> R + 'static,
) -> thread::JoinHandle<R> {
    let model = Arc::clone(model);
    thread::spawn(move || work(&model))
}

/// Checks a model in all executions with up to this many preemptions.
fn check(preemptions: Option<usize>, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = preemptions;
    builder.check(model);
}

/// The last bit of a hash is not in the order: these two are in one run.
const TWINS: [u64; 2] = [2, 2 | 1 << 63];

#[test]
fn loom_one_of_two_adds_creates() {
    check(None, || {
        let model = Model::with(&[]);
        let other = spawn(&model, |model| model.add(2, b"new"));
        let this = model.add(2, b"new");
        assert!(this ^ other.join().unwrap());
        assert_eq!(model.check(0), [2]);
    });
}

#[test]
fn loom_a_run_takes_two_keys_at_once() {
    check(None, || {
        let model = Model::with(&[]);
        let other = spawn(&model, |model| model.add(TWINS[0], b"new"));
        assert!(model.add(TWINS[1], b"new") && other.join().unwrap());
        assert_eq!(model.check(0).len(), 2);
    });
}

/// The classic mistake: what is put behind a node that is being removed is lost.
#[test]
fn loom_an_add_behind_a_node_that_goes_is_kept() {
    check(None, || {
        let model = Model::with(&[2]);
        let other = spawn(&model, |model| model.remove(2));
        assert!(model.add(6, b"new") && other.join().unwrap());
        assert_eq!(model.check(1), [6]);
    });
}

#[test]
fn loom_neighbours_go_at_once() {
    check(None, || {
        let model = Model::with(&[4, 2, 6]);
        let other = spawn(&model, |model| model.remove(4));
        assert!(model.remove(2) && other.join().unwrap());
        assert_eq!(model.check(2), [6]);
    });
}

#[test]
fn loom_a_removal_and_an_overwrite_agree() {
    check(Some(4), || {
        let model = Model::with(&[2]);
        let other = spawn(&model, |model| model.remove(2));
        let overwritten = model.overwrite(2, b"new");
        assert!(other.join().unwrap());
        assert_eq!(model.get(2), None);
        assert_eq!(model.check(1 + usize::from(overwritten)), [0; 0]);
    });
}

/// The run's last node goes while two threads add one key behind it.
#[test]
fn loom_one_of_two_adds_creates_while_the_run_changes() {
    check(Some(4), || {
        let model = Model::with(&[TWINS[0]]);
        let first = spawn(&model, |model| model.add(TWINS[1], b"new"));
        let second = spawn(&model, |model| {
            assert!(model.remove(TWINS[0]));
        });
        let this = model.add(TWINS[1], b"new");
        assert!(this ^ first.join().unwrap());
        second.join().unwrap();
        assert_eq!(model.check(1), [TWINS[1]]);
    });
}

#[test]
fn loom_a_reader_finds_what_is_overwritten() {
    check(Some(4), || {
        let model = Model::with(&[2]);
        let other = spawn(&model, |model| {
            assert!(model.overwrite(2, b"new") && model.overwrite(2, b"newer"));
        });
        let first = model.get(2).expect("it is there all the time");
        let then = model.get(2).expect("it is there all the time");
        assert!(first.len() <= 5 && (first != b"newer" || then == b"newer"));
        assert!(then != b"old" || first == b"old");
        other.join().unwrap();
        assert_eq!(model.get(2).unwrap(), b"newer");
        assert_eq!(model.check(2), [2]);
    });
}

#[test]
fn loom_a_reader_finds_what_is_overwritten_while_its_neighbours_come_and_go() {
    check(Some(4), || {
        let model = Model::with(&[4, 2]);
        let first = spawn(&model, |model| {
            assert!(model.remove(4) && model.add(4, b"new"));
        });
        let second = spawn(&model, |model| assert!(model.overwrite(2, b"new")));
        assert!(model.get(2).is_some());
        first.join().unwrap();
        second.join().unwrap();
        assert_eq!(model.check(2), [4, 2]);
    });
}

/// Two threads come for a new bucket; one adds there, and finds what was there before.
#[test]
fn loom_a_bucket_is_put_into_the_list_once() {
    check(Some(4), || {
        let model = Model::with(&[2]);
        // The bucket of an odd key is new; this one was added when there was but one bucket.
        let (order, bytes) = (node_order(5), 5_u64.to_le_bytes());
        let place = find(&*model, &model.sentinels[0], order, &bytes);
        assert!(place.insert(New::with(order, &bytes, b"old")).is_ok());
        let other = spawn(&model, |model| {
            assert!(model.get(5).is_some());
            assert!(model.add(3, b"new"));
        });
        assert!(model.add(1, b"new"));
        assert!(model.get(5).is_some() && model.get(1).is_some());
        other.join().unwrap();
        assert_eq!(model.check(0), [2, 1, 5, 3]);
    });
}

/// A bucket comes into the list where the node before it goes and another is added.
#[test]
fn loom_a_bucket_comes_where_nodes_come_and_go() {
    check(Some(4), || {
        let model = Model::with(&[2]);
        let other = spawn(&model, |model| assert!(model.remove(2)));
        let third = spawn(&model, |model| assert!(model.add(6, b"new")));
        assert!(model.add(1, b"new"));
        other.join().unwrap();
        third.join().unwrap();
        assert_eq!(model.check(1), [6, 1]);
    });
}
