//! What a batch of lookups gains over single ones. These are separate panels, so nothing is paired; the
//! page's notes on method say so.

use super::finding::{Finding, Topic, cell_ids, panel_numbers};
use super::places::{Place, not_ranked, places};
use super::scaling;
use crate::analysis::figures::gather;
use crate::analysis::format::{listed, times_between};
use crate::analysis::summary::{PanelSummary, Summary};
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

/// Whether a panel is the other but for its batches.
fn is_alone(single: &PanelSummary, batched: &PanelSummary) -> bool {
    let (a, b) = (&single.entry, &batched.entry);
    a.batch <= 1
        && !single.is_open_loop()
        && (&a.suite, &a.workload, &a.corpus) == (&b.suite, &b.workload, &b.corpus)
        && a.asked() == b.asked()
        && (a.entries, a.threads, a.pass, a.between) == (b.entries, b.threads, b.pass, b.between)
}

/// A sentence for each size of batch that is there beside single operations. In an open loop the rate is
/// the one asked for.
pub(crate) fn batches(summary: &Summary) -> Vec<Finding> {
    let mut by_batch: Vec<(u32, Vec<(String, Gain<'_>)>)> = Vec::new();
    let closed = summary.panels.iter().filter(|panel| !panel.is_open_loop());
    for batched in closed.filter(|panel| panel.entry.batch > 1) {
        // Several where not all tables fit beside each other; the baseline is in each.
        let alone = summary
            .panels
            .iter()
            .filter(|other| is_alone(other, batched));
        let singles: Vec<Place<'_>> = alone
            .flat_map(|panel| panel.ranking().into_iter().map(move |cell| (panel, cell)))
            .collect();
        for cell in batched.ranking() {
            let Some(&single) = singles.iter().find(|(_, one)| one.is_target_of(cell)) else {
                continue;
            };
            let Some(ratio) = scaling::unpaired(single.1, cell) else {
                continue;
            };
            let gain = Gain {
                batched: (batched, cell),
                single,
                ratio,
            };
            let batch = batched.entry.batch;
            let known = by_batch.iter().filter(|(other, _)| *other == batch);
            let mut known = known.flat_map(|(_, gains)| gains);
            if !known.any(|(_, other)| other.single.1.entry.cell_id == single.1.entry.cell_id) {
                gather(&mut by_batch, batch, (batched.label(cell), gain));
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
    // Rates of those that were not everywhere are of other workloads.
    let (everywhere, elsewhere): (Vec<_>, Vec<_>) = grouped
        .into_iter()
        .partition(|(_, gains)| gains.len() == most);
    let lacking = not_ranked(
        elsewhere
            .iter()
            .map(|(label, gains)| (label.as_str(), gains.len())),
    );
    let mut targets: Vec<Target<'_>> = everywhere
        .into_iter()
        .map(|(label, gains)| Target {
            label,
            peer: gains[0].batched.1.entry.peer,
            gains,
        })
        .collect();
    targets.sort_by(|a, b| b.height().total_cmp(&a.height()));
    let (peers, ours): (Vec<Target<'_>>, Vec<Target<'_>>) =
        targets.into_iter().partition(|target| target.peer);
    let first_peer = peers.first();
    let ours_named = ours.iter().take(1 + NEXT).enumerate();
    let mut names: Vec<String> = ours_named
        .map(|(place, target)| match place {
            0 => format!(
                "{}, the fastest of ours, becomes {}",
                target.label,
                target.range()
            ),
            _ => format!("{} {}", target.label, target.range()),
        })
        .collect();
    names.extend(first_peer.map(|peer| {
        let becomes = if ours.is_empty() { "becomes " } else { "" };
        format!(
            "{}, the fastest peer, {becomes}{}",
            peer.label,
            peer.range()
        )
    }));
    let clauses: Vec<String> = names
        .into_iter()
        .enumerate()
        .map(|(place, name)| match place {
            0 => format!("the rate of {name}"),
            _ => format!("that of {name}"),
        })
        .collect();
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
            "In batches of {batch} instead of one at a time {}, under {}{lacking}.",
            listed(&clauses),
            places(summary, &singles)
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
    use crate::analysis::synthetic::{Cell, Synthetic};
    use crate::analysis::{Summary, Topic, findings};
    use crate::record::PaceEntry;

    fn pace() -> PaceEntry {
        PaceEntry {
            offered_per_s: Some(100_000),
            arrival: "poisson".into(),
            speed: None,
            sweep: "w".into(),
        }
    }

    #[test]
    fn who_lacks_a_panel_is_named_and_not_ranked() {
        let cells = [Cell::new("a", 100.0), Cell::new("b", 120.0)];
        let failed = [
            Cell::new("a", 50.0),
            Cell::new("b", 10.0).failing("it hung"),
        ];
        let mut records = Synthetic::new()
            .panel("v", 1, &cells)
            .panel("v", 1, &cells)
            .panel("w", 1, &cells)
            .panel("w", 1, &failed)
            .records();
        for batched in [1, 3] {
            records.manifest.panels[batched].batch = 16;
        }
        let found = findings(&Summary::of(&records));
        let batch = found.iter().find(|finding| finding.topic == Topic::Batch);
        let text = &batch.expect("it is said").text;
        assert!(
            text.contains("the rate of a, the fastest of ours, becomes "),
            "{text}"
        );
        let named = "; not ranked for lack of figures: b (has figures in 1).";
        assert!(text.ends_with(named), "{text}");
    }

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
        let start = "In batches of 16 instead of one at a time the rate of cuckoo, the fastest of ours, \
                     becomes ";
        assert!(batch.text.starts_with(start), "{}", batch.text);
        assert!(
            batch.text.contains(" and that of scc, the fastest peer, "),
            "{}",
            batch.text
        );
        assert_eq!(batch.panels, [0, 1]);
        assert!((batch.effect.exp() / 3.0 - 1.0).abs() < 0.05);
        // At a pace the rate is the one offered.
        let mut paced = records.clone();
        paced.manifest.panels[1].pace = Some(pace());
        let found = findings(&Summary::of(&paced));
        assert!(found.iter().all(|finding| finding.topic != Topic::Batch));
        // Without the single operations there is nothing to set it against.
        records.manifest.panels[0].batch = 8;
        let found = findings(&Summary::of(&records));
        assert!(found.iter().all(|finding| finding.topic != Topic::Batch));
    }
}
