//! The main results of a run, each in one sentence that follows from its figures, headline first.
//!
//! Each topic proposes sentences; the same effect in several panels makes one of them, with a
//! range. Of those at most seven are kept: first what the suite asks for, then the strongest of
//! each topic before the second of any.

mod absent;
mod asked;
mod batch;
mod claim;
mod compare;
mod crowding;
mod events;
mod finding;
mod hashes;
mod latency;
mod longest;
mod misses;
mod model;
mod overlap;
mod parts;
mod peers;
mod places;
mod scaling;
mod sweep;
mod tails;
mod values;

use super::overlap::spoken_of;
use super::summary::Summary;
pub use asked::Ask;
pub use finding::{Finding, Topic};

/// Sentences that a report gives at most; errors may take [`events::ERRORS_AT_MOST`] of them.
const AT_MOST: usize = 7;

/// What the charts of a run show at a glance: a sentence says it only where a suite asks for one.
const DRAWN: &[Topic] = &[Topic::Resizes, Topic::Model, Topic::Law];

/// The findings of a run: errors first, then what was asked of hash functions, of what stands between
/// operations and of absent keys, then how peers compare,
/// then what the suites ask for, then the largest effect, then what is not a difference. At most seven;
/// fewer where the figures give no more.
#[must_use]
pub fn findings(summary: &Summary) -> Vec<Finding> {
    let errors = events::errors(summary);
    let mut answers_first = hashes::hashes(summary);
    answers_first.extend(overlap::overlaps(summary));
    answers_first.extend(absent::absents(summary));
    answers_first.truncate(AT_MOST - errors.len());
    // What those panels have to say is said; of their many targets every pair would be too much.
    let rest = Summary {
        panels: spoken_of(summary)
            .filter(|panel| !panel.is_about_hashes())
            .cloned()
            .collect(),
        ..summary.clone()
    };
    let summary = &rest;
    let mut proposed = compare::comparisons(summary);
    let asks = asked::asks(&summary.manifest);
    let scaling_is_asked = asks.contains(&Ask::Topic(Topic::Scaling));
    proposed.extend(parts::parts(summary));
    proposed.extend(sweep::sweeps(summary));
    proposed.extend(scaling::scalings(summary, scaling_is_asked));
    proposed.extend(crowding::crowded(summary));
    proposed.extend(batch::batches(summary));
    proposed.extend(scaling::laws(summary));
    proposed.extend(tails::tails(summary));
    proposed.extend(misses::misses(summary));
    proposed.extend(misses::origins(summary));
    proposed.extend(events::replays(summary));
    proposed.extend(model::models(summary));
    proposed.extend(longest::longest(summary));
    proposed.extend(latency::latencies(summary));
    proposed.extend(latency::limits(summary));
    proposed.extend(events::resizes(summary));
    proposed.sort_by(|a, b| b.effect.total_cmp(&a.effect).then(a.topic.cmp(&b.topic)));
    let mut first = asked::first(summary, &asks, &mut proposed);
    let room = AT_MOST - errors.len() - answers_first.len();
    first.truncate(room);
    proposed.retain(|finding| !DRAWN.contains(&finding.topic));
    let mut kept = strongest_of_each_topic(proposed, room - first.len());
    kept.sort_by(|a, b| b.effect.total_cmp(&a.effect).then(a.topic.cmp(&b.topic)));
    let answers = answers_first.into_iter().chain(first);
    errors.into_iter().chain(answers).chain(kept).collect()
}

/// Keeps `room` of the findings, which are sorted: the first of each topic, then the first of what
/// is left.
fn strongest_of_each_topic(sorted: Vec<Finding>, room: usize) -> Vec<Finding> {
    let mut topics = Vec::new();
    let (mut kept, rest): (Vec<Finding>, Vec<Finding>) = sorted.into_iter().partition(|finding| {
        let first = !topics.contains(&finding.topic);
        topics.push(finding.topic);
        first
    });
    kept.extend(rest);
    kept.truncate(room);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::synthetic::{Cell, Synthetic};
    use crate::record::Records;

    fn texts(records: &Records) -> Vec<String> {
        let found = findings(&Summary::of(records));
        found.into_iter().map(|finding| finding.text).collect()
    }

    #[test]
    fn errors_come_first_and_leave_room_for_figures() {
        let mut run = Synthetic::new();
        for workload in ["a", "b"] {
            let cells = [
                Cell::new("fixed", 400.0),
                Cell::new("resizable", 80.0),
                Cell::new("one", 80.0).failing("it hung."),
                Cell::new("two", 80.0).failing(workload),
                Cell::new("three", 80.0).failing(workload),
            ];
            run = run.panel(workload, 1, &cells);
        }
        let texts = texts(&run.records());
        assert_eq!(
            texts[..3],
            [
                "one under a and b with 1 thread failed: it hung.",
                "two under a with 1 thread failed: a.",
                "3 more cells failed; the table has the reasons."
            ]
        );
        assert!(
            texts[3].starts_with("resizable runs at")
                && texts[3].ends_with(" rate under a and b with 1 thread."),
            "{}",
            texts[3]
        );
        assert_eq!(texts.len(), 4);
    }

    #[test]
    fn at_most_seven_and_the_largest_effect_first() {
        let times = [400.0, 20.0, 45.0, 100.0, 220.0, 900.0, 401.0, 2000.0];
        let names = ["fixed", "a", "b", "c", "d", "e", "f", "g"];
        let cells: Vec<Cell<'_>> = names
            .iter()
            .zip(times)
            .map(|(name, ns)| Cell::new(name, ns))
            .collect();
        let found = findings(&Summary::of(
            &Synthetic::new().panel("w", 1, &cells).records(),
        ));
        assert_eq!(found.len(), AT_MOST);
        assert!(
            found
                .windows(2)
                .all(|pair| pair[0].effect >= pair[1].effect)
        );
        assert!(found[0].text.starts_with("a runs at "), "{}", found[0].text);
        // What is no difference is said as well, after all that is one.
        let last = &found[AT_MOST - 1];
        assert_eq!(last.topic, Topic::NoDifference);
        assert!(last.text.starts_with("f and fixed are not told apart ("));
        assert_eq!(last.cells, ["p0-f", "p0-fixed"]);
    }

    #[test]
    fn unlike_effects_are_not_one_range() {
        let pair = |ns| [Cell::new("fixed", 400.0), Cell::new("resizable", ns)];
        let records = Synthetic::new()
            .panel("a", 1, &pair(200.0))
            .panel("b", 1, &pair(190.0))
            .panel("c", 1, &pair(20.0))
            .panel("d", 1, &pair(800.0))
            .records();
        let starts: Vec<String> = texts(&records)
            .iter()
            .map(|text| text.split(" under ").last().unwrap().to_owned())
            .collect();
        assert_eq!(
            starts,
            [
                "c with 1 thread.",
                "a and b with 1 thread.",
                "d with 1 thread."
            ]
        );
    }

    #[test]
    fn hashes_are_named_where_a_panel_has_several() {
        let cells = [
            Cell::new("fixed", 400.0),
            Cell::new("fixed:buckets=2^11", 300.0),
            Cell::new("fixed:buckets=2^12", 200.0),
            Cell::new("resizable", 100.0),
        ];
        let mut records = Synthetic::new().panel("w", 1, &cells).records();
        records.manifest.cells[3].hash = "xxh3".into();
        let texts = texts(&records);
        assert!(
            texts[0].contains("resizable (xxh3) runs at"),
            "{}",
            texts[0]
        );
        let sweep = |text: &String| {
            text.starts_with("An operation of fixed (sip13) takes")
                && text.contains(" as long in 2^10 buckets as in ")
        };
        assert!(texts.iter().any(sweep), "{texts:?}");
    }

    #[test]
    fn other_parameters_are_named_in_a_sweep() {
        let cells = [
            Cell::new("fixed", 400.0),
            Cell::new("striped:stripes=1", 400.0),
            Cell::new("striped:stripes=16", 200.0),
            Cell::new("striped:stripes=256", 100.0),
        ];
        let texts = texts(&Synthetic::new().panel("w", 1, &cells).records());
        let sweep = texts
            .iter()
            .find(|text| text.contains("as long with stripes=1 as"));
        let sweep = sweep.expect("it is said");
        assert!(
            sweep.starts_with("An operation of striped takes "),
            "{sweep}"
        );
        assert!(
            sweep.ends_with(" as long with stripes=1 as with stripes=256 under w with 1 thread."),
            "{sweep}"
        );
    }

    #[test]
    fn resizes_that_a_chart_shows_have_a_sentence_only_if_asked_for() {
        let cells = [
            Cell::new("fixed", 200.0),
            Cell::new("resizable", 100.0).resizes(7),
        ];
        let mut records = Synthetic::new().pass("web", 2, 0, &cells).records();
        let tells =
            |records: &Records| texts(records).iter().any(|text| text.contains("resized 7"));
        assert!(!tells(&records));
        let first = toml::Value::from(vec!["resizes".to_owned()]);
        records.manifest.suites = vec![toml::Table::from_iter([("first".to_owned(), first)])];
        assert!(tells(&records));
    }

    #[test]
    fn many_targets_scale_in_one_sentence() {
        let names = ["fixed", "a", "b", "c", "d"];
        let cells = |factor: f64| -> Vec<Cell<'_>> {
            let times = (0..5).map(|place| 100.0 * factor.powi(place));
            names
                .iter()
                .zip(times)
                .map(|(name, ns)| Cell::new(name, ns))
                .collect()
        };
        let records = Synthetic::new()
            .panel("w", 1, &cells(1.0))
            .panel("w", 4, &cells(1.5))
            .records();
        let texts = texts(&records);
        let scaling = texts
            .iter()
            .find(|text| text.starts_with("From 1 to 4 threads"));
        let scaling = scaling.expect("it is said");
        assert!(
            scaling.contains("threads the rate of fixed gains most of 5 targets (3.97×"),
            "{scaling}"
        );
        assert!(scaling.contains("and that of d least (0.798×"), "{scaling}");
        assert!(scaling.ends_with(", under w."), "{scaling}");
    }
}
