//! One panel measured: its tables alive together, their slices dealt alternately.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::cell::Place;
use super::deal::Dealer;
use super::done::{Done, PanelEnd};
use super::estimate::MOST_BIRTHS;
use super::fill::{await_filled, begin_filling};
use super::live::{Bench, Live, Stop, ask, out_of_turn, slice};
use super::order;
use super::process::Failure;
use super::tally::{self, Attempt};
use crate::analysis;
use crate::bench::{CensusReply, Cut, Memory, Reply, Request, SliceOrder, ThreadSlice};
use crate::record::{LatencyRow, SliceKind, SliceRow, TimeKind, TrialRow};

/// Every so many rounds the floor also hashes its stream without looking anything up.
const HASH_ROUNDS: u32 = 3;

/// The least births of a panel that ends as soon as it is precise: an interval over fewer knows too
/// little of what differs from birth to birth.
const LEAST_BIRTHS: u32 = 4;

/// How often a trial at a pace is dealt again because of the machine.
const MOST_AGAIN: u32 = 2;

/// The least trials of a pass: an interval needs some.
const LEAST_PASSES: u32 = 3;

/// A panel while it is measured.
struct Measuring<'m, 'b, 'p> {
    place: Place<'p>,
    bench: &'m mut Bench<'b>,
    cells: Vec<Live<'p>>,
    dealer: Dealer,
    end: PanelEnd,
    trial: u32,
    round: u32,
    /// Time in slices so far.
    spent: Duration,
}

/// Measures a panel. Failures of cells become error rows; an error is one of the run's own.
///
/// A table's place in memory is luck, and it lasts as long as the table. So a panel is born more
/// than once where filling its tables takes little of its time, each birth with its share of it.
///
/// What is `done` is not done again; the order of the rounds is that of a run that went through.
pub(super) fn measure(
    place: Place<'_>,
    bench: &mut Bench<'_>,
    done: &Done,
) -> anyhow::Result<PanelEnd> {
    let mut cells: Vec<Live<'_>> = place.panel.cells.iter().map(Live::new).collect();
    for live in &mut cells {
        live.failed = done.failed.contains(&live.cell.id);
        live.census_written = done.counted.contains(&live.cell.id);
    }
    let mut dealer = Dealer::new(cells.len(), place.seed ^ u64::from(place.index));
    let round = done.trials * place.panel.slices();
    for _ in 0..round {
        dealer.round();
    }
    let mut measuring = Measuring {
        place,
        bench,
        cells,
        dealer,
        end: PanelEnd {
            errors: done.failed.len(),
            ..PanelEnd::default()
        },
        trial: done.trials,
        round,
        spent: done.spent,
    };
    measuring.bench.kept.clone_from(&done.slices);
    let births = place.panel.births();
    let mut birth = done.birth;
    loop {
        // Those that are only there to use the time end with it.
        let planned = birth < births && (birth < MOST_BIRTHS || !measuring.is_enough(1.0));
        if measuring.is_over() || !(planned || measuring.seeks()) {
            break;
        }
        measuring.place.birth = birth;
        measuring.bench.lone.begin(measuring.place);
        let share = f64::from(birth + 1) / f64::from(births);
        let was_begun = done.trials > 0 && birth == done.birth;
        if !(was_begun && measuring.is_enough(share)) {
            measuring.one_birth(share)?;
        }
        birth += 1;
        if birth >= LEAST_BIRTHS && measuring.is_precise() {
            break;
        }
    }
    if done.trials == 0 {
        measuring.for_each("counting slices", |live, place, _| has_a_rate(live, place))?;
    }
    let mut end = measuring.end;
    end.precision = place.panel.precision.and_then(|_| measuring.precision());
    Ok(end)
}

impl Measuring<'_, '_, '_> {
    /// Fills all tables and measures until this much of the panel's time or trials is used.
    fn one_birth(&mut self, share: f64) -> anyhow::Result<()> {
        for live in &mut self.cells {
            live.process = None;
        }
        let mut born = false;
        loop {
            if !born || self.place.panel.is_pass() {
                // All at once: filled one after the other, tables that come late get other memory
                // than those before them, and at 10^6 entries do a third more operations.
                self.for_each("filling", |live, place, bench| {
                    begin_filling(live, place, bench, born)
                })?;
                self.for_each("filling", await_filled)?;
                if !born && self.place.panel.latency {
                    let slots = (self.trial, self.round, 0);
                    self.for_each("sampling latencies", |live, place, bench| {
                        let order = order::closed_loop();
                        let kind = SliceKind::Sampled;
                        latency_slice(live, place, bench, order, (kind, slots))
                            .map_err(Stop::Failure)
                    })?;
                }
                born = true;
            }
            let took = self.deal_trial()?;
            self.spent += took;
            if self.end.interrupted {
                // A trial that was cut short has no row.
                return Ok(());
            }
            let trial = self.trial;
            self.for_each("counting", |live, place, bench| {
                end_trial(live, place, bench, trial)
            })?;
            self.trial += 1;
            if self.is_over() || self.is_enough(share) {
                return Ok(());
            }
        }
    }

    /// The rounds of a trial, and the time that they took. At a pace they are dealt again, a few times, where a
    /// target fell behind and the floor beside it broke too: then it was the machine.
    fn deal_trial(&mut self) -> anyhow::Result<Duration> {
        let mut tried = 0;
        loop {
            let began = Instant::now();
            self.bench.lone.take_looking();
            for part in 0..self.place.panel.slices() {
                self.deal(part)?;
            }
            if tried == MOST_AGAIN || self.end.interrupted || !self.is_undecided() {
                let looking = self.bench.lone.take_looking();
                return Ok(began.elapsed().saturating_sub(looking));
            }
            tried += 1;
            for live in &mut self.cells {
                live.trial.try_again();
            }
        }
    }

    /// Whether the trial at hand, at a pace, has a target that fell behind while the floor broke. A pass has
    /// changed its table, and cannot be done over.
    fn is_undecided(&self) -> bool {
        let panel = self.place.panel;
        if panel.workload.pace.is_none() || panel.is_pass() {
            return false;
        }
        let any = |control: bool, says: fn(&LatencyRow) -> bool| {
            let cells = self.cells.iter().filter(|live| !live.cell.twin);
            let mut rows = cells
                .filter(|live| live.cell.target.control() == control)
                .flat_map(|live| &live.trial.latencies);
            rows.any(|(row, _)| row.time == TimeKind::Response && says(row))
        };
        any(true, LatencyRow::tells_of_the_machine) && any(false, |row| row.behind)
    }

    /// One round: a slice for each cell that is left.
    fn deal(&mut self, part: u32) -> anyhow::Result<()> {
        let order = self.dealer.round().to_vec();
        self.bench.lone.choose();
        for (position, at) in (0..).zip(order) {
            let slots = (self.trial, self.round, position);
            self.work(at, &format!("trial {}", slots.0), |live, place, bench| {
                one_slice(live, place, bench, part, slots).map_err(Stop::Failure)
            })?;
        }
        self.round += 1;
        Ok(())
    }

    fn for_each(
        &mut self,
        what: &str,
        mut step: impl FnMut(&mut Live<'_>, Place<'_>, &mut Bench<'_>) -> Result<(), Stop>,
    ) -> anyhow::Result<()> {
        (0..self.cells.len()).try_for_each(|at| self.work(at, what, &mut step))
    }

    /// Does a step of one cell's work; a cell that fails leaves an error row and is out.
    fn work(
        &mut self,
        at: usize,
        what: &str,
        step: impl FnOnce(&mut Live<'_>, Place<'_>, &mut Bench<'_>) -> Result<(), Stop>,
    ) -> anyhow::Result<()> {
        // Slices are shorter than the patience of a request, so the flag is looked at here too.
        self.end.interrupted |= self.bench.interrupted.load(Ordering::Relaxed);
        let live = &mut self.cells[at];
        if live.failed || self.end.interrupted {
            return Ok(());
        }
        let cell = live.cell.name();
        self.bench
            .watch
            .step(self.place.index, &format!("{what}, {cell}"));
        match step(live, self.place, self.bench) {
            Ok(()) => Ok(()),
            Err(Stop::Run(error)) => Err(error),
            Err(Stop::Failure(Failure::Interrupted)) => {
                self.end.interrupted = true;
                Ok(())
            }
            Err(Stop::Failure(Failure::Cell(why))) => {
                live.failed = true;
                live.process = None;
                self.end.errors += 1;
                let row = tally::error_row(self.place, live.cell, self.trial, &why);
                let where_it_failed = format!("{cell} on {}", self.place.panel.label());
                self.bench
                    .watch
                    .error(&format!("{where_it_failed}: {}", row.error));
                self.bench.directory.trial(&row)
            }
        }
    }

    fn is_over(&self) -> bool {
        self.end.interrupted || self.cells.iter().all(|live| live.failed)
    }

    /// How well the worst known of its ratios to the baseline is known, as a part of it; `None` while
    /// one is not known at all.
    fn precision(&self) -> Option<f64> {
        let panel = self.place.panel;
        let planned = self.cells.get(panel.baseline?).filter(|live| !live.failed);
        // The part of a baseline that failed is the next target's.
        let ranked =
            |live: &&Live<'_>| !live.failed && !live.cell.target.control() && !live.cell.twin;
        let baseline = planned.or_else(|| self.cells.iter().find(ranked))?;
        let baseline = &baseline.cell.id;
        let of_cell = |id: &str| -> Vec<&SliceRow> {
            let slices = self.bench.kept.iter();
            slices.filter(|row| row.cell_id == *id).collect()
        };
        let over = of_cell(baseline);
        let others = self.cells.iter().filter(|live| {
            !live.failed && !live.cell.target.control() && live.cell.id != *baseline
        });
        let mut worst = None;
        for live in others {
            let own = of_cell(&live.cell.id);
            let known = analysis::precision(&own, &over, panel.is_pass(), self.place.seed)?;
            worst = Some(known.max(worst.unwrap_or(0.0)));
        }
        worst
    }

    fn is_precise(&self) -> bool {
        let wanted = self.place.panel.precision;
        wanted.is_some_and(|(wanted, _)| self.precision().is_some_and(|known| known <= wanted))
    }

    /// Whether it is to become more precise than it is, and there is time.
    fn seeks(&self) -> bool {
        let wanted = self.place.panel.precision;
        wanted.is_some_and(|(_, max_s)| self.spent.as_secs_f64() < max_s) && !self.is_precise()
    }

    /// Whether this share of the panel's time or trials is used up.
    fn is_enough(&self, share: f64) -> bool {
        let panel = self.place.panel;
        let (trials, spent_s) = (f64::from(self.trial), self.spent.as_secs_f64());
        let out_of_time = spent_s + spent_s / trials > panel.time_s * share;
        match panel.trials {
            Some(wanted) => trials >= f64::from(wanted) * share || out_of_time,
            // At a pace a pass lasts as long as it is long, and has each of its operations in it.
            None if panel.workload.pace.is_some() => out_of_time,
            None if panel.is_pass() && panel.precision.is_some() => {
                self.trial >= LEAST_PASSES && !self.seeks()
            }
            None if panel.is_pass() => self.trial >= LEAST_PASSES && out_of_time,
            None => out_of_time,
        }
    }
}

/// A cell none of whose slices has a rate has failed. Some may have none: others may keep a thread from
/// its core for longer than a slice waits.
fn has_a_rate(live: &Live<'_>, place: Place<'_>) -> Result<(), Stop> {
    let (rated, slices) = live.rated;
    if rated > 0 || slices == 0 {
        return Ok(());
    }
    let why = if place.panel.is_pass() {
        "no part of a pass has an operation for each thread: more operations or fewer threads give a rate"
            .to_owned()
    } else {
        format!(
            "no slice of {slices} has a rate: in each a thread was kept from running until it was over"
        )
    };
    Err(Failure::Cell(why).into())
}

fn one_slice(
    live: &mut Live<'_>,
    place: Place<'_>,
    bench: &mut Bench<'_>,
    part: u32,
    slots: (u32, u32, u32),
) -> Result<(), Failure> {
    let panel = place.panel;
    if let Some(pace) = panel.workload.pace {
        let order = order::open_loop(pace, panel.is_pass());
        return latency_slice(live, place, bench, order, (SliceKind::Paced, slots));
    }
    let cut = if panel.workload.points.is_some() {
        let of = 2 * panel.slices();
        grow(live, place, bench, Cut::Part { part: 2 * part, of }, slots)?;
        Cut::Part {
            part: 2 * part + 1,
            of,
        }
    } else if panel.is_pass() {
        Cut::Part {
            part,
            of: panel.slices(),
        }
    } else {
        Cut::Time {
            ns: panel.cut_ns(),
            discard_ns: panel.cut_ns() / 5,
        }
    };
    let order = SliceOrder {
        clocked: panel.workload.clocked,
        core: bench.lone.core(),
        ..SliceOrder::of(cut)
    };
    for number in 0.. {
        let (sliced, watched) = slice(live, order, panel, bench)?;
        if let Some(why) = sliced.failed {
            return Err(Failure::Cell(why));
        }
        // A part of a pass has changed the table, and cannot be done over.
        let superseded = !panel.is_pass() && bench.guard.repeat(watched, number);
        let attempt = Attempt {
            number,
            superseded,
            watched,
        };
        let kind = SliceKind::Throughput;
        live.trial
            .add(place, live.cell, slots, kind, &sliced, attempt);
        if !superseded {
            let worked = |thread: &ThreadSlice| thread.elapsed_ns > thread.discarded_ns;
            live.rated.0 += u32::from(sliced.threads.iter().all(worked));
            live.rated.1 += 1;
            break;
        }
    }
    let tells_the_hash = live.cell.target.table().is_some() && live.cell.target.control();
    if tells_the_hash && !panel.is_pass() && slots.1.is_multiple_of(HASH_ROUNDS) {
        let (sliced, watched) = slice(
            live,
            SliceOrder {
                hash_only: true,
                core: bench.lone.core(),
                ..SliceOrder::of(cut)
            },
            panel,
            bench,
        )?;
        let attempt = Attempt::only(watched);
        live.trial
            .add(place, live.cell, slots, SliceKind::Hash, &sliced, attempt);
    }
    Ok(())
}

/// Brings a growing table to its next fill point, just before the lookups at it, which so find caches that this
/// table has used.
fn grow(
    live: &mut Live<'_>,
    place: Place<'_>,
    bench: &mut Bench<'_>,
    cut: Cut,
    slots: (u32, u32, u32),
) -> Result<(), Failure> {
    let order = SliceOrder::of(cut);
    let (sliced, watched) = slice(live, order, place.panel, bench)?;
    if let Some(why) = sliced.failed {
        return Err(Failure::Cell(why));
    }
    let attempt = Attempt::only(watched);
    live.trial
        .add(place, live.cell, slots, SliceKind::Growth, &sliced, attempt);
    Ok(())
}

/// A slice of latencies, of the kind and at the place given.
fn latency_slice(
    live: &mut Live<'_>,
    place: Place<'_>,
    bench: &mut Bench<'_>,
    order: SliceOrder,
    (kind, slots): (SliceKind, (u32, u32, u32)),
) -> Result<(), Failure> {
    let (sliced, watched) = slice(live, order, place.panel, bench)?;
    if let Some(why) = sliced.failed {
        return Err(Failure::Cell(why));
    }
    // They are long: one that was disturbed is marked, not done over.
    let attempt = Attempt::only(watched);
    live.trial
        .add(place, live.cell, slots, kind, &sliced, attempt);
    Ok(())
}

/// Ends a trial of a cell: the census of a pass, the slices, the row.
fn end_trial(
    live: &mut Live<'_>,
    place: Place<'_>,
    bench: &mut Bench<'_>,
    trial: u32,
) -> Result<(), Stop> {
    let mut taken = std::mem::take(&mut live.trial);
    let mut marks_dropped = None;
    let structure: Option<(Memory, CensusReply)> = if place.panel.is_pass() {
        let items = place.panel.workload.entries + live.opened.pass_ops.unwrap_or(0);
        let expected = Duration::from_secs(1) + Duration::from_nanos(items.saturating_mul(4_000));
        match ask(live, &Request::Finish, expected, bench)? {
            Reply::Finished(finished) => {
                bench.directory.marks(&tally::mark_rows(
                    place.index,
                    live.cell,
                    trial,
                    &finished,
                ))?;
                marks_dropped = Some(finished.marks_dropped);
                let clocked = taken.clocked_rows(place, live.cell, trial, &finished);
                taken.latencies.extend(clocked);
                Some((finished.memory, finished.census))
            }
            other => return Err(out_of_turn(&other).into()),
        }
    } else {
        live.opened.filled.clone()
    };
    bench.directory.slices(&taken.slices)?;
    if place.panel.precision.is_some() {
        bench.kept.extend(taken.slices.iter().cloned());
    }
    bench.directory.windows(&taken.windows)?;
    for (row, histogram) in &taken.latencies {
        bench.directory.latency(row, histogram)?;
    }
    let row = taken.row(place, live.cell, trial, structure.as_ref());
    let row = TrialRow {
        marks_dropped,
        ..row
    };
    if let Some((_, census)) = &structure
        && !live.census_written
        && !live.cell.target.control()
    {
        bench
            .directory
            .census(&tally::census_rows(live.cell, census))?;
        live.census_written = true;
    }
    bench.directory.trial(&row)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::ROWS;
    use crate::run::plan::Plan;
    use crate::run::suite::Suite;

    #[test]
    fn a_cell_none_of_whose_slices_has_a_rate_has_failed() {
        let plan = Plan::new(ROWS, vec![Suite::load("quick").unwrap()]).unwrap();
        let why = |panel: &crate::run::cell::Panel<'_>, rated| {
            let place = Place {
                run_id: "run",
                panel,
                index: 0,
                seed: 1,
                birth: 0,
            };
            let mut live = Live::new(&panel.cells[0]);
            live.rated = rated;
            match has_a_rate(&live, place) {
                Ok(()) => String::new(),
                Err(Stop::Failure(Failure::Cell(why))) => why,
                Err(Stop::Failure(_) | Stop::Run(_)) => panic!("it is the cell's failure"),
            }
        };
        let panels = &plan.panels;
        let slices = panels.iter().find(|panel| !panel.is_pass()).unwrap();
        let pass = panels.iter().find(|panel| panel.is_pass()).unwrap();
        assert_eq!(why(slices, (0, 0)), "");
        assert_eq!(why(slices, (1, 40)), "");
        let of_slices = why(slices, (0, 40));
        assert!(
            of_slices.starts_with("no slice of 40 has a rate: in each a thread was kept"),
            "{of_slices}"
        );
        assert!(why(pass, (0, 20)).contains("an operation for each thread"));
    }
}
