//! Floor 5: one row per strategy: the only list of them.
