//! What checks of tables came to, for people and for programs.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::format::{counted, wrap};
use super::table::{Cell, Column, Row, Table, Tone};
use crate::record::{Ending, Exercised, Verdict};

/// A row for each target, with the verdict of each stage and what was exercised; under it what was found wrong,
/// each with the command that shows it again. Lines have at most `width` characters, but for commands, which are
/// not broken.
#[must_use]
pub fn verdicts_table(verdicts: &[Verdict], width: usize, colour: bool) -> String {
    let mut lines = table(verdicts).lines(width, colour);
    let notes = notes(verdicts);
    if !notes.is_empty() {
        lines.push(String::new());
    }
    for note in notes {
        lines.extend(wrap(&format!("• {note}"), width, "  "));
    }
    for verdict in verdicts {
        let Some(found) = &verdict.found else {
            continue;
        };
        lines.push(String::new());
        let what = format!("✗ {}, {}: {}", verdict.target, verdict.stage, found.what);
        lines.extend(wrap(&what, width, "  "));
        for step in &found.steps {
            lines.push(format!("    {step}"));
        }
        lines.push(format!("  again: {}", found.again(verdict)));
    }
    lines.push(String::new());
    lines.extend(wrap(&sentence(verdicts), width, "  "));
    lines.push(String::new());
    lines.join("\n")
}

/// How many verdicts of each kind: `12 checks of 4 targets: 11 passed, 1 failed`.
fn sentence(verdicts: &[Verdict]) -> String {
    let targets: BTreeSet<&str> = verdicts.iter().map(|one| one.target.as_str()).collect();
    let endings = [
        Ending::Passed,
        Ending::Failed,
        Ending::Unclear,
        Ending::Unfinished,
    ];
    let count = |ending| verdicts.iter().filter(|one| one.ending == ending).count();
    let parts = endings
        .into_iter()
        .map(|ending| (count(ending), ending))
        .filter(|(count, ending)| *count > 0 || *ending == Ending::Failed);
    let parts: Vec<String> = parts
        .map(|(count, ending)| format!("{count} {}", word(ending)))
        .collect();
    let applicable = verdicts.len() - count(Ending::NotApplicable);
    format!(
        "{} of {}: {}",
        counted(applicable as u64, "check"),
        counted(targets.len() as u64, "target"),
        parts.join(", ")
    )
}

fn word(ending: Ending) -> &'static str {
    match ending {
        Ending::Passed => "passed",
        Ending::Failed => "failed",
        Ending::Unclear => "could not look",
        Ending::NotApplicable => "–",
        Ending::Unfinished => "unfinished",
    }
}

fn table(verdicts: &[Verdict]) -> Table {
    let stages = in_order(verdicts.iter().map(|one| one.stage.as_str()));
    let targets = in_order(verdicts.iter().map(|one| one.target.as_str()));
    let histories = verdicts.iter().any(|one| one.exercised.recorded > 0);
    let mut columns = vec![Column::target("target")];
    columns.extend(stages.iter().map(|stage| Column::text(stage)));
    columns.push(Column::number("operations", ""));
    columns.push(Column::number("growths", ""));
    if histories {
        columns.push(Column::number("histories", ""));
        columns.push(Column::number("unsearched", ""));
        columns.push(Column::number("overlap", "%"));
    }
    let row = |target: &str| {
        let of_target = || verdicts.iter().filter(|one| one.target == target);
        let mut cells = vec![Cell::text(target)];
        for stage in &stages {
            let verdict = of_target().find(|one| one.stage == *stage);
            cells.push(verdict.map_or_else(Cell::missing, |one| cell(one.ending)));
        }
        let mut sum = Exercised::default();
        of_target().for_each(|one| sum += &one.exercised);
        cells.push(Cell::count(sum.operations));
        cells.push(count_or_missing(sum.growths));
        if histories {
            cells.push(Cell::count(sum.histories));
            cells.push(Cell::count(sum.unsearched));
            let percent = sum.overlap().map(|share| 100.0 * share);
            cells.push(Cell::figure(
                percent.map(|percent| (format!("{percent:.0}"), percent)),
            ));
        }
        Row::new(cells)
    };
    Table {
        columns,
        rows: targets.into_iter().map(row).collect(),
        ..Table::default()
    }
}

fn cell(ending: Ending) -> Cell {
    let tone = match ending {
        Ending::Passed => Tone::Good,
        Ending::Failed => Tone::Failed,
        Ending::Unclear => Tone::Bad,
        Ending::NotApplicable | Ending::Unfinished => Tone::Plain,
    };
    Cell::text(word(ending)).tone(tone)
}

fn count_or_missing(count: u64) -> Cell {
    match count {
        0 => Cell::text("–"),
        count => Cell::count(count),
    }
}

/// What is to be said of figures, each once, with the targets that it holds for.
fn notes(verdicts: &[Verdict]) -> Vec<String> {
    let notes = verdicts.iter().flat_map(|one| {
        let notes = one.exercised.notes.iter();
        notes.map(|note| format!("{}, {}: {note}", one.target, one.stage))
    });
    notes.collect()
}

fn in_order<'v>(names: impl Iterator<Item = &'v str>) -> Vec<&'v str> {
    let mut order: Vec<&str> = Vec::new();
    for name in names {
        if !order.contains(&name) {
            order.push(name);
        }
    }
    order
}

/// The same as JSON: an array of verdicts.
///
/// | field | meaning |
/// |---|---|
/// | `target`, `stage` | what was checked, and by which stage |
/// | `ending` | `passed`, `failed`, `unclear`, `not-applicable` or `unfinished` |
/// | `exercised` | `rounds`, `operations`, `walked`, `growths`, `histories`, `unsearched`, `overlapping` of `recorded` operations, `notes` |
/// | `found` | `what`, `hash`, `seed`, `only` (steps), `steps`, `history`; `null` if nothing was found |
/// | `again` | the command that shows it again, `null` if nothing was found |
#[must_use]
pub fn verdicts_json(verdicts: &[Verdict]) -> Value {
    let one = |verdict: &Verdict| {
        let mut value = json!(verdict);
        value["again"] = json!(verdict.found.as_ref().map(|found| found.again(verdict)));
        value
    };
    verdicts.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Found;

    fn verdict(target: &str, stage: &str, ending: Ending) -> Verdict {
        let found = (ending == Ending::Failed).then(|| Found {
            what: "get of key \"a\" at step 9: expected no entry, got the value \"b\" (1 B)".into(),
            hash: "sip13".into(),
            seed: 7,
            only: vec![3, 9],
            steps: vec![],
            history: None,
        });
        Verdict {
            target: target.into(),
            stage: stage.into(),
            ending,
            exercised: Exercised {
                operations: 1_200,
                ..Exercised::default()
            },
            found,
        }
    }

    #[test]
    fn a_failure_stands_under_the_table_with_its_command() {
        let verdicts = [
            verdict("a", "differential", Ending::Passed),
            verdict("a", "walk", Ending::NotApplicable),
            verdict("b:buckets=4", "differential", Ending::Failed),
            verdict("b:buckets=4", "walk", Ending::Unfinished),
        ];
        let text = verdicts_table(&verdicts, 90, false);
        assert!(text.contains("\n  again: bucketlab verify b:buckets=4 --stage differential --hash sip13 --seed 7 --only 3,9\n"));
        assert!(
            text.ends_with("3 checks of 2 targets: 1 passed, 1 failed, 1 unfinished\n"),
            "{text}"
        );
        let row = text
            .lines()
            .find(|line| line.contains("b:buckets=4"))
            .unwrap();
        assert!(row.contains("failed") && row.contains("2,400"), "{row}");
        assert!(!row.contains("passed"), "{row}");
        let json = verdicts_json(&verdicts);
        assert_eq!(json[2]["ending"], "failed");
        assert!(json[2]["again"].as_str().unwrap().ends_with("--only 3,9"));
        assert!(json[0]["again"].is_null());
    }
}
