//! Values that are written once each and prove themselves.
//!
//! ```text
//!   │ number │ key │ fill … │      number: the writer in the upper half, its writes in the lower
//! ```

use super::failure::Wrong;
use super::sample::shown;

/// Bytes in front of a value's fill.
const HEAD: usize = 12;

/// Makes the value of this number for a key, of a length of [`HEAD`] at least.
pub(super) fn write(value: u64, number: usize, length: usize, buffer: &mut Vec<u8>) {
    buffer.clear();
    buffer.extend_from_slice(&value.to_le_bytes());
    let key = u32::try_from(number).expect("few keys");
    buffer.extend_from_slice(&key.to_le_bytes());
    buffer.resize(length, fill_of(value));
}

/// What a value is filled with: another byte for each writer and write, as far as bytes go.
fn fill_of(value: u64) -> u8 {
    value.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes()[0]
}

/// The number of a value, if it is whole and was written to this key.
pub(super) fn number_of(value: &[u8], number: usize) -> Result<u64, Wrong> {
    let wrong = |got: &str| Wrong {
        expected: "a value as some thread wrote it to this key".to_owned(),
        got: format!("{got}: {}", shown(value)),
    };
    let Some((head, rest)) = value.split_first_chunk::<8>() else {
        return Err(wrong("a cut-off value"));
    };
    let written = u64::from_le_bytes(*head);
    let Some((key, fill)) = rest.split_first_chunk::<{ HEAD - 8 }>() else {
        return Err(wrong("a cut-off value"));
    };
    if usize::try_from(u32::from_le_bytes(*key)) != Ok(number) {
        return Err(wrong("another key's value"));
    }
    if fill.iter().any(|&byte| byte != fill_of(written)) {
        return Err(wrong("a torn value"));
    }
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_proves_itself() {
        let (mut one, mut other) = (Vec::new(), Vec::new());
        write(1 << 32 | 7, 2, 64, &mut one);
        write(2 << 32 | 9, 2, 64, &mut other);
        assert_eq!(number_of(&one, 2), Ok(1 << 32 | 7));
        let got = |value: &[u8], number| number_of(value, number).unwrap_err().got;
        assert!(got(&one, 3).contains("another key's value"));
        assert!(got(&one[..11], 2).contains("a cut-off value"));
        one[32..].copy_from_slice(&other[32..]);
        assert!(got(&one, 2).contains("a torn value"));
    }
}
