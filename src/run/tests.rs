//! Planning without measuring: merging, controls, baselines, memory.

use super::fit::split_to_fit;
use super::flags::Overrides;
use super::plan::Plan;
use super::suite::{SUITES, Suite};
use crate::base::{Between, Counts};
use crate::catalog::ROWS;
use crate::machine::{Allocator, Pages};

fn plan(flags: &Overrides) -> Plan<'static> {
    Plan::new(ROWS, vec![Suite::load("quick").unwrap().with(flags)]).unwrap()
}

fn targets(names: &[&str]) -> Overrides {
    Overrides {
        targets: names.iter().map(ToString::to_string).collect(),
        workloads: vec!["ycsb-c".to_owned()],
        threads: vec![Counts(vec![1])],
        ..Overrides::default()
    }
}

#[test]
fn built_in_suites_are_sound() {
    for (name, _) in SUITES {
        let suite = Suite::load(name).unwrap();
        assert_eq!(suite.name, *name);
        assert!(suite.analysis.len() > 100, "{name} says what it asks");
        // Where its trace is not at hand, another stands in for it.
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "one\ntwo\none\n").unwrap();
        let trace = file.path().to_str().unwrap().to_owned();
        let flags = Overrides {
            trace: (!suite.trace.is_empty()).then_some(trace),
            ..Overrides::default()
        };
        let suite = suite.with(&flags);
        assert!(!suite.analysis.is_empty(), "{name}");
        assert!(!Plan::new(ROWS, vec![suite]).unwrap().panels.is_empty());
    }
}

/// What people are told before and while they wait.
#[test]
fn the_time_a_panel_takes_is_guessed_from_time_or_trials() {
    let seconds = |workload: &str, time_s: Option<f64>, trials: Option<u32>| {
        let flags = Overrides {
            entries: vec![Counts(vec![1000])],
            workloads: vec![workload.to_owned()],
            time_s,
            trials,
            ..targets(&["fixed", "dash"])
        };
        plan(&flags).panels[0].seconds()
    };
    for workload in ["ycsb-c", "fill"] {
        let few = seconds(workload, None, Some(5));
        assert!(few.is_finite() && few > 1.0, "{workload}: {few}");
        assert!(seconds(workload, None, Some(500)) > 10.0 * few);
    }
    for workload in ["ycsb-c", "fill"] {
        assert!(seconds(workload, Some(1.0), Some(500)) < 10.0, "{workload}");
    }
    assert!(seconds("ycsb-c", Some(20.0), None) > 20.0);
    let flags = Overrides {
        trials: Some(1),
        slo: Some("p99=200us".parse().unwrap()),
        ..targets(&["fixed", "dash"])
    };
    // A search takes what it takes, whatever trials are asked for.
    assert!(plan(&flags).panels[0].seconds() > 20.0);
    // Its targets have the floor beside them, and no twin.
    let searched = plan(&flags);
    let cells = searched.panels[0].cells.iter().map(|cell| cell.row.control);
    assert_eq!(cells.collect::<Vec<_>>(), [true, false, false]);
    let sampled = Overrides {
        time_s: Some(1.0),
        latency: true,
        ..targets(&["fixed", "dash"])
    };
    let panel = &plan(&sampled).panels[0];
    let cells = panel.cells.len() as f64;
    assert!(panel.seconds() > 1.0 + cells * f64::from(panel.births()));
}

/// Four cells: `null`, `fixed`, its twin, `dash`.
#[test]
fn more_time_is_more_births() {
    let births = |entries: u64, time_s: Option<f64>, trials: Option<u32>| {
        let flags = Overrides {
            entries: vec![Counts(vec![entries])],
            time_s,
            trials,
            ..targets(&["fixed", "dash"])
        };
        plan(&flags).panels[0].births()
    };
    // Small tables are filled at once.
    assert_eq!(births(1000, None, None), 8);
    let mut ad_hoc = Suite::load("quick")
        .unwrap()
        .with(&targets(&["fixed", "dash"]));
    (ad_hoc.entries, ad_hoc.time_s) = (Some(1000), None);
    let ad_hoc = Plan::new(ROWS, vec![ad_hoc]).unwrap();
    assert_eq!(ad_hoc.panels[0].births(), 16);
    assert_eq!(births(1000, Some(3.2), None), 8);
    assert_eq!(births(1000, Some(16.0), None), 40);
    assert_eq!(births(1000, Some(16.0), Some(3)), 3);
    assert_eq!(births(1000, Some(1e6), None), 1000);
    // Without a time trials end it.
    assert_eq!(births(10_000_000, None, Some(100)), 8);
    // Filling large ones takes time, half as much as measuring at most.
    assert_eq!(births(1_000_000, Some(16.0), None), 4);
    assert_eq!(births(10_000_000, None, None), 2);
}

#[test]
fn each_budget_is_a_panel_with_cells_of_its_own() {
    let flags = Overrides {
        workloads: vec!["cache-aside".to_owned()],
        budget: ["1Mi", "2Mi", "1024Ki"]
            .map(|text| text.parse().unwrap())
            .to_vec(),
        ..targets(&["dash", "striped"])
    };
    let plan = plan(&flags);
    let names: Vec<&str> = plan
        .panels
        .iter()
        .map(|panel| panel.workload.name.as_str())
        .collect();
    assert_eq!(names, ["cache-aside@1Mi", "cache-aside@2Mi"]);
    assert!(plan.panels.iter().all(super::cell::Panel::is_pass));
    let [one, two] = &plan.panels[..] else {
        panic!("two budgets");
    };
    for (a, b) in one.cells.iter().zip(&two.cells) {
        assert_eq!(a.params.full(), b.params.full());
        assert_ne!(a.id, b.id);
    }
}

#[test]
fn allocators_and_pages_make_cells_of_their_own_in_one_panel() {
    let as_ever = plan(&targets(&["striped", "fixed"]));
    let flags = Overrides {
        allocator: vec![Allocator::System, Allocator::Mimalloc],
        pages: vec![Pages::Default, Pages::Huge],
        ..targets(&["striped", "fixed"])
    };
    let plan = plan(&flags);
    assert_eq!(plan.panels.len(), 1);
    let labels: Vec<String> = plan.panels[0]
        .cells
        .iter()
        .map(super::cell::Cell::target)
        .collect();
    let each = [
        "",
        " (huge pages)",
        " (mimalloc)",
        " (mimalloc, huge pages)",
    ];
    let mut wanted = vec!["null".to_owned()];
    for target in ["striped", "fixed"] {
        wanted.extend(each.iter().map(|suffix| format!("{target}{suffix}")));
    }
    wanted.push("fixed".to_owned());
    assert_eq!(
        labels, wanted,
        "the baseline and its twin are as they come by default"
    );
    for cell in &as_ever.panels[0].cells {
        let same = |other: &&super::cell::Cell<'_>| other.id == cell.id;
        assert!(plan.panels[0].cells.iter().any(|other| same(&other)));
    }
}

/// A scheduler deals cores for milliseconds: a slice must have some turns of each thread in it.
#[test]
fn slices_are_longer_and_fewer_where_threads_share_cores() {
    let cores = u32::try_from(crate::machine::allowed_cpus().len()).unwrap();
    let flags = Overrides {
        threads: vec![Counts(vec![1, 4 * cores])],
        ..targets(&["fixed"])
    };
    let plan = plan(&flags);
    let [alone, crowded] = &plan.panels[..] else {
        panic!("{}", plan.panels.len());
    };
    assert_eq!((alone.crowd, alone.slices()), (1, 10));
    assert_eq!(alone.cut_ns(), alone.slice_ns);
    assert_eq!((crowded.crowd, crowded.slices()), (4, 2));
    assert_eq!(crowded.cut_ns(), 4 * alone.slice_ns);
}

#[test]
fn cells_that_coincide_are_measured_once() {
    let plan = plan(&Overrides::default());
    // And one panel that is back to back.
    let loose = plan
        .panels
        .iter()
        .filter(|p| p.workload.between == Between::NONE);
    assert_eq!(loose.count(), 1);
    let merged = plan
        .panels
        .iter()
        .find(|p| p.workload.name == "ycsb-c" && p.threads == 1)
        .unwrap();
    let names: Vec<String> = merged
        .cells
        .iter()
        .map(|cell| cell.params.short())
        .collect();
    // The floor, three strategies, a peer, five other bucket counts, the twin.
    assert_eq!(names.len(), 11, "{names:?}");
    assert_eq!(
        names.iter().filter(|name| *name == "fixed").count(),
        2,
        "{names:?}"
    );
    let mut ids: Vec<&str> = plan
        .panels
        .iter()
        .flat_map(|p| &p.cells)
        .map(|cell| cell.id.as_str())
        .collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count, "every cell has an id of its own");
}

#[test]
fn two_spellings_of_a_target_are_one_cell() {
    let plan = plan(&targets(&[
        "fixed",
        "fixed:buckets=1024",
        "fixed:capacity=0,buckets=1Ki",
    ]));
    assert_eq!(plan.panels[0].cells.len(), 3, "floor, fixed, twin");
}

#[test]
fn every_panel_has_a_floor_and_a_twin_of_its_baseline() {
    for (names, baseline) in [
        (vec!["striped", "fixed"], "fixed"),
        (vec!["striped", "resizable"], "striped"),
        (
            vec!["fixed:buckets=2^12", "fixed:buckets=2^8"],
            "fixed:buckets=2^12",
        ),
        (vec!["fixed:buckets=2^12", "fixed"], "fixed"),
    ] {
        let plan = plan(&targets(&names));
        let panel = &plan.panels[0];
        assert_eq!(
            panel.cells[panel.baseline.unwrap()].params.short(),
            baseline
        );
        let twins: Vec<_> = panel.cells.iter().filter(|cell| cell.twin).collect();
        assert_eq!(twins.len(), 1);
        assert_eq!(twins[0].params.short(), baseline);
        assert_eq!(
            panel.cells.iter().filter(|cell| cell.row.control).count(),
            1
        );
    }
}

#[test]
fn what_changes_a_cell_changes_its_id() {
    let id = |flags: &Overrides| {
        let plan = plan(flags);
        let panel = &plan.panels[0];
        panel.cells[panel.baseline.unwrap()].id.clone()
    };
    let base = targets(&["striped"]);
    let mut ids = vec![id(&base)];
    for change in [
        Overrides {
            threads: vec![Counts(vec![2])],
            ..base.clone()
        },
        Overrides {
            hash: vec!["xxh3".to_owned()],
            ..base.clone()
        },
        Overrides {
            entries: vec![Counts(vec![5000])],
            ..base.clone()
        },
        Overrides {
            batch: vec![Counts(vec![8])],
            ..base.clone()
        },
        Overrides {
            workloads: vec!["ycsb-b".to_owned()],
            ..base.clone()
        },
        Overrides {
            targets: vec!["striped:stripes=16".to_owned()],
            ..base.clone()
        },
    ] {
        ids.push(id(&change));
    }
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count);
    // What does not change what is measured does not.
    assert_eq!(
        id(&base),
        id(&Overrides {
            trials: Some(3),
            seed: Some(9),
            ..base.clone()
        })
    );
}

#[test]
fn a_panel_that_does_not_fit_is_split_with_the_baseline_in_each_part() {
    let names: Vec<String> = (8..20).map(|k| format!("fixed:buckets=2^{k}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let whole = plan(&targets(&names));
    let bytes = whole.panels[0].bytes;
    let cells = whole.panels[0].cells.len();
    // Half of what the whole takes may be used: three quarters of what is there.
    let parts = split_to_fit(whole.panels, Some(bytes / 2 / 3 * 4)).unwrap();
    assert!(parts.len() >= 2);
    for part in &parts {
        assert!(part.bytes <= bytes / 2 && part.cells.len() < cells);
        assert_eq!(part.cells[part.baseline.unwrap()].params.short(), "fixed");
        assert_eq!(part.cells.iter().filter(|cell| cell.twin).count(), 1);
    }
    let measured: usize = parts.iter().map(|part| part.cells.len() - 3).sum();
    assert_eq!(measured, cells - 3, "every other cell is in one part");
    // And what cannot fit at all is refused by name.
    let error = split_to_fit(parts, Some(1 << 20)).unwrap_err();
    assert!(error.0.contains("of memory would be needed"), "{error}");
}
