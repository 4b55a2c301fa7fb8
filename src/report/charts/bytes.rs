//! Bytes an entry by kind, and the gap between what tables claim and what the process holds.

use plotters::style::Color;

use super::axis::Axis;
use super::canvas::{self, Align, Canvas, Drawn, Frame, WIDTH, clip, pixel, text_width};
use super::palette::Tone;
use super::structure::{KINDS, Structure, Structures};
use super::{Chart, Suite, positive, stem, table_of};
use crate::report::format::{counted, figure};
use crate::report::summary::CellSummary;

const ROW: i32 = 26;
const BAR: i32 = 16;
/// Bars in a chart.
const MOST_ROWS: usize = 40;

/// One table's bytes an entry.
struct Row<'s> {
    cell: &'s CellSummary,
    label: String,
    kinds: [f64; KINDS.len()],
    resident: Option<f64>,
}

impl Row<'_> {
    fn claimed(&self) -> f64 {
        self.kinds.iter().sum()
    }

    fn end(&self) -> f64 {
        self.resident.unwrap_or(0.0).max(self.claimed())
    }
}

pub(super) fn charts(suite: &Suite<'_>, structures: &Structures<'_>, charts: &mut Vec<Chart>) {
    let (mut rows, panels) = choose(suite, structures);
    let largest = rows.iter().map(Row::end).fold(0.0, f64::max);
    if positive(largest).is_none() {
        return;
    }
    let left_out = rows.len().saturating_sub(MOST_ROWS);
    rows.truncate(MOST_ROWS);
    let title = "How many bytes does an entry take, and what for?".to_owned();
    let mut about = "Bars from 0: bytes an entry that the table's census claims, by kind; the hollow part reaches to \
                     the growth of the process's resident memory (RSS) over the entries, marked by a stroke: what \
                     allocator and pages add. Each table once, where it was measured first."
        .to_owned();
    if left_out > 0 {
        about += &format!(" {} more not shown.", counted(left_out as u64, "table"));
    }
    let height = ROW * i32::try_from(rows.len()).unwrap_or(1);
    let svg = canvas::draw(&title, height + 90, |canvas| {
        paint(canvas, &rows, largest, height)
    });
    charts.extend(svg.map(|svg| Chart {
        file: stem(&["bytes", suite.name]),
        suite: suite.name.to_owned(),
        panels,
        title,
        about,
        svg,
    }));
}

/// Each table once for every size of its entries, named by its workload where it comes again.
fn choose<'s>(suite: &Suite<'s>, structures: &Structures<'_>) -> (Vec<Row<'s>>, Vec<u32>) {
    let mut rows: Vec<Row<'_>> = Vec::new();
    let (mut seen, mut panels) = (Vec::new(), Vec::new());
    for &panel in &suite.panels {
        // Of several budgets the largest: in a small one a table's own bytes count for most.
        let same = suite
            .panels
            .iter()
            .filter(|other| other.plain_workload() == panel.plain_workload());
        let largest = same.filter_map(|other| other.entry.budget).max();
        if panel.entry.budget.is_some() && panel.entry.budget < largest {
            continue;
        }
        for cell in panel.cells.iter().filter(|cell| cell.ranked()) {
            let structure = structures.get(cell.entry.cell_id.as_str());
            let counted = structure.and_then(Structure::per_entry);
            let failed = cell.error.is_some();
            let nothing = failed.then_some([0.0; KINDS.len()]);
            let Some(kinds) = nothing.or(counted) else {
                continue;
            };
            // Entries of other sizes are another question; a byte is within what keys vary.
            let payload = (kinds[0] + kinds[1]).round().to_bits();
            let table = (table_of(cell), panel.entry.entries, payload, failed);
            if seen.contains(&table) {
                continue;
            }
            let mut label = panel.label(cell);
            if rows.iter().any(|row| row.label == label) {
                label = format!("{label}, {}", panel.entry.workload);
            }
            seen.push(table);
            panels.push(panel.entry.panel);
            rows.push(Row {
                cell,
                label,
                kinds,
                resident: cell.bytes_per_entry.and_then(positive),
            });
        }
    }
    panels.dedup();
    (rows, panels)
}

fn paint(canvas: &mut Canvas<'_>, rows: &[Row<'_>], largest: f64, height: i32) -> Drawn {
    legend(canvas)?;
    let widest = rows.iter().map(|row| text_width(&row.label)).max();
    let left = widest.unwrap_or(0).clamp(60, 260) + 20;
    let frame = Frame {
        left,
        top: 34,
        width: WIDTH - left - 150,
        height,
    };
    let x = Axis::from_zero(largest, 6, "bytes an entry");
    let plot = canvas.plot(frame, &x, &Axis::bare(0.0, 1.0))?;
    let at = |bytes: f64| pixel(&plot, (x.within(bytes), 0.0)).0;
    let mut top = frame.top;
    for row in rows {
        one(canvas, row, &at, (left, top))?;
        top += ROW;
    }
    canvas.line(&[(left, frame.top), (left, top)], Tone::Ink.colour(), 1)
}

fn legend(canvas: &Canvas<'_>) -> Drawn {
    let mut x = 20;
    for (kind, (_, name)) in KINDS.iter().enumerate() {
        canvas.rectangle((x, 6), (x + 12, 18), Tone::of_kind(kind).filled())?;
        canvas.text(name, (x + 18, 12), Align::Left, Tone::Ink)?;
        x += text_width(name) + 44;
    }
    canvas.rectangle((x, 6), (x + 12, 18), Tone::Muted.colour().stroke_width(1))?;
    canvas.line(&[(x + 12, 4), (x + 12, 20)], Tone::Ink.colour(), 2)?;
    canvas.text("gap to RSS", (x + 20, 12), Align::Left, Tone::Ink)
}

fn one(
    canvas: &mut Canvas<'_>,
    row: &Row<'_>,
    at: &impl Fn(f64) -> i32,
    (left, top): (i32, i32),
) -> Drawn {
    let middle = top + ROW / 2;
    let (upper, lower) = (middle - BAR / 2, middle + BAR / 2);
    canvas.text(
        &clip(&row.label, 260),
        (left - 8, middle),
        Align::Right,
        Tone::Ink,
    )?;
    if let Some(error) = &row.cell.error {
        return canvas.failure(&row.label, error, (left, WIDTH), (top, top + ROW));
    }
    let mut from = 0.0;
    for (kind, bytes) in row.kinds.iter().enumerate() {
        let to = from + bytes;
        if at(to) > at(from) {
            canvas.rectangle(
                (at(from), upper),
                (at(to), lower),
                Tone::of_kind(kind).filled(),
            )?;
            let text = format!(
                "{}: {} bytes an entry of {}",
                row.label,
                figure(*bytes),
                KINDS[kind].1
            );
            canvas.hover((at(from), top), (at(to), top + ROW), &text);
        }
        from = to;
    }
    let claimed = row.claimed();
    let mut words = format!("{} B", figure(claimed));
    if let Some(resident) = row.resident {
        let gap = resident - claimed;
        if gap > 0.0 {
            canvas.rectangle(
                (at(claimed), upper),
                (at(resident), lower),
                Tone::Muted.colour().stroke_width(1),
            )?;
        }
        canvas.line(
            &[(at(resident), upper - 3), (at(resident), lower + 3)],
            Tone::Ink.colour(),
            2,
        )?;
        let text = format!(
            "{}: {} bytes an entry resident, {} claimed by the census, {} between",
            row.label,
            figure(resident),
            figure(claimed),
            figure(gap)
        );
        canvas.hover(
            (at(claimed.min(resident)), top),
            (at(row.end()).max(at(claimed) + 8), top + ROW),
            &text,
        );
        words = format!("{} B, RSS {} B", figure(claimed), figure(resident));
    }
    canvas.text(&words, (at(row.end()) + 8, middle), Align::Left, Tone::Ink)
}
