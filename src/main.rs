//! The `bucketlab` program: the library's entry with the built-in strategies.
fn main() {}
