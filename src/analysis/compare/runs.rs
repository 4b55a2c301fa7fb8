//! Two runs: nothing is paired between them.

use super::notes::{note_on_yardsticks, notes};
use super::{
    CellComparison, Compared, Drift, Judged, Place, judge, overall, pairs, places, seed_of, side,
};
use crate::analysis::labels::place_of;
use crate::analysis::rates::PAIRS_FOR_A_VERDICT;
use crate::analysis::rates::{Rates, units};
use crate::analysis::summary::{CellSummary, PanelSummary, Summary, Verdict};
use crate::analysis::verdict::{BIRTHS_FOR_AN_INTERVAL, Noise};
use crate::record::{Manifest, ServerEntry};
use crate::stats::{self, Interval, Resampled};

impl Compared {
    /// Compares each cell of `b` with the same cell of `a`. The same summaries give the same figures.
    #[must_use]
    pub fn of_runs(a: &Summary, b: &Summary) -> Compared {
        let foreign = foreign(&a.manifest, &b.manifest);
        let mut cells = Vec::new();
        let mut judged = Vec::new();
        let mut drifts: Vec<Drift> = Vec::new();
        let mut relied_on: Vec<&CellSummary> = Vec::new();
        let both = pairs(a, b);
        let same_peers = has_same_peers(&a.manifest, &b.manifest);
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
            let yardstick = Yardstick::of((place, *other), &both, same_peers);
            let log = cell
                .reason
                .is_empty()
                .then(|| change([(a, place), (b, *other)], &yardstick));
            let log = log.flatten();
            let drift = log.as_ref().and_then(|_| yardstick.drift(place.0));
            if let Some(drift) = drift {
                cell.over.clone_from(&drift.of);
                // A peer is relative to the others only.
                if !place.1.entry.peer {
                    relied_on.extend(yardstick.cells.iter().map(|[own, _]| *own));
                    if !drifts.contains(&drift) {
                        drifts.push(drift);
                    }
                }
            }
            let [own, others] = [place.0, other.0].map(|panel| yardstick.noise(panel));
            let noise = Noise {
                apart: own.apart.hypot(others.apart),
                same: own.same.hypot(others.same),
            };
            cell.measured(log.as_ref(), noise);
            cells.push(cell);
            judged.push(log);
        }
        // Between two runs with the same peers none of these has changed: a verdict on one that tables
        // are relative to would be on the machine.
        for (cell, (_, own)) in cells
            .iter_mut()
            .zip(places(a).filter(|(_, own)| own.ranked()))
        {
            if cell.can_be_judged() && relied_on.iter().any(|used| std::ptr::eq(*used, own)) {
                cell.call = super::Call::Yardstick;
            }
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
        let family = judge(&mut cells, None);
        let overall = overall(&judged, &cells);
        let mut notes = notes(a, b);
        if judged.iter().any(Option::is_some) {
            let peers = both.iter().any(|(a, _)| a.1.entry.peer && !a.1.entry.twin);
            notes.extend(note_on_yardsticks(peers, same_peers).map(str::to_owned));
        }
        Compared {
            sides: [side(&a.manifest), side(&b.manifest)],
            of_runs: true,
            notes,
            drifts,
            cells,
            family,
            overall,
        }
    }
}

fn same(a: Place<'_>, b: Place<'_>) -> bool {
    std::ptr::eq(a.1, b.1)
}

fn new_cell((panel, cell): Place<'_>) -> CellComparison {
    CellComparison {
        place: place_of(panel),
        target: panel.label(cell),
        cell_ids: [cell.entry.cell_id.clone(), String::new()],
        rates: [cell.rate, None],
        ratio: None,
        held: None,
        over: Vec::new(),
        noise: Noise::default(),
        call: super::Call::NotComparable,
        reason: String::new(),
    }
}

/// Cells that both runs have, and whose own rates no change to our tables can move.
#[derive(Default)]
struct Yardstick<'s> {
    cells: Vec<[&'s CellSummary; 2]>,
}

impl<'s> Yardstick<'s> {
    /// For a pair of cells: the peers beside them, those under the same hash function and on the same
    /// heap if there are any; else the control.
    ///
    /// The versions of the peers must be the same, as `peers` says.
    fn of(pair: (Place<'s>, Place<'s>), both: &[(Place<'s>, Place<'s>)], peers: bool) -> Self {
        let (own, other) = pair;
        let beside: Vec<_> = both
            .iter()
            .filter(|(a, b)| std::ptr::eq(a.0, own.0) && std::ptr::eq(b.0, other.0))
            .map(|(a, b)| [a.1, b.1])
            .filter(|[a, b]| a.rate.is_some() && b.rate.is_some() && !a.entry.twin)
            .filter(|[a, _]| a.entry.cell_id != own.1.entry.cell_id)
            .filter(|[a, _]| a.entry.server == own.1.entry.server)
            .collect();
        let of = |is: &dyn Fn(&CellSummary) -> bool| {
            let cells = beside.iter().copied();
            cells.filter(|[a, _]| is(a)).collect::<Vec<_>>()
        };
        let is_peer = |cell: &CellSummary| peers && cell.entry.peer;
        let is_alike = |cell: &CellSummary| {
            let (a, b) = (&cell.entry, &own.1.entry);
            is_peer(cell) && (&a.hash, a.allocator, a.pages) == (&b.hash, b.allocator, b.pages)
        };
        let candidates = [of(&is_alike), of(&is_peer), of(&|cell| cell.entry.control)];
        let cells = candidates.into_iter().find(|cells| !cells.is_empty());
        Yardstick {
            cells: cells.unwrap_or_default(),
        }
    }

    /// What a ratio over this is held against, of one of the panels.
    ///
    /// Relative to peers, over several births, intervals are about as wide as they should be, and it is
    /// enough that a change is larger than what lies between two copies of one table. Else they are not,
    /// and it must be larger than the A/A noise.
    fn noise(&self, panel: &PanelSummary) -> Noise {
        let twin = panel.cells.iter().find(|cell| cell.entry.twin);
        let over_peers = self.cells.iter().any(|[a, _]| a.entry.peer);
        let apart = twin
            .filter(|twin| over_peers && twin.rates.by_birth().len() >= BIRTHS_FOR_AN_INTERVAL)
            .and_then(|twin| twin.ratio)
            .filter(|ratio| ratio.pairs >= PAIRS_FOR_A_VERDICT);
        apart.map_or(panel.noise(), |apart| apart.interval.mid.ln().abs().into())
    }

    /// Its rates in one of the runs.
    fn rates(&self, at: usize) -> Vec<&'s Rates> {
        self.cells.iter().map(|cell| &cell[at].rates).collect()
    }

    /// What it did itself; nothing where there is none.
    fn drift(&self, panel: &PanelSummary) -> Option<Drift> {
        let logs = self.cells.iter().filter_map(|[a, b]| {
            let (a, b) = (a.rate.filter(|rate| rate.low > 0.0)?, b.rate?);
            Some([b.low / a.high, b.mid / a.mid, b.high / a.low].map(f64::ln))
        });
        let logs: Vec<[f64; 3]> = logs.collect();
        let mean = |at: usize| {
            let sum: f64 = logs.iter().map(|log| log[at]).sum();
            (sum / logs.len() as f64).exp()
        };
        let names = self.cells.iter().map(|[a, _]| panel.label(a)).collect();
        (!logs.is_empty()).then(|| Drift {
            place: place_of(panel),
            of: names,
            ratio: Interval {
                low: mean(0),
                mid: mean(1),
                high: mean(2),
            },
        })
    }
}

/// The logarithm of the second's rate over the first's, each relative to its own run's yardstick.
fn change(sides: [(&Summary, Place<'_>); 2], yardstick: &Yardstick<'_>) -> Option<Judged> {
    let groups = [0, 1].map(|at| sides[at].1.1.rates.logs(&yardstick.rates(at)));
    let count = |groups: &[Vec<f64>]| groups.iter().map(Vec::len).sum::<usize>();
    let drawn = |at: usize| {
        let (summary, (panel, _)) = sides[at];
        let seed = seed_of(summary.manifest.seed, panel.entry.panel, at as u64);
        Resampled::median(&groups[at], seed, stats::RESAMPLES)
    };
    let log = drawn(1)?.less(&drawn(0)?);
    let units = groups
        .each_ref()
        .map(|groups| units(groups.len(), count(groups)));
    let pairs = count(&groups[0]).min(count(&groups[1]));
    Some(Judged::of(log, pairs, units[0].min(units[1])))
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

/// Whether peers are of the same versions in both runs: maps by what was built in, servers by what they said.
fn has_same_peers(a: &Manifest, b: &Manifest) -> bool {
    let versions = |manifest: &Manifest| -> Vec<(String, String)> {
        let is_peer = |server: &&ServerEntry| {
            let mut cells = manifest.cells.iter();
            cells.any(|cell| cell.peer && cell.target == server.target)
        };
        let servers = manifest.servers.iter().filter(is_peer);
        let mut all: Vec<_> = servers
            .map(|server| (server.target.clone(), server.version.clone()))
            .collect();
        all.sort();
        all
    };
    a.lockfile_hash == b.lockfile_hash && versions(a) == versions(b)
}

/// Why two cells with one id cannot be compared; empty where they can.
fn why_not(a: &CellSummary, b: &CellSummary, foreign: Option<&str>) -> String {
    if let Some(foreign) = foreign {
        return foreign.to_owned();
    }
    if [a, b].iter().all(|cell| cell.verdict == Verdict::OpenLoop) {
        return "open loop: the rate is set, not measured, and latencies are not compared".into();
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
        note(
            "connections",
            &p.connections.to_string(),
            &q.connections.to_string(),
        );
        note("depth", &p.depth.to_string(), &q.depth.to_string());
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
