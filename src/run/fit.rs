//! The memory that a panel needs, and how a panel that needs too much is split.

use super::cell::{Cell, Panel, baseline};
use crate::base::BadInput;
use crate::catalog::Row;

/// Quarters of the memory at hand that a panel's tables and streams may take together.
const MEMORY_QUARTERS: u64 = 3;

/// What a child takes before it holds anything, in bytes: the program, its stacks and buffers.
const CHILD_BYTES: u64 = 16 << 20;

/// Estimates each panel's memory and splits those that do not fit, the controls and the baseline in
/// each part.
pub(super) fn split_to_fit(
    panels: Vec<Panel<'_>>,
    available: Option<u64>,
) -> Result<Vec<Panel<'_>>, BadInput> {
    let limit = available.map_or(u64::MAX, |bytes| bytes / 4 * MEMORY_QUARTERS);
    let mut fitting = Vec::new();
    for panel in panels {
        let sizes = panel
            .cells
            .iter()
            .map(|cell| {
                cell_bytes(&panel, cell).filter(|&bytes| bytes <= limit).ok_or_else(|| {
                let wanted = cell_bytes(&panel, cell)
                    .map_or("more than 2^64 bytes".to_owned(), mib);
                BadInput(format!(
                    "{} on {}: about {wanted} of memory would be needed and {} may be used ({} are \
                     available); give fewer entries, buckets or threads",
                    cell.target.short(),
                    panel.label(),
                    mib(limit),
                    mib(available.unwrap_or(0)),
                ))
            })
            })
            .collect::<Result<Vec<u64>, BadInput>>()?;
        fitting.extend(split(&panel, &sizes, limit)?);
    }
    Ok(fitting)
}

impl Panel<'_> {
    /// Bytes that the child of one of its cells is estimated to take, the streams of its threads included; `None`
    /// beyond 2^64. `bucketlab size` measures what a table takes.
    #[must_use]
    pub fn cell_bytes(&self, cell: &Cell<'_>) -> Option<u64> {
        cell_bytes(self, cell)
    }
}

fn split<'r>(panel: &Panel<'r>, sizes: &[u64], limit: u64) -> Result<Vec<Panel<'r>>, BadInput> {
    let shared = |at: usize, cell: &Cell<'_>| {
        cell.target.control() || cell.twin || panel.baseline == Some(at)
    };
    let cells = || panel.cells.iter().enumerate();
    let common: u64 = cells()
        .filter(|(at, cell)| shared(*at, cell))
        .map(|(at, _)| sizes[at])
        .sum();
    if common > limit {
        let which = panel
            .baseline
            .map_or_else(String::new, |at| panel.cells[at].target.short());
        return Err(BadInput(format!(
            "{}: {which} with its twin and the floor needs about {} of memory and {} may be used; \
             give fewer entries",
            panel.label(),
            mib(common),
            mib(limit),
        )));
    }
    let mut parts: Vec<(Vec<usize>, u64)> = vec![(Vec::new(), common)];
    for (at, _) in cells().filter(|(at, cell)| !shared(*at, cell)) {
        let (members, bytes) = parts.last_mut().expect("never empty");
        if bytes.saturating_add(sizes[at]) <= limit {
            members.push(at);
            *bytes += sizes[at];
        } else if members.is_empty() {
            return Err(BadInput(format!(
                "{}: {} and the baseline with its twin need {} together and {} may be used; give \
                 fewer entries",
                panel.label(),
                panel.cells[at].target.short(),
                mib(bytes.saturating_add(sizes[at])),
                mib(limit),
            )));
        } else {
            parts.push((vec![at], common + sizes[at]));
        }
    }
    let share = parts.len() as f64;
    Ok(parts
        .into_iter()
        .map(|(members, bytes)| {
            let kept: Vec<Cell<'r>> = cells()
                .filter(|(at, cell)| shared(*at, cell) || members.contains(at))
                .map(|(_, cell)| cell.clone())
                .collect();
            Panel {
                suite: panel.suite.clone(),
                workload: panel.workload.clone(),
                trace: panel.trace.clone(),
                threads: panel.threads,
                baseline: baseline(&kept),
                cells: kept,
                time_s: panel.time_s / share,
                precision: panel
                    .precision
                    .map(|(wanted, max_s)| (wanted, max_s / share)),
                trials: panel.trials,
                slice_ns: panel.slice_ns,
                crowd: panel.crowd,
                latency: panel.latency,
                search: panel.search,
                bytes,
                key: panel.key.clone(),
            }
        })
        .collect())
}

/// Bytes that a cell's child is estimated to take: entries with their keys, values, headers and the
/// allocator's rounding, bucket arrays (by convention: parameters named `buckets`, `stripes` and
/// `capacity`), and the streams; with those of a server that is started for it, and without those of one that is there
/// already. `None` beyond 2^64.
fn cell_bytes(panel: &Panel<'_>, cell: &Cell<'_>) -> Option<u64> {
    let workload = &panel.workload;
    let strategy = cell.target.strategy();
    let declared = |name: &str| {
        let has = |row: &Row| row.params.iter().any(|param| param.name == name);
        strategy.filter(|(row, _)| has(row))
    };
    let given = |name: &str| declared(name).map_or(0, |(_, params)| params.integer(name));
    let arrays = given("buckets")
        .checked_add(given("capacity"))?
        .checked_mul(8)?
        .checked_add(given("stripes").checked_mul(128)?)?;
    let (entries, key_bytes) = match &panel.trace {
        Some(facts) => (facts.distinct, u64::from(facts.max_key_len)),
        None => (workload.entries, 24),
    };
    let inserted = if workload.mix.insert > 0 && workload.prefill {
        workload.ops.unwrap_or(workload.entries)
    } else {
        0
    };
    let items = if cell.target.control() || cell.target.is_there_already() {
        0
    } else {
        entries.checked_add(inserted)?
    };
    // Below a load of 1 a table keeps several buckets an item, and twice that while it doubles.
    let load = declared("load").map_or(1.0, |(_, params)| params.decimal("load"));
    let buckets_per_item = (4.0 / load).ceil().clamp(1.0, 1e6);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped"
    )]
    let bucket_bytes = buckets_per_item as u64 * 8;
    let per_item = bucket_bytes + 48 + workload.planned_bytes(panel.trace.as_ref());
    let records = entries
        .max(1 << 16)
        .checked_mul(key_bytes + 12)?
        .min(64 << 20);
    items
        .checked_mul(per_item)?
        .checked_add(arrays)?
        .checked_add(records.checked_mul(u64::from(panel.threads))?)?
        .checked_add(CHILD_BYTES)
}

fn mib(bytes: u64) -> String {
    format!("{} MiB", bytes.div_ceil(1 << 20))
}
