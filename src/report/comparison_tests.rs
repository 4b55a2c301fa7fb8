//! Comparisons of runs whose figures are known beforehand.

use super::{comparison_json, comparison_markdown, comparison_table};
use crate::analysis::synthetic::{Cell, Synthetic};
use crate::analysis::{Call, Compared, Difference, Summary};
use crate::record::Records;

/// A run in which an operation of the control takes `machine` times, one of `resizable` `table` times
/// as long as usual.
fn run(machine: f64, table: f64) -> Records {
    let cells = |scale: f64| {
        [
            Cell::null(8.0 * machine, 5.0 * machine),
            Cell::new("fixed", 400.0 * machine * scale),
            Cell::twin("fixed", 400.0 * machine * scale),
            Cell::new("resizable", 80.0 * machine * scale * table),
            Cell::new("striped", 81.0 * machine * scale),
        ]
    };
    Synthetic::new()
        .panel("ycsb-b", 1, &cells(1.0))
        .panel("ycsb-c", 2, &cells(1.2))
        .records()
}

fn compare(a: &Records, b: &Records) -> Compared {
    Compared::of_runs(&Summary::of(a), &Summary::of(b))
}

fn calls(compared: &Compared) -> Vec<(&str, Call)> {
    let cells = compared.cells.iter();
    cells
        .map(|cell| (cell.target.as_str(), cell.call))
        .collect()
}

#[test]
fn a_slower_machine_is_no_slower_table() {
    let compared = compare(&run(1.0, 1.0), &run(1.3, 1.0));
    assert_eq!(
        compared.count(Call::Is(Difference::Same)),
        6,
        "{compared:?}"
    );
    let overall = compared.overall.unwrap();
    assert!(
        overall.ratio.contains(1.0) && overall.cells == 6,
        "{overall:?}"
    );
    for drift in &compared.drifts {
        assert_eq!(drift.of, ["null"]);
        assert!((drift.ratio.mid - 1.0 / 1.3).abs() < 0.02, "{drift:?}");
    }
    assert_eq!(compared.drifts.len(), 2);
}

/// Of comparisons in which nothing has changed, with as many cells as a suite has and births of unequal luck,
/// few call any cell different; of as many in which one table takes longer, nearly all call that.
#[test]
fn of_many_cells_that_have_not_changed_few_comparisons_call_one_different() {
    let names: Vec<String> = (0..20).map(|n| format!("table{n}")).collect();
    let run = |seed: u64, table0: f64| {
        let mut cells = vec![Cell::null(8.0, 5.0)];
        for (name, at) in names.iter().zip(0..) {
            cells.push(Cell::new(
                name,
                if at == 0 { 100.0 * table0 } else { 100.0 },
            ));
        }
        cells.extend([
            Cell::twin("table0", 100.0 * table0),
            Cell::peer("papaya", 90.0),
            Cell::peer("scc", 95.0),
        ]);
        let run = Synthetic::new().births(4, 0.02, seed).panel("w", 1, &cells);
        Summary::of(&run.records())
    };
    let (mut false_alarms, mut by_the_interval_shown, mut found) = (0, 0, 0);
    for turn in 0..8 {
        let before = run(3 * turn + 1, 1.0);
        let same = Compared::of_runs(&before, &run(3 * turn + 2, 1.0));
        assert_eq!(same.family.verdicts(), 20);
        let calls = || same.cells.iter().map(|cell| cell.call);
        false_alarms += u32::from(calls().any(|call| matches!(call, Call::Is(is) if is.is_one())));
        let off = |cell: &&crate::analysis::CellComparison| {
            cell.call.is_verdict() && !cell.ratio.unwrap().interval.contains(1.0)
        };
        by_the_interval_shown += u32::from(same.cells.iter().find(off).is_some());
        let slower = Compared::of_runs(&before, &run(3 * turn + 3, 1.25));
        let cell = slower.cells.iter().find(|cell| cell.target == "table0");
        found += u32::from(cell.unwrap().is_slower_by(0.05));
    }
    assert!(by_the_interval_shown >= 4, "{by_the_interval_shown} of 8");
    assert!(false_alarms <= 1, "{false_alarms} of 8");
    assert!(found >= 7, "{found} of 8");
}

/// One target, and ten: the same ratio is a verdict of the one and not of the many.
#[test]
fn how_many_cells_are_judged_decides() {
    let births = 20;
    let of = |others: u32, ns: f64| {
        let names: Vec<String> = (0..others).map(|n| format!("other{n}")).collect();
        let mut cells = vec![Cell::new("fixed", 100.0), Cell::new("near", ns)];
        cells.extend(names.iter().map(|name| Cell::new(name, 100.0)));
        let records = Synthetic::new()
            .births(births, 0.03, 7)
            .panel("w", 1, &cells);
        let summary = Summary::of(&records.records());
        let compared = Compared::of_targets(&summary, "fixed", "near").unwrap();
        // Of a run's family, whichever two are asked about.
        assert_eq!(compared.family, summary.family);
        let targets = usize::try_from(others).unwrap() + 2;
        assert_eq!(summary.family.verdicts(), targets * (targets + 1) / 2);
        let cell = compared.cells[0].clone();
        let ratio = cell.ratio.unwrap();
        assert_eq!(ratio.units, births as usize);
        (ratio, cell.held.unwrap(), cell.call)
    };
    let between = (85..100).rev().find(|&ns| {
        let (few, many) = (of(0, f64::from(ns)), of(10, f64::from(ns)));
        assert_eq!(few.0, many.0, "the interval shown is the cell's own");
        assert!(few.1.width() < many.1.width());
        (few.2, many.2)
            == (
                Call::Is(Difference::Faster),
                Call::Is(Difference::NotToldApart),
            )
    });
    assert!(between.is_some());
}

#[test]
fn a_slower_table_is_called_slower_and_no_other() {
    let (before, after) = (run(1.0, 1.0), run(1.3, 1.25));
    let compared = compare(&before, &after);
    for (target, call) in calls(&compared) {
        let wanted = match target {
            "resizable" => Call::Is(Difference::Slower),
            _ => Call::Is(Difference::Same),
        };
        assert_eq!(call, wanted, "{target}");
    }
    let cell = compared.cells.iter().find(|c| c.target == "resizable");
    let cell = cell.unwrap();
    assert!((cell.ratio.unwrap().interval.mid - 0.8).abs() < 0.02);
    assert!(cell.is_slower_by(0.10) && !cell.is_slower_by(0.30));
    let back = compare(&after, &before);
    assert_eq!(back.count(Call::Is(Difference::Faster)), 2);
    assert!(!back.cells.iter().any(|cell| cell.is_slower_by(0.0)));
    // 0.8, 1 and 1 in both panels.
    let overall = compared.overall.unwrap().ratio;
    assert!((overall.mid - 0.8_f64.cbrt()).abs() < 0.01 && overall.low < overall.high);
    assert_eq!(
        compared,
        compare(&before, &after),
        "the same records, the same figures"
    );
}

/// Slower memory slows tables and peers, and not the control.
#[test]
fn peers_are_what_tables_are_relative_to() {
    let run = |memory: f64, table: f64| {
        let cells = [
            Cell::null(8.0, 5.0),
            Cell::new("fixed", 400.0 * memory),
            Cell::twin("fixed", 400.0 * memory),
            Cell::new("resizable", 80.0 * memory * table),
            Cell::peer("scc", 90.0 * memory),
            Cell::peer("papaya", 70.0 * memory),
        ];
        Synthetic::new().panel("ycsb-b", 1, &cells).records()
    };
    let before = run(1.0, 1.0);
    let compared = compare(&before, &run(1.3, 1.0));
    assert_eq!(
        compared.count(Call::Is(Difference::Same)),
        2,
        "{compared:?}"
    );
    // A peer is relative to the other one, and has no verdict: it is the same in both runs.
    let peers = &compared.cells[2..];
    assert!(peers.iter().all(|cell| cell.ratio.is_some()));
    assert!(peers.iter().all(|cell| cell.call == Call::Yardstick));
    assert_eq!(compared.overall.unwrap().cells, 2);
    assert_eq!(compared.count(Call::NotComparable), 0);
    let over: Vec<_> = compared
        .cells
        .iter()
        .map(|cell| cell.over.join(" "))
        .collect();
    assert_eq!(over, ["scc papaya", "scc papaya", "papaya", "scc"]);
    assert_eq!(compared.drifts.len(), 1);
    let about_control = |compared: &Compared| {
        let mut notes = compared.notes.iter();
        notes.any(|note| note.contains("relative to the control"))
    };
    assert!(!about_control(&compared), "{compared:?}");
    let drift = compared.drifts[0].ratio;
    assert!((drift.mid - 1.0 / 1.3).abs() < 0.02, "{drift:?}");

    let mut after = run(1.3, 1.25);
    let compared = compare(&before, &after);
    assert_eq!(
        calls(&compared)[1],
        ("resizable", Call::Is(Difference::Slower))
    );
    let ratio = compared.cells[1].ratio.unwrap().interval;
    assert!((ratio.mid - 0.8).abs() < 0.02, "{ratio:?}");
    // Other versions of them may be faster or slower themselves.
    after.manifest.lockfile_hash = "another".into();
    let compared = compare(&before, &after);
    assert!(compared.cells.iter().all(|cell| cell.over == ["null"]));
    assert_eq!(compared.count(Call::NotComparable), 0, "{compared:?}");
    assert!(about_control(&compared), "{compared:?}");
}

/// A single peer is relative to the control, and judged by nothing: its noise is not the tables'.
#[test]
fn the_noise_shown_is_that_of_what_is_judged() {
    let cells = [
        Cell::null(8.0, 5.0),
        Cell::new("fixed", 400.0),
        Cell::twin("fixed", 400.0),
        Cell::peer("scc", 90.0),
    ];
    let run = Synthetic::new().panel("ycsb-b", 1, &cells).records();
    let mut compared = compare(&run, &run);
    assert_eq!(
        calls(&compared),
        [
            ("fixed", Call::Is(Difference::Same)),
            ("scc", Call::Yardstick)
        ]
    );
    assert_eq!(compared.cells[1].over, ["null"]);
    let before = comparison_table(&compared, 100, false);
    assert!(before.contains("A/A noise of both") && before.contains("  yardstick"));
    compared.cells[1].noise = 2.0.into();
    assert_eq!(comparison_table(&compared, 100, false), before);
}

#[test]
fn noise_of_either_run_hides_what_lies_within_it() {
    let noisy = |ns: f64| {
        let cells = [
            Cell::null(8.0, 5.0),
            Cell::new("fixed", 400.0),
            Cell::twin("fixed", 400.0 * 1.3),
            Cell::new("resizable", ns),
        ];
        Synthetic::new().panel("ycsb-b", 1, &cells).records()
    };
    let quiet = |ns: f64| {
        let cells = [
            Cell::null(8.0, 5.0),
            Cell::new("fixed", 400.0),
            Cell::twin("fixed", 400.0),
            Cell::new("resizable", ns),
        ];
        Synthetic::new().panel("ycsb-b", 1, &cells).records()
    };
    let call = |a: &Records, b: &Records| calls(&compare(a, b))[1].1;
    assert_eq!(
        call(&quiet(80.0), &quiet(100.0)),
        Call::Is(Difference::Slower)
    );
    assert_eq!(
        call(&noisy(80.0), &quiet(100.0)),
        Call::Is(Difference::Same)
    );
    assert_eq!(
        call(&quiet(80.0), &noisy(100.0)),
        Call::Is(Difference::Same)
    );
    assert_eq!(
        call(&noisy(80.0), &noisy(200.0)),
        Call::Is(Difference::Slower)
    );
}

#[test]
fn what_cannot_be_compared_says_why() {
    let (a, mut b) = (run(1.0, 1.0), run(1.0, 1.0));
    let reason = |a: &Records, b: &Records| {
        let compared = compare(a, b);
        assert!(!compared.says_something(), "{compared:?}");
        assert_eq!(compared.overall, None);
        compared.reasons()[0].0.to_owned()
    };
    let mut other = a.clone();
    other
        .manifest
        .machine
        .insert("cpu_model".into(), "X".into());
    b.manifest.machine.insert("cpu_model".into(), "Y".into());
    assert_eq!(reason(&other, &b), "other machine: X in A, Y in B");
    // An older run that does not say what it ran on is not refused.
    assert!(compare(&a, &b).says_something());
    other
        .manifest
        .machine
        .insert("cpu_model".into(), "Y".into());
    other
        .manifest
        .machine
        .insert("allocator".into(), "glibc".into());
    b.manifest
        .machine
        .insert("allocator".into(), "mimalloc".into());
    assert!(reason(&other, &b).starts_with("other allocator: glibc in A"));

    // Ids that differ, and what differs behind them.
    let changed = |change: &dyn Fn(&mut Records)| {
        let mut b = run(1.0, 1.0);
        for cell in &mut b.manifest.cells {
            cell.cell_id.insert(0, 'x');
        }
        change(&mut b);
        reason(&a, &b)
    };
    assert_eq!(
        changed(&|b| b
            .manifest
            .cells
            .iter_mut()
            .for_each(|c| c.hash = "xxh3".into())),
        "hash sip13 here, xxh3 in B"
    );
    assert_eq!(
        changed(&|b| b.manifest.panels.iter_mut().for_each(|p| p.entries = 7)),
        "entries 100000 here, 7 in B"
    );
    assert_eq!(
        changed(&|b| b.manifest.panels.iter_mut().for_each(|p| p.threads += 4)),
        "threads 1 here, 5 in B"
    );
    assert!(changed(&|_| ()).contains("other workload parameters"));
    assert_eq!(
        changed(&|b| b
            .manifest
            .cells
            .iter_mut()
            .for_each(|c| c.strategy = "z".into())),
        "only in A"
    );
}

#[test]
fn failed_short_and_missing_cells_are_left_out_alone() {
    let cells =
        |resizable: Cell<'static>| [Cell::null(8.0, 5.0), Cell::new("fixed", 400.0), resizable];
    let one = |cell| Synthetic::new().panel("ycsb-b", 1, &cells(cell)).records();
    let good = one(Cell::new("resizable", 80.0));
    let failed = one(Cell::new("resizable", 80.0).failing("it hung"));
    let compared = compare(&good, &failed);
    assert_eq!(compared.cells[1].reason, "failed in B: it hung");
    assert_eq!(compared.overall.unwrap().cells, 1);
    let mut short = good.clone();
    short.slices.retain(|slice| slice.round < 2);
    let compared = compare(&good, &short);
    assert!(compared.cells[1].reason.starts_with("2 of the 3 slices"));
    let compared = compare(&good, &one(Cell::new("striped", 80.0)));
    let reasons: Vec<&str> = compared
        .cells
        .iter()
        .map(|cell| cell.reason.as_str())
        .collect();
    assert_eq!(reasons, ["", "only in A", "only in B"]);
}

#[test]
fn targets_of_a_run_are_paired_where_both_were_measured() {
    let summary = Summary::of(&run(1.0, 1.0));
    let of = |first: &str, second: &str| Compared::of_targets(&summary, first, second);
    let compared = of("fixed", "resizable").unwrap();
    assert_eq!(compared.count(Call::Is(Difference::Faster)), 2);
    let ratio = compared.cells[0].ratio.unwrap();
    assert!((ratio.interval.mid - 5.0).abs() < 0.05 && ratio.pairs == 60);
    // The very figures that the run printed.
    let cells = &summary.panels[0].cells;
    assert_eq!(
        Some(ratio),
        cells
            .iter()
            .find(|c| c.entry.target == "resizable")
            .unwrap()
            .ratio
    );
    let overall = compared.overall.unwrap();
    assert!((overall.ratio.mid - 5.0).abs() < 0.05 && overall.cells == 2);
    // 1.25 % apart: the intervals exclude 1, and touch the noise.
    let near = of("resizable", "striped").unwrap();
    assert_eq!(near.count(Call::Is(Difference::NotToldApart)), 2);
    assert!(
        near.cells
            .iter()
            .all(|cell| !cell.ratio.unwrap().interval.contains(1.0))
    );
    assert_eq!(
        of("striped:buckets=2^10", "fixed")
            .unwrap()
            .count(Call::Is(Difference::Slower)),
        2
    );
    let error = of("fixed", "stripd").unwrap_err().0;
    assert!(error.contains("did you mean 'striped'"), "{error}");
    assert!(of("fixed", "fixed").unwrap_err().0.contains("same target"));
    assert!(
        of("fixed", "fixed:buckets=2^10")
            .unwrap_err()
            .0
            .contains("same target")
    );
}

#[test]
fn a_panel_without_one_of_the_targets_says_so() {
    let records = Synthetic::new()
        .panel(
            "ycsb-b",
            1,
            &[Cell::new("fixed", 400.0), Cell::new("striped", 80.0)],
        )
        .panel(
            "ycsb-c",
            1,
            &[Cell::new("fixed", 400.0), Cell::new("resizable", 80.0)],
        )
        .panel(
            "ycsb-c",
            1,
            &[Cell::new("fixed", 400.0), Cell::new("striped", 80.0)],
        )
        .panel("ycsb-d", 1, &[Cell::new("fixed", 400.0)])
        .records();
    let summary = Summary::of(&records);
    let compared = Compared::of_targets(&summary, "fixed", "striped").unwrap();
    let reasons: Vec<&str> = compared
        .cells
        .iter()
        .map(|cell| cell.reason.as_str())
        .collect();
    assert_eq!(reasons, ["", "", "striped was not measured here"]);
    // Split over two panels of one workload they were never side by side.
    let compared = Compared::of_targets(&summary, "resizable", "striped").unwrap();
    let apart = compared
        .reasons()
        .iter()
        .any(|(why, _)| why.contains("in another panel"));
    assert!(apart && !compared.says_something(), "{compared:?}");
}

#[test]
fn tables_fit_and_say_all() {
    let compared = compare(&run(1.0, 1.0), &run(1.3, 1.25));
    for width in [40, 60, 80, 120] {
        let table = comparison_table(&compared, width, false);
        assert!(
            table.lines().all(|line| line.chars().count() <= width),
            "{width}:\n{table}"
        );
        assert!(!table.contains('\x1b'));
    }
    let table = comparison_table(&compared, 100, false);
    let markdown = comparison_markdown(&compared);
    for text in [&table, &markdown] {
        for words in [
            "resizable",
            "slower",
            "the same within",
            "geometric mean",
            "2 slower, 0 faster, 4 the same, 0 not told apart, 0 not comparable",
            "null does",
            "A/A noise of both",
            "6 verdicts together: held to a 5 % chance",
        ] {
            assert!(text.contains(words), "no '{words}' in\n{text}");
        }
    }
    assert!(comparison_table(&compared, 100, true).contains('\x1b'));
    let json = comparison_json(&compared);
    assert_eq!(json["count"]["slower"], 2);
    assert_eq!(json["cells"][1]["verdict"], "slower");
    assert_eq!(
        json["cells"][1]["ratio"]["mid"].as_f64(),
        compared.cells[1].ratio.map(|r| r.interval.mid)
    );
    assert_eq!(json["overall"]["cells"], 6);
    assert_eq!(json["verdicts"]["together"], 6);
    assert_eq!(json["verdicts"]["error_rate"], 0.05);
    assert_eq!(
        json["cells"][1]["held_by"]["high"].as_f64(),
        compared.cells[1].held.map(|held| held.high)
    );
}

/// A cell's name followed by its verdict, in every output.
#[test]
fn every_output_gives_the_same_verdicts() {
    let (before, after) = (run(1.0, 1.0), run(1.3, 1.25));
    let (of_a, of_b) = (Summary::of(&before), Summary::of(&after));
    let compared = Compared::of_runs(&of_a, &of_b);
    let side = |summary, records| crate::report::Run {
        summary,
        records,
        charts: &[],
    };
    let promise = compared.family.words();
    let page = crate::report::comparison((side(&of_a, &before), ""), (side(&of_b, &after), ""));
    let (table, markdown) = (
        comparison_table(&compared, 200, false),
        comparison_markdown(&compared),
    );
    let json = comparison_json(&compared);
    for text in [&page, &markdown] {
        assert!(text.contains(&promise), "no '{promise}' in\n{text}");
    }
    let flat = table.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains(&promise), "no '{promise}' in\n{table}");
    // In the order of the cells; the page has rows of the twin and the control between.
    let (mut table, mut markdown) = (&*table, &*markdown);
    let (_, mut page) = page.split_once("<tbody>").unwrap();
    for (at, cell) in compared.cells.iter().enumerate() {
        let words = cell.words();
        for text in [&mut table, &mut markdown] {
            let row = text.lines().find(|line| line.contains(&cell.target));
            let row = row.unwrap_or_else(|| panic!("no row of {} in\n{text}", cell.target));
            assert!(row.contains(&words), "no '{words}' in {row}");
        }
        let row = page.find(&format!("{}</", cell.target));
        let row = &page[row.unwrap_or_else(|| panic!("no row of {}", cell.target))..];
        let end = row.find("</tr>").unwrap_or(row.len());
        assert!(
            row[..end].contains(&words),
            "no '{words}' in {}",
            &row[..end]
        );
        page = &row[end..];
        let Call::Is(difference) = cell.call else {
            panic!("{cell:?}")
        };
        assert_eq!(json["cells"][at]["verdict"], difference.key());
        let rule = Difference::of(&cell.ratio.unwrap(), cell.noise, compared.family);
        assert_eq!(rule, difference);
        for text in [&mut table, &mut markdown] {
            let at = text.find(&*cell.target).unwrap_or(0);
            *text = &text[at + cell.target.len()..];
        }
    }
}
