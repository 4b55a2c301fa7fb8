//! The search for the highest rate at which a target keeps a limit on a percentile of its response
//! times: it doubles the rate while the target keeps the limit, halves it while it does not, and then
//! narrows the range.

use std::sync::atomic::Ordering;

use super::cell::Place;
use super::done::{Done, PanelEnd};
use super::fill::fill;
use super::latency::Measured;
use super::limit::Search;
use super::live::{Bench, Live, Stop, slice};
use super::order;
use super::process::Failure;
use super::tally::{self, Attempt};
use crate::base::PerSecond;
use crate::record::{SliceKind, SloRow};
use crate::workload::Pace;

/// The lowest rate that is tried, in operations a second.
const LOWEST: u64 = 100;

/// How close the rate that kept the limit and the one that broke it come: 5 %.
const CLOSE: f64 = 1.05;

/// Rates that may prove unkept when they are tried again before the search gives up on them all.
const CONFIRMATIONS: u32 = 8;

/// What one slice at a rate was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Probe {
    kept: bool,
    /// The percentile.
    ns: u64,
}

/// What a search found: rates with the percentile at each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Found {
    kept: Option<(u64, u64)>,
    broken: Option<(u64, u64)>,
    probes: u32,
}

/// Searches with each target of a panel, one after the other: only one table is there at a time.
pub(super) fn measure(
    place: Place<'_>,
    search: Search,
    bench: &mut Bench<'_>,
    done: &Done,
) -> anyhow::Result<PanelEnd> {
    let mut end = PanelEnd {
        errors: done.failed.len(),
        ..PanelEnd::default()
    };
    for cell in &place.panel.cells {
        if done.searched.contains(&cell.id) || done.failed.contains(&cell.id) {
            continue;
        }
        let mut live = Live::new(cell);
        match of_cell(&mut live, place, search, bench) {
            Ok(()) => {}
            Err(Stop::Run(error)) => return Err(error),
            Err(Stop::Failure(Failure::Interrupted)) => {
                end.interrupted = true;
                return Ok(end);
            }
            Err(Stop::Failure(Failure::Cell(why))) => {
                end.errors += 1;
                let row = tally::error_row(place, cell, 0, &why);
                let label = place.panel.label();
                bench
                    .watch
                    .error(&format!("{} on {label}: {}", cell.name(), row.error));
                bench.directory.trial(&row)?;
            }
        }
    }
    Ok(end)
}

fn of_cell(
    live: &mut Live<'_>,
    place: Place<'_>,
    search: Search,
    bench: &mut Bench<'_>,
) -> Result<(), Stop> {
    let cell = live.cell;
    let target = cell.name();
    bench.watch.step(place.index, &format!("filling, {target}"));
    fill(live, place, bench, false)?;
    let highest = order::highest_per_s(place.panel.threads);
    let mut round = 0;
    let found = find(search.start.0, highest, |per_s| {
        if bench.interrupted.load(Ordering::Relaxed) {
            return Err(Failure::Interrupted);
        }
        let rate = PerSecond(per_s);
        bench
            .watch
            .step(place.index, &format!("{target} at {rate}/s"));
        let pace = Pace::Rate {
            per_s: rate,
            arrival: search.arrival,
        };
        let order = order::open_loop(pace, false);
        let (sliced, watched) = slice(live, order, place.panel, bench)?;
        if let Some(why) = sliced.failed {
            return Err(Failure::Cell(why));
        }
        let attempt = Attempt::only(watched);
        let at = (0, round, 0);
        live.trial
            .add(place, cell, at, SliceKind::Paced, &sliced, attempt);
        round += 1;
        let measured = Measured::of(&sliced);
        let response = measured.as_ref().and_then(|m| m.response.as_ref());
        let (Some(measured), Some(response)) = (&measured, response) else {
            return Err(Failure::Cell("a slice brought no latencies".into()));
        };
        let ns = search.slo.of(response);
        Ok(Probe {
            kept: !measured.behind() && ns <= search.slo.limit.0,
            ns,
        })
    })?;
    bench.directory.slices(&live.trial.slices)?;
    bench
        .directory
        .trial(&live.trial.row(place, cell, 0, live.filled()))?;
    Ok(bench.directory.slo(&SloRow {
        panel: place.index,
        cell_id: cell.id.clone(),
        target: cell.params.short(),
        percentile: search.slo.percentile().to_owned(),
        limit_ns: search.slo.limit.0,
        kept_per_s: found.kept.map(|(rate, _)| rate),
        kept_ns: found.kept.map(|(_, ns)| ns),
        broken_per_s: found.broken.map(|(rate, _)| rate),
        broken_ns: found.broken.map(|(_, ns)| ns),
        probes: found.probes,
    })?)
}

/// The highest rate that is kept, between [`LOWEST`] and `highest`.
///
/// A neighbour's burst breaks a slice now and then, so a rate counts as broken only when a second
/// slice of it breaks too; and two slices kept the rate that is reported.
fn find<E>(
    start: u64,
    highest: u64,
    mut slice: impl FnMut(u64) -> Result<Probe, E>,
) -> Result<Found, E> {
    let mut found = Found::default();
    let mut probes = 0;
    let mut probe = |per_s: u64| -> Result<Probe, E> {
        probes += 1;
        let first = slice(per_s)?;
        if first.kept {
            return Ok(first);
        }
        probes += 1;
        slice(per_s)
    };
    let mut rate = start.clamp(LOWEST.min(highest), highest);
    // Doubled while it is kept, or halved until it is.
    loop {
        let at = probe(rate)?;
        if at.kept {
            found.kept = Some((rate, at.ns));
            if found.broken.is_some() || rate == highest {
                break;
            }
            rate = rate.saturating_mul(2).min(highest);
        } else {
            found.broken = Some((rate, at.ns));
            if found.kept.is_some() || rate <= LOWEST {
                break;
            }
            rate = (rate / 2).max(LOWEST);
        }
    }
    for _ in 0..CONFIRMATIONS {
        while let (Some((kept, _)), Some((broken, _))) = (found.kept, found.broken)
            && broken as f64 > kept as f64 * CLOSE
        {
            let middle = between(kept, broken);
            if middle <= kept || middle >= broken {
                break;
            }
            let at = probe(middle)?;
            if at.kept {
                found.kept = Some((middle, at.ns));
            } else {
                found.broken = Some((middle, at.ns));
            }
        }
        let Some((kept, _)) = found.kept else { break };
        let again = probe(kept)?;
        if again.kept {
            found.kept = Some((kept, again.ns));
            break;
        }
        // What broke it when it was tried again is the bound now; lower ones are to be found anew.
        found.broken = Some((kept, again.ns));
        found.kept = None;
        let mut lower = (kept - kept / 20).min(kept - 1).max(LOWEST.min(kept));
        loop {
            let at = probe(lower)?;
            if at.kept {
                found.kept = Some((lower, at.ns));
                break;
            }
            found.broken = Some((lower, at.ns));
            if lower <= LOWEST {
                break;
            }
            lower = (lower / 2).max(LOWEST);
        }
    }
    found.probes = probes;
    Ok(found)
}

/// The geometric middle, in three digits where that lies between.
fn between(low: u64, high: u64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between two u64"
    )]
    let middle = (low as f64 * high as f64).sqrt() as u64;
    let scale = 10_u64.pow(middle.max(1).ilog10().saturating_sub(2));
    let short = middle / scale * scale;
    if short > low { short } else { middle }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table that keeps its limit up to a rate, with slices that break by chance.
    fn found(start: u64, capacity: u64, broken_by_chance: &[u32]) -> Found {
        let mut count = 0;
        let slice = |per_s: u64| {
            count += 1;
            let kept = per_s <= capacity && !broken_by_chance.contains(&count);
            Ok::<_, ()>(Probe { kept, ns: per_s })
        };
        find(start, 10_000_000, slice).unwrap()
    }

    #[test]
    fn the_rate_is_found_from_below_and_from_above() {
        for start in [100, 10_000, 730_000, 5_000_000] {
            let found = found(start, 730_000, &[]);
            let ((kept, ns), (broken, _)) = (found.kept.unwrap(), found.broken.unwrap());
            assert!(kept <= 730_000 && broken > 730_000 && ns == kept);
            assert!(broken as f64 <= kept as f64 * CLOSE, "{kept} {broken}");
            assert!(found.probes < 40, "{}", found.probes);
        }
    }

    #[test]
    fn one_bad_slice_does_not_break_a_rate() {
        for bad in 1..12 {
            let found = found(10_000, 730_000, &[bad]);
            let (kept, _) = found.kept.unwrap();
            assert!((690_000..=730_000).contains(&kept), "{bad}: {kept}");
        }
    }

    #[test]
    fn the_ends_are_ends() {
        let all = found(10_000, u64::MAX, &[]);
        assert_eq!(
            (all.kept, all.broken),
            (Some((10_000_000, 10_000_000)), None)
        );
        let none = found(10_000, 50, &[]);
        assert_eq!((none.kept, none.broken), (None, Some((LOWEST, LOWEST))));
    }
}
