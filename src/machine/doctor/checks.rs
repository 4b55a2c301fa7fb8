//! The checks that only read: each a function from the root of a file system to what it found.

use std::fs;
use std::path::Path;

use super::diagnosis::{Diagnosis, Own, percent};
use crate::base::counted;
use crate::machine::cpu_times::CpuTimes;
use crate::machine::fingerprint::RELEASE;
use crate::machine::memory::{free_in_large_blocks, group_directories, meminfo_bytes};
use crate::machine::pin::runs_of;

const CPU: &str = "sys/devices/system/cpu";

/// A part of the time since the machine started that was stolen: worth a word, and worth a warning.
const STOLEN: (f64, f64) = (0.001, 0.02);

/// A reading of the clock that costs more than this, in picoseconds, is no `vDSO` call.
const DEAR_CLOCK_PS: u64 = 150_000;

/// The least part of free memory in large blocks that is worth no word: between 13 %, at which tables were slower,
/// and 42 %, to which compaction brought it.
const IN_LARGE_BLOCKS: f64 = 0.25;

/// Every check, in the order in which people read them.
pub(super) fn all(root: &Path, own: &Own) -> Vec<Diagnosis> {
    vec![
        build(own),
        cores(root, own),
        quota(root),
        load(root, own),
        smt(root),
        numa(root),
        governor(root),
        turbo(root),
        throttling(root),
        battery(root),
        container(root),
        hypervisor(root),
        steal(root, own),
        clock(root, own),
        huge_pages(root),
        free_blocks(root),
        memory(root),
        swap(root),
        layout(root),
        counters(own),
    ]
}

fn read(root: &Path, name: &str) -> Option<String> {
    let text = fs::read_to_string(root.join(name)).ok()?;
    Some(text.trim().to_owned())
}

fn number(root: &Path, name: &str) -> Option<i64> {
    read(root, name)?.parse().ok()
}

fn unknown(check: &str, what: &str) -> Diagnosis {
    Diagnosis::note(check, format!("unknown: {what}"), "", "")
}

fn build(own: &Own) -> Diagnosis {
    if !own.debug && own.profile != RELEASE {
        return Diagnosis::note(
            "build",
            format!("profile {}", own.profile),
            "its figures are for yourself: the code of a table differs from that of a release \
             build",
            "cargo build --release",
        );
    }
    if !own.debug {
        return Diagnosis::ok("build", "optimised, without debug assertions");
    }
    Diagnosis::warning(
        "build",
        "a debug build",
        "tables run several times slower than in a release build, and not all by the same factor",
        "cargo build --release",
    )
}

fn cores(root: &Path, own: &Own) -> Diagnosis {
    let allowed = own.allowed.len();
    let online = read(root, &format!("{CPU}/online")).and_then(|list| listed(&list));
    let seen = match online {
        Some(online) => format!("{allowed} of {online} usable"),
        None => format!("{allowed} usable"),
    };
    if allowed == 1 {
        return Diagnosis::warning(
            "cores",
            seen,
            "the table under test shares its only core with everything else",
            "",
        );
    }
    if online.is_some_and(|online| online > allowed) {
        return Diagnosis::note(
            "cores",
            seen,
            "an affinity mask or cpuset hides the other cores; threads are not pinned where they \
             outnumber cores",
            "grep Cpus_allowed_list /proc/self/status",
        );
    }
    if allowed < 4 {
        return Diagnosis::note(
            "cores",
            seen,
            "cells with as many threads as cores share them with the kernel and all other \
             programs: they say little about scaling",
            "",
        );
    }
    Diagnosis::ok("cores", seen)
}

/// How many numbers are in a list of the kernel's: `0-3,8`.
pub(super) fn listed(list: &str) -> Option<usize> {
    runs_of(list).map(|runs| runs.iter().map(|run| run.end() - run.start() + 1).sum())
}

/// The tightest limit on processor time of the control groups that we are in, in cores.
pub(super) fn quota(root: &Path) -> Diagnosis {
    let of_group = |group: &Path| -> Option<f64> {
        let read = |name: &str| fs::read_to_string(group.join(name)).ok();
        // Version 2 has `quota period` or `max period` in one file, version 1 a file for each.
        let (quota, period) = match read("cpu.max") {
            Some(both) => {
                let (quota, period) = both.trim().split_once(' ')?;
                (quota.to_owned(), period.to_owned())
            }
            None => (read("cpu.cfs_quota_us")?, read("cpu.cfs_period_us")?),
        };
        let (quota, period): (f64, f64) = (quota.trim().parse().ok()?, period.trim().parse().ok()?);
        (quota > 0.0 && period > 0.0).then_some(quota / period)
    };
    let groups = group_directories(root, "cpu");
    let tightest = groups.iter().filter_map(|group| of_group(group));
    match tightest.min_by(f64::total_cmp) {
        None => Diagnosis::ok("quota", "none visible"),
        Some(cores) => Diagnosis::warning(
            "quota",
            format!("{cores:.2} cores, by a control group"),
            "once the quota is used up, the kernel stops all threads until the next period, often \
             for tens of milliseconds",
            "",
        ),
    }
}

fn load(root: &Path, own: &Own) -> Diagnosis {
    let averages = read(root, "proc/loadavg");
    let minute = averages
        .as_deref()
        .and_then(|text| text.split(' ').next())
        .and_then(|word| word.parse::<f64>().ok());
    let Some(minute) = minute else {
        return unknown("load", "/proc/loadavg cannot be read");
    };
    let seen = format!("{minute:.2} runnable over the last minute");
    if minute <= 0.25 * own.allowed.len().max(1) as f64 {
        return Diagnosis::ok("load", seen);
    }
    Diagnosis::warning(
        "load",
        seen,
        "other programs use these cores, or did a minute ago",
        "top -o %CPU",
    )
}

fn smt(root: &Path) -> Diagnosis {
    match read(root, &format!("{CPU}/smt/active")).as_deref() {
        None => unknown("SMT", "the kernel does not say"),
        Some("1") => Diagnosis::note(
            "SMT",
            "on",
            "two threads on the two halves of one core slow each other down: scaling from one to two \
             threads depends on where they run",
            "echo off | sudo tee /sys/devices/system/cpu/smt/control",
        ),
        Some(_) => Diagnosis::ok("SMT", "off, or hidden by a hypervisor"),
    }
}

fn numa(root: &Path) -> Diagnosis {
    let nodes = read(root, "sys/devices/system/node/online").and_then(|list| listed(&list));
    match nodes {
        None => unknown("NUMA", "the kernel does not say"),
        Some(1) => Diagnosis::ok("NUMA", "1 node"),
        Some(nodes) => Diagnosis::note(
            "NUMA",
            format!("{nodes} nodes"),
            "access to another node's memory is slower, and a table stays on the node that filled \
             it",
            "numactl --cpunodebind=0 --membind=0 bucketlab run",
        ),
    }
}

fn governor(root: &Path) -> Diagnosis {
    match read(root, &format!("{CPU}/cpu0/cpufreq/scaling_governor")).as_deref() {
        None => unknown("governor", "the kernel does not show the frequency"),
        Some("performance") => Diagnosis::ok("governor", "performance"),
        Some(governor) => Diagnosis::warning(
            "governor",
            governor,
            "the clock follows the load, so a slice is slower after a pause",
            "sudo cpupower frequency-set -g performance",
        ),
    }
}

fn turbo(root: &Path) -> Diagnosis {
    let intel = number(root, &format!("{CPU}/intel_pstate/no_turbo")).map(|off| off == 0);
    let boost = number(root, &format!("{CPU}/cpufreq/boost")).map(|on| on != 0);
    let advice = if intel.is_some() {
        "echo 1 | sudo tee /sys/devices/system/cpu/intel_pstate/no_turbo"
    } else {
        "echo 0 | sudo tee /sys/devices/system/cpu/cpufreq/boost"
    };
    match intel.or(boost) {
        None => unknown("turbo", "the kernel does not show the frequency"),
        Some(false) => Diagnosis::ok("turbo", "off"),
        Some(true) => Diagnosis::note(
            "turbo",
            "on",
            "one busy core runs faster than several do: scaling by threads looks worse than it \
             is, and the clock varies with temperature",
            advice,
        ),
    }
}

fn throttling(root: &Path) -> Diagnosis {
    let count = |kind: &str| number(root, &format!("{CPU}/cpu0/thermal_throttle/{kind}"));
    match (
        count("core_throttle_count"),
        count("package_throttle_count"),
    ) {
        (None, None) => unknown("heat", "the kernel does not show throttling"),
        (core, package) => {
            let times = core.unwrap_or(0) + package.unwrap_or(0);
            if times == 0 {
                return Diagnosis::ok("heat", "never throttled since the machine started");
            }
            Diagnosis::note(
                "heat",
                format!(
                    "throttled {} since the machine started",
                    counted(times.unsigned_abs(), "time")
                ),
                "a processor that is too hot slows down in the middle of a run",
                "",
            )
        }
    }
}

fn battery(root: &Path) -> Diagnosis {
    let supplies = fs::read_dir(root.join("sys/class/power_supply"));
    let discharging = supplies.into_iter().flatten().flatten().any(|supply| {
        fs::read_to_string(supply.path().join("status"))
            .is_ok_and(|status| status.trim() == "Discharging")
    });
    if discharging {
        return Diagnosis::warning(
            "power",
            "from a battery",
            "power saving may lower the clock at any time",
            "",
        );
    }
    Diagnosis::ok("power", "not from a battery")
}

fn container(root: &Path) -> Diagnosis {
    let exists = |name: &str| root.join(name).exists();
    let groups = read(root, "proc/1/cgroup").unwrap_or_default();
    let kind = if exists(".dockerenv") || groups.contains("docker") {
        "Docker"
    } else if exists("run/.containerenv") {
        "Podman"
    } else if groups.contains("kubepods") {
        "Kubernetes"
    } else if groups.contains("lxc") {
        "LXC"
    } else {
        return Diagnosis::ok("container", "none visible");
    };
    Diagnosis::note(
        "container",
        kind,
        "programs outside of it are not visible, and some of its limits may not be",
        "",
    )
}

/// Whether the processor says that it is virtual; `None` where it lists no flags.
fn is_guest(root: &Path) -> Option<bool> {
    let info = read(root, "proc/cpuinfo")?;
    let flags = info.lines().find(|line| line.starts_with("flags"))?;
    Some(flags.split_whitespace().any(|flag| flag == "hypervisor"))
}

fn hypervisor(root: &Path) -> Diagnosis {
    match is_guest(root) {
        None => return unknown("hypervisor", "/proc/cpuinfo lists no flags"),
        Some(false) => return Diagnosis::ok("hypervisor", "none that shows"),
        Some(true) => {}
    }
    let vendor = read(root, "sys/class/dmi/id/sys_vendor");
    Diagnosis::note(
        "hypervisor",
        vendor.map_or("yes".to_owned(), |vendor| format!("yes, {vendor}")),
        "other guests share caches and memory bandwidth, which no counter here shows; the A/A pair does",
        "",
    )
}

fn steal(root: &Path, own: &Own) -> Diagnosis {
    let Some(times) = CpuTimes::under(root, &own.allowed) else {
        return unknown("steal", "/proc/stat cannot be read");
    };
    let part = times.steal_ns as f64 / times.total_ns().max(1) as f64;
    let seen = format!("{} of the time since the machine started", percent(part));
    let why = "the hypervisor runs other guests on these cores while a table is measured";
    match part {
        part if part >= STOLEN.1 => Diagnosis::warning("steal", seen, why, ""),
        part if part >= STOLEN.0 => Diagnosis::note("steal", seen, why, ""),
        _ => Diagnosis::ok("steal", seen),
    }
}

fn clock(root: &Path, own: &Own) -> Diagnosis {
    let source = read(
        root,
        "sys/devices/system/clocksource/clocksource0/current_clocksource",
    );
    let source = source.as_deref().unwrap_or("unknown source");
    let cost = format!("{:.1} ns a reading", own.clock_cost_ps as f64 / 1e3);
    let seen = format!("{source}, {cost}");
    let fast = [
        "tsc",
        "kvm-clock",
        "arch_sys_counter",
        "hyperv_clocksource_tsc_page",
    ];
    if fast.contains(&source) && own.clock_cost_ps < DEAR_CLOCK_PS {
        return Diagnosis::ok("clock", seen);
    }
    Diagnosis::warning(
        "clock",
        seen,
        "a reading goes through the kernel or a slow device: latencies below a microsecond are \
         mostly the clock's cost",
        "cat /sys/devices/system/clocksource/clocksource0/available_clocksource",
    )
}

fn huge_pages(root: &Path) -> Diagnosis {
    let modes = read(root, "sys/kernel/mm/transparent_hugepage/enabled");
    let chosen = modes.as_deref().and_then(|modes| {
        modes
            .split(' ')
            .find_map(|word| word.strip_prefix('[')?.strip_suffix(']'))
    });
    match chosen {
        None => unknown("huge pages", "the kernel does not say"),
        Some("always") => Diagnosis::note(
            "huge pages",
            "always",
            "the kernel turns memory into huge pages in the background: a table becomes faster \
             and larger in the middle of a run",
            "echo madvise | sudo tee /sys/kernel/mm/transparent_hugepage/enabled",
        ),
        Some(mode) => Diagnosis::ok("huge pages", mode),
    }
}

/// A host backs its guests by huge pages. Where a guest's free memory is in pieces, the small pages of a table
/// lie in many of the host's, and the processor most likely cannot keep the translations of all.
fn free_blocks(root: &Path) -> Diagnosis {
    const CHECK: &str = "free blocks";
    let Some(blocks) = read(root, "proc/buddyinfo") else {
        return unknown(CHECK, "/proc/buddyinfo cannot be read");
    };
    let page_bytes = rustix::param::page_size() as u64;
    let Some(part) = free_in_large_blocks(&blocks, page_bytes) else {
        return unknown(CHECK, "/proc/buddyinfo lists no free memory");
    };
    let seen = format!(
        "{} of free memory in blocks of 2 MiB or more",
        percent(part)
    );
    let guest = is_guest(root);
    if part >= IN_LARGE_BLOCKS || guest == Some(false) {
        return Diagnosis::ok(CHECK, seen);
    }
    let why = "on a virtual machine a table in small pages is scattered over many huge pages of the \
               host: lookups then take longer, and not in all tables by the same factor. Join the free memory, or measure with --pages huge";
    let advice = "sync; echo 3 | sudo tee /proc/sys/vm/drop_caches; \
                  echo 1 | sudo tee /proc/sys/vm/compact_memory";
    match guest {
        Some(_) => Diagnosis::warning(CHECK, seen, why, advice),
        None => Diagnosis::note(CHECK, seen, why, advice),
    }
}

fn memory(root: &Path) -> Diagnosis {
    let info = read(root, "proc/meminfo").unwrap_or_default();
    let total = meminfo_bytes(&info, "MemTotal");
    let at_hand = crate::machine::memory::available_under(root);
    let (Some(total), Some(at_hand)) = (total, at_hand) else {
        return unknown("memory", "/proc/meminfo cannot be read");
    };
    let gib = |bytes: u64| bytes as f64 / (1u64 << 30) as f64;
    let seen = format!("{:.1} of {:.1} GiB at hand", gib(at_hand), gib(total));
    if at_hand >= total / 4 && at_hand >= 1 << 30 {
        return Diagnosis::ok("memory", seen);
    }
    Diagnosis::note(
        "memory",
        seen,
        "panels that do not fit are split, and cells of different parts are not paired",
        "ps aux --sort=-rss | head",
    )
}

fn swap(root: &Path) -> Diagnosis {
    let info = read(root, "proc/meminfo").unwrap_or_default();
    let bytes = |name: &str| meminfo_bytes(&info, name);
    let (Some(total), Some(free)) = (bytes("SwapTotal"), bytes("SwapFree")) else {
        return unknown("swap", "/proc/meminfo cannot be read");
    };
    let mib = |bytes: u64| bytes >> 20;
    if total == 0 {
        return Diagnosis::ok("swap", "none");
    }
    let used = total.saturating_sub(free);
    let seen = format!("{} of {} MiB used", mib(used), mib(total));
    if mib(used) == 0 {
        return Diagnosis::ok("swap", seen);
    }
    Diagnosis::note(
        "swap",
        seen,
        "a page that was swapped out costs a lookup milliseconds",
        "sudo swapoff -a",
    )
}

/// Every birth of a table is to be another draw of its place in memory.
fn layout(root: &Path) -> Diagnosis {
    match number(root, "proc/sys/kernel/randomize_va_space") {
        None => unknown(
            "layout",
            "/proc/sys/kernel/randomize_va_space cannot be read",
        ),
        Some(0) => Diagnosis::warning(
            "layout",
            "addresses are not randomised",
            "each new process places its table at the same addresses: the effect of that place \
             does not average out, and no interval shows it",
            "echo 2 | sudo tee /proc/sys/kernel/randomize_va_space",
        ),
        Some(_) => Diagnosis::ok("layout", "addresses are randomised"),
    }
}

fn counters(own: &Own) -> Diagnosis {
    let seen = &own.counters;
    match seen.lacking.first() {
        None => Diagnosis::ok("counters", seen.to_string()),
        Some((_, lack)) => Diagnosis::note(
            "counters",
            seen.to_string(),
            "the fields of missing counters stay empty; scripts/instructions counts instructions \
             under valgrind",
            lack.advice(),
        ),
    }
}
