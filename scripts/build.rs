//! Tells the program how it was built, for the record of every run: cargo says that to a build script
//! alone.

use std::path::Path;

fn main() {
    println!("cargo::rerun-if-changed=scripts/build.rs");
    println!("cargo::rerun-if-env-changed=CARGO_ENCODED_RUSTFLAGS");
    let said = |name: &str| std::env::var(name).unwrap_or_default();
    // The flags are parted by a byte that no flag has.
    let flags = said("CARGO_ENCODED_RUSTFLAGS").replace('\u{1f}', " ");
    let flags = if flags.is_empty() { "none" } else { &flags };
    let profile = profile(Path::new(&said("OUT_DIR"))).unwrap_or_else(|| said("PROFILE"));
    println!("cargo::rustc-env=BUCKETLAB_PROFILE={profile}");
    println!(
        "cargo::rustc-env=BUCKETLAB_BUILD=profile {profile}, opt-level {}, debug info {}, target {}, rustflags {flags}",
        said("OPT_LEVEL"),
        said("DEBUG"),
        said("TARGET"),
    );
    println!(
        "cargo::rustc-env=BUCKETLAB_TARGET_FEATURES={}",
        said("CARGO_CFG_TARGET_FEATURE")
    );
}

/// The profile by its directory, `target/…/PROFILE/build/…`: `PROFILE` says "release" of every profile
/// that inherits it. `dev` and `test` share the directory `debug`.
fn profile(out_dir: &Path) -> Option<String> {
    let parts: Vec<_> = out_dir.components().collect();
    let build = parts.iter().rposition(|part| part.as_os_str() == "build")?;
    let profile = parts.get(build.checked_sub(1)?)?.as_os_str();
    Some(profile.to_str()?.to_owned())
}
