//! The same target at several thread counts. These are separate panels, so nothing is paired; the page's
//! notes on method say so.

use super::finding::{Finding, Topic, cell_ids, panel_numbers};
use super::places::{Place, workload_name, workloads};
use super::sweep::{self, Sweep};
use crate::analysis::figures::gather;
use crate::analysis::format::{figure, listed, times_between};
use crate::analysis::labels::{Shared, without_param};
use crate::analysis::scaling::groups;
use crate::analysis::summary::{CellSummary, PanelSummary, ScalingLaw, Summary};
use crate::stats::Interval;

/// Targets that a sentence lists; of more it names the best and the worst.
const LISTED: usize = 4;
/// The same where the suite asks how its targets scale.
const LISTED_IF_ASKED: usize = 12;

/// A target's rate at the most threads over that at the fewest.
struct Scaling<'s> {
    workload: String,
    fewest: Place<'s>,
    most: Place<'s>,
    ratio: Interval,
}

/// Labels with their scalings over all workloads.
type Targets<'s> = Vec<(String, Vec<Scaling<'s>>)>;

/// A sentence per pair of thread counts; where a suite asks, one for each workload too, with every
/// target. Of a parameter's values the one that is fastest at the most threads stands for all.
pub(crate) fn scalings(summary: &Summary, asked: bool) -> Vec<Finding> {
    let shared = Shared::of(summary.panels.iter());
    let mut by_threads = Vec::new();
    // Threads that take turns on a core are no more of them.
    let each_on_a_core = |panel: &&PanelSummary| panel.crowded_on().is_none();
    for group in groups(summary.panels.iter().filter(each_on_a_core)) {
        let first = group.panels[0];
        let (fewest, most) = (first.entry.threads, group.most_threads());
        let workload = workload_name(summary, &first.entry);
        let asked_for = if asked {
            workload.clone()
        } else {
            String::new()
        };
        let at_most = group.panels.iter().filter(|p| p.entry.threads == most);
        let sweeps: Vec<Sweep<'_>> = at_most.flat_map(|panel| sweep::of_panel(panel)).collect();
        for (label, places) in group.targets() {
            let (start, end) = (places[0], places[places.len() - 1]);
            if (start.0.entry.threads, end.0.entry.threads) != (fewest, most) {
                continue;
            }
            let Some(ratio) = unpaired(start.1, end.1) else {
                continue;
            };
            let label = match sweeps.iter().find(|sweep| sweep.has(end.1)) {
                Some(sweep) if !sweep.fastest().is(end.1) => continue,
                Some(sweep) => format!(
                    "{} with the best of {} {}",
                    shared.without(&without_param(&label, &sweep.param)),
                    sweep.points.len(),
                    sweep.param
                ),
                None => shared.without(&label),
            };
            let scaling = Scaling {
                workload: workload.clone(),
                fewest: start,
                most: end,
                ratio,
            };
            let key = (fewest, most, asked_for.clone());
            gather(&mut by_threads, key, (label, scaling));
        }
    }
    by_threads
        .into_iter()
        .map(|((fewest, most, _), labelled)| {
            let mut targets = Vec::new();
            for (label, scaling) in labelled {
                gather(&mut targets, label, scaling);
            }
            let listed = if asked { LISTED_IF_ASKED } else { LISTED };
            sentence(summary, (fewest, most), targets, listed)
        })
        .collect()
}

/// A sentence per workload whose targets were measured at enough thread counts for the Universal
/// Scalability Law: its coefficients, the target that loses least first.
pub(crate) fn laws(summary: &Summary) -> Vec<Finding> {
    let mut by_panels: Vec<(&[u32], Vec<&ScalingLaw>)> = Vec::new();
    for law in &summary.laws {
        gather(&mut by_panels, law.panels.as_slice(), law);
    }
    by_panels
        .into_iter()
        .filter_map(|(panels, laws)| of_laws(summary, panels, laws))
        .collect()
}

fn of_laws(summary: &Summary, panels: &[u32], mut laws: Vec<&ScalingLaw>) -> Option<Finding> {
    let first = summary
        .panels
        .iter()
        .find(|panel| panel.entry.panel == panels[0])?;
    let (fewest, most) = (*laws[0].threads.first()?, *laws[0].threads.last()?);
    // What is left of the ideal at the most threads.
    let left = |law: &ScalingLaw| {
        let most = f64::from(most);
        law.fit.rate(most) / (law.fit.lambda * most)
    };
    laws.sort_by(|a, b| left(b).total_cmp(&left(a)));
    let all = laws.len();
    if all > LISTED {
        laws = vec![laws[0], laws[all - 1]];
    }
    let clauses: Vec<String> = laws
        .iter()
        .map(|law| {
            let percent = |part: f64| figure(100.0 * part);
            let within = |interval: &Interval| {
                let [low, mid, high] = [interval.low, interval.mid, interval.high].map(percent);
                format!("{mid} % [{low}–{high}]")
            };
            let peak = match law.fit.peak() {
                Some(peak) if peak < 1e4 => format!(", most at {peak:.0} threads"),
                _ => ", no peak in sight".to_owned(),
            };
            format!(
                "{} contention σ {}, coherency κ {}{peak}",
                law.label,
                within(&law.sigma),
                within(&law.kappa)
            )
        })
        .collect();
    let of = if all > LISTED {
        format!(", best and worst of {all} targets")
    } else {
        String::new()
    };
    let text = format!(
        "The Universal Scalability Law over {} thread counts from {fewest} to {most} under {}{of} gives {}.",
        laws[0].threads.len(),
        workload_name(summary, &first.entry),
        clauses.join("; ")
    );
    let mut cells: Vec<String> = Vec::new();
    for law in &laws {
        cells.extend(law.cells.iter().cloned());
    }
    Some(Finding {
        text,
        topic: Topic::Law,
        panels: panels.to_vec(),
        cells,
        effect: laws
            .iter()
            .map(|law| left(law).ln().abs())
            .fold(0.0, f64::max),
    })
}

/// The ratio of two medians, with the widest interval that theirs allow.
pub(crate) fn unpaired(fewest: &CellSummary, most: &CellSummary) -> Option<Interval> {
    let (fewest, most) = (fewest.rate?, most.rate?);
    (fewest.low > 0.0).then(|| Interval {
        low: most.low / fewest.high,
        mid: most.mid / fewest.mid,
        high: most.high / fewest.low,
    })
}

fn sentence(
    summary: &Summary,
    threads: (u32, u32),
    mut targets: Targets<'_>,
    at_most: usize,
) -> Finding {
    let middle = |scalings: &[Scaling<'_>]| {
        let logs: f64 = scalings.iter().map(|scaling| scaling.ratio.mid.ln()).sum();
        logs / scalings.len() as f64
    };
    targets.sort_by(|(_, a), (_, b)| middle(b).total_cmp(&middle(a)));
    let mut names: Vec<&str> = Vec::new();
    for scaling in targets.iter().flat_map(|(_, scalings)| scalings) {
        if !names.contains(&scaling.workload.as_str()) {
            names.push(&scaling.workload);
        }
    }
    let what = if targets.len() <= at_most {
        let each = targets
            .iter()
            .enumerate()
            .map(|(place, (label, scalings))| {
                let range = range(scalings);
                match place {
                    0 => format!("the rate of {label} becomes {range}"),
                    _ => format!("that of {label} {range}"),
                }
            });
        listed(&each.collect::<Vec<_>>())
    } else {
        let (best, worst) = (&targets[0], &targets[targets.len() - 1]);
        format!(
            "the rate of {} gains most of {} targets ({}) and that of {} least ({})",
            best.0,
            targets.len(),
            range(&best.1),
            worst.0,
            range(&worst.1)
        )
    };
    let text = format!(
        "From {} to {} threads {what}, under {}.",
        threads.0,
        threads.1,
        workloads(summary, &names)
    );
    let scalings = || targets.iter().flat_map(|(_, scalings)| scalings);
    Finding {
        text,
        topic: Topic::Scaling,
        panels: panel_numbers(scalings().flat_map(|s| [s.fewest.0, s.most.0])),
        cells: cell_ids(scalings().flat_map(|s| [s.fewest.1, s.most.1])),
        effect: scalings()
            .map(|scaling| scaling.ratio.mid.ln().abs())
            .fold(0.0, f64::max),
    }
}

fn range(scalings: &[Scaling<'_>]) -> String {
    let ratios: Vec<Interval> = scalings.iter().map(|scaling| scaling.ratio).collect();
    times_between(&ratios)
}

#[cfg(test)]
mod tests {
    use crate::analysis::synthetic::{Cell, Synthetic};
    use crate::analysis::{Summary, Topic, findings};
    use crate::machine::Allocator;
    use crate::record::Records;

    fn texts(records: &Records) -> Vec<String> {
        let found = findings(&Summary::of(records)).into_iter();
        let found = found.filter(|finding| finding.topic == Topic::Scaling);
        found.map(|finding| finding.text).collect()
    }

    #[test]
    fn other_keys_are_another_workload() {
        let mut records = Synthetic::new()
            .panel("w", 1, &[Cell::new("fixed", 100.0)])
            .panel("w", 1, &[Cell::new("fixed", 400.0)])
            .panel("w", 2, &[Cell::new("fixed", 100.0)])
            .panel("w", 2, &[Cell::new("fixed", 400.0)])
            .records();
        for panel in [1, 3] {
            records.manifest.panels[panel].corpus = "uuid".into();
        }
        let texts = texts(&records);
        let start = "From 1 to 2 threads the rate of fixed becomes ";
        assert!(texts.len() == 1 && texts[0].starts_with(start), "{texts:?}");
        assert!(
            texts[0].ends_with(", under w and w on uuid keys."),
            "{texts:?}"
        );
        let factors = texts[0][start.len()..].split('×').next().unwrap();
        for factor in factors.split('–') {
            let factor: f64 = factor.parse().unwrap();
            assert!((1.8..2.2).contains(&factor), "{texts:?}");
        }
    }

    #[test]
    fn allocators_and_pages_make_targets_of_their_own() {
        let cells = |ns: [f64; 3]| ["a", "a:x=1", "b"].into_iter().zip(ns);
        let cells = |ns| cells(ns).map(|(target, ns)| Cell::new(target, ns));
        let cells = |ns| cells(ns).collect::<Vec<_>>();
        let mut records = Synthetic::new()
            .panel("w", 1, &cells([100.0, 100.0, 90.0]))
            .panel("w", 2, &cells([100.0, 200.0, 90.0]))
            .records();
        for cell in [1, 4] {
            let entry = &mut records.manifest.cells[cell];
            (entry.target, entry.target_full) = ("a".into(), "a:buckets=2^10".into());
            entry.allocator = Allocator::Mimalloc;
        }
        let text = &texts(&records)[0];
        assert!(text.contains("a (system) "), "{text}");
        assert!(
            text.contains("that of a (mimalloc) 0.9") || text.contains("that of a (mimalloc) 1.0"),
            "{text}"
        );
    }

    /// Two sweeps over one parameter that differ in another are two rows.
    #[test]
    fn sweeps_of_one_strategy_are_told_apart() {
        let swept =
            |buckets: &str| ["1", "2^4", "2^8"].map(|n| format!("a:buckets={buckets},stripes={n}"));
        let mut run = Synthetic::new();
        for buckets in ["2^10", "2^17"] {
            let targets = swept(buckets);
            let cells: Vec<Cell<'_>> = targets.iter().map(|t| Cell::new(t, 100.0)).collect();
            run = run.panel(buckets, 1, &cells).panel(buckets, 2, &cells);
        }
        let text = &texts(&run.records())[0];
        for label in ["a:buckets=2^10", "a:buckets=2^17"] {
            assert!(
                text.contains(&format!("{label} with the best of 3 stripes")),
                "{text}"
            );
        }
    }

    /// Tables that do not fit beside each other are in panels of their own.
    #[test]
    fn a_panel_that_was_split_is_one() {
        let parts = |run: Synthetic, threads| {
            run.panel(
                "w",
                threads,
                &[Cell::new("fixed", 100.0), Cell::new("a", 80.0)],
            )
            .panel(
                "w",
                threads,
                &[Cell::new("fixed", 100.0), Cell::new("b", 70.0)],
            )
        };
        let text = &texts(&parts(parts(Synthetic::new(), 1), 2).records())[0];
        for label in ["fixed ", "a ", "b "] {
            assert!(text.contains(&format!(" of {label}")), "{text}");
        }
    }

    #[test]
    fn a_law_is_told_with_its_coefficients_where_it_is_fitted() {
        let mut run = Synthetic::new();
        for threads in [1, 2, 4, 8] {
            let waits = 1.0 + 0.2 * f64::from(threads - 1);
            let cells = [
                Cell::new("fixed", 100.0).jitter(0.005),
                Cell::new("locked", 100.0 * waits).jitter(0.005),
            ];
            run = run.panel("ycsb-c", threads, &cells);
        }
        let mut records = run.records();
        let laws = |records: &crate::record::Records| -> Vec<String> {
            let found = super::laws(&Summary::of(records)).into_iter();
            found.map(|finding| finding.text).collect()
        };
        assert!(laws(&records).is_empty(), "the cores are not known");
        records
            .manifest
            .machine
            .insert("cpus_usable".into(), "4".into());
        assert!(
            laws(&records).is_empty(),
            "three counts are within four cores"
        );
        records
            .manifest
            .machine
            .insert("cpus_usable".into(), "8".into());
        let texts = laws(&records);
        let start = "The Universal Scalability Law over 4 thread counts from 1 to 8 under ycsb-c gives fixed \
                     contention σ ";
        assert!(texts.len() == 1 && texts[0].starts_with(start), "{texts:?}");
        let locked = texts[0].split("locked contention σ ").nth(1).unwrap();
        let sigma: f64 = locked.split(' ').next().unwrap().parse().unwrap();
        assert!((sigma - 20.0).abs() < 4.0, "{locked}");
    }
}
