//! The table of a suite's latencies: a row per target, loop and rate, with response and service side
//! by side.

use crate::record::{LoopKind, TimeKind};
use crate::report::cells::{FILTERS, asked, row as row_of_cell, target, threads};
use crate::report::format::{counted, duration, duration_within, figure};
use crate::report::percentiles::{Latency, Percentile};
use crate::report::summary::{CellSummary, PanelSummary};
use crate::report::table::{Cell, Column, Row, Standing, Table, Tone};
use crate::stats::Interval;

/// The table of some panels; `None` where no latency was measured.
pub(super) fn table(panels: &[&PanelSummary]) -> Option<Table> {
    let measured = || panels.iter().flat_map(|panel| rows_of(panel));
    measured().next()?;
    let tails = measured().any(|(.., of)| of.any().tail.is_some());
    let batches = panels
        .iter()
        .any(|panel| panel.entry.batch != panels[0].entry.batch);
    let asked = panels
        .iter()
        .any(|panel| panel.entry.asked() != panels[0].entry.asked());
    let closed = measured().any(|(.., of)| of.response.is_none());
    let shape = Shape {
        tails,
        batches,
        asked,
        closed,
    };
    let rows: Vec<Row> = measured()
        .map(|(panel, cell, of)| row(panel, cell, &of, shape))
        .collect();
    Some(Table {
        caption: "Of all trials together; in brackets the lowest and the highest of any trial. \
                  Response times count from the intended start of an operation (open loop only), \
                  service times from its real start. In a closed loop the next operation waits \
                  for the last, so the delay that a stall causes is not counted."
            .to_owned(),
        columns: columns(shape),
        rows,
        filters: FILTERS.to_vec(),
        sorts: true,
        ..Table::default()
    })
}

/// The optional columns.
#[derive(Clone, Copy)]
struct Shape {
    tails: bool,
    batches: bool,
    asked: bool,
    /// Whether some have service times alone.
    closed: bool,
}

/// What was measured of a cell in one loop.
struct OfLoop<'s> {
    loop_kind: LoopKind,
    response: Option<&'s Latency>,
    service: Option<&'s Latency>,
    /// One of the two.
    any: &'s Latency,
}

impl<'s> OfLoop<'s> {
    fn any(&self) -> &'s Latency {
        self.any
    }
}

fn rows_of(
    panel: &PanelSummary,
) -> impl Iterator<Item = (&PanelSummary, &CellSummary, OfLoop<'_>)> {
    let loops = move |cell| {
        [LoopKind::Open, LoopKind::Closed]
            .into_iter()
            .filter_map(move |loop_kind| of_loop(cell, loop_kind))
            .map(move |of| (panel, cell, of))
    };
    panel.cells.iter().flat_map(loops)
}

fn of_loop(cell: &CellSummary, loop_kind: LoopKind) -> Option<OfLoop<'_>> {
    let response = cell.latency_of(loop_kind, TimeKind::Response);
    let service = cell.latency_of(loop_kind, TimeKind::Service);
    Some(OfLoop {
        loop_kind,
        response,
        service,
        any: response.or(service)?,
    })
}

fn columns(shape: Shape) -> Vec<Column> {
    let mut columns = vec![
        Column::target("target"),
        Column::text("workload"),
        Column::number("threads", ""),
    ];
    if shape.batches {
        columns.push(Column::number("batch", ""));
    }
    if shape.asked {
        columns.push(Column::number("connections", ""));
        columns.push(Column::number("depth", ""));
    }
    columns.extend([
        Column::text("loop").hint(
            "Open: operations have start times that do not wait for the table; closed: each waits for the last",
        ),
        Column::number("offered/s", "").hint("Operations a second that were scheduled to begin"),
        Column::number("achieved/s", "").hint("Operations a second that ended"),
    ]);
    columns.extend(Percentile::ALL.map(|percentile| {
        let column = Column::number(&format!("response {}", percentile.name()), "")
            .hint("From the intended start to the end");
        match percentile {
            Percentile::P50 | Percentile::P99 | Percentile::P999 => column,
            Percentile::P90 | Percentile::P9999 | Percentile::Max => column.drops(1),
        }
    }));
    let service = Column::number("service p99.99", "").hint("From the real start to the end");
    // In a closed loop there are no others.
    columns.push(if shape.closed {
        service
    } else {
        service.drops(1)
    });
    if shape.tails {
        let hint = "Of the operations above p99.9, those that overlap a resize of the table";
        columns.push(Column::number("tail in resizes", "").hint(hint).drops(1));
    }
    columns.push(Column::words("pace").hint(
        "Whether it kept up with the offered rate: if it fell behind, response times grow with \
         the length of the slice",
    ));
    columns
}

fn row(panel: &PanelSummary, cell: &CellSummary, of: &OfLoop<'_>, shape: Shape) -> Row {
    let entry = &panel.entry;
    let any = of.any();
    let rate = |rate: f64| (format!("{rate:.0}"), rate);
    let time = |latency: Option<&Latency>, percentile| {
        let ns = latency.map(|latency| latency.at(percentile));
        let shown = |ns: &Interval| {
            if ns.high > ns.low {
                duration_within(ns)
            } else {
                duration(ns.mid)
            }
        };
        Cell::figure(ns.map(|ns| (shown(&ns), ns.mid)))
    };
    let workload = entry
        .pace
        .as_ref()
        .map_or(&entry.workload, |pace| &pace.sweep);
    let mut cells = vec![
        Cell::text(target(cell)),
        Cell::text(workload),
        threads(panel),
    ];
    if shape.batches {
        cells.push(Cell::count(u64::from(entry.batch)));
    }
    if shape.asked {
        cells.extend(asked(panel));
    }
    cells.extend([
        Cell::text(match of.loop_kind {
            LoopKind::Open => "open",
            LoopKind::Closed => "closed, sampled",
        }),
        Cell::figure(any.offered_per_s.map(rate)),
        Cell::figure(Some(rate(any.achieved_per_s.mid))),
    ]);
    cells.extend(Percentile::ALL.map(|percentile| time(of.response, percentile)));
    cells.push(time(of.service, Percentile::P9999));
    if shape.tails {
        let part = any.tail_in_resizes();
        cells.push(Cell::figure(
            part.map(|part| (format!("{}\u{a0}%", figure(100.0 * part)), part)),
        ));
    }
    cells.push(if any.behind > 0 {
        let trials = counted(any.trials as u64, "trial");
        let text = if any.behind == any.trials {
            "fell behind".to_owned()
        } else {
            format!("fell behind in {} of {trials}", any.behind)
        };
        Cell::text(text).tone(if any.fell_behind() {
            Tone::Bad
        } else {
            Tone::Plain
        })
    } else if of.loop_kind == LoopKind::Open {
        Cell::text("kept")
    } else {
        Cell::default()
    });
    let row = row_of_cell(panel, cell, cells);
    let mut keys = row.keys;
    keys[1].clone_from(workload);
    Row {
        keys,
        // What failed has no latencies, and stands in no row.
        standing: if cell.ranked() {
            Standing::Plain
        } else {
            Standing::Control
        },
        ..row
    }
}
