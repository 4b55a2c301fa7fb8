//! The operations of one thread, a segment at a time.

use anyhow::ensure;

use super::Workload;
use super::drawn::Drawn;
use super::replay::Replay;
use super::segment::{Filled, SEGMENT_BYTES_MAX, Segment};

/// The operations that one thread performs: drawn from the workload, the seed and the thread's
/// index alone, or read from a trace.
///
/// Every [`Op`](super::Op) says what is known of its key. That holds for a table that holds the
/// [`Prefill`](super::Prefill) and nothing else at the start and never evicts, with each thread
/// going through its own stream in order. Gets may be handed over in batches of up to
/// `workload.batch` consecutive gets; other operations may run before the gets that wait or after
/// them.
pub struct Stream {
    source: Source,
    segment_bytes: usize,
}

enum Source {
    Drawn(Drawn),
    Replay(Replay),
}

impl Stream {
    /// Opens the stream of `thread` (from 0) out of `threads`. Reads a trace once from end to end,
    /// to count the requests that are this thread's.
    ///
    /// # Errors
    /// A [`BadInput`](crate::base::BadInput) for a workload that does not pass
    /// [`Workload::check`], that is sequential with fewer records than threads, or whose trace
    /// cannot be read.
    pub fn open(
        workload: &Workload,
        seed: u64,
        thread: u32,
        threads: u32,
    ) -> anyhow::Result<Stream> {
        Stream::with_segments_of(SEGMENT_BYTES_MAX, workload, seed, thread, threads)
    }

    /// Like [`Stream::open`], with segments of at most so many bytes (but at least one operation).
    pub(super) fn with_segments_of(
        segment_bytes: usize,
        workload: &Workload,
        seed: u64,
        thread: u32,
        threads: u32,
    ) -> anyhow::Result<Stream> {
        ensure!(thread < threads, "there is no thread {thread} of {threads}");
        workload.check()?;
        let source = if let Some(trace) = &workload.trace {
            Source::Replay(Replay::open(trace, workload, thread, threads)?)
        } else {
            workload.check_threads(threads)?;
            Source::Drawn(Drawn::new(workload, seed, thread, threads))
        };
        Ok(Stream {
            source,
            segment_bytes,
        })
    }

    /// Operations of this thread in one pass; `None` for a workload that keeps the key set, whose
    /// stream is a ring without end.
    pub fn pass_ops(&self) -> Option<u64> {
        match &self.source {
            Source::Drawn(drawn) => drawn.pass_ops(),
            Source::Replay(replay) => Some(replay.pass_ops()),
        }
    }

    /// Replaces the content of `segment` with the next operations, reusing its buffers.
    ///
    /// # Errors
    /// A [`BadInput`](crate::base::BadInput) when a trace cannot be read any more.
    pub fn refill(&mut self, segment: &mut Segment) -> anyhow::Result<Filled> {
        segment.clear();
        match &mut self.source {
            Source::Drawn(drawn) => Ok(drawn.refill(segment, self.segment_bytes)),
            Source::Replay(replay) => Ok(replay.refill(segment, self.segment_bytes)?),
        }
    }

    /// Different keys that were absent at the start and that a get with a fill of this thread was
    /// the thread's first operation on, in all segments so far. For a trace: reads that are known to
    /// miss.
    ///
    /// With batches of one get, the misses of all threads in a whole pass lie between the largest
    /// of these and their sum; with one thread, or a trace, they are the sum.
    pub fn first_touches(&self) -> u64 {
        match &self.source {
            Source::Drawn(drawn) => drawn.first_touches(),
            Source::Replay(replay) => replay.first_touches(),
        }
    }
}

#[cfg(test)]
mod tests {
    use xxhash_rust::xxh3::Xxh3Default;

    use super::super::segment::Op;
    use super::super::{KeyDistribution, PRESETS, Size, find_preset};
    use super::*;

    fn preset(name: &str) -> Workload {
        (find_preset(name).unwrap().build)()
    }

    /// Operations with their keys, segment after segment, until the end or `limit` of them.
    fn collect(mut stream: Stream, limit: usize) -> (Vec<(Op, Vec<u8>)>, Vec<Filled>) {
        let (mut ops, mut states) = (Vec::new(), Vec::new());
        let mut segment = Segment::default();
        while ops.len() < limit {
            let filled = stream.refill(&mut segment).unwrap();
            states.push(filled);
            if filled == Filled::End {
                assert!(segment.ops.is_empty() && segment.keys.is_empty());
                break;
            }
            assert!(!segment.ops.is_empty());
            for op in &segment.ops {
                // Where a segment ends decides these.
                let place_aside = Op {
                    key_at: 0,
                    since: 0,
                    ..*op
                };
                ops.push((place_aside, segment.key(op).to_vec()));
            }
        }
        ops.truncate(limit);
        (ops, states)
    }

    fn checksum(stream: &mut Stream) -> u64 {
        let mut sum = Xxh3Default::new();
        let mut segment = Segment::default();
        loop {
            let filled = stream.refill(&mut segment).unwrap();
            for op in &segment.ops {
                sum.update(&op.key_at.to_le_bytes());
                sum.update(&op.value_len.to_le_bytes());
                sum.update(&op.key_len.to_le_bytes());
                sum.update(&[op.kind as u8, op.expect as u8]);
            }
            sum.update(&segment.keys);
            if filled != Filled::Part {
                return sum.digest();
            }
        }
    }

    /// A change of these changes every result that was measured before: the same seed must
    /// give the same bytes on every machine and in every version.
    #[test]
    fn streams_are_pinned() {
        let mut found = Vec::new();
        for preset in PRESETS {
            let workload = (preset.build)();
            for (thread, threads) in [(0, 1), (0, 2), (1, 2)] {
                let mut stream = Stream::open(&workload, 42, thread, threads).unwrap();
                found.push((preset.name, thread, threads, checksum(&mut stream)));
            }
        }
        let mut sizes = preset("uniform");
        sizes.value = Size::Uniform { min: 1, max: 4096 };
        let mut stream = Stream::open(&sizes, 42, 0, 1).unwrap();
        found.push(("sizes", 0, 1, checksum(&mut stream)));
        assert_eq!(found, PINNED, "found: {found:#x?}");
    }

    /// Preset, thread, threads, XXH3-64 of its stream under seed 42.
    const PINNED: &[(&str, u32, u32, u64)] = &[
        ("ycsb-a", 0, 1, 0xe804_4f82_442a_aed6),
        ("ycsb-a", 0, 2, 0xe804_4f82_442a_aed6),
        ("ycsb-a", 1, 2, 0x7d3f_aca0_f6be_8dfd),
        ("ycsb-b", 0, 1, 0x5986_30d7_13b4_5296),
        ("ycsb-b", 0, 2, 0x5986_30d7_13b4_5296),
        ("ycsb-b", 1, 2, 0x74fa_9d48_8f2b_257d),
        ("ycsb-c", 0, 1, 0x7175_41cf_94f1_2086),
        ("ycsb-c", 0, 2, 0x7175_41cf_94f1_2086),
        ("ycsb-c", 1, 2, 0xa461_ae5d_1124_df13),
        ("ycsb-d", 0, 1, 0xcea0_aabf_3c28_a7a4),
        ("ycsb-d", 0, 2, 0xc689_5b19_217f_7ce6),
        ("ycsb-d", 1, 2, 0x6ea7_a8ee_e3cf_681a),
        ("ycsb-f", 0, 1, 0x4d0c_084e_ad6f_0b30),
        ("ycsb-f", 0, 2, 0x4d0c_084e_ad6f_0b30),
        ("ycsb-f", 1, 2, 0x82ae_0ce9_2073_5888),
        ("uniform", 0, 1, 0x300c_a057_afb6_97e1),
        ("uniform", 0, 2, 0x300c_a057_afb6_97e1),
        ("uniform", 1, 2, 0x3b3a_14c3_5226_efe1),
        ("fill", 0, 1, 0x68b5_35d3_3945_8db0),
        ("fill", 0, 2, 0x8bd8_f00c_7f36_899d),
        ("fill", 1, 2, 0x7e9e_0321_28bf_a603),
        ("growing", 0, 1, 0x3a09_101e_eafa_5b32),
        ("growing", 0, 2, 0x49b2_02f2_f9f6_cdd2),
        ("growing", 1, 2, 0xc152_e95c_d818_696e),
        ("cache-aside", 0, 1, 0x238f_7ae9_5d2b_0952),
        ("cache-aside", 0, 2, 0xc5eb_9f5d_0fdc_edb3),
        ("cache-aside", 1, 2, 0x021c_90ee_c8a4_c033),
        ("facebook-etc", 0, 1, 0x3ff1_7b81_afe2_8b22),
        ("facebook-etc", 0, 2, 0x3ff1_7b81_afe2_8b22),
        ("facebook-etc", 1, 2, 0x5dd2_f00e_66f4_002e),
        ("twitter-c52", 0, 1, 0xaca7_cb4b_4b2b_fe33),
        ("twitter-c52", 0, 2, 0xaca7_cb4b_4b2b_fe33),
        ("twitter-c52", 1, 2, 0xc9f2_2dbb_44e4_9c2f),
        ("twitter-c12", 0, 1, 0x28d7_010b_332e_3feb),
        ("twitter-c12", 0, 2, 0x28d7_010b_332e_3feb),
        ("twitter-c12", 1, 2, 0x980d_9893_b12b_6c2a),
        ("twitter-c15", 0, 1, 0x6441_59ac_56ca_0f5e),
        ("twitter-c15", 0, 2, 0x6441_59ac_56ca_0f5e),
        ("twitter-c15", 1, 2, 0x5eef_fe53_4e83_0af7),
        ("twitter-c18", 0, 1, 0xd6e6_379c_a581_b5e2),
        ("twitter-c18", 0, 2, 0xd6e6_379c_a581_b5e2),
        ("twitter-c18", 1, 2, 0xe4a7_5fbf_b4f1_dd9d),
        ("twitter-c29", 0, 1, 0xfa49_783d_0b3f_6ab8),
        ("twitter-c29", 0, 2, 0xf2e8_9f06_a096_73b3),
        ("twitter-c29", 1, 2, 0x3ffb_162e_e6b0_0ac5),
        ("twitter-c37", 0, 1, 0x3f47_020f_0037_a496),
        ("twitter-c37", 0, 2, 0x3f47_020f_0037_a496),
        ("twitter-c37", 1, 2, 0x6b4e_cfb6_7b32_04e1),
        ("twitter-c44", 0, 1, 0xb35b_576a_d5fb_792e),
        ("twitter-c44", 0, 2, 0xb35b_576a_d5fb_792e),
        ("twitter-c44", 1, 2, 0x1867_a945_41f1_4858),
        ("read-heavy", 0, 1, 0xba63_4007_084d_d3f1),
        ("read-heavy", 0, 2, 0x9db8_1485_0c0d_7bc3),
        ("read-heavy", 1, 2, 0xf840_48dd_26ad_a110),
        ("exchange", 0, 1, 0xce30_097a_2d3c_69b7),
        ("exchange", 0, 2, 0x156b_4c9e_8aba_8218),
        ("exchange", 1, 2, 0xde3b_9525_7595_4913),
        ("rapid-grow", 0, 1, 0x4040_1470_9e46_fba0),
        ("rapid-grow", 0, 2, 0x0611_e3b9_d7b2_6ce4),
        ("rapid-grow", 1, 2, 0x10d8_2280_0c5f_4e02),
        ("update-heavy", 0, 1, 0x1b2c_ca87_416c_9a36),
        ("update-heavy", 0, 2, 0x05c2_8c2a_7eb2_cdbd),
        ("update-heavy", 1, 2, 0xe716_e9a0_3cc7_3e0d),
        ("sizes", 0, 1, 0x2cb9_c84b_d3a2_f101),
    ];

    #[test]
    fn seeds_and_threads_have_streams_of_their_own() {
        let sum =
            |seed, thread| checksum(&mut Stream::open(&preset("ycsb-c"), seed, thread, 2).unwrap());
        assert_eq!(sum(1, 0), sum(1, 0));
        assert_ne!(sum(1, 0), sum(2, 0));
        assert_ne!(sum(1, 0), sum(1, 1));
    }

    #[test]
    fn a_ring_is_as_long_as_the_table_is_large() {
        for (entries, ops) in [(10, 1 << 16), (100_000, 100_000)] {
            let mut workload = preset("ycsb-a");
            workload.resize(entries);
            let mut stream = Stream::open(&workload, 1, 1, 2).unwrap();
            assert_eq!(stream.pass_ops(), None);
            let mut segment = Segment::default();
            assert_eq!(stream.refill(&mut segment).unwrap(), Filled::Ring);
            assert_eq!(segment.ops.len(), ops);
            // Again gives the same again.
            let first = segment.keys.clone();
            assert_eq!(stream.refill(&mut segment).unwrap(), Filled::Ring);
            assert_eq!(segment.keys, first);
        }
    }

    #[test]
    fn a_ring_larger_than_a_segment_goes_round() {
        for name in ["ycsb-a", "uniform"] {
            let workload = preset(name);
            let whole = Stream::open(&workload, 3, 0, 1).unwrap();
            let (ring, states) = collect(whole, 100_000);
            assert_eq!(states, [Filled::Ring]);
            let parts = Stream::with_segments_of(1 << 20, &workload, 3, 0, 1).unwrap();
            let (parts, states) = collect(parts, 250_000);
            assert!(states.len() > 8 && states.iter().all(|state| *state == Filled::Part));
            let round: Vec<_> = ring.iter().cycle().take(250_000).cloned().collect();
            assert!(parts == round, "{name}: the parts are not the ring");
        }
    }

    #[test]
    fn a_pass_is_shared_out_and_ends() {
        let mut workload = preset("fill");
        workload.resize(1_001);
        let mut keys = std::collections::HashSet::new();
        for (thread, ops) in [(0, 334), (1, 334), (2, 333)] {
            let stream = Stream::with_segments_of(4_000, &workload, 3, thread, 3).unwrap();
            assert_eq!(stream.pass_ops(), Some(ops));
            let (inserts, states) = collect(stream, usize::MAX);
            assert_eq!(inserts.len() as u64, ops);
            assert!(states.len() > 2 && states.ends_with(&[Filled::Part, Filled::End]));
            keys.extend(inserts.into_iter().map(|(_, key)| key));
        }
        assert_eq!(keys.len(), 1_001);
        // More threads than records: some have nothing to do.
        workload.resize(2);
        let idle = Stream::open(&workload, 3, 2, 3).unwrap();
        assert_eq!(idle.pass_ops(), Some(0));
        assert_eq!(collect(idle, 1).1, [Filled::End]);
    }

    #[test]
    fn a_sequential_ring_goes_on_in_order_when_it_starts_over() {
        let mut workload = preset("uniform");
        workload.keys = KeyDistribution::Sequential;
        workload.resize(999);
        let stream = Stream::open(&workload, 3, 1, 2).unwrap();
        let (ring, _) = collect(stream, 1 << 17);
        let records = 999 / 2;
        for (at, op) in ring.iter().enumerate() {
            assert_eq!(op.1, ring[at % records].1);
        }
    }

    #[test]
    fn segments_stay_within_their_bytes() {
        let workload = preset("cache-aside");
        for bytes in [1, 100, 5_000] {
            let mut stream = Stream::with_segments_of(bytes, &workload, 3, 0, 1).unwrap();
            let mut segment = Segment::default();
            for _ in 0..100 {
                stream.refill(&mut segment).unwrap();
                assert!(segment.bytes() <= bytes || segment.ops.len() == 1);
            }
        }
    }

    #[test]
    fn mixes_come_in_their_proportions() {
        use super::super::segment::Kind;
        let mut workload = preset("ycsb-a");
        workload.mix = super::super::Mix {
            get: 5,
            set: 3,
            rmw: 2,
            ..super::super::Mix::default()
        };
        let (ops, _) = collect(Stream::open(&workload, 8, 0, 1).unwrap(), 100_000);
        for (kind, share) in [(Kind::Get, 0.5f64), (Kind::Set, 0.3), (Kind::Rmw, 0.2)] {
            let count = ops.iter().filter(|(op, _)| op.kind == kind).count() as f64;
            // Five deviations of a binomial.
            let noise = 5.0 * (100_000.0 * share * (1.0 - share)).sqrt();
            assert!(
                (count - 100_000.0 * share).abs() < noise,
                "{kind:?}: {count}"
            );
        }
    }

    /// A share of the gets, and nothing else, is for keys that the table never holds; every outcome is known,
    /// and a ring that starts over asks for the same again.
    #[test]
    fn absent_keys_are_never_stored_and_have_their_share() {
        use super::super::segment::{Expect, Kind};
        for (name, percent) in [
            ("ycsb-a", 30),
            ("ycsb-d", 50),
            ("exchange", 100),
            ("uniform", 7),
        ] {
            let mut workload = preset(name);
            workload.absent = crate::base::Percent::new(percent).unwrap();
            workload.check().unwrap();
            let mut stored = std::collections::HashSet::new();
            super::super::Prefill::new(&workload).for_each(|key, _| {
                stored.insert(key.to_vec());
            });
            let stream = Stream::with_segments_of(1 << 20, &workload, 8, 1, 2).unwrap();
            let (ops, _) = collect(stream, 100_000);
            for (op, key) in &ops {
                if op.kind == Kind::Insert {
                    stored.insert(key.clone());
                }
            }
            let (mut gets, mut absent) = (0.0, 0.0);
            for (op, key) in ops.iter().filter(|(op, _)| op.kind == Kind::Get) {
                let is_absent = op.expect == Expect::Absent;
                assert_eq!(is_absent, !stored.contains(key), "{name}");
                assert_ne!(op.expect, Expect::Either, "{name}");
                gets += 1.0;
                absent += f64::from(u8::from(is_absent));
            }
            let share = percent as f64 / 100.0;
            let noise = 5.0 * f64::sqrt(gets * share * (1.0 - share));
            assert!(
                (absent - gets * share).abs() <= noise,
                "{name}: {absent} of {gets}"
            );
            let distinct: std::collections::HashSet<&Vec<u8>> = ops
                .iter()
                .filter(|(op, _)| op.expect == Expect::Absent && op.kind == Kind::Get)
                .map(|(_, key)| key)
                .collect();
            assert!(distinct.len() > 1_000, "{name}: {}", distinct.len());
        }
        let mut workload = preset("ycsb-c");
        workload.absent = crate::base::Percent::new(50).unwrap();
        let whole = Stream::open(&workload, 3, 0, 1).unwrap();
        let (ring, _) = collect(whole, 100_000);
        let parts = Stream::with_segments_of(1 << 20, &workload, 3, 0, 1).unwrap();
        let (parts, _) = collect(parts, 250_000);
        let round: Vec<_> = ring.iter().cycle().take(250_000).cloned().collect();
        assert!(parts == round);
    }

    /// Equal parts insert and look up in turn; what is looked up has been inserted by this thread before.
    #[test]
    fn a_growing_table_is_looked_up_at_its_fill_points() {
        use super::super::segment::{Expect, Kind};
        for (entries, threads) in [(100_000, 1), (1_003, 2)] {
            let mut workload = preset("growing");
            workload.resize(entries);
            let stream = Stream::open(&workload, 5, threads - 1, threads).unwrap();
            let total = usize::try_from(stream.pass_ops().unwrap()).unwrap();
            let (ops, _) = collect(stream, usize::MAX);
            assert_eq!(ops.len(), total);
            let mut stored = std::collections::HashSet::new();
            for part in 0..200 {
                for (op, key) in &ops[total * part / 200..total * (part + 1) / 200] {
                    if part % 2 == 0 {
                        assert_eq!((op.kind, op.expect), (Kind::Insert, Expect::Absent));
                        assert!(stored.insert(key.clone()));
                    } else {
                        assert_eq!((op.kind, op.expect), (Kind::Get, Expect::Present));
                        assert!(stored.contains(key));
                    }
                }
            }
            let wanted = entries / u64::from(threads);
            assert!(stored.len().abs_diff(usize::try_from(wanted).unwrap()) <= 100);
        }
        let mut few = preset("growing");
        few.resize(100);
        let error = Stream::open(&few, 5, 0, 2).err().unwrap().to_string();
        assert!(
            error.contains("points = 100") && error.contains("2 threads"),
            "{error}"
        );
    }

    #[test]
    fn a_stream_can_move_to_its_thread() {
        fn can_move<T: Send>(_: &T) {}
        can_move(&Stream::open(&preset("ycsb-a"), 3, 0, 1).unwrap());
    }

    #[test]
    fn threads_that_do_not_exist_and_bad_workloads_are_refused() {
        let mut workload = preset("ycsb-a");
        assert!(Stream::open(&workload, 3, 2, 2).is_err());
        workload.batch = 0;
        let error = Stream::open(&workload, 3, 0, 1).err().unwrap();
        assert!(error.is::<crate::base::BadInput>(), "{error}");
    }
}
