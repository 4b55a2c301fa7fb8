//! One get, one set and a batch of gets on each strategy, through the timed loop that runs use. The
//! control `null` is the harness's floor: what the loop and the hash cost without any table.

use std::sync::Arc;

use bucketlab::base::{Journal, Params, Spec};
use bucketlab::bench::{MicroOp, Run};
use bucketlab::catalog::ROWS;
use bucketlab::hash::{HASHES, Hasher};
use bucketlab::table::Env;
use criterion::{Criterion, criterion_group, criterion_main};

fn tables(criterion: &mut Criterion) {
    let env = Env {
        hasher: Hasher::new(&HASHES[0], [1, 2]),
        clock: bucketlab::machine::now_ns,
        journal: Arc::new(Journal::new(64)),
        recency: false,
    };
    for op in MicroOp::ALL {
        let mut group = criterion.benchmark_group(op.name());
        // Planted faults have no samples; some give wrong answers, which is an error here.
        for row in ROWS.iter().filter(|row| !row.samples.is_empty()) {
            let spec = Spec {
                name: row.name.to_owned(),
                params: Vec::new(),
            };
            let params = Params::resolve(row.params, &spec).expect("defaults are valid");
            group.bench_function(row.name, |bencher| {
                let mut bench = |run: &mut Run<'_>| bencher.iter_custom(&mut *run);
                (row.micro)(&params, &env, op, &mut bench).expect("defaults go together");
            });
        }
        group.finish();
    }
}

criterion_group!(benches, tables);
criterion_main!(benches);
