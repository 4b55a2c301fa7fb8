//! Rates by threads: what more of them add, beside what they would add at best.

use super::axis::{Axis, amount};
use super::palette::{Ink, Style, Tone};
use super::shape::{Plot, Point, Series, Shape, Single};
use super::suite::{Draft, Suite, extremes, numbers, stem};
use crate::report::format::{figure, figure_within};
use crate::report::labels::{self, workload_among};
use crate::report::scaling::{self, Group, Target, groups};
use crate::report::summary::{CellSummary, PanelSummary, ScalingLaw, Summary};

/// Points of a drawn law.
const LAW_STEPS: u32 = 32;
/// Ticks that have room.
const MOST_TICKS: usize = 12;

/// One target at several thread counts.
type Points<'s> = [(&'s PanelSummary, &'s CellSummary)];

pub(super) fn charts(suite: &Suite<'_>, summary: &Summary) -> Vec<Draft> {
    let groups = groups(suite.panels.iter().copied());
    let chart = |group: &Group<'_>| chart(suite, group, summary);
    groups.iter().filter_map(chart).collect()
}

fn chart(suite: &Suite<'_>, group: &Group<'_>, summary: &Summary) -> Option<Draft> {
    let targets = group.targets();
    let points = || targets.iter().flat_map(|(_, points)| points);
    let (_, highest) = extremes(points().filter_map(|(_, cell)| Some(cell.rate?.high)))?;
    let mut counts: Vec<u32> = group
        .panels
        .iter()
        .map(|panel| panel.entry.threads)
        .collect();
    counts.dedup();
    let most = f64::from(*counts.last()?);
    let every = counts.len().div_ceil(MOST_TICKS);
    let ticks = counts.iter().step_by(every);
    let x = Axis::from_zero(most, 1, "threads")
        .with_ticks(ticks.map(|&count| (f64::from(count), count.to_string())));
    let y = Axis::from_zero(highest, 6, "operations a second");
    // Beyond the cores, threads take turns on them: no line is ideal there.
    let cores = scaling::cores(&summary.manifest).map(f64::from);
    let cores = cores.filter(|&cores| cores < most);
    let within = cores.unwrap_or(most);
    let mut series: Vec<Series> = ideal(&targets, within, y.range().1).into_iter().collect();
    series.extend(cores.map(|cores| edge(cores, y.range().1)));
    let mut is_fitted = false;
    for target in &targets {
        let law = law_of(target, summary);
        is_fitted |= law.is_some();
        series.extend(of_target(target, law, (most, &y)));
    }
    let law = if is_fitted {
        "Dashed: the Universal Scalability Law, a least-squares fit of relative errors to thread \
         counts within the machine's cores."
            .to_owned()
    } else {
        let why = group.why_no_law(&summary.manifest);
        let why = why.unwrap_or_else(|| "no target has figures at enough thread counts".to_owned());
        format!("The Universal Scalability Law is not fitted: {why}.")
    };
    let crowded = cores.map_or(String::new(), |cores| {
        format!(
            " Right of the dotted edge threads take turns on the machine's {cores} cores, which is crowding \
             and not scaling."
        )
    });
    let workload = workload_among(&group.panels[0].entry, suite.panels.iter().copied());
    Some(Draft {
        file: stem(&["scaling", suite.name, &workload]),
        panels: numbers(group.panels.iter().copied()),
        title: format!("What do more threads add under {workload}?"),
        about: format!(
            "Median operations a second over all threads, from 0; whiskers are 95 % bootstrap \
             intervals. Labels give the factor by which the rate grew from the fewest to the most \
             threads that had a core each, and the factor of the threads. Thin grey: perfect scaling of the target \
             that is fastest at the fewest threads.{crowded} {law}"
        ),
        shape: Shape::Plot(Single::new(Plot::new(x, y, series))),
    })
}

fn law_of<'s>((_, points): &Target<'_>, summary: &'s Summary) -> Option<&'s ScalingLaw> {
    let (panel, cell) = points[0];
    summary.laws.iter().find(|law| {
        law.panels.contains(&panel.entry.panel) && law.cells.contains(&cell.entry.cell_id)
    })
}

/// The law of a target, where there is one, and what was measured.
fn of_target(
    (label, points): &Target<'_>,
    law: Option<&ScalingLaw>,
    (most, y): (f64, &Axis),
) -> Vec<Series> {
    let style = Style::of(points[0].1);
    let fewest = f64::from(points[0].0.entry.threads);
    let curve = law.map(|law| {
        let step = (most - fewest) / f64::from(LAW_STEPS);
        let threads = (0..=LAW_STEPS).map(|n| fewest + f64::from(n) * step);
        let curve = threads.map(|threads| (threads, law.fit.rate(threads)));
        let curve = curve.filter(|(_, rate)| y.holds(*rate));
        Series::curve(style.fill().dashed(), 1, curve)
    });
    let measured = points.iter().filter_map(|(panel, cell)| {
        let (rate, threads) = (cell.rate?, panel.entry.threads);
        let law = law.map_or(String::new(), |law| {
            let rate = law.fit.rate(f64::from(threads));
            format!("; the law says {} M", figure(rate / 1e6))
        });
        let point = Point::new(f64::from(threads), rate.mid).within(rate.low, rate.high);
        Some(point.says(format!(
            "{}, {}: {} M operations a second{law}",
            panel.label(cell),
            labels::threads(panel),
            figure_within(&rate.map(|rate| rate / 1e6))
        )))
    });
    let measured = Series::marked(style, style.fill(), measured.collect());
    curve
        .into_iter()
        .chain([measured.named(label, grown(points))])
        .collect()
}

/// What more threads made of a rate: `: 1.5× by 2×`.
fn grown(points: &Points<'_>) -> String {
    let within = |point: &&(&PanelSummary, &CellSummary)| point.0.crowded_on().is_none();
    let (Some(first), Some(last)) = (points.iter().find(within), points.iter().rev().find(within))
    else {
        return String::new();
    };
    let threads = f64::from(last.0.entry.threads) / f64::from(first.0.entry.threads);
    let grown = match (first.1.rate, last.1.rate) {
        (Some(first), Some(last)) => figure(last.mid / first.mid),
        _ => "?".to_owned(),
    };
    format!(": {grown}× by {threads}×")
}

/// The last thread count at which each can have a core.
fn edge(cores: f64, top: f64) -> Series {
    let mut line = Series::curve(
        Ink::from(Tone::Muted).dotted(),
        1,
        [(cores, 0.0), (cores, top)],
    );
    line.points[1].hover = format!("{cores} cores");
    line
}

/// The line of a target whose threads are all worth as much as at the fewest: of the one that does most
/// there. It ends where it leaves the plot.
fn ideal(targets: &[Target<'_>], most: f64, top: f64) -> Option<Series> {
    let fewest = targets.iter().filter_map(|(_, points)| {
        let (panel, cell) = points.first()?;
        let threads = f64::from(panel.entry.threads);
        Some((threads, cell.rate?.mid / threads))
    });
    let best = fewest.max_by(|a, b| b.0.total_cmp(&a.0).then(a.1.total_cmp(&b.1)));
    let (threads, each) = best?;
    let until = most.min(top / each);
    let ends = [(threads, threads * each), (until, until * each)];
    let mut line = Series::curve(Ink::from(Tone::Muted).dotted(), 1, ends);
    line.points[1].hover = format!("ideal: {}/s a thread", amount(each));
    Some(line)
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
        has(&texts(&scaling.svg), "× by 8×");
        has(&titles(&scaling.svg), "locked, 16 threads on 8 cores: ");
        has(&titles(&scaling.svg), "8 cores");
        assert!(
            scaling
                .about
                .contains("turns on the machine's 8 cores, which is crowding and not scaling"),
            "{}",
            scaling.about
        );
    }

    #[test]
    fn fewer_have_none_and_the_caption_says_why() {
        let charts = drawn(&run(&[1, 2, 4, 8], "2"));
        let scaling = chart(&charts, "scaling-quick-ycsb-c");
        let why = "is not fitted: it needs 4 thread counts within the machine's 2 cores, and 2 were measured.";
        assert!(scaling.about.contains(why), "{}", scaling.about);
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
