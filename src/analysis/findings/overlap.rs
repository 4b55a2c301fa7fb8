//! What stands between two operations, and what it does to the order of targets.

use super::finding::{Finding, Topic, cell_ids, panel_numbers};
use super::places::places;
use crate::analysis::format::{figure, listed, share_of};
use crate::analysis::overlap::Series;
use crate::analysis::summary::{PanelSummary, Summary};
use crate::analysis::turn_over::TurnOver;
use crate::base::Between;

/// Series that have sentences: those of the largest turn-overs, or of the largest tables.
const SERIES: usize = 2;

/// For each series the two targets that change places, else the one that leads throughout.
pub(crate) fn overlaps(summary: &Summary) -> Vec<Finding> {
    let series = Series::of(summary.panels.iter());
    let mut findings: Vec<Finding> = series
        .iter()
        .filter_map(|one| match one.turn_over() {
            Some(turn) => Some(turned(summary, one, &turn)),
            None => steady(summary, one),
        })
        .collect();
    findings.sort_by(|a, b| b.effect.total_cmp(&a.effect));
    findings.truncate(SERIES);
    findings
}

/// `What stands between two operations turns the order over: …`
fn turned(summary: &Summary, series: &Series<'_>, turn: &TurnOver<'_>) -> Finding {
    let (loose, a, b, ahead) = &turn.first;
    let (chained, _, _, behind) = &turn.last;
    let (a, b) = (loose.label(a), loose.label(b));
    let text = format!(
        "What stands between two operations turns the order over: {}, {a} runs at {} the rate of \
         {b}; chained, {b} runs at {} the rate of {a}{}, under {}.",
        loose.entry.between.words(),
        share_of(&[ahead.interval]),
        share_of(&[behind.interval]),
        leaders(loose, chained),
        place(summary, loose),
    );
    Finding {
        text,
        topic: Topic::Overlap,
        panels: panel_numbers(series.panels.iter().copied()),
        cells: cell_ids([turn.first.1, turn.first.2, turn.last.1, turn.last.2]),
        effect: ahead.interval.mid.ln().abs() + behind.interval.mid.ln().abs(),
    }
}

/// `; first are cuckoo (4.21 M/s) back to back and optimistic (2.90 M/s) chained`
fn leaders(loose: &PanelSummary, chained: &PanelSummary) -> String {
    let first = |panel: &PanelSummary| {
        let cell = *panel.ranking().first()?;
        let rate = figure(cell.rate?.mid / 1e6);
        Some(format!(
            "{} ({rate} M/s) {}",
            panel.label(cell),
            panel.entry.between.words()
        ))
    };
    let named: Vec<String> = [loose, chained].into_iter().filter_map(first).collect();
    if named.len() < 2 {
        return String::new();
    }
    format!("; first are {}", listed(&named))
}

/// Where the order stays: the leader, and what it loses.
fn steady(summary: &Summary, series: &Series<'_>) -> Option<Finding> {
    let loose = series.with(Between::NONE)?;
    let chained = series.with(Between::Chained)?;
    let (a, b) = (*loose.ranking().first()?, *chained.ranking().first()?);
    let rate = |rate: f64| figure(rate / 1e6);
    let text = format!(
        "No two targets change places with what stands between two operations: first are {} back to back with \
         {} and {} chained with {} million operations a second, under {}.",
        loose.label(a),
        rate(a.rate?.mid),
        chained.label(b),
        rate(b.rate?.mid),
        place(summary, loose),
    );
    Some(Finding {
        text,
        topic: Topic::Overlap,
        panels: panel_numbers(series.panels.iter().copied()),
        cells: cell_ids([a, b]),
        effect: 0.0,
    })
}

/// The workload and threads of a series.
fn place(summary: &Summary, panel: &PanelSummary) -> String {
    let among = Summary {
        panels: summary
            .panels
            .iter()
            .filter(|other| other.entry.between == panel.entry.between)
            .cloned()
            .collect(),
        ..summary.clone()
    };
    places(&among, &[panel])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::findings::findings;
    use crate::analysis::synthetic::{Cell, Synthetic};

    fn texts(rows: &[(&str, [f64; 3])]) -> Vec<String> {
        let mut run = Synthetic::new();
        for (_, ns) in rows {
            let names = ["fixed", "a", "b"].into_iter().zip(ns);
            let cells: Vec<Cell<'_>> = names.map(|(name, &ns)| Cell::new(name, ns)).collect();
            run = run.panel("w", 1, &cells);
        }
        let mut records = run.records();
        for (panel, (between, _)) in records.manifest.panels.iter_mut().zip(rows) {
            panel.between = between.parse().unwrap();
        }
        let found = findings(&Summary::of(&records)).into_iter();
        found.map(|finding| finding.text).collect()
    }

    #[test]
    fn a_turn_over_comes_first_and_names_both_orders_and_leaders() {
        let texts = texts(&[
            ("none", [400.0, 100.0, 200.0]),
            ("100", [400.0, 200.0, 200.0]),
            ("chained", [400.0, 400.0, 320.0]),
        ]);
        let start =
            "What stands between two operations turns the order over: back to back, a runs at ";
        assert!(texts[0].starts_with(start), "{texts:?}");
        for part in [
            "the rate of b; chained, b runs at 12",
            "; first are a (",
            " back to back and b (",
        ] {
            assert!(texts[0].contains(part), "{part}: {texts:?}");
        }
        assert!(
            texts[0].ends_with(" M/s) chained, under w with 1 thread."),
            "{texts:?}"
        );
        // All else speaks of what is chained.
        let others = &texts[1..];
        assert!(
            others.iter().all(|text| !text.contains("back to back")),
            "{others:?}"
        );
    }

    #[test]
    fn a_turn_over_at_a_number_of_instructions_names_it() {
        let texts = texts(&[
            ("none", [400.0, 210.0, 200.0]),
            ("100", [400.0, 200.0, 300.0]),
            ("chained", [400.0, 400.0, 320.0]),
        ]);
        let start = "What stands between two operations turns the order over: with 100 instructions between, a \
                     runs at 15";
        assert!(texts[0].starts_with(start), "{texts:?}");
        for part in [
            "chained, b runs at 12",
            " M/s) with 100 instructions between and b (",
        ] {
            assert!(texts[0].contains(part), "{part}: {texts:?}");
        }
    }

    #[test]
    fn an_order_that_stays_is_said_too() {
        let texts = texts(&[
            ("none", [400.0, 100.0, 200.0]),
            ("100", [400.0, 150.0, 250.0]),
            ("chained", [800.0, 200.0, 400.0]),
        ]);
        let start = "No two targets change places with what stands between two operations: first are a back \
                     to back with ";
        assert!(texts[0].starts_with(start), "{texts:?}");
    }
}
