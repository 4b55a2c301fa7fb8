//! The effect of the hash function on a table: which is best, which is very slow where, what a flood costs.

use super::finding::{Finding, Topic, cell_ids, panel_numbers};
use crate::analysis::figures::gather;
use crate::analysis::format::{
    changes, counted, figure, listed, noise, times, times_between, times_within,
};
use crate::analysis::summary::{CellSummary, FloodCost, PanelSummary, Summary, Verdict};
use crate::analysis::verdict::Difference;
use crate::stats;

/// Sentences about functions that are slow on some keys.
const WORST_AT_MOST: usize = 3;
/// A function that takes so many times as long as the fastest has more wrong with it than its calls.
const RUINOUS: f64 = 2.0;

/// Findings of the panels that are about hash functions, the answer first.
pub(crate) fn hashes(summary: &Summary) -> Vec<Finding> {
    let about = summary
        .panels
        .iter()
        .filter(|panel| panel.is_about_hashes());
    let (floods, plain): (Vec<&PanelSummary>, Vec<&PanelSummary>) =
        about.partition(|panel| panel.flooded().is_some());
    let mut findings: Vec<Finding> = best(&plain).into_iter().collect();
    findings.extend(worst(&plain));
    findings.extend(flood_sentences(&floods));
    findings
}

/// The cells of one target in one panel, fastest first.
fn by_target(panel: &PanelSummary) -> Vec<(&str, Vec<&CellSummary>)> {
    let mut targets = Vec::new();
    for cell in panel.ranking() {
        gather(&mut targets, cell.entry.target.as_str(), cell);
    }
    targets.retain(|(_, cells)| cells.len() > 1);
    targets
}

fn ns(cell: &CellSummary) -> Option<f64> {
    Some(cell.ns_per_op?.mid)
}

fn keys_of(panel: &PanelSummary) -> String {
    match panel.entry.corpus.as_str() {
        "" => format!("under {}", panel.entry.workload),
        corpus => format!("on {corpus} keys"),
    }
}

/// The functions by what they cost over all targets and corpora.
fn best(panels: &[&PanelSummary]) -> Option<Finding> {
    let mut factors: Vec<(&str, Vec<f64>)> = Vec::new();
    let mut places = 0_u64;
    for panel in panels {
        for (_, cells) in by_target(panel) {
            let fastest = ns(cells[0])?;
            places += 1;
            for cell in cells {
                gather(&mut factors, cell.entry.hash.as_str(), ns(cell)? / fastest);
            }
        }
    }
    // Those that were not everywhere cannot be compared.
    let most = factors.iter().map(|(_, factors)| factors.len()).max()?;
    let mut means: Vec<(&str, f64, f64)> = factors
        .into_iter()
        .filter(|(_, factors)| factors.len() == most)
        .filter_map(|(hash, factors)| {
            let worst = factors.iter().copied().fold(0.0, f64::max);
            Some((hash, stats::geometric_mean(&factors)?, worst))
        })
        .collect();
    means.sort_by(|a, b| a.1.total_cmp(&b.1));
    let (first, mean, worst) = *means.first()?;
    let next: Vec<String> = means
        .iter()
        .skip(1)
        .take(2)
        .map(|(hash, mean, _)| format!("{hash} {}", times(*mean)))
        .collect();
    let mut text = format!(
        "{first} is the best hash function over {} of table and keys: a lookup takes {} as long as \
         under the fastest function of each, and {} at worst",
        counted(places, "pair"),
        times(mean),
        times(worst)
    );
    if !next.is_empty() {
        text += &format!("; then {}", listed(&next));
    }
    let (last, mean, _) = means[means.len() - 1];
    if means.len() > 3 {
        text += &format!("; last {last} {}", times(mean));
    }
    text += " (geometric means of medians).";
    Some(Finding {
        text,
        topic: Topic::Hash,
        panels: panel_numbers(panels.iter().copied()),
        cells: Vec::new(),
        effect: mean.ln().abs(),
    })
}

/// The worst case of each function that is more than slow.
fn worst(panels: &[&PanelSummary]) -> Vec<Finding> {
    let mut cases = Vec::new();
    for panel in panels {
        for (target, cells) in by_target(panel) {
            let fastest = cells[0];
            for cell in &cells[1..] {
                let Some(ratio) = panel.ratio(fastest, cell) else {
                    continue;
                };
                if panel.verdict_on(&ratio) == Verdict::Is(Difference::Faster)
                    && ratio.interval.low >= RUINOUS
                {
                    cases.push((ratio.interval, *panel, target, *cell, fastest));
                }
            }
        }
    }
    cases.sort_by(|a, b| b.0.mid.total_cmp(&a.0.mid));
    let mut seen: Vec<&str> = Vec::new();
    let mut findings = Vec::new();
    for (ratio, panel, target, cell, fastest) in cases {
        if findings.len() == WORST_AT_MOST || seen.contains(&cell.entry.hash.as_str()) {
            continue;
        }
        seen.push(&cell.entry.hash);
        let walks = match (cell.mean_walk, fastest.mean_walk) {
            (Some(long), Some(short)) if figure(long) != figure(short) => format!(
                ", and walks {} entries instead of {}",
                figure(long),
                figure(short)
            ),
            _ => String::new(),
        };
        findings.push(Finding {
            text: format!(
                "Under {} {} a lookup in {target} takes {} as long as under {}, the fastest there{walks}.",
                cell.entry.hash,
                keys_of(panel),
                times_within(&ratio),
                fastest.entry.hash
            ),
            topic: Topic::Hash,
            panels: vec![panel.entry.panel],
            cells: cell_ids([cell, fastest]),
            effect: ratio.mid.ln().abs(),
        });
    }
    findings
}

/// How the tables rank by the worst that a flood did to each.
fn tables(panels: &[&PanelSummary]) -> Option<Finding> {
    let mut by_target: Vec<(String, Vec<f64>)> = Vec::new();
    for panel in panels {
        for cost in panel.flood_costs() {
            let target = cost.flooded.entry.target.clone();
            gather(&mut by_target, target, cost.ratio.interval.mid);
        }
    }
    let mut worst: Vec<(String, f64)> = by_target
        .into_iter()
        .map(|(target, costs)| (target, costs.into_iter().fold(0.0, f64::max)))
        .collect();
    worst.sort_by(|a, b| a.1.total_cmp(&b.1));
    let (Some(least), Some(most)) = (worst.first(), worst.last()) else {
        return None;
    };
    if worst.len() < 2 || most.1 < RUINOUS {
        return None;
    }
    Some(Finding {
        text: format!(
            "{} resists floods best, where a lookup takes {} as long at worst, and {} worst, with {}.",
            least.0,
            times(least.1),
            most.0,
            times(most.1)
        ),
        topic: Topic::Hash,
        panels: panel_numbers(panels.iter().copied()),
        cells: Vec::new(),
        effect: most.1.ln().abs(),
    })
}

/// A sentence for each flooded function, the worst first; those that stand in one.
fn flood_sentences(panels: &[&PanelSummary]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let (mut standing, mut factors) = (Vec::new(), Vec::new());
    let (mut quiet_panels, mut floor) = (Vec::new(), 0.0_f64);
    for panel in panels {
        let (Some(flooded), costs) = (panel.flooded(), panel.flood_costs()) else {
            continue;
        };
        // A function may be a little slower or faster than the safe one: that is no flood.
        let hurt: Vec<&FloodCost<'_>> = costs
            .iter()
            .filter(|cost| panel.verdict_on(&cost.ratio) == Verdict::Is(Difference::Faster))
            .filter(|cost| cost.ratio.interval.mid >= RUINOUS)
            .collect();
        if hurt.is_empty() {
            if !costs.is_empty() {
                standing.push(flooded);
                factors.extend(costs.iter().map(|cost| cost.ratio.interval.mid));
                quiet_panels.push(*panel);
                floor = floor.max(panel.noise_band);
            }
            continue;
        }
        findings.push(flooding(panel, flooded, costs.len(), hurt));
    }
    findings.sort_by(|a, b| b.effect.total_cmp(&a.effect));
    let mut answers: Vec<Finding> = tables(panels).into_iter().collect();
    if !standing.is_empty() {
        let least = factors.iter().copied().fold(f64::INFINITY, f64::min);
        let most = factors.iter().copied().fold(0.0, f64::max);
        answers.push(Finding {
            text: format!(
                "Floods of {} hurt no table: a lookup takes {} against a function with a secret seed (A/A \
                 noise {}).",
                listed(&standing),
                changes(least, most),
                noise(floor)
            ),
            topic: Topic::Hash,
            panels: panel_numbers(quiet_panels),
            cells: Vec::new(),
            effect: 0.0,
        });
    }
    answers.extend(findings);
    answers
}

fn flooding(
    panel: &PanelSummary,
    flooded: &str,
    tables: usize,
    mut hurt: Vec<&FloodCost<'_>>,
) -> Finding {
    hurt.sort_by(|a, b| a.ratio.interval.mid.total_cmp(&b.ratio.interval.mid));
    let (least, most) = (hurt[0], hurt[hurt.len() - 1]);
    let name = |cost: &FloodCost<'_>| cost.flooded.entry.target.clone();
    let intervals: Vec<_> = [least, most]
        .iter()
        .map(|cost| cost.ratio.interval)
        .collect();
    let safe = &most.safe.entry.hash;
    let how = if hurt.len() == 1 {
        format!(
            "{} as long in {} as under {safe}",
            times_within(&most.ratio.interval),
            name(most)
        )
    } else {
        format!(
            "{} as long as under {safe}, least in {} and most in {}",
            times_between(&intervals),
            name(least),
            name(most)
        )
    };
    let spared = tables - hurt.len();
    let rest = match spared {
        0 => String::new(),
        spared => format!("; {spared} of {tables} tables are not hurt"),
    };
    Finding {
        text: format!(
            "Under a flood of {flooded} with {} colliding keys a lookup takes {how}{rest}.",
            panel.entry.entries
        ),
        topic: Topic::Hash,
        panels: vec![panel.entry.panel],
        cells: cell_ids([most.flooded, most.safe]),
        effect: most.ratio.interval.mid.ln().abs(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::findings::findings;
    use crate::analysis::synthetic::{Cell, Synthetic};

    fn texts(corpus: &str, cells: &[(&str, f64, &str)]) -> Vec<String> {
        // Cells are told apart by names of their own, then get the target.
        let names: Vec<String> = (0..cells.len()).map(|n| format!("t{n}")).collect();
        let made: Vec<Cell<'_>> = names
            .iter()
            .zip(cells)
            .map(|(name, (_, ns, _))| Cell::new(name, *ns))
            .collect();
        let mut records = Synthetic::new().panel("uniform", 1, &made).records();
        corpus.clone_into(&mut records.manifest.panels[0].corpus);
        for (entry, (target, _, hash)) in records.manifest.cells.iter_mut().zip(cells) {
            (*hash).clone_into(&mut entry.hash);
            (*target).clone_into(&mut entry.target);
            (*target).clone_into(&mut entry.target_full);
        }
        let found = findings(&Summary::of(&records));
        found.into_iter().map(|finding| finding.text).collect()
    }

    #[test]
    fn the_best_and_the_ruinous_are_named() {
        let texts = texts(
            "url",
            &[
                ("fixed", 100.0, "sip13"),
                ("fixed", 90.0, "xxh3"),
                ("fixed", 9000.0, "identity"),
                ("fixed", 120.0, "djb2"),
            ],
        );
        assert!(
            texts[0].starts_with("xxh3 is the best hash function over 1 pair of"),
            "{texts:?}"
        );
        assert!(texts[0].contains("a lookup takes 1.000×"), "{}", texts[0]);
        assert!(
            texts[1].starts_with("Under identity on url keys a lookup in fixed takes "),
            "{texts:?}"
        );
        assert!(
            texts.iter().all(|text| !text.contains(" runs at ")),
            "{texts:?}"
        );
    }

    #[test]
    fn a_flood_is_told_from_none() {
        let hurt = texts(
            "flood:djb2",
            &[
                ("fixed", 5000.0, "djb2"),
                ("dash", 90.0, "djb2"),
                ("fixed", 100.0, "sip13"),
                ("dash", 100.0, "sip13"),
            ],
        );
        let first = "dash resists floods best, where a lookup takes 0.9";
        assert!(hurt[0].starts_with(first), "{hurt:?}");
        assert!(hurt[0].contains(", and fixed worst, with "), "{hurt:?}");
        let hurt = &hurt[1..];
        assert!(
            hurt[0].starts_with("Under a flood of djb2 with 100000 colliding keys"),
            "{hurt:?}"
        );
        assert!(
            hurt[0].contains("as long in fixed as under sip13"),
            "{}",
            hurt[0]
        );
        assert!(
            hurt[0].ends_with("; 1 of 2 tables are not hurt."),
            "{}",
            hurt[0]
        );
        let none = texts(
            "flood:xxh3",
            &[("fixed", 99.0, "xxh3"), ("fixed", 100.0, "sip13")],
        );
        assert_eq!(none.len(), 1);
        assert!(
            none[0].starts_with("Floods of xxh3 hurt no table"),
            "{none:?}"
        );
    }
}
