//! What a look at the machine found, for people.

use super::format::{counted, wrap};
use super::table::{Cell, Column, Row, Table, Tone};
use crate::machine::doctor::{Diagnosis, Severity};

/// Every check in a table, and under it what to do about those that are not as they should be. Lines
/// have at most `width` characters, but for commands, which are not broken.
#[must_use]
pub fn doctor_table(found: &[Diagnosis], width: usize, colour: bool) -> String {
    let table = Table {
        columns: vec![
            Column::text(""),
            Column::text("check"),
            Column::words("what is seen"),
        ],
        rows: found.iter().map(row).collect(),
        ..Table::default()
    };
    let mut lines = table.lines(width, colour);
    for severity in [Severity::Warning, Severity::Note] {
        let matter = found.iter().filter(|one| one.severity == severity);
        let matter: Vec<&Diagnosis> = matter.filter(|one| !one.why.is_empty()).collect();
        if matter.is_empty() {
            continue;
        }
        lines.push(String::new());
        lines.push(
            match severity {
                Severity::Warning => "Figures suffer from",
                _ => "To be kept in mind",
            }
            .to_owned(),
        );
        for one in matter {
            lines.extend(wrap(&format!("• {}: {}", one.check, one.why), width, "  "));
            if !one.advice.is_empty() {
                lines.push(format!("    {}", one.advice));
            }
        }
    }
    lines.push(String::new());
    lines.push(doctor_verdict(found));
    lines.push(String::new());
    lines.join("\n")
}

fn row(one: &Diagnosis) -> Row {
    let tone = match one.severity {
        Severity::Ok => Tone::Good,
        Severity::Note => Tone::Plain,
        Severity::Warning => Tone::Bad,
    };
    Row::new(vec![
        Cell::text(one.severity.word()).tone(tone),
        Cell::text(&one.check),
        Cell::text(&one.seen),
    ])
}

/// How many checks there were, and how they came out: `21 checks: 2 warnings, 5 notes`.
#[must_use]
pub fn doctor_verdict(found: &[Diagnosis]) -> String {
    let count = |severity| {
        let with = found.iter().filter(|one| one.severity == severity);
        with.count() as u64
    };
    format!(
        "{}: {}, {}",
        counted(found.len() as u64, "check"),
        counted(count(Severity::Warning), "warning"),
        counted(count(Severity::Note), "note")
    )
}

/// The warnings, a sentence each, as the report repeats them.
pub(super) fn warnings(found: &[Diagnosis]) -> Vec<String> {
    let warnings = found.iter().filter(|d| d.severity == Severity::Warning);
    warnings
        .map(|one| format!("{}: {}: {}", one.check, one.seen, one.why))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found() -> Vec<Diagnosis> {
        let one = |check: &str, severity, why: &str, advice: &str| Diagnosis {
            check: check.to_owned(),
            severity,
            seen: "as it is, at some length, so that the line must be broken somewhere".to_owned(),
            why: why.to_owned(),
            advice: advice.to_owned(),
        };
        vec![
            one("build", Severity::Ok, "", ""),
            one("turbo", Severity::Note, "", ""),
            one(
                "SMT",
                Severity::Note,
                "two threads share one core and slow each other down",
                "",
            ),
            one(
                "governor",
                Severity::Warning,
                "the clock follows the load",
                "sudo cpupower frequency-set -g performance",
            ),
        ]
    }

    #[test]
    fn it_fits_and_says_what_to_do() {
        for width in [50, 80, 120] {
            let text = doctor_table(&found(), width, false);
            assert!(
                text.lines().all(|line| line.chars().count() <= width),
                "{text}"
            );
            assert!(!text.contains('\x1b'));
            assert!(text.contains("\n    sudo cpupower frequency-set -g performance\n"));
            assert!(text.ends_with("4 checks: 1 warning, 2 notes\n"), "{text}");
            let (warning, note) = (text.find("• governor"), text.find("• SMT"));
            assert!(warning < note && !text.contains("• turbo"), "{text}");
        }
        assert!(doctor_table(&found(), 80, true).contains('\x1b'));
    }

    #[test]
    fn the_report_repeats_warnings_only() {
        let warnings = warnings(&found());
        assert_eq!(warnings.len(), 1);
        assert!(warnings[0].starts_with("governor: as it is"));
    }
}
