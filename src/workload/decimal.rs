//! Numbers in decimal digits, at the same cost whatever their length.
//!
//! The number of digits of a hash is unpredictable, so code that stops after the last digit causes a
//! branch misprediction at every other number. This code makes all twenty digits, four at a time, then
//! counts the leading zeros and cuts them off.

/// Digits of the longest number.
pub(super) const DECIMAL_BYTES: usize = 20;

/// Zeros in all digits of a word.
const ZEROS: u32 = 0x3030_3030;
const ZEROS_8: u64 = 0x3030_3030_3030_3030;

/// The twenty digits of a number with zeros in front, as ASCII; the first is the lowest byte of a
/// word.
pub(super) struct Decimal {
    /// The first four, the next eight, the last eight.
    words: (u32, u64, u64),
    zeros: u32,
}

impl Decimal {
    /// The digits of `number`.
    #[inline]
    pub(super) fn of(number: u64) -> Decimal {
        const EIGHT: u64 = 100_000_000;
        #[expect(clippy::cast_possible_truncation, reason = "eight digits")]
        let part = |number: u64| number as u32;
        let upper = number / EIGHT;
        let (high, middle, low) = (
            four(part(upper / EIGHT)),
            eight(part(upper % EIGHT)),
            eight(part(number % EIGHT)),
        );
        // Most hashes have at least seventeen digits, so these branches are foreseen.
        let zeros = if high != ZEROS {
            (high ^ ZEROS).trailing_zeros() / 8
        } else if middle != ZEROS_8 {
            4 + (middle ^ ZEROS_8).trailing_zeros() / 8
        } else {
            // The last digit counts even if it is a zero.
            12 + ((low ^ ZEROS_8).trailing_zeros() / 8).min(7)
        };
        Decimal {
            words: (high, middle, low),
            zeros,
        }
    }

    /// Writes the digits without zeros in front, and bytes without meaning behind them; returns how
    /// many digits there are.
    #[inline]
    pub(super) fn write(&self, out: &mut [u8; DECIMAL_BYTES]) -> usize {
        let (high, middle, low) = self.words;
        let mut words = [
            u64::from(high) | middle << 32,
            middle >> 32 | low << 32,
            low >> 32,
        ];
        let mut shift = self.zeros * 8;
        while shift >= 64 {
            // Not for hashes.
            words = [words[1], words[2], 0];
            shift -= 64;
        }
        // In registers, so that every number is written alike. By way of a shift by one, as there
        // is none by all of 64 bits.
        let from_next = |next: u64| next << 1 << (63 - shift);
        let first = words[0] >> shift | from_next(words[1]);
        let second = words[1] >> shift | from_next(words[2]);
        let third = words[2] >> shift;
        out[..8].copy_from_slice(&first.to_le_bytes());
        out[8..16].copy_from_slice(&second.to_le_bytes());
        out[16..].copy_from_slice(&third.to_le_bytes()[..4]);
        DECIMAL_BYTES - self.zeros as usize
    }
}

/// The eight digits of a number below 10^8.
#[inline]
fn eight(number: u32) -> u64 {
    u64::from(four(number / 10_000)) | u64::from(four(number % 10_000)) << 32
}

/// The four digits of a number below 10^4.
#[inline]
fn four(number: u32) -> u32 {
    /// Divisions for each digit cost three times as much as looking up four.
    static FOURS: [u32; 10_000] = {
        let mut fours = [0; 10_000];
        let mut n = 0;
        while n < 10_000 {
            let digits = (n / 1000) | (n / 100 % 10) << 8 | (n / 10 % 10) << 16 | (n % 10) << 24;
            fours[n as usize] = digits | ZEROS;
            n += 1;
        }
        fours
    };
    FOURS[number as usize]
}

#[cfg(test)]
mod tests {
    use super::super::draws::mix;
    use super::*;

    #[test]
    fn digits_are_those_of_the_standard_library() {
        let powers = (0..20).map(|exponent| 10u64.pow(exponent));
        let edges = powers.flat_map(|power| [power - 1, power, power + 1, power.wrapping_mul(9)]);
        let random = (0..20_000).map(|n| mix(n) >> (n % 64));
        let mut text = [0; DECIMAL_BYTES];
        for number in edges.chain(random).chain([u64::MAX]) {
            let length = Decimal::of(number).write(&mut text);
            assert_eq!(text[..length], *number.to_string().as_bytes());
        }
    }

    #[test]
    fn every_part_is_right() {
        for number in 0..10_000u32 {
            let expected = format!("{number:04}");
            let digits = four(number).to_le_bytes();
            assert_eq!(digits, expected.as_bytes());
            let digits = eight(number * 10_001);
            let expected = format!("{:08}", number * 10_001);
            assert_eq!(digits.to_le_bytes(), *expected.as_bytes());
        }
    }
}
