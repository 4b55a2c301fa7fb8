//! The answer to "which table?", in one sentence at the top of a report.
//!
//! A table leads a panel where none is faster beyond the noise. Several may lead one; a panel that all of its
//! tables lead tells nothing and does not count.

use super::format::{counted, figure, figure_within, listed, times};
use super::labels;
use super::overlap::spoken_of;
use super::summary::{CellSummary, PanelSummary, Summary, Verdict};
use super::verdict::Difference;

/// Tables that lead together and are still named; more are counted.
const NAMED: usize = 3;

/// A target over the panels of a run.
struct Standing<'s> {
    label: String,
    cells: Vec<(&'s PanelSummary, &'s CellSummary)>,
    /// Panels that it leads, alone or with others.
    leads: usize,
    /// Panels that it leads alone.
    alone: usize,
    /// The sum of the logarithms of its rate over the fastest.
    log_share: f64,
}

/// Which table to take for what was measured, and what it costs in memory: the one that leads most panels; of one
/// panel the smallest that leads it. Panels with servers are another question. `None` where there are fewer than two to choose from.
#[must_use]
pub fn answer(summary: &Summary) -> Option<String> {
    let panels: Vec<&PanelSummary> = spoken_of(summary)
        .filter(|panel| {
            let has_server = panel.cells.iter().any(|cell| cell.entry.server);
            !panel.is_open_loop()
                && !panel.is_about_hashes()
                && !has_server
                && panel.ranking().len() > 1
        })
        .collect();
    let mut standings: Vec<Standing<'_>> = Vec::new();
    let mut untold = 0;
    for &panel in &panels {
        let ranking = panel.ranking();
        let fastest = *ranking.first()?;
        let leaders = ranking.iter().filter(|cell| leads(panel, cell, fastest));
        let leaders = leaders.count();
        let tells = leaders < ranking.len();
        untold += usize::from(!tells);
        for cell in ranking {
            let standing = standing_of(&mut standings, panel.label(cell));
            let is_leader = tells && leads(panel, cell, fastest);
            standing.leads += usize::from(is_leader);
            standing.alone += usize::from(is_leader && leaders == 1);
            let rates = cell.rate.zip(fastest.rate);
            standing.log_share += rates.map_or(0.0, |(own, best)| (own.mid / best.mid).ln());
            standing.cells.push((panel, cell));
        }
    }
    // What was measured in few panels may lead all of them: a share of the panels is no share of a few.
    let most = standings.iter().map(|one| one.cells.len()).max()?;
    standings.retain(|one| one.cells.len() == most);
    if standings.len() < 2 {
        return None;
    }
    if untold == panels.len() {
        return Some(none_leads(&standings));
    }
    if let [panel] = panels.as_slice() {
        return in_one(panel, &standings);
    }
    standings.sort_by(|a, b| {
        let by_leads = (b.leads, b.alone).cmp(&(a.leads, a.alone));
        by_leads.then(b.log_share.total_cmp(&a.log_share))
    });
    let (first, others) = standings.split_first()?;
    let told = panels.len() - untold;
    let alone = match first.alone {
        0 => "though in each of them others are not told apart from it".to_owned(),
        all if all == first.leads => "and it leads them alone".to_owned(),
        some => format!("and it leads {some} of them alone"),
    };
    let mut text = format!(
        "Take {}: no table is faster beyond the noise in {} of {}, {alone}{}",
        first.label,
        first.leads,
        counted(told as u64, "panel"),
        bytes(first).map_or_else(String::new, |bytes| format!("; it takes {bytes}"))
    );
    let rivals = others.iter().filter(|one| one.alone > 0).take(2);
    let rivals = rivals.map(|one| format!("{} leads {} alone", one.label, one.alone));
    let mut rest: Vec<String> = rivals.collect();
    if untold > 0 {
        let s = if untold == 1 { "s" } else { "" };
        rest.push(format!(
            "{} tell{s} no tables apart",
            counted(untold as u64, "panel")
        ));
    }
    if !rest.is_empty() {
        text += &format!("; {}", listed(&rest));
    }
    Some(text + ".")
}

fn standing_of<'t, 's>(
    standings: &'t mut Vec<Standing<'s>>,
    label: String,
) -> &'t mut Standing<'s> {
    let known = standings.iter().position(|one| one.label == label);
    let at = known.unwrap_or(standings.len());
    if known.is_none() {
        standings.push(Standing {
            label,
            cells: Vec::new(),
            leads: 0,
            alone: 0,
            log_share: 0.0,
        });
    }
    &mut standings[at]
}

/// Of a run in which no panel tells its tables apart.
fn none_leads(standings: &[Standing<'_>]) -> String {
    let smallest = smallest(standings.iter());
    let memory = smallest.and_then(|one| Some((one, bytes(one)?)));
    let memory = memory.map_or_else(String::new, |(one, bytes)| {
        format!("; the smallest is {}, with {bytes}", one.label)
    });
    format!("The run tells no tables apart: none is faster beyond its noise{memory}.")
}

/// Of one panel: the smallest of those that lead it, which the rate alone does not choose between.
fn in_one(panel: &PanelSummary, standings: &[Standing<'_>]) -> Option<String> {
    let leaders: Vec<&Standing<'_>> = standings.iter().filter(|one| one.leads > 0).collect();
    let first = smallest(leaders.iter().copied()).or(leaders.first().copied())?;
    let (_, cell) = first.cells.first()?;
    let rate = cell.rate.map(|rate| rate.map(|rate| rate / 1e6));
    let rate = rate.as_ref().map_or_else(String::new, figure_within);
    let memory = bytes(first);
    let why = if leaders.len() == 1 {
        let second = panel.ranking().get(1).and_then(|second| {
            let ratio = panel.ratio(cell, second)?;
            let label = panel.label(second);
            Some(format!(
                ", {} as fast as {label}",
                times(ratio.interval.mid)
            ))
        });
        let memory = memory.map_or_else(String::new, |bytes| format!(", and takes {bytes}"));
        format!(
            "it is the fastest with {rate} M ops/s{}{memory}",
            second.unwrap_or_default()
        )
    } else {
        let others = leaders.iter().filter(|one| one.label != first.label);
        let others: Vec<&str> = others.map(|one| one.label.as_str()).collect();
        let others = if others.len() <= NAMED {
            listed(&others)
        } else {
            format!("{} others", others.len())
        };
        let memory = memory.map_or_else(String::new, |bytes| {
            format!(", and it is the smallest of these with {bytes}")
        });
        format!("with {rate} M ops/s it is not told apart from {others} at the top{memory}")
    };
    Some(format!(
        "Take {} for {}: {why}.",
        first.label,
        labels::place_of(panel)
    ))
}

/// The target whose largest cell is the smallest; none where the bytes of one are not known.
fn smallest<'t, 's: 't>(
    mut standings: impl Iterator<Item = &'t Standing<'s>>,
) -> Option<&'t Standing<'s>> {
    let largest = |one: &Standing<'_>| {
        let bytes = one.cells.iter().map(|(_, cell)| cell.bytes_per_entry);
        let bytes: Option<Vec<f64>> = bytes.collect();
        bytes.and_then(|bytes| bytes.into_iter().reduce(f64::max))
    };
    let first = standings.next()?;
    let mut best = (largest(first)?, first);
    for one in standings {
        let bytes = largest(one)?;
        if bytes < best.0 {
            best = (bytes, one);
        }
    }
    Some(best.1)
}

/// `112 B an entry`, or `107 to 119 B an entry` where panels differ.
fn bytes(standing: &Standing<'_>) -> Option<String> {
    let known = standing.cells.iter();
    let known = known.filter_map(|(_, cell)| cell.bytes_per_entry);
    let (low, high) = super::figures::extremes(known)?;
    let (low, high) = (figure(low), figure(high));
    Some(if low == high {
        format!("{low} B an entry")
    } else {
        format!("{low} to {high} B an entry")
    })
}

/// Whether a cell is the fastest, or not told apart from it.
fn leads(panel: &PanelSummary, cell: &CellSummary, fastest: &CellSummary) -> bool {
    if std::ptr::eq(cell, fastest) {
        return true;
    }
    let slower = Verdict::Is(Difference::Slower);
    let ratio = panel.ratio(cell, fastest);
    ratio.is_some_and(|ratio| panel.verdict_on(&ratio) != slower)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::synthetic::{Cell, Synthetic};

    #[test]
    fn the_table_that_leads_most_panels_is_named() {
        let cells = |fixed: f64, striped: f64| {
            [
                Cell::null(8.0, 5.0),
                Cell::new("fixed", fixed),
                Cell::twin("fixed", fixed),
                Cell::new("striped", striped),
            ]
        };
        let one = Synthetic::new().panel("ycsb-a", 1, &cells(400.0, 100.0));
        let text = answer(&Summary::of(&one.records())).unwrap();
        assert!(text.starts_with("Take striped for ycsb-a"), "{text}");
        assert!(text.contains("4.0"), "how much faster it is: {text}");
        assert!(!text.contains("told apart"), "{text}");
        let two = Synthetic::new()
            .panel("ycsb-a", 1, &cells(400.0, 100.0))
            .panel("ycsb-b", 1, &cells(300.0, 100.0))
            .panel("ycsb-c", 1, &cells(50.0, 100.0));
        let text = answer(&Summary::of(&two.records())).unwrap();
        assert!(
            text.starts_with("Take striped: no table is faster beyond the noise in 2 of 3 panels"),
            "{text}"
        );
        assert!(
            text.contains(", and it leads them alone; it takes 96.0 B an entry"),
            "{text}"
        );
        assert!(text.ends_with("; fixed leads 1 alone."), "{text}");
        // Of one table there is nothing to choose.
        let alone = Synthetic::new().panel("ycsb-a", 1, &cells(400.0, 100.0)[..3]);
        assert_eq!(answer(&Summary::of(&alone.records())), None);
    }

    #[test]
    fn what_is_not_told_apart_is_no_winner() {
        let cells = |striped: f64| {
            [
                Cell::null(8.0, 5.0),
                Cell::new("fixed", 100.0),
                Cell::twin("fixed", 100.0),
                Cell::new("striped", striped),
                Cell::new("slow", 400.0),
            ]
        };
        // Of two that lead the smaller is taken, whichever has the higher median.
        for striped in [100.1, 99.9] {
            let mut one = Synthetic::new().panel("w", 1, &cells(striped)).records();
            for row in one.trials.iter_mut().filter(|row| row.target == "striped") {
                row.rss_bytes = row.rss_bytes.map(|bytes| bytes / 2);
            }
            let text = answer(&Summary::of(&one)).unwrap();
            assert!(text.starts_with("Take striped for w"), "{text}");
            let wanted =
                "not told apart from fixed at the top, and it is the smallest of these with 48.0 B";
            assert!(text.contains(wanted), "{text}");
        }
        // A panel in which all are alike tells nothing; a run of those has no answer but memory.
        let even = cells(100.1);
        let run = Synthetic::new()
            .panel("a", 1, &even)
            .panel("b", 1, &even[..4]);
        let text = answer(&Summary::of(&run.records())).unwrap();
        assert!(text.contains("in 1 of 1 panel"), "{text}");
        assert!(text.contains("1 panel tells no tables apart"), "{text}");
        let noise = Synthetic::new().panel("b", 1, &even[..4]);
        let text = answer(&Summary::of(&noise.records())).unwrap();
        assert!(text.starts_with("The run tells no tables apart"), "{text}");
        assert!(!text.contains("Take"), "{text}");
    }
}
