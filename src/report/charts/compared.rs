//! Two runs in one chart: each cell's rate in the second over that in the first, with the noise of both.

use super::axis::Axis;
use super::palette::Style;
use super::shape::{Group, Row, Rows, Shape};
use super::suite::{Draft, and_more, extremes, gather, positive};
use crate::analysis::compare::Place;
use crate::analysis::{Call, CellComparison, Compared, Difference};
use crate::report::format::{noise, times, times_within};

/// Rows from which on cells in which nothing differs are left out.
const MOST_ROWS: usize = 60;

/// The cells of both runs, panel by panel, largest ratio first. `None` where none has a ratio.
pub(super) fn chart(compared: &Compared, both: &[(Place<'_>, Place<'_>)]) -> Option<Draft> {
    let has_ratio = |cell: &&CellComparison| {
        let ends = cell
            .ratio
            .map(|ratio| [ratio.interval.low, ratio.interval.high]);
        ends.is_some_and(|ends| ends.iter().all(|end| positive(*end).is_some()))
    };
    let all: Vec<&CellComparison> = compared.cells.iter().filter(has_ratio).collect();
    let differs = |cell: &&&CellComparison| {
        let difference = [Difference::Faster, Difference::Slower].map(Call::Is);
        difference.contains(&cell.call)
    };
    let mut shown = all.clone();
    if all.len() > MOST_ROWS {
        // What differs is the question; the table has the others.
        let (mut telling, others): (Vec<_>, Vec<_>) = all.iter().partition(differs);
        let room = MOST_ROWS.saturating_sub(telling.len());
        telling.extend(others.into_iter().take(room));
        telling.truncate(MOST_ROWS);
        shown = telling;
    }
    let ends = shown.iter().filter_map(|cell| {
        let ratio = cell.ratio?.interval;
        let edge = positive(cell.noise.apart.exp())?;
        Some([ratio.low, ratio.high, edge, 1.0 / edge, 1.0])
    });
    let (low, high) = extremes(ends.flatten())?;
    let mut places = Vec::new();
    // In the order of the run, whatever was chosen first.
    for cell in all
        .iter()
        .filter(|cell| shown.iter().any(|one| std::ptr::eq(*one, **cell)))
    {
        gather(&mut places, cell.place.as_str(), *cell);
    }
    let groups = places.into_iter().map(|(place, mut cells)| {
        let mid = |cell: &CellComparison| cell.ratio.map_or(0.0, |ratio| ratio.interval.mid);
        cells.sort_by(|a, b| mid(b).total_cmp(&mid(a)));
        Group {
            heading: place.to_owned(),
            band: band(&cells),
            rows: cells.iter().map(|cell| row(cell, both)).collect(),
        }
    });
    let more = and_more(all.len() - shown.len(), "cell");
    Some(Draft {
        file: "b-over-a".into(),
        panels: Vec::new(),
        title: "What is faster or slower in B than in A?".to_owned(),
        about: format!(
            "Each cell's rate in B over that in A, relative to the peers or else the control of its own run, with \
             its 95 % interval; right of 1 is faster in B; the scale is logarithmic. The grey band is the A/A noise \
             of both runs: a verdict asks that an interval, widened for all verdicts together, lies outside.{more}"
        ),
        shape: Shape::Rows(Rows {
            origin: Some(1.0),
            ..Rows::new(
                Axis::log(low, high, 12, "rate in B over that in A, times"),
                groups.collect(),
            )
        }),
    })
}

/// The widest noise that cells of a panel are held against.
fn band(cells: &[&CellComparison]) -> Option<(f64, f64, String)> {
    let judged = cells.iter().filter(|cell| cell.call.is_verdict());
    let worst = judged.map(|cell| cell.noise.apart).reduce(f64::max)?;
    let edge = positive(worst.exp()).filter(|edge| *edge > 1.0)?;
    let hover = format!("A/A noise of both ±{}", noise(worst));
    Some((1.0 / edge, edge, hover))
}

fn row(cell: &CellComparison, both: &[(Place<'_>, Place<'_>)]) -> Row {
    let Some(ratio) = cell.ratio else {
        return Row::without_figure(cell.target.clone(), "no figure");
    };
    let place = both
        .iter()
        .find(|((_, a), _)| a.entry.cell_id == cell.cell_ids[0]);
    let words = cell.words();
    Row {
        label: cell.target.clone(),
        interval: Some((ratio.interval.low, ratio.interval.high)),
        point: place.map(|((_, a), _)| (ratio.interval.mid, Style::of(a))),
        value: times(ratio.interval.mid),
        hover: format!(
            "{}: {} in B: {words}",
            cell.target,
            times_within(&ratio.interval)
        ),
        word: words,
        ..Row::default()
    }
}
