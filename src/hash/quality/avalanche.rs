//! How a flipped bit of the key spreads over the hash.

/// The probability of each bit of the hash to flip with each bit of the key.
#[derive(Clone, Debug, PartialEq)]
pub struct Avalanche {
    /// `flips[i][o]`: of all keys tried, the part for which flipping bit `i` of the key (of byte `i / 8`,
    /// from the lowest) flips bit `o` of the hash. One half is ideal.
    pub flips: Vec<[f64; 64]>,
    /// Keys tried.
    pub keys: usize,
}

impl Avalanche {
    /// The worst bias: how far from one half, doubled, so that 0 is ideal and 1 a bit that always
    /// or never flips; with the key's bit and the hash's. Nothing where keys are empty.
    #[must_use]
    pub fn worst(&self) -> Option<(f64, usize, usize)> {
        let biases = self.flips.iter().enumerate().flat_map(|(input, outputs)| {
            outputs
                .iter()
                .enumerate()
                .map(move |(output, flips)| (bias(*flips), input, output))
        });
        biases.max_by(|a, b| a.0.total_cmp(&b.0))
    }

    /// The mean bias over all pairs of bits. Of an ideal function it is not 0 but about
    /// 0.8 / √keys, by chance.
    #[must_use]
    pub fn mean(&self) -> f64 {
        let biases = self.flips.iter().flatten().map(|flips| bias(*flips));
        biases.sum::<f64>() / (64 * self.flips.len().max(1)) as f64
    }
}

fn bias(flips: f64) -> f64 {
    (2.0 * flips - 1.0).abs()
}

/// Flips each bit of each key once.
///
/// # Panics
/// If keys differ in length.
#[must_use]
pub fn avalanche(hash: impl Fn(&[u8]) -> u64, keys: &[Vec<u8>]) -> Avalanche {
    let length = keys.first().map_or(0, Vec::len);
    assert!(
        keys.iter().all(|key| key.len() == length),
        "avalanche wants keys of one length"
    );
    let mut counts = vec![[0u32; 64]; 8 * length];
    for key in keys {
        let before = hash(key);
        let mut key = key.clone();
        for (input, counts) in counts.iter_mut().enumerate() {
            key[input / 8] ^= 1 << (input % 8);
            let flipped = before ^ hash(&key);
            key[input / 8] ^= 1 << (input % 8);
            for (output, count) in counts.iter_mut().enumerate() {
                *count += u32::from(flipped >> output & 1 == 1);
            }
        }
    }
    let part = |count| f64::from(count) / keys.len() as f64;
    let flips = counts.into_iter().map(|counts| counts.map(part)).collect();
    Avalanche {
        flips,
        keys: keys.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash;
    use crate::hash::quality::Corpus;

    #[test]
    fn a_good_function_has_none_and_a_bad_one_all() {
        let keys = Corpus::User.keys(500, 1);
        for (name, mean, worst) in [("sip13", 0.06, 0.25), ("rapidhash", 0.06, 0.25)] {
            let function = hash::find(name).unwrap().function;
            let avalanche = avalanche(|key| function(key, [3, 4]), &keys);
            assert_eq!(avalanche.flips.len(), 8 * 20);
            assert!(avalanche.mean() < mean, "{name}: {}", avalanche.mean());
            assert!(
                avalanche.worst().unwrap().0 < worst,
                "{name}: {:?}",
                avalanche.worst()
            );
        }
        // djb2: the last byte's lowest bit flips the lowest bit of the state, always.
        let djb2 = hash::find("djb2").unwrap().function;
        let bad = avalanche(|key| djb2(key, [0, 0]), &keys);
        assert!(
            bad.mean() > 0.2 && bad.worst().unwrap().0 >= 1.0,
            "{}",
            bad.mean()
        );
        assert!(bad.flips[8 * 19][0] >= 1.0);
    }

    #[test]
    fn a_copied_byte_is_seen_bit_by_bit() {
        let avalanche = avalanche(|key| u64::from(key[1]), &[vec![0, 5], vec![7, 200]]);
        for (input, outputs) in avalanche.flips.iter().enumerate() {
            for (output, &flips) in outputs.iter().enumerate() {
                let expected = if input == output + 8 { 1.0 } else { 0.0 };
                assert!((flips - expected).abs() < 1e-12, "{input} {output}");
            }
        }
        assert_eq!(super::avalanche(|_| 0, &[vec![]]).worst(), None);
    }
}
