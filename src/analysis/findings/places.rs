//! Where something was found, in words: workloads, thread counts and what else tells panels apart.

use crate::analysis::figures::gather;
use crate::analysis::format::{counted, listed};
use crate::analysis::labels::{on_cores, workload_among};
use crate::analysis::scaling::cores;
use crate::analysis::summary::{CellSummary, PanelSummary, Summary};
use crate::record::PanelEntry;

/// A cell where it was measured.
pub(super) type Place<'s> = (&'s PanelSummary, &'s CellSummary);

/// A workload as sentences name it: with what else tells it from others of the run.
pub(super) fn workload_name(summary: &Summary, entry: &PanelEntry) -> String {
    workload_among(entry, summary.panels.iter())
}

/// Workloads that a sentence names; of more it gives the number.
const NAMED: usize = 3;

/// Where something holds: `ycsb-c with 1 thread`; `ycsb-a and ycsb-c of 1000000 entries with 1 and 2
/// threads`; `all workloads with 2 threads`. At most three workloads are named.
pub(super) fn places(summary: &Summary, panels: &[&PanelSummary]) -> String {
    let named = by_workload(summary, panels);
    if named.len() > NAMED && is_all(summary, named.iter().map(|one| &one.name)) {
        let threads = &named[0].threads;
        if named.iter().all(|one| one.threads == *threads) {
            return format!("all workloads with {}", thread_counts(summary, threads));
        }
        if panels.len() == summary.panels.len() {
            return "all workloads".to_owned();
        }
    }
    let mut groups = Vec::new();
    for one in named.iter().take(NAMED) {
        gather(&mut groups, (&one.rest, &one.threads), one.workload);
    }
    let each: Vec<String> = groups
        .iter()
        .map(|((rest, threads), workloads)| {
            format!(
                "{}{rest} with {}",
                listed(workloads),
                thread_counts(summary, threads)
            )
        })
        .collect();
    and_more(listed(&each), named.len())
}

/// A workload with what tells it from others of the run, and its thread counts.
struct Named<'s> {
    name: String,
    workload: &'s str,
    /// The end of the name, behind the workload: ` of 1000000 entries in batches of 16`.
    rest: String,
    threads: Vec<u32>,
}

/// The workloads of panels, in the order of the panels.
fn by_workload<'s>(summary: &Summary, panels: &[&'s PanelSummary]) -> Vec<Named<'s>> {
    let mut all: Vec<Named<'s>> = Vec::new();
    for panel in panels {
        let name = workload_name(summary, &panel.entry);
        let threads = panel.entry.threads;
        if let Some(known) = all.iter_mut().find(|known| known.name == name) {
            known.threads.push(threads);
            continue;
        }
        let workload = panel.entry.workload.as_str();
        all.push(Named {
            rest: name.strip_prefix(workload).unwrap_or("").to_owned(),
            name,
            workload,
            threads: vec![threads],
        });
    }
    for one in &mut all {
        one.threads.sort_unstable();
        one.threads.dedup();
    }
    all
}

/// Workloads by name: all of a run's, at most three, or three and how many more.
pub(super) fn workloads(summary: &Summary, names: &[&str]) -> String {
    if names.len() > NAMED && is_all(summary, names.iter()) {
        return "all workloads".to_owned();
    }
    and_more(listed(&names[..names.len().min(NAMED)]), names.len())
}

fn and_more(named: String, all: usize) -> String {
    match all.saturating_sub(NAMED) {
        0 => named,
        more => format!("{named}, and {}", counted(more as u64, "more workload")),
    }
}

/// Whether the names are those of all workloads of the run.
fn is_all<'n, S: AsRef<str> + 'n>(summary: &Summary, names: impl Iterator<Item = &'n S>) -> bool {
    let names: Vec<&str> = names.map(AsRef::as_ref).collect();
    summary
        .panels
        .iter()
        .all(|panel| names.contains(&workload_name(summary, &panel.entry).as_str()))
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
            "" => thread_counts(summary, &threads),
            rest => format!("{rest}, {}", thread_counts(summary, &threads)),
        }
    });
    each.collect::<Vec<_>>().join("; ")
}

/// `1 thread`, `1 and 2 threads`; those that take turns on cores for themselves: `1 and 2 threads and 8 threads
/// on 2 cores`.
fn thread_counts(summary: &Summary, threads: &[u32]) -> String {
    let in_words = |threads: &[u32]| match threads {
        [one] => counted(u64::from(*one), "thread"),
        several => {
            let counts: Vec<String> = several.iter().map(u32::to_string).collect();
            format!("{} threads", listed(&counts))
        }
    };
    let cores = cores(&summary.manifest);
    let within = threads.partition_point(|&count| cores.is_none_or(|cores| count <= cores));
    let (within, beyond) = threads.split_at(within);
    let mut parts = Vec::new();
    if !within.is_empty() {
        parts.push(in_words(within));
    }
    if !beyond.is_empty() {
        parts.push(on_cores(in_words(beyond), cores));
    }
    listed(&parts)
}

/// The end of a sentence on those that were not ranked for lack of figures, with the number of panels that
/// have some; empty where there are none.
pub(super) fn not_ranked<'l>(lacking: impl Iterator<Item = (&'l str, usize)>) -> String {
    let lacking: Vec<String> = lacking
        .map(|(name, in_panels)| format!("{name} (has figures in {in_panels})"))
        .collect();
    if lacking.is_empty() {
        return String::new();
    }
    format!("; not ranked for lack of figures: {}", listed(&lacking))
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
            .panel("d", 1, &pair())
            .records();
        records.manifest.panels[2].batch = 16;
        records.manifest.panels[4].entries = 1_000_000;
        let summary = Summary::of(&records);
        let panels: Vec<&PanelSummary> = summary.panels.iter().collect();
        assert_eq!(places(&summary, &panels[..2]), "a with 1 and 2 threads");
        assert_eq!(
            places(&summary, &panels[2..3]),
            "b in batches of 16 with 1 thread"
        );
        assert_eq!(
            places(&summary, &panels[..4]),
            "a with 1 and 2 threads, b in batches of 16 with 1 thread and c of 100000 entries with 1 thread"
        );
        assert_eq!(
            places(&summary, &[panels[1], panels[5]]),
            "a and d with 1 thread"
        );
    }

    #[test]
    fn threads_beyond_the_cores_are_set_apart() {
        let mut records = Synthetic::new().records();
        let words = |records: &crate::record::Records, threads: &[u32]| {
            thread_counts(&Summary::of(records), threads)
        };
        assert_eq!(words(&records, &[1, 8]), "1 and 8 threads");
        let machine = &mut records.manifest.machine;
        machine.insert("cpus_usable".into(), "2".into());
        assert_eq!(words(&records, &[2]), "2 threads");
        assert_eq!(words(&records, &[8]), "8 threads on 2 cores");
        assert_eq!(
            words(&records, &[1, 2, 4, 8]),
            "1 and 2 threads and 4 and 8 threads on 2 cores"
        );
    }

    #[test]
    fn many_places_are_counted() {
        let cells = [Cell::new("fixed", 400.0), Cell::new("resizable", 200.0)];
        let mut run = Synthetic::new();
        for workload in ["a", "b", "c", "d", "e"] {
            run = run.panel(workload, 1, &cells);
        }
        let summary = Summary::of(&run.panel("e", 2, &cells).records());
        let panels: Vec<&PanelSummary> = summary.panels.iter().collect();
        assert_eq!(
            places(&summary, &panels[..4]),
            "a, b and c with 1 thread, and 1 more workload"
        );
        assert_eq!(
            places(&summary, &panels[..5]),
            "all workloads with 1 thread"
        );
        assert_eq!(places(&summary, &panels), "all workloads");
        assert_eq!(workloads(&summary, &["a", "b"]), "a and b");
        assert_eq!(
            workloads(&summary, &["a", "b", "c", "d"]),
            "a, b and c, and 1 more workload"
        );
        assert_eq!(
            workloads(&summary, &["a", "b", "c", "d", "e"]),
            "all workloads"
        );
    }
}
