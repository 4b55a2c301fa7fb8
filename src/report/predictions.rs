//! What targets would do at sizes and thread counts that were not measured, for people and for programs.

use serde_json::{Value, json};

use super::format::{figure_within, grouped, wrap};
use super::table::{Cell, Column, Row, Table};
use crate::analysis::{HeldOut, Prediction, errors_in_words};
use crate::base::{human_integer, whole};
use crate::stats::Interval;

/// A row for each target under each workload, what it rests on, and how well cells were predicted that were left out
/// of the fits; lines have at most `width` characters.
#[must_use]
pub fn predictions_table(all: &[Prediction], width: usize, colour: bool) -> String {
    let columns = vec![
        Column::target("target"),
        Column::text("workload"),
        Column::number("threads", ""),
        Column::number("M ops/s a server", "").narrows(1),
        Column::number("GiB in all", "").narrows(2),
        Column::number("servers", "").narrows(3),
        Column::number("entries a server", "").drops(1),
        Column::text("buckets a server").drops(2),
        Column::number("left out, worst error", "%"),
    ];
    let row = |one: &Prediction| {
        let within = |known: &Result<Interval, String>, unit: f64| {
            let known = known
                .as_ref()
                .ok()
                .map(|known| known.map(|value| value / unit));
            Cell::figure(known.map(|known| (figure_within(&known), known.mid)))
        };
        let servers = one.servers.as_ref().ok().map(|count| {
            let (low, high) = (whole(count.low), whole(count.high));
            let text = if low == high {
                grouped(whole(count.mid))
            } else {
                format!(
                    "{} [{}–{}]",
                    grouped(whole(count.mid)),
                    grouped(low),
                    grouped(high)
                )
            };
            (text, count.mid)
        });
        let worst = one.held_out.iter().map(HeldOut::error);
        let worst = worst.max_by(|a, b| a.abs().total_cmp(&b.abs()));
        let buckets = one.buckets.map_or_else(String::new, |buckets| {
            let count = human_integer(buckets.count);
            let whose = if buckets.grows { "grows to" } else { "choose" };
            format!("{whose} {count}")
        });
        Row::new(vec![
            Cell::text(&one.target),
            Cell::text(&one.workload),
            Cell::count(one.threads.into()),
            within(&one.rate, 1e6),
            within(&one.bytes, (1_u64 << 30) as f64),
            Cell::figure(servers),
            Cell::count(one.entries_per_server),
            Cell::text(buckets),
            Cell::figure(worst.map(|error| (format!("{:+.1}", error * 100.0), error))),
        ])
    };
    let table = Table {
        columns,
        rows: all.iter().map(row).collect(),
        ..Table::default()
    };
    let mut lines = table.lines(width, colour);
    lines.push(String::new());
    for one in all {
        let failed = [&one.rate, &one.bytes, &one.servers];
        let mut said: Vec<&String> = failed
            .into_iter()
            .filter_map(|it| it.as_ref().err())
            .collect();
        said.extend(&one.notes);
        said.dedup();
        for note in said {
            let line = format!("{}, {}: {note}", one.target, one.workload);
            lines.extend(wrap(&line, width, "  "));
        }
    }
    let held_out: Vec<HeldOut> = all
        .iter()
        .flat_map(|one| one.held_out.iter().cloned())
        .collect();
    if let Some(errors) = errors_in_words(&held_out) {
        lines.push(String::new());
        lines.extend(wrap(
            &format!("Cells left out of the fits are predicted with an error of {errors}."),
            width,
            "",
        ));
    }
    lines.push(String::new());
    lines.join("\n")
}

/// The same for programs: an array of objects.
///
/// | field | meaning |
/// |---|---|
/// | `target`, `workload`, `threads` | what the figures are for; `threads` are those measured where there is no law of more |
/// | `entries_per_server` | entries over servers |
/// | `ops_per_s`, `bytes`, `servers` | `low`, `mid` and `high` of the rate of a server, of the memory of all, of the number of servers; or `null` |
/// | `why` | why each of these is `null`, by its name |
/// | `buckets` | `count`, and whether the table `grows` to them; or `null` |
/// | `notes` | the models in words |
/// | `held_out` | `what` was left out of a fit, `measured` and `predicted` in `unit`, and `error` as a part of what was measured |
#[must_use]
pub fn predictions_json(all: &[Prediction]) -> Value {
    let within = |known: &Result<Interval, String>| {
        let known = known.as_ref().ok();
        known.map(|known| json!({ "low": known.low, "mid": known.mid, "high": known.high }))
    };
    let one = |one: &Prediction| {
        let held_out = one.held_out.iter().map(|held| {
            json!({
                "what": held.what,
                "unit": held.unit,
                "measured": held.measured,
                "predicted": held.predicted,
                "error": held.error(),
            })
        });
        json!({
            "target": one.target,
            "workload": one.workload,
            "threads": one.threads,
            "entries_per_server": one.entries_per_server,
            "ops_per_s": within(&one.rate),
            "bytes": within(&one.bytes),
            "servers": within(&one.servers),
            "why": {
                "ops_per_s": one.rate.as_ref().err(),
                "bytes": one.bytes.as_ref().err(),
                "servers": one.servers.as_ref().err(),
            },
            "buckets": one.buckets.map(|buckets| json!({ "count": buckets.count, "grows": buckets.grows })),
            "notes": one.notes,
            "held_out": held_out.collect::<Vec<_>>(),
        })
    };
    all.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_said_and_the_rest_has_intervals() {
        let known = Interval {
            low: 1.5e6,
            mid: 2e6,
            high: 3e6,
        };
        let one = Prediction {
            target: "striped".into(),
            workload: "ycsb-c, chained".into(),
            entries_per_server: 5_000_000_000,
            threads: 2,
            rate: Ok(known),
            bytes: Err("memory needs more".into()),
            buckets: Some(crate::analysis::Buckets {
                count: 1 << 32,
                grows: true,
            }),
            servers: Err("memory needs more".into()),
            notes: vec!["2 cores give no law of threads".into()],
            held_out: vec![HeldOut {
                target: "striped".into(),
                what: "1000 entries".into(),
                unit: "ns_per_op",
                measured: 100.0,
                predicted: 90.0,
            }],
        };
        let text = predictions_table(std::slice::from_ref(&one), 200, false);
        for word in [
            "2.00 [1.50–3.00]",
            "−10.0",
            "grows to 2^32",
            "no law of threads",
            "memory needs more",
        ] {
            assert!(
                text.contains(word) || text.contains(&word.replace('−', "-")),
                "no {word} in\n{text}"
            );
        }
        assert_eq!(text.matches("memory needs more").count(), 1, "{text}");
        assert!(text.contains("an error of a median of 10.0 %"), "{text}");
        let json = predictions_json(&[one]);
        assert_eq!(json[0]["bytes"], Value::Null);
        assert_eq!(json[0]["why"]["bytes"], "memory needs more");
        assert_eq!(json[0]["ops_per_s"]["mid"], 2e6);
        assert!((json[0]["held_out"][0]["error"].as_f64().unwrap() + 0.1).abs() < 1e-9);
    }
}
