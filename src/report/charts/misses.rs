//! Workloads under budgets: what is missed, and what an operation costs in the end.

use super::axis::Axis;
use super::palette::{Ink, Style, Tone};
use super::shape::{Names, Plot, Point, Series, Shape, Single};
use super::suite::{Draft, Suite, extremes, gather, numbers, stem};
use crate::base::{ByteCount, Nanoseconds};
use crate::record::MissRow;
use crate::report::format::{counted, figure};
use crate::report::summary::{CellSummary, PanelSummary};

/// A workload's panels, one for each budget.
struct Group<'s> {
    workload: &'s str,
    threads: u32,
    panels: Vec<&'s PanelSummary>,
    simulated: Vec<&'s MissRow>,
}

pub(super) fn charts(suite: &Suite<'_>, simulated: &[MissRow]) -> Vec<Draft> {
    let mut groups = Vec::new();
    for &panel in &suite.panels {
        if panel.entry.budget.is_some() {
            let shared = (
                panel.entry.threads,
                (panel.entry.batch, panel.entry.between, panel.entry.asked()),
            );
            gather(&mut groups, (panel.plain_workload(), shared), panel);
        }
    }
    let group = |((workload, (threads, _)), panels)| {
        let own = |row: &&MissRow| row.suite == suite.name && row.workload == workload;
        Group {
            workload,
            threads,
            panels,
            simulated: simulated.iter().filter(own).collect(),
        }
    };
    let groups = groups.into_iter().map(group);
    let charts =
        groups.flat_map(|group| [group.miss_ratios(suite.name), group.effective(suite.name)]);
    charts.flatten().collect()
}

impl Group<'_> {
    fn miss_ratios(&self, suite: &str) -> Option<Draft> {
        let mut series = self.series(|_, cell| {
            let ratio = 100.0 * cell.miss_ratio()?;
            let evicted = cell.evicted.map_or(String::new(), |evicted| {
                format!(", {} entries evicted", evicted.count())
            });
            let said = format!("{} % of lookups miss{evicted}", figure(ratio));
            Some((ratio, said))
        });
        if series.is_empty() {
            return None;
        }
        let x = self.budget_axis();
        let muted = Ink::from(Tone::Muted);
        let curves = [
            ("exact LRU", self.curve("lru", &x), muted),
            ("Belady's rule", self.curve("belady", &x), muted.dashed()),
        ];
        let curves = curves.into_iter().filter(|(_, points, _)| points.len() > 1);
        let curves =
            curves.map(|(name, points, ink)| Series::curve(ink, 2, points).named(name, ""));
        let mut all: Vec<Series> = curves.collect();
        let about_curves = if all.is_empty() {
            "LRU and Belady's rule were not simulated: the page gives the reason in its list of \
             what was not measured."
        } else {
            "The grey lines are simulations: exact LRU and, dashed, Belady's rule, which knows \
             the future (the optimum for values of one size, nearly so for others). They count \
             the bytes of keys and values alone, so a table's own bytes add to its distance from \
             them."
        };
        all.append(&mut series);
        let largest = all.iter().flat_map(|series| &series.points);
        let largest = largest.map(|point| point.y).fold(0.0, f64::max);
        Some(Draft {
            title: format!(
                "How many lookups of {} miss under each memory budget{}?",
                self.workload,
                self.by_threads()
            ),
            about: format!(
                "Measured points by target over a logarithmic axis of budgets. A budget covers \
                 all that a table holds: entries with headers, buckets, locks. {about_curves} \
                 Evictions are CLOCK over buckets in every target."
            ),
            ..self.draft(
                &["misses", suite],
                Plot::new(x, Axis::from_zero(largest, 7, "lookups that miss, %"), all),
            )
        })
    }

    fn effective(&self, suite: &str) -> Option<Draft> {
        let mut origins = self.panels.iter().filter_map(|panel| panel.entry.origin_ns);
        let origin = Nanoseconds(origins.next()?);
        let series = self.series(|panel, cell| {
            let whole = panel.effective_ns(cell)? / 1e3;
            let said = format!(
                "{} µs an operation: {} ns in the table, {} % of operations to the origin",
                figure(whole),
                figure(cell.ns_per_op?.mid),
                figure(100.0 * cell.origin_share()?),
            );
            Some((whole, said))
        });
        let points = series.iter().flat_map(|series| &series.points);
        let (_, largest) = extremes(points.map(|point| point.y))?;
        let y = Axis::from_zero(largest, 7, "effective latency, µs an operation");
        Some(Draft {
            title: format!(
                "How long does an operation of {} take when a miss costs {origin}{}?",
                self.workload,
                self.by_threads()
            ),
            about: format!(
                "Effective latency over a logarithmic axis of budgets: the measured median time \
                 an operation, plus the share of operations that miss × the {origin} that the \
                 workload states for its origin. The origin was not measured, and no time in \
                 queues is included."
            ),
            ..self.draft(
                &["latency", suite],
                Plot::new(self.budget_axis(), y, series),
            )
        })
    }

    /// A chart without title and explanation. Lines meet where a budget holds everything: their names
    /// are in a list.
    fn draft(&self, words: &[&str; 2], plot: Plot) -> Draft {
        Draft {
            file: stem(&[words[0], words[1], self.workload, &self.threads.to_string()]),
            panels: numbers(self.panels.iter().copied()),
            title: String::new(),
            about: String::new(),
            shape: Shape::Plot(Single {
                names: Names::Listed,
                ..Single::new(plot)
            }),
        }
    }

    /// The ranked cells by target, with a figure each and what is said of it.
    fn series(
        &self,
        figure_of: impl Fn(&PanelSummary, &CellSummary) -> Option<(f64, String)>,
    ) -> Vec<Series> {
        let mut lines: Vec<((Style, String), Vec<Point>)> = Vec::new();
        for panel in &self.panels {
            let Some(budget) = panel.entry.budget else {
                continue;
            };
            for cell in panel.cells.iter().filter(|cell| cell.ranked()) {
                if let Some((value, said)) = figure_of(panel, cell) {
                    let label = panel.label(cell);
                    let hover = format!("{label} in {} bytes: {said}", ByteCount(budget));
                    let point = Point::new(budget as f64, value).says(hover);
                    gather(&mut lines, (Style::of(cell), label), point);
                }
            }
        }
        let series = lines.into_iter().map(|((style, label), mut points)| {
            points.sort_by(|a, b| a.x.total_cmp(&b.x));
            Series::marked(style, style.line(), points).named(label, "")
        });
        series.collect()
    }

    fn budget_axis(&self) -> Axis {
        let budgets = self.panels.iter().filter_map(|panel| panel.entry.budget);
        let mut budgets: Vec<u64> = budgets.collect();
        budgets.sort_unstable();
        budgets.dedup();
        let ends = (budgets[0] as f64, budgets[budgets.len() - 1] as f64);
        let ticks = budgets
            .iter()
            .map(|&b| (b as f64, ByteCount(b).to_string()));
        Axis::log(ends.0, ends.1, 1, "budget in bytes").with_ticks(ticks)
    }

    /// A policy's curve: budgets that have a place on the axis, rising, and percent of lookups that
    /// miss.
    fn curve(&self, policy: &str, x: &Axis) -> Vec<(f64, f64)> {
        let rows = self.simulated.iter().filter(|row| row.policy == policy);
        let rows = rows.filter(|row| row.requests > 0);
        let points = rows.map(|row| {
            let ratio = 100.0 * row.misses as f64 / row.requests as f64;
            (row.budget_bytes as f64, ratio)
        });
        let mut points: Vec<(f64, f64)> = points.filter(|(budget, _)| x.holds(*budget)).collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        points
    }

    fn by_threads(&self) -> String {
        if self.threads == 1 {
            String::new()
        } else {
            format!(" by {}", counted(self.threads.into(), "thread"))
        }
    }
}
