//! What a reader must know of two runs before any figure.

use crate::analysis::format::counted;
use crate::analysis::shared_core::Shared;
use crate::analysis::summary::Summary;
use crate::machine::doctor::Severity;
use crate::machine::{BUILD, CARGO_FEATURES};
use crate::record::Manifest;

/// A difference between the parts of two runs' slices that were shared and count that is worth a word.
const SHARED: f64 = 0.05;

/// What cells are taken relative to, where that could be better.
pub(super) fn note_on_yardsticks(peers: bool, same_peers: bool) -> Option<&'static str> {
    match (peers, same_peers) {
        (true, true) => None,
        (true, false) => Some(
            "Cargo.lock or a server's version differs, so peers may be other versions: cells are relative to the \
             control.",
        ),
        (false, _) => Some(
            "The runs share no peer: cells are relative to the control, which does not show \
             changes of the machine's memory. With a peer in both (-t sharded-hashbrown) smaller \
             changes can be seen.",
        ),
    }
}

/// What is to be known of two runs that are compared.
pub(super) fn notes(a: &Summary, b: &Summary) -> Vec<String> {
    let mut notes = Vec::new();
    let (of_a, of_b) = (&a.manifest, &b.manifest);
    if of_a.run_id == of_b.run_id {
        notes.push("Both are the same run.".to_owned());
    }
    for (name, summary) in [("A", a), ("B", b)] {
        use crate::record::Status::{Complete, Errors, Interrupted, Running};
        match summary.manifest.status {
            Complete | Errors => {}
            Interrupted => notes.push(format!("{name} was interrupted.")),
            Running => notes.push(format!("{name} has not ended, or was killed.")),
        }
        if summary.dropped_lines > 0 {
            let rows = counted(u64::from(summary.dropped_lines), "row");
            notes.push(format!("{name}: {rows} cut short and left out."));
        }
    }
    let mut differs = Vec::new();
    if of_a.seed != of_b.seed {
        differs.push(format!("seeds ({} and {})", of_a.seed, of_b.seed));
    }
    if of_a.slice_ns != of_b.slice_ns {
        let ms = |manifest: &Manifest| manifest.slice_ns as f64 / 1e6;
        differs.push(format!("slices ({} and {} ms)", ms(of_a), ms(of_b)));
    }
    let facts = [
        "kernel",
        "frequency_governor",
        "huge_pages",
        "affinity",
        BUILD,
        "rustc",
        "target_features",
        "libc",
        CARGO_FEATURES,
    ];
    for fact in facts {
        let [a, b] = [of_a, of_b].map(|manifest| manifest.machine.get(fact));
        if let (Some(a), Some(b)) = (a, b)
            && a != b
        {
            differs.push(format!("{} ({a} and {b})", fact.replace('_', " ")));
        }
    }
    if !differs.is_empty() {
        notes.push(format!("The runs differ in {}.", differs.join(", ")));
    }
    notes.extend(note_on_warnings(of_a, of_b));
    notes.extend(note_on_shared_cores(a, b));
    notes
}

/// What `doctor` warned of when one of the runs began, and not the other.
fn note_on_warnings(a: &Manifest, b: &Manifest) -> Option<String> {
    let warnings = |of: &Manifest| -> Vec<(String, String)> {
        let warnings = of.doctor.iter();
        let warnings = warnings.filter(|one| one.severity == Severity::Warning);
        warnings
            .map(|one| (one.check.clone(), one.seen.clone()))
            .collect()
    };
    let (of_a, of_b) = (warnings(a), warnings(b));
    let only = |name: &str, own: &[(String, String)], others: &[(String, String)]| {
        let own: Vec<String> = own
            .iter()
            .filter(|(check, _)| others.iter().all(|(other, _)| other != check))
            .map(|(check, seen)| format!("{check}: {seen}"))
            .collect();
        (!own.is_empty()).then(|| format!("of {name} alone: {}", own.join("; ")))
    };
    let found = [only("A", &of_a, &of_b), only("B", &of_b, &of_a)];
    let found: Vec<String> = found.into_iter().flatten().collect();
    (!found.is_empty()).then(|| format!("doctor warned {}.", found.join(", and ")))
}

/// Where figures of one run have more slices beside another hardware thread than those of the other.
fn note_on_shared_cores(a: &Summary, b: &Summary) -> Option<String> {
    let shared = |of: &Summary| of.disturbance.and_then(|seen| seen.shared);
    let part = |of: Shared| {
        let counted = of.probed - of.left_out;
        (of.shared - of.left_out) as f64 / counted.max(1) as f64
    };
    let (a, b) = (part(shared(a)?), part(shared(b)?));
    ((a - b).abs() >= SHARED).then(|| {
        format!(
            "Another hardware thread worked on the core in {:.0} % of the slices that A's figures count and in \
             {:.0} % of B's: tables whose lookups overlap lose most by it.",
            a * 100.0,
            b * 100.0
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::synthetic::{Cell, Synthetic};
    use crate::machine::doctor::Diagnosis;
    use crate::record::Records;

    fn records() -> Records {
        let cells = [Cell::new("fixed", 400.0), Cell::new("striped", 80.0)];
        Synthetic::new().panel("ycsb-c", 1, &cells).records()
    }

    fn noted(a: &Records, b: &Records) -> Vec<String> {
        notes(&Summary::of(a), &Summary::of(b))
    }

    #[test]
    fn a_warning_of_one_run_alone_is_repeated() {
        let (mut a, mut b) = (records(), records());
        b.manifest.run_id = "another".into();
        let warning = |check: &str, severity| Diagnosis {
            check: check.into(),
            severity,
            seen: "13 %".into(),
            why: String::new(),
            advice: String::new(),
        };
        a.manifest.doctor = vec![warning("load", Severity::Warning)];
        b.manifest.doctor = vec![
            warning("load", Severity::Warning),
            warning("free blocks", Severity::Warning),
            warning("cores", Severity::Note),
        ];
        assert_eq!(
            noted(&a, &b),
            ["doctor warned of B alone: free blocks: 13 %."]
        );
        assert_eq!(noted(&b, &b.clone()).len(), 1, "but that they are the same");
    }

    #[test]
    fn shared_slices_that_count_in_one_run_are_named() {
        let shared_in = |every: u32| {
            let cells = [Cell::new("fixed", 400.0), Cell::new("striped", 80.0)];
            let synthetic = Synthetic::new().panel("ycsb-c", 1, &cells);
            // In the other panel two of three slices are shared, and left out.
            let mut records = synthetic.panel("ycsb-b", 1, &cells).records();
            for row in &mut records.slices {
                let every = if row.panel == 0 { every } else { 3 };
                let is_shared = row.round % every != 0;
                row.additions_per_kcycle = Some(if is_shared { 2100 } else { 3650 });
            }
            records.manifest.run_id = format!("every-{every}");
            records
        };
        // Of three, two are left out; of six too few would remain.
        let (left_out, counted) = (shared_in(3), shared_in(6));
        let found = noted(&left_out, &counted);
        assert_eq!(found.len(), 1);
        assert!(
            found[0].contains("in 0 % of the slices that A's figures count and in 62 % of B's"),
            "{}",
            found[0]
        );
        assert_eq!(noted(&left_out, &shared_in(1)), Vec::<String>::new());
    }
}
