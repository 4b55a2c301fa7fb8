//! The hash laboratory's figures for people and for programs.

mod json;
mod terminal;
#[cfg(test)]
pub(super) mod tests;

pub(super) use crate::analysis::hashes::{
    AvalancheFigures, Fall, HashFigures, HashSummary, SpeedPoint, hash_findings,
};
pub use json::json as hash_json;
pub(super) use terminal::functions as hash_functions;
pub use terminal::table as hash_table;
