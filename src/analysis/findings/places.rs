//! Where something was found, in words: workloads, thread counts and what else tells panels apart.

use crate::analysis::figures::gather;
use crate::analysis::format::{counted, listed};
use crate::analysis::labels::workload_among;
use crate::analysis::summary::{CellSummary, PanelSummary, Summary};
use crate::record::PanelEntry;

/// A cell where it was measured.
pub(super) type Place<'s> = (&'s PanelSummary, &'s CellSummary);

/// A workload as sentences name it: with what else tells it from others of the run.
pub(super) fn workload_name(summary: &Summary, entry: &PanelEntry) -> String {
    workload_among(entry, summary.panels.iter())
}

/// Where something holds: `ycsb-c, 1 thread`; `ycsb-a and ycsb-c, 1 and 2 threads`; or, where thread
/// counts differ, `ycsb-a and ycsb-c (1 and 2 threads); fill (1 thread)`.
pub(super) fn places(summary: &Summary, panels: &[&PanelSummary]) -> String {
    let mut by_workload: Vec<(String, Vec<u32>)> = Vec::new();
    for panel in panels {
        let name = workload_name(summary, &panel.entry);
        gather(&mut by_workload, name, panel.entry.threads);
    }
    let mut by_threads: Vec<(Vec<u32>, Vec<String>)> = Vec::new();
    for (name, mut threads) in by_workload {
        threads.sort_unstable();
        threads.dedup();
        gather(&mut by_threads, threads, name);
    }
    if let [(threads, names)] = by_threads.as_slice() {
        return format!("{}, {}", listed(names), thread_counts(threads));
    }
    let each: Vec<String> = by_threads
        .iter()
        .map(|(threads, names)| format!("{} ({})", listed(names), thread_counts(threads)))
        .collect();
    each.join("; ")
}

/// Where something holds among panels of one workload: `2 threads`; `100000 entries, 1 and 2 threads;
/// 1000000 entries in batches of 16, 1 thread`.
pub(super) fn settings(summary: &Summary, panels: &[&PanelSummary]) -> String {
    let mut by_rest: Vec<(String, Vec<u32>)> = Vec::new();
    for panel in panels {
        let name = workload_name(summary, &panel.entry);
        let rest = name.strip_prefix(&panel.entry.workload).unwrap_or(&name);
        let rest = rest.trim_start().trim_start_matches("of ");
        gather(&mut by_rest, rest.to_owned(), panel.entry.threads);
    }
    let each = by_rest.into_iter().map(|(rest, mut threads)| {
        threads.sort_unstable();
        threads.dedup();
        match rest.as_str() {
            "" => thread_counts(&threads),
            rest => format!("{rest}, {}", thread_counts(&threads)),
        }
    });
    each.collect::<Vec<_>>().join("; ")
}

fn thread_counts(threads: &[u32]) -> String {
    match threads {
        [one] => counted(u64::from(*one), "thread"),
        several => {
            let counts: Vec<String> = several.iter().map(u32::to_string).collect();
            format!("{} threads", listed(&counts))
        }
    }
}

/// Names, with a space before, those that were not ranked for want of figures, and in how many panels they
/// have some; empty where there are none.
pub(super) fn not_ranked<'l>(lacking: impl Iterator<Item = (&'l str, usize)>) -> String {
    let lacking: Vec<String> = lacking
        .map(|(name, in_panels)| format!("{name} (in {in_panels})"))
        .collect();
    if lacking.is_empty() {
        return String::new();
    }
    format!(
        " Not ranked, as they have no figures in all: {}.",
        listed(&lacking)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::synthetic::{Cell, Synthetic};

    #[test]
    fn places_tell_panels_apart() {
        let pair = || [Cell::new("fixed", 400.0), Cell::new("resizable", 200.0)];
        let mut records = Synthetic::new()
            .panel("a", 2, &pair())
            .panel("a", 1, &pair())
            .panel("b", 1, &pair())
            .panel("c", 1, &pair())
            .panel("c", 1, &pair())
            .records();
        records.manifest.panels[2].batch = 16;
        records.manifest.panels[4].entries = 1_000_000;
        let summary = Summary::of(&records);
        let panels: Vec<&PanelSummary> = summary.panels.iter().collect();
        assert_eq!(places(&summary, &panels[..2]), "a, 1 and 2 threads");
        assert_eq!(
            places(&summary, &panels[2..3]),
            "b in batches of 16, 1 thread"
        );
        assert_eq!(
            places(&summary, &panels),
            "a (1 and 2 threads); b in batches of 16, c of 100000 entries \
             and c of 1000000 entries (1 thread)"
        );
    }
}
