//! Shrinks a list of steps that fails to a short one that still fails.
//!
//! The method is `ddmin`: Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", IEEE
//! Transactions on Software Engineering 28(2), 2002. It tries each part of the list alone, then the list without
//! each part, and halves the parts when neither fails. It ends with a list from which no single step can be left
//! out, or when its time is over: each of its lists fails.

use std::time::Instant;

/// A short part of `steps` for which `fails` says yes, as it does for all of them.
pub(super) fn shrink(
    steps: Vec<u64>,
    until: Instant,
    mut fails: impl FnMut(&[u64]) -> bool,
) -> Vec<u64> {
    let mut steps = steps;
    let mut parts = 2;
    while steps.len() >= 2 {
        match smaller(&steps, parts, until, &mut fails) {
            Some(Smaller::Part(part)) => {
                steps = part;
                parts = 2;
            }
            Some(Smaller::Rest(rest)) => {
                steps = rest;
                parts = (parts - 1).max(2);
            }
            None if parts >= steps.len() || Instant::now() >= until => return steps,
            None => parts = (2 * parts).min(steps.len()),
        }
    }
    steps
}

enum Smaller {
    Part(Vec<u64>),
    Rest(Vec<u64>),
}

/// One part of so many that fails alone, or else the rest that fails without one of them.
fn smaller(
    steps: &[u64],
    parts: usize,
    until: Instant,
    fails: &mut impl FnMut(&[u64]) -> bool,
) -> Option<Smaller> {
    let length = steps.len().div_ceil(parts);
    let part = steps
        .chunks(length)
        .take_while(|_| Instant::now() < until)
        .find(|part| fails(part));
    if let Some(part) = part {
        return Some(Smaller::Part(part.to_vec()));
    }
    // Later steps are less likely to be needed by others.
    let starts = (0..steps.len()).step_by(length).rev();
    starts
        .take_while(|_| Instant::now() < until)
        .map(|start| {
            let end = (start + length).min(steps.len());
            [&steps[..start], &steps[end..]].concat()
        })
        .find(|rest| !rest.is_empty() && fails(rest))
        .map(Smaller::Rest)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_mins(1)
    }

    #[test]
    fn what_is_needed_remains_and_nothing_else() {
        let needed = [17, 400, 401, 999];
        let all: Vec<u64> = (1..=1_000).collect();
        let mut calls = 0;
        let short = shrink(all, soon(), |steps| {
            calls += 1;
            needed.iter().all(|step| steps.contains(step))
        });
        assert_eq!(short, needed);
        assert!(calls < 1_000, "{calls}");
        let any = shrink((1..=100).collect(), soon(), |_| true);
        assert_eq!(any.len(), 1);
    }

    #[test]
    fn without_time_all_steps_remain() {
        let all: Vec<u64> = (1..=10).collect();
        assert_eq!(shrink(all.clone(), Instant::now(), |_| true), all);
    }
}
