//! What absent keys do to the cost of a lookup, and to the order of targets.

use super::finding::{Finding, Topic, cell_ids, panel_numbers};
use super::places::places;
use crate::analysis::absent::Series;
use crate::analysis::format::{figure, share_of};
use crate::analysis::summary::{CellSummary, PanelSummary, Summary};

/// Series that have sentences: those in which costs change most.
const SERIES: usize = 2;

/// For each series how costs change with the share of absent keys, and which target is cheapest at its ends.
pub(crate) fn absents(summary: &Summary) -> Vec<Finding> {
    let series = Series::of(summary.panels.iter());
    let mut findings: Vec<Finding> = series
        .iter()
        .filter_map(|one| sentence(summary, one))
        .collect();
    findings.sort_by(|a, b| b.effect.total_cmp(&a.effect));
    findings.truncate(SERIES);
    findings
}

fn sentence(summary: &Summary, series: &Series<'_>) -> Option<Finding> {
    let [first, last] = series.ends();
    let parts = series.parts();
    let ((least, low), (most, high)) = (parts.first()?, parts.last()?);
    let part = |part: f64| format!("{} %", figure(100.0 * part));
    let mut text = format!(
        "With {} of lookups for absent keys an operation takes between {} ({least}) and {} ({most}) of its time with {}",
        last.entry.absent,
        part(*low),
        part(*high),
        first.entry.absent,
    );
    let mut cells = Vec::new();
    if let Some(turn) = series.turn_over() {
        let (_, a, b, ahead) = &turn.first;
        let (_, _, _, behind) = &turn.last;
        let (a_name, b_name) = (first.label(a), first.label(b));
        text += &format!(
            "; with {} {a_name} runs at {} the rate of {b_name}, with {} {b_name} at {} the rate of {a_name}",
            first.entry.absent,
            share_of(&[ahead.interval]),
            last.entry.absent,
            share_of(&[behind.interval]),
        );
        cells.extend([turn.first.1, turn.first.2, turn.last.1, turn.last.2]);
    }
    let leaders = [first, last].map(|panel| Some((panel, *panel.ranking().first()?)));
    let [Some((_, a)), Some((_, b))] = leaders else {
        return None;
    };
    cells.extend([a, b]);
    text += &format!("; {}", leading((first, a), (last, b))?);
    text += &format!(", under {}.", places(&alike(summary, first), &[first]));
    Some(Finding {
        text,
        topic: Topic::Absent,
        panels: panel_numbers(series.panels.iter().copied()),
        cells: cell_ids(cells),
        effect: low.ln().abs().max(high.ln().abs()),
    })
}

/// `first are a (4.21 M/s) with 0 % and b (5.10 M/s) with 100 %`; one name where it is first at both.
fn leading(
    (first, a): (&PanelSummary, &CellSummary),
    (last, b): (&PanelSummary, &CellSummary),
) -> Option<String> {
    let rate = |cell: &CellSummary| Some(format!("{} M/s", figure(cell.rate?.mid / 1e6)));
    let (rate_a, rate_b) = (rate(a)?, rate(b)?);
    let (before, after) = (first.entry.absent, last.entry.absent);
    let (name_a, name_b) = (first.label(a), last.label(b));
    Some(if name_a == name_b {
        format!("first with both is {name_a} ({rate_a} and {rate_b})")
    } else {
        format!("first are {name_a} ({rate_a}) with {before} and {name_b} ({rate_b}) with {after}")
    })
}

/// The summary of the panels with the same share: the share is said, and tells no places apart.
fn alike(summary: &Summary, panel: &PanelSummary) -> Summary {
    let is_alike = |other: &&PanelSummary| other.entry.absent == panel.entry.absent;
    Summary {
        panels: summary.panels.iter().filter(is_alike).cloned().collect(),
        ..summary.clone()
    }
}

#[cfg(test)]
mod tests {
    use crate::analysis::Summary;
    use crate::analysis::absent::tests::run;
    use crate::analysis::findings::findings;

    #[test]
    fn a_sentence_tells_costs_places_and_leaders() {
        let shares = [
            ("0%", [100.0, 200.0]),
            ("50%", [150.0, 150.0]),
            ("100%", [200.0, 100.0]),
        ];
        let text = &findings(&Summary::of(&run(&shares)))[0].text;
        let start = "With 100 % of lookups for absent keys an operation takes between ";
        assert!(text.starts_with(start), "{text}");
        for part in [
            "(b) and ",
            "(a) of its time with 0 %; with 0 % a runs at ",
            " the rate of b, with 100 % b at ",
            "; first are a (",
            " M/s) with 0 % and b (",
            " M/s) with 100 %, under w with 1 thread.",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        let even = [
            ("0%", [100.0, 200.0]),
            ("50%", [100.0, 200.0]),
            ("100%", [100.0, 200.0]),
        ];
        let text = &findings(&Summary::of(&run(&even)))[0].text;
        assert!(!text.contains("runs at"), "{text}");
        assert!(text.contains("; first with both is a ("), "{text}");
    }
}
