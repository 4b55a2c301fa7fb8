//! How much memory there is, and how much of it this process holds.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Bytes that can be allocated before the machine swaps or the process is killed: what the kernel
/// calls available, or what the process's control groups leave, whichever is less. `None` where
/// neither can be read.
pub fn available_bytes() -> Option<u64> {
    available_under(Path::new("/"))
}

/// Bytes of this process in memory now (RSS).
///
/// From `smaps_rollup`, which walks the page tables and is exact; where that is missing from `statm`,
/// whose counters lag behind by some pages a thread.
pub fn resident_bytes() -> Option<u64> {
    let rollup = fs::read_to_string("/proc/self/smaps_rollup").unwrap_or_default();
    if let Some(exact) = meminfo_bytes(&rollup, "Rss") {
        return Some(exact);
    }
    let statm = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split_whitespace().nth(1)?.parse().ok()?;
    pages.checked_mul(rustix::param::page_size() as u64)
}

/// Bytes of this process's anonymous memory that lie in huge pages.
pub fn huge_page_bytes() -> Option<u64> {
    let rollup = fs::read_to_string("/proc/self/smaps_rollup").ok()?;
    meminfo_bytes(&rollup, "AnonHugePages")
}

/// Bytes of another process that are in memory; `None` where it has ended or is not to be looked at.
pub fn resident_bytes_of(pid: u32) -> Option<u64> {
    meminfo_bytes(
        &fs::read_to_string(format!("/proc/{pid}/status")).ok()?,
        "VmRSS",
    )
}

/// Lets the next [`peak_resident_bytes`] count from now on; false where the kernel does not offer that
/// (`/proc/self/clear_refs`, proc(5)).
pub fn reset_peak_resident() -> bool {
    fs::write("/proc/self/clear_refs", "5").is_ok()
}

/// The most bytes of this process that were in memory since [`reset_peak_resident`], or since it began. The
/// kernel's counter lags behind by some pages a thread.
pub fn peak_resident_bytes() -> Option<u64> {
    meminfo_bytes(&fs::read_to_string("/proc/self/status").ok()?, "VmHWM")
}

/// Hands memory that was freed back to the system, so that it does not hide later growth of
/// [`resident_bytes`]. Does nothing for another C library than glibc.
pub fn trim() {
    unsafe extern "C" {
        fn mi_collect(force: bool);
    }
    // SAFETY: the declaration is mimalloc's own (mimalloc.h), which is linked in; the call may be made
    // from any thread at any time, whichever the allocator is, and touches free memory only.
    unsafe { mi_collect(true) };
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        unsafe extern "C" {
            fn malloc_trim(pad: usize) -> core::ffi::c_int;
        }
        // SAFETY: the declaration is glibc's own (malloc.h); the function takes its own locks, may
        // be called from any thread at any time, and touches free memory only.
        unsafe { malloc_trim(0) };
    }
}

/// A figure of `/proc/meminfo`, in bytes.
pub(super) fn meminfo_bytes(text: &str, name: &str) -> Option<u64> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// What counts as a large block of memory: a huge page of most processors, by which a host backs its guests.
const LARGE_BLOCK: f64 = 2.0 * 1024.0 * 1024.0;

/// The part of free memory that lies in blocks of at least 2 MiB, from the text of `/proc/buddyinfo`: a line for
/// each zone, and in it how many blocks of 1, 2, 4, … pages are free. `None` if that lists no free memory.
///
/// Of each node the last zone counts, because programs get memory from it first. A lower zone (DMA32) is often
/// free as a whole, and would hide that the other is in pieces.
pub(super) fn free_in_large_blocks(buddyinfo: &str, page_bytes: u64) -> Option<f64> {
    let mut last_zones = BTreeMap::new();
    for line in buddyinfo.lines() {
        let Some((node, zone)) = line.split_once(", zone") else {
            continue;
        };
        let (mut all, mut large) = (0.0, 0.0);
        let mut block = page_bytes as f64;
        for count in zone.split_whitespace().skip(1) {
            let bytes = count.parse::<u64>().ok()? as f64 * block;
            all += bytes;
            if block >= LARGE_BLOCK {
                large += bytes;
            }
            block *= 2.0;
        }
        last_zones.insert(node, (all, large));
    }
    let all: f64 = last_zones.values().map(|(all, _)| all).sum();
    let large: f64 = last_zones.values().map(|(_, large)| large).sum();
    (all > 0.0).then(|| large / all)
}

/// [`available_bytes`] of the machine whose file system starts at `root`.
pub(super) fn available_under(root: &Path) -> Option<u64> {
    let meminfo = fs::read_to_string(root.join("proc/meminfo")).unwrap_or_default();
    let machine = meminfo_bytes(&meminfo, "MemAvailable");
    group_directories(root, "memory")
        .iter()
        .filter_map(|group| group_room(group))
        .chain(machine)
        .min()
}

/// Bytes that one control group leaves: limit less usage, where file cache that the kernel drops
/// under pressure is not usage. `None` where there is no limit.
fn group_room(group: &Path) -> Option<u64> {
    let number = |name: &str| -> Option<u64> {
        let text = fs::read_to_string(group.join(name)).ok()?;
        text.trim().parse().ok()
    };
    // Version 2 writes "max" for no limit, which is no number; version 1 writes one so large that
    // another bound is always less.
    let (limit, usage, cache) = match number("memory.max") {
        Some(limit) => (limit, number("memory.current")?, "inactive_file"),
        None => (
            number("memory.limit_in_bytes")?,
            number("memory.usage_in_bytes")?,
            "total_inactive_file",
        ),
    };
    let stat = fs::read_to_string(group.join("memory.stat")).unwrap_or_default();
    let reclaimable = stat
        .lines()
        .filter_map(|line| line.split_once(' '))
        .find(|(name, _)| *name == cache)
        .and_then(|(_, bytes)| bytes.trim().parse().ok())
        .unwrap_or(0);
    Some(limit.saturating_sub(usage.saturating_sub(reclaimable)))
}

/// The directories of the control groups that this process is in and that have this controller,
/// innermost first, each with its ancestors: a limit anywhere on the way up binds.
pub(super) fn group_directories(root: &Path, controller: &str) -> Vec<PathBuf> {
    let read = |name| fs::read_to_string(root.join(name)).unwrap_or_default();
    let (groups, mounts) = (read("proc/self/cgroup"), read("proc/self/mountinfo"));
    let mut directories = Vec::new();
    for line in groups.lines() {
        // `hierarchy:controllers:path`, see cgroups(7); version 2 names no controllers.
        let mut parts = line.splitn(3, ':');
        let (_, Some(controllers), Some(path)) = (parts.next(), parts.next(), parts.next()) else {
            continue;
        };
        let unified = controllers.is_empty();
        if !unified && !controllers.split(',').any(|name| name == controller) {
            continue;
        }
        for (mount_root, mount_point) in mounts
            .lines()
            .filter_map(|line| mount(line, unified, controller))
        {
            // In a container the mount may show a part of the tree only.
            let Ok(below) = Path::new(path).strip_prefix(mount_root) else {
                continue;
            };
            let mount_point = root.join(mount_point.trim_start_matches('/'));
            let depth = below.components().count() + 1;
            let innermost = mount_point.join(below);
            directories.extend(innermost.ancestors().take(depth).map(Path::to_owned));
        }
    }
    directories
}

/// Root and mount point of a control group file system, from a line of
/// `/proc/self/mountinfo`: `id parent device root point options [fields…] - type source super`.
fn mount<'l>(line: &'l str, unified: bool, controller: &str) -> Option<(&'l str, &'l str)> {
    let (left, right) = line.split_once(" - ")?;
    let mut right = right.split(' ');
    let (kind, options) = (right.next()?, right.nth(1)?);
    let fits = if unified {
        kind == "cgroup2"
    } else {
        kind == "cgroup" && options.split(',').any(|option| option == controller)
    };
    let mut left = left.split(' ').skip(3);
    fits.then_some((left.next()?, left.next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

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

    /// A block that comes and goes is in the peak, and not in a peak that counts from later.
    #[test]
    fn a_peak_is_seen_after_it_has_passed() {
        const BLOCK: usize = 64 << 20;
        if !reset_peak_resident() {
            // Nothing to be had here; a child then says so in its row.
            return;
        }
        // Another test may make the peak count from later just now: one try of these is left alone.
        let is_seen = (0..20).any(|_| {
            let now = resident_bytes().unwrap();
            drop(std::hint::black_box(vec![1u8; BLOCK]));
            let is_gone = resident_bytes().unwrap() < now + BLOCK as u64 / 2;
            is_gone && peak_resident_bytes().unwrap() >= now + BLOCK as u64 / 2
        });
        assert!(is_seen);
        let is_forgotten = (0..20).any(|_| {
            reset_peak_resident()
                && peak_resident_bytes().unwrap() < resident_bytes().unwrap() + BLOCK as u64 / 2
        });
        assert!(is_forgotten);
    }

    const MEMINFO: (&str, &str) = (
        "proc/meminfo",
        "MemTotal: 2000 kB\nMemAvailable:    1000 kB\n",
    );

    #[test]
    fn without_groups_it_is_what_the_kernel_says() {
        assert_eq!(
            available_under(machine(&[MEMINFO]).path()),
            Some(1000 * 1024)
        );
        assert_eq!(available_under(machine(&[]).path()), None);
    }

    #[test]
    fn free_blocks_of_each_nodes_last_zone_count() {
        // Of 4 KiB pages: 4 blocks of 1 page, 1 of 2 and 3 of 512; on the other node 2 of 256 and 1 of 1,024.
        let zones = "Node 0, zone    DMA32      0      0      0      0      0      0      0      0      0      0    700 \n\
                     Node 0, zone   Normal      4      1      0      0      0      0      0      0      0      3      0 \n\
                     Node 1, zone   Normal      0      0      0      0      0      0      0      0      2      0      1 \n";
        let part = |page| free_in_large_blocks(zones, page);
        assert_eq!(part(4096), Some(2560.0 / 3078.0));
        // With pages of twice the size, blocks of 256 have 2 MiB as well.
        assert_eq!(part(8192), Some(3072.0 / 3078.0));
        // Zone Normal of a guest on which tables were slower, and after compaction; DMA32 as it was later.
        let guest = |normal| {
            let text = format!(
                "Node 0, zone DMA32 2 3 0 2 3 2 1 4 4 2 752\nNode 0, zone Normal {normal}\n"
            );
            (free_in_large_blocks(&text, 4096).unwrap() * 100.0).round()
        };
        let before = "14850 28530 20886 7665 4244 1953 619 208 43 14 53";
        let after = "9718 8329 7406 6846 5815 4586 3424 2199 1177 565 537";
        assert_eq!((guest(before), guest(after)), (13.0, 42.0));
        assert_eq!(free_in_large_blocks("Node 0, zone DMA 0 0\n", 4096), None);
        assert_eq!(free_in_large_blocks("Node 0, zone DMA 1 x\n", 4096), None);
        assert_eq!(free_in_large_blocks("", 4096), None);
    }

    #[test]
    fn version_2_limits_bind_wherever_they_are_set() {
        let files = [
            MEMINFO,
            ("proc/self/cgroup", "0::/outer/inner\n"),
            (
                "proc/self/mountinfo",
                "30 23 0:27 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw\n",
            ),
            ("sys/fs/cgroup/outer/inner/memory.max", "max\n"),
            ("sys/fs/cgroup/outer/inner/memory.current", "1\n"),
            ("sys/fs/cgroup/outer/memory.max", "5000\n"),
            ("sys/fs/cgroup/outer/memory.current", "4000\n"),
            (
                "sys/fs/cgroup/outer/memory.stat",
                "anon 3000\ninactive_file 500\n",
            ),
        ];
        assert_eq!(available_under(machine(&files).path()), Some(1500));
    }

    #[test]
    fn version_1_in_a_container_that_sees_its_own_part_of_the_tree() {
        let files = [
            MEMINFO,
            (
                "proc/self/cgroup",
                "5:cpu:/\n4:memory,hugetlb:/pod/a\n0::/\n",
            ),
            (
                "proc/self/mountinfo",
                "31 23 0:1 /pod/a /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory,hugetlb\n\
                 32 23 0:2 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n",
            ),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "700\n"),
            ("sys/fs/cgroup/memory/memory.usage_in_bytes", "800\n"),
            (
                "sys/fs/cgroup/memory/memory.stat",
                "inactive_file 7\ntotal_inactive_file 300\n",
            ),
        ];
        assert_eq!(available_under(machine(&files).path()), Some(200));
    }

    #[test]
    fn a_group_over_its_limit_leaves_nothing() {
        let group = machine(&[("memory.max", "100"), ("memory.current", "200")]);
        assert_eq!(group_room(group.path()), Some(0));
    }
}
