//! The checks on machines that are made of files.

use std::fs;

use super::checks::{all, listed, quota};
use super::{Diagnosis, Own, Severity};
use crate::machine::counters::{Event, Lack, Seen};

/// A machine made of files.
fn machine(files: &[(&str, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = root.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    root
}

fn own(cores: usize) -> Own {
    Own {
        allowed: (0..cores).collect(),
        debug: false,
        profile: "release",
        clock_cost_ps: 25_000,
        counters: Seen {
            counted: Event::ALL.to_vec(),
            lacking: Vec::new(),
        },
    }
}

fn found<'d>(all: &'d [Diagnosis], check: &str) -> &'d Diagnosis {
    all.iter().find(|one| one.check == check).expect(check)
}

const GOOD: &[(&str, &str)] = &[
    ("sys/devices/system/cpu/online", "0-7\n"),
    ("sys/devices/system/cpu/smt/active", "0\n"),
    ("sys/devices/system/node/online", "0\n"),
    (
        "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
        "performance\n",
    ),
    ("sys/devices/system/cpu/intel_pstate/no_turbo", "1\n"),
    (
        "sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count",
        "0\n",
    ),
    ("proc/loadavg", "0.10 0.20 0.30 1/80 4242\n"),
    ("proc/cpuinfo", "flags\t: fpu sse2\n"),
    ("proc/stat", "cpu0 100 0 0 900 0 0 0 0 0 0\n"),
    (
        "sys/devices/system/clocksource/clocksource0/current_clocksource",
        "tsc\n",
    ),
    (
        "sys/kernel/mm/transparent_hugepage/enabled",
        "always [madvise] never\n",
    ),
    (
        "proc/buddyinfo",
        "Node 0, zone Normal 512 0 0 0 0 0 0 0 0 0 512\n",
    ),
    (
        "proc/meminfo",
        "MemTotal: 8000000 kB\nMemAvailable: 7000000 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n",
    ),
    ("proc/sys/kernel/randomize_va_space", "2\n"),
];

#[test]
fn a_good_machine_passes_every_check() {
    let root = machine(GOOD);
    for one in all(root.path(), &own(8)) {
        assert_eq!(one.severity, Severity::Ok, "{one:?}");
        assert!(!one.seen.is_empty() && one.why.is_empty(), "{one:?}");
    }
}

#[test]
fn each_fault_is_found_and_only_that() {
    let stolen = "cpu0 100 0 0 800 0 0 0 100 0 0\n";
    let little = "MemTotal: 8000000 kB\nMemAvailable: 500000 kB\n\
                  SwapTotal: 4096 kB\nSwapFree: 1024 kB\n";
    let cases: [(&str, &str, &[&str], Severity); 14] = [
        (
            "sys/devices/system/cpu/smt/active",
            "1",
            &["SMT"],
            Severity::Note,
        ),
        (
            "sys/devices/system/node/online",
            "0-1",
            &["NUMA"],
            Severity::Note,
        ),
        (
            "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
            "powersave",
            &["governor"],
            Severity::Warning,
        ),
        (
            "sys/devices/system/cpu/intel_pstate/no_turbo",
            "0",
            &["turbo"],
            Severity::Note,
        ),
        (
            "sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count",
            "3",
            &["heat"],
            Severity::Note,
        ),
        (
            "proc/loadavg",
            "7.5 1 1 1/1 1",
            &["load"],
            Severity::Warning,
        ),
        (".dockerenv", "", &["container"], Severity::Note),
        (
            "proc/cpuinfo",
            "flags : hypervisor",
            &["hypervisor"],
            Severity::Note,
        ),
        ("proc/stat", stolen, &["steal"], Severity::Warning),
        (
            "sys/devices/system/clocksource/clocksource0/current_clocksource",
            "hpet",
            &["clock"],
            Severity::Warning,
        ),
        (
            "sys/kernel/mm/transparent_hugepage/enabled",
            "[always] madvise never",
            &["huge pages"],
            Severity::Note,
        ),
        ("proc/meminfo", little, &["memory", "swap"], Severity::Note),
        (
            "proc/sys/kernel/randomize_va_space",
            "0",
            &["layout"],
            Severity::Warning,
        ),
        (
            "sys/class/power_supply/BAT0/status",
            "Discharging\n",
            &["power"],
            Severity::Warning,
        ),
    ];
    for (name, text, checks, severity) in cases {
        let root = machine(GOOD);
        let path = root.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        let all = all(root.path(), &own(8));
        let faults: Vec<&Diagnosis> = all
            .iter()
            .filter(|one| one.severity != Severity::Ok)
            .collect();
        let names: Vec<&str> = faults.iter().map(|one| one.check.as_str()).collect();
        assert_eq!(names, checks, "{name}");
        for fault in faults {
            assert_eq!(fault.severity, severity, "{name}");
            assert!(!fault.why.is_empty(), "{name}");
        }
    }
}

#[test]
fn what_the_process_is_counts_too() {
    let root = machine(GOOD);
    let debug = Own {
        debug: true,
        clock_cost_ps: 900_000,
        ..own(1)
    };
    let all_of_it = all(root.path(), &debug);
    for check in ["build", "cores", "clock"] {
        assert_eq!(
            found(&all_of_it, check).severity,
            Severity::Warning,
            "{check}"
        );
    }
    let edit = Own {
        profile: "edit",
        ..own(8)
    };
    let all_of_it = all(root.path(), &edit);
    let build = found(&all_of_it, "build");
    assert_eq!(
        (build.severity, build.seen.as_str()),
        (Severity::Note, "profile edit")
    );
    assert!(build.why.contains("for yourself"), "{}", build.why);
    let few = all(root.path(), &own(2));
    assert_eq!(found(&few, "cores").seen, "2 of 8 usable");
    assert_eq!(found(&few, "cores").severity, Severity::Note);
    let without = Own {
        counters: Seen {
            counted: vec![Event::Cycles],
            lacking: vec![(Event::LlcMisses, Lack::NotAllowed(Some(3)))],
        },
        ..own(8)
    };
    let all_of_it = all(root.path(), &without);
    let counters = found(&all_of_it, "counters");
    assert_eq!(counters.severity, Severity::Note);
    assert!(
        counters
            .seen
            .starts_with("cycles; not LLC misses: not allowed")
    );
    assert!(counters.advice.contains("perf_event_paranoid") && !counters.why.is_empty());
}

#[test]
fn a_quota_is_found_in_either_kind_of_control_group() {
    let second = [
        ("proc/self/cgroup", "0::/outer/inner\n"),
        (
            "proc/self/mountinfo",
            "30 23 0:27 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw\n",
        ),
        ("sys/fs/cgroup/outer/inner/cpu.max", "max 100000\n"),
        ("sys/fs/cgroup/outer/cpu.max", "150000 100000\n"),
    ];
    let found = quota(machine(&second).path());
    assert_eq!(found.severity, Severity::Warning);
    assert!(found.seen.starts_with("1.50 cores"), "{}", found.seen);
    let first = |quota| {
        [
            ("proc/self/cgroup", "3:cpu,cpuacct:/\n"),
            (
                "proc/self/mountinfo",
                "32 23 0:2 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n",
            ),
            ("sys/fs/cgroup/cpu/cpu.cfs_quota_us", quota),
            ("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"),
        ]
    };
    assert_eq!(quota(machine(&first("-1\n")).path()).severity, Severity::Ok);
    let found = quota(machine(&first("200000\n")).path());
    assert!(found.seen.starts_with("2.00 cores"), "{}", found.seen);
}

/// It costs on virtual machines alone.
#[test]
fn free_memory_in_pieces_is_a_fault_of_a_virtual_machine() {
    let free_blocks = |blocks: &str, processor: &str| {
        let root = machine(&[("proc/buddyinfo", blocks), ("proc/cpuinfo", processor)]);
        let all = all(root.path(), &own(8));
        found(&all, "free blocks").clone()
    };
    let (guest, bare) = ("flags : fpu hypervisor\n", "flags : fpu\n");
    // One large block and just more, or just as many as, three times its pages; below it a zone without pieces.
    let zones = |pages| {
        format!(
            "Node 0, zone DMA32 0 0 0 0 0 0 0 0 0 0 700\n\
             Node 0, zone Normal {pages} 0 0 0 0 0 0 0 0 0 1\n"
        )
    };
    let (pieces, joined) = (zones(3073), zones(3072));
    let found = free_blocks(&pieces, guest);
    assert_eq!(found.severity, Severity::Warning);
    assert!(found.seen.starts_with("25 % of free memory"), "{found:?}");
    assert_eq!(free_blocks(&joined, guest).severity, Severity::Ok);
    assert!(found.why.contains("--pages huge") && found.advice.contains("compact_memory"));
    assert_eq!(
        free_blocks(&pieces, "Features : asimd\n").severity,
        Severity::Note
    );
    assert_eq!(free_blocks(&pieces, bare).severity, Severity::Ok);
    let none = free_blocks("Node 0, zone Normal 0 0 0\n", guest);
    assert!(none.seen.starts_with("unknown"), "{none:?}");
}

#[test]
fn a_machine_that_says_nothing_is_no_good_machine() {
    let root = machine(&[]);
    let all = all(root.path(), &own(8));
    let unknown: Vec<&str> = all
        .iter()
        .filter(|one| one.seen.starts_with("unknown"))
        .map(|one| one.check.as_str())
        .collect();
    for check in [
        "governor",
        "load",
        "steal",
        "huge pages",
        "free blocks",
        "memory",
        "layout",
    ] {
        assert!(unknown.contains(&check), "{check}");
    }
    let place = root.path().to_str().unwrap();
    assert!(all.iter().all(|one| !one.seen.contains(place)));
}

#[test]
fn lists_are_counted() {
    assert_eq!(listed("0-3,8"), Some(5));
    assert_eq!(listed("0"), Some(1));
    assert_eq!(listed("3-1"), None);
    assert_eq!(listed("none"), None);
}
