//! Gathering memory that lies in base pages into huge ones.
//!
//! A huge page is given when memory is first touched, if a free block is at hand at that moment. Where free memory is in
//! pieces, one birth of a table gets them and the next does not, and may wait longer for every entry. Afterwards the kernel
//! can still gather base pages into huge ones (madvise(2), `MADV_COLLAPSE`, Linux 6.1 and later); its own daemon does so
//! in the minutes that a long-lived server has.

/// Bytes of a huge page, as most processors have it. Where it is larger the kernel refuses ranges of this size.
const HUGE: usize = 2 << 20;

/// Bytes that are gathered at a time: the kernel gives a range up where it finds no free block, and has to look through
/// the lists of all cores for each range.
const RANGE: usize = 32 * HUGE;

/// The request's number on Linux (`asm-generic/mman-common.h`); not every C library names it.
const MADV_COLLAPSE: libc::c_int = 25;

/// Asks the kernel to gather this process's anonymous memory into huge pages. What it refuses stays as it is, and a huge
/// page takes the room of the whole block that it stands for. Contents do not change.
pub fn collapse_into_huge_pages() {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    for (start, end) in maps.lines().filter_map(anonymous) {
        let (start, end) = (start.next_multiple_of(HUGE), end / HUGE * HUGE);
        for at in (start..end).step_by(RANGE) {
            // SAFETY: this advice changes no contents and no mapping, whatever is mapped there by now. A range that is
            // no longer mapped is refused.
            let _ = unsafe {
                libc::madvise(
                    std::ptr::with_exposed_provenance_mut(at),
                    RANGE.min(end - at),
                    MADV_COLLAPSE,
                )
            };
        }
    }
}

/// The range of a line of `/proc/PID/maps` (proc(5)), if it is private, writable memory without a file: the heap, or what
/// was mapped for it, but not the main thread's stack.
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
        // Whether the kernel gathers any depends on the machine.
        let words: Vec<u64> = (0..1 << 20).collect();
        collapse_into_huge_pages();
        assert!(words.iter().copied().eq(0..1 << 20));
    }
}
