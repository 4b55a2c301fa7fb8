//! What the longest operation of a clocked pass takes: which target stalls, and how much less the others do.

use super::finding::{Finding, Topic, cell_ids, panel_numbers};
use super::places::places;
use crate::analysis::format::{duration, duration_within, figure, listed};
use crate::analysis::summary::{CellSummary, PanelSummary, Summary};
use crate::stats::Interval;

/// A sentence per clocked panel: the baseline's longest operation, then the others', shortest first.
pub(crate) fn longest(summary: &Summary) -> Vec<Finding> {
    summary
        .panels
        .iter()
        .filter_map(|panel| of_panel(summary, panel))
        .collect()
}

fn of_panel(summary: &Summary, panel: &PanelSummary) -> Option<Finding> {
    let baseline = panel.baseline()?;
    let base = baseline.longest_op_ns.filter(|ns| ns.mid > 0.0)?;
    let mut others: Vec<(&CellSummary, Interval)> = panel
        .cells
        .iter()
        .filter(|cell| cell.ranked() && cell.entry.cell_id != baseline.entry.cell_id)
        .filter_map(|cell| Some((cell, cell.longest_op_ns.filter(|ns| ns.mid > 0.0)?)))
        .collect();
    others.sort_by(|(_, a), (_, b)| a.mid.total_cmp(&b.mid));
    let (_, shortest) = others.first()?;
    let clauses: Vec<String> = others
        .iter()
        .map(|(cell, ns)| {
            format!(
                "{} {} ({})",
                panel.label(cell),
                duration(ns.mid),
                against(base.mid / ns.mid)
            )
        })
        .collect();
    let cells = std::iter::once(baseline).chain(others.iter().map(|(cell, _)| *cell));
    Some(Finding {
        text: format!(
            "The longest operation of {} takes {}, that of {}, under {}.",
            panel.label(baseline),
            duration_within(&base),
            listed(&clauses),
            places(summary, &[panel])
        ),
        topic: Topic::Longest,
        panels: panel_numbers([panel]),
        cells: cell_ids(cells),
        effect: (base.mid / shortest.mid).ln().abs(),
    })
}

/// How the baseline's time compares: `1/120 of it`, `3.00× it`.
fn against(factor: f64) -> String {
    if factor >= 1.0 {
        format!("1/{} of it", figure(factor))
    } else {
        format!("{}× it", figure(1.0 / factor))
    }
}

#[cfg(test)]
mod tests {
    use crate::analysis::synthetic::{Cell, Synthetic};
    use crate::analysis::{Summary, findings};
    use crate::record::Records;

    fn texts(records: &Records) -> Vec<String> {
        let found = findings(&Summary::of(records));
        found.into_iter().map(|finding| finding.text).collect()
    }

    fn fill(longest: &[(&str, [u64; 3])]) -> Records {
        let cells: Vec<Cell<'_>> = longest
            .iter()
            .map(|(target, _)| Cell::new(target, 400.0))
            .collect();
        let mut records = Synthetic::new().pass("fill", 1, 0, &cells).records();
        for row in &mut records.trials {
            let of_target = longest.iter().find(|(target, _)| *target == row.target);
            row.longest_ns = of_target.map(|(_, longest)| longest[row.trial as usize % 3]);
        }
        records
    }

    #[test]
    fn the_stall_is_named_and_the_others_are_set_against_it() {
        let records = fill(&[
            ("resizable", [4_000_000_000, 4_800_000_000, 5_000_000_000]),
            ("dash", [600_000, 500_000, 400_000]),
            ("striped", [9_600_000_000; 3]),
        ]);
        let texts = texts(&records);
        let wanted = "The longest operation of resizable takes 4.80 s [4.00–5.00], that of dash 500 µs \
                      (1/9600 of it) and striped 9.60 s (2.00× it)";
        assert!(texts.iter().any(|text| text.contains(wanted)), "{texts:?}");
    }

    #[test]
    fn passes_without_a_clock_say_nothing_of_it() {
        let mut records = fill(&[("resizable", [1; 3]), ("dash", [1; 3])]);
        for row in &mut records.trials {
            row.longest_ns = None;
        }
        assert!(!texts(&records).iter().any(|text| text.contains("longest")));
    }
}
