//! Whether the history of one key has an order that explains it.
//!
//! A history is *linearizable* if each operation can be given a moment between its call and its return so that the
//! operations, done one after the other at these moments, answer what they answered (Herlihy and Wing,
//! "Linearizability: A Correctness Condition for Concurrent Objects", TOPLAS 12(3), 1990). The search is that of
//! Wing and Gong, "Testing and Verifying Concurrent Objects", Journal of Parallel and Distributed Computing 17,
//! 1993: take any operation that was called before the first pending return, do it, go on with the rest, and
//! come back where that leads nowhere. It remembers which sets of operations with which state it has tried, as
//! Lowe does in "Testing for Linearizability", Concurrency and Computation 29(4), 2017. Keys are independent of
//! each other, so each key's history is searched alone.

use std::collections::HashSet;

/// What an operation on one key was asked and what it answered. Values are numbers, each written once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Did {
    /// Saw this value, or none.
    Saw(Option<u64>),
    /// Wrote a value, and said whether there was one before.
    Set { value: u64, replaced: bool },
    /// Removed the entry, if it said that there was one.
    Removed(bool),
    /// Saw a value, or none, and put another in its place in the same step, or none.
    Changed { saw: Option<u64>, to: Option<u64> },
}

impl Did {
    /// The value, or none, after the operation if it is done on `state`; an error if it would have answered
    /// something else.
    fn on(self, state: Option<u64>) -> Result<Option<u64>, Otherwise> {
        match self {
            Did::Saw(saw) if saw == state => Ok(state),
            Did::Set { value, replaced } if replaced == state.is_some() => Ok(Some(value)),
            Did::Removed(was) if was == state.is_some() => Ok(None),
            Did::Changed { saw, to } if saw == state => Ok(to),
            _ => Err(Otherwise),
        }
    }
}

/// An operation would have answered something else.
#[derive(Clone, Copy, Debug)]
struct Otherwise;

/// An operation on one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Operation {
    /// The thread that did it.
    pub(super) thread: u32,
    /// Which call of a session it was, or a part of.
    pub(super) name: &'static str,
    /// When it was called.
    pub(super) from_ns: u64,
    /// When it had returned: where this is another's `from_ns`, the two overlap.
    pub(super) to_ns: u64,
    pub(super) did: Did,
}

/// What a search came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Searched {
    /// There is an order that explains the history.
    Explained,
    /// There is none. The longest order of a part, as indices into the history.
    Unexplained(Vec<usize>),
    /// The budget of states was spent before either was known.
    Spent,
}

/// Looks for an order that explains a history of a key that is absent at first, in as many states at most.
pub(super) fn search(history: &[Operation], budget: usize) -> Searched {
    let mut events = Events::of(history);
    let mut done = Set::of(history.len());
    let mut tried = HashSet::new();
    let (mut state, mut order) = (None, Vec::new());
    let mut longest = Vec::new();
    let mut at = events.first();
    while let Some(event) = at {
        if let Event::Call(operation) = events.list[event] {
            let next = history[operation].did.on(state).ok();
            if let Some(next) = next.filter(|next| tried.insert((done.with(operation), *next))) {
                if tried.len() > budget {
                    return Searched::Spent;
                }
                order.push((operation, state));
                done.flip(operation);
                state = next;
                events.take(operation);
                at = events.first();
            } else {
                at = events.after(event);
            }
            continue;
        }
        // All that could come first has been tried: the last choice was wrong.
        if order.len() > longest.len() {
            longest = order.iter().map(|(operation, _)| *operation).collect();
        }
        let Some((operation, before)) = order.pop() else {
            return Searched::Unexplained(longest);
        };
        state = before;
        done.flip(operation);
        events.put_back(operation);
        at = events.after(events.calls[operation]);
    }
    Searched::Explained
}

#[derive(Clone, Copy)]
enum Event {
    Call(usize),
    Return,
}

/// Calls and returns in the order of time, as a list from which operations can be taken and put back, the last
/// taken first.
struct Events {
    list: Vec<Event>,
    /// Where each operation's call and return are in the list.
    calls: Vec<usize>,
    returns: Vec<usize>,
    /// Neighbours in the list of those that are left; `list.len()` stands before the first and behind the last.
    next: Vec<usize>,
    before: Vec<usize>,
}

impl Events {
    fn of(history: &[Operation]) -> Events {
        // At one time calls come before returns: such operations overlap.
        let mut times: Vec<(u64, bool, usize)> = Vec::new();
        for (index, operation) in history.iter().enumerate() {
            times.push((operation.from_ns, false, index));
            times.push((operation.to_ns, true, index));
        }
        times.sort_unstable();
        let (mut calls, mut returns) = (vec![0; history.len()], vec![0; history.len()]);
        let mut list = Vec::new();
        for (place, (_, returned, index)) in times.into_iter().enumerate() {
            if returned {
                returns[index] = place;
                list.push(Event::Return);
            } else {
                calls[index] = place;
                list.push(Event::Call(index));
            }
        }
        let end = list.len();
        Events {
            next: (1..=end).chain([0]).collect(),
            before: [end].into_iter().chain(0..end).collect(),
            list,
            calls,
            returns,
        }
    }

    fn first(&self) -> Option<usize> {
        self.after(self.list.len())
    }

    fn after(&self, event: usize) -> Option<usize> {
        Some(self.next[event]).filter(|next| *next < self.list.len())
    }

    fn take(&mut self, operation: usize) {
        for event in [self.calls[operation], self.returns[operation]] {
            let (before, next) = (self.before[event], self.next[event]);
            self.next[before] = next;
            self.before[next] = before;
        }
    }

    fn put_back(&mut self, operation: usize) {
        for event in [self.returns[operation], self.calls[operation]] {
            let (before, next) = (self.before[event], self.next[event]);
            self.next[before] = event;
            self.before[next] = event;
        }
    }
}

/// A set of operations.
struct Set(Vec<u64>);

impl Set {
    fn of(operations: usize) -> Set {
        Set(vec![0; operations.div_ceil(64)])
    }

    fn flip(&mut self, operation: usize) {
        self.0[operation / 64] ^= 1 << (operation % 64);
    }

    fn with(&self, operation: usize) -> Box<[u64]> {
        let mut words: Box<[u64]> = self.0.as_slice().into();
        words[operation / 64] |= 1 << (operation % 64);
        words
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_xoshiro::Xoshiro256PlusPlus;

    use super::*;

    const ENOUGH: usize = 1 << 20;

    fn operation(thread: u32, from_ns: u64, to_ns: u64, did: Did) -> Operation {
        Operation {
            thread,
            name: "",
            from_ns,
            to_ns,
            did,
        }
    }

    /// Tries every order, without memory.
    fn explained(left: &[Operation], state: Option<u64>) -> bool {
        let Some(first_return) = left.iter().map(|one| one.to_ns).min() else {
            return true;
        };
        (0..left.len()).any(|index| {
            let mut rest = left.to_vec();
            let one = rest.remove(index);
            one.from_ns <= first_return
                && one.did.on(state).is_ok_and(|next| explained(&rest, next))
        })
    }

    #[test]
    fn the_search_agrees_with_trying_every_order() {
        let mut dice = Xoshiro256PlusPlus::seed_from_u64(11);
        let (mut good, mut bad) = (0, 0);
        for _ in 0..4_000 {
            let count = dice.random_range(1..=6);
            let history: Vec<Operation> = (0..count)
                .map(|index| {
                    let from = dice.random_range(0..12);
                    let saw = [None, Some(dice.random_range(0..3))][dice.random_range(0..2)];
                    let did = match dice.random_range(0..4) {
                        0 => Did::Saw(saw),
                        1 => Did::Set {
                            value: index,
                            replaced: dice.random(),
                        },
                        2 => Did::Removed(dice.random()),
                        _ => Did::Changed {
                            saw,
                            to: [None, Some(index)][dice.random_range(0..2)],
                        },
                    };
                    operation(0, from, from + dice.random_range(0..8), did)
                })
                .collect();
            let found = search(&history, ENOUGH);
            let expected = explained(&history, None);
            assert_eq!(found == Searched::Explained, expected, "{history:?}");
            if let Searched::Unexplained(order) = found {
                bad += 1;
                // The part is one: no operation twice, and each answers as it did.
                let mut state = None;
                for (place, &index) in order.iter().enumerate() {
                    assert!(!order[..place].contains(&index));
                    state = history[index]
                        .did
                        .on(state)
                        .expect("a part that is explained");
                }
            } else {
                good += 1;
            }
        }
        assert!(good > 300 && bad > 300, "{good} good, {bad} bad");
    }

    #[test]
    fn histories_known_to_be_wrong_are_found_out() {
        let set = |value, replaced| Did::Set { value, replaced };
        let wrong: &[(&str, &[Operation])] = &[
            (
                "a stale value, after another was written",
                &[
                    operation(0, 0, 1, set(1, false)),
                    operation(0, 2, 3, set(2, true)),
                    operation(1, 4, 5, Did::Saw(Some(1))),
                ],
            ),
            (
                "a present key that is missed",
                &[
                    operation(0, 0, 1, set(1, false)),
                    operation(1, 2, 5, Did::Saw(None)),
                    operation(0, 3, 4, set(2, true)),
                ],
            ),
            (
                "a lost update: both changed the same value",
                &[
                    operation(0, 0, 1, set(1, false)),
                    operation(
                        0,
                        2,
                        9,
                        Did::Changed {
                            saw: Some(1),
                            to: Some(2),
                        },
                    ),
                    operation(
                        1,
                        3,
                        8,
                        Did::Changed {
                            saw: Some(1),
                            to: Some(3),
                        },
                    ),
                ],
            ),
            (
                "two that both created the key",
                &[
                    operation(0, 0, 9, set(1, false)),
                    operation(1, 1, 8, set(2, false)),
                ],
            ),
            (
                "a value seen before the other and after it",
                &[
                    operation(0, 0, 1, set(1, false)),
                    operation(0, 2, 9, set(2, true)),
                    operation(1, 3, 4, Did::Saw(Some(2))),
                    operation(1, 5, 6, Did::Saw(Some(1))),
                ],
            ),
            (
                "a removal of what two removed",
                &[
                    operation(0, 0, 1, set(1, false)),
                    operation(0, 2, 9, Did::Removed(true)),
                    operation(1, 2, 9, Did::Removed(true)),
                ],
            ),
        ];
        for (what, history) in wrong {
            let found = search(history, ENOUGH);
            assert!(matches!(found, Searched::Unexplained(_)), "{what}");
            assert!(!explained(history, None), "{what}");
        }
    }

    #[test]
    fn a_long_history_is_explained_and_a_small_budget_is_spent() {
        // Forty rounds in which eight threads write at once and one of them is seen.
        let mut history = Vec::new();
        for round in 0..40_u64 {
            let from = 100 * round;
            for thread in 0..8 {
                let value = 8 * round + u64::from(thread);
                let replaced = round > 0 || thread > 0;
                let did = Did::Set { value, replaced };
                history.push(operation(thread, from, from + 50, did));
            }
            history.push(operation(
                0,
                from + 60,
                from + 70,
                Did::Saw(Some(8 * round + 3)),
            ));
        }
        assert_eq!(search(&history, ENOUGH), Searched::Explained);
        assert_eq!(search(&history, 100), Searched::Spent);
        let last = history.last_mut().expect("it is long");
        last.did = Did::Saw(Some(2));
        assert!(
            matches!(search(&history, ENOUGH), Searched::Unexplained(order) if order.len() == 359)
        );
    }
}
