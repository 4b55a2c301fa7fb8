//! Latencies as logs of HDR histograms: `histograms/<cell>-<loop>-<time>.hlog`, one interval for each
//! trial, in the format of the `HdrHistogram` project (<https://hdrhistogram.github.io/HdrHistogram/>), so
//! its plotters and other tools can read them.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::interval_log::{
    IntervalLogHistogram, IntervalLogIterator, IntervalLogWriterBuilder, LogEntry, Tag,
};
use hdrhistogram::serialization::{Deserializer, V2DeflateSerializer};

use super::files::{read_file, replace};
use super::read_error::ReadError;
use super::rows::{LatencyRow, LoopKind, TimeKind};

/// Significant decimal digits that a histogram keeps.
pub const HISTOGRAM_DIGITS: u8 = 3;

/// The longest time that a histogram holds, 100 s, in nanoseconds; what is longer counts as that.
pub const HISTOGRAM_HIGH_NS: u64 = 100_000_000_000;

/// The latencies of a cell, over all its trials.
#[derive(Clone, Debug, PartialEq)]
pub struct LatencyHistogram {
    /// The cell.
    pub cell_id: String,
    /// The loop that the operations ran in.
    pub loop_kind: LoopKind,
    /// What the times count from.
    pub time: TimeKind,
    /// Nanoseconds.
    pub histogram: Histogram<u64>,
}

/// A histogram from 1 ns to [`HISTOGRAM_HIGH_NS`] with [`HISTOGRAM_DIGITS`], empty.
///
/// # Panics
/// Never: the bounds are valid.
#[must_use]
pub fn empty_histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, HISTOGRAM_HIGH_NS, HISTOGRAM_DIGITS).expect("valid bounds")
}

impl LatencyRow {
    /// The row of a histogram: its percentiles and the name of its file. Which trial it was, the rates
    /// and the time are left at zero.
    #[must_use]
    pub fn of(
        cell_id: &str,
        loop_kind: LoopKind,
        time: TimeKind,
        histogram: &Histogram<u64>,
    ) -> LatencyRow {
        let at = |quantile| histogram.value_at_quantile(quantile);
        LatencyRow {
            panel: 0,
            cell_id: cell_id.to_owned(),
            birth: 0,
            trial: 0,
            loop_kind,
            time,
            offered_per_s: None,
            achieved_per_s: 0,
            behind: false,
            elapsed_ns: 0,
            ops: histogram.len(),
            recorded: histogram.len(),
            p50_ns: at(0.5),
            p90_ns: at(0.9),
            p99_ns: at(0.99),
            p999_ns: at(0.999),
            p9999_ns: at(0.9999),
            max_ns: histogram.max(),
            tail_ops: None,
            tail_in_resize_ops: None,
            histogram: file_name(cell_id, loop_kind, time),
        }
    }
}

fn file_name(cell_id: &str, loop_kind: LoopKind, time: TimeKind) -> String {
    let loop_kind = match loop_kind {
        LoopKind::Open => "open",
        LoopKind::Closed => "closed",
    };
    let time = match time {
        TimeKind::Response => "response",
        TimeKind::Service => "service",
    };
    format!("histograms/{cell_id}-{loop_kind}-{time}.hlog")
}

/// The tag of a trial's interval.
fn tag(trial: u32) -> String {
    format!("trial-{trial}")
}

/// Appends a trial's histogram to the log that its row names, in one write.
pub(super) fn append(
    directory: &Path,
    row: &LatencyRow,
    histogram: &Histogram<u64>,
) -> anyhow::Result<()> {
    let path = directory.join(&row.histogram);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let is_new = !path.exists();
    let lines = lines(row, histogram, is_new)?;
    let mut file = OpenOptions::new().append(true).create(true).open(&path)?;
    Ok(file.write_all(&lines)?)
}

fn lines(row: &LatencyRow, histogram: &Histogram<u64>, header: bool) -> anyhow::Result<Vec<u8>> {
    let tag = tag(row.trial);
    let mut bytes = Vec::new();
    IntervalLogWriterBuilder::new()
        .add_comment("nanoseconds; an interval a trial")
        // The column with the longest one is in milliseconds.
        .with_max_value_divisor(1e6)
        .begin_log_with(&mut bytes, &mut V2DeflateSerializer::new())?
        .write_histogram(
            histogram,
            Duration::ZERO,
            Duration::from_nanos(row.elapsed_ns),
            Tag::new(&tag),
        )
        .map_err(|error| anyhow::anyhow!("{error:?}"))?;
    if !header {
        // The interval is the last line.
        let end = bytes.len() - 1;
        let header = bytes[..end]
            .iter()
            .rposition(|&b| b == b'\n')
            .map_or(0, |at| at + 1);
        bytes.drain(..header);
    }
    Ok(bytes)
}

/// The histograms that the rows name, trials added up. Intervals of trials that have no row were cut
/// off by a kill and do not count; nor does a last line that was cut short.
pub(super) fn read(
    directory: &Path,
    rows: &[LatencyRow],
    dropped_lines: &mut u32,
) -> Result<Vec<LatencyHistogram>, ReadError> {
    let mut files: BTreeMap<&str, Vec<&LatencyRow>> = BTreeMap::new();
    for row in rows {
        files.entry(&row.histogram).or_default().push(row);
    }
    let mut histograms = Vec::new();
    for (name, rows) in files {
        let path = directory.join(name);
        let mut bytes = read_file(&path)?;
        let whole = bytes
            .iter()
            .rposition(|&b| b == b'\n')
            .map_or(0, |at| at + 1);
        *dropped_lines += u32::from(whole < bytes.len());
        bytes.truncate(whole);
        let wanted: Vec<String> = rows.iter().map(|row| tag(row.trial)).collect();
        let histogram = sum(&bytes, &wanted).map_err(|why| {
            let error = io::Error::new(io::ErrorKind::InvalidData, format!("{why:#}"));
            ReadError::Unreadable(path.clone(), error)
        })?;
        histograms.push(LatencyHistogram {
            cell_id: rows[0].cell_id.clone(),
            loop_kind: rows[0].loop_kind,
            time: rows[0].time,
            histogram,
        });
    }
    Ok(histograms)
}

/// Takes the intervals of trials that have no row out of all logs, and logs without any row away: a
/// trial that is measured again must not count twice.
pub(super) fn keep_only(directory: &Path, rows: &[LatencyRow]) -> anyhow::Result<()> {
    let folder = directory.join("histograms");
    if !folder.exists() {
        return Ok(());
    }
    for entry in fs::read_dir(&folder)? {
        let path = entry?.path();
        let is_of = |row: &&LatencyRow| path.file_name() == Path::new(&row.histogram).file_name();
        let wanted: Vec<String> = rows
            .iter()
            .filter(is_of)
            .map(|row| tag(row.trial))
            .collect();
        if wanted.is_empty() {
            fs::remove_file(&path)?;
            continue;
        }
        let log = fs::read(&path)?;
        let kept: Vec<u8> = log
            .split_inclusive(|&b| b == b'\n')
            .filter(|line| line.ends_with(b"\n") && is_header_or_of(line, &wanted))
            .flatten()
            .copied()
            .collect();
        replace(&path, &kept)?;
    }
    Ok(())
}

/// Appends the intervals of a log in one run's directory to the same log in another's, trials under new numbers; those that
/// get none are left out.
pub(super) fn copy(
    (from, to): (&Path, &Path),
    name: &str,
    renumbered: impl Fn(u32) -> Option<u32>,
) -> anyhow::Result<()> {
    let log = read_file(&from.join(name))?;
    let path = to.join(name);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let is_new = !path.exists();
    let mut lines = Vec::new();
    for line in log
        .split_inclusive(|&b| b == b'\n')
        .filter(|line| line.ends_with(b"\n"))
    {
        let Some(tagged) = line.strip_prefix(b"Tag=trial-") else {
            if is_new {
                lines.extend_from_slice(line);
            }
            continue;
        };
        let digits = tagged
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let trial = str::from_utf8(&tagged[..digits])
            .ok()
            .and_then(|text| text.parse().ok());
        if let Some(trial) = trial.and_then(&renumbered) {
            lines.extend_from_slice(format!("Tag={}", tag(trial)).as_bytes());
            lines.extend_from_slice(&tagged[digits..]);
        }
    }
    let mut file = OpenOptions::new().append(true).create(true).open(&path)?;
    Ok(file.write_all(&lines)?)
}

fn is_header_or_of(line: &[u8], wanted: &[String]) -> bool {
    let tagged = |tag: &String| line.starts_with(format!("Tag={tag},").as_bytes());
    !line.starts_with(b"Tag=") || wanted.iter().any(tagged)
}

fn sum(log: &[u8], wanted: &[String]) -> anyhow::Result<Histogram<u64>> {
    let mut all = empty_histogram();
    let mut deserializer = Deserializer::new();
    for entry in IntervalLogIterator::new(log) {
        let entry = entry.map_err(|error| anyhow::anyhow!("not a histogram log: {error:?}"))?;
        let LogEntry::Interval(interval) = entry else {
            continue;
        };
        if is_wanted(&interval, wanted) {
            let bytes = BASE64_STANDARD
                .decode(interval.encoded_histogram())
                .context("a histogram is not Base64")?;
            let one: Histogram<u64> = deserializer
                .deserialize(&mut bytes.as_slice())
                .map_err(|error| anyhow::anyhow!("not a histogram: {error:?}"))?;
            all.add(&one)
                .map_err(|error| anyhow::anyhow!("its range is another: {error:?}"))?;
        }
    }
    Ok(all)
}

fn is_wanted(interval: &IntervalLogHistogram<'_>, wanted: &[String]) -> bool {
    let tag = interval.tag();
    wanted
        .iter()
        .any(|wanted| tag.is_some_and(|tag| tag.as_str() == wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(trial: u32, histogram: &Histogram<u64>) -> LatencyRow {
        LatencyRow {
            trial,
            ..LatencyRow::of("c1", LoopKind::Open, TimeKind::Service, histogram)
        }
    }

    #[test]
    fn trials_add_up_and_what_a_kill_left_does_not_count() {
        let root = tempfile::tempdir().unwrap();
        let mut histogram = empty_histogram();
        histogram.record_n(1_000, 99_999).unwrap();
        histogram.record(HISTOGRAM_HIGH_NS).unwrap();
        let rows: Vec<LatencyRow> = (0..3).map(|trial| row(trial, &histogram)).collect();
        for row in &rows {
            append(root.path(), row, &histogram).unwrap();
        }
        let mut dropped = 0;
        let read_back = read(root.path(), &rows[..2], &mut dropped).unwrap();
        assert_eq!((read_back.len(), dropped), (1, 0));
        assert_eq!(read_back[0].histogram.len(), 200_000);
        assert_eq!(read_back[0].histogram.value_at_quantile(0.5), 1_000);
        let max = read_back[0].histogram.max();
        assert!(
            max.abs_diff(HISTOGRAM_HIGH_NS) <= HISTOGRAM_HIGH_NS / 1000,
            "{max}"
        );

        // What is measured again after a kill counts once.
        keep_only(root.path(), &rows[..1]).unwrap();
        let kept = read(root.path(), &rows[..1], &mut dropped).unwrap();
        assert_eq!(kept[0].histogram.len(), 100_000);
        append(root.path(), &rows[1], &histogram).unwrap();
        append(root.path(), &rows[2], &histogram).unwrap();
        assert_eq!(
            read(root.path(), &rows[..2], &mut dropped).unwrap(),
            read_back
        );

        let path = root.path().join(&rows[0].histogram);
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..whole.len() - 5]).unwrap();
        assert_eq!(
            read(root.path(), &rows[..2], &mut dropped).unwrap(),
            read_back
        );
        assert_eq!(dropped, 1);
        fs::write(&path, b"nonsense\n").unwrap();
        let error = read(root.path(), &rows, &mut dropped).unwrap_err();
        assert!(error.to_string().contains(".hlog"), "{error}");
    }
}
