//! The files of a run of the hash laboratory: one CSV file for each kind of measurement.
//!
//! The directory has the same form of name as that of any run; its manifest is called `hash.toml`,
//! which tells the two kinds of run apart.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::columns::Row;
use super::csv_files::{append, create_with_header, read_rows};
use super::files::{check_version, make, read_file, replace_manifest};
use super::manifest::Status;
use super::names::Names;
use super::read_error::ReadError;
use super::rows::SCHEMA_VERSION;

/// The name of the manifest within the directory.
const MANIFEST: &str = "hash.toml";

/// A row of `hash_speed.csv`: one function on keys of one length in one round.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HashSpeedRow {
    /// The round: ratios are paired within it.
    pub round: u32,
    /// The function; `empty` is the loop around a function that does nothing.
    pub hash: String,
    /// Bytes of each key.
    pub key_bytes: u32,
    /// Calls.
    pub calls: u64,
    /// Nanoseconds of all calls.
    pub elapsed_ns: u64,
}

/// A row of `hash_spread.csv`: how one corpus falls into a number of buckets under one function.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HashSpreadRow {
    /// The function.
    pub hash: String,
    /// The corpus, or the name of a file.
    pub corpus: String,
    /// Which bits pick the bucket: `low` or `high`.
    pub bits: String,
    /// Buckets, a power of two.
    pub buckets: u64,
    /// Different keys.
    pub keys: u64,
    /// Pearson's chi-square against equal counts.
    pub chi_square: f64,
    /// The same as a standard normal score.
    pub score: f64,
    /// Keys in the fullest bucket.
    pub longest: u64,
    /// The same to be expected of an ideal function.
    pub likely_longest: u64,
}

/// A row of `hash_chains.csv`: how many buckets hold so many keys.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HashChainRow {
    /// The function.
    pub hash: String,
    /// The corpus, or the name of a file.
    pub corpus: String,
    /// Which bits pick the bucket: `low` or `high`.
    pub bits: String,
    /// Buckets, a power of two.
    pub buckets: u64,
    /// Keys in a bucket.
    pub length: u64,
    /// Buckets with exactly so many.
    pub count: u64,
    /// The same to be expected of an ideal function.
    pub expected: f64,
}

/// A row of `hash_avalanche.csv`: what flipping one bit of the key does to the bits of the hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HashAvalancheRow {
    /// The function.
    pub hash: String,
    /// Keys tried, all of one length.
    pub keys: u32,
    /// The bit of the key: of byte `input_bit / 8`, from the lowest.
    pub input_bit: u32,
    /// For each bit of the hash, from the lowest, how often it flipped; parted by blanks.
    pub flips: String,
}

/// A row of `hash_flood.csv`: keys that collide on purpose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HashFloodRow {
    /// The function that they were made for.
    pub hash: String,
    /// `multicollision`, made from the function's structure, or `search`, found by trying.
    pub method: String,
    /// Low bits that are the same.
    pub colliding_bits: u32,
    /// Keys.
    pub keys: u64,
    /// Nanoseconds that making them took.
    pub elapsed_ns: u64,
    /// Buckets that they were then thrown into.
    pub buckets: u64,
    /// The longest chain under the seed that the maker knew.
    pub longest_seed_known: u64,
    /// The longest chain under a seed that the maker did not know.
    pub longest_seed_unknown: u64,
    /// The longest chain to be expected of as many random keys.
    pub likely_longest: u64,
}

/// The contents of `hash.toml`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HashManifest {
    /// Version of the columns and of this file.
    pub schema_version: u32,
    /// The name of the directory.
    pub run_id: String,
    /// UTC, `2026-01-31T12:34:56Z`.
    pub started: String,
    /// How it ended.
    pub status: Status,
    /// The command line, program first.
    pub argv: Vec<String>,
    /// Seed of keys, hashes and bootstrap.
    pub seed: u64,
    /// Version of the program.
    pub version: String,
    /// Revision of the source, with `-dirty` where it was changed; empty when unknown.
    pub revision: String,
    /// XXH3-64 of the executable, in hexadecimal.
    pub binary_hash: String,
    /// XXH3-64 of the lockfile that it was built with, in hexadecimal.
    pub lockfile_hash: String,
    /// The functions.
    pub hashes: Vec<HashEntry>,
    /// The corpora.
    pub corpora: Vec<CorpusEntry>,
    /// Bucket counts.
    pub buckets: Vec<u64>,
    /// What was not measured, and why.
    pub not_measured: Vec<String>,
    /// The machine, as names and values.
    pub machine: BTreeMap<String, String>,
}

/// A hash function of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HashEntry {
    /// Its name.
    pub name: String,
    /// One sentence.
    pub about: String,
    /// Bits of its own output.
    pub bits: u32,
    /// Whether the seed enters the hash.
    pub keyed: bool,
    /// Whether it resists an attacker that chooses keys without the seed.
    pub flood_resistant: bool,
    /// Index of its colour and marker.
    pub colour: u32,
}

/// A corpus of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CorpusEntry {
    /// Its name.
    pub name: String,
    /// One sentence.
    pub about: String,
    /// Different keys in it.
    pub keys: u64,
}

impl Row for HashSpeedRow {
    const FILE: &'static str = "hash_speed.csv";
    const COLUMNS: &'static [&'static str] = &["round", "hash", "key_bytes", "calls", "elapsed_ns"];
}

impl Row for HashSpreadRow {
    const FILE: &'static str = "hash_spread.csv";
    const COLUMNS: &'static [&'static str] = &[
        "hash",
        "corpus",
        "bits",
        "buckets",
        "keys",
        "chi_square",
        "score",
        "longest",
        "likely_longest",
    ];
}

impl Row for HashChainRow {
    const FILE: &'static str = "hash_chains.csv";
    const COLUMNS: &'static [&'static str] = &[
        "hash", "corpus", "bits", "buckets", "length", "count", "expected",
    ];
}

impl Row for HashAvalancheRow {
    const FILE: &'static str = "hash_avalanche.csv";
    const COLUMNS: &'static [&'static str] = &["hash", "keys", "input_bit", "flips"];
}

impl Row for HashFloodRow {
    const FILE: &'static str = "hash_flood.csv";
    const COLUMNS: &'static [&'static str] = &[
        "hash",
        "method",
        "colliding_bits",
        "keys",
        "elapsed_ns",
        "buckets",
        "longest_seed_known",
        "longest_seed_unknown",
        "likely_longest",
    ];
}

/// The directory of a hash laboratory's run that is going on.
#[derive(Debug)]
pub struct HashDirectory {
    path: PathBuf,
    run_id: String,
    speed: File,
    spread: File,
    chains: File,
    avalanche: File,
    flood: File,
}

impl HashDirectory {
    /// Makes the directory as [`super::RunDirectory::create`] does, and in it the CSV files with
    /// their headers.
    ///
    /// # Errors
    /// [`BadInput`](crate::base::BadInput) naming the directory if it cannot be made or written.
    pub fn create(root: &Path, revision: &str, utc_compact: &str) -> anyhow::Result<HashDirectory> {
        make(root, "hash", revision, utc_compact, |path, run_id| {
            Ok(HashDirectory {
                speed: create_with_header::<HashSpeedRow>(path)?,
                spread: create_with_header::<HashSpreadRow>(path)?,
                chains: create_with_header::<HashChainRow>(path)?,
                avalanche: create_with_header::<HashAvalancheRow>(path)?,
                flood: create_with_header::<HashFloodRow>(path)?,
                path: path.to_owned(),
                run_id,
            })
        })
    }

    /// The run's identity: the name of the directory.
    pub fn run_id(&self) -> &str {
        &self.run_id
    }

    /// Where the directory is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends rows to `hash_speed.csv`.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn speed(&mut self, rows: &[HashSpeedRow]) -> anyhow::Result<()> {
        append(&mut self.speed, rows, &Names::default())
    }

    /// Appends rows to `hash_spread.csv`.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn spread(&mut self, rows: &[HashSpreadRow]) -> anyhow::Result<()> {
        append(&mut self.spread, rows, &Names::default())
    }

    /// Appends rows to `hash_chains.csv`.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn chains(&mut self, rows: &[HashChainRow]) -> anyhow::Result<()> {
        append(&mut self.chains, rows, &Names::default())
    }

    /// Appends rows to `hash_avalanche.csv`.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn avalanche(&mut self, rows: &[HashAvalancheRow]) -> anyhow::Result<()> {
        append(&mut self.avalanche, rows, &Names::default())
    }

    /// Appends rows to `hash_flood.csv`.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn flood(&mut self, rows: &[HashFloodRow]) -> anyhow::Result<()> {
        append(&mut self.flood, rows, &Names::default())
    }

    /// Writes `hash.toml`, or replaces it as a whole.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn manifest(&self, manifest: &HashManifest) -> anyhow::Result<()> {
        replace_manifest(&self.path, MANIFEST, manifest)
    }
}

/// Everything that the directory of a hash laboratory's run holds.
#[derive(Clone, Debug, PartialEq)]
pub struct HashRecords {
    /// `hash.toml`.
    pub manifest: HashManifest,
    /// `hash_speed.csv`.
    pub speed: Vec<HashSpeedRow>,
    /// `hash_spread.csv`.
    pub spread: Vec<HashSpreadRow>,
    /// `hash_chains.csv`.
    pub chains: Vec<HashChainRow>,
    /// `hash_avalanche.csv`.
    pub avalanche: Vec<HashAvalancheRow>,
    /// `hash_flood.csv`.
    pub flood: Vec<HashFloodRow>,
    /// Last lines that were cut short and are left out: at most one a file.
    pub dropped_lines: u32,
}

impl HashRecords {
    /// Whether a directory is a hash laboratory's.
    #[must_use]
    pub fn are_in(path: &Path) -> bool {
        path.join(MANIFEST).is_file()
    }

    /// Reads the directory; see [`super::Records::read`].
    ///
    /// # Errors
    /// A file that is missing, unreadable, empty or of another version, and any line that does not
    /// follow its header, each with file and line.
    pub fn read(path: &Path) -> Result<HashRecords, ReadError> {
        let manifest = read_manifest(&path.join(MANIFEST))?;
        let mut dropped_lines = 0;
        Ok(HashRecords {
            manifest,
            speed: read_rows(path, &mut dropped_lines)?,
            spread: read_rows(path, &mut dropped_lines)?,
            chains: read_rows(path, &mut dropped_lines)?,
            avalanche: read_rows(path, &mut dropped_lines)?,
            flood: read_rows(path, &mut dropped_lines)?,
            dropped_lines,
        })
    }
}

fn read_manifest(path: &Path) -> Result<HashManifest, ReadError> {
    let malformed = |why: String| ReadError::Manifest(path.to_owned(), why);
    let bytes = read_file(path)?;
    let text = str::from_utf8(&bytes).map_err(|error| malformed(error.to_string()))?;
    let read = |error: toml::de::Error| malformed(error.to_string().trim_end().to_owned());
    let table: toml::Table = toml::from_str(text).map_err(read)?;
    // The version first, because another one may lack the rest.
    let version = table
        .get("schema_version")
        .and_then(toml::Value::as_integer);
    let found = version.and_then(|version| u32::try_from(version).ok());
    check_version(path, found.unwrap_or(SCHEMA_VERSION))?;
    toml::from_str(text).map_err(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(run_id: &str) -> HashManifest {
        HashManifest {
            schema_version: SCHEMA_VERSION,
            run_id: run_id.to_owned(),
            started: "2026-01-31T12:34:56Z".to_owned(),
            status: Status::Running,
            argv: vec!["bucketlab".to_owned(), "hash".to_owned()],
            seed: 1,
            version: "0".to_owned(),
            revision: String::new(),
            binary_hash: String::new(),
            lockfile_hash: String::new(),
            hashes: Vec::new(),
            corpora: vec![CorpusEntry {
                name: "user".to_owned(),
                about: String::new(),
                keys: 3,
            }],
            buckets: vec![1024],
            not_measured: Vec::new(),
            machine: BTreeMap::new(),
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let root = tempfile::tempdir().unwrap();
        let mut run = HashDirectory::create(root.path(), "abc", "20260131T123456Z").unwrap();
        assert_eq!(run.run_id(), "20260131T123456Z-hash-abc");
        let manifest = manifest(run.run_id());
        run.manifest(&manifest).unwrap();
        let (hash, corpus, bits) = ("djb2".to_owned(), "user".to_owned(), "low".to_owned());
        let records = HashRecords {
            manifest,
            speed: vec![HashSpeedRow {
                round: 1,
                hash: hash.clone(),
                key_bytes: 8,
                calls: 100,
                elapsed_ns: 250,
            }],
            spread: vec![HashSpreadRow {
                hash: hash.clone(),
                corpus: corpus.clone(),
                bits: bits.clone(),
                buckets: 1024,
                keys: 3,
                chi_square: 1021.5,
                score: -0.25,
                longest: 1,
                likely_longest: 1,
            }],
            chains: vec![HashChainRow {
                hash: hash.clone(),
                corpus,
                bits,
                buckets: 1024,
                length: 0,
                count: 1021,
                expected: 1021.5,
            }],
            avalanche: vec![HashAvalancheRow {
                hash: hash.clone(),
                keys: 7,
                input_bit: 9,
                flips: "1 2 3".to_owned(),
            }],
            flood: vec![HashFloodRow {
                hash,
                method: "search".to_owned(),
                colliding_bits: 16,
                keys: 64,
                elapsed_ns: 5,
                buckets: 65_536,
                longest_seed_known: 64,
                longest_seed_unknown: 1,
                likely_longest: 1,
            }],
            dropped_lines: 0,
        };
        run.speed(&records.speed).unwrap();
        run.spread(&records.spread).unwrap();
        run.chains(&records.chains).unwrap();
        run.avalanche(&records.avalanche).unwrap();
        run.flood(&records.flood).unwrap();
        assert!(HashRecords::are_in(run.path()) && !HashRecords::are_in(root.path()));
        assert_eq!(HashRecords::read(run.path()).unwrap(), records);
    }

    #[test]
    fn another_version_and_a_broken_manifest_are_named() {
        let root = tempfile::tempdir().unwrap();
        let run = HashDirectory::create(root.path(), "", "x").unwrap();
        let missing = HashRecords::read(run.path()).unwrap_err().to_string();
        assert!(missing.contains("hash.toml is not there"), "{missing}");
        let mut newer = manifest("x");
        newer.schema_version = SCHEMA_VERSION + 1;
        run.manifest(&newer).unwrap();
        let error = HashRecords::read(run.path()).unwrap_err().to_string();
        assert!(error.contains("schema version"), "{error}");
        std::fs::write(run.path().join(MANIFEST), "run_id = 3").unwrap();
        let error = HashRecords::read(run.path()).unwrap_err().to_string();
        assert!(error.contains("hash.toml"), "{error}");
    }
}
