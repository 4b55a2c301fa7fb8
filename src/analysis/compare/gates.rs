//! What a comparison is to fail on: rates, and figures that rates do not tell.

use std::collections::BTreeSet;
use std::str::FromStr;

use super::{Call, CellComparison, Compared};
use crate::analysis::percentiles::{Latency, Percentile};
use crate::analysis::summary::{CellSummary, Summary};
use crate::base::{BadInput, Percentage, Written, unknown_name};

/// A figure that a gate holds, besides the rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Figure {
    /// The 99th percentile of its latencies, where both sides have trials enough for an interval.
    P99,
    /// Resident bytes an entry.
    Bytes,
    /// Instructions an operation.
    Instructions,
}

impl Figure {
    const ALL: [Figure; 3] = [Figure::P99, Figure::Bytes, Figure::Instructions];

    fn name(self) -> &'static str {
        match self {
            Figure::P99 => "p99",
            Figure::Bytes => "bytes",
            Figure::Instructions => "instructions",
        }
    }

    fn words(self) -> &'static str {
        match self {
            Figure::P99 => "p99",
            Figure::Bytes => "resident bytes an entry",
            Figure::Instructions => "instructions an operation",
        }
    }

    /// The second's figure over the first's, the least that the measurements leave open; `None` where one of them
    /// has none.
    fn ratio(self, [a, b]: [&CellSummary; 2]) -> Option<f64> {
        match self {
            Figure::P99 => {
                let (a, b) = latencies(a, b)?;
                Some(b.at(Percentile::P99).low / a.at(Percentile::P99).high)
            }
            Figure::Bytes => Some(b.bytes_per_entry? / a.bytes_per_entry?),
            Figure::Instructions => Some(b.counted.instructions? / a.counted.instructions?),
        }
    }
}

/// The latencies that both have, of one loop and counted in one way, with intervals.
fn latencies<'s>(a: &'s CellSummary, b: &'s CellSummary) -> Option<(&'s Latency, &'s Latency)> {
    a.latency.iter().find_map(|of_a| {
        let same = |of_b: &&Latency| (of_b.loop_kind, of_b.time) == (of_a.loop_kind, of_a.time);
        let of_b = b.latency.iter().find(same)?;
        (of_a.has_interval() && of_b.has_interval()).then_some((of_a, of_b))
    })
}

/// What a comparison is to fail on: `slower=5%,p99=10%,bytes=2%,instructions=1%,undecided`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Gates {
    /// A rate lower by more than so many per cent.
    slower_percent: Option<f64>,
    /// A figure higher by more than so many per cent.
    higher_percent: Vec<(Figure, f64)>,
    /// What could not be judged, or not as finely as was asked.
    undecided: bool,
}

impl FromStr for Gates {
    type Err = BadInput;

    fn from_str(text: &str) -> Result<Gates, BadInput> {
        let valid = "slower=5%, p99=10%, bytes=2%, instructions=1%, undecided, with commas between";
        let bad = |why: String| BadInput(format!("{why}; valid are {valid}"));
        let mut gates = Gates::default();
        for part in text.split(',').map(str::trim) {
            if part == "undecided" {
                gates.undecided = true;
                continue;
            }
            let Some((name, value)) = part.split_once('=') else {
                return Err(bad(format!("'{part}' names no limit")));
            };
            let figure = Figure::ALL.into_iter().find(|one| one.name() == name);
            if figure.is_none() && name != "slower" {
                let names = Figure::ALL.map(Figure::name);
                let names = names.into_iter().chain(["slower", "undecided"]);
                return Err(unknown_name("gate", name, names));
            }
            // A rate cannot fall by more than all of it; another figure can become any number of times as high.
            let most = if figure.is_none() { 100.0 } else { 1e6 };
            let Percentage(percent) = Percentage::read(value).map_err(|why| bad(why.0))?;
            if !(0.0..most).contains(&percent) {
                return Err(bad(format!(
                    "'{value}' is no share in per cent from 0 to below {most}"
                )));
            }
            match figure {
                None => gates.slower_percent = Some(percent),
                Some(figure) => gates.higher_percent.push((figure, percent)),
            }
        }
        if gates.slower_percent.is_none() && gates.higher_percent.is_empty() {
            return Err(bad("'undecided' goes with a limit".to_owned()));
        }
        Ok(gates)
    }
}

/// What a gate has to say of a cell.
#[derive(Clone, Debug, PartialEq)]
pub struct Objection {
    /// The target as people read it.
    pub target: String,
    /// Workload, threads and batch in words.
    pub place: String,
    /// What is wrong, or what could not be judged.
    pub why: String,
    /// Whether the comparison fails by it; otherwise it is a note.
    pub fails: bool,
    /// The cell in both sides.
    pub cell_ids: [String; 2],
}

impl Gates {
    /// What a comparison of two runs, or of two targets of one, is objected to. Cells that are a yardstick are
    /// judged by no gate.
    #[must_use]
    pub fn objections(&self, compared: &Compared, of: [&Summary; 2]) -> Vec<Objection> {
        let mut all = Vec::new();
        for cell in &compared.cells {
            if cell.call == Call::Yardstick {
                continue;
            }
            let mut object = |why: String, fails: bool| {
                all.push(Objection {
                    target: cell.target.clone(),
                    place: cell.place.clone(),
                    why,
                    fails,
                    cell_ids: cell.cell_ids.clone(),
                });
            };
            if let Some((why, fails)) = self.slower_percent.and_then(|limit| self.rate(cell, limit))
            {
                object(why, fails);
            }
            for &(figure, percent) in &self.higher_percent {
                match beside(cell, of).and_then(|cells| figure.ratio(cells)) {
                    Some(ratio) if ratio > 1.0 + percent / 100.0 => object(
                        format!(
                            "{} higher by more than {percent} %: at least {ratio:.3} times as high",
                            figure.words()
                        ),
                        true,
                    ),
                    Some(_) => {}
                    None => object(
                        format!("not judged: {} not measured in both", figure.words()),
                        self.undecided,
                    ),
                }
            }
        }
        all
    }

    /// What a cell's rate is objected to, and whether the comparison fails by it.
    fn rate(&self, cell: &CellComparison, percent: f64) -> Option<(String, bool)> {
        if !cell.call.is_verdict() {
            return Some((format!("not judged: {}", cell.reason), self.undecided));
        }
        if let Some(ratio) = cell.ratio.filter(|_| cell.is_slower_by(percent / 100.0)) {
            let interval = ratio.interval;
            return Some((
                format!(
                    "slower by more than {percent} %: {:.3} [{:.3} to {:.3}] of the rate",
                    interval.mid, interval.low, interval.high
                ),
                true,
            ));
        }
        let smallest = cell.smallest_slowdown()?;
        (self.undecided && smallest > percent / 100.0).then(|| {
            (
                format!(
                    "undecided: a slowdown of less than {:.1} % would not have been seen, and {percent} % is asked",
                    smallest * 100.0
                ),
                true,
            )
        })
    }
}

/// The ids of the cells that fail.
#[must_use]
pub fn failing(objections: &[Objection]) -> BTreeSet<String> {
    let failing = objections.iter().filter(|objection| objection.fails);
    failing
        .flat_map(|one| one.cell_ids.iter().cloned())
        .collect()
}

/// The two cells of a comparison.
fn beside<'s>(cell: &CellComparison, of: [&'s Summary; 2]) -> Option<[&'s CellSummary; 2]> {
    let find = |side: usize| {
        let panels = of[side].panels.iter();
        let mut cells = panels.flat_map(|panel| &panel.cells);
        cells.find(|one| one.entry.cell_id == cell.cell_ids[side])
    };
    Some([find(0)?, find(1)?])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gates(text: &str) -> Result<Gates, String> {
        text.parse().map_err(|error: BadInput| error.0)
    }

    #[test]
    fn gates_are_read_and_what_is_none_is_named() {
        let all = gates("slower=5%, p99=10%,bytes=2,instructions=0.5%,undecided").unwrap();
        assert_eq!(all.slower_percent, Some(5.0));
        let higher = [
            (Figure::P99, 10.0),
            (Figure::Bytes, 2.0),
            (Figure::Instructions, 0.5),
        ];
        assert_eq!(all.higher_percent, higher);
        assert!(all.undecided);
        assert_eq!(gates("slower=5").unwrap(), gates("slower=5%").unwrap());
        for (text, says) in [
            ("slower", "'slower' names no limit; valid are slower=5%"),
            (
                "slower=100%",
                "'100%' is no share in per cent from 0 to below 100",
            ),
            ("slower=-1%", "'-1%' is no share"),
            ("slower=x", "'x' is no share"),
            ("p99=nan", "'nan' is no share"),
            ("undecided", "'undecided' goes with a limit"),
            ("slower=0.05", "'0.05' may be 0.05 % or 5 %"),
            ("p9=1%", "p99"),
            ("", "'' names no limit"),
        ] {
            let error = gates(text).unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
