//! Tells the program how it was built, for the record of every run: cargo says that to a build script
//! alone.

fn main() {
    println!("cargo::rerun-if-changed=scripts/build.rs");
    println!("cargo::rerun-if-env-changed=CARGO_ENCODED_RUSTFLAGS");
    let said = |name: &str| std::env::var(name).unwrap_or_default();
    // The flags are parted by a byte that no flag has.
    let flags = said("CARGO_ENCODED_RUSTFLAGS").replace('\u{1f}', " ");
    let flags = if flags.is_empty() { "none" } else { &flags };
    println!(
        "cargo::rustc-env=BUCKETLAB_BUILD=profile {}, opt-level {}, debug info {}, target {}, rustflags {flags}",
        said("PROFILE"),
        said("OPT_LEVEL"),
        said("DEBUG"),
        said("TARGET"),
    );
    println!(
        "cargo::rustc-env=BUCKETLAB_TARGET_FEATURES={}",
        said("CARGO_CFG_TARGET_FEATURE")
    );
}
