//! How a run was measured, and how to run it again.

use std::collections::{BTreeMap, BTreeSet};

use super::model::{Block, Section};
use super::{servers, verified};
use crate::analysis::predict::{errors_in_words, held_out};
use crate::analysis::verdict::BIRTHS_FOR_AN_INTERVAL;
use crate::machine::CARGO_FEATURES;
use crate::record::{Manifest, ProgramEntry, Records, TrialRow};
use crate::report::doctor::{doctor_verdict, warnings};
use crate::report::format::{counted, grouped, noise};
use crate::report::labels::{on_cores, place_of, without_rate};
use crate::report::summary::{CellSummary, PanelSummary, Summary, Verdict};
use crate::report::table::{Column, Table};
use crate::stats;

/// How it was measured.
pub(super) fn method<'r>(summary: &Summary, records: &Records) -> Section<'r> {
    let mut blocks: Vec<Block<'_>> = paragraphs(summary).into_iter().map(Block::text).collect();
    blocks.extend(predictions(summary, records).map(Block::text));
    let panels = panels(summary, records);
    if !panels.rows.is_empty() {
        blocks.extend(Block::table_or_more("", "Panels", panels));
    }
    blocks.extend(verified::blocks(summary));
    blocks.extend(servers::blocks(summary, records));
    let machine = machine(&summary.manifest);
    if !machine.is_empty() {
        blocks.push(Block::text(machine));
    }
    let warnings = warnings(&summary.manifest.doctor);
    if !warnings.is_empty() {
        blocks.push(Block::List(warnings));
    }
    let mut missing = not_measured(records);
    missing.extend(without_rates(summary));
    blocks.extend(without(missing));
    Section::new("method", "How it was measured", blocks)
}

/// What was not measured, and why.
pub(super) fn without<'r>(what: Vec<String>) -> Vec<Block<'r>> {
    if what.is_empty() {
        return Vec::new();
    }
    vec![Block::text("Not measured:"), Block::List(what)]
}

fn paragraphs(summary: &Summary) -> Vec<String> {
    let manifest = &summary.manifest;
    let ms = |ns: u64| {
        let ms = format!("{:.1}", ns as f64 / 1e6);
        format!("{} ms", ms.trim_end_matches(".0"))
    };
    let mut paragraphs = vec![
        format!(
            "Each table lives in a process of its own; the tables of a panel are alive together and take \
             turns in slices of {}, dealt in balanced random order. The first {} of a slice re-warm the \
             caches and are left out of rates. A workload that changes the set of keys runs in whole \
             passes from a fresh table instead.",
            ms(manifest.slice_ns),
            ms(manifest.discard_ns)
        ),
        format!(
            "Ratios are paired within a round of slices (or a pass), so a disturbance of both \
             cancels. Intervals hold {:.0} %, from {} bootstrap resamples of the median: first of \
             births (fresh processes), then of rounds. Factors between panels, such as thread \
             counts or batch sizes, divide medians and are not paired.",
            stats::CONFIDENCE * 100.0,
            grouped(u64::from(stats::RESAMPLES))
        ),
        format!(
            "Controls: a table that holds nothing gives the harness floor, and a second copy of \
             the baseline gives the A/A noise; an interval wholly inside it is printed as “the \
             same within” it, one that only touches it as “not told apart”. One reading of the \
             clock costs {:.1} ns; rates read it between slices, never around an operation.",
            manifest.clock_cost_ps as f64 / 1e3
        ),
    ];
    paragraphs.extend(summary.promise().map(|promise| {
        format!(
            "{promise}. They are each pair of targets in each panel, and each target once more against itself \
             elsewhere. “Faster” and “slower” ask that the whole of the wider interval lies outside the A/A \
             noise; below {BIRTHS_FOR_AN_INTERVAL} births that is the noise of the worst panel of the run."
        )
    }));
    if summary.panels.iter().any(|panel| panel.entry.threads > 1) {
        paragraphs.push(
            "The rate of several threads is what all of them did over the time from the first one's start to \
             the last one's end."
                .to_owned(),
        );
    }
    if let Some(cores) = summary.panels.iter().find_map(PanelSummary::crowded_on) {
        paragraphs.push(format!(
            "Where threads outnumber the {}, they take turns: slices are as many times longer as there are \
             threads to a core, and what is measured is how a table bears that a thread loses its core, for \
             example while it holds a lock. It is not counted as scaling, and a time an operation has the \
             wait for a core in it.",
            counted(u64::from(cores), "core")
        ));
    }
    if let Some(disturbance) = &summary.disturbance {
        paragraphs.push(format!(
            "A slice counts as disturbed when its threads, ready to run, waited for a core for more than \
             a tenth of it, beyond what the table's own helper threads and wake-ups explain. It is \
             repeated up to twice where it can be, then kept and marked. In this run: {}.",
            disturbance.sentence()
        ));
    }
    if let Some(sentence) = summary.huge_pages.and_then(|seen| seen.sentence()) {
        paragraphs.push(format!(
            "Once a table is filled, the kernel is asked to gather its memory into the huge pages that were asked \
             for. In this run {sentence}."
        ));
    }
    paragraphs
}

/// How well the models of `bucketlab predict` do on cells of this run that their fits have not seen.
fn predictions(summary: &Summary, records: &Records) -> Option<String> {
    let errors = errors_in_words(&held_out(records, summary))?;
    Some(format!(
        "Models that predict other numbers of entries and threads (`bucketlab predict`) can be fitted to this run. \
         Cells that are left out of a fit in turn are predicted with an error of {errors}."
    ))
}

/// What the doctor said when the run began.
fn machine(manifest: &Manifest) -> String {
    if manifest.doctor.is_empty() {
        return String::new();
    }
    format!(
        "The machine was checked before the run (run.toml has all checks). {}.",
        doctor_verdict(&manifest.doctor)
    )
}

/// A row per panel.
fn panels(summary: &Summary, records: &Records) -> Table {
    let mut births: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
    for row in &records.trials {
        births.entry(row.panel).or_default().insert(row.birth);
    }
    let panel = |panel: &PanelSummary| {
        let entry = &panel.entry;
        let births = births.get(&entry.panel).map_or(0, BTreeSet::len);
        let pairs = panel.cells.iter().filter_map(|cell| cell.ratio);
        let floor = panel.harness.as_ref().map(|floor| {
            let hash = floor.hash_ns;
            let hash = hash.map_or_else(String::new, |ns| format!(", {ns:.1} of it the hash"));
            format!("{:.1} ns/op{hash}", floor.floor_ns)
        });
        vec![
            entry.panel.to_string(),
            if entry.about.is_empty() {
                entry.workload.clone()
            } else {
                format!("{}: {}", entry.workload, entry.about)
            },
            on_cores(entry.threads.to_string(), panel.crowded_on()),
            entry.batch.to_string(),
            entry.between.to_string(),
            match entry.entries {
                0 => "–".to_owned(),
                entries => grouped(entries),
            },
            if entry.pass { "passes" } else { "slices" }.to_owned(),
            births.to_string(),
            range(panel.cells.iter().map(|cell| cell.trials)),
            range(pairs.map(|ratio| ratio.pairs)),
            floor.unwrap_or_else(|| "not measured".to_owned()),
            match panel.noise_floor {
                Some(log) => format!("±{}", noise(log)),
                None => "not measured".to_owned(),
            },
        ]
    };
    let columns = vec![
        Column::number("panel", ""),
        Column::words("workload"),
        Column::number("threads", ""),
        Column::number("batch", ""),
        Column::text("between"),
        Column::number("entries", ""),
        Column::text("dealt as"),
        Column::number("births", ""),
        Column::number("trials", ""),
        Column::number("pairs", ""),
        Column::words("harness floor"),
        Column::text("A/A noise"),
    ];
    Table::of_texts(columns, summary.panels.iter().map(panel))
}

/// `8`, or `6–8` where they differ; a dash for none.
fn range(counts: impl Iterator<Item = usize> + Clone) -> String {
    match (counts.clone().min(), counts.max()) {
        (Some(least), Some(most)) if least == most => least.to_string(),
        (Some(least), Some(most)) => format!("{least}–{most}"),
        _ => "–".to_owned(),
    }
}

/// Which cells have no rate, or lack that of some slices, and why.
fn without_rates(summary: &Summary) -> impl Iterator<Item = String> {
    summary.panels.iter().flat_map(|panel| {
        let of_cell = move |cell: &CellSummary| {
            let why = match cell.verdict {
                Verdict::NotMeasured => {
                    Some(format!("{}: {}", panel.label(cell), cell.why_no_rate()))
                }
                _ => without_rate(panel, cell),
            };
            why.map(|why| format!("rates in {}: {why}", place_of(panel)))
        };
        panel.cells.iter().filter_map(of_cell)
    })
}

fn not_measured(records: &Records) -> Vec<String> {
    let mut reasons: BTreeMap<&str, u64> = BTreeMap::new();
    let with_reason = records
        .trials
        .iter()
        .filter(|r| !r.memory_reason.is_empty());
    for row in with_reason {
        *reasons.entry(&row.memory_reason).or_default() += 1;
    }
    let memory = reasons
        .iter()
        .map(|(reason, rows)| format!("memory in {}: {reason}", counted(*rows, "trial")));
    let dropped = records.trials.iter().filter_map(|row| row.marks_dropped);
    let dropped = dropped.filter(|&marks| marks > 0).count() as u64;
    let resizes = (dropped > 0).then(|| {
        format!(
            "resizes in {}: there were more than the journal of a table holds",
            counted(dropped, "trial")
        )
    });
    let listed = records.manifest.not_measured.iter().cloned();
    let all = listed.chain(memory).chain(resizes);
    all.chain(scaled_counts(records)).collect()
}

/// That counts are scaled up, where the processor's counters were shared out for a time.
fn scaled_counts(records: &Records) -> Option<String> {
    let part = |row: &TrialRow| {
        let (running, enabled) = (row.counters_running_ns?, row.counters_enabled_ns?);
        (running < enabled).then(|| running as f64 / enabled as f64)
    };
    let parts: Vec<f64> = records.trials.iter().filter_map(part).collect();
    let least = parts.iter().copied().fold(1.0, f64::min);
    (!parts.is_empty()).then(|| {
        format!(
            "hardware counters in {}: they ran for {:.0} % of the time or more, and the counts are scaled \
             up to all of it",
            counted(parts.len() as u64, "trial"),
            (least * 100.0).floor()
        )
    })
}

/// How to run it again.
pub(super) fn reproduce<'r>(records: &Records, charts: Vec<(String, String)>) -> Section<'r> {
    let manifest = &records.manifest;
    let source = Source {
        argv: &manifest.argv,
        program: manifest.program.as_ref(),
        seed: manifest.seed,
        version: &manifest.version,
        revision: &manifest.revision,
        binary_hash: &manifest.binary_hash,
        lockfile_hash: &manifest.lockfile_hash,
        features: features(&manifest.machine),
    };
    let suites = manifest.suites.iter().map(|suite| {
        let name = suite.get("name").and_then(toml::Value::as_str);
        let name = name.unwrap_or_default();
        let text = toml::to_string(suite).expect("a table that came from TOML");
        Block::Folded(format!("Suite {name} as it was run, after flags"), text)
    });
    let mut files = files(records);
    files.extend(charts);
    reproduce_section(&source, "streams", suites.collect(), files)
}

/// The commands, what they take for granted, what else is to be said, and the files; `what` is the same
/// on every machine.
pub(super) fn reproduce_section<'r>(
    source: &Source<'_>,
    what: &str,
    more: Vec<Block<'r>>,
    files: Vec<(String, String)>,
) -> Section<'r> {
    let mut blocks = vec![
        Block::Commands(commands(source)),
        Block::text(remarks(source, what).join(" ")),
    ];
    blocks.extend(more);
    let title = format!("Files: {}", files.len());
    blocks.push(Block::More(title, vec![Block::Files(files)]));
    Section::new("reproduce", "Reproduce", blocks)
}

/// The features that the program was built with, with commas between them; empty for none.
pub(super) fn features(machine: &BTreeMap<String, String>) -> &str {
    let features = machine.get(CARGO_FEATURES).map(String::as_str);
    features
        .filter(|&features| features != "none")
        .unwrap_or("")
}

/// What a run came from, whichever its manifest.
pub(super) struct Source<'m> {
    pub argv: &'m [String],
    /// The program, where it is one of another crate.
    pub program: Option<&'m ProgramEntry>,
    pub seed: u64,
    pub version: &'m str,
    pub revision: &'m str,
    pub binary_hash: &'m str,
    pub lockfile_hash: &'m str,
    /// The features that the program was built with, with commas between them.
    pub features: &'m str,
}

fn commands(manifest: &Source<'_>) -> Vec<String> {
    let mut commands = Vec::new();
    let of_program = manifest.program.map(|program| program.revision.as_str());
    let revision = of_program.unwrap_or(manifest.revision);
    let revision = revision.trim_end_matches("-dirty");
    if !revision.is_empty() {
        commands.push(format!("git checkout {}", quoted(revision)));
    }
    let (program, arguments) = match manifest.argv.split_first() {
        Some((program, arguments)) => (program.as_str(), arguments),
        None => ("bucketlab", &[][..]),
    };
    let file = program.rsplit('/').next().unwrap_or(program);
    let mut words = vec![if manifest.program.is_some() {
        commands.push("cargo build --release --locked".to_owned());
        format!("target/release/{}", quoted(file))
    } else if file == "bucketlab" {
        let features = match manifest.features {
            "" => String::new(),
            features => format!(" --features {features}"),
        };
        commands.push(format!("cargo build --release --locked{features}"));
        "target/release/bucketlab".to_owned()
    } else {
        quoted(program)
    }];
    words.extend(arguments.iter().map(|word| quoted(word)));
    let is_seed = |word: &String| word == "--seed" || word.starts_with("--seed=");
    if !arguments.iter().any(is_seed) {
        words.push(format!("--seed {}", manifest.seed));
    }
    commands.push(words.join(" "));
    commands
}

/// A word as a shell must be given it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,^+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// What the commands take for granted; `what` is the same on every machine.
fn remarks(manifest: &Source<'_>, what: &str) -> Vec<String> {
    let (name, version, revision) = match manifest.program {
        Some(program) => (&*program.name, &*program.version, &*program.revision),
        None => ("bucketlab", manifest.version, manifest.revision),
    };
    let mut remarks = vec![format!(
        "{name} {version}, seed {}: the same {what} on every machine.",
        manifest.seed
    )];
    if revision.is_empty() {
        remarks.push("The revision of the sources is not known.".to_owned());
    } else if revision.ends_with("-dirty") {
        remarks.push("The sources were changed after that revision.".to_owned());
    }
    if manifest.program.is_some() {
        let revision = match manifest.revision {
            "" => "a revision that is not known",
            revision => revision,
        };
        remarks.push(format!(
            "It was built with bucketlab {} of {revision}.",
            manifest.version
        ));
    }
    for (what, hash) in [
        ("program", manifest.binary_hash),
        ("lockfile", manifest.lockfile_hash),
    ] {
        if !hash.is_empty() {
            remarks.push(format!("XXH3-64 of the {what}: {hash}."));
        }
    }
    remarks
}

fn files(records: &Records) -> Vec<(String, String)> {
    let mut files = always(records);
    let rows = |count: usize| counted(count as u64, "row");
    if !records.latency.is_empty() {
        files.push((
            "latency.csv".to_owned(),
            format!(
                "{}: percentiles by trial; histograms/*.hlog are behind them",
                rows(records.latency.len())
            ),
        ));
    }
    if !records.slo.is_empty() {
        files.push((
            "slo.csv".to_owned(),
            format!("{}: searches for the highest rate", rows(records.slo.len())),
        ));
    }
    if !records.windows.is_empty() {
        files.push((
            "windows.csv".to_owned(),
            format!(
                "{}: passes by windows of time and thread",
                rows(records.windows.len())
            ),
        ));
    }
    files
}

/// The files that every run has.
fn always(records: &Records) -> Vec<(String, String)> {
    let rows = |count: usize| match count {
        1 => "1 row".to_owned(),
        count => format!("{} rows", grouped(count as u64)),
    };
    [
        (
            "trials.csv",
            format!("{}: one per trial of a cell", rows(records.trials.len())),
        ),
        (
            "slices.csv",
            format!("{}: one per slice and thread", rows(records.slices.len())),
        ),
        (
            "census.csv",
            format!(
                "{}: what each table says of its structure",
                rows(records.census.len())
            ),
        ),
        (
            "timeline.csv",
            format!("{}: resizes", rows(records.marks.len())),
        ),
        (
            "run.toml",
            "the suites as run, the machine, panels and cells".to_owned(),
        ),
    ]
    .map(|(file, holds)| (file.to_owned(), holds))
    .to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::synthetic::{Cell, Synthetic};
    use crate::machine::MemorySpeed;

    #[test]
    fn errors_of_predictions_are_said_where_a_model_can_be_fitted() {
        let panel = |run: Synthetic, ns: f64| {
            run.panel("w", 1, &[Cell::null(20.0, 10.0), Cell::new("fixed", ns)])
        };
        let run = [185.0, 260.0, 335.0]
            .into_iter()
            .fold(Synthetic::new(), panel);
        let mut records = run.records();
        let said = |records: &Records| predictions(&Summary::of(records), records);
        assert_eq!(said(&records), None);
        let sizes = [
            (100_000, 60_000),
            (1_000_000, 90_000),
            (10_000_000, 120_000),
        ];
        for (panel, (entries, dependent_load_ps)) in records.manifest.panels.iter_mut().zip(sizes) {
            panel.entries = entries;
            panel.memory = Some(MemorySpeed {
                bytes: 200 * entries,
                dependent_load_ps,
                lines_per_s: 100_000_000,
            });
        }
        let said = said(&records).unwrap();
        assert!(said.contains("an error of a median of"), "{said}");
        assert!(said.contains("over 3 cells"), "{said}");
    }

    #[test]
    fn words_survive_a_shell() {
        assert_eq!(quoted("fixed:buckets=2^10"), "fixed:buckets=2^10");
        assert_eq!(quoted("striped:stripes=[1,2]"), "'striped:stripes=[1,2]'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }
}
