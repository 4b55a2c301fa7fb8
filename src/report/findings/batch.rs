//! What a batch of lookups gains over single ones. These are separate panels, so nothing is paired and
//! the sentence says so.

use super::{Finding, Place, Topic, cell_ids, gather, panel_numbers, places, scaling};
use crate::report::format::{counted, times_between};
use crate::report::summary::{CellSummary, PanelSummary, Summary};
use crate::stats::Interval;

/// Targets that the sentence names besides the fastest.
const NEXT: usize = 3;

/// A target in batches and one at a time.
struct Gain<'s> {
    batched: Place<'s>,
    single: Place<'s>,
    ratio: Interval,
}

/// A target with its gains.
struct Target<'s> {
    label: String,
    peer: bool,
    gains: Vec<Gain<'s>>,
}

impl Target<'_> {
    /// How it stands among those beside it: the mean logarithm of its rate in batches.
    fn height(&self) -> f64 {
        let rates = self
            .gains
            .iter()
            .filter_map(|gain| Some(gain.batched.1.rate?.mid.ln()));
        rates.sum::<f64>() / self.gains.len() as f64
    }

    fn range(&self) -> String {
        let ratios: Vec<Interval> = self.gains.iter().map(|gain| gain.ratio).collect();
        times_between(&ratios)
    }
}

/// A sentence for each size of batch that is there beside single operations.
pub(super) fn batches(summary: &Summary) -> Vec<Finding> {
    let mut by_batch: Vec<(u32, Vec<(String, Gain<'_>)>)> = Vec::new();
    for batched in summary.panels.iter().filter(|panel| panel.entry.batch > 1) {
        let alone = |other: &&PanelSummary| {
            let key = |panel: &PanelSummary| {
                let entry = &panel.entry;
                let (keys, pass) = (entry.corpus.clone(), entry.pass);
                (
                    entry.workload.clone(),
                    entry.entries,
                    entry.threads,
                    keys,
                    pass,
                )
            };
            other.entry.batch <= 1 && key(other) == key(batched)
        };
        let Some(single) = summary.panels.iter().find(alone) else {
            continue;
        };
        for cell in batched.ranking() {
            let same = |other: &&CellSummary| {
                other.entry.target_full == cell.entry.target_full
                    && other.entry.hash == cell.entry.hash
            };
            let gain = single.ranking().into_iter().find(same).and_then(|one| {
                Some(Gain {
                    batched: (batched, cell),
                    single: (single, one),
                    ratio: scaling::unpaired(one, cell)?,
                })
            });
            if let Some(gain) = gain {
                gather(
                    &mut by_batch,
                    batched.entry.batch,
                    (batched.label(cell), gain),
                );
            }
        }
    }
    by_batch
        .into_iter()
        .map(|(batch, labelled)| sentence(summary, batch, labelled))
        .collect()
}

fn sentence(summary: &Summary, batch: u32, labelled: Vec<(String, Gain<'_>)>) -> Finding {
    let mut grouped = Vec::new();
    for (label, gain) in labelled {
        gather(&mut grouped, label, gain);
    }
    let most = grouped
        .iter()
        .map(|(_, gains)| gains.len())
        .max()
        .unwrap_or(0);
    let mut targets: Vec<Target<'_>> = grouped
        .into_iter()
        // Rates of those that were not everywhere are of other workloads.
        .filter(|(_, gains)| gains.len() == most)
        .map(|(label, gains)| Target {
            label,
            peer: gains[0].batched.1.entry.peer,
            gains,
        })
        .collect();
    targets.sort_by(|a, b| b.height().total_cmp(&a.height()));
    let (peers, ours): (Vec<Target<'_>>, Vec<Target<'_>>) =
        targets.into_iter().partition(|target| target.peer);
    let named = |target: &Target<'_>| format!("{} {}", target.label, target.range());
    let mut clauses: Vec<String> = ours.iter().take(1 + NEXT).map(named).collect();
    if let Some(first) = clauses.first_mut() {
        *first = format!("the fastest there, {first}");
    }
    let first_peer = peers.first();
    clauses.extend(first_peer.map(|peer| format!("the fastest peer, {}", named(peer))));
    let told: Vec<&Gain<'_>> = ours
        .iter()
        .take(1 + NEXT)
        .chain(first_peer)
        .flat_map(|target| &target.gains)
        .collect();
    let mut singles: Vec<&PanelSummary> = Vec::new();
    for gain in &told {
        if !singles
            .iter()
            .any(|panel| panel.entry.panel == gain.single.0.entry.panel)
        {
            singles.push(gain.single.0);
        }
    }
    Finding {
        text: format!(
            "{}: batches of {batch} against one at a time: {} (medians of {}, not paired).",
            places(summary, &singles),
            clauses.join("; "),
            counted(2 * singles.len() as u64, "panel")
        ),
        topic: Topic::Batch,
        panels: panel_numbers(told.iter().flat_map(|gain| [gain.single.0, gain.batched.0])),
        cells: cell_ids(told.iter().flat_map(|gain| [gain.single.1, gain.batched.1])),
        effect: told
            .iter()
            .map(|gain| gain.ratio.mid.ln().abs())
            .fold(0.0, f64::max),
    }
}

#[cfg(test)]
mod tests {
    use crate::report::synthetic::{Cell, Synthetic};
    use crate::report::{Summary, Topic, findings};

    #[test]
    fn what_a_batch_gains_is_said_for_the_fastest() {
        let cells = |factor: f64| {
            [
                Cell::peer("papaya", 150.0),
                Cell::peer("scc", 140.0),
                Cell::new("cuckoo", 120.0 / factor),
                Cell::new("dash", 130.0),
            ]
        };
        let mut records = Synthetic::new()
            .panel("w", 1, &cells(1.0))
            .panel("w", 1, &cells(3.0))
            .records();
        records.manifest.panels[1].batch = 16;
        let found = findings(&Summary::of(&records));
        let batch = found.iter().find(|finding| finding.topic == Topic::Batch);
        let batch = batch.expect("it is said");
        let start = "w, 1 thread: batches of 16 against one at a time: the fastest there, cuckoo ";
        assert!(batch.text.starts_with(start), "{}", batch.text);
        assert!(
            batch.text.contains("; the fastest peer, scc "),
            "{}",
            batch.text
        );
        assert_eq!(batch.panels, [0, 1]);
        assert!((batch.effect.exp() / 3.0 - 1.0).abs() < 0.05);
        // Without the single operations there is nothing to set it against.
        records.manifest.panels[0].batch = 8;
        let found = findings(&Summary::of(&records));
        assert!(found.iter().all(|finding| finding.topic != Topic::Batch));
    }
}
