//! What each value of one parameter costs beside the fastest target, panel by panel: the answer of a suite
//! that asks how finely something is to be cut.

use super::finding::{Finding, Topic, cell_ids, panel_numbers};
use super::places::places;
use super::sweep::{self, Point, Sweep};
use crate::analysis::format::{listed, noise, times};
use crate::analysis::labels::{Shared, without_param};
use crate::analysis::summary::{CellSummary, PanelSummary, Summary, Verdict};
use crate::analysis::verdict::Difference;
use crate::base::Value;

/// A sentence for each panel that has the parameter over several values. In an open loop the rate is the
/// one asked for.
pub(crate) fn values(summary: &Summary, param: &str) -> Vec<Finding> {
    let shared = Shared::of(summary.panels.iter());
    let closed = summary.panels.iter().filter(|panel| !panel.is_open_loop());
    closed
        .filter_map(|panel| of_panel(summary, &shared, panel, param))
        .collect()
}

fn of_panel(
    summary: &Summary,
    shared: &Shared,
    panel: &PanelSummary,
    param: &str,
) -> Option<Finding> {
    let sweeps: Vec<Sweep<'_>> = sweep::of_panel(panel)
        .into_iter()
        .filter(|sweep| sweep.param == param)
        .collect();
    let ranking = panel.ranking();
    let (best, rest) = ranking.split_first()?;
    if sweeps.is_empty() {
        return None;
    }
    let label = |cell: &CellSummary| shared.without(&panel.label(cell));
    let swept = |cell: &CellSummary| sweeps.iter().any(|sweep| sweep.has(cell));
    let mut clauses: Vec<String> = sweeps
        .iter()
        .map(|sweep| {
            let name = shared.without(&without_param(&panel.label(sweep.fastest().cell), param));
            let values = in_order(&sweep.points).into_iter().enumerate();
            let each = values.map(|(at, point)| {
                let named = if at == 0 {
                    format!("{param}=")
                } else {
                    String::new()
                };
                let part = part_of(panel, point.cell, best);
                format!("{part} with {named}{}", point.value)
            });
            format!("{name} reaches {}", listed(&each.collect::<Vec<_>>()))
        })
        .collect();
    let others: Vec<String> = rest
        .iter()
        .filter(|cell| !swept(cell))
        .map(|cell| format!("{} {}", label(cell), part_of(panel, cell, best)))
        .collect();
    if !others.is_empty() {
        clauses.push(listed(&others));
    }
    let level: Vec<String> = rest
        .iter()
        .filter(|cell| {
            let ratio = panel.ratio(cell, best);
            let verdict = ratio.map(|ratio| panel.verdict_on(&ratio));
            let even = [Difference::Same, Difference::NotToldApart].map(Verdict::Is);
            verdict.is_some_and(|verdict| even.contains(&verdict))
        })
        .map(|cell| label(cell))
        .collect();
    let level = if level.is_empty() {
        String::new()
    } else {
        format!(", with {} the same or not told apart", listed(&level))
    };
    let text = format!(
        "{} is the fastest under {}{level}; of its rate {} (A/A noise {}).",
        label(best),
        places(summary, &[panel]),
        clauses.join("; "),
        noise(panel.noise_band)
    );
    let ratios = rest.iter().filter_map(|cell| panel.ratio(cell, best));
    Some(Finding {
        text,
        topic: Topic::Asked,
        panels: panel_numbers([panel]),
        cells: cell_ids(ranking.iter().copied()),
        effect: ratios
            .map(|ratio| ratio.interval.mid.ln().abs())
            .fold(0.0, f64::max),
    })
}

/// The part of the rate of the best that a cell reaches.
fn part_of(panel: &PanelSummary, cell: &CellSummary, best: &CellSummary) -> String {
    if cell.entry.cell_id == best.entry.cell_id {
        return times(1.0);
    }
    panel.ratio(cell, best).map_or_else(
        || "(not paired)".to_owned(),
        |ratio| times(ratio.interval.mid),
    )
}

/// The points of a sweep by their values, the smallest first.
fn in_order<'p, 's>(points: &'p [Point<'s>]) -> Vec<&'p Point<'s>> {
    let mut points: Vec<&Point<'_>> = points.iter().collect();
    points.sort_by(|a, b| match (&a.value, &b.value) {
        (Value::Integer(a), Value::Integer(b)) => a.cmp(b),
        (Value::Decimal(a), Value::Decimal(b)) => a.total_cmp(b),
        (a, b) => a.to_string().cmp(&b.to_string()),
    });
    points
}

#[cfg(test)]
mod tests {
    use crate::analysis::synthetic::{Cell, Synthetic};
    use crate::analysis::{Summary, findings};

    #[test]
    fn the_fastest_is_named_and_what_each_value_costs() {
        let cells = [
            Cell::new("mutex:buckets=2^17", 400.0),
            Cell::new("striped:buckets=2^17,stripes=2^10", 100.0),
            Cell::new("striped:buckets=2^17,stripes=1", 400.0),
            Cell::new("striped:buckets=2^17,stripes=2^5", 200.0),
            Cell::new("striped:buckets=2^17,stripes=2^16", 125.0),
            Cell::new("spinbit:buckets=2^17", 110.0),
        ];
        let mut records = Synthetic::new()
            .panel("a", 2, &cells)
            .panel("b", 1, &cells[..2])
            .records();
        let first = toml::Value::from(vec!["stripes=".to_owned()]);
        records.manifest.suites = vec![toml::Table::from_iter([("first".to_owned(), first)])];
        let found = findings(&Summary::of(&records));
        let text = &found[0].text;
        let start = "striped:stripes=2^10 is the fastest under a with 2 threads; of its rate striped reaches 0.2";
        assert!(text.starts_with(start), "{text}");
        let (_, values) = text.split_once("; of its rate ").unwrap();
        let parts: Vec<&str> = values.split(" with ").collect();
        assert!(parts[1].starts_with("stripes=1, 0."), "{text}");
        assert!(parts[2].starts_with("32, "), "{text}");
        assert!(parts[3].starts_with("2^10 and 0."), "{text}");
        assert!(parts[4].starts_with("2^16; "), "{text}");
        assert!(text.contains("mutex 0.2"), "{text}");
        assert!(text.contains("; spinbit 0.9"), "{text}");
        assert_eq!(
            found[0].panels,
            [0],
            "where nothing is swept nothing is said"
        );
        assert!(
            !found[1].text.contains("is the fastest"),
            "{}",
            found[1].text
        );
    }
}
