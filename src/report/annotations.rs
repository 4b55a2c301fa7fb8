//! What fails a comparison, as continuous integration takes it: `JUnit`'s XML and the workflow commands of GitHub.

use super::charts::escape;
use crate::analysis::{Compared, Objection};

/// A comparison as `JUnit`'s XML: a test case for each cell, failed or skipped by what it is objected to. The format
/// has no owner; readers of it agree on these elements (the Jenkins `xunit` plugin's `junit-10.xsd`).
#[must_use]
pub fn junit(compared: &Compared, objections: &[Objection]) -> String {
    let [a, b] = compared.sides.each_ref().map(|side| escape(&side.name));
    let (mut cases, mut failures, mut skipped) = (String::new(), 0, 0);
    for cell in &compared.cells {
        let mine = objections
            .iter()
            .filter(|one| (&one.place, &one.target) == (&cell.place, &cell.target));
        let (fails, notes): (Vec<_>, Vec<_>) = mine.partition(|one| one.fails);
        let of = |all: &[&Objection]| {
            let all: Vec<&str> = all.iter().map(|one| one.why.as_str()).collect();
            escape(&all.join("; "))
        };
        let inside = if !fails.is_empty() {
            failures += 1;
            format!("<failure message=\"{}\"/>", of(&fails))
        } else if !notes.is_empty() {
            skipped += 1;
            format!("<skipped message=\"{}\"/>", of(&notes))
        } else {
            format!("<system-out>{}</system-out>", escape(&cell.words()))
        };
        let (place, target) = (escape(&cell.place), escape(&cell.target));
        cases +=
            &format!("    <testcase classname=\"{place}\" name=\"{target}\">{inside}</testcase>\n");
    }
    let tests = compared.cells.len();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"bucketlab compare {a} \
         {b}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" skipped=\"{skipped}\">\n{cases}  \
         </testsuite>\n</testsuites>\n"
    )
}

/// What is objected to as a workflow command of GitHub Actions, a line: an error where it fails, else a notice.
/// Percent signs and line ends are encoded as that syntax asks.
#[must_use]
pub fn annotation(objection: &Objection) -> String {
    let kind = if objection.fails { "error" } else { "notice" };
    let data = |text: &str| {
        text.replace('%', "%25")
            .replace('\r', "%0D")
            .replace('\n', "%0A")
    };
    let property = |text: &str| data(text).replace(':', "%3A").replace(',', "%2C");
    format!(
        "::{kind} title={}::{}",
        property(&format!("{} on {}", objection.target, objection.place)),
        data(&objection.why)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_objection_is_one_line_of_a_workflow_command() {
        let objection = Objection {
            target: "fixed:buckets=2^4".to_owned(),
            place: "ycsb-c, 1 thread".to_owned(),
            why: "slower by more than 5 %".to_owned(),
            fails: true,
            cell_ids: [String::new(), String::new()],
        };
        assert_eq!(
            annotation(&objection),
            "::error title=fixed%3Abuckets=2^4 on ycsb-c%2C 1 thread::slower by more than 5 %25"
        );
        let note = Objection {
            fails: false,
            ..objection
        };
        assert!(annotation(&note).starts_with("::notice title="));
    }
}
