//! Sizes of items as memcached would file them: exporters and dumps ask for classes, which the tables
//! here do not have.

/// Bytes of the smallest class.
const SMALLEST: usize = 96;

/// Bytes of the largest class; larger items are kept in pieces of it.
pub(super) const LARGEST: usize = 512 << 10;

/// The number of the class, from 1, that memcached with its default growth of 1.25 would file an item
/// of `bytes` under.
pub(super) fn class_of(bytes: usize) -> u32 {
    let (mut class, mut size) = (1, SMALLEST);
    while size < bytes && size < LARGEST {
        class += 1;
        size = next_size(size);
    }
    class
}

/// Bytes of an item of `class`.
pub(super) fn class_size(class: u32) -> usize {
    (1..class).fold(SMALLEST, |size, _| next_size(size))
}

fn next_size(size: usize) -> usize {
    let grown = (size + size / 4).next_multiple_of(8);
    // The last step goes to the largest, wherever it starts.
    if grown > LARGEST * 4 / 5 {
        LARGEST
    } else {
        grown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_those_of_the_reference() {
        for (bytes, class) in [
            (0, 1),
            (96, 1),
            (97, 2),
            (120, 2),
            (121, 3),
            (152, 3),
            (153, 4),
        ] {
            assert_eq!(class_of(bytes), class, "{bytes}");
        }
        assert_eq!(class_of(LARGEST), class_of(usize::MAX));
        assert_eq!(class_size(4), 192);
        assert_eq!(class_size(class_of(LARGEST)), LARGEST);
    }
}
