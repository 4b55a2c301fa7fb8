//! Floor 1: medians, spreads and bootstrap intervals.
