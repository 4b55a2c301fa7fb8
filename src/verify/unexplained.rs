//! A history that no order explains, as it is reported and drawn.

use super::failure::{Failure, Wrong};
use super::linear::{Did, Operation};
use super::sample::{Sample, shown};
use crate::record::{DrawnHistory, DrawnOperation};

/// Operations on both sides of the break that a drawing shows.
const DRAWN: usize = 16;

/// What went wrong, with the history that has no explanation.
#[derive(Debug)]
pub(super) struct Unexplained {
    pub(super) failure: Failure,
    pub(super) history: Option<DrawnHistory>,
}

impl From<Failure> for Box<Unexplained> {
    fn from(failure: Failure) -> Box<Unexplained> {
        Box::new(Unexplained {
            failure,
            history: None,
        })
    }
}

/// The failure of a key whose history has no explanation, with the part of it around the break.
pub(super) fn unexplained(
    key: &Sample,
    history: &[Operation],
    order: &[usize],
) -> Box<Unexplained> {
    let place = |index: usize| order.iter().position(|&placed| placed == index);
    // The operation that had returned first and has no place: it is the one that no order explains.
    let unplaced = (0..history.len()).filter(|&index| place(index).is_none());
    let breaks = unplaced.min_by_key(|&index| history[index].to_ns);
    let broken = breaks.map(|index| history[index]);
    let mut near: Vec<usize> = (0..history.len()).collect();
    near.sort_by_key(|&index| history[index].from_ns);
    let middle = near.iter().position(|&index| Some(index) == breaks);
    let middle = middle.unwrap_or(near.len());
    let near = &near[middle.saturating_sub(DRAWN)..near.len().min(middle + DRAWN)];
    let origin_ns = near.iter().map(|&index| history[index].from_ns).min();
    let origin_ns = origin_ns.unwrap_or(0);
    let drawn = near.iter().map(|&index| {
        let one = history[index];
        DrawnOperation {
            thread: one.thread,
            from_ns: one.from_ns - origin_ns,
            to_ns: one.to_ns - origin_ns,
            what: described(&one),
            place: place(index).map(|place| place as u64 + 1),
        }
    });
    let what = broken.map_or_else(String::new, |one| described(&one));
    let wrong = Wrong {
        expected: "an order of its operations that explains all answers".to_owned(),
        got: format!(
            "none: {} of {} operations can be ordered, but not '{what}'",
            order.len(),
            history.len()
        ),
    };
    Box::new(Unexplained {
        failure: Failure {
            key: Some(shown(key.key().bytes)),
            thread: broken.map(|one| one.thread),
            ..wrong.during("history")
        },
        history: Some(DrawnHistory {
            operations: drawn.collect(),
            breaks_ns: broken.map_or(0, |one| one.to_ns - origin_ns),
            explained: order.len() as u64,
        }),
    })
}

/// `update: a.3 → b.7`: values are named by their writer and its writes.
fn described(one: &Operation) -> String {
    let named = |value: Option<u64>| {
        value.map_or_else(
            || "–".to_owned(),
            |value| format!("{}.{}", value >> 32, value & u64::from(u32::MAX)),
        )
    };
    let did = match one.did {
        Did::Saw(saw) => named(saw),
        Did::Set { value, replaced } => {
            let before = ["–", "some"][usize::from(replaced)];
            format!("{before} → {}", named(Some(value)))
        }
        Did::Removed(was) => ["– → –", "some → –"][usize::from(was)].to_owned(),
        Did::Changed { saw, to } => format!("{} → {}", named(saw), named(to)),
    };
    format!("{}: {did}", one.name)
}
