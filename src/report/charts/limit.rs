//! The highest rate of each target that keeps a limit on its response times.

use super::axis::{Axis, amount};
use super::canvas::{self, Align, Canvas, Drawn, Frame, WIDTH, clip, pixel, text_width};
use super::palette::{Style, Tone};
use super::{Chart, Suite, positive, stem};
use crate::record::SloRow;
use crate::report::format::place_of;
use crate::report::latency::{one_sided, time};
use crate::report::summary::{CellSummary, PanelSummary, Summary};

const ROW: i32 = 20;
const HEADING: i32 = 26;
/// Pixels that labels may take; longer ones are cut.
const WIDEST_LABEL: i32 = 260;

/// The searches of a panel, highest rate first.
struct Searched<'s> {
    panel: &'s PanelSummary,
    rows: Vec<(&'s CellSummary, &'s SloRow)>,
}

pub(super) fn charts(suite: &Suite<'_>, summary: &Summary, charts: &mut Vec<Chart>) {
    let panels = suite.panels.iter();
    let searched: Vec<Searched<'_>> = panels
        .map(|&panel| Searched::of(summary, panel))
        .filter(|searched| !searched.rows.is_empty())
        .collect();
    charts.extend(chart(suite.name, &searched));
}

impl<'s> Searched<'s> {
    fn of(summary: &'s Summary, panel: &'s PanelSummary) -> Searched<'s> {
        let rows = summary.searches(panel.entry.panel);
        let mut rows: Vec<_> = rows
            .filter_map(|row| {
                let mut cells = panel.cells.iter();
                let cell = cells.find(|cell| cell.entry.cell_id == row.cell_id && cell.ranked());
                Some((cell?, row))
            })
            .collect();
        rows.sort_by_key(|(_, row)| std::cmp::Reverse(row.kept_per_s));
        Searched { panel, rows }
    }
}

fn chart(suite: &str, searched: &[Searched<'_>]) -> Option<Chart> {
    let rows = || searched.iter().flat_map(|searched| &searched.rows);
    let rates = || {
        let rates = rows().flat_map(|(_, row)| [row.kept_per_s, row.broken_per_s]);
        rates.filter_map(|rate| positive(rate? as f64))
    };
    let low = positive(rates().fold(f64::INFINITY, f64::min))?;
    let high = positive(rates().fold(0.0, f64::max))?;
    let (_, first) = rows().next()?;
    let limit = format!("{} within {}", first.percentile, time(first.limit_ns));
    let title = format!("Up to which rate does each target keep {limit}?");
    let count = i32::try_from(rows().count()).ok()?;
    let height = ROW * count + HEADING * i32::try_from(searched.len()).ok()?;
    let svg = canvas::draw(&title, height + 70, |canvas| {
        paint(canvas, searched, (low, high), height)
    })?;
    Some(Chart {
        file: stem(&["limit", suite]),
        suite: suite.to_owned(),
        panels: searched.iter().map(|of| of.panel.entry.panel).collect(),
        title,
        about: "Open loop; right is better, the scale is logarithmic. The point is the highest rate of a search at \
                which response times kept the limit, twice; the line runs to the lowest above it that broke it or \
                that the target fell behind at."
            .to_owned(),
        svg,
    })
}

fn paint(
    canvas: &mut Canvas<'_>,
    searched: &[Searched<'_>],
    (low, high): (f64, f64),
    height: i32,
) -> Drawn {
    let rows = searched.iter().flat_map(|of| {
        let labels = of.rows.iter().map(|(cell, _)| of.panel.label(cell));
        labels.map(|label| text_width(&label))
    });
    let left = rows.max().unwrap_or(0).clamp(100, WIDEST_LABEL) + 36;
    let frame = Frame {
        left,
        top: 8,
        width: WIDTH - left - 110,
        height,
    };
    // Of one target the two lie so close together that a scale of their own would have no ticks.
    let middle = (low * high).sqrt();
    let (low, high) = (low.min(middle / 2.0), high.max(2.0 * middle));
    let x = Axis::log(low, high, 8, "operations a second, over all threads");
    let plot = canvas.plot(frame, &x, &Axis::bare(0.0, 1.0))?;
    let at = |rate: u64| pixel(&plot, (x.within(rate as f64), 0.0)).0;
    let mut y = frame.top;
    for Searched { panel, rows } in searched {
        let place = clip(&place_of(&panel.entry), 420);
        canvas.text(&place, (12, y + HEADING / 2 + 2), Align::Left, Tone::Muted)?;
        y += HEADING;
        for (cell, row) in rows {
            let label = clip(&panel.label(cell), WIDEST_LABEL);
            canvas.text(&label, (left - 12, y + ROW / 2), Align::Right, Tone::Ink)?;
            one(canvas, (panel, cell, row), (&at, left), y)?;
            y += ROW;
        }
    }
    Ok(())
}

fn one(
    canvas: &mut Canvas<'_>,
    (panel, cell, row): (&PanelSummary, &CellSummary, &SloRow),
    (at, left): (&impl Fn(u64) -> i32, i32),
    top: i32,
) -> Drawn {
    let middle = top + ROW / 2;
    let Some(kept) = row.kept_per_s.filter(|&rate| rate > 0) else {
        return canvas.text(one_sided(row), (left + 8, middle), Align::Left, Tone::Muted);
    };
    let style = Style::of(&cell.entry);
    let broken = row.broken_per_s.unwrap_or(kept);
    canvas.interval((at(kept), at(broken)), middle, style.fill(), 2)?;
    canvas.mark((at(kept), middle), style)?;
    let value = format!("{}/s", amount(kept as f64));
    canvas.text(&value, (WIDTH - 8, middle), Align::Right, Tone::Ink)?;
    let there = |at: Option<u64>| at.map_or_else(String::new, |ns| format!(" ({})", time(ns)));
    let then = row.broken_per_s.map_or_else(
        || one_sided(row).to_owned(),
        |rate| {
            let rate = amount(rate as f64);
            format!("broken at {rate}/s{}", there(row.broken_ns))
        },
    );
    let text = format!(
        "{}: kept at {value}{}; {then}",
        panel.label(cell),
        there(row.kept_ns)
    );
    canvas.hover((0, top), (WIDTH, top + ROW), &text);
    Ok(())
}
