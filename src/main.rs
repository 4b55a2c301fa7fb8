//! The `bucketlab` program: the library's entry with the built-in strategies.

use std::process::ExitCode;

use bucketlab::machine::CountingAllocator;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

fn main() -> ExitCode {
    bucketlab::cli::main(bucketlab::catalog::ROWS, std::env::current_exe())
}
