//! What budgets cost: lookups that miss, and what an operation takes in the end.

use super::finding::{Finding, Topic, cell_ids, panel_numbers};
use crate::analysis::figures::gather;
use crate::analysis::format::figure;
use crate::analysis::summary::{CellSummary, PanelSummary, Summary};
use crate::base::{ByteCount, Nanoseconds};

/// Panels of one workload with one thread count under several budgets.
type Groups<'s> = Vec<((&'s str, &'s str, u32), Vec<&'s PanelSummary>)>;

fn groups(summary: &Summary) -> Groups<'_> {
    let mut groups = Vec::new();
    for panel in &summary.panels {
        if panel.entry.budget.is_some() {
            let key = (
                panel.entry.suite.as_str(),
                panel.plain_workload(),
                panel.entry.threads,
            );
            gather(&mut groups, key, panel);
        }
    }
    groups
}

/// The ranked cells of a panel with a figure, least first.
fn by<'s>(
    panel: &'s PanelSummary,
    figure_of: impl Fn(&'s CellSummary) -> Option<f64>,
) -> Vec<(f64, &'s CellSummary)> {
    let ranked = panel.cells.iter().filter(|cell| cell.ranked());
    let mut cells: Vec<(f64, &CellSummary)> = ranked
        .filter_map(|cell| Some((figure_of(cell).filter(|figure| *figure > 0.0)?, cell)))
        .collect();
    cells.sort_by(|a, b| a.0.total_cmp(&b.0));
    cells
}

/// For each workload the budget under which targets differ most.
pub(crate) fn misses(summary: &Summary) -> Vec<Finding> {
    let mut findings = Vec::new();
    for ((suite, workload, _), panels) in groups(summary) {
        let spread = |cells: &[(f64, &CellSummary)]| match cells {
            [(least, _), .., (most, _)] => (most / least).ln(),
            _ => 0.0,
        };
        let sorted = panels
            .iter()
            .map(|panel| (*panel, by(panel, CellSummary::miss_ratio)));
        let sorted = sorted.filter(|(_, cells)| !cells.is_empty());
        let Some((panel, cells)) = sorted.max_by(|a, b| spread(&a.1).total_cmp(&spread(&b.1)))
        else {
            continue;
        };
        let budget = panel.entry.budget.unwrap_or(0);
        let (least, most) = (cells[0], cells[cells.len() - 1]);
        let percent = |ratio: f64| format!("{} %", figure(100.0 * ratio));
        let mut text = format!(
            "{} misses {} of lookups",
            panel.label(least.1),
            percent(least.0)
        );
        if cells.len() > 1 {
            text += &format!(" and {} {}", panel.label(most.1), percent(most.0));
        }
        text += &format!(" under {workload} in {} bytes", ByteCount(budget));
        let simulated = |policy: &str| {
            let rows = summary.simulated.iter();
            let mut rows = rows.filter(|row| row.suite == suite && row.workload == workload);
            let row = rows.find(|row| row.policy == policy && row.budget_bytes == budget)?;
            Some(percent(row.misses as f64 / row.requests.max(1) as f64))
        };
        if let (Some(lru), Some(belady)) = (simulated("lru"), simulated("belady")) {
            text += &format!(", where exact LRU would miss {lru} and Belady's rule {belady}");
        }
        findings.push(Finding {
            text: text + ".",
            topic: Topic::Misses,
            panels: panel_numbers(panels.iter().copied()),
            cells: cell_ids([least.1, most.1]),
            effect: spread(&cells),
        });
    }
    findings
}

/// For each workload with an origin what the largest budget saves over the smallest, by the target
/// that is best under the largest.
pub(crate) fn origins(summary: &Summary) -> Vec<Finding> {
    let mut findings: Vec<Finding> = summary.panels.iter().filter_map(unbounded_origin).collect();
    for ((_, workload, _), mut panels) in groups(summary) {
        panels.sort_by_key(|panel| panel.entry.budget);
        let ([small, .., large], Some(origin_ns)) = (panels.as_slice(), panels[0].entry.origin_ns)
        else {
            continue;
        };
        let best = by(large, |cell| large.effective_ns(cell));
        let Some(&(with_large, cell)) = best.first() else {
            continue;
        };
        let same = |other: &&CellSummary| {
            other.ranked()
                && other.entry.target == cell.entry.target
                && other.entry.hash == cell.entry.hash
        };
        let before = small.cells.iter().find(same);
        let Some((other, with_small)) =
            before.and_then(|other| Some((other, small.effective_ns(other)?)))
        else {
            continue;
        };
        let share = cell.ns_per_op.map_or(0.0, |ns| ns.mid / with_large);
        let bytes = |panel: &PanelSummary| ByteCount(panel.entry.budget.unwrap_or(0));
        let text = format!(
            "An operation of {} takes {} µs in {} bytes and {} µs in {} under {workload} with an origin \
             of {}; of the latter {} % is time in the table.",
            large.label(cell),
            figure(with_small / 1e3),
            bytes(small),
            figure(with_large / 1e3),
            bytes(large),
            Nanoseconds(origin_ns),
            figure(100.0 * share),
        );
        findings.push(Finding {
            text,
            topic: Topic::Origin,
            panels: panel_numbers(panels.iter().copied()),
            cells: cell_ids([other, cell]),
            effect: (with_small / with_large).ln().abs(),
        });
    }
    findings
}

/// For a panel with an origin and no budget what the quickest and the slowest table make of it.
fn unbounded_origin(panel: &PanelSummary) -> Option<Finding> {
    let origin_ns = panel.entry.origin_ns?;
    if panel.entry.budget.is_some() {
        return None;
    }
    let cells = by(panel, |cell| panel.effective_ns(cell));
    let (&(least, best), &(most, worst)) = (cells.first()?, cells.last()?);
    let share = best.ns_per_op.map_or(0.0, |ns| ns.mid / least);
    let mut text = format!(
        "An operation of {} takes {} µs under {} with an origin of {}, {} % of it in the table",
        panel.label(best),
        figure(least / 1e3),
        panel.plain_workload(),
        Nanoseconds(origin_ns),
        figure(100.0 * share),
    );
    if cells.len() > 1 {
        text += &format!(
            "; one of {} takes {} µs",
            panel.label(worst),
            figure(most / 1e3)
        );
    }
    Some(Finding {
        text: text + ".",
        topic: Topic::Origin,
        panels: vec![panel.entry.panel],
        cells: cell_ids([best, worst]),
        effect: (most / least).ln(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::synthetic::{Cell, Synthetic};

    fn bounded(run: Synthetic, budget: u64, fixed: (u64, u64), dash: (u64, u64)) -> Synthetic {
        let cells = [
            Cell::new("fixed", 400.0).answers(fixed.0, fixed.1),
            Cell::new("dash", 200.0).answers(dash.0, dash.1),
        ];
        run.pass("web", 1, 0, &cells).bounded(budget, 200_000)
    }

    fn summary() -> Summary {
        let run = bounded(Synthetic::new(), 1 << 20, (500, 500), (600, 400));
        let run = bounded(run, 1 << 21, (700, 300), (900, 100))
            .simulated("lru", 1 << 21, 1000, 90)
            .simulated("belady", 1 << 21, 1000, 60);
        Summary::of(&run.records())
    }

    #[test]
    fn the_budget_with_the_largest_spread_is_named_beside_the_policies() {
        let summary = summary();
        let found = misses(&summary);
        assert_eq!(found.len(), 1);
        let text = &found[0].text;
        assert!(
            text.starts_with(
                "dash misses 10.0 % of lookups and fixed 30.0 % under web in 2Mi bytes"
            ),
            "{text}"
        );
        assert!(
            text.contains("would miss 9.00 % and Belady's rule 6.00 %"),
            "{text}"
        );
        assert_eq!(found[0].panels, [0, 1]);
        assert!((found[0].effect - 3.0_f64.ln()).abs() < 1e-9);
    }

    #[test]
    fn an_origin_makes_misses_and_time_one_figure() {
        let summary = summary();
        let found = origins(&summary);
        assert_eq!(found.len(), 1);
        let text = &found[0].text;
        // 0.4 and 0.1 of 200 µs, and some 0.2 µs in the table.
        assert!(
            text.starts_with("An operation of dash takes 80.2 µs in 1Mi")
                && text.contains("origin of 200us"),
            "{text}"
        );
        assert!(text.contains("20.2 µs in 2Mi"), "{text}");
        // Where every other operation is a write, half as many go to the origin.
        let mut records = bounded(
            bounded(Synthetic::new(), 1 << 20, (500, 500), (600, 400)),
            1 << 21,
            (700, 300),
            (900, 100),
        )
        .records();
        for row in &mut records.trials {
            row.ops = row.ops.map(|ops| 2 * ops);
        }
        let half = origins(&Summary::of(&records));
        assert!(
            half[0].text.contains("takes 40.2 µs in 1Mi"),
            "{}",
            half[0].text
        );
        // Without a budget the tables are set beside each other.
        let cells = [
            Cell::new("fixed", 400.0).answers(600, 400),
            Cell::new("dash", 200.0).answers(900, 100),
        ];
        let mut records = Synthetic::new().pass("web", 1, 0, &cells).records();
        records.manifest.panels[0].origin_ns = Some(200_000);
        let alone = origins(&Summary::of(&records));
        assert!(
            alone[0].text.contains("of dash takes 20.2 µs"),
            "{}",
            alone[0].text
        );
        let none = Synthetic::new().pass("web", 1, 0, &[Cell::new("fixed", 400.0)]);
        let none = Summary::of(&none.records());
        assert!(misses(&none).is_empty() && origins(&none).is_empty());
    }
}
