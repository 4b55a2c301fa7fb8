//! A target at one number of entries: what the models are fitted to.

/// A target at one number of entries.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Point {
    pub entries: f64,
    pub threads: u32,
    /// Nanoseconds of one thread an operation.
    pub ns: f64,
    pub floor_ns: f64,
    pub latency_ns: f64,
    pub walk: Option<f64>,
    /// Resident bytes of all entries.
    pub bytes: f64,
    pub buckets: Option<f64>,
}
