//! How long a value is.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::draws::{mix, scale};
use crate::base::BadInput;

/// The longest value, in bytes: the item limit of memcached by default.
pub const VALUE_BYTES_MAX: u32 = 1 << 20;

/// Bytes of a value.
///
/// A pure function of the record: whoever writes a record writes the same length, so a reader
/// knows what to expect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    untagged,
    deny_unknown_fields,
    expecting = "a size is a number of bytes, such as 100, or a range, such as { min = 10, max = 1000 }"
)]
pub enum Size {
    /// Every value has this many bytes.
    Fixed(u32),
    /// Each length within the bounds alike, both included.
    Uniform {
        /// The least length in bytes.
        min: u32,
        /// The greatest length in bytes.
        max: u32,
    },
}

impl Size {
    /// Checks the bounds.
    ///
    /// # Errors
    /// A size above the limit of 1 MiB, or bounds in the wrong order.
    pub fn check(&self) -> Result<(), BadInput> {
        let (min, max) = match *self {
            Size::Fixed(bytes) => (bytes, bytes),
            Size::Uniform { min, max } => (min, max),
        };
        if max > VALUE_BYTES_MAX {
            return Err(BadInput(format!(
                "a value of {max} bytes is not valid: 0 to {VALUE_BYTES_MAX} (1 MiB)"
            )));
        }
        if min > max {
            return Err(BadInput(format!(
                "values of {min} to {max} bytes are not valid: min must not exceed max"
            )));
        }
        Ok(())
    }

    /// The greatest length, in bytes.
    #[must_use]
    pub fn greatest(&self) -> u32 {
        match *self {
            Size::Fixed(bytes) => bytes,
            Size::Uniform { max, .. } => max,
        }
    }

    /// The length of a record's value, in bytes.
    #[inline]
    #[must_use]
    pub fn of(&self, record: u64) -> u32 {
        match *self {
            Size::Fixed(bytes) => bytes,
            Size::Uniform { min, max } => {
                let lengths = u64::from(max - min) + 1;
                #[expect(clippy::cast_possible_truncation, reason = "below `lengths`")]
                let above_min = scale(mix(record), lengths) as u32;
                min + above_min
            }
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Size::Fixed(bytes) => write!(f, "{bytes} B"),
            Size::Uniform { min, max } => write!(f, "{min} to {max} B"),
        }
    }
}

/// Sizes made ready to be drawn.
pub(super) struct Lengths(Size);

impl Lengths {
    pub(super) fn new(size: &Size) -> Lengths {
        Lengths(*size)
    }

    #[inline]
    pub(super) fn of(&self, record: u64) -> u32 {
        self.0.of(record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_checked() {
        for size in [
            Size::Fixed(0),
            Size::Fixed(1 << 20),
            Size::Uniform { min: 3, max: 3 },
        ] {
            assert_eq!(size.check(), Ok(()));
        }
        let error = |size: Size| size.check().unwrap_err().to_string();
        assert!(error(Size::Fixed((1 << 20) + 1)).contains("1 MiB"));
        assert!(
            error(Size::Uniform {
                min: 0,
                max: u32::MAX
            })
            .contains("1 MiB")
        );
        assert!(error(Size::Uniform { min: 4, max: 3 }).contains("min must not exceed max"));
    }

    #[test]
    fn uniform_lengths_cover_the_range_evenly_and_belong_to_the_record() {
        let size = Size::Uniform { min: 10, max: 19 };
        let mut counts = [0u32; 10];
        for record in 0..10_000 {
            let bytes = size.of(record);
            assert_eq!(bytes, size.of(record));
            counts[bytes as usize - 10] += 1;
        }
        assert!(counts.iter().all(|n| (850..1150).contains(n)), "{counts:?}");
    }

    #[test]
    fn a_size_reads_as_a_number_or_a_range() {
        #[derive(Deserialize)]
        struct Holder {
            value: Size,
        }
        let read = |text: &str| toml::from_str::<Holder>(text).map(|holder| holder.value);
        assert_eq!(read("value = 7").unwrap(), Size::Fixed(7));
        let range = read("value = { min = 1, max = 2 }").unwrap();
        assert_eq!(range, Size::Uniform { min: 1, max: 2 });
        for text in ["value = 'large'", "value = { min = 1 }", "value = -1"] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains("number of bytes"), "{error}");
        }
    }
}
