//! From the rows of a run to its summary.

use std::collections::BTreeMap;

use super::baseline;
use super::disturbance::Disturbance;
use super::huge_pages::HugePages;
use super::index::Index;
use super::labels;
use super::percentiles::Latencies;
use super::rates::Share;
use super::scaling;
use super::searched::Searched;
use super::summary::{
    CellSummary, CountedPerOp, HarnessFloor, PanelSummary, Summary, Tally, Variant, Verdict,
};
use super::variants;
use super::verdict::{BIRTHS_FOR_AN_INTERVAL, Family};
use crate::record::{CellEntry, PanelEntry, Records, SliceKind, TrialRow};
use crate::stats::{self, Interval};

impl Summary {
    /// Derives the figures. The same records give the same summary.
    #[must_use]
    pub fn of(records: &Records) -> Summary {
        let index = Index::of(records);
        let walks = walks(records);
        let resizes = resizes(records);
        let latencies = Latencies::of(records);
        let seed = records.manifest.seed;
        let cores = scaling::cores(&records.manifest);
        let mut panels = on_all_cores(&records.manifest.panels, |entry| {
            let cells = records.manifest.cells.iter();
            let cells = cells
                .filter(|cell| cell.panel == entry.panel)
                .map(|cell| cell_summary(cell, entry, &index, &walks, &resizes, seed))
                .collect();
            let mut panel = PanelSummary {
                entry: entry.clone(),
                cells: with_latencies(cells, entry.panel, &latencies),
                noise_floor: None,
                noise_band: 0.0,
                family: Family::of(1),
                harness: None,
                cores,
                seed,
            };
            baseline::hand_over(&mut panel);
            baseline::compare(&mut panel);
            panel.harness = harness_floor(&panel, &index);
            panel
        });
        variants::assign(&mut panels);
        let worst = panels.iter().filter_map(|panel| panel.noise_floor);
        let worst = worst.fold(0.0, f64::max);
        let family = Family::of_panels(panels.iter().map(judged));
        for panel in &mut panels {
            panel.noise_band = match panel.noise_floor {
                Some(own) if has_few_births(panel) => own.max(worst),
                Some(own) => own,
                None => worst,
            };
            panel.family = family;
            judge(panel);
        }
        labels::say_heap_once(&mut panels);
        Summary {
            manifest: records.manifest.clone(),
            laws: scaling::laws(&panels, &records.manifest),
            panels,
            simulated: records.misses.clone(),
            searched: Searched::of(&records.slo),
            disturbance: Disturbance::of(records, index.shared()),
            huge_pages: HugePages::of(records),
            family,
            dropped_lines: records.dropped_lines,
        }
    }
}

/// Gives cells their latencies; one that failed has none.
fn with_latencies(
    mut cells: Vec<CellSummary>,
    panel: u32,
    latencies: &Latencies<'_>,
) -> Vec<CellSummary> {
    let floor = cells
        .iter()
        .find(|cell| cell.entry.control && !cell.entry.twin && cell.error.is_none())
        .map(|cell| cell.entry.cell_id.clone());
    for cell in cells.iter_mut().filter(|cell| cell.error.is_none()) {
        cell.latency = latencies.of_cell(panel, &cell.entry.cell_id, floor.as_deref());
    }
    cells
}

/// Summarises panels side by side, in their order: nearly all the time of a report goes into the
/// resamples of its intervals, and no panel needs another's.
fn on_all_cores(
    panels: &[PanelEntry],
    summarise: impl Fn(&PanelEntry) -> PanelSummary + Sync,
) -> Vec<PanelSummary> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let share = panels.len().div_ceil(cores).max(1);
    std::thread::scope(|scope| {
        let summarise = &summarise;
        let shares: Vec<_> = panels
            .chunks(share)
            .map(|share| scope.spawn(move || share.iter().map(summarise).collect::<Vec<_>>()))
            .collect();
        let joined = shares.into_iter().map(std::thread::ScopedJoinHandle::join);
        joined
            .flat_map(|panels| panels.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}

/// What a cell's chains cost a lookup.
#[derive(Clone, Copy, Debug, Default)]
struct Walk {
    steps: f64,
    entries: f64,
    longest: u64,
}

/// Walks by cell, from the chain-length histograms; where a cell has several censuses they count
/// as one. The mean is [`crate::base::Census::mean_walk`], summed row by row: a histogram in memory
/// would be as long as the longest chain that a damaged file can claim.
fn walks(records: &Records) -> BTreeMap<&str, Walk> {
    let mut walks: BTreeMap<&str, Walk> = BTreeMap::new();
    for row in &records.census {
        if row.figure != "chain_length" {
            continue;
        }
        let Ok(length) = row.label.parse::<u64>() else {
            continue;
        };
        let walk = walks.entry(&row.cell_id).or_default();
        let (n, chains) = (length as f64, row.count as f64);
        walk.steps += chains * n * (n + 1.0) / 2.0;
        walk.entries += chains * n;
        if row.count > 0 {
            walk.longest = walk.longest.max(length);
        }
    }
    walks
}

/// Resizes that ended, by panel, cell and trial.
fn resizes(records: &Records) -> BTreeMap<(u32, &str, u32), u64> {
    let mut resizes = BTreeMap::new();
    for row in records.marks.iter().filter(|row| row.event == "end") {
        *resizes
            .entry((row.panel, row.cell_id.as_str(), row.trial))
            .or_default() += 1;
    }
    resizes
}

fn cell_summary(
    entry: &CellEntry,
    panel: &PanelEntry,
    index: &Index<'_>,
    walks: &BTreeMap<&str, Walk>,
    resizes: &BTreeMap<(u32, &str, u32), u64>,
    seed: u64,
) -> CellSummary {
    let id = entry.cell_id.as_str();
    let trials = index.trials(panel.panel, id);
    let error = trials.iter().find(|row| !row.error.is_empty());
    // A failed check makes an error row, never a number: no figure is taken from the other trials.
    let good = if error.is_some() { &[] } else { trials };
    let rates = index.rates(panel.panel, id, SliceKind::Throughput, panel.pass);
    let rate = rates.interval(seed);
    let tally = |of: fn(&TrialRow) -> Option<u64>| {
        Tally::of(good.iter().filter_map(|row| of(row)).collect())
    };
    let per_entry = |bytes: fn(&TrialRow) -> Option<u64>| {
        let of_trial = |row: &&TrialRow| {
            let items = row.items.filter(|&items| items > 0)?;
            Some(bytes(row)? as f64 / items as f64)
        };
        stats::median(&good.iter().filter_map(of_trial).collect::<Vec<_>>())
    };
    let per_op = |count: fn(&TrialRow) -> Option<u64>| {
        let of_trial = |row: &&TrialRow| {
            let ops = row.ops.filter(|&ops| ops > 0)?;
            Some(count(row)? as f64 / ops as f64)
        };
        stats::median(&good.iter().filter_map(of_trial).collect::<Vec<_>>())
    };
    let walk = walks.get(id).filter(|_| !good.is_empty());
    let ended = |row: &&TrialRow| {
        let place = (panel.panel, id, row.trial);
        // What fell out of the journal cannot be counted.
        let all_kept = row.marks_dropped.unwrap_or(0) == 0;
        all_kept.then(|| resizes.get(&place).copied().unwrap_or(0))
    };
    CellSummary {
        entry: entry.clone(),
        variant: Variant::default(),
        verdict: Verdict::Undecided,
        error: error.map(|row| row.error.clone()),
        trials: trials.len(),
        rate,
        spread: rates.spread(),
        idle: rates.idle,
        share: Share::median(&rates.shares),
        ns_per_op: rate
            .filter(|rate| rate.low > 0.0)
            .map(|rate| rate.inverse(f64::from(panel.threads) * 1e9)),
        ratio: None,
        ops: tally(|row| row.ops),
        hits: tally(|row| row.hits),
        misses: tally(|row| row.misses),
        refused: tally(|row| row.refused),
        evicted: tally(|row| row.evicted),
        bytes_per_entry: per_entry(|row| row.rss_bytes),
        peak_per_entry: per_entry(|row| row.rss_peak_bytes),
        emptied_per_entry: per_entry(|row| row.rss_emptied_bytes),
        claimed_per_entry: per_entry(|row| row.bytes_claimed),
        counted_per_entry: per_entry(|row| row.bytes_counted),
        mean_walk: walk
            .filter(|walk| walk.entries > 0.0)
            .map(|walk| walk.steps / walk.entries),
        longest_chain: walk.map(|walk| walk.longest),
        longest_op_ns: longest_op(good),
        resizes: Tally::of(good.iter().filter_map(ended).collect()),
        counted: CountedPerOp {
            cycles: per_op(|row| row.cycles),
            instructions: per_op(|row| row.instructions),
            branch_misses: per_op(|row| row.branch_misses),
            llc_misses: per_op(|row| row.llc_misses),
            dtlb_misses: per_op(|row| row.dtlb_misses),
        },
        latency: Vec::new(),
        rates,
    }
}

/// Too few passes for a bootstrap of their maxima: all of them are between the ends.
fn longest_op(trials: &[&TrialRow]) -> Option<Interval> {
    let longest: Vec<f64> = trials
        .iter()
        .filter_map(|row| Some(row.longest_ns? as f64))
        .collect();
    Some(Interval {
        low: longest.iter().copied().fold(f64::INFINITY, f64::min),
        mid: stats::median(&longest)?,
        high: longest.iter().copied().fold(0.0, f64::max),
    })
}

fn harness_floor(panel: &PanelSummary, index: &Index<'_>) -> Option<HarnessFloor> {
    let control = panel
        .cells
        .iter()
        .find(|cell| cell.entry.control && !cell.entry.twin)?;
    let floor_ns = control.ns_per_op?.mid;
    let id = &control.entry.cell_id;
    let PanelEntry {
        panel,
        pass,
        threads,
        ..
    } = panel.entry;
    let hash = index.rates(panel, id, SliceKind::Hash, pass);
    let hash_ns = stats::median(&hash.values)
        .filter(|&rate| rate > 0.0)
        .map(|rate| f64::from(threads) * 1e9 / rate);
    Some(HarnessFloor {
        target: control.entry.target.clone(),
        floor_ns,
        hash_ns,
        over_hash_ns: hash_ns.map(|hash_ns| floor_ns - hash_ns),
    })
}

fn judge(panel: &mut PanelSummary) {
    let noise = panel.noise();
    for cell in &mut panel.cells {
        cell.verdict = if cell.error.is_some() {
            Verdict::Error
        } else if panel.entry.pace.is_some() && cell.trials > 0 {
            Verdict::OpenLoop
        } else if cell.rate.is_none() {
            Verdict::NotMeasured
        } else if !cell.ranked() {
            Verdict::Control
        } else if cell.entry.cell_id == panel.entry.baseline {
            Verdict::Baseline
        } else {
            cell.ratio.map_or(Verdict::Undecided, |ratio| {
                Verdict::on(&ratio, noise, panel.family)
            })
        };
    }
}

/// Whether its tables were born too few times for its own A/A noise to be more than luck. Passes are not
/// births: each begins with a fresh table.
fn has_few_births(panel: &PanelSummary) -> bool {
    let births = panel
        .baseline()
        .map_or(0, |cell| cell.rates.by_birth().len());
    !panel.entry.pass && (2..BIRTHS_FOR_AN_INTERVAL).contains(&births)
}

/// Targets of a panel on which there can be a verdict: of rates, or of latencies.
fn judged(panel: &PanelSummary) -> usize {
    let has_figures = |cell: &&CellSummary| cell.rate.is_some() || !cell.latency.is_empty();
    let ranked = panel.cells.iter().filter(|cell| cell.ranked());
    ranked.filter(has_figures).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::Difference;
    use crate::analysis::Ratio;
    use crate::analysis::ratio;
    use crate::analysis::synthetic::{Cell, Synthetic};

    fn ordinary() -> Records {
        Synthetic::new()
            .panel(
                "ycsb-c",
                2,
                &[
                    Cell::null(8.0, 5.0),
                    Cell::new("fixed", 400.0).chains(&[(97, 512), (98, 512)]),
                    Cell::twin("fixed", 400.0),
                    Cell::new("resizable", 80.0).chains(&[(0, 9), (1, 20), (2, 10)]),
                    Cell::new("striped", 81.0),
                ],
            )
            .records()
    }

    #[track_caller]
    fn about(got: f64, wanted: f64, part: f64) {
        assert!(
            (got / wanted - 1.0).abs() < part,
            "{got} is not about {wanted}"
        );
    }

    fn cell<'s>(panel: &'s PanelSummary, target: &str) -> &'s CellSummary {
        let found = |cell: &&CellSummary| cell.entry.target == target && !cell.entry.twin;
        panel.cells.iter().find(found).expect("it is in the panel")
    }

    #[test]
    fn rates_and_times_are_those_that_went_in() {
        let summary = Summary::of(&ordinary());
        let panel = &summary.panels[0];
        let fixed = cell(panel, "fixed");
        // The shared disturbance is up to 30 %, its median 15 %.
        about(fixed.ns_per_op.unwrap().mid, 400.0 * 1.15, 0.05);
        about(fixed.rate.unwrap().mid, 2e9 / (400.0 * 1.15), 0.05);
        assert_eq!(fixed.verdict, Verdict::Baseline);
        assert_eq!(fixed.ratio, None);
        assert_eq!(fixed.bytes_per_entry, Some(96.0));
        assert_eq!(fixed.claimed_per_entry, Some(72.0));
        assert_eq!(fixed.counted_per_entry, None);
        assert_eq!(fixed.longest_chain, Some(98));
        about(fixed.mean_walk.unwrap(), 49.25, 0.001);
        about(
            cell(panel, "resizable").mean_walk.unwrap(),
            50.0 / 40.0,
            1e-9,
        );
        assert_eq!(cell(panel, "striped").mean_walk, None);
        assert_eq!(cell(panel, "striped").resizes, Some(Tally::Each(0)));
    }

    #[test]
    fn ratios_are_paired_so_that_what_disturbs_both_cancels() {
        let records = ordinary();
        let summary = Summary::of(&records);
        let panel = &summary.panels[0];
        let resizable = cell(panel, "resizable");
        let paired = resizable.ratio.unwrap();
        assert_eq!(paired.pairs, 60);
        about(paired.interval.mid, 5.0, 0.01);
        assert!(paired.interval.width() / 5.0 < 0.02);
        assert!(resizable.rate.unwrap().width() / resizable.rate.unwrap().mid > 0.04);
        assert_eq!(resizable.verdict, Verdict::Is(Difference::Faster));
        let of_striped = panel.ratio(cell(panel, "striped"), resizable).unwrap();
        about(of_striped.interval.mid, 80.0 / 81.0, 0.01);
        assert_eq!(
            ratio(&records, "p0-striped", "p0-resizable"),
            Some(of_striped.interval)
        );
        assert_eq!(ratio(&records, "p0-striped", "p0-papaya"), None);
    }

    #[test]
    fn the_controls_give_the_floors() {
        let summary = Summary::of(&ordinary());
        let panel = &summary.panels[0];
        let noise = panel.noise_floor.unwrap();
        assert!((0.0001..0.02).contains(&noise), "{noise}");
        let harness = panel.harness.clone().unwrap();
        about(harness.floor_ns, 8.0 * 1.15, 0.05);
        about(harness.hash_ns.unwrap(), 5.0 * 1.15, 0.05);
        about(harness.over_hash_ns.unwrap(), 3.0 * 1.15, 0.05);
        let ranking: Vec<&str> = panel
            .ranking()
            .iter()
            .map(|cell| cell.entry.target.as_str())
            .collect();
        assert_eq!(ranking, ["resizable", "striped", "fixed"]);
        assert_eq!(cell(panel, "null").verdict, Verdict::Control);
    }

    #[test]
    fn a_difference_within_the_noise_is_none() {
        let ratio = |low, mid, high, pairs| Ratio {
            interval: Interval { low, mid, high },
            pairs,
            units: pairs,
        };
        assert_eq!(
            Verdict::on(&ratio(1.02, 1.03, 1.04, 60), 0.01, Family::of(1)),
            Verdict::Is(Difference::Faster)
        );
        assert_eq!(
            Verdict::on(&ratio(0.96, 0.97, 0.98, 60), 0.01, Family::of(1)),
            Verdict::Is(Difference::Slower)
        );
        // Outside the noise in the middle, not at the end.
        assert_eq!(
            Verdict::on(&ratio(1.005, 1.03, 1.04, 60), 0.01, Family::of(1)),
            Verdict::Is(Difference::NotToldApart)
        );
        assert_eq!(
            Verdict::on(&ratio(0.9, 1.03, 1.2, 60), 0.0, Family::of(1)),
            Verdict::Is(Difference::NotToldApart)
        );
        assert_eq!(
            Verdict::on(&ratio(5.0, 5.0, 5.0, 2), 0.01, Family::of(1)),
            Verdict::Undecided
        );
    }

    #[test]
    fn a_failed_trial_leaves_no_figure() {
        let records = Synthetic::new()
            .panel(
                "ycsb-c",
                1,
                &[
                    Cell::new("fixed", 400.0),
                    Cell::new("striped", 80.0)
                        .chains(&[(1, 10)])
                        .failing("a get returned another key's value"),
                    Cell::new("resizable", 80.0),
                ],
            )
            .records();
        let summary = Summary::of(&records);
        let striped = cell(&summary.panels[0], "striped");
        assert_eq!(striped.verdict, Verdict::Error);
        assert_eq!(
            striped.error.as_deref(),
            Some("a get returned another key's value")
        );
        assert_eq!(
            (striped.rate, striped.ratio, striped.ops),
            (None, None, None)
        );
        assert_eq!((striped.bytes_per_entry, striped.mean_walk), (None, None));
        assert_eq!(
            cell(&summary.panels[0], "resizable").verdict,
            Verdict::Is(Difference::Faster)
        );
    }

    #[test]
    fn a_later_attempt_replaces_an_earlier_one() {
        let mut records = ordinary();
        let failed = TrialRow {
            error: "the child was killed".into(),
            attempt: 0,
            ..records.trials[3].clone()
        };
        records.trials[3].attempt = 1;
        let mended = Summary::of(&records);
        records.trials.push(failed);
        assert_eq!(Summary::of(&records), mended);
        // A repeated slice likewise: the first attempt took a hundred times as long.
        let at = records
            .slices
            .iter()
            .position(|row| row.cell_id == "p0-fixed");
        let mut slow = records.slices[at.unwrap()].clone();
        slow.elapsed_ns *= 100;
        records.slices[at.unwrap()].attempt = 1;
        records.slices.push(slow);
        assert_eq!(Summary::of(&records), mended);
    }

    #[test]
    fn slices_without_their_trial_do_not_count() {
        let mut records = ordinary();
        records.trials.retain(|row| row.trial == 0);
        let summary = Summary::of(&records);
        let resizable = cell(&summary.panels[0], "resizable");
        assert_eq!((resizable.trials, resizable.ratio.unwrap().pairs), (1, 20));
        records.trials.clear();
        let summary = Summary::of(&records);
        let panel = &summary.panels[0];
        assert!(
            panel
                .cells
                .iter()
                .all(|cell| cell.verdict == Verdict::NotMeasured)
        );
        assert_eq!((panel.noise_floor, &panel.harness), (None, &None));
    }

    #[test]
    fn passes_are_paired_by_trial() {
        let cells = [
            Cell::new("fixed", 200.0).answers(70, 30),
            Cell::new("resizable", 100.0).answers(70, 30).resizes(7),
        ];
        let records = Synthetic::new().pass("web", 2, 0, &cells).records();
        let summary = Summary::of(&records);
        let resizable = cell(&summary.panels[0], "resizable");
        assert_eq!(resizable.ratio.unwrap().pairs, 3);
        about(resizable.ratio.unwrap().interval.mid, 2.0, 0.03);
        assert_eq!(resizable.resizes, Some(Tally::Each(7)));
        assert_eq!(resizable.misses, Some(Tally::Each(30)));
        assert!(summary.panels[0].has_misses());
    }

    #[test]
    fn a_panel_without_a_twin_takes_the_worst_noise_of_the_others() {
        let pair = |ns| [Cell::new("fixed", 100.0), Cell::new("striped", ns)];
        let noisy = [Cell::new("fixed", 100.0), Cell::twin("fixed", 110.0)];
        let alone = Synthetic::new().panel("a", 1, &pair(95.0)).records();
        assert_eq!(
            Summary::of(&alone).panels[0].cells[1].verdict,
            Verdict::Is(Difference::Faster)
        );
        let beside = Synthetic::new()
            .panel("a", 1, &pair(95.0))
            .panel("b", 1, &noisy)
            .records();
        let summary = Summary::of(&beside);
        assert_eq!(summary.panels[0].noise_floor, None);
        assert_eq!(
            summary.panels[0].cells[1].verdict,
            Verdict::Is(Difference::Same)
        );
    }

    /// Over few births a difference is held against the run's worst noise; "the same" is not any easier for that.
    #[test]
    fn few_births_make_the_same_no_easier() {
        let quiet = [
            Cell::new("fixed", 100.0),
            Cell::twin("fixed", 100.0),
            Cell::new("striped", 95.0),
        ];
        let noisy = [Cell::new("fixed", 100.0), Cell::twin("fixed", 110.0)];
        let records = Synthetic::new()
            .births(3, 0.0, 1)
            .panel("a", 1, &quiet)
            .panel("b", 1, &noisy)
            .records();
        let summary = Summary::of(&records);
        let panel = &summary.panels[0];
        assert!(has_few_births(panel) && panel.noise_band > 0.09_f64.ln_1p());
        assert!(panel.noise_floor.unwrap() < 0.03);
        let striped = cell(panel, "striped").verdict;
        assert_eq!(striped, Verdict::Is(Difference::NotToldApart));
    }

    #[test]
    fn tallies_say_whether_trials_agree() {
        assert_eq!(Tally::of(vec![]), None);
        assert_eq!(Tally::of(vec![4, 4]), Some(Tally::Each(4)));
        assert_eq!(Tally::of(vec![9, 1, 4, 5]), Some(Tally::Median(4)));
    }
}
