//! Throughput against the number of buckets, with the cost model of a chained table beside it.

use super::axis::{Axis, amount};
use super::canvas::{self, Align, Canvas, Drawn, Frame, Plot, WIDTH, clip, pixel};
use super::labels::Labels;
use super::palette::{Style, Tone};
use super::structure::Structures;
use super::{Chart, Suite, gather, load, positive, stem, workload_of};
use crate::base::{Spec, Value, human_integer};
use crate::report::format::{counted, figure, figure_within};
use crate::report::model::Model;
use crate::report::summary::{CellSummary, PanelSummary};

/// Bucket counts from which on targets are a sweep.
const POINTS_OF_A_SWEEP: usize = 3;
/// Points of a drawn model.
const MODEL_STEPS: u32 = 48;

/// Targets of a panel that differ in nothing but `buckets`.
pub(super) struct Sweep<'s> {
    pub panel: &'s PanelSummary,
    /// By bucket count, rising.
    pub points: Vec<(u64, &'s CellSummary)>,
    /// The parameters that all of them have, `buckets` left out.
    others: String,
}

impl Sweep<'_> {
    /// Whether a cell is one of its points.
    pub fn has(&self, cell: &CellSummary) -> bool {
        self.points
            .iter()
            .any(|(_, point)| point.entry.cell_id == cell.entry.cell_id)
    }

    /// The cells of the smallest, the middle and the largest bucket count.
    pub fn telling(&self) -> [&CellSummary; 3] {
        let last = self.points.len() - 1;
        [0, last / 2, last].map(|at| self.points[at].1)
    }
}

/// The sweeps over `buckets` in a panel, whatever their cells came to.
pub(super) fn sweeps(panel: &PanelSummary) -> Vec<Sweep<'_>> {
    let mut groups = Vec::new();
    for cell in panel.cells.iter().filter(|cell| cell.ranked()) {
        let Ok(mut spec) = cell.entry.target_full.parse::<Spec>() else {
            continue;
        };
        let Some(at) = spec.params.iter().position(|(name, _)| name == "buckets") else {
            continue;
        };
        let (_, Value::Integer(buckets)) = spec.params.remove(at) else {
            continue;
        };
        let others = spec
            .params
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        let others = others.collect::<Vec<_>>().join(",");
        let key = (
            cell.entry.strategy.as_str(),
            (
                cell.entry.hash.as_str(),
                cell.entry.allocator,
                cell.entry.pages,
            ),
            others,
        );
        if buckets > 0 {
            gather(&mut groups, key, (buckets, cell));
        }
    }
    let sweeps = groups.into_iter().map(|((.., others), mut points)| {
        points.sort_by_key(|(buckets, _)| *buckets);
        Sweep {
            panel,
            points,
            others,
        }
    });
    sweeps
        .filter(|sweep| sweep.points.len() >= POINTS_OF_A_SWEEP)
        .collect()
}

pub(super) fn charts(suite: &Suite<'_>, structures: &Structures<'_>, charts: &mut Vec<Chart>) {
    let mut groups: Vec<((String, u64), Vec<Line<'_>>)> = Vec::new();
    for &panel in &suite.panels {
        for sweep in sweeps(panel) {
            let key = (workload_of(panel), panel.entry.entries);
            gather(&mut groups, key, Line::new(sweep, structures));
        }
    }
    for (_, lines) in &mut groups {
        tell_apart(lines);
    }
    let mut by_load: Vec<(String, Vec<Line<'_>>)> = Vec::new();
    for ((workload, _), lines) in groups {
        charts.extend(chart(suite.name, &workload, &lines));
        for line in lines {
            gather(&mut by_load, workload.clone(), line);
        }
    }
    for (workload, lines) in by_load {
        charts.extend(load::chart(suite.name, &workload, lines));
    }
}

/// A sweep as it is drawn.
pub(super) struct Line<'s> {
    pub sweep: Sweep<'s>,
    pub label: String,
    pub style: Style,
    pub model: Option<Model>,
}

/// Fits the cost model to a sweep of chains. What the harness costs is measured, not fitted.
fn fit(sweep: &Sweep<'_>, structures: &Structures<'_>) -> Option<Model> {
    let chained = sweep
        .points
        .iter()
        .any(|(_, cell)| cell.mean_walk.is_some());
    let items = sweep.points.iter().find_map(|(_, cell)| {
        let structure = structures.get(cell.entry.cell_id.as_str())?;
        positive(structure.in_chains().1)
    });
    let harness = sweep.panel.harness.as_ref();
    Model::fit(
        items.filter(|_| chained)?,
        harness.map_or(0.0, |floor| floor.floor_ns),
        measured(sweep),
    )
}

/// Bucket counts and nanoseconds an operation.
pub(super) fn measured(sweep: &Sweep<'_>) -> impl Iterator<Item = (f64, f64)> {
    sweep
        .points
        .iter()
        .filter_map(|(buckets, cell)| Some((*buckets as f64, positive(cell.ns_per_op?.mid)?)))
}

impl<'s> Line<'s> {
    fn new(sweep: Sweep<'s>, structures: &Structures<'_>) -> Line<'s> {
        let first = &sweep.points[0].1.entry;
        let threads = counted(u64::from(sweep.panel.entry.threads), "thread");
        Line {
            label: format!("{}, {threads}", first.strategy),
            style: Style::of(first),
            model: fit(&sweep, structures),
            sweep,
        }
    }
}

/// Lines that would have one label get what tells them apart, and lines of one colour other dashes.
fn tell_apart(lines: &mut [Line<'_>]) {
    let labels: Vec<String> = lines.iter().map(|line| line.label.clone()).collect();
    let colours: Vec<Style> = lines.iter().map(|line| line.style).collect();
    for (at, line) in lines.iter_mut().enumerate() {
        let same = labels.iter().filter(|label| **label == labels[at]).count();
        if same > 1 {
            let hash = &line.sweep.points[0].1.entry.hash;
            line.label = format!("{} {} {hash}", line.label, line.sweep.others);
        }
        let before = colours[..at].iter().filter(|style| **style == colours[at]);
        line.style = line.style.variant(before.count());
    }
}

fn chart(suite: &str, workload: &str, lines: &[Line<'_>]) -> Option<Chart> {
    let rates = || {
        let points = lines.iter().flat_map(|line| &line.sweep.points);
        points.filter_map(|(_, cell)| Some((positive(cell.rate?.low)?, positive(cell.rate?.high)?)))
    };
    if rates().count() < 2 {
        return None;
    }
    let ends = rates().fold((f64::INFINITY, 0.0_f64), |ends, (low, high)| {
        (ends.0.min(low), ends.1.max(high))
    });
    let one = lines.iter().all(|line| {
        line.sweep.points[0].1.entry.strategy == lines[0].sweep.points[0].1.entry.strategy
    });
    let who = if one {
        lines[0].sweep.points[0].1.entry.strategy.as_str()
    } else {
        "each strategy"
    };
    let title = format!(
        "How does the throughput of {who} depend on the number of buckets under {workload}?"
    );
    let mut about = "Both axes are logarithmic: median operations a second over all threads, whiskers are 95 % \
                     bootstrap intervals, the dotted grey line is the harness floor where it is on the scale."
        .to_owned();
    if let Some(model) = lines.iter().find_map(|line| line.model.as_ref()) {
        about += &format!(
            " The dashed grey line is the cost model: a lookup walks α/2 + 1 entries, α being entries a bucket, \
             each for the same time, here {} ns by a least-squares fit of relative errors on top of the harness's {} ns.",
            figure(model.step_ns),
            figure(model.base_ns)
        );
    }
    let mut panels: Vec<u32> = lines
        .iter()
        .map(|line| line.sweep.panel.entry.panel)
        .collect();
    panels.dedup();
    let svg = canvas::draw(&title, 400, |canvas| paint(canvas, lines, ends))?;
    Some(Chart {
        file: stem(&["buckets", suite, workload]),
        suite: suite.to_owned(),
        panels,
        title,
        about,
        svg,
    })
}

fn paint(canvas: &mut Canvas<'_>, lines: &[Line<'_>], (low, high): (f64, f64)) -> Drawn {
    let mut counts: Vec<u64> = lines
        .iter()
        .flat_map(|line| line.sweep.points.iter().map(|(buckets, _)| *buckets))
        .collect();
    counts.sort_unstable();
    counts.dedup();
    let (fewest, most) = (counts[0] as f64, counts[counts.len() - 1] as f64);
    // As many ticks as have room.
    let every = counts.len().div_ceil(12);
    let ticks = counts
        .iter()
        .step_by(every)
        .map(|&n| (n as f64, human_integer(n)));
    let x = Axis::log(fewest, most, 1, "buckets").with_ticks(ticks);
    let failed: Vec<String> = failures(lines);
    let below = 18 * i32::try_from(failed.len()).unwrap_or(0);
    let frame = Frame {
        left: 84,
        top: 14,
        width: WIDTH - 84 - 170,
        height: 330 - below,
    };
    for (at, text) in (0..).zip(&failed) {
        canvas.text(
            text,
            (16, 400 - below + 18 * at + 6),
            Align::Left,
            Tone::Ink,
        )?;
    }
    let y = Axis::log(low, high, 12, "operations a second");
    let plot = canvas.plot(frame, &x, &y)?;
    floors(canvas, &plot, lines, (&x, &y), frame)?;
    let mut labels = Labels::new(frame);
    for line in lines {
        draw_line(canvas, &plot, line, (&x, &y), &mut labels)?;
    }
    labels.draw(canvas)
}

/// `fixed:buckets=2^8: failed`, at most three of them.
fn failures(lines: &[Line<'_>]) -> Vec<String> {
    let points = lines.iter().flat_map(|line| &line.sweep.points);
    let failed = points.filter(|(_, cell)| cell.error.is_some());
    failed
        .take(3)
        .map(|(_, cell)| format!("{}: failed", clip(&cell.entry.target, 600)))
        .collect()
}

fn floors(
    canvas: &mut Canvas<'_>,
    plot: &Plot<'_>,
    lines: &[Line<'_>],
    (x, y): (&Axis, &Axis),
    frame: Frame,
) -> Drawn {
    let mut seen = Vec::new();
    for line in lines {
        let panel = line.sweep.panel;
        let Some(floor) = panel
            .harness
            .as_ref()
            .filter(|_| !seen.contains(&panel.entry.panel))
        else {
            continue;
        };
        seen.push(panel.entry.panel);
        let rate = f64::from(panel.entry.threads) * 1e9 / floor.floor_ns;
        let (low, high) = y.range();
        if positive(rate).is_none_or(|rate| !(low..=high).contains(&y.at(rate))) {
            continue;
        }
        let height = pixel(plot, (x.range().0, y.at(rate))).1;
        let ends = [(frame.left, height), (frame.left + frame.width, height)];
        canvas.line(&ends, Tone::Muted.dotted(), 1)?;
        let text = format!("harness floor {}/s", amount(rate));
        canvas.text(
            &text,
            (frame.left + 6, height - 9),
            Align::Left,
            Tone::Muted,
        )?;
        canvas.hover(
            (frame.left, height - 4),
            (frame.left + frame.width, height + 4),
            &text,
        );
    }
    Ok(())
}

fn draw_line(
    canvas: &mut Canvas<'_>,
    plot: &Plot<'_>,
    line: &Line<'_>,
    (x, y): (&Axis, &Axis),
    labels: &mut Labels,
) -> Drawn {
    let threads = f64::from(line.sweep.panel.entry.threads);
    let place = |buckets: f64, rate: f64| pixel(plot, (x.at(buckets), y.within(rate)));
    if let Some(model) = &line.model {
        let (from, to) = (
            x.at(line.sweep.points[0].0 as f64),
            x.at(line.sweep.points[line.sweep.points.len() - 1].0 as f64),
        );
        let curve: Vec<(i32, i32)> = (0..=MODEL_STEPS)
            .map(|step| from + (to - from) * f64::from(step) / f64::from(MODEL_STEPS))
            .map(|at| 10_f64.powf(at))
            .map(|buckets| place(buckets, threads * 1e9 / model.ns(buckets)))
            .collect();
        canvas.line(&curve, Tone::Muted.dashed(), 2)?;
        labels.add(
            curve[curve.len() - 1].1,
            "model: α/2 + 1 steps",
            Tone::Muted,
        );
    }
    let mut path = Vec::new();
    for (buckets, cell) in &line.sweep.points {
        let Some(rate) = cell.rate.filter(|rate| positive(rate.low).is_some()) else {
            continue;
        };
        let at = place(*buckets as f64, rate.mid);
        path.push(at);
        let ends = (
            place(*buckets as f64, rate.low).1,
            place(*buckets as f64, rate.high).1,
        );
        canvas.line(&[(at.0, ends.0), (at.0, ends.1)], Tone::Ink.colour(), 1)?;
        for end in [ends.0, ends.1] {
            canvas.line(&[(at.0 - 4, end), (at.0 + 4, end)], Tone::Ink.colour(), 1)?;
        }
        let walk = cell.mean_walk.map_or(String::new(), |walk| {
            format!("; a lookup walks {} entries by the census", figure(walk))
        });
        let ns = cell.ns_per_op.map_or(String::new(), |ns| {
            format!("; {} ns an operation", figure(ns.mid))
        });
        let model = line.model.as_ref().map_or(String::new(), |model| {
            format!(", the model says {} ns", figure(model.ns(*buckets as f64)))
        });
        let rate = figure_within(&rate.map(|rate| rate / 1e6));
        let text = format!(
            "{}, {}, {} buckets: {rate} M operations a second{ns}{model}{walk}",
            line.sweep.panel.label(cell),
            counted(u64::from(line.sweep.panel.entry.threads), "thread"),
            human_integer(*buckets)
        );
        canvas.hover_point(at, &text);
    }
    canvas.line(&path, line.style.line(), 2)?;
    for at in &path {
        canvas.mark(*at, line.style)?;
    }
    if let Some(last) = path.last() {
        labels.add(last.1, &line.label, Tone::Ink);
    }
    Ok(())
}
