//! What memory could do: how long a dependent load takes, and how many independent lines a second come.
//!
//! Both are measured on memory of a given size and page mode, just before tables of that size are timed.

use std::hint::black_box;
use std::sync::Barrier;
use std::thread;

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use serde::{Deserialize, Serialize};

use super::{Pages, collapse_into_huge_pages, now_ns};
use crate::base::whole;

/// Words in a cache line of 64 bytes.
const LINE: usize = 8;

/// Lines that are asked for before the first of them is read.
const IN_FLIGHT: usize = 32;

/// How long each of both is measured.
const MEASURED_NS: u64 = 60_000_000;

/// Loads between two looks at the clock.
const CHUNK: usize = 1 << 12;

/// What memory could do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemorySpeed {
    /// Bytes of the memory that was tried.
    pub bytes: u64,
    /// Picoseconds of a load whose address is the value of the one before: the median of chunks.
    pub dependent_load_ps: u64,
    /// Lines of 64 bytes a second, over all threads, where addresses are known and asked for ahead.
    pub lines_per_s: u64,
}

impl MemorySpeed {
    /// Measures memory of so many bytes with so many threads; takes about a fifth of a second, and more for
    /// what is large. `None` where the memory cannot be had.
    #[must_use]
    pub fn measure(bytes: u64, pages: Pages, threads: u32) -> Option<MemorySpeed> {
        let lines = usize::try_from(bytes / 64).ok()?.max(IN_FLIGHT * 2);
        let words = chain(lines, pages)?;
        if pages == Pages::Huge {
            // As tables are once they are filled.
            collapse_into_huge_pages();
        }
        Some(MemorySpeed {
            bytes: lines as u64 * 64,
            dependent_load_ps: dependent_load_ps(&words),
            lines_per_s: lines_per_s(&words, threads),
        })
    }
}

/// Lines whose first words are one cycle through all of them, in random order (Sattolo, "An algorithm to
/// generate a random cyclic permutation", Information Processing Letters 22(6), 1986).
fn chain(lines: usize, pages: Pages) -> Option<Vec<u64>> {
    let mut words: Vec<u64> = Vec::new();
    words.try_reserve_exact(lines * LINE).ok()?;
    advise(&words, pages);
    words.resize(lines * LINE, 0);
    for line in 0..lines {
        words[line * LINE] = (line * LINE) as u64;
    }
    let mut random = Xoshiro256PlusPlus::seed_from_u64(1);
    for line in (1..lines).rev() {
        let other = random.random_range(0..line);
        words.swap(line * LINE, other * LINE);
    }
    Some(words)
}

/// Asks for the pages in which tables are, before the memory is touched. What the kernel refuses leaves
/// pages as they come.
fn advise(words: &Vec<u64>, pages: Pages) {
    use rustix::mm::{Advice, madvise};
    /// Pages are asked for by whole base pages.
    const PAGE: usize = 4096;
    let advice = match pages {
        Pages::Default => return,
        Pages::Small => Advice::LinuxNoHugepage,
        Pages::Huge => Advice::LinuxHugepage,
    };
    let start = words.as_ptr().cast::<u8>();
    let skipped = start.align_offset(PAGE);
    let bytes = words.capacity() * size_of::<u64>();
    if bytes <= skipped + PAGE {
        return;
    }
    let length = (bytes - skipped) / PAGE * PAGE;
    // SAFETY: the range lies within the vector's memory, and this advice changes no contents.
    let _ = unsafe {
        madvise(
            start.wrapping_add(skipped).cast_mut().cast(),
            length,
            advice,
        )
    };
}

fn dependent_load_ps(words: &[u64]) -> u64 {
    let began_ns = now_ns();
    let mut before_ns = began_ns;
    let mut each = Vec::new();
    let mut at = 0;
    while before_ns < began_ns + MEASURED_NS {
        for _ in 0..CHUNK {
            at = next(words, at);
        }
        let after_ns = now_ns();
        each.push((after_ns - before_ns) * 1000 / CHUNK as u64);
        before_ns = after_ns;
    }
    black_box(at);
    each.sort_unstable();
    each[each.len() / 2]
}

#[inline]
#[expect(clippy::cast_possible_truncation, reason = "places in the vector")]
fn next(words: &[u64], at: usize) -> usize {
    words[at] as usize
}

fn lines_per_s(words: &[u64], threads: u32) -> u64 {
    let barrier = Barrier::new(threads as usize);
    let each: Vec<(u64, u64, u64)> = thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|thread| {
                let barrier = &barrier;
                scope.spawn(move || {
                    barrier.wait();
                    independent_lines(words, u64::from(thread))
                })
            })
            .collect();
        let ended = running.into_iter().map(thread::ScopedJoinHandle::join);
        ended.map(|ended| ended.unwrap_or((0, 0, 0))).collect()
    });
    let began_ns = each.iter().map(|one| one.1).min().unwrap_or(0);
    let ended_ns = each.iter().map(|one| one.2).max().unwrap_or(0);
    let lines: u64 = each.iter().map(|one| one.0).sum();
    whole(lines as f64 * 1e9 / ended_ns.saturating_sub(began_ns).max(1) as f64)
}

/// Reads lines in random order, asking for each ahead; how many, when it began and when it ended.
fn independent_lines(words: &[u64], thread: u64) -> (u64, u64, u64) {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(2 + thread);
    let lines = words.len() / LINE;
    let places: Vec<usize> = (0..1 << 14)
        .map(|_| random.random_range(0..lines) * LINE)
        .collect();
    let began_ns = now_ns();
    let (mut read, mut sum, mut shift) = (0, 0_u64, 0);
    loop {
        for few in places.chunks(IN_FLIGHT) {
            // The same places would be in the cache the second time: each round has others.
            let place = |at: &usize| {
                let moved = at + shift;
                if moved >= words.len() {
                    moved - words.len()
                } else {
                    moved
                }
            };
            for at in few {
                prefetch(&words[place(at)]);
            }
            for at in few {
                sum = sum.wrapping_add(words[place(at)]);
            }
            read += few.len() as u64;
        }
        shift = random.random_range(0..lines) * LINE;
        let now_ns = now_ns();
        if now_ns >= began_ns + MEASURED_NS {
            black_box(sum);
            return (read, began_ns, now_ns);
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[inline]
fn prefetch(word: &u64) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: a prefetch of any address is a hint and touches nothing; SSE is part of x86-64.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(word).cast()) };
}

/// Elsewhere the loads themselves overlap.
#[cfg(not(target_arch = "x86_64"))]
fn prefetch(_word: &u64) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chain_goes_through_every_line_once() {
        for lines in [1, 2, 3, 1000] {
            let words = chain(lines, Pages::Default).unwrap();
            let (mut at, mut steps) = (0, 0);
            loop {
                at = next(&words, at);
                steps += 1;
                assert_eq!(at % LINE, 0);
                if at == 0 {
                    break;
                }
            }
            assert_eq!(steps, lines);
        }
    }

    #[test]
    fn every_page_mode_and_any_number_of_threads_give_figures() {
        for (pages, threads) in [(Pages::Default, 1), (Pages::Small, 2), (Pages::Huge, 4)] {
            let speed = MemorySpeed::measure(1 << 20, pages, threads).unwrap();
            assert_eq!(speed.bytes, 1 << 20);
            assert!(
                speed.dependent_load_ps > 0 && speed.lines_per_s > 0,
                "{speed:?}"
            );
        }
        assert!(MemorySpeed::measure(u64::MAX, Pages::Default, 1).is_none());
    }
}
