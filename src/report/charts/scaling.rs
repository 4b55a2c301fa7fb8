//! Rates by threads: what more of them add, beside what they would add at best.

use super::axis::{Axis, amount};
use super::canvas::{self, Canvas, Drawn, Frame, WIDTH, pixel};
use super::labels::Labels;
use super::palette::{Style, Tone};
use super::{Chart, Suite, positive, stem};
use crate::report::format::{counted, figure, figure_within};
use crate::report::labels::workload_among;
use crate::report::scaling::{Group, Target, groups};
use crate::report::summary::{CellSummary, PanelSummary, Summary};
use crate::stats::Usl;

const HEIGHT: i32 = 400;
const FRAME: Frame = Frame {
    left: 84,
    top: 14,
    width: WIDTH - 84 - 226,
    height: HEIGHT - 14 - 56,
};
/// Points of a drawn law.
const LAW_STEPS: u32 = 32;

/// A target as it is drawn.
struct Line<'s> {
    label: String,
    /// What more threads made of its rate.
    grown: String,
    style: Style,
    points: Vec<(&'s PanelSummary, &'s CellSummary)>,
    law: Option<&'s Usl>,
}

pub(super) fn charts(suite: &Suite<'_>, summary: &Summary, charts: &mut Vec<Chart>) {
    for group in groups(suite.panels.iter().copied()) {
        charts.extend(chart(suite, &group, summary));
    }
}

fn chart(suite: &Suite<'_>, group: &Group<'_>, summary: &Summary) -> Option<Chart> {
    let lines: Vec<Line<'_>> = group
        .targets()
        .into_iter()
        .map(|target| line(target, summary))
        .collect();
    let highest = lines
        .iter()
        .flat_map(|line| &line.points)
        .filter_map(|(_, cell)| positive(cell.rate?.high))
        .fold(0.0, f64::max);
    let mut counts: Vec<u32> = group
        .panels
        .iter()
        .map(|panel| panel.entry.threads)
        .collect();
    counts.dedup();
    positive(highest)?;
    let workload = workload_among(&group.panels[0].entry, suite.panels.iter().copied());
    let title = format!("What do more threads add under {workload}?");
    let law = if lines.iter().any(|line| line.law.is_some()) {
        "Dashed: the Universal Scalability Law, fitted by least squares of relative errors to thread counts within \
         the machine's cores."
            .to_owned()
    } else {
        let why = group.why_no_law(&summary.manifest);
        let why = why.unwrap_or_else(|| "no target has figures at enough thread counts".to_owned());
        format!("The Universal Scalability Law is not fitted: {why}.")
    };
    let svg = canvas::draw(&title, HEIGHT, |canvas| {
        paint(canvas, &lines, &counts, highest)
    })?;
    Some(Chart {
        file: stem(&["scaling", suite.name, &workload]),
        suite: suite.name.to_owned(),
        panels: group.panels.iter().map(|panel| panel.entry.panel).collect(),
        title,
        about: format!(
            "Median operations a second over all threads, from 0; whiskers are 95 % bootstrap intervals. A label says \
             by which factor the rate grew from the fewest threads to the most, and by which the threads did. Thin \
             grey: every thread doing as much as at the fewest, for the target that does most there. {law}"
        ),
        svg,
    })
}

fn line<'s>((label, points): Target<'s>, summary: &'s Summary) -> Line<'s> {
    let (first, last) = (points[0], points[points.len() - 1]);
    let of_target = |law: &&crate::analysis::ScalingLaw| {
        law.panels.contains(&first.0.entry.panel) && law.cells.contains(&first.1.entry.cell_id)
    };
    let grown = match (first.1.rate, last.1.rate) {
        (Some(first), Some(last)) => figure(last.mid / first.mid),
        _ => "?".to_owned(),
    };
    let threads = f64::from(last.0.entry.threads) / f64::from(first.0.entry.threads);
    Line {
        label,
        grown: format!(": {grown}× by {threads}×"),
        style: Style::of(&first.1.entry),
        law: summary.laws.iter().find(of_target).map(|law| &law.fit),
        points,
    }
}

fn paint(canvas: &mut Canvas<'_>, lines: &[Line<'_>], counts: &[u32], highest: f64) -> Drawn {
    let most = f64::from(counts[counts.len() - 1]);
    let every = counts.len().div_ceil(12);
    let ticks = counts.iter().step_by(every);
    let x = Axis::from_zero(most, 1, "threads")
        .with_ticks(ticks.map(|&count| (f64::from(count), count.to_string())));
    let y = Axis::from_zero(highest, 6, "operations a second");
    let plot = canvas.plot(FRAME, &x, &y)?;
    let place = |threads: f64, rate: f64| pixel(&plot, (x.within(threads), y.within(rate)));
    ideal(canvas, lines, (most, y.range().1), &place)?;
    let mut labels = Labels::new(FRAME);
    for line in lines {
        if let (Some(law), Some(first)) = (line.law, line.points.first()) {
            let from = f64::from(first.0.entry.threads);
            let step = (most - from) / f64::from(LAW_STEPS);
            let curve: Vec<(i32, i32)> = (0..=LAW_STEPS)
                .map(|n| from + f64::from(n) * step)
                .map(|threads| place(threads, law.rate(threads)))
                .collect();
            canvas.line(&curve, line.style.dashed(), 1)?;
        }
        let mut path = Vec::new();
        for (panel, cell) in &line.points {
            let Some(rate) = cell.rate else { continue };
            let threads = f64::from(panel.entry.threads);
            let at = place(threads, rate.mid);
            let ends = (place(threads, rate.low).1, place(threads, rate.high).1);
            canvas.whiskers(at.0, ends, Tone::Ink.colour())?;
            path.push(at);
            let law = line.law.map_or(String::new(), |law| {
                format!("; the law says {} M", figure(law.rate(threads) / 1e6))
            });
            let text = format!(
                "{}, {}: {} M operations a second{law}",
                panel.label(cell),
                counted(u64::from(panel.entry.threads), "thread"),
                figure_within(&rate.map(|rate| rate / 1e6))
            );
            canvas.hover_point(at, &text);
        }
        canvas.line(&path, line.style.fill(), 2)?;
        for at in &path {
            canvas.mark(*at, line.style)?;
        }
        if let Some(last) = path.last() {
            labels.add_marked(last.1, (&line.label, &line.grown), line.style, false);
        }
    }
    labels.draw(canvas)
}

/// The line of a target whose threads are all worth as much as at the fewest: of the one that does most
/// there. It ends where it leaves the plot.
fn ideal(
    canvas: &mut Canvas<'_>,
    lines: &[Line<'_>],
    (most, top): (f64, f64),
    place: &impl Fn(f64, f64) -> (i32, i32),
) -> Drawn {
    let fewest = lines.iter().filter_map(|line| {
        let (panel, cell) = line.points.first()?;
        let threads = f64::from(panel.entry.threads);
        Some((threads, cell.rate?.mid / threads))
    });
    let best = fewest.max_by(|a, b| {
        (b.0, a.1)
            .partial_cmp(&(a.0, b.1))
            .unwrap_or(std::cmp::Ordering::Equal)
    });
    let Some((threads, each)) = best else {
        return Ok(());
    };
    let until = most.min(top / each);
    let ends = [place(threads, threads * each), place(until, until * each)];
    canvas.line(&ends, Tone::Muted.dotted(), 1)?;
    let text = format!("ideal: {}/s a thread", amount(each));
    canvas.hover_point(ends[1], &text);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{chart, drawn, has, texts, titles};
    use crate::analysis::synthetic::{Cell, Synthetic};
    use crate::record::Records;
    use crate::stats::Usl;

    /// A target that obeys the law at so many threads, beside one that scales fully.
    fn run(counts: &[u32], cores: &str) -> Records {
        let law = Usl {
            lambda: 1e7,
            sigma: 0.05,
            kappa: 0.002,
        };
        let panel = |run: Synthetic, &threads: &u32| {
            let ns = f64::from(threads) * 1e9 / law.rate(f64::from(threads));
            let cells = [
                Cell::new("fixed", 90.0).jitter(0.005),
                Cell::new("locked", ns).jitter(0.005),
            ];
            run.panel("ycsb-c", threads, &cells)
        };
        let mut records = counts.iter().fold(Synthetic::new(), panel).records();
        records
            .manifest
            .machine
            .insert("cpus_usable".into(), cores.into());
        records
    }

    #[test]
    fn four_thread_counts_within_the_cores_have_a_law() {
        let run = run(&[1, 2, 4, 8, 16], "8");
        let json = crate::report::json(&crate::analysis::Summary::of(&run));
        let law = &json["laws"][1];
        assert_eq!(law["target"], "locked");
        assert_eq!(law["threads"], serde_json::json!([1, 2, 4, 8]));
        assert!(law["sigma"]["mid"].as_f64().unwrap() > 0.0, "{law}");
        let charts = drawn(&run);
        let scaling = chart(&charts, "scaling-quick-ycsb-c");
        assert!(
            scaling.about.contains("Dashed: the Universal"),
            "{}",
            scaling.about
        );
        has(&titles(&scaling.svg), "locked, 4 threads: ");
        has(&titles(&scaling.svg), "; the law says ");
        has(&titles(&scaling.svg), "ideal: 9.");
        has(&texts(&scaling.svg), "× by 16×");
    }

    #[test]
    fn fewer_have_none_and_the_caption_says_why() {
        let charts = drawn(&run(&[1, 2, 4, 8], "2"));
        let scaling = chart(&charts, "scaling-quick-ycsb-c");
        let why = "is not fitted: it needs 4 thread counts within the machine's 2 cores, and 2 were measured.";
        assert!(scaling.about.ends_with(why), "{}", scaling.about);
        assert!(
            !titles(&scaling.svg)
                .iter()
                .any(|title| title.contains("law"))
        );
        let unknown = drawn(&run(&[1, 2], "unknown"));
        let about = &chart(&unknown, "scaling-quick-ycsb-c").about;
        assert!(
            about.contains("how many cores the machine has is not known"),
            "{about}"
        );
        assert!(
            !drawn(&run(&[2], "8"))
                .iter()
                .any(|chart| chart.file.starts_with("scaling"))
        );
    }
}
