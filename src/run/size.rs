//! How much memory tables take at a size: small ones are filled and counted, and the size is extrapolated.

use std::io;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::process::{Failure, Process};
use crate::analysis::{Grown, SizeBytes, TableSize, extrapolated, sizes_below};
use crate::base::{BadInput, Params, Spec, expand_sweeps};
use crate::bench::{Open, Reply, Request};
use crate::catalog::{self, Row};
use crate::hash;
use crate::machine::{self, Heap};
use crate::workload::{Size, Workload, find_preset};

/// The most entries that are filled to extrapolate from.
const MOST_ENTRIES: u64 = 1 << 20;

/// Bytes of one of YCSB's keys, `user` and up to twenty digits: most have nineteen.
const YCSB_KEY_BYTES: u32 = 23;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct SizeOptions {
    /// Targets; none for every strategy of this crate's own.
    pub targets: Vec<String>,
    /// Entries of the table.
    pub entries: u64,
    /// Bytes of a key; `None` for YCSB's names.
    pub key: Option<u32>,
    /// Bytes of a value.
    pub value: u32,
    /// The hash function.
    pub hash: String,
    /// Allocator and pages.
    pub heap: Heap,
    /// Fill the whole table too, where the memory is there, and hold the answer against it.
    pub check: bool,
}

/// Sizes of several tables.
#[derive(Debug)]
pub struct SizePlan<'r> {
    targets: Vec<(&'r Row, Params)>,
    options: SizeOptions,
    workload: Workload,
    /// The sizes that are filled, rising.
    pub sizes: Vec<u64>,
    /// Whether the whole table is filled as well.
    pub checks: bool,
}

impl<'r> SizePlan<'r> {
    /// Resolves names and numbers.
    ///
    /// # Errors
    /// The first that names nothing or is out of range, with what would be valid.
    pub fn new(rows: &'r [Row], options: &SizeOptions) -> Result<SizePlan<'r>, BadInput> {
        hash::find(&options.hash)?;
        if options.entries == 0 {
            return Err(BadInput(
                "--entries 0: a table has at least one entry".into(),
            ));
        }
        let mut targets = Vec::new();
        for text in &options.targets {
            for spec in expand_sweeps(text)? {
                targets.push(catalog::resolve(rows, &spec)?);
            }
        }
        if options.targets.is_empty() {
            for row in rows.iter().filter(|row| !row.control && !row.peer) {
                let spec = Spec {
                    name: row.name.to_owned(),
                    params: Vec::new(),
                };
                targets.push(catalog::resolve(rows, &spec)?);
            }
        }
        let mut workload = (find_preset("uniform")?.build)();
        workload.key = options.key.map(Size::Fixed);
        workload.value = Size::Fixed(options.value);
        workload.resize(options.entries);
        workload.check()?;
        let sizes = sizes_below(options.entries, MOST_ENTRIES);
        Ok(SizePlan {
            checks: options.check && sizes.len() > 1,
            targets,
            workload,
            sizes,
            options: options.clone(),
        })
    }

    /// Tables that are asked about.
    #[must_use]
    pub fn count(&self) -> usize {
        self.targets.len()
    }

    /// Bytes of a key and a value together.
    #[must_use]
    pub fn payload(&self) -> u64 {
        u64::from(self.options.key.unwrap_or(YCSB_KEY_BYTES)) + u64::from(self.options.value)
    }

    /// Bytes that the machine has at hand for the whole table; `None` where it does not say.
    #[must_use]
    pub fn available(&self) -> Option<u64> {
        machine::available_bytes()
    }

    /// Fills one table after the other, each in a process of its own, and extrapolates. `watch` hears the place of
    /// each among all, and its name.
    ///
    /// # Errors
    /// A process that cannot be started. A table that cannot be filled is an answer.
    pub fn measure(
        &self,
        executable: &Path,
        mut watch: impl FnMut(usize, &str),
        interrupted: &AtomicBool,
    ) -> io::Result<Vec<TableSize>> {
        let mut found = Vec::new();
        for (at, (row, params)) in self.targets.iter().enumerate() {
            let target = format!("{}{}", params.short(), self.options.heap.suffix());
            watch(at, &target);
            let bytes = match self.bytes(executable, (row, params), interrupted)? {
                Err(Failure::Interrupted) => return Ok(found),
                Err(Failure::Cell(why)) => Err(why),
                Ok(bytes) => Ok(bytes),
            };
            found.push(TableSize { target, bytes });
        }
        Ok(found)
    }

    fn bytes(
        &self,
        executable: &Path,
        table: (&Row, &Params),
        interrupted: &AtomicBool,
    ) -> io::Result<Result<SizeBytes, Failure>> {
        let (mut at_rest, mut growing) = (Vec::new(), Vec::new());
        for &entries in &self.sizes {
            match self.filled(executable, table, entries, interrupted)? {
                Err(failure) => return Ok(Err(failure)),
                Ok((rest, peak)) => {
                    at_rest.push(Grown {
                        entries,
                        bytes: rest,
                    });
                    growing.extend(peak.map(|bytes| Grown { entries, bytes }));
                }
            }
        }
        let wanted = self.options.entries;
        let Some(at_rest) = extrapolated(&at_rest, wanted) else {
            let why = "its sizes are too close to each other to extrapolate from".to_owned();
            return Ok(Err(Failure::Cell(why)));
        };
        let mut bytes = SizeBytes {
            at_rest,
            growing: extrapolated(&growing, wanted),
            measured: None,
        };
        if self.checks {
            match self.filled(executable, table, wanted, interrupted)? {
                Err(failure) => return Ok(Err(failure)),
                Ok((rest, _)) => bytes.measured = Some(rest),
            }
        }
        Ok(Ok(bytes))
    }

    /// Resident bytes of a table with so many entries, and the highest on the way.
    fn filled(
        &self,
        executable: &Path,
        (row, params): (&Row, &Params),
        entries: u64,
        interrupted: &AtomicBool,
    ) -> io::Result<Result<(f64, Option<f64>), Failure>> {
        let mut process = Process::start(executable, self.options.heap)?;
        let mut workload = self.workload.clone();
        workload.resize(entries);
        let open = Request::Open(Box::new(Open {
            strategy: row.name.to_owned(),
            values: params.values(),
            server: None,
            overwrite: false,
            hash: self.options.hash.clone(),
            hash_seed: [1, 2],
            workload,
            threads: 1,
            seed: 1,
            pin_offset: 0,
            searched: Vec::new(),
            heap: self.options.heap,
        }));
        let expected = Duration::from_millis(500) + Duration::from_micros(entries);
        let opened = match process.ask(&open, expected, interrupted) {
            Ok(Reply::Opened(opened)) => opened,
            Ok(other) => {
                let why = format!("the child sent an unexpected answer: {other:?}");
                return Ok(Err(Failure::Cell(why)));
            }
            Err(failure) => return Ok(Err(failure)),
        };
        let Some((memory, _)) = opened.filled else {
            return Ok(Err(Failure::Cell("its table was not filled".into())));
        };
        let Some(rest) = memory.rss_bytes else {
            return Ok(Err(Failure::Cell(memory.reason)));
        };
        let peak = memory.rss_peak_bytes.map(|peak| peak as f64);
        Ok(Ok((rest as f64, peak)))
    }
}
