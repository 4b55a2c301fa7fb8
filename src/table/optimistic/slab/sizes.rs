//! The classes of blocks: how long they are, and how many travel together.

/// Bytes of a page, which blocks of one class are cut from.
pub(super) const PAGE: usize = 64 << 10;
/// The class of overflow buckets: 64 bytes, aligned to as many.
pub(in crate::table) const OVERFLOW: usize = 0;
/// Classes in steps of 8 bytes: 1 is 8 bytes, 64 is 512.
const FINE: usize = 64;
/// Enough for a header and two lengths of 32 bits.
pub(super) const CLASSES: usize = FINE + 1 + 8 * 25;
/// Classes whose blocks are cut from pages, to 7,680 bytes: eight blocks or more fit one.
pub(super) const PAGED: usize = FINE + 1 + 8 * 3 + 7;
/// Classes of which sessions keep free blocks, to 32 KiB. Longer ones take so long to be filled that the lock of the depot
/// is nothing beside it.
pub(super) const CACHED: usize = FINE + 1 + 8 * 6;
/// Bytes of a magazine, and blocks.
const MAGAZINE_BYTES: usize = 32 << 10;
const MAGAZINE_BLOCKS: usize = 64;

const _: () = assert!(class_bytes(PAGED - 1) == 7680 && PAGE / class_bytes(PAGED - 1) == 8);
const _: () = assert!(class_bytes(CACHED - 1) == MAGAZINE_BYTES);

/// The class of blocks for so many bytes of item.
#[inline]
pub(in crate::table) fn class_for(bytes: usize) -> usize {
    if bytes <= 512 {
        return bytes.div_ceil(8).max(1);
    }
    // Between 2^power and twice that, eight steps of 2^(power - 3).
    let power = (bytes - 1).ilog2() as usize;
    let step = (bytes - 1) >> (power - 3) & 7;
    FINE + 1 + (power - 9) * 8 + step
}

/// Bytes of the blocks of a class.
#[inline]
pub(in crate::table) const fn class_bytes(class: usize) -> usize {
    match class {
        OVERFLOW => 64,
        1..=FINE => 8 * class,
        _ => {
            let (power, step) = (9 + (class - FINE - 1) / 8, (class - FINE - 1) % 8);
            (9 + step) << (power - 3)
        }
    }
}

/// Free blocks of this class that travel together: one at least of those that sessions keep.
pub(super) fn magazine_size(class: usize) -> usize {
    (MAGAZINE_BYTES / class_bytes(class)).min(MAGAZINE_BLOCKS)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn classes_hold_what_they_are_for_and_waste_little() {
        for bytes in 1..5000 {
            let (class, next) = (class_for(bytes), class_for(bytes + 1));
            assert!(next == class || next == class + 1, "{bytes}");
        }
        for bytes in (1..5000).chain((1..33).flat_map(|power| {
            let size = 1_usize << power;
            [size - 1, size, size + 1, size + size / 3]
        })) {
            let class = class_for(bytes);
            let room = class_bytes(class);
            assert!(
                class < CLASSES && room >= bytes && room.is_multiple_of(8),
                "{bytes}: {room}"
            );
            assert!(
                room - bytes < 8.max(bytes.div_ceil(8) + 1),
                "{bytes}: {room}"
            );
            assert_eq!(class_for(room), class, "{bytes}");
        }
        assert!(class_for(8 + 2 * (1 << 32)) < CLASSES);
    }

    #[test]
    fn sessions_keep_few_bytes() {
        for class in 0..CACHED {
            let blocks = magazine_size(class);
            assert!((1..=MAGAZINE_BLOCKS).contains(&blocks), "{class}");
            assert!(blocks * class_bytes(class) <= MAGAZINE_BYTES, "{class}");
        }
    }
}
