//! The workloads that have names.
//!
//! The `ycsb-*` presets follow the core workloads of the Yahoo! Cloud Serving Benchmark (Cooper,
//! Silberstein, Tam, Ramakrishnan and Sears, "Benchmarking cloud serving systems with YCSB", `SoCC`
//! 2010, and its files `workloads/workloada` … `f`): their mixes, key distributions, θ = 0.99,
//! keys (`user` and a hashed record number) and scramble (ranks over 10^10 items, hashed by FNV-1a
//! modulo the record count). They differ from the Java original in these ways:
//!
//! - values have 100 bytes, not ten fields of 100 bytes each; `value` changes that;
//! - the hash is unsigned, where Java takes the absolute value of a signed one, so keys have other
//!   numbers and about twice the range;
//! - the modulus is the number of records, where Java's ranges include their upper end and so
//!   count one record more;
//! - `latest` (workload D) ranks the prefill and the thread's own inserts, where the original
//!   ranks the inserts of all threads and draws again when a key is not inserted yet: so the
//!   outcome of every read is known, and no draw is repeated;
//! - a pass of D performs as many operations as there are records;
//! - workload E scans ranges, which a hash table cannot: [`find`] refuses it with that reason.

use super::{KeyDistribution, Mix, OnMiss, Size, Workload};
use crate::base::{BadInput, unknown_name};

/// A workload with a name.
pub struct Preset {
    /// Its name, as `--workload` takes it.
    pub name: &'static str,
    /// One sentence for `list`.
    pub about: &'static str,
    /// Where its parameters come from.
    pub source: &'static str,
    /// Makes the workload, with 100,000 records unless told otherwise.
    pub build: fn() -> Workload,
}

const YCSB: &str = "YCSB core workloads (Cooper et al., SoCC 2010)";
const OWN: &str = "bucketlab";

/// Every workload that has a name.
pub static PRESETS: &[Preset] = &[
    Preset {
        name: "ycsb-a",
        about: "update heavy: 50 % reads, 50 % updates, zipfian",
        source: YCSB,
        build: || Workload {
            mix: mix(50, 50, 0, 0),
            ..prefilled("ycsb-a")
        },
    },
    Preset {
        name: "ycsb-b",
        about: "read mostly: 95 % reads, 5 % updates, zipfian",
        source: YCSB,
        build: || Workload {
            mix: mix(95, 5, 0, 0),
            ..prefilled("ycsb-b")
        },
    },
    Preset {
        name: "ycsb-c",
        about: "read only: 100 % reads, zipfian",
        source: YCSB,
        build: || prefilled("ycsb-c"),
    },
    Preset {
        name: "ycsb-d",
        about: "read latest: 95 % reads, 5 % inserts, the newest records hottest",
        source: YCSB,
        build: || Workload {
            keys: KeyDistribution::Latest { theta: 0.99 },
            mix: mix(95, 0, 5, 0),
            ..prefilled("ycsb-d")
        },
    },
    Preset {
        name: "ycsb-f",
        about: "read-modify-write: 50 % reads, 50 % read-modify-writes, zipfian",
        source: YCSB,
        build: || Workload {
            mix: mix(50, 0, 0, 50),
            ..prefilled("ycsb-f")
        },
    },
    Preset {
        name: "uniform",
        about: "read only, every record alike: the least that caches can help",
        source: OWN,
        build: || Workload {
            keys: KeyDistribution::Uniform,
            ..prefilled("uniform")
        },
    },
    Preset {
        name: "fill",
        about: "inserts every record once into an empty table: what growing costs",
        source: OWN,
        build: || Workload {
            keys: KeyDistribution::Sequential,
            mix: mix(0, 0, 100, 0),
            prefill: false,
            ..prefilled("fill")
        },
    },
    Preset {
        name: "cache-aside",
        about: "zipfian reads from an empty table, each miss fetched and set",
        source: OWN,
        build: || Workload {
            prefill: false,
            on_miss: OnMiss::Fill,
            ops: Some(2 * ENTRIES),
            ..prefilled("cache-aside")
        },
    },
];

const ENTRIES: u64 = 100_000;

/// YCSB C under another name: what the presets have in common.
fn prefilled(name: &str) -> Workload {
    Workload {
        name: name.to_owned(),
        entries: ENTRIES,
        keys: KeyDistribution::Zipfian { theta: 0.99 },
        value: Size::Fixed(100),
        mix: mix(100, 0, 0, 0),
        batch: 1,
        prefill: true,
        on_miss: OnMiss::Nothing,
        ops: None,
        trace: None,
        clocked: false,
    }
}

fn mix(get: u32, set: u32, insert: u32, rmw: u32) -> Mix {
    Mix {
        get,
        set,
        insert,
        rmw,
    }
}

/// Finds a preset by name.
///
/// # Errors
/// An unknown name, answered with the nearest valid one; `ycsb-e`, which needs scans.
pub fn find(name: &str) -> Result<&'static Preset, BadInput> {
    if name == "ycsb-e" {
        return Err(BadInput(
            "workload 'ycsb-e' is 95 % scans of key ranges, and a hash table has no scans; \
             ycsb-d has the same share of inserts"
                .to_owned(),
        ));
    }
    PRESETS
        .iter()
        .find(|preset| preset.name == name)
        .ok_or_else(|| unknown_name("workload", name, PRESETS.iter().map(|preset| preset.name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_is_found_and_makes_sense() {
        for preset in PRESETS {
            let found = find(preset.name).unwrap();
            let workload = (found.build)();
            assert_eq!(workload.name, preset.name);
            assert_eq!(workload.check(), Ok(()));
        }
    }

    #[test]
    fn other_names_are_answered() {
        let error = |name| find(name).err().unwrap().to_string();
        assert!(error("ycsb-e").contains("no scans"));
        let typo = error("ycsb_a");
        assert!(typo.contains("did you mean 'ycsb-a'"), "{typo}");
    }
}
