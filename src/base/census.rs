//! What a table says about its own structure.

/// Live items and their bytes, cheap enough to be read while others work on the table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Entries that a get could find now.
    pub items: u64,
    /// Bytes that the table holds for them: items with their headers, and the bucket array.
    pub bytes: u64,
}

/// A table's description of its own structure, taken while no thread uses it.
///
/// Every figure is counted by walking the table, never computed from a formula.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Entries found by the walk.
    pub items: u64,
    /// Buckets that a hash can pick.
    pub buckets: u64,
    /// `chain_lengths[n]` is the number of buckets that hold exactly `n` entries. Empty where a
    /// table has no buckets to speak of (an adapter around a foreign map).
    pub chain_lengths: Vec<u64>,
    /// Where the bytes are.
    pub bytes: ByteSplit,
}

/// The bytes of a table, split by what they are for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ByteSplit {
    /// Bytes of keys.
    pub key: u64,
    /// Bytes of values.
    pub value: u64,
    /// Bytes of item headers: links, lengths, tags, versions.
    pub header: u64,
    /// Bytes of the bucket array and of the locks beside it.
    pub bucket_array: u64,
    /// Bytes that are held but empty: unused slots, rounding inside a slab.
    pub slack: u64,
}

impl ByteSplit {
    /// All of it, in bytes.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.key + self.value + self.header + self.bucket_array + self.slack
    }
}

impl Census {
    /// A census that counts no entry yet, of a table whose arrays take so many bytes.
    #[must_use]
    pub fn of(bytes: ByteSplit) -> Census {
        Census {
            bytes,
            ..Census::default()
        }
    }

    /// Counts one bucket with a chain of `length` entries.
    pub fn count_chain(&mut self, length: usize) {
        if self.chain_lengths.len() <= length {
            self.chain_lengths.resize(length + 1, 0);
        }
        self.chain_lengths[length] += 1;
        self.buckets += 1;
    }

    /// Counts one bucket and its entries: their keys and values, and `header` bytes for each.
    pub fn count_bucket<'e>(
        &mut self,
        header: usize,
        entries: impl Iterator<Item = (&'e [u8], &'e [u8])>,
    ) {
        let mut length = 0;
        for (key, value) in entries {
            length += 1;
            self.bytes.header += header as u64;
            self.bytes.key += key.len() as u64;
            self.bytes.value += value.len() as u64;
        }
        self.items += length as u64;
        self.count_chain(length);
    }

    /// The longest chain, in entries.
    #[must_use]
    pub fn longest_chain(&self) -> usize {
        self.chain_lengths.len().saturating_sub(1)
    }

    /// Mean entries walked by a lookup that hits, if every entry is looked up equally often and
    /// chains are searched from the front: the sum over chains of n(n+1)/2, over the entries.
    #[must_use]
    pub fn mean_walk(&self) -> Option<f64> {
        let (mut steps, mut entries) = (0.0, 0.0);
        for (length, &buckets) in self.chain_lengths.iter().enumerate() {
            #[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
            let (n, b) = (length as f64, buckets as f64);
            steps += b * n * (n + 1.0) / 2.0;
            entries += b * n;
        }
        (entries > 0.0).then(|| steps / entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_are_counted_by_length() {
        let mut census = Census::default();
        for length in [0, 2, 2, 5] {
            census.count_chain(length);
        }
        assert_eq!(census.chain_lengths, [1, 0, 2, 0, 0, 1]);
        assert_eq!(census.buckets, 4);
        assert_eq!(census.longest_chain(), 5);
        // Two chains of two cost 3 steps each, one of five costs 15; nine entries.
        assert!((census.mean_walk().unwrap() - 21.0 / 9.0).abs() < 1e-12);
        assert_eq!(Census::default().mean_walk(), None);
    }
}
