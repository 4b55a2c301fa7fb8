//! How thoroughly a table is checked, and how much was.

/// How thoroughly to check. The same plan does the same operations, up to the interleaving of
/// threads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Where all randomness comes from.
    pub seed: u64,
    /// Operations, per thread where there are several.
    pub steps: u64,
    /// How many different keys there are. A few of them get half of all operations, so that each
    /// of those goes through every kind of change, while the others fill the table.
    pub key_space: usize,
    /// Threads of the concurrent check; [`run`](super::run) leaves it out if there are fewer than two.
    pub threads: u32,
    /// Whether a byte budget is in force, so that writes may be refused. A refusal is a failure
    /// otherwise.
    pub refusals: bool,
    /// How long values are.
    pub values: Values,
}

/// How long the values of a check are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// Up to 64 B.
    Small,
    /// Mostly small, up to 5,000 B, rarely 100 KiB.
    Mixed,
    /// 0 B to 1 MiB, about as many in each class of size.
    Large,
}

impl Plan {
    /// What each table passes before it is timed: some 15 ms. Enough entries to make a table with
    /// 1024 buckets grow at 1.5 entries a bucket.
    #[must_use]
    pub const fn quick() -> Plan {
        Plan {
            seed: 0x6275_636b_6574,
            steps: 6_000,
            key_space: 4_000,
            threads: 2,
            refusals: false,
            values: Values::Mixed,
        }
    }
}

/// What was done and found to be right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Gets, read-backs included.
    pub gets: u64,
    /// Those of them that hit.
    pub hits: u64,
    /// Sets.
    pub sets: u64,
    /// Calls of `insert_new`.
    pub inserts: u64,
    /// Removals, of keys that were there or not.
    pub removes: u64,
    /// Updates, of all kinds of edits.
    pub updates: u64,
    /// Calls of `get_many`.
    pub batches: u64,
    /// Calls of `set_many`.
    pub set_batches: u64,
    /// Calls of `quiesce`.
    pub quiesces: u64,
    /// Entries that walks have shown; no operations of the sequence.
    pub walked: u64,
    /// Growths that tables noted in their journals.
    pub growths: u64,
}

impl Counts {
    /// All operations of the sequences.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.gets
            + self.sets
            + self.inserts
            + self.removes
            + self.updates
            + self.batches
            + self.set_batches
            + self.quiesces
    }
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, more: Counts) {
        self.gets += more.gets;
        self.hits += more.hits;
        self.sets += more.sets;
        self.inserts += more.inserts;
        self.removes += more.removes;
        self.updates += more.updates;
        self.batches += more.batches;
        self.set_batches += more.set_batches;
        self.quiesces += more.quiesces;
        self.walked += more.walked;
        self.growths += more.growths;
    }
}
