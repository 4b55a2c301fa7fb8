//! The same figures for programs.

use serde_json::{Value, json};

use super::{Fall, HashFigures, HashSummary, SpeedPoint, hash_findings};

/// Everything that the table and the findings say, as one value.
#[must_use]
pub fn json(summary: &HashSummary) -> Value {
    let texts: Vec<String> = hash_findings(summary)
        .into_iter()
        .map(|finding| finding.text)
        .collect();
    json!({
        "run_id": summary.manifest.run_id,
        "status": summary.manifest.status,
        "findings": texts,
        "rounds": summary.rounds,
        "loop": summary.empty.iter().map(speed).collect::<Vec<Value>>(),
        "hashes": summary.hashes.iter().map(hash).collect::<Vec<Value>>(),
    })
}

fn speed(point: &SpeedPoint) -> Value {
    json!({
        "key_bytes": point.key_bytes,
        "ns": point.ns.mid,
        "ns_low": point.ns.low,
        "ns_high": point.ns.high,
        "gigabytes_per_s": point.gigabytes(),
    })
}

fn hash(hash: &HashFigures) -> Value {
    let spread = hash.spread.iter().map(|row| {
        json!({
            "corpus": row.corpus,
            "bits": row.bits,
            "buckets": row.buckets,
            "keys": row.keys,
            "chi_square": row.chi_square,
            "score": row.score,
            "falls": match Fall::of(row) {
                Fall::Chance => "chance",
                Fall::Even => "even",
                Fall::Piled => "piled",
            },
            "longest": row.longest,
            "likely_longest": row.likely_longest,
        })
    });
    json!({
        "name": hash.entry.name,
        "bits": hash.entry.bits,
        "keyed": hash.entry.keyed,
        "flood_resistant": hash.entry.flood_resistant,
        "speed": hash.speed.iter().map(speed).collect::<Vec<Value>>(),
        "spread": spread.collect::<Vec<Value>>(),
        "avalanche": hash.avalanche.as_ref().map(|avalanche| json!({
            "keys": avalanche.keys,
            "mean_bias": avalanche.mean,
            "worst_bias": avalanche.worst.0,
            "worst_input_bit": avalanche.worst.1,
            "worst_output_bit": avalanche.worst.2,
        })),
        "flood": hash.flood,
    })
}
