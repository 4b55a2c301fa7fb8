//! Whole pages on runs that nobody measured.
