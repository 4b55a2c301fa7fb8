//! Targets against workloads: a heat map of what each does beside the best of its column.

use super::shape::{Heat, HeatCell, Shape, log_depth};
use super::suite::{Draft, Suite, numbers, positive, table_of, workload_of};
use crate::analysis::figures::gather;
use crate::report::format::{figure, times};
use crate::report::labels;
use crate::report::summary::{CellSummary, PanelSummary};
use crate::workload::absent_suffix;

/// Pixels that columns have together, and the least that one takes.
const ROOM: usize = 600;
const LEAST: usize = 34;
/// Pixels of a character of a head.
const CHARACTER: usize = 6;
/// Rows of a map.
const MOST_ROWS: usize = 30;

/// A target with its cells, a panel each.
struct Target<'s> {
    label: String,
    cells: Vec<(&'s PanelSummary, &'s CellSummary)>,
}

/// What tells columns apart, from the outermost: its name, what it is of a panel, and how it is written.
type Level = (&'static str, fn(&PanelSummary) -> String);

const LEVELS: [Level; 9] = [
    ("workload", |panel| {
        // The share of absent keys is a level of its own, as the longest head makes all columns wide.
        let entry = &panel.entry;
        let name = entry.workload.strip_suffix(&absent_suffix(entry.absent));
        name.unwrap_or(&entry.workload).to_owned()
    }),
    ("absent", |panel| panel.entry.absent.to_string()),
    ("keys", |panel| match panel.entry.corpus.as_str() {
        "" => "ordinary".to_owned(),
        corpus => corpus.to_owned(),
    }),
    ("entries", |panel| short(panel.entry.entries)),
    ("batch", |panel| panel.entry.batch.to_string()),
    ("connections", |panel| match panel.entry.connections {
        0 => "1 a thread".to_owned(),
        connections => connections.to_string(),
    }),
    ("depth", |panel| panel.entry.depth.to_string()),
    ("between", |panel| panel.entry.between.to_string()),
    ("threads", |panel| panel.entry.threads.to_string()),
];

/// Maps of a suite, of as many panels as fit into each; none where a table of two lines would say the same.
pub(super) fn charts(suite: &Suite<'_>) -> Vec<Draft> {
    let measured = |panel: &&&PanelSummary| {
        let rates = panel.cells.iter().filter_map(rate).count();
        !panel.is_open_loop() && rates > 2
    };
    let mut panels: Vec<&PanelSummary> = suite.panels.iter().filter(measured).copied().collect();
    if panels.len() < 2 {
        return Vec::new();
    }
    let mut workloads: Vec<&str> = Vec::new();
    for panel in &panels {
        if !workloads.contains(&panel.entry.workload.as_str()) {
            workloads.push(&panel.entry.workload);
        }
    }
    // What belongs together stands together, so that neighbours share their heads.
    panels.sort_by_key(|panel| {
        let entry = &panel.entry;
        let workload = workloads.iter().position(|name| *name == entry.workload);
        (
            workload,
            entry.corpus.as_str(),
            entry.absent,
            entry.entries,
            (entry.batch, entry.asked()),
            entry.between,
            entry.threads,
        )
    });
    let levels = levels(&panels);
    let most = (ROOM / widest(&panels, &levels)).max(1);
    let parts = panels.len().div_ceil(most);
    // As many in each, not a rest in the last.
    let parts = panels.chunks(panels.len().div_ceil(parts));
    parts
        .filter_map(|panels| chart(suite.name, panels, &levels))
        .collect()
}

/// The levels in which columns differ; at least the workload.
fn levels(panels: &[&PanelSummary]) -> Vec<Level> {
    let mut levels = LEVELS.to_vec();
    levels.retain(|(_, of)| panels.iter().any(|panel| of(panel) != of(panels[0])));
    if levels.is_empty() {
        levels.push(LEVELS[0]);
    }
    levels
}

fn heads(panel: &PanelSummary, levels: &[Level]) -> Vec<String> {
    levels.iter().map(|(_, of)| of(panel)).collect()
}

/// Pixels of a column that has room for the heads above it.
fn widest(panels: &[&PanelSummary], levels: &[Level]) -> usize {
    let all: Vec<Vec<String>> = panels.iter().map(|panel| heads(panel, levels)).collect();
    let of_level = |level: usize| {
        let spans = all.chunk_by(move |a, b| a[..=level] == b[..=level]);
        spans.map(move |span| (span[0][level].chars().count() * CHARACTER + 3).div_ceil(span.len()))
    };
    let widths = (0..levels.len()).flat_map(of_level);
    widths.max().unwrap_or(0).clamp(LEAST, ROOM)
}

fn chart(suite: &str, panels: &[&PanelSummary], levels: &[Level]) -> Option<Draft> {
    let mut groups = Vec::new();
    for &panel in panels {
        for cell in panel.cells.iter().filter(|cell| cell.ranked()) {
            gather(&mut groups, table_of(cell), (panel, cell));
        }
    }
    let targets = groups.into_iter().map(|(_, cells)| Target {
        label: name_of(cells[0]),
        cells,
    });
    // Those that were measured in one panel alone are a question of that panel.
    let mut targets: Vec<Target<'_>> = targets.filter(|target| target.cells.len() > 1).collect();
    if targets.len() < 2 {
        return None;
    }
    let ratios = |target: &Target<'_>| -> Vec<f64> {
        let shares = target.cells.iter().map(|&place| share_of_best(place));
        shares.flatten().collect()
    };
    let mean = |target: &Target<'_>| {
        let ratios = ratios(target);
        let logs: f64 = ratios.iter().map(|ratio| ratio.ln()).sum();
        logs / ratios.len().max(1) as f64
    };
    targets.sort_by(|a, b| mean(b).total_cmp(&mean(a)));
    let slowest = targets.iter().flat_map(ratios).fold(1.0, f64::min);
    // Below twofold the whole scale would be noise.
    let deepest = (1.0 / slowest).max(2.0);
    let left_out = targets.len().saturating_sub(MOST_ROWS);
    targets.truncate(MOST_ROWS);
    let row = |target: &Target<'_>| {
        let cells = panels.iter().map(|panel| {
            let place = target
                .cells
                .iter()
                .find(|(of, _)| of.entry.panel == panel.entry.panel);
            place.map_or_else(HeatCell::default, |&place| heat(place, deepest))
        });
        (target.label.clone(), cells.collect())
    };
    let best = best_of_each(panels, deepest);
    let apart = best.len();
    let summed = if apart > 0 {
        " The rows on top are the best of ours and of other projects, column by column."
    } else {
        ""
    };
    let more = super::suite::and_more(left_out, "target");
    Some(Draft {
        file: super::suite::stem(&["matrix", suite]),
        panels: numbers(panels.iter().copied()),
        title: "Which table is fast where?".to_owned(),
        about: format!(
            "Million operations a second of all threads together, medians; a column for each panel, the best of each \
             framed. Shades are logarithmic, from the fastest of a column. Rows are in the order of their geometric \
             mean over the columns; a star marks a table of another project.{summed}{more}"
        ),
        shape: Shape::Heat(Heat {
            columns: panels.iter().map(|panel| heads(panel, levels)).collect(),
            levels: levels.iter().map(|(name, _)| (*name).to_owned()).collect(),
            rows: best.into_iter().chain(targets.iter().map(row)).collect(),
            apart,
            ends: [
                "fastest of its column".into(),
                format!("1/{} of it", times_short(deepest)),
            ],
        }),
    })
}

/// The best of ours and of peers in each column; nothing where there are not both.
fn best_of_each(panels: &[&PanelSummary], deepest: f64) -> Vec<(String, Vec<HeatCell>)> {
    let row = |name: &str, peer: bool| {
        let cells = panels.iter().map(|&panel| {
            let ranking = panel.ranking();
            let best = ranking.iter().find(|cell| cell.entry.peer == peer);
            best.map_or_else(HeatCell::default, |cell| HeatCell {
                best: false,
                ..heat((panel, cell), deepest)
            })
        });
        (name.to_owned(), cells.collect::<Vec<HeatCell>>())
    };
    let rows = vec![row("best of ours", false), row("best of others *", true)];
    let is_there = |(_, cells): &(String, Vec<HeatCell>)| cells.iter().any(|c| c.depth.is_some());
    if rows.iter().all(is_there) {
        rows
    } else {
        Vec::new()
    }
}

fn name_of((panel, cell): (&PanelSummary, &CellSummary)) -> String {
    let star = if cell.entry.peer { " *" } else { "" };
    format!("{}{star}", panel.label(cell))
}

fn rate(cell: &CellSummary) -> Option<f64> {
    positive(cell.rate.filter(|_| cell.ranked())?.mid)
}

/// A cell's rate over the best of its panel.
fn share_of_best((panel, cell): (&PanelSummary, &CellSummary)) -> Option<f64> {
    let best = panel.cells.iter().filter_map(rate).reduce(f64::max)?;
    Some(rate(cell)? / best)
}

/// A count in few characters: `500`, `100k`, `1M`, `1.5M`.
fn short(count: u64) -> String {
    let in_units = |unit: u64, suffix: &str| {
        let digits = format!("{:.1}", count as f64 / unit as f64);
        format!("{}{suffix}", digits.trim_end_matches(".0"))
    };
    match count {
        1_000_000.. => in_units(1_000_000, "M"),
        1_000.. => in_units(1_000, "k"),
        few => few.to_string(),
    }
}

fn heat((panel, cell): (&PanelSummary, &CellSummary), deepest: f64) -> HeatCell {
    let label = panel.label(cell);
    let place = workload_of(panel);
    if let Some(why) = &cell.error {
        return HeatCell {
            text: "failed".into(),
            hover: format!("{label}, {place}: {why}"),
            ..HeatCell::default()
        };
    }
    let (Some(rate), Some(share)) = (rate(cell), share_of_best((panel, cell))) else {
        return HeatCell::default();
    };
    let beside = if share >= 1.0 {
        "the fastest of the column".to_owned()
    } else {
        format!("{:.0} % of the fastest", 100.0 * share)
    };
    HeatCell {
        depth: Some(log_depth(1.0 / share, 1.0, deepest)),
        text: figure(rate / 1e6),
        best: share >= 1.0,
        hover: format!(
            "{label}, {place}, {}: {} million operations a second, {beside}",
            labels::threads(panel),
            figure(rate / 1e6)
        ),
    }
}

/// How many times, without its sign.
fn times_short(ratio: f64) -> String {
    times(ratio).trim_end_matches('×').trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{chart, drawn, has, texts, titles};
    use super::short;
    use crate::analysis::synthetic::{Cell, Synthetic};

    #[test]
    fn columns_are_told_apart_and_the_best_stand_on_top() {
        let cells = [
            Cell::new("fixed", 400.0),
            Cell::new("striped", 100.0),
            Cell::peer("dashmap", 200.0),
        ];
        let run = Synthetic::new()
            .panel("ycsb-b", 1, &cells)
            .panel("ycsb-c", 1, &cells)
            .panel("ycsb-b", 2, &cells);
        let mut records = run.records();
        records.manifest.panels[2].entries = 1_000_000;
        let charts = drawn(&records);
        let map = chart(&charts, "matrix-quick");
        // The panels of one workload stand together, whatever the order in which they ran.
        assert_eq!(map.panels, [0, 2, 1]);
        for text in [
            "workload",
            "ycsb-b",
            "entries",
            "100k",
            "1M",
            "threads",
            "best of ours",
            "best of others *",
            "dashmap *",
        ] {
            has(&texts(&map.svg), text);
        }
        assert!(!texts(&map.svg).iter().any(|text| text.contains('…')));
        has(&titles(&map.svg), "dashmap, ycsb-c, 1 thread: 4.");
        assert_eq!(["500", "2.5k", "1M"], [500, 2_500, 1_000_000].map(short));
    }
}
