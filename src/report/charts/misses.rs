//! Workloads under budgets: what is missed, and what an operation costs in the end.

use plotters::style::RGBColor;

use super::axis::Axis;
use super::canvas::{self, Align, Canvas, Drawn, Frame, WIDTH, clip, pixel};
use super::palette::{Style, Tone};
use super::{Chart, Suite, gather, positive, stem};
use crate::base::ByteCount;
use crate::record::MissRow;
use crate::report::format::{counted, figure};
use crate::report::summary::{CellSummary, PanelSummary};

/// What the curve of LRU is called.
const LRU: &str = "exact LRU";

/// A workload's panels, one for each budget.
struct Group<'s> {
    workload: &'s str,
    threads: u32,
    panels: Vec<&'s PanelSummary>,
    simulated: Vec<&'s MissRow>,
}

/// One target: a point for each budget.
struct Line<'s> {
    label: String,
    style: Style,
    /// Bytes of the budget, the figure, and what is said of it.
    points: Vec<(f64, f64, String)>,
    first: &'s CellSummary,
}

pub(super) fn charts(suite: &Suite<'_>, simulated: &[MissRow], charts: &mut Vec<Chart>) {
    let mut groups = Vec::new();
    for &panel in suite
        .panels
        .iter()
        .filter(|panel| panel.entry.budget.is_some())
    {
        let key = (
            panel.plain_workload(),
            panel.entry.threads,
            panel.entry.batch,
        );
        gather(&mut groups, key, panel);
    }
    for ((workload, threads, _), panels) in groups {
        let own = |row: &&MissRow| row.suite == suite.name && row.workload == workload;
        let group = Group {
            workload,
            threads,
            panels,
            simulated: simulated.iter().filter(own).collect(),
        };
        charts.extend(miss_ratios(suite.name, &group));
        charts.extend(effective(suite.name, &group));
    }
}

impl<'s> Group<'s> {
    /// The ranked cells by target, with a figure each.
    fn lines(
        &self,
        figure_of: impl Fn(&PanelSummary, &CellSummary) -> Option<(f64, String)>,
    ) -> Vec<Line<'s>> {
        let mut lines: Vec<Line<'s>> = Vec::new();
        for &panel in &self.panels {
            let Some(budget) = panel.entry.budget else {
                continue;
            };
            for cell in panel.cells.iter().filter(|cell| cell.ranked()) {
                let Some((value, said)) = figure_of(panel, cell) else {
                    continue;
                };
                let label = panel.label(cell);
                let said = format!("{label} in {} bytes: {said}", ByteCount(budget));
                let point = (budget as f64, value, said);
                match lines.iter_mut().find(|line| line.label == label) {
                    Some(line) => line.points.push(point),
                    None => lines.push(Line {
                        label,
                        style: Style::of(&cell.entry),
                        points: vec![point],
                        first: cell,
                    }),
                }
            }
        }
        let strategies: Vec<String> = lines
            .iter()
            .map(|line| line.first.entry.strategy.clone())
            .collect();
        for (at, line) in lines.iter_mut().enumerate() {
            line.points.sort_by(|a, b| a.0.total_cmp(&b.0));
            // The same strategy with other parameters has another dash.
            let same = strategies[..at]
                .iter()
                .filter(|name| **name == strategies[at]);
            line.style = line.style.variant(same.count());
        }
        lines
    }

    fn budget_axis(&self) -> Axis {
        let mut budgets: Vec<u64> = self.panels.iter().filter_map(|p| p.entry.budget).collect();
        budgets.sort_unstable();
        budgets.dedup();
        let ends = (budgets[0] as f64, budgets[budgets.len() - 1] as f64);
        let ticks = budgets
            .iter()
            .map(|&b| (b as f64, ByteCount(b).to_string()));
        Axis::log(ends.0, ends.1, 1, "budget in bytes").with_ticks(ticks)
    }

    fn numbers(&self) -> Vec<u32> {
        self.panels.iter().map(|panel| panel.entry.panel).collect()
    }

    fn threads(&self) -> String {
        if self.threads == 1 {
            String::new()
        } else {
            format!(" by {}", counted(self.threads.into(), "thread"))
        }
    }
}

const FRAME: Frame = Frame {
    left: 84,
    top: 14,
    width: WIDTH - 84 - 190,
    height: 320,
};
const HEIGHT: i32 = 390;

fn miss_ratios(suite: &str, group: &Group<'_>) -> Option<Chart> {
    let lines = group.lines(|_, cell| {
        let ratio = 100.0 * cell.miss_ratio()?;
        let evicted = cell.evicted.map_or(String::new(), |evicted| {
            format!(", {} entries evicted", evicted.count())
        });
        Some((
            ratio,
            format!("{} % of lookups miss{evicted}", figure(ratio)),
        ))
    });
    if lines.is_empty() {
        return None;
    }
    let title = format!(
        "How many lookups of {} miss under each memory budget{}?",
        group.workload,
        group.threads()
    );
    let curves: Vec<(&str, Vec<(f64, f64)>)> = [(LRU, "lru"), ("Belady's rule", "belady")]
        .into_iter()
        .map(|(label, policy)| (label, group.curve(policy)))
        .filter(|(_, points)| points.len() > 1)
        .collect();
    let x = group.budget_axis();
    let measured = lines
        .iter()
        .flat_map(|line| &line.points)
        .map(|point| point.1);
    let simulated = curves.iter().flat_map(|(_, points)| points);
    let inside = |at: &&(f64, f64)| (x.range().0..=x.range().1).contains(&x.at(at.0));
    let largest = measured
        .chain(simulated.filter(inside).map(|point| point.1))
        .fold(0.0, f64::max);
    let y = Axis::from_zero(largest, 7, "lookups that miss, %");
    let svg = canvas::draw(&title, HEIGHT, |canvas| {
        let plot = canvas.plot(FRAME, &x, &y)?;
        for (label, points) in &curves {
            let colour = colour_of(label);
            let path: Vec<(i32, i32)> = points
                .iter()
                .filter(inside)
                .map(|&(budget, ratio)| pixel(&plot, (x.at(budget), y.within(ratio))))
                .collect();
            canvas.line(&path, colour, 2)?;
        }
        draw_lines(canvas, &lines, |budget, ratio| {
            pixel(&plot, (x.at(budget), y.within(ratio)))
        })?;
        let names: Vec<&str> = curves.iter().map(|(label, _)| *label).collect();
        legend(canvas, &lines, &names)
    })?;
    Some(Chart {
        file: stem(&["misses", suite, group.workload, &group.threads.to_string()]),
        suite: suite.to_owned(),
        panels: group.numbers(),
        title,
        about: format!(
            "Measured points by target over a logarithmic axis of budgets, which cover all that a table holds: \
             entries with headers, buckets, locks. {} Evictions are CLOCK over buckets in every target.",
            if curves.is_empty() {
                "What LRU and Belady's rule would miss is not known: the page says why where it lists what was \
                 not measured."
            } else {
                "The grey lines are simulated over the bytes of keys and values alone, so that a table's own \
                 bytes are part of its distance: exact LRU, and, dashed, Belady's rule, which knows the future \
                 (the optimum for values of one size, nearly so for others)."
            }
        ),
        svg,
    })
}

impl Group<'_> {
    /// A policy's curve: budgets, rising, and percent of lookups that miss.
    fn curve(&self, policy: &str) -> Vec<(f64, f64)> {
        let rows = self.simulated.iter().filter(|row| row.policy == policy);
        let mut points: Vec<(f64, f64)> = rows
            .filter(|row| row.requests > 0)
            .map(|row| {
                let ratio = 100.0 * row.misses as f64 / row.requests as f64;
                (row.budget_bytes as f64, ratio)
            })
            .collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        points
    }
}

fn effective(suite: &str, group: &Group<'_>) -> Option<Chart> {
    let origin_ns = group
        .panels
        .iter()
        .find_map(|panel| panel.entry.origin_ns)?;
    let lines = group.lines(|panel, cell| {
        let whole = panel.effective_ns(cell)? / 1e3;
        let said = format!(
            "{} µs an operation: {} ns in the table, {} % of operations to the origin",
            figure(whole),
            figure(cell.ns_per_op?.mid),
            figure(100.0 * cell.origin_share()?),
        );
        Some((whole, said))
    });
    let largest = lines
        .iter()
        .flat_map(|line| &line.points)
        .map(|point| point.1);
    let largest = positive(largest.fold(0.0, f64::max))?;
    let origin = crate::base::Nanoseconds(origin_ns);
    let title = format!(
        "What does an operation of {} take in the end, when a miss costs {origin}{}?",
        group.workload,
        group.threads()
    );
    let (x, y) = (
        group.budget_axis(),
        Axis::from_zero(largest, 7, "effective latency, µs an operation"),
    );
    let svg = canvas::draw(&title, HEIGHT, |canvas| {
        let plot = canvas.plot(FRAME, &x, &y)?;
        draw_lines(canvas, &lines, |budget, us| {
            pixel(&plot, (x.at(budget), y.within(us)))
        })?;
        legend(canvas, &lines, &[])
    })?;
    Some(Chart {
        file: stem(&["latency", suite, group.workload, &group.threads.to_string()]),
        suite: suite.to_owned(),
        panels: group.numbers(),
        title,
        about: format!(
            "Effective latency over a logarithmic axis of budgets: the measured median time an operation, plus the \
             part of operations that miss times the {origin} that the workload states for its origin. The origin was \
             not measured; time in queues is not in it."
        ),
        svg,
    })
}

fn draw_lines(
    canvas: &mut Canvas<'_>,
    lines: &[Line<'_>],
    place: impl Fn(f64, f64) -> (i32, i32),
) -> Drawn {
    for line in lines {
        let path: Vec<(i32, i32)> = line
            .points
            .iter()
            .map(|(budget, value, _)| place(*budget, *value))
            .collect();
        canvas.line(&path, line.style.line(), 2)?;
        for (at, (_, _, said)) in path.iter().zip(&line.points) {
            canvas.mark(*at, line.style)?;
            canvas.hover_point(*at, said);
        }
    }
    Ok(())
}

/// The colour of a simulated policy: drawn through for LRU, dashed for Belady's rule.
fn colour_of(policy: &str) -> RGBColor {
    if policy == LRU {
        Tone::Muted.colour()
    } else {
        Tone::Muted.dashed()
    }
}

/// What each line is. Not at the ends of the lines, which meet where a budget holds everything: in the
/// order of their first points, highest first.
fn legend(canvas: &Canvas<'_>, lines: &[Line<'_>], policies: &[&str]) -> Drawn {
    const STEP: i32 = 20;
    let left = FRAME.left + FRAME.width + 10;
    let mut sorted: Vec<&Line<'_>> = lines.iter().collect();
    sorted.sort_by(|a, b| b.points[0].1.total_cmp(&a.points[0].1));
    let mut height = FRAME.top + 10;
    let entry = |text: &str, height, tone| {
        let text = clip(text, WIDTH - left - 38);
        canvas.text(&text, (left + 34, height), Align::Left, tone)
    };
    for line in sorted {
        let ends = [(left, height), (left + 28, height)];
        canvas.line(&ends, line.style.line(), 2)?;
        canvas.mark((left + 14, height), line.style)?;
        entry(&line.label, height, Tone::Ink)?;
        height += STEP;
    }
    for policy in policies {
        let ends = [(left, height), (left + 28, height)];
        canvas.line(&ends, colour_of(policy), 2)?;
        entry(policy, height, Tone::Muted)?;
        height += STEP;
    }
    Ok(())
}
