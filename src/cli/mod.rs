//! Roof: one file per verb.
