//! What the timed loop does between two operations.
//!
//! *Chained:* the next key's address is computed from this operation's answer. The loop masks a word of the
//! value that was found with a zero which neither the compiler nor the processor knows, and adds the result
//! to the address of the next key. An answer without a value (a miss, a write) reaches the program through a
//! branch, and a processor guesses branches; there the loop waits until the operation has ended.
//!
//! *Instructions:* a slide of instructions that load a constant into a register. They depend on nothing and
//! are there for the room that they take in the reorder buffer.

use std::hint::black_box;

use crate::base::Between;

/// What one operation has told the program: a word of the value that it read, or nothing that an address
/// could be computed from.
pub(super) type Answer = Option<u64>;

/// What stands between two operations of a loop.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gap {
    chained: bool,
    /// Zero, and nothing knows it.
    mask: u64,
    instructions: usize,
}

impl Gap {
    pub(super) fn new(between: Between) -> Gap {
        let (chained, instructions) = match between {
            Between::Chained => (true, 0),
            Between::Instructions(count) => (false, count as usize),
        };
        Gap {
            chained,
            mask: black_box(0),
            instructions: instructions.saturating_sub(OWN),
        }
    }

    /// After an operation: what the address of the next key is to be moved by, which is 0.
    ///
    /// What stands between is the same for a whole run, so the processor knows those branches. Whether there is
    /// an answer it guesses, as a program's own branch on hit or miss is guessed.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "part of the body of the timed loop")]
    pub(super) fn after(self, answer: Answer) -> usize {
        if self.chained {
            let Some(word) = answer else {
                wait();
                return 0;
            };
            #[expect(
                clippy::cast_possible_truncation,
                reason = "it is zero; a test's is small"
            )]
            return (hidden(word) & self.mask) as usize;
        }
        if self.instructions > 0 {
            work(self.instructions);
        }
        0
    }

    /// A chain whose answers do move the next key: what shows that there is one.
    #[cfg(test)]
    pub(super) fn with_mask(mask: u64) -> Gap {
        Gap {
            mask,
            ..Gap::new(Between::Chained)
        }
    }
}

/// What calling and leaving [`work`] takes, in instructions of x86-64: callgrind counts as many beyond those of
/// the slide, in a loop that calls the optimised function. So many or fewer instructions between two
/// operations are none.
const OWN: usize = 12;

/// How many instructions the slide has; longer work goes down it several times.
#[cfg(all(target_arch = "x86_64", not(miri)))]
const SLIDE: usize = 1024;

/// The value, in a place that the compiler cannot look behind: it must not find out that a branch has
/// already decided it, nor make one branch of both ways.
#[cfg(all(target_arch = "x86_64", not(miri)))]
#[inline(always)]
#[expect(clippy::inline_always, reason = "no instruction at all")]
fn hidden(mut word: u64) -> u64 {
    // SAFETY: no instruction; the register keeps its value.
    unsafe {
        std::arch::asm!("/* {0} */", inout(reg) word, options(nomem, nostack, preserves_flags));
    }
    word
}

#[cfg(not(all(target_arch = "x86_64", not(miri))))]
fn hidden(word: u64) -> u64 {
    black_box(word)
}

/// Waits until everything before has ended. `lfence`: no later instruction begins before all earlier ones
/// have completed (Intel SDM volume 2, LFENCE; on AMD as Linux sets it up, with `DE_CFG` bit 1).
#[cfg(all(target_arch = "x86_64", not(miri)))]
#[inline(always)]
#[expect(clippy::inline_always, reason = "one instruction")]
fn wait() {
    // SAFETY: SSE2 is part of x86-64; the instruction changes nothing.
    unsafe {
        std::arch::asm!("lfence", options(nostack, preserves_flags));
    }
}

/// `isb` lets nothing later begin before what is earlier has completed; the `dsb` before it waits for loads.
#[cfg(all(target_arch = "aarch64", not(miri)))]
#[inline(always)]
#[expect(clippy::inline_always, reason = "two instructions")]
fn wait() {
    // SAFETY: both are barriers that any level may use; they change nothing.
    unsafe {
        std::arch::asm!("dsb ishld", "isb", options(nostack, preserves_flags));
    }
}

#[cfg(not(all(any(target_arch = "x86_64", target_arch = "aarch64"), not(miri))))]
fn wait() {
    std::sync::atomic::fence(std::sync::atomic::Ordering::SeqCst);
}

/// Runs instructions that depend on nothing. It jumps into a slide of them, so that no branch is left that
/// a processor could guess wrong.
#[cfg(all(target_arch = "x86_64", not(miri)))]
#[inline(never)]
fn work(instructions: usize) {
    let mut left = instructions;
    while left > 0 {
        let count = left.min(SLIDE);
        left -= count;
        // SAFETY: the target of the jump is the start of one of the slide's instructions, or its end:
        // each has five bytes, and `count` is at most as many as there are. They change `ecx` alone.
        unsafe {
            std::arch::asm!(
                "lea {at}, [rip + 2f]",
                "sub {at}, {bytes}",
                "jmp {at}",
                ".rept {slide}",
                // mov ecx, 0
                ".byte 0xb9, 0, 0, 0, 0",
                ".endr",
                "2:",
                at = out(reg) _,
                bytes = in(reg) count * 5,
                slide = const SLIDE,
                out("ecx") _,
                options(nomem, nostack),
            );
        }
    }
}

#[cfg(not(all(target_arch = "x86_64", not(miri))))]
#[inline(never)]
fn work(instructions: usize) {
    // An addition, and the branch of the loop.
    for step in 0..instructions / 2 {
        black_box(step);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slide_ends_wherever_it_is_entered() {
        for count in [0, 1, 7, 8, 9, 100, 1031, 1032, 1033, 100_000] {
            let gap = Gap::new(Between::Instructions(count));
            assert_eq!(gap.after(Some(7)), 0);
            assert_eq!(gap.after(None), 0);
        }
    }

    #[test]
    fn a_chain_moves_the_next_key_by_what_the_mask_lets_through() {
        let gap = Gap::new(Between::Chained);
        assert_eq!((gap.after(Some(u64::MAX)), gap.after(None)), (0, 0));
        let gap = Gap::with_mask(3);
        assert_eq!((gap.after(Some(6)), gap.after(None)), (2, 0));
    }
}
