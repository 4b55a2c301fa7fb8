//! Floor 6: suites, panels, slices, rows.
