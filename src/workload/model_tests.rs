//! Compares the outcomes that streams expect with a model: a set of keys that interleaved threads work
//! on, in every order that the streams' contract allows.

use std::collections::HashSet;

use xxhash_rust::xxh3::xxh3_64;

use super::draws::Draws;
use super::segment::{Expect, Filled, Kind, Op, Segment};
use super::{
    KeyDistribution, Mix, OnMiss, PRESETS, Prefill, Stream, TraceSource, Workload, find_preset,
};

/// Operations of a ring that are tried; a pass is gone through to its end.
const RING_OPS: usize = 10_000;

/// Whether gets that wait in a batch are handed over before another operation runs.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Batching {
    Flushed,
    Held,
}

/// What a replay on the model has seen.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    ops: u64,
    present: u64,
    absent: u64,
    either: u64,
    misses: u64,
    /// Of each thread.
    first_touches: Vec<u64>,
}

struct Thread {
    stream: Stream,
    segment: Segment,
    at: usize,
    done: usize,
    /// Key hash and operation of the gets that wait.
    waiting: Vec<(u64, Op)>,
    over: bool,
}

/// Plays a workload on the model with threads taking turns at random.
fn play(
    workload: &Workload,
    threads: u32,
    batching: Batching,
    segment_bytes: usize,
) -> Result<Seen, String> {
    let mut table = HashSet::new();
    Prefill::new(workload).for_each(|key, _| {
        assert!(table.insert(xxh3_64(key)), "the prefill repeats a key");
    });
    let mut seen = Seen::default();
    let mut turns = Draws::new(99, 0);
    let mut all: Vec<Thread> = (0..threads)
        .map(|thread| {
            let opened = Stream::with_segments_of(segment_bytes, workload, 17, thread, threads);
            Thread {
                stream: opened.map_err(|error| error.to_string()).unwrap(),
                segment: Segment::default(),
                at: 0,
                done: 0,
                waiting: Vec::new(),
                over: false,
            }
        })
        .collect();
    while all.iter().any(|thread| !thread.over) {
        let turn = usize::try_from(turns.below(threads.into())).unwrap();
        let thread = &mut all[turn];
        if thread.over {
            continue;
        }
        if thread.at == thread.segment.ops.len() {
            let filled = thread.stream.refill(&mut thread.segment).unwrap();
            thread.at = 0;
            let enough = filled == Filled::Ring || thread.stream.pass_ops().is_none();
            if filled == Filled::End || (enough && thread.done >= RING_OPS) {
                hand_over(&mut thread.waiting, &mut table, &mut seen)?;
                thread.over = true;
            }
            continue;
        }
        let op = thread.segment.ops[thread.at];
        let key = xxh3_64(thread.segment.key(&op));
        thread.at += 1;
        thread.done += 1;
        seen.ops += 1;
        if matches!(op.kind, Kind::Get | Kind::GetFill) {
            thread.waiting.push((key, op));
            if thread.waiting.len() == workload.batch as usize {
                hand_over(&mut thread.waiting, &mut table, &mut seen)?;
            }
            continue;
        }
        if batching == Batching::Flushed {
            hand_over(&mut thread.waiting, &mut table, &mut seen)?;
        }
        let present = table.contains(&key);
        check(&op, present, &mut seen)?;
        seen.misses += u64::from(op.kind == Kind::Rmw && !present);
        match op.kind {
            Kind::Remove => {
                table.remove(&key);
            }
            Kind::Set | Kind::Insert | Kind::Rmw | Kind::Add => {
                table.insert(key);
            }
            // These change a value that is there.
            _ => {}
        }
    }
    for thread in all {
        let pass = thread.stream.pass_ops();
        assert!(pass.is_none_or(|ops| ops == thread.done as u64));
        seen.first_touches.push(thread.stream.first_touches());
    }
    Ok(seen)
}

/// Performs the gets that wait: all lookups, then the fills.
fn hand_over(
    waiting: &mut Vec<(u64, Op)>,
    table: &mut HashSet<u64>,
    seen: &mut Seen,
) -> Result<(), String> {
    let mut fills = Vec::new();
    for (key, op) in waiting.drain(..) {
        let present = table.contains(&key);
        check(&op, present, seen)?;
        seen.misses += u64::from(!present);
        if !present && op.kind == Kind::GetFill {
            fills.push(key);
        }
    }
    table.extend(fills);
    Ok(())
}

fn check(op: &Op, present: bool, seen: &mut Seen) -> Result<(), String> {
    match op.expect {
        Expect::Present => seen.present += 1,
        Expect::Absent => seen.absent += 1,
        Expect::Either => seen.either += 1,
    }
    let right = match op.expect {
        Expect::Present => present,
        Expect::Absent => !present,
        Expect::Either => true,
    };
    if right {
        Ok(())
    } else {
        Err(format!(
            "operation {} of all: {op:?}, present: {present}",
            seen.ops
        ))
    }
}

fn small(name: &str) -> Workload {
    let mut workload = (find_preset(name).unwrap().build)();
    workload.resize(3_000);
    workload
}

/// Every way to play a workload: threads, batches, when batches are handed over, segment sizes.
fn play_all(workload: &Workload, mut see: impl FnMut(&str, u32, u32, Seen)) {
    for threads in [1, 3] {
        for batch in [1, 16] {
            for batching in [Batching::Flushed, Batching::Held] {
                for segment_bytes in [usize::MAX >> 1, 5_000] {
                    let mut workload = workload.clone();
                    workload.batch = batch;
                    let case = format!(
                        "{}, {threads} threads, batch {batch}, {batching:?}, {segment_bytes} B",
                        workload.describe()
                    );
                    match play(&workload, threads, batching, segment_bytes.min(64 << 20)) {
                        Ok(seen) => see(&case, threads, batch, seen),
                        Err(why) => panic!("{case}: {why}"),
                    }
                }
            }
        }
    }
}

#[test]
fn every_preset_keeps_its_word() {
    for preset in PRESETS {
        play_all(&small(preset.name), |case, threads, batch, seen| {
            let shared = preset.name == "cache-aside" && (threads > 1 || batch > 1);
            assert_eq!(seen.either > 0, shared, "{case}: {seen:?}");
            if !shared && preset.name != "cache-aside" {
                assert_eq!(seen.misses, 0, "{case}");
            }
        });
    }
    for name in ["exchange", "twitter-c29"] {
        play_all(&small(name), |case, _, _, seen| {
            assert_eq!((seen.ops, seen.either), (3_000, 0), "{case}: {seen:?}");
        });
    }
    play_all(&small("fill"), |case, _, _, seen| {
        assert_eq!((seen.ops, seen.absent), (3_000, 3_000), "{case}");
    });
    play_all(&small("ycsb-d"), |case, _, _, seen| {
        assert_eq!(seen.ops, 3_000, "{case}");
        assert!((75..225).contains(&seen.absent), "5 % inserts: {seen:?}");
    });
}

#[test]
fn first_touches_bound_the_misses() {
    play_all(&small("cache-aside"), |case, threads, batch, seen| {
        let most: u64 = seen.first_touches.iter().sum();
        let least = *seen.first_touches.iter().max().unwrap();
        assert!(seen.misses >= least, "{case}: {seen:?}");
        if batch == 1 {
            assert!(seen.misses <= most, "{case}: {seen:?}");
            if threads == 1 {
                assert_eq!((seen.misses, seen.absent), (most, most), "{case}");
            } else {
                assert!(seen.misses < most, "threads share the hot keys: {seen:?}");
            }
        }
    });
}

/// Mixes that no preset has: growing from empty, with and without others in the way.
#[test]
fn mixes_from_an_empty_table_keep_their_word() {
    let mix = |get, set, insert| Mix {
        get,
        set,
        insert,
        ..Mix::default()
    };
    let mixes = [
        mix(50, 50, 0),
        mix(50, 0, 50),
        mix(40, 30, 30),
        mix(0, 100, 0),
        mix(100, 0, 0),
        Mix {
            add: 50,
            ..mix(50, 0, 0)
        },
    ];
    for keys in [
        KeyDistribution::Uniform,
        KeyDistribution::Zipfian { theta: 0.5 },
        KeyDistribution::Sequential,
    ] {
        for mix in mixes {
            for on_miss in [OnMiss::Nothing, OnMiss::Fill] {
                if mix.get == 0 && on_miss == OnMiss::Fill {
                    continue;
                }
                let workload = Workload {
                    mix,
                    on_miss,
                    keys: keys.clone(),
                    prefill: false,
                    ops: Some(9_000),
                    ..small("uniform")
                };
                let sequential = keys == KeyDistribution::Sequential;
                play_all(&workload, |case, threads, batch, seen| {
                    assert_eq!(seen.ops, 9_000, "{case}");
                    // Nothing is unknown to a lone thread without batches, nor to one whose keys
                    // are its own.
                    if batch == 1 && (threads == 1 || sequential) {
                        assert_eq!(seen.either, 0, "{case}: {seen:?}");
                    }
                });
            }
        }
    }
}

#[test]
fn prefilled_workloads_with_every_operation_keep_their_word() {
    for keys in [
        KeyDistribution::Latest { theta: 0.9 },
        KeyDistribution::Uniform,
        KeyDistribution::Sequential,
    ] {
        for insert in [0, 20] {
            let workload = Workload {
                mix: Mix {
                    get: 40,
                    set: 20,
                    insert,
                    rmw: 20,
                    add: 20,
                    ..Mix::default()
                },
                keys: keys.clone(),
                ..small("uniform")
            };
            play_all(&workload, |case, _, _, seen| {
                assert_eq!((seen.either, seen.misses), (0, 0), "{case}: {seen:?}");
                assert_eq!(seen.absent > 0, insert > 0, "{case}: {seen:?}");
            });
        }
    }
}

#[test]
fn a_trace_keeps_its_word() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("small.txt");
    let mut draws = Draws::new(4, 4);
    let mut keys: Vec<u64> = (0..6_000).map(|_| draws.below(700)).collect();
    // Runs of one key, which meet themselves within a batch.
    keys.extend((700..720).flat_map(|key| [key; 40]));
    let lines: Vec<String> = keys.iter().map(u64::to_string).collect();
    let text = lines.join("\n");
    std::fs::write(&path, text).unwrap();
    let distinct = keys.iter().collect::<HashSet<_>>().len() as u64;
    let source = TraceSource::new(path, "keys");
    let requests = keys.len() as u64;
    play_all(
        &Workload::replay(source, requests, 1),
        |case, threads, batch, seen| {
            assert_eq!((seen.ops, seen.absent), (requests, distinct), "{case}");
            assert_eq!(seen.first_touches.iter().sum::<u64>(), distinct, "{case}");
            assert!(seen.first_touches.iter().all(|n| *n > 100 || threads == 1));
            assert_eq!(seen.either > 0, batch > 1, "{case}: {seen:?}");
            if batch == 1 {
                assert_eq!(seen.misses, distinct, "{case}");
            }
        },
    );
}

/// Every operation on few keys, from an empty table, with gets that fill and gets that do not.
#[test]
fn a_trace_of_every_operation_keeps_its_word() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("every.csv");
    let mut draws = Draws::new(5, 5);
    let ops = [
        "get", "get", "get", "gets", "set", "add", "replace", "cas", "append", "prepend", "incr",
        "decr", "delete", "delete",
    ];
    let mut text = String::new();
    for time in 0..8_000 {
        let (key, op) = (draws.below(60), draws.below(ops.len() as u64));
        let op = ops[usize::try_from(op).unwrap()];
        text += &format!("{time},key{key},5,10,1,{op},0\n");
    }
    std::fs::write(&path, text).unwrap();
    let source = TraceSource::new(path, "twitter");
    for on_miss in [OnMiss::Nothing, OnMiss::Fill] {
        let mut workload = Workload::replay(source.clone(), 8_000, 1);
        assert_eq!(workload.on_miss, OnMiss::Nothing);
        workload.on_miss = on_miss;
        play_all(&workload, |case, _, batch, seen| {
            assert_eq!(seen.ops, 8_000, "{case}");
            assert!(seen.present > 500 && seen.absent > 500, "{case}: {seen:?}");
            assert_eq!(seen.either > 0, batch > 1, "{case}: {seen:?}");
            let misses = seen.first_touches.iter().sum::<u64>();
            if batch == 1 {
                assert_eq!(seen.misses, misses, "{case}");
            } else {
                assert!(seen.misses >= misses, "{case}");
            }
        });
    }
}

/// The model can tell a stream that is wrong: here the table lacks what the stream takes for
/// granted, or has what the stream takes to be absent.
#[test]
fn the_model_catches_a_wrong_word() {
    let mut seen = Seen::default();
    let op = |expect| Op {
        key_at: 0,
        value_len: 0,
        key_len: 0,
        kind: Kind::Get,
        expect,
        since: super::NOT_KNOWN,
    };
    assert!(check(&op(Expect::Present), false, &mut seen).is_err());
    assert!(check(&op(Expect::Absent), true, &mut seen).is_err());
    assert!(check(&op(Expect::Either), true, &mut seen).is_ok());
    // A batch that is larger than the workload says breaks the promise of the window.
    let mut workload = small("cache-aside");
    workload.keys = KeyDistribution::Zipfian { theta: 0.99 };
    let mut stream = Stream::open(&workload, 17, 0, 1).unwrap();
    let mut segment = Segment::default();
    stream.refill(&mut segment).unwrap();
    let mut waiting: Vec<(u64, Op)> = segment
        .ops
        .iter()
        .take(500)
        .map(|op| (xxh3_64(segment.key(op)), *op))
        .collect();
    assert!(hand_over(&mut waiting, &mut HashSet::new(), &mut seen).is_err());
}
