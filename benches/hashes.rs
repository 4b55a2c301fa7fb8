//! What a hash call costs, by key length. Lengths are hidden from the compiler: a length that it can
//! see makes some hashes a quarter faster than any user will ever meet.

use std::hint::black_box;

use bucketlab::hash::{HASHES, Hasher};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn hashes(criterion: &mut Criterion) {
    let key = [b'k'; 256];
    for length in [8usize, 20, 250] {
        let mut group = criterion.benchmark_group(format!("hash/{length} B"));
        group.throughput(Throughput::Bytes(length as u64));
        for row in HASHES {
            let hasher = Hasher::new(row, [1, 2]);
            group.bench_function(row.name, |bencher| {
                bencher.iter(|| hasher.hash(&black_box(&key[..])[..black_box(length)]));
            });
        }
        group.finish();
    }
}

criterion_group!(benches, hashes);
criterion_main!(benches);
