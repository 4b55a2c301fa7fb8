//! Gathering memory that lies in base pages into huge ones.
//!
//! A huge page is given when memory is first touched, if a free block is at hand at that moment. Where free memory is in
//! pieces, one birth of a table gets them and the next does not, and waits longer for every entry. Afterwards the kernel
//! can still gather base pages into huge ones (madvise(2), `MADV_COLLAPSE`, Linux 6.1 and later); its own daemon does so
//! in the minutes that a long-lived server has.

/// Bytes of a huge page, to which ranges are cut: of most processors, and smaller than that of others, for which the
/// kernel refuses.
const HUGE: usize = 2 << 20;

/// Asks the kernel to gather this process's anonymous memory into huge pages; what it refuses stays as it is. Contents do
/// not change.
#[cfg(target_os = "linux")]
pub fn collapse_into_huge_pages() {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    for (start, end) in maps.lines().filter_map(anonymous) {
        let (start, end) = (start.next_multiple_of(HUGE), end / HUGE * HUGE);
        // One page at a time: the kernel stops at the first that it cannot gather.
        for page in (start..end).step_by(HUGE) {
            // SAFETY: this advice changes no contents and no mapping. A range that is no longer mapped is refused.
            let _ = unsafe {
                libc::madvise(
                    std::ptr::with_exposed_provenance_mut(page),
                    HUGE,
                    libc::MADV_COLLAPSE,
                )
            };
        }
    }
}

/// There is no such request elsewhere.
#[cfg(not(target_os = "linux"))]
pub fn collapse_into_huge_pages() {}

/// The range of a line of `/proc/PID/maps` (proc(5)), if it is private, writable memory without a file: the heap or what
/// was mapped for it, but no stack.
#[cfg_attr(not(target_os = "linux"), expect(dead_code))]
fn anonymous(line: &str) -> Option<(usize, usize)> {
    let mut words = line.split_whitespace();
    let (range, rights) = (words.next()?, words.next()?);
    let (_offset, _device, inode) = (words.next()?, words.next()?, words.next()?);
    let is_heap = words
        .next()
        .is_none_or(|name| name == "[heap]" || name.starts_with("[anon:"));
    if rights != "rw-p" || inode != "0" || !is_heap {
        return None;
    }
    let (start, end) = range.split_once('-')?;
    let address = |text| usize::from_str_radix(text, 16).ok();
    Some((address(start)?, address(end)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_memory_without_a_file_is_gathered() {
        for (line, range) in [
            ("7f00-8f00 rw-p 00000000 00:00 0 ", Some((0x7f00, 0x8f00))),
            (
                "10-20 rw-p 00000000 00:00 0                  [heap]",
                Some((0x10, 0x20)),
            ),
            (
                "10-20 rw-p 00000000 00:00 0                  [anon:heap of mine]",
                Some((0x10, 0x20)),
            ),
            ("10-20 rw-p 00000000 00:00 0                  [stack]", None),
            ("10-20 rw-s 00000000 00:00 0 ", None),
            ("10-20 r--p 00000000 00:00 0 ", None),
            ("10-20 rw-p 00001000 fe:00 77               /bin/cat", None),
            ("no line", None),
        ] {
            assert_eq!(anonymous(line), range, "{line}");
        }
    }

    #[test]
    fn what_is_gathered_keeps_its_contents() {
        let words: Vec<u64> = (0..1 << 20).collect();
        collapse_into_huge_pages();
        assert!(words.iter().copied().eq(0..1 << 20));
    }
}
