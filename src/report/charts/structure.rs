//! What the census says of each cell.

use std::collections::BTreeMap;

use crate::record::Records;

/// The kinds of bytes that a census tells apart, and what people call them.
pub(super) const KINDS: [(&str, &str); 5] = [
    ("key", "keys"),
    ("value", "values"),
    ("header", "headers"),
    ("bucket_array", "bucket array"),
    ("slack", "slack"),
];

/// One cell's structure; several censuses of a cell are added up.
#[derive(Debug, Default)]
pub(super) struct Structure {
    /// Entries.
    pub items: f64,
    /// Buckets.
    pub buckets: f64,
    /// Bytes, in the order of [`KINDS`].
    pub bytes: [f64; KINDS.len()],
    /// Buckets by the length of their chain.
    pub chains: BTreeMap<u64, f64>,
}

/// Structures by cell.
pub(super) type Structures<'r> = BTreeMap<&'r str, Structure>;

/// Reads the census rows; a row that says nothing known is left out.
pub(super) fn structures(records: &Records) -> Structures<'_> {
    let mut structures = Structures::new();
    for row in &records.census {
        let of_cell: &mut Structure = structures.entry(&row.cell_id).or_default();
        let count = row.count as f64;
        match (row.figure.as_str(), row.label.as_str()) {
            ("total", "items") => of_cell.items += count,
            ("total", "buckets") => of_cell.buckets += count,
            ("bytes", kind) => {
                if let Some(at) = KINDS.iter().position(|(name, _)| *name == kind) {
                    of_cell.bytes[at] += count;
                }
            }
            ("chain_length", length) => {
                if let (Ok(length), true) = (length.parse(), row.count > 0) {
                    *of_cell.chains.entry(length).or_default() += count;
                }
            }
            _ => {}
        }
    }
    structures
}

impl Structure {
    /// Bytes an entry by kind, where there are entries.
    pub fn per_entry(&self) -> Option<[f64; KINDS.len()]> {
        (self.items > 0.0).then(|| self.bytes.map(|bytes| bytes / self.items))
    }

    /// Buckets and entries that the chains add up to.
    pub fn in_chains(&self) -> (f64, f64) {
        let buckets = self.chains.values().sum();
        let entries = self
            .chains
            .iter()
            .map(|(&length, count)| length as f64 * count);
        (buckets, entries.sum())
    }
}
