//! Two runs: nothing is paired between them.

use super::{CellComparison, Compared, Judged, Place, overall, pairs, places, seed_of, side};
use crate::record::Manifest;
use crate::report::format::{counted, place_of};
use crate::report::rates::Rates;
use crate::report::summary::{CellSummary, PanelSummary, Summary, Verdict};
use crate::stats::{self, Interval, Resampled};

impl Compared {
    /// Compares each cell of `b` with the same cell of `a`. The same summaries give the same figures.
    #[must_use]
    pub fn of_runs(a: &Summary, b: &Summary) -> Compared {
        let foreign = foreign(&a.manifest, &b.manifest);
        let mut cells = Vec::new();
        let mut judged = Vec::new();
        let both = pairs(a, b);
        for place in places(a).filter(|(_, cell)| cell.ranked()) {
            let other = both.iter().find(|(own, _)| same(*own, place));
            let mut cell = new_cell(place);
            let Some((_, other)) = other else {
                cell.reason = why_alone(place, b, "B");
                cells.push(cell);
                judged.push(None);
                continue;
            };
            cell.cell_ids[1].clone_from(&other.1.entry.cell_id);
            cell.rates[1] = other.1.rate;
            cell.reason = why_not(place.1, other.1, foreign.as_deref());
            let log = cell
                .reason
                .is_empty()
                .then(|| change([(a, place), (b, *other)]));
            let log = log.flatten();
            let band = place.0.noise_band.hypot(other.0.noise_band);
            cell.judge(log.as_ref(), band);
            cells.push(cell);
            judged.push(log);
        }
        for place in places(b).filter(|(_, cell)| cell.ranked()) {
            if !both.iter().any(|(_, other)| same(*other, place)) {
                let mut cell = new_cell(place);
                cell.cell_ids.swap(0, 1);
                cell.rates.swap(0, 1);
                cell.reason = why_alone(place, a, "A");
                // Said of the cell in A already where it is the same but for one thing.
                if cell.reason.starts_with("only in") {
                    cells.push(cell);
                    judged.push(None);
                }
            }
        }
        let overall = overall(&judged, &cells);
        Compared {
            sides: [side(&a.manifest), side(&b.manifest)],
            of_runs: true,
            notes: notes(a, b),
            drifts: drifts(&both),
            cells,
            overall,
        }
    }
}

fn same(a: Place<'_>, b: Place<'_>) -> bool {
    std::ptr::eq(a.1, b.1)
}

fn new_cell((panel, cell): Place<'_>) -> CellComparison {
    CellComparison {
        place: place_of(&panel.entry),
        target: panel.label(cell),
        cell_ids: [cell.entry.cell_id.clone(), String::new()],
        rates: [cell.rate, None],
        ratio: None,
        noise_band: 0.0,
        call: super::Call::NotComparable,
        reason: String::new(),
    }
}

/// The logarithm of the second's rate over the first's, each relative to its panel's control.
fn change(sides: [(&Summary, Place<'_>); 2]) -> Option<Judged> {
    // A control on one side only would be a step of its own.
    let controls = sides.map(|(_, (panel, _))| yardstick(panel));
    let with_control = controls.iter().all(Option::is_some);
    let groups = [0, 1].map(|at| {
        let over = controls[at].filter(|_| with_control);
        sides[at].1.1.rates.logs(over)
    });
    let count = |groups: &[Vec<f64>]| groups.iter().map(Vec::len).sum::<usize>();
    let drawn = |at: usize| {
        let (summary, (panel, _)) = sides[at];
        let seed = seed_of(summary.manifest.seed, panel.entry.panel, at as u64);
        Resampled::median(&groups[at], seed, stats::RESAMPLES)
    };
    let log = drawn(1)?.less(&drawn(0)?);
    Some(Judged::of(log, count(&groups[0]).min(count(&groups[1]))))
}

/// The rates that a panel's others are taken relative to.
fn yardstick(panel: &PanelSummary) -> Option<&Rates> {
    let control = |cell: &&CellSummary| cell.entry.control && !cell.entry.twin;
    let cell = panel.cells.iter().find(control)?;
    cell.rate.map(|_| &cell.rates)
}

/// What the controls themselves did.
fn drifts(both: &[(Place<'_>, Place<'_>)]) -> Vec<(String, Interval)> {
    both.iter()
        .filter(|((_, a), _)| a.entry.control && !a.entry.twin)
        .filter_map(|((panel, a), (_, b))| {
            let (a, b) = (a.rate.filter(|rate| rate.low > 0.0)?, b.rate?);
            let drift = Interval {
                low: b.low / a.high,
                mid: b.mid / a.mid,
                high: b.high / a.low,
            };
            Some((place_of(&panel.entry), drift))
        })
        .collect()
}

/// Why no cell of the one run can be compared with any of the other.
fn foreign(a: &Manifest, b: &Manifest) -> Option<String> {
    for (fact, name) in [("cpu_model", "machine"), ("allocator", "allocator")] {
        let [a, b] = [a, b].map(|manifest| manifest.machine.get(fact));
        if let (Some(a), Some(b)) = (a, b)
            && a != b
        {
            return Some(format!("other {name}: {a} in A, {b} in B"));
        }
    }
    None
}

/// Why two cells with one id cannot be compared; empty where they can.
fn why_not(a: &CellSummary, b: &CellSummary, foreign: Option<&str>) -> String {
    if let Some(foreign) = foreign {
        return foreign.to_owned();
    }
    if [a, b].iter().all(|cell| cell.verdict == Verdict::OpenLoop) {
        return "open loop: its rate is the one asked for, and latencies are not compared".into();
    }
    for (name, cell) in [("A", a), ("B", b)] {
        if let Some(error) = &cell.error {
            return format!("failed in {name}: {error}");
        }
        if cell.rate.is_none() {
            return format!("not measured in {name}");
        }
    }
    String::new()
}

/// Why a cell has no counterpart in the other run: the one thing that differs, where there is a cell
/// that is the same but for it.
fn why_alone((panel, cell): Place<'_>, other: &Summary, other_name: &str) -> String {
    let (p, c) = (&panel.entry, &cell.entry);
    let mut best: Option<Vec<String>> = None;
    for (panel, cell) in places(other).filter(|(_, cell)| cell.ranked()) {
        let (q, d) = (&panel.entry, &cell.entry);
        if (&q.workload, &d.strategy) != (&p.workload, &c.strategy) {
            continue;
        }
        let mut differs = Vec::new();
        let mut note = |what: &str, here: &str, there: &str| {
            if here != there {
                differs.push(format!("{what} {here} here, {there} in {other_name}"));
            }
        };
        note("target", &c.target_full, &d.target_full);
        note("hash", &c.hash, &d.hash);
        note("threads", &p.threads.to_string(), &q.threads.to_string());
        note("batch", &p.batch.to_string(), &q.batch.to_string());
        note("entries", &p.entries.to_string(), &q.entries.to_string());
        let budget = |bytes: Option<u64>| bytes.map_or("none".into(), |b| b.to_string());
        note("budget", &budget(p.budget), &budget(q.budget));
        let corpus = |name: &str| if name.is_empty() { "YCSB" } else { name }.to_owned();
        note("keys", &corpus(&p.corpus), &corpus(&q.corpus));
        note("workload", &p.about, &q.about);
        if best.as_ref().is_none_or(|best| differs.len() < best.len()) {
            best = Some(differs);
        }
    }
    match best.as_deref() {
        Some([]) => format!("other workload parameters, or other pages, in {other_name}"),
        Some([one]) => one.clone(),
        _ => format!("only in {}", if other_name == "A" { "B" } else { "A" }),
    }
}

fn notes(a: &Summary, b: &Summary) -> Vec<String> {
    let mut notes = Vec::new();
    let (of_a, of_b) = (&a.manifest, &b.manifest);
    if of_a.run_id == of_b.run_id {
        notes.push("Both are the same run.".to_owned());
    }
    for (name, summary) in [("A", a), ("B", b)] {
        use crate::record::Status::{Complete, Errors, Interrupted, Running};
        match summary.manifest.status {
            Complete | Errors => {}
            Interrupted => notes.push(format!("{name} was interrupted.")),
            Running => notes.push(format!("{name} has not ended, or was killed.")),
        }
        if summary.dropped_lines > 0 {
            let rows = counted(u64::from(summary.dropped_lines), "row");
            notes.push(format!("{name}: {rows} cut short and left out."));
        }
    }
    let mut differs = Vec::new();
    if of_a.seed != of_b.seed {
        differs.push(format!("seeds ({} and {})", of_a.seed, of_b.seed));
    }
    if of_a.slice_ns != of_b.slice_ns {
        let ms = |manifest: &Manifest| manifest.slice_ns as f64 / 1e6;
        differs.push(format!("slices ({} and {} ms)", ms(of_a), ms(of_b)));
    }
    for fact in ["kernel", "frequency_governor", "huge_pages", "affinity"] {
        let [a, b] = [of_a, of_b].map(|manifest| manifest.machine.get(fact));
        if let (Some(a), Some(b)) = (a, b)
            && a != b
        {
            differs.push(format!("{} ({a} and {b})", fact.replace('_', " ")));
        }
    }
    if !differs.is_empty() {
        notes.push(format!("The runs differ in {}.", differs.join(", ")));
    }
    notes
}
