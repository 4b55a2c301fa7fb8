//! Predictions from made-up runs that obey the models.

use super::*;
use crate::analysis::synthetic::{Cell, Synthetic};
use crate::machine::MemorySpeed;
use crate::stats::Usl;

/// Latency of memory for so many entries: 30 ns more for each decade.
fn latency_ns(entries: u64) -> f64 {
    60.0 + 30.0 * (entries as f64 / 1e5).log10()
}

/// A target that waits for 2.5 loads, over numbers of entries and thread counts, on a machine of so many cores.
fn run(entries: &[u64], threads: &[u32], cores: &str) -> Records {
    let law = Usl {
        lambda: 1.0,
        sigma: 0.05,
        kappa: 0.000_5,
    };
    let mut run = Synthetic::new();
    let mut sizes = Vec::new();
    for &count in entries {
        for &workers in threads {
            let n = f64::from(workers);
            let own_ns = (35.0 + 2.5 * latency_ns(count)) * n / law.rate(n);
            let cells = [
                Cell::null(20.0, 10.0).jitter(0.002),
                Cell::new("striped", own_ns).jitter(0.002),
            ];
            run = run.panel("ycsb-c", workers, &cells);
            sizes.push(count);
        }
    }
    let mut records = run.records();
    for (panel, &count) in records.manifest.panels.iter_mut().zip(&sizes) {
        panel.entries = count;
        let ps = crate::base::whole(latency_ns(count) * 1e3);
        panel.memory = Some(MemorySpeed {
            bytes: 200 * count,
            dependent_load_ps: ps,
            lines_per_s: 100_000_000,
        });
    }
    // Made-up runs have one id for a cell whatever its entries are.
    let cells = records.manifest.cells.len() / sizes.len();
    let renamed: Vec<String> = (0..records.manifest.cells.len())
        .map(|at| format!("{at:02}"))
        .collect();
    let old: Vec<(u32, String, String)> = records
        .manifest
        .cells
        .iter()
        .zip(&renamed)
        .map(|(cell, new)| (cell.panel, cell.cell_id.clone(), new.clone()))
        .collect();
    let new = |panel: u32, id: &str| {
        let known = old.iter().find(|(of, old, _)| *of == panel && old == id);
        known.map_or_else(|| id.to_owned(), |(_, _, new)| new.clone())
    };
    for row in &mut records.slices {
        row.cell_id = new(row.panel, &row.cell_id);
    }
    for row in &mut records.trials {
        row.cell_id = new(row.panel, &row.cell_id);
        let count = sizes[row.panel as usize];
        row.entries = count;
        row.items = Some(count);
        row.rss_bytes = Some(1_000_000 + 160 * count);
    }
    for panel in &mut records.manifest.panels {
        panel.baseline = new(panel.panel, &panel.baseline);
    }
    for (cell, id) in records.manifest.cells.iter_mut().zip(renamed) {
        cell.cell_id = id;
    }
    assert_eq!(cells, 2);
    let machine = &mut records.manifest.machine;
    machine.insert("cpus_usable".into(), cores.into());
    machine.insert("memory_total_bytes".into(), (256_u64 << 30).to_string());
    records
}

/// Made-up rates drift: what was measured at the largest size over what the model says there.
fn drift(found: &Prediction) -> f64 {
    let largest = found
        .held_out
        .iter()
        .find(|held| held.what == "10000000 entries");
    largest.unwrap().measured / (35.0 + 2.5 * latency_ns(10_000_000))
}

fn asked(entries: u64, threads: u32) -> Question {
    Question {
        entries: Some(entries),
        threads: Some(threads),
        ..Question::default()
    }
}

fn of_striped(records: &Records, asked: Question) -> Prediction {
    let mut all = predict(records, &Summary::of(records), asked);
    assert_eq!(all.len(), 1);
    all.remove(0)
}

#[test]
fn entries_memory_and_servers_are_met_where_the_models_hold() {
    let records = run(&[100_000, 1_000_000, 10_000_000], &[1], "2");
    let found = of_striped(&records, asked(10_000_000_000, 1));
    assert!(
        found.held_out.len() == 3 && found.held_out.iter().all(|held| held.error().abs() < 0.15)
    );
    // 1.6 TB over servers of 192 GiB.
    let servers = found.servers.clone().unwrap();
    assert!((servers.mid - 8.0).abs() < 0.5, "{servers:?}");
    assert_eq!(found.entries_per_server, 1_250_000_000);
    let bytes = found.bytes.clone().unwrap();
    assert!((bytes.mid / 1.6e12 - 1.0).abs() < 0.01, "{bytes:?}");
    let wanted = 1e9 / (35.0 + 2.5 * latency_ns(1_250_000_000)) / drift(&found);
    let rate = found.rate.clone().unwrap();
    assert!((rate.mid / wanted - 1.0).abs() < 0.06, "{rate:?} {wanted}");
    assert!(rate.contains(wanted) && rate.low < rate.high);
    assert!(
        found
            .notes
            .iter()
            .any(|note| note.contains("dependent misses")),
        "{:?}",
        found.notes
    );
    let words = errors_in_words(&held_out(&records, &Summary::of(&records))).unwrap();
    assert!(words.contains("over 3 cells"), "{words}");
}

#[test]
fn two_cores_give_no_law_of_threads() {
    let records = run(&[100_000, 1_000_000, 10_000_000], &[1, 2], "2");
    let found = of_striped(&records, asked(1_000_000, 128));
    assert_eq!(found.threads, 2);
    assert!(found.rate.is_ok());
    let said = found.notes.join("\n");
    assert!(said.contains("2 cores give no law of threads"), "{said}");
    assert!(said.contains("needs 4 thread counts"), "{said}");
}

#[test]
fn four_thread_counts_have_a_law_that_leads_on() {
    let records = run(&[100_000, 1_000_000, 10_000_000], &[1, 2, 4, 8, 16], "16");
    let found = of_striped(&records, asked(10_000_000, 32));
    let law = Usl {
        lambda: 1e9 / (35.0 + 2.5 * latency_ns(10_000_000)) / drift(&found),
        sigma: 0.05,
        kappa: 0.000_5,
    };
    let rate = found.rate.clone().unwrap();
    assert!(
        (rate.mid / law.rate(32.0) - 1.0).abs() < 0.1,
        "{found:#?} {}",
        law.rate(32.0)
    );
    assert!(rate.contains(law.rate(32.0)));
    assert_eq!(found.threads, 32);
    assert!(found.held_out.iter().any(|held| held.what == "16 threads"));
    assert!(
        found
            .notes
            .iter()
            .any(|note| note.contains("as many cores (16 here)"))
    );
    // What was measured needs no law.
    let measured = of_striped(&records, asked(10_000_000, 8));
    assert!(
        !measured
            .notes
            .iter()
            .any(|note| note.contains("Scalability"))
    );
}

#[test]
fn a_rate_that_is_wanted_asks_for_servers_too() {
    let records = run(&[100_000, 1_000_000, 10_000_000], &[1], "2");
    let found = of_striped(
        &records,
        Question {
            rate: Some(100e6),
            ..asked(10_000_000, 1)
        },
    );
    let servers = found.servers.unwrap().mid;
    let one = found.rate.unwrap().mid;
    assert!(
        servers > 20.0 && servers * one > 0.95 * 100e6,
        "{servers} {one}"
    );
}

#[test]
fn too_few_sizes_predict_nothing_and_say_so() {
    let records = run(&[100_000, 1_000_000], &[1], "2");
    let found = of_striped(&records, asked(10_000_000, 1));
    let why = found.rate.unwrap_err();
    assert!(
        why.contains("needs 3 of them, and 2 were measured"),
        "{why}"
    );
    assert!(found.bytes.unwrap_err().contains("bucketlab size"));
    assert!(found.held_out.is_empty());
    // What was measured is known.
    assert!(of_striped(&records, asked(1_000_000, 1)).rate.is_ok());
    assert!(errors_in_words(&[]).is_none());
}
