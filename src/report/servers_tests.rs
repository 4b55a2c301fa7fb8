//! Reports of runs with servers: what was checked, what the load side was busy with, and where time goes.

use super::{charts, html, markdown, table};
use crate::analysis::Summary;
use crate::analysis::synthetic::{Cell, Synthetic};
use crate::record::{Records, ServerEntry, Verification};

/// One strategy in all ways, beside memcached.
fn records() -> Records {
    let cells = |depth: f64| {
        [
            Cell::null(8.0, 5.0),
            Cell::null_server(18_000.0 / depth),
            Cell::new("striped", 200.0),
            Cell::server("parsed:striped", 600.0),
            Cell::server("served-unix:striped", 16_000.0 / depth),
            Cell::server("served:striped", 30_000.0 / depth),
            Cell::server("start:memcached", 20_000.0 / depth).of_others(),
        ]
    };
    let run = Synthetic::new()
        .panel("ycsb-c", 1, &cells(1.0))
        .panel("ycsb-c", 1, &cells(16.0));
    let mut records = run.records();
    records.manifest.panels[1].depth = 16;
    records.manifest.verification = Some(Verification {
        skipped: false,
        targets: Vec::new(),
    });
    records.manifest.servers = vec![ServerEntry {
        target: "start:memcached".into(),
        version: "memcached 1.6.24".into(),
        command: "memcached -l 127.0.0.1".into(),
        cpus: "1".into(),
    }];
    for row in &mut records.trials {
        (row.cpu_ns, row.elapsed_ns) = (Some(250_000), Some(1_000_000));
    }
    records
}

#[test]
fn what_was_checked_of_servers_is_said() {
    let records = records();
    let summary = Summary::of(&records);
    let said =
        "Servers are not checked before the run; every answer's value is checked while it is timed";
    let terminal = table(&summary, 200, false);
    assert!(terminal.contains(said), "{terminal}");
    let page = html(&summary, &records, &[]);
    for words in [
        "servers: checked while timed alone",
        "Servers are not checked before the run",
        "memcached 1.6.24",
        "memcached -l 127.0.0.1",
        "null-server is the floor of servers",
        "% of a thread",
    ] {
        assert!(page.contains(words), "{words}");
    }
    assert!(!page.contains("each target was checked for a second"));
    // Tables beside them were, and are told from them.
    let none = "Verified: 0 targets";
    assert!(!page.contains(none));
}

#[test]
fn a_load_side_that_was_the_limit_is_named_everywhere() {
    let records = records();
    let summary = Summary::of(&records);
    let words = "of the rate of null-server, which stores nothing, start:memcached has";
    assert!(table(&summary, 400, false).contains(words));
    assert!(html(&summary, &records, &[]).contains(words));
    assert!(markdown(&summary, &records, &[]).contains(words));
}

#[test]
fn the_parts_of_a_request_are_a_chart() {
    let records = records();
    let summary = Summary::of(&records);
    let charts = charts(&summary, &records);
    let chart = charts.iter().find(|chart| chart.file.starts_with("parts"));
    let chart = chart.expect("one strategy was measured in all ways");
    assert_eq!(chart.panels, [0, 1]);
    for words in [
        "microseconds a request",
        "table, in process",
        "protocol",
        "socket",
        "\nTCP\n",
        "served:striped, 1 thread",
        "depth 16",
    ] {
        assert!(chart.svg.contains(words), "{words}: {}", chart.svg);
    }
    assert!(chart.about.contains("over TCP on the loopback"));
}
