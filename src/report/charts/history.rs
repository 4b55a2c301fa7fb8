//! The history of one key that no order explains: threads, intervals, and the point where it breaks.

use super::draw::escape;
use std::fmt::Write;

use super::draw;
use crate::record::{DrawnHistory, DrawnOperation, Verdict};

const WIDTH: f64 = 1_100.0;
/// Where times begin; to the left of it stand the threads.
const LEFT: f64 = 80.0;
const RIGHT: f64 = 1_080.0;
/// The first row.
const TOP: f64 = 40.0;
const BAR: f64 = 16.0;
/// Between two rows: a bar and its label.
const ROW: f64 = 34.0;
/// A bar is at least as wide, in pixels.
const LEAST: f64 = 3.0;
/// An estimate of a letter's width at 10 pixels.
const LETTER: f64 = 5.6;

/// Draws the history that a stage found, as a file of its own; nothing where it found none.
#[must_use]
pub fn history_chart(verdict: &Verdict) -> Option<String> {
    let history = verdict.found.as_ref()?.history.as_ref()?;
    let title = format!("{}: no order explains these answers", verdict.target);
    let about = format!(
        "Operations on one key, a row for each thread and more where labels need room. A number is the place in the \
         longest order that explains what was seen ({} operations); dashed operations have none. Values are named by \
         their writer and its writes; a dash is no entry. At the vertical line an operation had returned that no order \
         explains.",
        history.explained
    );
    Some(draw::with_heading(&svg(history), &title, &about))
}

fn svg(history: &DrawnHistory) -> String {
    let last_ns = history.operations.iter().map(|one| one.to_ns).max();
    let last_ns = last_ns.unwrap_or(0).max(1);
    #[expect(
        clippy::cast_precision_loss,
        reason = "times of a round, far below 2^53"
    )]
    let x = |ns: u64| LEFT + (RIGHT - LEFT) * ns as f64 / last_ns as f64;
    let rows = rows(history, &x);
    let count = rows.iter().map(|(_, row)| row + 1).max().unwrap_or(0);
    #[expect(clippy::cast_precision_loss, reason = "a few rows")]
    let y = |row: usize| TOP + ROW * row as f64;
    let height = y(count) + 20.0;
    let mut svg = format!(
        "<svg width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" \
         xmlns=\"http://www.w3.org/2000/svg\" font-family=\"system-ui,sans-serif\" font-size=\"10\" \
         fill=\"#1F2328\"><style>svg{{background:#fff}}</style>\n"
    );
    let mut named = None;
    for (index, row) in &rows {
        let one = &history.operations[*index];
        let top = y(*row);
        if named != Some(one.thread) {
            named = Some(one.thread);
            let _ = writeln!(
                svg,
                "<text x=\"8\" y=\"{:.1}\">thread {}</text>",
                top + 12.0,
                one.thread
            );
        }
        bar(&mut svg, one, x(one.from_ns), x(one.to_ns), top);
    }
    let at = x(history.breaks_ns);
    let _ = writeln!(
        svg,
        "<line x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"22\" y2=\"{:.1}\" stroke=\"#D55E00\" stroke-width=\"2\"/>\n\
         <text x=\"{at:.1}\" y=\"16\" text-anchor=\"middle\" fill=\"#D55E00\">breaks here, after {} ns</text>\n</svg>",
        height - 14.0,
        history.breaks_ns
    );
    svg
}

fn bar(svg: &mut String, one: &DrawnOperation, from: f64, to: f64, top: f64) {
    let (fill, stroke) = match one.place {
        Some(_) => ("#56B4E9\" fill-opacity=\"0.5", "#0072B2"),
        None => (
            "#E69F00\" fill-opacity=\"0.5",
            "#D55E00\" stroke-dasharray=\"3 2",
        ),
    };
    let what = escape(&label(one));
    let _ = writeln!(
        svg,
        "<g><title>{what}: {} to {} ns</title><rect x=\"{from:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{BAR}\" \
         fill=\"{fill}\" stroke=\"{stroke}\"/><text x=\"{from:.1}\" y=\"{:.1}\">{what}</text></g>",
        one.from_ns,
        one.to_ns,
        (to - from).max(LEAST),
        top + BAR + 11.0
    );
}

fn label(one: &DrawnOperation) -> String {
    match one.place {
        Some(place) => format!("{place}. {}", one.what),
        None => one.what.clone(),
    }
}

/// The operations thread by thread, each with its row: the first of its thread's rows in which its label has room.
fn rows(history: &DrawnHistory, x: &impl Fn(u64) -> f64) -> Vec<(usize, usize)> {
    let mut threads: Vec<u32> = history.operations.iter().map(|one| one.thread).collect();
    threads.sort_unstable();
    threads.dedup();
    let mut rows = Vec::new();
    let mut first = 0;
    for thread in threads {
        // Where each row's last label ends.
        let mut ends: Vec<f64> = Vec::new();
        for (index, one) in history.operations.iter().enumerate() {
            if one.thread != thread {
                continue;
            }
            #[expect(clippy::cast_precision_loss, reason = "a short text")]
            let text = LETTER * label(one).chars().count() as f64;
            let (from, end) = (
                x(one.from_ns),
                (x(one.from_ns) + text).max(x(one.to_ns)) + 4.0,
            );
            let free = ends.iter().position(|taken| *taken <= from);
            let row = free.unwrap_or(ends.len());
            if row == ends.len() {
                ends.push(end);
            } else {
                ends[row] = end;
            }
            rows.push((index, first + row));
        }
        first += ends.len();
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Ending, Exercised, Found};

    #[test]
    fn threads_intervals_and_the_break_are_drawn() {
        let operation = |thread, from_ns, to_ns, what: &str, place| DrawnOperation {
            thread,
            from_ns,
            to_ns,
            what: what.into(),
            place,
        };
        let history = DrawnHistory {
            operations: vec![
                operation(0, 0, 400, "set: – → 0.1", Some(1)),
                operation(0, 420, 900, "set: some → 0.2", Some(2)),
                operation(3, 1_000, 1_200, "get: <0.1>", None),
            ],
            explained: 2,
            breaks_ns: 1_200,
        };
        let mut verdict = Verdict {
            target: "striped:buckets=1".into(),
            stage: "linearizability".into(),
            ending: Ending::Failed,
            exercised: Exercised::default(),
            found: None,
        };
        assert_eq!(history_chart(&verdict), None);
        verdict.found = Some(Found {
            what: String::new(),
            hash: "sip13".into(),
            seed: 1,
            only: vec![],
            steps: vec![],
            history: Some(history),
        });
        let chart = history_chart(&verdict).expect("a drawing");
        let document = roxmltree::Document::parse(&chart).expect("SVG");
        let rectangles = document
            .descendants()
            .filter(|node| node.has_tag_name("title"));
        let titles: Vec<&str> = rectangles.filter_map(|node| node.text()).collect();
        assert!(
            titles.contains(&"2. set: some → 0.2: 420 to 900 ns"),
            "{titles:?}"
        );
        assert!(
            titles.contains(&"get: <0.1>: 1000 to 1200 ns"),
            "{titles:?}"
        );
        let texts: Vec<&str> = document
            .descendants()
            .filter_map(|node| node.text())
            .collect();
        assert!(
            texts.contains(&"thread 3") && !texts.contains(&"thread 1"),
            "{texts:?}"
        );
        assert!(texts.contains(&"breaks here, after 1200 ns"), "{texts:?}");
        assert!(chart.contains("no order explains these answers"));
    }
}
