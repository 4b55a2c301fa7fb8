//! Checks of a suite that do not depend on its workloads and targets.

use super::suite::Suite;
use crate::analysis::Ask;
use crate::base::{BadInput, counted};
use crate::catalog::{self, Row};
use crate::workload::Workload;

/// The most threads that a cell may ask for.
const MOST_THREADS: u32 = 4096;

/// Checks the numbers of a suite, and what it asks first.
pub(super) fn check_suite(rows: &[Row], suite: &Suite) -> Result<(), BadInput> {
    let bad = |why: String| Err(BadInput(format!("suite '{}': {why}", suite.name)));
    for text in &suite.first {
        match text.parse() {
            Ok(Ask::Topic(_)) => {}
            Ok(Ask::Param(param)) => {
                let has = |row: &Row| row.params.iter().any(|own| own.name == param);
                if !rows.iter().any(has) {
                    return bad(format!("first: no strategy has a parameter '{param}'"));
                }
            }
            Ok(Ask::Pair(a, b)) => {
                for name in [a, b] {
                    catalog::find(rows, &name)?;
                }
            }
            Err(why) => return bad(format!("first: {why}")),
        }
    }
    let groups = suite.group.iter();
    for &threads in groups.flat_map(|group| group.threads.as_ref().unwrap_or(&suite.threads)) {
        if threads == 0 || threads > MOST_THREADS {
            return bad(format!(
                "threads = {threads} is not valid: 1 to {MOST_THREADS}"
            ));
        }
    }
    if suite.group.is_empty() {
        return bad("it has no [[group]]: nothing to measure".into());
    }
    if suite.trials == Some(0) {
        return bad("trials = 0 is not valid: at least 1".into());
    }
    let of_groups = suite.group.iter().filter_map(|group| group.time_s);
    for time_s in suite.time_s.into_iter().chain(of_groups) {
        if !(time_s > 0.0 && time_s <= 1e6) {
            return bad(format!(
                "time = {time_s} s is not valid: above 0, at most 10^6"
            ));
        }
    }
    if suite
        .precision_percent
        .is_some_and(|percent| !(percent > 0.0 && percent < 100.0))
    {
        return bad("precision_percent is not valid: above 0, below 100".into());
    }
    if suite.precision_percent.is_some() && suite.trials.is_some() {
        return bad(
            "trials and precision exclude each other: a precision sets the number of trials \
             itself; give one of them"
                .into(),
        );
    }
    if suite
        .max_time_s
        .is_some_and(|time_s| !(time_s > 0.0 && time_s <= 1e6))
    {
        return bad(format!(
            "max-time = {} s is not valid: above 0, at most 10^6",
            suite.max_time_s.unwrap_or(0.0)
        ));
    }
    if !(1..=1000).contains(&suite.slice_ms) {
        return bad(format!(
            "slice_ms = {} is not valid: 1 to 1000",
            suite.slice_ms
        ));
    }
    Ok(())
}

/// Checks that each thread has a connection, where their number is given.
pub(super) fn check_connections(workload: &Workload, threads: u32) -> Result<(), BadInput> {
    let connections = workload.connections;
    if connections == 0 || connections >= threads {
        return Ok(());
    }
    Err(BadInput(format!(
        "workload '{}': connections = {connections} is not valid with {}: each thread has at least one, so give {threads} or \
         more, or 0 for one a thread",
        workload.name,
        counted(u64::from(threads), "thread"),
    )))
}

/// What a run has one of, its suites must agree on.
pub(super) fn check_together(suites: &[Suite]) -> Result<(), BadInput> {
    for pair in suites.windows(2) {
        let [a, b] = pair else { continue };
        if a.seed != b.seed {
            return Err(BadInput(format!(
                "suites '{}' and '{}' have different seeds ({} and {}): give one with --seed, or \
                 run them one after the other",
                a.name, b.name, a.seed, b.seed
            )));
        }
        if a.slice_ms != b.slice_ms {
            return Err(BadInput(format!(
                "suites '{}' and '{}' have slices of different length ({} and {} ms): run them one \
                 after the other",
                a.name, b.name, a.slice_ms, b.slice_ms
            )));
        }
    }
    Ok(())
}
