//! How workloads describe themselves, and which settings they refuse.

use super::*;
use crate::base::{ByteCount, Nanoseconds, Percent};

fn preset(name: &str) -> Workload {
    (find_preset(name).unwrap().build)()
}

fn trace() -> TraceSource {
    TraceSource::new("traces/web07.keys.txt.gz", "keys")
}

#[test]
fn descriptions_read_well() {
    for (name, text) in [
        (
            "ycsb-a",
            "zipfian 0.99 over 100000 records, 50 get 50 set, values 100 B",
        ),
        (
            "fill",
            "sequential over 100000 records, 100 insert, values 100 B, from empty",
        ),
        (
            "cache-aside",
            "zipfian 0.99 over 100000 records, 100 get, values 100 B, from empty, a miss \
             fills, 200000 operations",
        ),
    ] {
        assert_eq!(preset(name).describe(), format!("{text}, chained"));
    }
    assert_eq!(
        Workload::replay(trace(), 76_118, 16).describe(),
        "trace web07.keys (keys), 76118 requests, values 100 B, from empty, a miss fills, \
         batches of 16, chained"
    );
}

#[test]
fn traces_are_named_after_their_files() {
    for (path, name) in [
        ("a/web07.keys.txt.gz", "web07.keys"),
        ("cachelib_kv_traces_1.csv", "cachelib_kv_traces_1"),
        ("cluster52.sort.zst", "cluster52"),
        ("plain", "plain"),
        (".gz", ".gz"),
        (".hidden", ".hidden"),
    ] {
        let source = TraceSource {
            path: path.into(),
            ..trace()
        };
        assert_eq!(source.name(), name, "{path}");
    }
}

#[test]
fn workloads_survive_the_way_to_a_child() {
    let mut all: Vec<Workload> = PRESETS.iter().map(|preset| (preset.build)()).collect();
    all.push(Workload::replay(trace(), 1, 1));
    all[0].value = Size::Uniform { min: 1, max: 2 };
    all[0].budget = Some(ByteCount(64 << 20));
    all[0].origin = Some(Origin {
        latency: Nanoseconds(200_000),
    });
    assert!(
        all[0]
            .describe()
            .ends_with("at most 64Mi bytes, a miss costs 200us")
    );
    for workload in all {
        assert_eq!(workload.check(), Ok(()));
        let json = serde_json::to_string(&workload).unwrap();
        assert_eq!(serde_json::from_str::<Workload>(&json).unwrap(), workload);
    }
}

#[test]
fn nonsense_is_refused_by_name() {
    let refused = |name: &str, change: &dyn Fn(&mut Workload), words: &[&str]| {
        let mut workload = if name == "trace" {
            Workload::replay(trace(), 1, 1)
        } else {
            preset(name)
        };
        change(&mut workload);
        let error = workload.check().unwrap_err().to_string();
        for word in words.iter().chain([&workload.name.as_str()]) {
            assert!(error.contains(word), "{error}");
        }
    };
    refused("ycsb-a", &|w| w.batch = 0, &["batch = 0", "1 to 4096"]);
    refused("ycsb-a", &|w| w.entries = 0, &["entries = 0", "1 to"]);
    refused(
        "ycsb-a",
        &|w| w.entries = 1 << 32,
        &["entries = 4294967296"],
    );
    refused("ycsb-a", &|w| w.mix = Mix::default(), &["mix is empty"]);
    refused("fill", &|w| w.ops = Some(0), &["ops = 0"]);
    refused("fill", &|w| w.budget = Some(ByteCount(0)), &["budget = 0"]);
    refused("fill", &|w| w.ops = Some(1 << 33), &["ops = 8589934592"]);
    refused("ycsb-d", &|w| w.prefill = false, &["prefill", "latest"]);
    refused("ycsb-f", &|w| w.prefill = false, &["prefill", "rmw"]);
    refused(
        "fill",
        &|w| w.on_miss = OnMiss::Fill,
        &["on_miss", "no get"],
    );
    let theta = |w: &mut Workload| w.keys = KeyDistribution::Zipfian { theta: -1.0 };
    refused("ycsb-c", &theta, &["theta = -1", "0 <= theta <= 20"]);
    refused("exchange", &|w| w.prefill = false, &["prefill", "remove"]);
    let latest = |w: &mut Workload| w.keys = KeyDistribution::Latest { theta: 0.5 };
    refused("exchange", &latest, &["latest", "remove"]);
    refused(
        "ycsb-c",
        &|w| w.key = Some(Size::Fixed(300)),
        &["key of 300"],
    );
    refused(
        "trace",
        &|w| w.key = Some(Size::Fixed(30)),
        &["key", "sizes"],
    );
    let absent = Percent::new(50).unwrap();
    refused(
        "fill",
        &|w| w.absent = absent,
        &["absent = \"50 %\"", "no get"],
    );
    refused("cache-aside", &|w| w.absent = absent, &["absent", "fill"]);
    refused("trace", &|w| w.absent = absent, &["absent", "own keys"]);
    let most = |w: &mut Workload| (w.absent, w.entries) = (absent, (1 << 31) + 1);
    refused("ycsb-c", &most, &["absent", "2^31"]);
    refused("growing", &|w| w.points = Some(0), &["points = 0", "1 to"]);
    refused("growing", &|w| w.prefill = true, &["points = 100", "empty"]);
    refused("growing", &|w| w.clocked = true, &["points = 100", "clock"]);
    refused("ycsb-a", &|w| w.points = Some(9), &["points = 9", "empty"]);
    let huge = |w: &mut Workload| w.value = Size::Fixed(1 << 21);
    refused("ycsb-c", &huge, &["2097152", "1 MiB"]);
    refused("trace", &|w| w.entries = 5, &["entries = 5"]);
    refused("trace", &|w| w.prefill = true, &["prefill"]);
    refused("trace", &|w| w.on_miss = OnMiss::Nothing, &["on_miss"]);
    let mut replay = Workload::replay(trace(), 1, 1);
    replay.trace.as_mut().unwrap().format = "twitter".into();
    replay.on_miss = OnMiss::Nothing;
    assert_eq!(replay.check(), Ok(()));
    let format = |w: &mut Workload| w.trace.as_mut().unwrap().format = "key".into();
    refused("trace", &format, &["'key'", "did you mean 'keys'"]);
    // Four threads, three records, each thread its own.
    let mut few = preset("fill");
    few.resize(3);
    assert_eq!(few.check_threads(4), Ok(()));
    few.mix.get = 1;
    let error = few.check_threads(4).unwrap_err().to_string();
    assert!(error.contains("entries = 3") && error.contains("4 threads"));
}

#[test]
fn what_is_put_aside_suffices_and_is_at_most_half() {
    assert_eq!(preset("ycsb-d").put_aside(), 0);
    // Balanced: five deviations of 100,000 steps, four in five of them up or down.
    assert_eq!(preset("exchange").put_aside(), 1_415);
    assert!((1_000..1_200).contains(&preset("twitter-c29").put_aside()));
    let mut drain = preset("exchange");
    drain.mix = Mix {
        remove: 1,
        ..Mix::default()
    };
    assert_eq!(drain.put_aside(), 50_000);
}

#[test]
fn suites_and_rows_of_old_workloads_are_as_they_were() {
    let json = serde_json::to_string(&preset("ycsb-a")).unwrap();
    for field in ["key\"", "resize_values", "add", "remove", "absent"] {
        assert!(!json.contains(field), "{json}");
    }
}

#[test]
fn resizing_keeps_the_length_in_proportion() {
    let mut workload = preset("cache-aside");
    workload.resize(1_000_000);
    assert_eq!(
        (workload.entries, workload.ops),
        (1_000_000, Some(2_000_000))
    );
    let mut workload = preset("ycsb-d");
    workload.resize(7);
    assert_eq!((workload.entries, workload.ops), (7, None));
}
