//! Which machines are alike: those whose figures may share a panel.

use crate::record::Manifest;

/// What two machines must have in common: all that moves a rate and can be read.
const FACTS: [&str; 13] = [
    "architecture",
    "cpu_model",
    "microcode",
    "caches",
    "cpus_usable",
    "numa_nodes",
    "smt",
    "turbo",
    "frequency_governor",
    "huge_pages",
    "hypervisor",
    "kernel",
    "libc",
];

/// The machine of a run in words: two are alike if these are the same. Memory counts in whole GiB: machines of
/// one delivery differ by some MiB.
#[must_use]
pub fn machine_kind(manifest: &Manifest) -> String {
    let fact = |name: &str| {
        let value = manifest
            .machine
            .get(name)
            .map_or("not known", String::as_str);
        format!("{} {value}", name.replace('_', " "))
    };
    let mut facts: Vec<String> = FACTS.iter().map(|name| fact(name)).collect();
    let bytes = manifest.machine.get("memory_total_bytes");
    if let Some(bytes) = bytes.and_then(|bytes| bytes.parse::<u64>().ok()) {
        facts.push(format!("memory {} GiB", (bytes + (1 << 29)) >> 30));
    }
    facts.join("; ")
}

/// What of a second machine differs from the first.
pub(super) fn differences(first: &str, second: &str) -> String {
    let of_first: Vec<&str> = first.split("; ").collect();
    let other = second.split("; ").filter(|fact| !of_first.contains(fact));
    other.collect::<Vec<_>>().join("; ")
}
