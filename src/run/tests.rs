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
    let cells = searched.panels[0]
        .cells
        .iter()
        .map(|cell| cell.target.control());
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
        assert_eq!(a.target.full(), b.target.full());
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
        .map(super::cell::Cell::label)
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
        .map(|cell| cell.target.short())
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
            panel.cells[panel.baseline.unwrap()].target.short(),
            baseline
        );
        let twins: Vec<_> = panel.cells.iter().filter(|cell| cell.twin).collect();
        assert_eq!(twins.len(), 1);
        assert_eq!(twins[0].target.short(), baseline);
        assert_eq!(
            panel
                .cells
                .iter()
                .filter(|cell| cell.target.control())
                .count(),
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
        assert_eq!(part.cells[part.baseline.unwrap()].target.short(), "fixed");
        assert_eq!(part.cells.iter().filter(|cell| cell.twin).count(), 1);
    }
    let measured: usize = parts.iter().map(|part| part.cells.len() - 3).sum();
    assert_eq!(measured, cells - 3, "every other cell is in one part");
    // And what cannot fit at all is refused by name.
    let error = split_to_fit(parts, Some(1 << 20)).unwrap_err();
    assert!(error.0.contains("of memory would be needed"), "{error}");
}

/// The targets of a panel, with what they are beside targets.
fn roles(names: &[&str]) -> Vec<(String, &'static str)> {
    let plan = plan(&targets(names));
    assert_eq!(plan.panels.len(), 1);
    let panel = &plan.panels[0];
    let role = |(at, cell): (usize, &super::cell::Cell<'_>)| {
        let role = match (cell.target.control(), cell.twin, panel.baseline == Some(at)) {
            (true, ..) => "control",
            (_, true, _) => "twin",
            (.., true) => "baseline",
            _ => "",
        };
        (cell.target.short(), role)
    };
    panel.cells.iter().enumerate().map(role).collect()
}

#[test]
fn servers_have_a_control_of_their_own() {
    let of = |names: &[&str]| -> Vec<String> {
        let roles = roles(names);
        let words = |(target, role): &(String, &str)| format!("{target} {role}").trim().to_owned();
        roles.iter().map(words).collect()
    };
    assert_eq!(
        of(&["start:memcached", "served:striped"]),
        [
            "null-server control",
            "start:memcached baseline",
            "served:striped",
            "start:memcached twin"
        ]
    );
    assert_eq!(
        of(&["served:striped", "striped"])[..2],
        ["null control", "null-server control"],
        "both where tables and servers are mixed"
    );
    assert_eq!(
        of(&["null-server", "striped"]),
        ["null-server control", "striped baseline", "striped twin"],
        "one that is named is the only one"
    );
    // A server that is there already is one alone.
    assert_eq!(
        of(&["redis://localhost"]),
        ["null-server control", "redis://localhost:6379 baseline"]
    );
    assert_eq!(
        of(&["redis://localhost", "start:memcached"])[2..],
        ["start:memcached baseline", "start:memcached twin"]
    );
}

#[test]
fn connections_and_depth_are_axes() {
    let flags = Overrides {
        connections: vec![Counts(vec![2, 8])],
        depth: vec![Counts(vec![1, 16])],
        threads: vec![Counts(vec![1, 2])],
        ..targets(&["start:memcached"])
    };
    let planned = plan(&flags);
    let labels: Vec<String> = planned
        .panels
        .iter()
        .map(super::cell::Panel::label)
        .collect();
    assert_eq!(labels.len(), 8);
    assert_eq!(labels[0], "ycsb-c, 1 thread, 2 connections");
    assert_eq!(labels[7], "ycsb-c, 2 threads, 8 connections, depth 16");
    let about = planned.panels[7].workload.describe();
    assert!(about.contains("8 connections, depth 16"), "{about}");
    assert!(planned.notes.is_empty(), "{:?}", planned.notes);
    // More threads than connections cannot be.
    let flags = Overrides {
        threads: vec![Counts(vec![4])],
        ..flags
    };
    let suite = Suite::load("quick").unwrap().with(&flags);
    let error = Plan::new(ROWS, vec![suite]).unwrap_err();
    assert!(
        error
            .0
            .contains("connections = 2 is not valid with 4 threads"),
        "{error}"
    );
    // Tables have neither.
    let flags = Overrides {
        depth: vec![Counts(vec![16])],
        ..targets(&["striped"])
    };
    assert!(plan(&flags).notes[0].contains("it has none"));
}

#[test]
fn one_server_is_one_cell_under_all_functions_and_heaps() {
    let flags = Overrides {
        hash: vec!["sip13".to_owned(), "xxh3".to_owned()],
        allocator: vec![Allocator::System, Allocator::Mimalloc],
        ..targets(&["served:striped", "start:memcached"])
    };
    let plan = plan(&flags);
    let count = |target: &str| {
        let cells = plan.panels[0].cells.iter().filter(|cell| !cell.twin);
        cells.filter(|cell| cell.target.short() == target).count()
    };
    assert_eq!((count("served:striped"), count("start:memcached")), (4, 1));
}

#[test]
fn servers_are_neither_checked_nor_said_to_promise_anything() {
    let plan = plan(&targets(&["served:striped", "start:memcached", "striped"]));
    assert_eq!(plan.checked_targets(), 1, "striped in process");
    let promises = super::entries::all_guarantees(&plan);
    let promises: Vec<&str> = promises.iter().map(|one| one.strategy.as_str()).collect();
    assert_eq!(promises, ["striped"]);
    let entries = super::entries::all_cells(&plan);
    let of = |target: &str| entries.iter().find(|one| one.target == target).unwrap();
    assert_eq!(of("served:striped").strategy, "served:striped");
    assert!(of("start:memcached").peer && of("start:memcached").server);
    assert!(!of("served:striped").peer && !of("striped").server);
    assert!(of("null-server").control && !of("null-server").peer);
    // Where its entries are, they count; a server that is there already has them elsewhere.
    let bytes = |name: &str| {
        let plan = self::plan(&targets(&[name]));
        let panel = &plan.panels[0];
        panel
            .cell_bytes(&panel.cells[panel.baseline.unwrap()])
            .unwrap()
    };
    assert!(bytes("start:memcached") > bytes("memcached://localhost") + (1 << 20));
}

#[test]
fn other_machines_are_asked_only_where_that_is_wanted() {
    let check = |name: &str| plan(&targets(&[name])).check_remote();
    assert_eq!(check("memcached://localhost:1,127.0.0.1:2"), Ok(()));
    assert_eq!(check("start:memcached"), Ok(()));
    let error = check("redis://10.0.0.2").unwrap_err();
    assert!(
        error.0.contains("10.0.0.2") && error.0.contains("--remote"),
        "{error}"
    );
}

#[test]
fn start_is_short_for_a_target() {
    let flags = Overrides {
        start: vec!["memcached".to_owned(), "redis-server".to_owned()],
        ..targets(&["striped"])
    };
    let plan = plan(&flags);
    let names = plan.panels[0]
        .cells
        .iter()
        .filter(|cell| !cell.target.control() && !cell.twin);
    let names: Vec<String> = names.map(|cell| cell.target.short()).collect();
    assert_eq!(names, ["striped", "start:memcached", "start:redis-server"]);
    let (name, _) = flags.ad_hoc().unwrap();
    assert_eq!(name, "striped-memcached-redis-server-ycsb-c");
}
