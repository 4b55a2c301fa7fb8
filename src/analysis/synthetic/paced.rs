//! Made-up latencies: panels at a pace, and windows of passes.

use super::{Cell, Synthetic, TRIALS, cell_id};
use crate::base::whole;
use crate::record::{
    LatencyHistogram, LatencyRow, LoopKind, PaceEntry, TimeKind, WINDOW_NS, WindowRow,
    empty_histogram,
};

/// Seconds of a paced trial.
const SECONDS: f64 = 1.0;
/// Different times in a made-up histogram.
const TIMES: u32 = 20_000;

/// A target at a pace.
pub(crate) struct Paced<'a> {
    target: &'a str,
    /// Nanoseconds of service of the middle operation.
    ns: f64,
    /// Operations a second that it can serve.
    capacity: f64,
    /// A stall in the second trial, in nanoseconds.
    stall_ns: f64,
}

impl<'a> Paced<'a> {
    pub fn new(target: &'a str, ns: f64, capacity: f64) -> Paced<'a> {
        Paced {
            target,
            ns,
            capacity,
            stall_ns: 0.0,
        }
    }

    /// Nobody is served for so many nanoseconds, once in its second trial.
    pub fn stall(self, stall_ns: f64) -> Paced<'a> {
        Paced { stall_ns, ..self }
    }

    /// A time such that a part of operations takes no longer: queues grow with the load, and a stall
    /// delays all that was to begin in it.
    fn time(&self, kind: (LoopKind, TimeKind), offered: f64, trial: u32, part: f64) -> f64 {
        let luck = 1.0 + 0.02 * f64::from(trial);
        let service = self.ns * luck * (1.0 - part).powf(-0.35);
        if kind != (LoopKind::Open, TimeKind::Response) {
            let one = 1.0 - 1.0 / (offered * SECONDS);
            let stalled = trial == 1 && part > one;
            return if stalled {
                service.max(self.stall_ns)
            } else {
                service
            };
        }
        let load = (offered / self.capacity).min(0.98);
        let queued = service / (1.0 - load);
        let behind = (1.0 - self.capacity / offered).max(0.0) * SECONDS * 1e9 * part;
        let hit = if trial == 1 {
            self.stall_ns / (SECONDS * 1e9)
        } else {
            0.0
        };
        let stalled = ((part - (1.0 - hit)) * SECONDS * 1e9).max(0.0);
        queued.max(stalled) + behind
    }
}

impl Synthetic {
    /// Adds a panel of a sweep over rates, with response and service times.
    pub fn paced(self, sweep: &str, offered_per_s: u64, targets: &[Paced<'_>]) -> Synthetic {
        let cells: Vec<Cell<'_>> = targets
            .iter()
            .map(|target| Cell::new(target.target, target.ns))
            .collect();
        let mut run = self.panel(&format!("{sweep}-at-{offered_per_s}"), 1, &cells);
        let panel = run.records.manifest.panels.last_mut().expect("a panel");
        panel.pace = Some(PaceEntry {
            offered_per_s: Some(offered_per_s),
            arrival: "poisson".into(),
            speed: None,
            sweep: sweep.into(),
        });
        let panel = panel.panel;
        // Slices at a pace say nothing of throughput.
        run.records.slices.retain(|slice| slice.panel != panel);
        for (target, cell) in targets.iter().zip(&cells) {
            for time in [TimeKind::Response, TimeKind::Service] {
                let id = cell_id(panel, cell);
                run.latency(panel, &id, (LoopKind::Open, time), target, offered_per_s);
            }
        }
        run
    }

    /// Gives a target of the last panel service times that were sampled in a closed loop.
    pub fn sampled(mut self, target: &Paced<'_>) -> Synthetic {
        let panel = self.records.manifest.panels.last().expect("a panel").panel;
        let id = cell_id(panel, &Cell::new(target.target, target.ns));
        let rate = whole(1e9 / target.ns);
        let kind = (LoopKind::Closed, TimeKind::Service);
        self.latency(panel, &id, kind, target, rate);
        self
    }

    fn latency(
        &mut self,
        panel: u32,
        id: &str,
        kind: (LoopKind, TimeKind),
        target: &Paced<'_>,
        offered: u64,
    ) {
        let rate = offered as f64;
        let achieved = whole(rate.min(target.capacity));
        let mut all = empty_histogram();
        for trial in 0..TRIALS {
            let mut histogram = empty_histogram();
            let times = u64::from(TIMES);
            let each = (achieved / times).max(1);
            for at in 0..TIMES {
                let part = (f64::from(at) + 0.5) / f64::from(TIMES);
                let ns = whole(target.time(kind, rate, trial, part));
                histogram.record_n(ns, each).expect("within bounds");
            }
            all.add(&histogram).expect("one range");
            let open = kind.0 == LoopKind::Open;
            self.records.latency.push(LatencyRow {
                panel,
                trial,
                offered_per_s: open.then_some(offered),
                achieved_per_s: achieved,
                behind: open && achieved < offered,
                elapsed_ns: whole(SECONDS * 1e9),
                ops: achieved,
                ..LatencyRow::of(id, kind.0, kind.1, &histogram)
            });
        }
        self.records.histograms.push(LatencyHistogram {
            cell_id: id.to_owned(),
            loop_kind: kind.0,
            time: kind.1,
            histogram: all,
        });
    }

    /// Gives each cell of the last panel, a pass, windows: of so many in a trial each `stall`th has a
    /// stall of half its length. Its slices follow each other, a millisecond apart.
    pub fn windows(mut self, count: u64, stall: u64) -> Synthetic {
        let panel = self.records.manifest.panels.last().expect("a panel");
        let (panel, threads) = (panel.panel, u64::from(panel.threads));
        let mut cells: Vec<String> = Vec::new();
        for cell in &self.records.manifest.cells {
            if cell.panel == panel {
                cells.push(cell.cell_id.clone());
            }
        }
        for (place, id) in (1..).zip(&cells) {
            let of_cell = |slice: &&mut crate::record::SliceRow| slice.cell_id == *id;
            let windows_a_slice = count / 4;
            for slice in self.records.slices.iter_mut().filter(of_cell) {
                let (trial, round) = (u64::from(slice.trial), u64::from(slice.round % 20));
                let length = windows_a_slice * WINDOW_NS;
                slice.started_ns = (trial * 4 + round) * (length + 1_000_000);
                slice.elapsed_ns = length;
                for window in 0..windows_a_slice {
                    let number = round * windows_a_slice + window;
                    let stalled = stall > 0 && number % stall == stall - 1;
                    let full = 100_000 / place / threads * (900 + number * 37 % 200) / 1000;
                    self.records.windows.push(WindowRow {
                        panel,
                        cell_id: id.clone(),
                        trial: slice.trial,
                        thread: slice.thread,
                        at_ns: slice.started_ns + window * WINDOW_NS,
                        elapsed_ns: WINDOW_NS,
                        ops: if stalled { full / 2 } else { full },
                        longest_ns: if stalled {
                            WINDOW_NS / 2
                        } else {
                            2_000 * place
                        },
                    });
                }
            }
        }
        self
    }
}
