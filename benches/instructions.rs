//! A fixed number of operations of one kind on one strategy, for a tool that counts instructions.
//!
//! `instructions STRATEGY OP COUNT` runs them through the timed loop of runs; `scripts/instructions`
//! calls it under valgrind with two counts and takes the difference, so that opening, filling and the
//! program itself drop out. Without arguments every strategy runs a few, which shows that it can.

use std::process::ExitCode;
use std::sync::Arc;

use bucketlab::base::{Journal, Params, Spec};
use bucketlab::bench::{MicroOp, Run};
use bucketlab::catalog::{ROWS, resolve};
use bucketlab::hash::{HASHES, Hasher};
use bucketlab::table::Env;

/// Operations where no count is given.
const FEW: u64 = 100;

fn run(spec: &str, op: MicroOp, count: u64) -> anyhow::Result<()> {
    let env = Env {
        hasher: Hasher::new(&HASHES[0], [1, 2]),
        clock: bucketlab::machine::now_ns,
        journal: Arc::new(Journal::new(64)),
        recency: false,
    };
    let spec: Spec = spec.parse()?;
    let (row, params): (_, Params) = resolve(ROWS, &spec)?;
    let mut once = |run: &mut Run<'_>| {
        run(count);
    };
    (row.micro)(&params, &env, op, &mut once)
}

fn asked(words: &[String]) -> anyhow::Result<()> {
    let [spec, op, count] = words else {
        // Planted faults have no samples; some give wrong answers, which is an error here.
        for row in ROWS.iter().filter(|row| !row.samples.is_empty()) {
            for op in MicroOp::ALL {
                run(row.name, op, FEW)?;
            }
        }
        return Ok(());
    };
    let known = MicroOp::ALL.into_iter().find(|known| known.name() == op);
    let op = known.ok_or_else(|| {
        let names = MicroOp::ALL.map(MicroOp::name).join(", ");
        anyhow::anyhow!("unknown operation '{op}': {names}")
    })?;
    run(spec, op, count.parse()?)
}

fn main() -> ExitCode {
    // Cargo adds flags of its own.
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with("--"))
        .collect();
    match asked(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("instructions: {error:#}");
            ExitCode::from(2)
        }
    }
}
