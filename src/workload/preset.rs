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
//!
//! `facebook-etc` is the general pool of Atikoglu, Xu, Frachtenberg, Jiang and Paleczny, "Workload
//! analysis of a large-scale key-value store" (SIGMETRICS 2012): 30 gets a set, the sizes of keys and
//! values by its fits (its table of values below 15 bytes, a Pareto law above). The paper has no law
//! of popularity: ours is Zipf with θ = 0.99. Its law of inter-arrival times is no part of the
//! preset, which is closed loop. Keys carry an id of six bytes, and shorter draws are raised to it
//! ([`Workload::raised_keys`]).
//!
//! `twitter-c*` are clusters of Yang, Yue and Rashmi, "A large scale analysis of hundreds of
//! in-memory cache clusters at Twitter" (OSDI 2020), with the statistics of March 2020: mean sizes as
//! fixed ones, Zipf over the records with the fitted α. The tables are warm: each starts full, so an
//! add finds its key, and the deletes of cluster 29 take records that were put aside for them.
//!
//! The map mixes are those that benchmarks of concurrent maps use: an update there is a
//! read-modify-write here, an upsert a set; keys are picked alike.

use super::{KeyDistribution, Law, Mix, Naming, OnMiss, Size, Workload};
use crate::base::{BadInput, Between, Percent, unknown_name};

/// A workload with a name.
pub struct Preset {
    /// Its name, as `--workload` takes it.
    pub name: &'static str,
    /// One sentence for `list`.
    pub about: &'static str,
    /// Where its parameters come from.
    pub source: &'static str,
    /// Makes the workload, with 100,000 records but where its description says otherwise.
    pub build: fn() -> Workload,
}

/// A workload that is known by name and cannot be run.
pub struct Refused {
    /// Its name.
    pub name: &'static str,
    /// What it does, and why a hash table cannot.
    pub why: &'static str,
    /// Where it comes from.
    pub source: &'static str,
}

/// Every workload that is refused by name.
pub static REFUSED: &[Refused] = &[Refused {
    name: "ycsb-e",
    why: "95 % scans of key ranges, and a hash table has no scans; ycsb-d has the same share of \
          inserts",
    source: YCSB,
}];

const ETC: &str = "Facebook's ETC pool (Atikoglu et al., SIGMETRICS 2012)";
const TWITTER: &str = "Twitter's cache clusters, March 2020 (Yang et al., OSDI 2020)";
const MAPS: &str = "the mixes of concurrent-map benchmarks (bustle, after libcuckoo's)";
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
        about: "read only, every record equally likely: caches help least here",
        source: OWN,
        build: || Workload {
            keys: KeyDistribution::Uniform,
            ..prefilled("uniform")
        },
    },
    Preset {
        name: "fill",
        about: "inserts every record once into an empty table, which shows the cost of growing",
        source: OWN,
        build: || Workload {
            keys: KeyDistribution::Sequential,
            mix: mix(0, 0, 100, 0),
            prefill: false,
            ..prefilled("fill")
        },
    },
    Preset {
        name: "growing",
        about: "lookups at 100 fill points while a table grows from empty: the cost between two resizes",
        source: OWN,
        build: || Workload {
            keys: KeyDistribution::Uniform,
            mix: mix(50, 0, 50, 0),
            prefill: false,
            points: Some(100),
            ops: Some(2 * ENTRIES),
            ..prefilled("growing")
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
    Preset {
        name: "facebook-etc",
        about: "30 gets a set, keys of 36 bytes and values of 194 bytes on average, zipf 0.99",
        source: ETC,
        build: || Workload {
            keys: KeyDistribution::Zipf { theta: 0.99 },
            key: Some(etc_keys()),
            value: etc_values(),
            mix: mix(30, 1, 0, 0),
            ..prefilled("facebook-etc")
        },
    },
    Preset {
        name: "twitter-c52",
        about: "91 % gets, 4 % adds, 5 % sets; keys 20 B, values 273 B, zipf 1.2117",
        source: TWITTER,
        build: || {
            cluster(
                "twitter-c52",
                [20, 273],
                1.2117,
                Mix {
                    add: 4,
                    ..mix(91, 5, 0, 0)
                },
            )
        },
    },
    Preset {
        name: "twitter-c12",
        about: "80 % sets, 20 % gets; keys 44 B, values 1,030 B, zipf 0.3048",
        source: TWITTER,
        build: || cluster("twitter-c12", [44, 1030], 0.3048, mix(20, 80, 0, 0)),
    },
    Preset {
        name: "twitter-c15",
        about: "sets only; keys 18 B, values 102 B, zipf 0.0242",
        source: TWITTER,
        build: || cluster("twitter-c15", [18, 102], 0.0242, mix(0, 100, 0, 0)),
    },
    Preset {
        name: "twitter-c18",
        about: "96 % gets, 4 % sets; keys 18 B, values 37 B, zipf 2.0994",
        source: TWITTER,
        build: || cluster("twitter-c18", [18, 37], 2.0994, mix(96, 4, 0, 0)),
    },
    Preset {
        name: "twitter-c29",
        about: "86 % gets, 13 % sets, 1 % deletes; keys 36 B, values 799 B, zipf 1.2323",
        source: TWITTER,
        build: || {
            cluster(
                "twitter-c29",
                [36, 799],
                1.2323,
                Mix {
                    remove: 1,
                    ..mix(86, 13, 0, 0)
                },
            )
        },
    },
    Preset {
        name: "twitter-c37",
        about: "63 % gets, 37 % sets, large values; 10,000 records; keys 72 B, values 20,134 B, zipf 0.4251",
        source: TWITTER,
        build: || Workload {
            entries: ENTRIES / 10,
            ..cluster("twitter-c37", [72, 20_134], 0.4251, mix(63, 37, 0, 0))
        },
    },
    Preset {
        name: "twitter-c44",
        about: "98 % gets, 2 % sets; keys 25 B, values 22 B, zipf 1.4084",
        source: TWITTER,
        build: || cluster("twitter-c44", [25, 22], 1.4084, mix(98, 2, 0, 0)),
    },
    Preset {
        name: "read-heavy",
        about: "94 % reads, 2 % inserts, 1 % removes, 3 % updates; uniform",
        source: MAPS,
        build: || {
            map_mix(
                "read-heavy",
                Mix {
                    remove: 1,
                    ..mix(94, 0, 2, 3)
                },
            )
        },
    },
    Preset {
        name: "exchange",
        about: "10 % reads, 40 % inserts, 40 % removes, 10 % updates; uniform",
        source: MAPS,
        build: || {
            map_mix(
                "exchange",
                Mix {
                    remove: 40,
                    ..mix(10, 0, 40, 10)
                },
            )
        },
    },
    Preset {
        name: "rapid-grow",
        about: "5 % reads, 80 % inserts, 5 % removes, 10 % updates; uniform",
        source: MAPS,
        build: || {
            map_mix(
                "rapid-grow",
                Mix {
                    remove: 5,
                    ..mix(5, 0, 80, 10)
                },
            )
        },
    },
    Preset {
        name: "update-heavy",
        about: "35 % reads, 5 % inserts, 5 % removes, 50 % updates, 5 % upserts; uniform",
        source: MAPS,
        build: || {
            map_mix(
                "update-heavy",
                Mix {
                    remove: 5,
                    ..mix(35, 5, 5, 50)
                },
            )
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
        corpus: Naming::Ycsb,
        key: None,
        value: Size::Fixed(100),
        resize_values: false,
        mix: mix(100, 0, 0, 0),
        batch: 1,
        connections: 0,
        depth: 1,
        between: Between::default(),
        absent: Percent::ZERO,
        prefill: true,
        on_miss: OnMiss::Nothing,
        ops: None,
        points: None,
        trace: None,
        clocked: false,
        budget: None,
        origin: None,
        pace: None,
    }
}

fn mix(get: u32, set: u32, insert: u32, rmw: u32) -> Mix {
    Mix {
        get,
        set,
        insert,
        rmw,
        ..Mix::default()
    }
}

/// A cluster of Twitter's: bytes of keys and values, α, mix.
fn cluster(name: &str, [key, value]: [u32; 2], theta: f64, mix: Mix) -> Workload {
    Workload {
        keys: KeyDistribution::Zipf { theta },
        key: Some(Size::Fixed(key)),
        value: Size::Fixed(value),
        mix,
        ..prefilled(name)
    }
}

fn map_mix(name: &str, mix: Mix) -> Workload {
    Workload {
        keys: KeyDistribution::Uniform,
        mix,
        ..prefilled(name)
    }
}

/// ETC's keys; draws are cut to 1 to 250 bytes.
fn etc_keys() -> Size {
    Size::Law(Law::Gev {
        location: 30.7984,
        scale: 8.20449,
        shape: 0.078_688,
    })
}

/// ETC's values: the shares of 0 to 14 bytes, and a Pareto law for the others, up to 1 MiB.
fn etc_values() -> Size {
    Size::Law(Law::Table {
        sizes: (0..15).collect(),
        weights: vec![
            0.00536, 0.00047, 0.17820, 0.09239, 0.00018, 0.02740, 0.00065, 0.00606, 0.00023,
            0.00837, 0.00837, 0.08989, 0.00092, 0.00326, 0.01980,
        ],
        rest: Some(Box::new(Law::Pareto {
            location: 15.0,
            scale: 214.476,
            shape: 0.348_238,
        })),
    })
}

/// Finds a preset by name.
///
/// # Errors
/// An unknown name, answered with the nearest valid one; `ycsb-e`, which needs scans.
pub fn find(name: &str) -> Result<&'static Preset, BadInput> {
    if let Some(refused) = REFUSED.iter().find(|refused| refused.name == name) {
        return Err(BadInput(format!("workload '{name}' is {}", refused.why)));
    }
    PRESETS
        .iter()
        .find(|preset| preset.name == name)
        .ok_or_else(|| unknown_name("workload", name, PRESETS.iter().map(|preset| preset.name)))
}

#[cfg(test)]
mod tests {
    use super::super::law::Drawable;
    use super::super::size::Lengths;
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

    /// The published moments: the mixture averages about 194 bytes, keys about 36.
    #[test]
    fn etc_has_the_sizes_of_the_paper() {
        let workload = (find("facebook-etc").unwrap().build)();
        let values = Lengths::new(&workload.value);
        let mean = |lengths: &Lengths, records: u64| {
            let sum: u64 = (0..records).map(|r| u64::from(lengths.of(r))).sum();
            sum as f64 / records as f64
        };
        let drawn = mean(&values, 2_000_000);
        assert!((191.0..=197.0).contains(&drawn), "{drawn}");
        let Size::Law(law) = &workload.value else {
            panic!("not a law");
        };
        let exact = Drawable::new(law, 0, 1 << 20).mean();
        assert!((191.0..=197.0).contains(&exact), "{exact}");
        let keys = mean(&Lengths::of_keys(&etc_keys()), 200_000);
        assert!((35.0..=37.0).contains(&keys), "{keys}");
        // The table's part of the mixture.
        let short = (0..200_000)
            .filter(|record| values.of(*record) < 15)
            .count();
        let share = short as f64 / 200_000.0;
        assert!((share - 0.44155).abs() < 0.006, "{share}");
    }

    #[test]
    fn other_names_are_answered() {
        let error = |name| find(name).err().unwrap().to_string();
        assert!(error("ycsb-e").contains("no scans"));
        let typo = error("ycsb_a");
        assert!(typo.contains("did you mean 'ycsb-a'"), "{typo}");
    }
}
