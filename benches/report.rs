//! What `bucketlab report` takes for a run of ten thousand trials, from start to end of the process.

#[path = "../tests/all/report/made_up.rs"]
mod made_up;

use std::process::{Command, Stdio};

use criterion::{Criterion, criterion_group, criterion_main};

fn report(criterion: &mut Criterion) {
    let root = tempfile::tempdir().expect("a place for the run");
    let run = made_up::made_up(root.path(), made_up::LARGE);
    let mut group = criterion.benchmark_group("report");
    group.sample_size(10);
    group.bench_function("10,000 trials, 200,000 slices", |bencher| {
        bencher.iter(|| {
            let done = Command::new(env!("CARGO_BIN_EXE_bucketlab"))
                .arg("report")
                .arg(&run)
                .stdout(Stdio::null())
                .status()
                .expect("the program starts");
            assert!(done.success());
        });
    });
    group.finish();
}

criterion_group!(benches, report);
criterion_main!(benches);
