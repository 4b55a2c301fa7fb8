//! Paired ratios: each cell's rate over its baseline's, with the A/A band of its panel.

use plotters::style::Color;

use super::axis::Axis;
use super::canvas::{self, Align, Canvas, Drawn, Frame, WIDTH, clip, pixel, text_width};
use super::palette::{Style, Tone};
use super::{Chart, Suite, positive, stem};
use crate::report::format::{changes, noise, place_of, times, times_within};
use crate::report::labels::Shared;
use crate::report::summary::{CellSummary, PanelSummary, Verdict};

const ROW: i32 = 20;
const HEADING: i32 = 26;
/// Rows from which on a suite's panels are spread over several charts.
const MOST_ROWS: usize = 60;
/// Pixels that labels may take; longer ones are cut.
const WIDEST_LABEL: i32 = 330;

pub(super) fn charts(suite: &Suite<'_>, charts: &mut Vec<Chart>) {
    let mut parts: Vec<Vec<&PanelSummary>> = Vec::new();
    let mut rows_in_last = usize::MAX;
    for &panel in &suite.panels {
        let rows = rows_of(panel).count();
        if rows == 0 {
            continue;
        }
        if parts.is_empty() || rows_in_last + rows > MOST_ROWS {
            parts.push(Vec::new());
            rows_in_last = 0;
        }
        rows_in_last += rows;
        if let Some(part) = parts.last_mut() {
            part.push(panel);
        }
    }
    let count = parts.len();
    for (at, panels) in parts.iter().enumerate() {
        let part = if count > 1 {
            format!(" ({} of {count})", at + 1)
        } else {
            String::new()
        };
        charts.extend(chart(suite.name, panels, &part));
    }
}

/// The cells of a panel that have a row: compared with the baseline, or failed.
fn rows_of(panel: &PanelSummary) -> impl Iterator<Item = &CellSummary> {
    panel
        .cells
        .iter()
        .filter(|cell| cell.ranked() && (ratio_of(cell).is_some() || cell.error.is_some()))
}

fn ratio_of(cell: &CellSummary) -> Option<crate::analysis::Ratio> {
    cell.ratio.filter(|ratio| {
        positive(ratio.interval.low).is_some() && positive(ratio.interval.high).is_some()
    })
}

fn chart(suite: &str, panels: &[&PanelSummary], part: &str) -> Option<Chart> {
    let mut compared = panels.iter().flat_map(|panel| rows_of(panel));
    compared.find(|cell| ratio_of(cell).is_some())?;
    let (mut low, mut high) = (1.0_f64, 1.0_f64);
    let mut height = 0;
    for panel in panels {
        let band = panel.noise_band.exp();
        (low, high) = (low.min(1.0 / band), high.max(band));
        height += HEADING;
        for cell in rows_of(panel) {
            height += ROW;
            if let Some(ratio) = ratio_of(cell) {
                (low, high) = (low.min(ratio.interval.low), high.max(ratio.interval.high));
            }
        }
    }
    positive(low)?;
    positive(high)?;
    let baselines: Vec<&str> = panels
        .iter()
        .filter_map(|panel| Some(panel.baseline()?.entry.target.as_str()))
        .collect();
    let same = baselines.windows(2).all(|pair| pair[0] == pair[1]);
    let baseline = baselines
        .first()
        .filter(|_| same)
        .copied()
        .unwrap_or("its panel's baseline");
    let shared = Shared::of(panels.iter().copied());
    let all_with = shared
        .in_words()
        .map_or_else(String::new, |params| format!(" All targets have {params}."));
    let title = format!("Which targets are really faster or slower than {baseline}?{part}");
    let svg = canvas::draw(&title, height + 70, |canvas| {
        paint(canvas, panels, &shared, (low, high), height)
    })?;
    Some(Chart {
        file: stem(&["ratios", suite]),
        suite: suite.to_owned(),
        panels: panels.iter().map(|panel| panel.entry.panel).collect(),
        title,
        about: format!(
            "Each target's rate over that of {baseline}, paired slice by slice, with its 95 % bootstrap interval; right \
             of 1 is faster; the scale is logarithmic. The grey band is the A/A noise, the same table measured twice: \
             what touches it is no difference.{all_with}"
        ),
        svg,
    })
}

fn paint(
    canvas: &mut Canvas<'_>,
    panels: &[&PanelSummary],
    shared: &Shared,
    (low, high): (f64, f64),
    height: i32,
) -> Drawn {
    let labels = panels.iter().flat_map(|panel| {
        rows_of(panel).map(|cell| text_width(&shared.without(&panel.label(cell))))
    });
    let left = labels.max().unwrap_or(0).clamp(100, WIDEST_LABEL) + 36;
    let frame = Frame {
        left,
        top: 8,
        width: WIDTH - left - 190,
        height,
    };
    let x = Axis::log(low, high, 12, "rate over the baseline's, times");
    let plot = canvas.plot(frame, &x, &Axis::bare(0.0, 1.0))?;
    let at = |ratio: f64| pixel(&plot, (x.within(ratio), 0.0)).0;
    let mut top = frame.top;
    for panel in panels {
        let rows = i32::try_from(rows_of(panel).count()).unwrap_or(0);
        let bottom = top + HEADING + rows * ROW;
        canvas.text(
            &clip(&place_of(&panel.entry), 420),
            (12, top + HEADING / 2 + 2),
            Align::Left,
            Tone::Muted,
        )?;
        band(canvas, panel, &at, (top + HEADING - 4, bottom))?;
        canvas.line(
            &[(at(1.0), top + HEADING - 4), (at(1.0), bottom)],
            Tone::Ink.colour(),
            1,
        )?;
        let mut y = top + HEADING;
        for cell in rows_of(panel) {
            let short = shared.without(&panel.label(cell));
            one(canvas, (panel, cell), &short, &at, (left, y))?;
            y += ROW;
        }
        top = bottom;
    }
    Ok(())
}

/// The A/A band. A panel without a twin is held against the worst band of the others.
fn band(
    canvas: &mut Canvas<'_>,
    panel: &PanelSummary,
    at: &impl Fn(f64) -> i32,
    (top, bottom): (i32, i32),
) -> Drawn {
    let Some(edge) = positive(panel.noise_band.exp()).filter(|edge| *edge > 1.0) else {
        return Ok(());
    };
    let (from, to) = (at(1.0 / edge), at(edge));
    canvas.rectangle(
        (from, top),
        (to, bottom),
        Tone::Band.colour().mix(0.6).filled(),
    )?;
    let whose = if panel.noise_floor.is_some() {
        ""
    } else {
        ", from the noisiest other panel"
    };
    let text = format!("A/A noise ±{}{whose}", noise(panel.noise_band));
    canvas.hover((from.min(to - 4), top), (to, bottom), &text);
    Ok(())
}

fn one(
    canvas: &mut Canvas<'_>,
    (panel, cell): (&PanelSummary, &CellSummary),
    short: &str,
    at: &impl Fn(f64) -> i32,
    (left, top): (i32, i32),
) -> Drawn {
    let middle = top + ROW / 2;
    let label = panel.label(cell);
    canvas.text(
        &clip(short, WIDEST_LABEL),
        (left - 12, middle),
        Align::Right,
        Tone::Ink,
    )?;
    let Some(ratio) = ratio_of(cell).filter(|_| cell.error.is_none()) else {
        let why = cell.error.as_deref().unwrap_or("no figures");
        return canvas.failure(&label, why, (at(1.0), WIDTH), (top, top + ROW));
    };
    let within = ratio.interval;
    let style = Style::of(&cell.entry);
    canvas.interval((at(within.low), at(within.high)), middle, style.fill(), 2)?;
    canvas.mark((at(within.mid), middle), style)?;
    canvas.text(
        &times(within.mid),
        (WIDTH - 106, middle),
        Align::Right,
        Tone::Ink,
    )?;
    canvas.text(
        word(cell.verdict),
        (WIDTH - 98, middle),
        Align::Left,
        Tone::Muted,
    )?;
    let text = format!(
        "{label}: {} of the baseline's rate ({}), {} pairs: {}",
        times_within(&within),
        changes(within.low, within.high),
        ratio.pairs,
        word(cell.verdict)
    );
    canvas.hover((0, top), (WIDTH, top + ROW), &text);
    Ok(())
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Faster => "faster",
        Verdict::Slower => "slower",
        Verdict::NoDifference => "no difference",
        _ => "undecided",
    }
}
