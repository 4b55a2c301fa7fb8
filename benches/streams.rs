//! What it costs to prepare operations: nanoseconds to generate one for every preset, and requests
//! a second out of every trace format.

use std::hint::black_box;
use std::io::Write;

use bucketlab::workload::{FORMATS, PRESETS, Segment, Stream, TraceReader, TraceSource, convert};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// Requests in the traces that are read.
const REQUESTS: u64 = 200_000;

fn generate(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("generate");
    for preset in PRESETS {
        let workload = (preset.build)();
        let mut segment = Segment::default();
        let mut open = || Stream::open(&workload, 1, 0, 1).expect("presets are valid");
        open().refill(&mut segment).expect("nothing is read");
        group.throughput(Throughput::Elements(segment.ops.len() as u64));
        group.bench_function(preset.name, |bencher| {
            bencher.iter_batched_ref(
                &mut open,
                |stream| stream.refill(black_box(&mut segment)).expect("as above"),
                criterion::BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

/// A trace of a format: keys of some thousand records, sizes of some hundred bytes.
fn write_trace(format: &str, file: &mut impl Write) -> std::io::Result<()> {
    if format == "cachelib" {
        writeln!(file, "op_time,key,key_size,op,op_count,size,cache_hits,ttl")?;
    }
    if format == "csv" {
        writeln!(file, "time,op,key,size")?;
    }
    for n in 0..REQUESTS {
        let key = n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 52;
        let size = key % 700;
        match format {
            "keys" => writeln!(file, "product/{key:08}")?,
            "ycsb" => writeln!(file, "READ user1216196221304{key}")?,
            "twitter" => writeln!(file, "{n},product/{key:08},16,{size},7,get,0")?,
            "cachelib" => writeln!(file, "{n},{key:016x},16,GET,1,{size},1,0")?,
            "oracle-general" => {
                file.write_all(&7u32.to_le_bytes())?;
                file.write_all(&key.to_le_bytes())?;
                file.write_all(&(size as u32).to_le_bytes())?;
                file.write_all(&(-1i64).to_le_bytes())?;
            }
            "csv" => writeln!(file, "{n},GET,product/{key:08},{size}")?,
            "jsonl" => writeln!(
                file,
                r#"{{"ts": {n}, "op": "get", "key": "product/{key:08}", "size": {size}}}"#
            )?,
            "cdn" => writeln!(file, "{n} {key} {size}")?,
            "ibm" => writeln!(file, "{n} REST.GET.OBJECT {key:016x} {size}")?,
            "redis-monitor" => {
                writeln!(file, "{n}.5 [0 127.0.0.1:6] \"get\" \"product/{key:08}\"")?;
            }
            "nginx" => writeln!(
                file,
                "::1 - - [10/Oct/2023:13:55:36 +0000] \"GET /{key:08} HTTP/1.1\" 200 {size}"
            )?,
            "memcached-vv" => writeln!(file, "<26 get product/{key:08}")?,
            "metadump" => writeln!(file, "key=product%2F{key:08} exp=-1 la={n} size={size}")?,
            other => panic!("format {other} has no trace here"),
        }
    }
    file.flush()
}

fn read(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a directory for traces");
    let mut group = criterion.benchmark_group("read");
    group.throughput(Throughput::Elements(REQUESTS));
    for format in FORMATS {
        let path = folder.path().join(format.name);
        if format.name == "compact" {
            let other = TraceSource::new(folder.path().join("twitter"), "twitter");
            convert(&other, &path).expect("the other was read before");
        } else {
            let file = std::fs::File::create(&path).expect("a file");
            write_trace(format.name, &mut std::io::BufWriter::new(file)).expect("a trace");
        }
        let source = TraceSource::new(path, format.name);
        group.bench_function(format.name, |bencher| {
            bencher.iter(|| {
                let mut reader = TraceReader::open(&source).expect("it is there");
                let mut bytes = 0;
                while let Some(request) = reader.next_request().expect("it is sound") {
                    bytes += black_box(request.key).len();
                }
                bytes
            });
        });
    }
    group.finish();
}

criterion_group!(benches, generate, read);
criterion_main!(benches);
