//! The summary, its sentences and its table, on made-up records.

use std::collections::BTreeMap;

use super::*;
use crate::analysis::hashes::EMPTY;
use crate::record::{
    CorpusEntry, HashAvalancheRow, HashChainRow, HashEntry, HashFloodRow, HashManifest,
    HashRecords, HashSpeedRow, HashSpreadRow, SCHEMA_VERSION, Status,
};

/// Three functions: one fast and weak, one that piles a corpus up, one safe and slow.
pub(in crate::report) fn records() -> HashRecords {
    let hashes = [
        ("fast", false, 4.0),
        ("bad", false, 2.0),
        ("safe", true, 12.0),
    ];
    let entry = |(colour, (name, safe, _)): (u32, &(&str, bool, f64))| HashEntry {
        name: (*name).to_owned(),
        about: "made up <&>".to_owned(),
        bits: 64,
        keyed: *safe,
        flood_resistant: *safe,
        colour,
    };
    let corpus = |name: &str| CorpusEntry {
        name: name.to_owned(),
        about: "made up".to_owned(),
        keys: 1000,
    };
    let manifest = HashManifest {
        schema_version: SCHEMA_VERSION,
        run_id: "20260131T123456Z-hash".to_owned(),
        started: "2026-01-31T12:34:56Z".to_owned(),
        status: Status::Complete,
        argv: vec!["bucketlab".to_owned(), "hash".to_owned()],
        seed: 1,
        version: "0.1.0".to_owned(),
        revision: String::new(),
        binary_hash: String::new(),
        lockfile_hash: String::new(),
        hashes: (0..).zip(&hashes).map(entry).collect(),
        corpora: vec![corpus("user"), corpus("<url>")],
        buckets: vec![1024],
        not_measured: Vec::new(),
        machine: BTreeMap::new(),
    };
    let mut records = HashRecords {
        manifest,
        speed: Vec::new(),
        spread: Vec::new(),
        chains: Vec::new(),
        avalanche: Vec::new(),
        flood: Vec::new(),
        dropped_lines: 0,
    };
    for (name, ns) in hashes
        .iter()
        .map(|(name, _, ns)| (*name, *ns))
        .chain([(EMPTY, 1.0)])
    {
        for round in 0..9 {
            for key_bytes in [8, 20, 250, 4096] {
                let jitter = 1.0 + f64::from(round) / 100.0;
                let each = (ns + f64::from(key_bytes) * ns / 100.0) * jitter;
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "small"
                )]
                records.speed.push(HashSpeedRow {
                    round,
                    hash: name.to_owned(),
                    key_bytes,
                    calls: 1000,
                    elapsed_ns: (1000.0 * each) as u64,
                });
            }
        }
    }
    for (name, safe, _) in &hashes {
        for (corpus, bits) in [
            ("user", "low"),
            ("user", "high"),
            ("<url>", "low"),
            ("<url>", "high"),
        ] {
            let piled = *name == "bad" && corpus == "<url>" && bits == "low";
            records.spread.push(HashSpreadRow {
                hash: (*name).to_owned(),
                corpus: corpus.to_owned(),
                bits: bits.to_owned(),
                buckets: 1024,
                keys: 1000,
                chi_square: if piled { 90_000.0 } else { 1020.0 },
                score: if piled { 500.0 } else { 0.1 },
                longest: if piled { 700 } else { 6 },
                likely_longest: 6,
            });
            for (length, count) in [(0, 400), (1, 380), (2, 200), (6, 44)] {
                records.chains.push(HashChainRow {
                    hash: (*name).to_owned(),
                    corpus: corpus.to_owned(),
                    bits: bits.to_owned(),
                    buckets: 1024,
                    length,
                    count,
                    expected: count as f64,
                });
            }
        }
        for input_bit in 0..160 {
            let flips = |output: u32| match (*safe, output) {
                (false, 0) => 100,
                _ => 50 + (input_bit + output) % 5,
            };
            let flips: Vec<String> = (0..64).map(|output| flips(output).to_string()).collect();
            records.avalanche.push(HashAvalancheRow {
                hash: (*name).to_owned(),
                keys: 100,
                input_bit,
                flips: flips.join(" "),
            });
        }
        records.flood.push(HashFloodRow {
            hash: (*name).to_owned(),
            method: "search".to_owned(),
            colliding_bits: 16,
            keys: 64,
            elapsed_ns: 1_000_000,
            buckets: 1 << 16,
            longest_seed_known: 64,
            longest_seed_unknown: if *safe { 1 } else { 64 },
            likely_longest: 1,
        });
    }
    records
}

#[test]
fn figures_follow_from_the_rows() {
    let summary = HashSummary::of(&records());
    assert_eq!((summary.hashes.len(), summary.rounds), (3, 9));
    let [fast, bad, safe] = summary.hashes.as_slice() else {
        panic!("three functions")
    };
    // 4 ns and a fifth of it, times the jitter of the middle round.
    assert!(
        (fast.usual_ns() - 4.8 * 1.04).abs() < 0.01,
        "{}",
        fast.usual_ns()
    );
    assert!((fast.at(250).unwrap().gigabytes() - 250.0 / 14.56).abs() < 0.1);
    assert_eq!(bad.piles("low"), ["<url>"]);
    assert!(bad.piles("high").is_empty() && safe.piles("low").is_empty());
    assert_eq!(bad.longest().unwrap().longest, 700);
    let ratio = safe.times(fast, 20, 1).unwrap();
    assert!((ratio.mid - 3.0).abs() < 0.01, "{ratio:?}");
    let avalanche = fast.avalanche.as_ref().unwrap();
    assert_eq!(avalanche.by_byte.len(), 20);
    assert!(avalanche.worst.0 > 0.99 && avalanche.worst.2 == 0);
    assert!(safe.avalanche.as_ref().unwrap().worst.0 < 0.1);
    assert_eq!(summary.empty.len(), 4);
}

#[test]
fn the_first_sentence_answers() {
    let summary = HashSummary::of(&records());
    let texts: Vec<String> = hash_findings(&summary)
        .into_iter()
        .map(|f| f.text)
        .collect();
    assert_eq!(
        texts[0],
        "fast (4.99 ns) is the fastest function on keys of 20 B that spreads every corpus by low and by high \
         bits; the fastest of them that resists flooding is safe (15.0 ns)."
    );
    assert!(
        texts[1].contains("2 of 3 functions spread all 2 corpora over 2^10 buckets"),
        "{texts:?}"
    );
    assert!(
        texts[1].ends_with("the exceptions are bad (<url>)."),
        "{}",
        texts[1]
    );
    assert!(texts[2].contains("3 of 3 functions"), "{}", texts[2]);
    assert!(texts[3].contains("safe takes 3.00×"), "{}", texts[3]);
    assert!(
        texts[4].contains("whatever the seed under fast and bad; under safe"),
        "{}",
        texts[4]
    );
    assert!(texts[5].contains("700 of 1000 <url> keys"), "{}", texts[5]);
    assert!(
        texts[6].starts_with("Under 1 of 3 functions"),
        "{}",
        texts[6]
    );
    assert_eq!(texts.len(), 7, "the chart shows what the loop costs");
}

#[test]
fn the_table_fits() {
    let summary = HashSummary::of(&records());
    for width in [160, 100, 80, 60] {
        let text = hash_table(&summary, width, false);
        for line in text.lines() {
            assert!(line.chars().count() <= width, "{width}: {line}");
        }
        assert!(text.contains("fast") && text.contains("20 B"), "{text}");
    }
    assert!(hash_table(&summary, 100, false).contains("1 bad"));
    let value = hash_json(&summary);
    assert_eq!(value["hashes"][1]["spread"][2]["falls"], "piled");
}

/// What was interrupted at once, or measured one thing only, has a report all the same.
#[test]
fn little_or_nothing_is_no_panic() {
    let mut none = records();
    none.speed.clear();
    none.spread.clear();
    none.chains.clear();
    none.avalanche.clear();
    none.flood.clear();
    none.manifest.status = Status::Interrupted;
    let summary = HashSummary::of(&none);
    assert!(hash_findings(&summary).is_empty());
    assert!(hash_table(&summary, 80, false).contains("Incomplete"));
    assert!(crate::report::hash_charts(&summary, &none).is_empty());
    let page = crate::report::hash_html(&summary, &none, &[]);
    assert!(page.contains("Incomplete"));
    let mut broken = records();
    broken.avalanche[0].flips = "1 x".into();
    assert_eq!(HashSummary::of(&broken).hashes[0].avalanche, None);
}

#[test]
fn charts_and_pages_are_well_formed_and_escape_names() {
    let records = records();
    let summary = HashSummary::of(&records);
    let charts = crate::report::hash_charts(&summary, &records);
    let files: Vec<&str> = charts.iter().map(|chart| chart.file.as_str()).collect();
    assert_eq!(
        files,
        ["hash-speed", "hash-spread", "hash-chains", "hash-avalanche"]
    );
    for chart in &charts {
        let svg = chart.standalone();
        roxmltree::Document::parse(&svg).unwrap_or_else(|error| panic!("{}: {error}", chart.file));
        assert!(
            svg.contains("<title>") && svg.contains("var(--"),
            "{}",
            chart.file
        );
    }
    let page = crate::report::hash_html(&summary, &records, &charts);
    assert!(page.contains("&lt;url&gt;") && !page.contains("<url>"));
    assert!(page.contains("href=\"hash_speed.csv\"") && page.contains("id=\"chart-hash-speed\""));
    let markdown = crate::report::hash_markdown(&summary, &records, &charts);
    assert!(markdown.contains("![") && markdown.contains("charts/hash-spread.svg"));
    assert!(!markdown.contains("<url>"));
}
