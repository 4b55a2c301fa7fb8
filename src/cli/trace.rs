//! `bucketlab trace`: what a trace is.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use serde_json::{Value, json};

use super::args::Trace;
use super::formats::Format;
use super::output;
use super::stdin::Spooled;
use crate::base::counted;
use crate::report::{FittedLine, Table, popularity};
use crate::workload::{
    FirstRows, SizeFacts, TraceFacts, TraceOp, TraceProfile, TraceSource, convert,
};

/// How many requests are shown as they are understood.
const FIRST_ROWS: usize = 3;

pub(super) fn trace(args: &Trace) -> anyhow::Result<ExitCode> {
    let spooled = Spooled::of(&args.file)?;
    described(args, spooled.text()).map_err(|error| spooled.named(error))
}

/// Converts the trace, or says what it is.
fn described(args: &Trace, text: &str) -> anyhow::Result<ExitCode> {
    let source = TraceSource {
        oversize: args.oversize,
        ..TraceSource::parse(text, args.lenient)?
    };
    if let Some(to) = &args.convert {
        return converted(&source, to, args.format);
    }
    let profile = TraceProfile::read(&source)?;
    let first = source.first_rows(FIRST_ROWS)?;
    // That there is no chart is a failure, but not before the figures are shown.
    let chart = write_chart(args, &source, &profile);
    let text = match args.format {
        Format::Table => as_text(&source, &profile, &first),
        Format::Json => {
            let json = as_json(&source, &profile, &first, chart.as_deref().ok());
            format!("{}\n", serde_json::to_string_pretty(&json)?)
        }
    };
    output::print(&text)?;
    let chart = chart?;
    if args.format == Format::Table {
        output::print_path(&chart)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes the trace in format `compact`, and says what was written and what was not.
fn converted(source: &TraceSource, to: &Path, format: Format) -> anyhow::Result<ExitCode> {
    let converted = convert(source, to)?;
    let facts = TraceFacts {
        left_out: converted.left_out,
        ..TraceFacts::default()
    };
    let notes = facts.notes_in_words();
    let each = converted.bytes as f64 / converted.requests as f64;
    if format == Format::Json {
        let json = json!({
            "trace": source.name(),
            "format": source.format,
            "requests": converted.requests,
            "bytes": converted.bytes,
            "notes": notes,
            "file": to.display().to_string(),
        });
        output::print(&format!("{}\n", serde_json::to_string_pretty(&json)?))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut text = format!(
        "{} ({}): {} in {}, {each:.1} a request\n",
        source.name(),
        source.format,
        counted(converted.requests, "request"),
        counted(converted.bytes, "byte")
    );
    for note in notes {
        let _ = writeln!(text, "note: {note}");
    }
    output::print(&text)?;
    output::print_path(to)?;
    Ok(ExitCode::SUCCESS)
}

/// Writes the chart and returns its path.
fn write_chart(
    args: &Trace,
    source: &TraceSource,
    profile: &TraceProfile,
) -> anyhow::Result<PathBuf> {
    let name = source.name();
    let points: Vec<(u64, u64)> = (1..).zip(profile.popularity.iter().copied()).collect();
    let fit = profile.zipf.map(|fit| FittedLine {
        exponent: fit.exponent,
        first: fit.first,
        last_rank: fit.last_rank,
    });
    let svg = popularity(&name, &points, fit).context("the chart could not be drawn")?;
    std::fs::create_dir_all(&args.out)
        .with_context(|| format!("directory '{}' cannot be made", args.out.display()))?;
    let path = args.out.join(format!("popularity-{name}.svg"));
    std::fs::write(&path, svg)
        .with_context(|| format!("chart '{}' cannot be written", path.display()))?;
    Ok(path)
}

/// Operations that occur, the most frequent first.
fn mix(profile: &TraceProfile) -> Vec<(TraceOp, u64)> {
    let mut ops: Vec<(TraceOp, u64)> = TraceOp::ALL
        .into_iter()
        .map(|op| (op, profile.facts.of(op)))
        .filter(|(_, count)| *count > 0)
        .collect();
    ops.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    ops
}

fn as_text(source: &TraceSource, profile: &TraceProfile, first: &FirstRows) -> String {
    let facts = &profile.facts;
    let percent = |part: u64, of: u64| format!("{:.1} %", part as f64 * 100.0 / of as f64);
    let sizes = |sizes: &SizeFacts| {
        format!(
            "{} to {} B, mean {:.1}, median {}, 99th percentile {}",
            sizes.min, sizes.max, sizes.mean, sizes.median, sizes.p99
        )
    };
    let ops: Vec<String> = mix(profile)
        .into_iter()
        .map(|(op, count)| format!("{} {}", op.name(), percent(count, facts.requests)))
        .collect();
    let ones = profile.one_hit_wonders;
    let mut lines = vec![
        ("trace", format!("{} ({})", source.name(), source.format)),
        ("first requests", first.requests.join("; ")),
        ("requests", facts.requests.to_string()),
        ("distinct keys", facts.distinct.to_string()),
        ("operations", ops.join(", ")),
        ("key sizes", sizes(&profile.key_bytes)),
        (
            "value sizes",
            profile
                .value_bytes
                .as_ref()
                .map_or("the format does not say".to_owned(), sizes),
        ),
        (
            "one-hit wonders",
            format!(
                "{ones}: {} of the keys, {} of the requests",
                percent(ones, facts.distinct),
                percent(ones, facts.requests)
            ),
        ),
        (
            "zipf exponent",
            profile
                .zipf
                .map_or("no law: too few keys, or all alike".to_owned(), |fit| {
                    format!(
                        "{:.3} (least squares of ln count over ln rank, ranks 1 to {}, R² {:.3})",
                        fit.exponent, fit.last_rank, fit.r_squared
                    )
                }),
        ),
    ];
    if let Some(reading) = &first.reading {
        lines.insert(1, ("read as", reading.clone()));
    }
    if profile.span_s > 0 {
        lines.push(("time", format!("{} s", profile.span_s)));
    }
    let pairs = lines.into_iter();
    let table = Table::of_pairs(pairs.map(|(name, value)| (name.to_owned(), value)));
    let mut text = table.lines(output::width(), output::colour()).join("\n") + "\n";
    for note in facts.notes_in_words() {
        let _ = writeln!(text, "note: {note}");
    }
    text
}

fn as_json(
    source: &TraceSource,
    profile: &TraceProfile,
    first: &FirstRows,
    chart: Option<&Path>,
) -> Value {
    let facts = &profile.facts;
    let sizes = |sizes: &SizeFacts| {
        json!({
            "min": sizes.min, "max": sizes.max, "mean": sizes.mean, "median": sizes.median,
            "p99": sizes.p99,
        })
    };
    let ops: serde_json::Map<String, Value> = mix(profile)
        .into_iter()
        .map(|(op, count)| (op.name().to_owned(), json!(count)))
        .collect();
    let notes: Vec<Value> = facts
        .notes()
        .into_iter()
        .map(|(requests, note)| json!({ "requests": requests, "note": note }))
        .collect();
    json!({
        "trace": source.name(),
        "format": source.format,
        "reading": first.reading,
        "first_requests": first.requests,
        "requests": facts.requests,
        "distinct_keys": facts.distinct,
        "operations": ops,
        "key_bytes": sizes(&profile.key_bytes),
        "value_bytes": profile.value_bytes.as_ref().map(sizes),
        "one_hit_wonders": profile.one_hit_wonders,
        "zipf": profile.zipf.map(|fit| json!({
            "exponent": fit.exponent,
            "first": fit.first,
            "last_rank": fit.last_rank,
            "r_squared": fit.r_squared,
        })),
        "span_s": profile.span_s,
        "with_ttl": facts.with_ttl,
        "other_operations": facts.left_out.others,
        "skipped": facts.left_out.skipped,
        "backwards": facts.left_out.backwards,
        "clamped": facts.left_out.clamped,
        "oversized": facts.left_out.oversized,
        "notes": notes,
        "chart": chart.map(|chart| chart.display().to_string()),
    })
}
