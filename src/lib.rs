//! bucketlab: a laboratory for hash-table storage engines.
//!
//! The crate is built in floors; imports point down only and folders on one floor do not see each
//! other (a test reads every path and holds the house to it):
//!
//! | floor | modules |
//! |---|---|
//! | roof | [`cli`], [`guide`] |
//! | 7 | [`run`] |
//! | 6 | [`catalog`] |
//! | 5 | [`drive`] |
//! | 4 | [`bench`], [`serve`], [`verify`], [`report`] |
//! | 3 | [`analysis`] |
//! | 2 | [`table`], [`workload`], [`wire`], [`record`] |
//! | 1 | [`hash`], [`stats`], [`machine`] |
//! | 0 | [`base`] |
//!
//! A program of your own can add strategies to the built-in ones and call [`cli::main_of`];
//! `CONTRIBUTING.md` shows how. The [`guide`] explains the use.
//!
//! [`bench`]: mod@bench

pub mod analysis;
pub mod base;
pub mod bench;
pub mod catalog;
pub mod cli;
pub mod drive;
pub mod guide;
pub mod hash;
pub mod machine;
pub mod record;
pub mod report;
pub mod run;
pub mod serve;
pub mod stats;
pub mod table;
pub mod verify;
pub mod wire;
pub mod workload;

/// The examples of the documents are compiled and run with the documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../CONTRIBUTING.md")]
struct Contributing;
