//! More threads than cores: they take turns, so nothing is gained, and what is lost tells how a table bears
//! that a thread loses its core in the middle of an operation. Those who wait for a lock of that thread by
//! spinning lose most.

use super::finding::{Finding, Topic, cell_ids, panel_numbers};
use super::places::{Place, workload_name};
use super::scaling::unpaired;
use crate::analysis::format::{counted, listed, share_of};
use crate::analysis::labels::{Shared, threads};
use crate::analysis::rates::Ratio;
use crate::analysis::scaling::{Group, groups};
use crate::analysis::summary::Summary;
use crate::analysis::verdict::{Difference, Noise};
use crate::stats::Interval;

/// Targets that a sentence lists; of more it names the best and the worst.
const LISTED: usize = 4;

/// What a target keeps of its rate when its threads outnumber the cores.
struct Kept<'s> {
    label: String,
    uncrowded: Place<'s>,
    crowded: Place<'s>,
    ratio: Interval,
}

/// A sentence for each workload that was measured with each thread on a core, and with more threads: the
/// most of each.
pub(crate) fn crowded(summary: &Summary) -> Vec<Finding> {
    let shared = Shared::of(summary.panels.iter());
    let groups = groups(summary.panels.iter());
    let of_group = |group: &Group<'_>| sentence(summary, of_targets(group, &shared));
    groups.iter().filter_map(of_group).collect()
}

fn of_targets<'s>(group: &Group<'s>, shared: &Shared) -> Vec<Kept<'s>> {
    let most = group.most_threads();
    let kept = |(label, places): (String, Vec<Place<'s>>)| {
        let is_crowded = |place: &&Place<'s>| place.0.crowded_on().is_some();
        let crowded = *places.iter().rfind(is_crowded)?;
        let uncrowded = *places.iter().rfind(|place| !is_crowded(place))?;
        Some(Kept {
            label: shared.without(&label),
            uncrowded,
            crowded,
            ratio: unpaired(uncrowded.1, crowded.1).filter(|ratio| ratio.low > 0.0)?,
        })
    };
    let targets = group.targets().into_iter().filter_map(kept);
    let mut kept: Vec<Kept<'s>> = targets
        .filter(|kept| kept.crowded.0.entry.threads == most)
        .collect();
    // One sentence has one thread count to compare with: the highest.
    let from = kept.iter().map(|kept| kept.uncrowded.0.entry.threads).max();
    kept.retain(|kept| Some(kept.uncrowded.0.entry.threads) == from);
    kept.sort_by(|a, b| b.ratio.mid.total_cmp(&a.ratio.mid));
    kept
}

fn sentence(summary: &Summary, mut kept: Vec<Kept<'_>>) -> Option<Finding> {
    let first = kept.first()?;
    let (crowded, uncrowded) = (first.crowded.0, first.uncrowded.0);
    let all = kept.len();
    if all > LISTED {
        kept.drain(1..all - 1);
    }
    let alone = counted(u64::from(uncrowded.entry.threads), "thread");
    let clauses = kept.iter().enumerate();
    let clauses: Vec<String> = clauses
        .map(|(place, kept)| clause(kept, (place == 0).then_some(alone.as_str())))
        .collect();
    let of = if all > LISTED {
        format!(", best and worst of {all} targets")
    } else {
        String::new()
    };
    let text = format!(
        "Crowded, {} under {}{of}: {}.",
        threads(crowded),
        workload_name(summary, &crowded.entry),
        listed(&clauses)
    );
    let is_difference = |kept: &&Kept<'_>| judged(kept).is_one();
    Some(Finding {
        text,
        topic: Topic::Crowding,
        panels: panel_numbers([uncrowded, crowded]),
        cells: cell_ids(
            kept.iter()
                .flat_map(|kept| [kept.uncrowded.1, kept.crowded.1]),
        ),
        effect: kept
            .iter()
            .filter(is_difference)
            .map(|kept| kept.ratio.mid.ln().abs())
            .fold(0.0, f64::max),
    })
}

/// `striped runs at 41 % of its rate with 2 threads`; behind another, `striped at 98 % of its (not told apart)`.
fn clause(kept: &Kept<'_>, alone: Option<&str>) -> String {
    let share = share_of(&[kept.ratio]);
    let runs = match alone {
        Some(alone) => format!("{} runs at {share} its rate with {alone}", kept.label),
        None => format!("{} at {share} its", kept.label),
    };
    match judged(kept) {
        Difference::Faster | Difference::Slower => runs,
        even => format!("{runs} ({})", even.words(band(kept))),
    }
}

fn judged(kept: &Kept<'_>) -> Difference {
    let (uncrowded, crowded) = (&kept.uncrowded, &kept.crowded);
    let units = [uncrowded, crowded].map(|(_, cell)| cell.rates.units());
    let ratio = Ratio {
        interval: kept.ratio,
        pairs: 0,
        units: units[0].min(units[1]),
    };
    Difference::of(&ratio, band(kept), crowded.0.family)
}

/// The noise of the noisier panel.
fn band(kept: &Kept<'_>) -> Noise {
    let crowded = kept.crowded.0.noise();
    kept.uncrowded.0.noise().or_worse(crowded)
}

#[cfg(test)]
mod tests {
    use crate::analysis::synthetic::{Cell, Synthetic};
    use crate::analysis::{Summary, Topic, findings};

    /// Findings of tables whose rates at 1, 2 and 8 threads are as given by nanoseconds, on so many cores.
    fn texts(cores: &str) -> Vec<(Topic, String)> {
        let cells = |even: f64, spins: f64| {
            [
                Cell::new("even", even).jitter(0.001),
                Cell::new("spins", spins).jitter(0.001),
            ]
        };
        let mut records = Synthetic::new()
            .panel("w", 1, &cells(100.0, 100.0))
            .panel("w", 2, &cells(100.0, 110.0))
            .panel("w", 8, &cells(400.0, 1600.0))
            .records();
        let machine = &mut records.manifest.machine;
        machine.insert("cpus_usable".into(), cores.into());
        let found = findings(&Summary::of(&records)).into_iter();
        found.map(|finding| (finding.topic, finding.text)).collect()
    }

    #[test]
    fn threads_beyond_cores_are_judged_as_crowding_and_never_as_scaling() {
        let texts = texts("2");
        let of = |topic: Topic| -> Vec<&str> {
            let of_it = texts.iter().filter(|(found, _)| *found == topic);
            of_it.map(|(_, text)| text.as_str()).collect()
        };
        let scaling = of(Topic::Scaling);
        assert!(!scaling.is_empty(), "{texts:?}");
        assert!(
            scaling
                .iter()
                .all(|text| text.starts_with("From 1 to 2 threads ")),
            "{scaling:?}"
        );
        let [crowding] = of(Topic::Crowding)[..] else {
            panic!("{texts:?}");
        };
        let start = "Crowded, 8 threads on 2 cores under w: even runs at ";
        assert!(crowding.starts_with(start), "{crowding}");
        assert!(crowding.contains(" its rate with 2 threads"), "{crowding}");
        let spins = crowding.split(" and spins at ").nth(1).unwrap();
        let percent: f64 = spins.split(' ').next().unwrap().parse().unwrap();
        assert!((percent - 27.5).abs() < 3.0, "{crowding}");
    }

    #[test]
    fn what_has_a_core_for_each_thread_is_not_crowded() {
        for (topic, text) in texts("8") {
            assert_ne!(topic, Topic::Crowding, "{text}");
            assert!(!text.contains("cores"), "{text}");
        }
    }
}
