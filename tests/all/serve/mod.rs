//! `bucketlab serve` from outside: against memcached, with real clients, under crowds.

mod clients;
mod crowd;
mod differential;
mod full;
mod history;
mod seconds;
mod server;
mod settle;
mod start;
mod tools;
mod transcripts;
mod words;
