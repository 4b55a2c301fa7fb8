//! The search for the highest rate at which a target keeps a limit on a percentile of its response
//! times: it doubles the rate while the target keeps the limit, halves it while it does not, and then
//! narrows the range.
//!
//! Beside each slice of the target, at the same rate and on the same cores, the control that stores nothing has
//! one. Where that breaks the limit too, it was the machine: the step is tried again, a few times, and then
//! the rate is undecided. A table's place in memory is luck, so the search is done with several births of it.

use std::sync::atomic::Ordering;

use super::cell::{Cell, Place};
use super::controls::floor_of;
use super::done::{Done, PanelEnd};
use super::estimate::SEARCHED_BIRTHS;
use super::fill::{await_filled, begin_filling};
use super::latency::Measured;
use super::limit::Search;
use super::live::{Bench, Live, Stop, slice};
use super::order;
use super::process::Failure;
use super::tally::{self, Attempt};
use crate::base::{PerSecond, whole};
use crate::record::{SliceKind, SloRow};
use crate::workload::Pace;

/// The lowest rate that is tried, in operations a second.
const LOWEST: u64 = 100;

/// How close the rate that kept the limit and the one that broke it come: 5 %.
const CLOSE: f64 = 1.05;

/// Rates that may prove unkept when they are tried again before the search gives up on them all.
const CONFIRMATIONS: u32 = 8;

/// How often one step is tried before the machine leaves it undecided.
const TRIES: u32 = 5;

/// By how much the first birth's rate is raised or lowered at a time.
const FIRST_STEP: f64 = 2.0;

/// The same of the births that follow, which start where the one before ended; it grows as long as it leads on.
const LATER_STEP: f64 = 1.1;

/// What one step at a rate came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// The target kept the limit.
    Kept,
    /// It did not, and the floor did.
    Broken,
    /// Neither did: it was the machine.
    Undecided,
}

/// What one slice at a rate was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Probe {
    answer: Answer,
    /// The percentile.
    ns: u64,
    /// The floor's at that rate.
    floor_ns: u64,
}

impl Probe {
    /// The answer, of the target's slice and the one of the floor beside it: whether each kept the limit.
    fn answer(target: bool, floor: bool) -> Answer {
        match (target, floor) {
            (true, _) => Answer::Kept,
            (false, true) => Answer::Broken,
            (false, false) => Answer::Undecided,
        }
    }

    fn is_kept(self) -> bool {
        self.answer == Answer::Kept
    }
}

/// What a search found: rates with what was seen at each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Found {
    kept: Option<(u64, Probe)>,
    /// The lowest rate above it that was not kept: broken, or undecided.
    above: Option<(u64, Probe)>,
    probes: u32,
    /// Those of them that were tried again because of the machine.
    again: u32,
}

impl Found {
    /// Takes in what the kept rate came to when it was tried again: kept once more, or else it is the bound and
    /// none is kept. Says whether it was kept.
    fn tried_again(&mut self, rate: u64, again: Probe) -> bool {
        if again.is_kept() {
            self.kept = Some((rate, again));
        } else {
            self.kept = None;
            self.above = Some((rate, again));
        }
        again.is_kept()
    }
}

/// Searches with each target of a panel, one after the other: only one table is there at a time, and the
/// floor.
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
    let targets = place
        .panel
        .cells
        .iter()
        .filter(|cell| !cell.target.control());
    for (number, cell) in (0..).zip(targets) {
        if done.searched.contains(&cell.id) || done.failed.contains(&cell.id) {
            continue;
        }
        match of_cell(cell, number, place, search, bench) {
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

/// All births of a target; its rates are written when the last has ended.
fn of_cell(
    cell: &Cell<'_>,
    number: u32,
    place: Place<'_>,
    search: Search,
    bench: &mut Bench<'_>,
) -> Result<(), Stop> {
    let Some(floor) = floor_of(place.panel, cell) else {
        return Err(Failure::Cell("there is no floor beside it".into()).into());
    };
    let mut rows: Vec<SloRow> = Vec::new();
    for birth in 0..SEARCHED_BIRTHS {
        let place = Place { birth, ..place };
        let start = match rows.last() {
            None => (search.start.0, FIRST_STEP),
            Some(row) => (row.kept_per_s.unwrap_or(search.start.0), LATER_STEP),
        };
        let mut side = Side {
            target: Live::new(cell),
            floor: Live::new(floor),
            trials: [birth, number * SEARCHED_BIRTHS + birth],
            round: 0,
        };
        let found = side.search(start, place, search, bench)?;
        side.end(place, bench)?;
        rows.push(row(&found, place, cell, search));
    }
    for row in &rows {
        bench.directory.slo(row)?;
    }
    Ok(())
}

/// A target and the floor beside it.
struct Side<'p> {
    target: Live<'p>,
    floor: Live<'p>,
    /// The trial that it is of each.
    trials: [u32; 2],
    round: u32,
}

impl Side<'_> {
    fn search(
        &mut self,
        (start, step): (u64, f64),
        place: Place<'_>,
        search: Search,
        bench: &mut Bench<'_>,
    ) -> Result<Found, Stop> {
        let target = self.target.cell.name();
        bench.watch.step(place.index, &format!("filling, {target}"));
        for live in [&mut self.target, &mut self.floor] {
            begin_filling(live, place, bench, false)?;
        }
        for live in [&mut self.target, &mut self.floor] {
            await_filled(live, place, bench)?;
        }
        let highest = order::highest_per_s(place.panel.threads);
        Ok(find((start, step), highest, |per_s| {
            if bench.interrupted.load(Ordering::Relaxed) {
                return Err(Failure::Interrupted);
            }
            let rate = PerSecond(per_s);
            let birth = place.birth + 1;
            let step = format!("{target} at {rate}/s, birth {birth} of {SEARCHED_BIRTHS}");
            bench.watch.step(place.index, &step);
            let pace = Pace::Rate {
                per_s: rate,
                arrival: search.arrival,
            };
            self.probe(pace, place, search, bench)
        })?)
    }

    /// A slice of both at a rate: of the floor first, and in the next step last.
    fn probe(
        &mut self,
        pace: Pace,
        place: Place<'_>,
        search: Search,
        bench: &mut Bench<'_>,
    ) -> Result<Probe, Failure> {
        let floor_first = self.round.is_multiple_of(2);
        let [target_trial, floor_trial] = self.trials;
        let mut of = |live: &mut Live<'_>, trial: u32, first: bool| {
            let at = (trial, self.round, u32::from(!first));
            one_slice(live, pace, at, place, search, bench)
        };
        let (target, floor) = if floor_first {
            let floor = of(&mut self.floor, floor_trial, true)?;
            (of(&mut self.target, target_trial, false)?, floor)
        } else {
            let target = of(&mut self.target, target_trial, true)?;
            (target, of(&mut self.floor, floor_trial, false)?)
        };
        self.round += 1;
        Ok(Probe {
            answer: Probe::answer(target.kept, floor.kept),
            ns: target.ns,
            floor_ns: floor.ns,
        })
    }

    /// Writes the slices and the trials of both.
    fn end(&mut self, place: Place<'_>, bench: &mut Bench<'_>) -> Result<(), Stop> {
        for (live, trial) in [&mut self.target, &mut self.floor]
            .into_iter()
            .zip(self.trials)
        {
            bench.directory.slices(&live.trial.slices)?;
            let row = live.trial.row(place, live.cell, trial, live.filled());
            bench.directory.trial(&row)?;
        }
        Ok(())
    }
}

/// What one slice of one of the two was.
struct Seen {
    kept: bool,
    ns: u64,
}

fn one_slice(
    live: &mut Live<'_>,
    pace: Pace,
    at: (u32, u32, u32),
    place: Place<'_>,
    search: Search,
    bench: &mut Bench<'_>,
) -> Result<Seen, Failure> {
    let (sliced, watched) = slice(live, order::open_loop(pace, false), place.panel, bench)?;
    if let Some(why) = sliced.failed {
        return Err(Failure::Cell(why));
    }
    let attempt = Attempt::only(watched);
    let cell = live.cell;
    live.trial
        .add(place, cell, at, SliceKind::Paced, &sliced, attempt);
    let measured = Measured::of(&sliced);
    let response = measured.as_ref().and_then(|m| m.response.as_ref());
    let (Some(measured), Some(response)) = (&measured, response) else {
        return Err(Failure::Cell("a slice brought no latencies".into()));
    };
    let ns = search.slo.of(response);
    Ok(Seen {
        kept: !measured.behind() && ns <= search.slo.limit.0,
        ns,
    })
}

fn row(found: &Found, place: Place<'_>, cell: &Cell<'_>, search: Search) -> SloRow {
    let above = |answer: Answer| found.above.filter(|(_, probe)| probe.answer == answer);
    let (broken, undecided) = (above(Answer::Broken), above(Answer::Undecided));
    SloRow {
        panel: place.index,
        cell_id: cell.id.clone(),
        target: cell.target.short(),
        percentile: search.slo.percentile().to_owned(),
        limit_ns: search.slo.limit.0,
        kept_per_s: found.kept.map(|(rate, _)| rate),
        kept_ns: found.kept.map(|(_, probe)| probe.ns),
        broken_per_s: broken.map(|(rate, _)| rate),
        broken_ns: broken.map(|(_, probe)| probe.ns),
        probes: found.probes,
        birth: place.birth,
        kept_floor_ns: found.kept.map(|(_, probe)| probe.floor_ns),
        undecided_per_s: undecided.map(|(rate, _)| rate),
        undecided_floor_ns: undecided.map(|(_, probe)| probe.floor_ns),
        tried_again: found.again,
    }
}

/// The highest rate that is kept, between [`LOWEST`] and `highest`, from a rate on that is raised or lowered
/// by a factor of `step`.
///
/// A neighbour's burst breaks a slice now and then, so a rate counts as broken only when a second
/// slice of it breaks too; and two slices kept the rate that is reported. A rate that the machine leaves
/// undecided bounds the search like one that is broken, and the result names it as undecided.
fn find<E>(
    (start, step): (u64, f64),
    highest: u64,
    mut slice: impl FnMut(u64) -> Result<Probe, E>,
) -> Result<Found, E> {
    let mut found = Found::default();
    let (mut probes, mut again) = (0, 0);
    let mut probe = |per_s: u64| -> Result<Probe, E> {
        let mut was_broken = false;
        let mut at = slice(per_s)?;
        for tries in 1.. {
            probes += 1;
            let is_broken = at.answer == Answer::Broken;
            if at.is_kept() || is_broken && was_broken {
                break;
            }
            if tries >= TRIES {
                at.answer = Answer::Undecided;
                break;
            }
            was_broken |= is_broken;
            again += u32::from(!is_broken);
            at = slice(per_s)?;
        }
        Ok(at)
    };
    let mut rate = start.clamp(LOWEST.min(highest), highest);
    let mut step = step;
    // Raised while it is kept, or lowered until it is.
    loop {
        let at = probe(rate)?;
        if at.is_kept() {
            found.kept = Some((rate, at));
            if found.above.is_some() || rate == highest {
                break;
            }
            rate = whole(rate as f64 * step).max(rate + 1).min(highest);
        } else {
            found.above = Some((rate, at));
            if found.kept.is_some() || rate <= LOWEST {
                break;
            }
            rate = whole(rate as f64 / step).max(LOWEST);
        }
        step = (step * step).min(FIRST_STEP);
    }
    let mut is_confirmed = false;
    for _ in 0..CONFIRMATIONS {
        while let (Some((kept, _)), Some((above, _))) = (found.kept, found.above)
            && above as f64 > kept as f64 * CLOSE
        {
            let middle = between(kept, above);
            if middle <= kept || middle >= above {
                break;
            }
            let at = probe(middle)?;
            if at.is_kept() {
                found.kept = Some((middle, at));
            } else {
                found.above = Some((middle, at));
            }
        }
        let Some((kept, _)) = found.kept else { break };
        let again = probe(kept)?;
        is_confirmed = found.tried_again(kept, again);
        if is_confirmed || kept <= LOWEST {
            break;
        }
        // Lower ones are to be found anew.
        let mut lower = (kept - kept / 20).min(kept - 1).max(LOWEST);
        loop {
            let at = probe(lower)?;
            if at.is_kept() {
                found.kept = Some((lower, at));
                break;
            }
            found.above = Some((lower, at));
            if lower <= LOWEST {
                break;
            }
            lower = (lower / 2).max(LOWEST);
        }
    }
    // The last round may leave a rate that was kept once only.
    if let Some((kept, _)) = found.kept.filter(|_| !is_confirmed) {
        let again = probe(kept)?;
        found.tried_again(kept, again);
    }
    (found.probes, found.again) = (probes, again);
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

    fn searched(start: (u64, f64), mut answer: impl FnMut(u64, u32) -> Answer) -> Found {
        let mut count = 0;
        let slice = |per_s: u64| {
            count += 1;
            let answer = answer(per_s, count);
            Ok::<_, ()>(Probe {
                answer,
                ns: per_s,
                floor_ns: 1,
            })
        };
        find(start, 10_000_000, slice).unwrap()
    }

    /// A table that keeps its limit up to a rate, with slices that break by chance.
    fn found(start: u64, capacity: u64, broken_by_chance: &[u32]) -> Found {
        searched((start, FIRST_STEP), |per_s, count| {
            let kept = per_s <= capacity && !broken_by_chance.contains(&count);
            Probe::answer(kept, true)
        })
    }

    #[test]
    fn the_rate_is_found_from_below_and_from_above() {
        for step in [FIRST_STEP, LATER_STEP] {
            for start in [100, 10_000, 730_000, 5_000_000] {
                let found = searched((start, step), |per_s, _| {
                    Probe::answer(per_s <= 730_000, true)
                });
                let ((kept, at), (broken, above)) = (found.kept.unwrap(), found.above.unwrap());
                assert!(kept <= 730_000 && broken > 730_000 && at.ns == kept);
                assert_eq!(above.answer, Answer::Broken);
                assert!(broken as f64 <= kept as f64 * CLOSE, "{kept} {broken}");
                assert!(found.probes < 40 && found.again == 0, "{}", found.probes);
            }
        }
    }

    #[test]
    fn a_birth_that_starts_where_the_last_one_ended_has_few_steps() {
        for capacity in [680_000, 730_000, 780_000] {
            let found = searched((730_000, LATER_STEP), |per_s, _| {
                Probe::answer(per_s <= capacity, true)
            });
            assert!(found.kept.unwrap().0 <= capacity);
            assert!(found.probes <= 12, "{capacity}: {}", found.probes);
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
        assert_eq!(all.kept.unwrap().0, 10_000_000);
        assert_eq!(all.above, None);
        let none = found(10_000, 50, &[]);
        assert_eq!((none.kept, none.above.unwrap().0), (None, LOWEST));
    }

    #[test]
    fn a_rate_that_is_kept_once_only_is_not_reported() {
        use std::collections::BTreeMap;
        // Each rate is kept when it is tried first, and never again; from 10 thousand on down there are more of
        // them than the search confirms.
        for start in [10_000, LOWEST] {
            let mut seen: BTreeMap<u64, u32> = BTreeMap::new();
            let once = searched((start, LATER_STEP), |per_s, _| {
                let tries = seen.entry(per_s).or_default();
                *tries += 1;
                Probe::answer(*tries == 1, true)
            });
            let (bound, at) = once.above.unwrap();
            assert_eq!((once.kept, at.answer), (None, Answer::Broken), "{start}");
            assert_eq!(seen[&bound], 3, "kept, then broken twice");
        }
        // The lowest rate is kept once and broken when it is tried again; a later try must not count as the second.
        let mut tries = 0;
        let lowest = searched((LOWEST, FIRST_STEP), |per_s, _| {
            tries += u32::from(per_s == LOWEST);
            Probe::answer(per_s == LOWEST && !(2..=3).contains(&tries), true)
        });
        assert_eq!((lowest.kept, lowest.above.unwrap().0), (None, LOWEST));
    }

    #[test]
    fn what_the_floor_breaks_too_is_tried_again_and_then_undecided() {
        assert_eq!(Probe::answer(true, false), Answer::Kept);
        assert_eq!(Probe::answer(false, true), Answer::Broken);
        assert_eq!(Probe::answer(false, false), Answer::Undecided);
        // A machine that is busy in four slices of five costs slices, and no rate.
        let busy = searched((10_000, FIRST_STEP), |per_s, count| {
            Probe::answer(per_s <= 730_000 && count % 5 == 0, count % 5 == 0)
        });
        let (kept, _) = busy.kept.unwrap();
        assert!((690_000..=730_000).contains(&kept), "{kept}");
        assert!(busy.again > busy.probes / 2, "{busy:?}");
        // One that never lets 100 thousand through leaves that undecided, after a few tries, not broken.
        let mut tried = 0;
        let never = searched((10_000, FIRST_STEP), |per_s, _| {
            tried += u32::from(per_s == 160_000);
            Probe::answer(per_s <= 100_000, per_s <= 100_000)
        });
        let ((kept, _), (above, at)) = (never.kept.unwrap(), never.above.unwrap());
        assert!(kept <= 100_000 && above > 100_000);
        assert_eq!((at.answer, tried), (Answer::Undecided, TRIES));
        // Broken once and undecided ever after is undecided.
        let once = searched((LOWEST, FIRST_STEP), |_, count| {
            Probe::answer(false, count == 1)
        });
        assert_eq!(once.kept, None);
        assert_eq!(once.above.unwrap().1.answer, Answer::Undecided);
        assert_eq!(once.probes, TRIES);
    }
}
