//! The form of the keys of a key space: YCSB's, one of the corpora for measuring hash functions, or
//! keys that collide on purpose.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};

use super::floods;
use crate::base::{BadInput, Written, one, unknown_name};
use crate::hash;
use crate::hash::quality::Corpus;

/// Before the name of the hash function whose buckets are to be flooded.
const FLOOD: &str = "flood:";

/// The word for YCSB's keys.
const YCSB: &str = "ycsb";

/// Seed of the corpora that have chance in them: a record has the same key in every run.
const CORPUS_SEED: u64 = 1;

/// The most keys of a flood that has to be searched for, 2^16 tries each.
const SEARCHED_MAX: u64 = 10_000;

/// The most keys of a multicollision: those of `identity` end here.
const COLLIDING_MAX: u64 = 1 << 20;

/// How a record's number becomes its key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(into = "String")]
pub enum Naming {
    /// `user` and the decimal of the hashed record number, as YCSB does.
    #[default]
    Ycsb,
    /// The record's key in a corpus.
    Corpus(Corpus),
    /// Keys that collide under the hash function of this name: a multicollision where one is
    /// known, else found by a search for equal low 16 bits under a seed that is not the run's.
    Flood(&'static str),
}

impl Naming {
    /// Whether it is the default of workloads.
    #[must_use]
    pub fn is_ycsb(&self) -> bool {
        *self == Naming::Ycsb
    }

    /// How many records can have keys.
    pub(super) fn most(self) -> u64 {
        match self {
            Naming::Ycsb => u64::MAX,
            Naming::Corpus(corpus) => corpus.most(),
            Naming::Flood(name) if floods::is_searched(name) => SEARCHED_MAX,
            Naming::Flood(_) => COLLIDING_MAX,
        }
    }
}

/// `url`, `flood:djb2`, `ycsb`.
impl Written for Naming {
    const WANTED: &'static str = "a corpus of keys, such as \"url\"";

    fn read(text: &str) -> Result<Naming, BadInput> {
        if text == YCSB {
            return Ok(Naming::Ycsb);
        }
        if let Some(name) = text.strip_prefix(FLOOD) {
            return Ok(Naming::Flood(hash::find(name)?.name));
        }
        Corpus::find(text).map(Naming::Corpus).map_err(|_| {
            let corpora = Corpus::ALL.map(Corpus::name);
            let valid = [YCSB].into_iter().chain(corpora);
            let error = unknown_name("corpus", text, valid);
            BadInput(format!(
                "{error}; or {FLOOD} and the name of a hash function"
            ))
        })
    }
}

impl fmt::Display for Naming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Naming::Ycsb => f.write_str(YCSB),
            Naming::Corpus(corpus) => f.write_str(corpus.name()),
            Naming::Flood(name) => write!(f, "{FLOOD}{name}"),
        }
    }
}

impl<'de> Deserialize<'de> for Naming {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Naming, D::Error> {
        one(deserializer)
    }
}

impl From<Naming> for String {
    fn from(naming: Naming) -> String {
        naming.to_string()
    }
}

/// Names records, one after the other.
#[derive(Clone, Debug)]
pub(super) enum Namer {
    Corpus(Corpus, Vec<u8>),
    Listed(Arc<Vec<Vec<u8>>>),
}

impl Namer {
    /// For the records below `records`; `None` for YCSB's keys, which are made elsewhere.
    pub(super) fn new(naming: Naming, records: u64) -> Option<Namer> {
        match naming {
            Naming::Ycsb => None,
            Naming::Corpus(corpus) => Some(Namer::Corpus(corpus, Vec::new())),
            Naming::Flood(name) => Some(Namer::Listed(floods::keys_of(name, records))),
        }
    }

    /// The key of a record.
    #[inline]
    pub(super) fn key(&mut self, record: u64) -> &[u8] {
        match self {
            Namer::Corpus(corpus, key) => {
                *key = corpus.key(record, CORPUS_SEED);
                key
            }
            Namer::Listed(keys) => &keys[usize::try_from(record).expect("keys are in memory")],
        }
    }

    /// Bytes of the longest key, for room to be made.
    pub(super) fn longest(&self) -> usize {
        match self {
            Namer::Corpus(corpus, _) => corpus.longest(),
            Namer::Listed(keys) => keys.iter().map(Vec::len).max().unwrap_or(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::super::{Prefill, Segment, Stream, find_preset};
    use super::*;

    #[test]
    fn names_are_read_and_written() {
        let all = Corpus::ALL.map(Naming::Corpus);
        let floods = ["djb2", "xxh3"].map(Naming::Flood);
        for naming in [Naming::Ycsb].into_iter().chain(all).chain(floods) {
            assert_eq!(Naming::read(&naming.to_string()), Ok(naming));
        }
        let error = |text: &str| Naming::read(text).unwrap_err().0;
        assert!(
            error("urls").contains("did you mean 'url'"),
            "{}",
            error("urls")
        );
        assert!(error("flood:djb").contains("did you mean 'djb2'"));
    }

    /// Prefill and stream agree on the keys, all of which differ.
    #[test]
    fn a_workload_has_the_keys_of_its_corpus() {
        for name in [
            "user",
            "url",
            "one-byte",
            "flood:murmur3-32",
            "flood:identity",
        ] {
            let mut workload = (find_preset("uniform").unwrap().build)();
            workload.corpus = Naming::read(name).unwrap();
            workload.resize(1000);
            workload.check().unwrap();
            let mut filled = HashSet::new();
            Prefill::new(&workload).for_each(|key, _| {
                assert!(!key.is_empty() && filled.insert(key.to_vec()), "{name}");
            });
            assert_eq!(filled.len(), 1000, "{name}");
            let mut segment = Segment::default();
            Stream::open(&workload, 1, 0, 1)
                .unwrap()
                .refill(&mut segment)
                .unwrap();
            assert!(!segment.ops.is_empty());
            for op in &segment.ops {
                assert!(filled.contains(segment.key(op)), "{name}");
            }
        }
    }

    #[test]
    fn a_corpus_that_is_too_small_is_refused() {
        let mut workload = (find_preset("uniform").unwrap().build)();
        workload.corpus = Naming::Corpus(Corpus::OneByte);
        let error = workload.check().unwrap_err().0;
        assert!(
            error.contains("one-byte") && error.contains("16321"),
            "{error}"
        );
    }
}
