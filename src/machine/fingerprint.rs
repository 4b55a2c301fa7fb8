//! What a reader must know of a machine to judge figures that were measured on it.
//!
//! Names no host and no user. What cannot be read is there with its reason, so that a missing
//! value is never mistaken for a plain machine.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::memory::{available_bytes, free_in_large_blocks, meminfo_bytes};
use super::pin::allowed_cpus;
use super::{counters, counting};

type Fact = Result<String, String>;

/// The machine as names and values; a value that cannot be had is `unknown: <reason>`.
pub fn fingerprint() -> BTreeMap<String, String> {
    let root = Path::new("/");
    let process = [
        ("affinity", affinity()),
        ("allocator", allocator()),
        ("architecture", Ok(std::env::consts::ARCH.to_owned())),
        (BUILD, Ok(build())),
        (CARGO_FEATURES, Ok(cargo_features())),
        ("counters", Ok(counters::seen().to_string())),
        ("cpus_usable", cpus_usable()),
        ("libc", libc_version()),
        ("memory_available_bytes", memory_available()),
        ("page_bytes", Ok(rustix::param::page_size().to_string())),
        ("rustc", rustc()),
        (
            "target_features",
            Ok(env!("BUCKETLAB_TARGET_FEATURES").replace(',', " ")),
        ),
    ];
    system(root)
        .into_iter()
        .chain(process)
        .map(|(name, fact)| {
            let value = fact.unwrap_or_else(|reason| format!("unknown: {reason}"));
            (name.to_owned(), value)
        })
        .collect()
}

/// What the kernel says of the machine whose file system starts at `root`.
fn system(root: &Path) -> [(&'static str, Fact); 18] {
    let cpu = "sys/devices/system/cpu";
    [
        ("caches", caches(root)),
        (
            "clock_source",
            read(
                root,
                "sys/devices/system/clocksource/clocksource0/current_clocksource",
            ),
        ),
        ("cpu_flags", cpu_flags(root)),
        ("cpu_model", cpu_model(root)),
        ("cpus_online", read(root, &format!("{cpu}/online"))),
        (
            "frequency_governor",
            read(root, &format!("{cpu}/cpu0/cpufreq/scaling_governor")),
        ),
        ("huge_pages", huge_pages(root, "enabled")),
        ("huge_pages_defrag", huge_pages(root, "defrag")),
        ("hypervisor", hypervisor(root)),
        ("kernel", kernel(root)),
        ("load_average", load_average(root)),
        (
            "memory_free_in_large_blocks",
            memory_free_in_large_blocks(root),
        ),
        ("memory_total_bytes", memory_total(root)),
        ("microcode", cpuinfo(root, "microcode")),
        ("numa_nodes", read(root, "sys/devices/system/node/online")),
        ("smt", smt(root)),
        (
            "swap_total_bytes",
            read(root, "proc/meminfo").and_then(|text| meminfo(&text, "SwapTotal")),
        ),
        ("turbo", turbo(root)),
    ]
}

/// A file's text, trimmed. The reason names the file below the root, so that it is the same
/// wherever the root is.
fn read(root: &Path, name: &str) -> Fact {
    match fs::read_to_string(root.join(name)) {
        Ok(text) if text.trim().is_empty() => Err(format!("/{name} is empty")),
        Ok(text) => Ok(text.trim().to_owned()),
        Err(error) => Err(format!("/{name}: {}", error.kind())),
    }
}

fn meminfo(text: &str, name: &str) -> Fact {
    meminfo_bytes(text, name)
        .map(|bytes| bytes.to_string())
        .ok_or_else(|| format!("/proc/meminfo has no {name}"))
}

fn memory_total(root: &Path) -> Fact {
    meminfo(&read(root, "proc/meminfo")?, "MemTotal")
}

/// How much of the free memory is in large blocks: a guest's table in small pages that lie apart is slower.
fn memory_free_in_large_blocks(root: &Path) -> Fact {
    let blocks = read(root, "proc/buddyinfo")?;
    free_in_large_blocks(&blocks, rustix::param::page_size() as u64)
        .map(|part| format!("{:.0} %", part * 100.0))
        .ok_or_else(|| "/proc/buddyinfo lists no free memory".to_owned())
}

fn memory_available() -> Fact {
    available_bytes()
        .map(|bytes| bytes.to_string())
        .ok_or_else(|| "neither the kernel nor a control group says".to_owned())
}

/// The value of the first line `name : value` of `/proc/cpuinfo`.
fn cpuinfo(root: &Path, name: &str) -> Fact {
    read(root, "proc/cpuinfo")?
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.trim() == name)
        .map(|(_, value)| value.trim().to_owned())
        .ok_or_else(|| format!("/proc/cpuinfo has no '{name}'"))
}

fn cpu_model(root: &Path) -> Fact {
    cpuinfo(root, "model name")
}

/// Of the processor's many flags those that hash functions, copies and clocks depend on.
fn cpu_flags(root: &Path) -> Fact {
    const MATTER: [&str; 25] = [
        // x86: vectors, hashes, bits, copies, clocks, transactions.
        "sse4_2",
        "avx",
        "avx2",
        "avx512f",
        "avx512bw",
        "avx512vl",
        "aes",
        "vaes",
        "pclmulqdq",
        "sha_ni",
        "popcnt",
        "bmi1",
        "bmi2",
        "erms",
        "fsrm",
        "constant_tsc",
        "nonstop_tsc",
        "rtm",
        // Arm: the same.
        "asimd",
        "sve",
        "sve2",
        "crc32",
        "pmull",
        "sha2",
        "atomics",
    ];
    let all = cpuinfo(root, "flags").or_else(|reason| {
        let arm = cpuinfo(root, "Features");
        arm.map_err(|_| reason)
    })?;
    let has: Vec<&str> = all.split_whitespace().collect();
    let found: Vec<&str> = MATTER
        .into_iter()
        .filter(|flag| has.contains(flag))
        .collect();
    Ok(if found.is_empty() {
        "none of those that matter here".to_owned()
    } else {
        found.join(" ")
    })
}

/// Whether a core may run faster than its nominal clock.
fn turbo(root: &Path) -> Fact {
    let cpu = "sys/devices/system/cpu";
    let intel = read(root, &format!("{cpu}/intel_pstate/no_turbo")).map(|off| off == "0");
    let other = || read(root, &format!("{cpu}/cpufreq/boost")).map(|on| on != "0");
    let on = intel.or_else(|_| other())?;
    Ok(if on { "on" } else { "off" }.to_owned())
}

/// How this program was built.
fn build() -> String {
    let checks = if cfg!(debug_assertions) {
        "with"
    } else {
        "without"
    };
    format!("{}, {checks} debug assertions", env!("BUCKETLAB_BUILD"))
}

/// The fact that says how the program was built.
pub const BUILD: &str = "build";

/// The Cargo profile that figures to keep are measured with.
pub const RELEASE: &str = "release";

/// The Cargo profile that this program was built with, by the name of its directory: `dev` is `debug`.
#[must_use]
pub fn profile() -> &'static str {
    env!("BUCKETLAB_PROFILE")
}

/// The profile in a recorded [`BUILD`] fact.
#[must_use]
pub fn profile_of(build: &str) -> Option<&str> {
    let (profile, _) = build.strip_prefix("profile ")?.split_once(',')?;
    Some(profile)
}

/// The fact that says which of Cargo's features the program was built with, with commas between
/// them, or `none`.
pub const CARGO_FEATURES: &str = "cargo_features";

fn cargo_features() -> String {
    let all = [
        ("counters", cfg!(feature = "counters")),
        ("faults", cfg!(feature = "faults")),
    ];
    let built: Vec<_> = all.iter().filter(|(_, built)| *built).collect();
    match built[..] {
        [] => "none".to_owned(),
        _ => built
            .iter()
            .map(|(name, _)| *name)
            .collect::<Vec<_>>()
            .join(","),
    }
}

/// The C library, whose allocator is the system's.
fn libc_version() -> Fact {
    #[cfg(target_env = "gnu")]
    {
        // SAFETY: the call has no preconditions, and what it returns is a string that ends with a NUL
        // and is never freed.
        let version = unsafe { std::ffi::CStr::from_ptr(libc::gnu_get_libc_version()) };
        Ok(format!("glibc {}", version.to_string_lossy()))
    }
    #[cfg(not(target_env = "gnu"))]
    Err("it is not glibc".to_owned())
}

/// Whether the processor says that it is a guest. On bare metal neighbours cannot steal time.
fn hypervisor(root: &Path) -> Fact {
    let guest = cpuinfo(root, "flags")?
        .split_whitespace()
        .any(|flag| flag == "hypervisor");
    Ok(if guest {
        "yes: the processor says that it is virtual".to_owned()
    } else {
        "no: the processor does not say that it is virtual".to_owned()
    })
}

fn kernel(root: &Path) -> Fact {
    let kind = read(root, "proc/sys/kernel/ostype")?;
    Ok(format!(
        "{kind} {}",
        read(root, "proc/sys/kernel/osrelease")?
    ))
}

fn load_average(root: &Path) -> Fact {
    let text = read(root, "proc/loadavg")?;
    Ok(text
        .split_whitespace()
        .take(3)
        .collect::<Vec<_>>()
        .join(" "))
}

/// The chosen one of `always [madvise] never`.
fn huge_pages(root: &Path, name: &str) -> Fact {
    let file = format!("sys/kernel/mm/transparent_hugepage/{name}");
    read(root, &file)?
        .split_whitespace()
        .find_map(|word| word.strip_prefix('[')?.strip_suffix(']'))
        .map(str::to_owned)
        .ok_or_else(|| format!("/{file} marks no choice"))
}

fn smt(root: &Path) -> Fact {
    let active = read(root, "sys/devices/system/cpu/smt/active")?;
    Ok(if active == "1" { "on" } else { "off" }.to_owned())
}

/// The first core's caches, each with the cores that share it: `L1 Data 32K (0), …`.
fn caches(root: &Path) -> Fact {
    let base = "sys/devices/system/cpu/cpu0/cache";
    let mut caches = Vec::new();
    for index in 0.. {
        let cache = |name: &str| read(root, &format!("{base}/index{index}/{name}"));
        let Ok(level) = cache("level") else { break };
        let (kind, size) = (cache("type")?, cache("size")?);
        let shared = cache("shared_cpu_list")?;
        caches.push(format!("L{level} {kind} {size} ({shared})"));
    }
    if caches.is_empty() {
        return Err(format!("/{base} lists none"));
    }
    Ok(caches.join(", "))
}

fn affinity() -> Fact {
    match allowed_cpus().as_slice() {
        [] => Err("the kernel does not say".to_owned()),
        cpus => Ok(ranges(cpus)),
    }
}

/// Cores that this process can keep busy: allowed ones, within a control group's quota.
fn cpus_usable() -> Fact {
    std::thread::available_parallelism()
        .map(|cpus| cpus.to_string())
        .map_err(|error| error.kind().to_string())
}

/// Ascending numbers as the kernel lists them: `0-3,8`.
fn ranges(numbers: &[usize]) -> String {
    numbers
        .chunk_by(|low, high| low + 1 == *high)
        .map(|run| match run {
            [one] => one.to_string(),
            run => format!("{}-{}", run[0], run[run.len() - 1]),
        })
        .collect::<Vec<_>>()
        .join(",")
}

fn allocator() -> Fact {
    if !counting::installed() {
        return Err("the program has not installed the counting allocator".to_owned());
    }
    let library = match () {
        () if cfg!(target_env = "gnu") => "glibc",
        () if cfg!(target_env = "musl") => "musl",
        () => "the system's",
    };
    Ok(format!("{library} malloc, counted"))
}

/// The compiler leaves its version in the `.comment` section of every ELF file it makes; cargo
/// tells it to a build script only, and one would be run for this alone.
fn rustc() -> Fact {
    let executable = std::env::current_exe().and_then(fs::read);
    let bytes = executable.map_err(|error| format!("the executable: {}", error.kind()))?;
    rustc_in(&bytes).ok_or_else(|| "the executable does not say".to_owned())
}

/// The text after the first `rustc version ` that a digit follows, up to the closing NUL. (The
/// words themselves are in this program too.)
fn rustc_in(bytes: &[u8]) -> Option<String> {
    const WORDS: &[u8] = b"rustc version ";
    memchr::memmem::find_iter(bytes, WORDS).find_map(|at| {
        let rest = &bytes[at + WORDS.len()..];
        let version = &rest[..memchr::memchr(0, &rest[..rest.len().min(100)])?];
        let text = std::str::from_utf8(version).ok()?;
        text.starts_with(|c: char| c.is_ascii_digit())
            .then(|| text.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fact_is_there_with_a_value_or_a_reason() {
        let facts = fingerprint();
        for name in [
            "cpu_model",
            "rustc",
            "affinity",
            "kernel",
            "smt",
            "caches",
            "build",
        ] {
            assert!(facts.contains_key(name), "{name}");
        }
        for (name, value) in facts {
            assert!(!value.is_empty() && !value.contains('\n'), "{name}");
            assert_ne!(value, "unknown: ", "{name}");
        }
    }

    #[test]
    fn the_build_names_the_profile_by_its_directory() {
        let program = std::env::current_exe().unwrap();
        // target/PROFILE/deps/bucketlab-…
        let directory = program.parent().and_then(Path::parent).unwrap();
        assert_eq!(directory.file_name().unwrap(), profile());
        assert_eq!(profile_of(&fingerprint()[BUILD]), Some(profile()));
        assert_eq!(profile_of("something else"), None);
    }

    #[test]
    fn a_machine_that_says_nothing_is_all_reasons() {
        let root = tempfile::tempdir().unwrap();
        for (name, fact) in system(root.path()) {
            let reason = fact.expect_err(name);
            assert!(reason.starts_with('/'), "{name}: {reason}");
            let place = root.path().to_str().unwrap();
            assert!(!reason.contains(place), "{name}: {reason}");
        }
    }

    #[test]
    fn what_the_kernel_writes_is_read() {
        let root = tempfile::tempdir().unwrap();
        let cache = "sys/devices/system/cpu/cpu0/cache/index0";
        for (name, text) in [
            (
                "proc/cpuinfo",
                "processor\t: 0\nmodel name\t: A 9000 @ 3GHz\nmicrocode\t: 0x1f\n\
                 flags\t\t: fpu hypervisor sse2 avx2 sse4_2\n",
            ),
            (
                "proc/buddyinfo",
                "Node 0, zone Normal 768 0 0 0 0 0 0 0 0 0 1\n",
            ),
            ("proc/loadavg", "0.10 0.20 0.30 1/80 4242\n"),
            ("proc/meminfo", "MemTotal:     24 kB\nSwapTotal: 0 kB\n"),
            (
                "sys/kernel/mm/transparent_hugepage/enabled",
                "always [madvise] never\n",
            ),
            ("sys/devices/system/cpu/smt/active", "0\n"),
            ("sys/devices/system/cpu/cpufreq/boost", "1\n"),
            (&format!("{cache}/level"), "1\n"),
            (&format!("{cache}/type"), "Data\n"),
            (&format!("{cache}/size"), "32K\n"),
            (&format!("{cache}/shared_cpu_list"), "0-1\n"),
        ] {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let facts: BTreeMap<_, _> = system(root.path()).into_iter().collect();
        for (name, value) in [
            ("cpu_model", "A 9000 @ 3GHz"),
            ("load_average", "0.10 0.20 0.30"),
            ("memory_free_in_large_blocks", "57 %"),
            ("memory_total_bytes", "24576"),
            ("swap_total_bytes", "0"),
            ("huge_pages", "madvise"),
            ("smt", "off"),
            ("microcode", "0x1f"),
            ("cpu_flags", "sse4_2 avx2"),
            ("turbo", "on"),
            ("caches", "L1 Data 32K (0-1)"),
        ] {
            assert_eq!(facts[name].as_deref(), Ok(value), "{name}");
        }
        assert!(facts["hypervisor"].as_ref().unwrap().starts_with("yes"));
    }

    #[test]
    fn cores_are_listed_as_ranges() {
        assert_eq!(ranges(&[0, 1, 2, 5, 7, 8]), "0-2,5,7-8");
        assert_eq!(ranges(&[3]), "3");
    }

    #[test]
    fn the_compilers_version_is_found_behind_the_bare_words() {
        let bytes = b"\x00rustc version \0..rustc version 1.95.0 (abc 2026-04-14)\0GCC";
        assert_eq!(rustc_in(bytes).as_deref(), Some("1.95.0 (abc 2026-04-14)"));
        assert_eq!(rustc_in(b"rustc version x\0"), None);
        assert_eq!(rustc_in(b"rustc version 1.9"), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_very_executable_says_its_compiler() {
        assert!(rustc().unwrap().starts_with("1."));
    }
}
