//! Our strategies against the maps of other crates: the fastest of each, in every panel that has several of
//! both.

use std::collections::BTreeSet;

use super::claim::{self, Claim};
use super::finding::{Finding, Topic, cell_ids, panel_numbers};
use super::places::{not_ranked, places};
use crate::analysis::figures::gather;
use crate::analysis::format::{counted, listed, share_of, times};
use crate::analysis::summary::{CellSummary, PanelSummary, Summary};
use crate::analysis::verdict::Difference;

/// Strategies of each kind from which on a panel is a contest; one against one is a pair.
const ENTRANTS: usize = 2;
/// Strategies that the answer ranks besides the first.
const NEXT: usize = 2;

/// A panel where both kinds stand, and what can be said there.
struct Contest<'s> {
    panel: &'s PanelSummary,
    outcome: Outcome,
    /// The fastest of ours over the fastest peer.
    claim: Claim<'s>,
}

/// The result of a contest.
#[derive(Clone, Copy, PartialEq)]
enum Outcome {
    /// Ours is faster.
    Ahead,
    /// The peer is.
    Behind,
    /// The interval lies within the noise: they are the same within it.
    Level,
    /// It does not, and neither does it lie beyond: there may be one.
    NotToldApart,
}

/// The results over all panels, then the ranks; charts show each panel. In an open loop the rate is the one
/// asked for, so that no target is ahead.
pub(crate) fn peers(summary: &Summary) -> Vec<Finding> {
    let closed = summary.panels.iter().filter(|panel| !panel.is_open_loop());
    let (mut contests, mut undecided) = (Vec::new(), Vec::new());
    for panel in closed {
        let Some((ours, peer)) = entrants(panel) else {
            continue;
        };
        match contest(panel, ours, peer) {
            Some(contest) => contests.push(contest),
            None => undecided.push((panel, ours, peer)),
        }
    }
    match (contests.as_slice(), undecided.as_slice()) {
        ([], []) => return Vec::new(),
        ([], _) => return vec![nothing_decided(summary, &undecided)],
        ([only], []) => return vec![the_only(summary, only)],
        _ => {}
    }
    let mut findings = vec![results(summary, &contests, &undecided)];
    findings.extend(leaders(&contests, undecided.is_empty()));
    findings
}

/// The fastest of ours and the fastest peer, where the panel is a contest.
fn entrants(panel: &PanelSummary) -> Option<(&CellSummary, &CellSummary)> {
    let ranking = panel.ranking();
    // Tables with tables, and servers with servers.
    let of_tables = ranking
        .iter()
        .any(|cell| cell.entry.peer && !cell.entry.server);
    let (peers, ours): (Vec<&CellSummary>, Vec<&CellSummary>) = ranking
        .into_iter()
        .filter(|cell| cell.entry.server != of_tables)
        .partition(|cell| cell.entry.peer);
    let strategies = |cells: &[&CellSummary]| {
        let names: BTreeSet<&str> = cells
            .iter()
            .map(|cell| cell.entry.strategy.as_str())
            .collect();
        names.len()
    };
    let several = strategies(&peers) >= ENTRANTS && strategies(&ours) >= ENTRANTS;
    several.then(|| (ours[0], peers[0]))
}

fn contest<'s>(
    panel: &'s PanelSummary,
    ours: &'s CellSummary,
    peer: &'s CellSummary,
) -> Option<Contest<'s>> {
    let (answer, claim) = Claim::of(panel, ours, peer)?;
    let outcome = match answer {
        Difference::Faster => Outcome::Ahead,
        Difference::Slower => Outcome::Behind,
        Difference::Same => Outcome::Level,
        Difference::NotToldApart => Outcome::NotToldApart,
    };
    Some(Contest {
        panel,
        outcome,
        claim,
    })
}

/// A panel that cannot be decided, with its two.
type Undecided<'s> = (&'s PanelSummary, &'s CellSummary, &'s CellSummary);

/// `undecided for lack of pairs in 2 (ycsb-b with 1 and 2 threads)`.
fn undecided_words(summary: &Summary, undecided: &[Undecided<'_>]) -> String {
    let panels: Vec<&PanelSummary> = undecided.iter().map(|(panel, ..)| *panel).collect();
    format!(
        "undecided for lack of pairs in {} ({})",
        panels.len(),
        places(summary, &panels)
    )
}

fn nothing_decided(summary: &Summary, undecided: &[Undecided<'_>]) -> Finding {
    Finding {
        text: format!(
            "Our fastest strategy against the fastest peer is {}.",
            undecided_words(summary, undecided)
        ),
        topic: Topic::Peers,
        panels: panel_numbers(undecided.iter().map(|(panel, ..)| *panel)),
        cells: cell_ids(undecided.iter().flat_map(|(_, ours, peer)| [*ours, *peer])),
        effect: 0.0,
    }
}

fn the_only(summary: &Summary, contest: &Contest<'_>) -> Finding {
    let Contest {
        panel,
        outcome,
        claim,
    } = contest;
    let (ours, peer) = (panel.label(claim.cell), panel.label(claim.over));
    let ranks = ranks(std::slice::from_ref(contest), false).ranks;
    let text = match outcome {
        Outcome::Ahead | Outcome::Behind => format!(
            "{ours}, our fastest strategy, runs at {} the rate of {peer}, the fastest peer,",
            share_of(&[claim.ratio])
        ),
        _ => format!(
            "{ours}, our fastest strategy, and {peer}, the fastest peer, are {}",
            even_words(*outcome, &[*claim])
        ),
    };
    let text = format!(
        "{text} under {}{}.",
        places(summary, &[panel]),
        next(&ranks, "; ")
    );
    claim::finding(text, Topic::Peers, &[*claim])
}

/// `the same within 3 % (−1 % … +2 %)`, or that they are not told apart.
fn even_words(outcome: Outcome, claims: &[Claim<'_>]) -> String {
    let difference = match outcome {
        Outcome::NotToldApart => Difference::NotToldApart,
        _ => Difference::Same,
    };
    claim::even_words(difference, claims)
}

/// `; then cuckoo 1.28× and optimistic 1.24×`: those that come after the first.
fn next(ranks: &[(String, f64)], before: &str) -> String {
    let after = ranks.iter().skip(1).take(NEXT);
    let names: Vec<String> = after
        .map(|(name, mean)| format!("{name} {}", times(*mean)))
        .collect();
    if names.is_empty() {
        return String::new();
    }
    format!("{before}then {}", listed(&names))
}

/// In how many panels our fastest is ahead, behind and neither.
fn results(summary: &Summary, contests: &[Contest<'_>], undecided: &[Undecided<'_>]) -> Finding {
    let all = counted((contests.len() + undecided.len()) as u64, "panel");
    let mut results: Vec<String> = Vec::new();
    for (outcome, words) in [
        (Outcome::Ahead, "ahead of"),
        (Outcome::Behind, "behind"),
        (Outcome::Level, "level with"),
        (Outcome::NotToldApart, "not told apart from"),
    ] {
        let of_it = contests.iter().filter(|contest| contest.outcome == outcome);
        let claims: Vec<Claim<'_>> = of_it.map(|contest| contest.claim).collect();
        if claims.is_empty() {
            continue;
        }
        let count = claims.len();
        let mut result = if results.is_empty() {
            format!("{words} the fastest peer in {count} of {all}")
        } else {
            format!("{words} it in {count}")
        };
        if matches!(outcome, Outcome::Ahead | Outcome::Behind) {
            result += &format!(" ({})", claim::factor(&claims));
        }
        results.push(result);
    }
    if !undecided.is_empty() {
        results.push(undecided_words(summary, undecided));
    }
    let text = format!("Our fastest strategy is {}.", listed(&results));
    let claims: Vec<Claim<'_>> = contests.iter().map(|contest| contest.claim).collect();
    claim::finding(text, Topic::Peers, &claims)
}

/// The first of both kinds over all panels that are decided.
fn leaders(contests: &[Contest<'_>], all_decided: bool) -> Option<Finding> {
    let [ours, peers] = [false, true].map(|peer| ranks(contests, peer));
    let lacking = ours.lacking.iter().chain(&peers.lacking);
    let lacking = not_ranked(lacking.map(|(name, in_panels)| (name.as_str(), *in_panels)));
    let (first, mean) = ours.ranks.first()?;
    let (peer, of_peer) = peers.ranks.first()?;
    let over = if all_decided { "all" } else { "the decided" };
    let text = format!(
        "Over {over} panels {first} is first of ours ({} the fastest peer{}) and {peer} first of the \
         peers ({}), by geometric means{lacking}.",
        times(*mean),
        next(&ours.ranks, ", "),
        times(*of_peer)
    );
    let claims: Vec<Claim<'_>> = contests.iter().map(|contest| contest.claim).collect();
    Some(claim::finding(text, Topic::Peers, &claims))
}

/// The targets of one kind, over all contests.
struct Ranks {
    /// Those that stand in every contest, with the geometric mean of their rates over the fastest
    /// peer's; the highest first.
    ranks: Vec<(String, f64)>,
    /// Those that do not, a failed cell among them perhaps, and in how many they do.
    lacking: Vec<(String, usize)>,
}

/// Ranks the targets of one kind by the geometric mean of their rates over the fastest peer's. Means over
/// different panels do not compare, so targets that lack one are named instead.
fn ranks(contests: &[Contest<'_>], peers: bool) -> Ranks {
    let mut logs: Vec<(String, Vec<f64>)> = Vec::new();
    for Contest { panel, claim, .. } in contests {
        let of_kind = panel.ranking().into_iter();
        for cell in of_kind.filter(|cell| cell.entry.peer == peers) {
            let itself = cell.entry.cell_id == claim.over.entry.cell_id;
            let log = match panel.ratio(cell, claim.over) {
                _ if itself => 0.0,
                Some(ratio) => ratio.interval.mid.ln(),
                None => continue,
            };
            gather(&mut logs, panel.label(cell), log);
        }
    }
    let (everywhere, elsewhere): (Vec<_>, Vec<_>) = logs
        .into_iter()
        .partition(|(_, logs)| logs.len() == contests.len());
    let mut ranks: Vec<(String, f64)> = everywhere
        .into_iter()
        .map(|(label, logs)| (label, (logs.iter().sum::<f64>() / logs.len() as f64).exp()))
        .collect();
    ranks.sort_by(|a, b| b.1.total_cmp(&a.1));
    let lacking = elsewhere.into_iter();
    Ranks {
        ranks,
        lacking: lacking.map(|(label, logs)| (label, logs.len())).collect(),
    }
}

#[cfg(test)]
mod tests {
    use crate::analysis::synthetic::{Cell, Synthetic};
    use crate::analysis::{Summary, Topic, findings};
    use crate::record::PaceEntry;

    fn contest(ours: [f64; 2], peers: [f64; 2]) -> [Cell<'static>; 4] {
        [
            Cell::peer("papaya", peers[0]),
            Cell::peer("dashmap", peers[1]),
            Cell::new("cuckoo", ours[0]),
            Cell::new("dash", ours[1]),
        ]
    }

    #[test]
    fn servers_are_held_against_servers_and_tables_against_tables() {
        let cells = [
            Cell::new("striped", 100.0),
            Cell::new("dash", 110.0),
            Cell::server("served:striped", 10_000.0),
            Cell::server("served:dash", 11_000.0),
            Cell::server("start:memcached", 20_000.0).of_others(),
            Cell::server("start:redis-server", 21_000.0).of_others(),
        ];
        let texts = |cells: &[Cell<'_>]| -> Vec<String> {
            let summary = Summary::of(&Synthetic::new().panel("w", 1, cells).records());
            super::peers(&summary)
                .into_iter()
                .map(|one| one.text)
                .collect()
        };
        let of_servers = texts(&cells);
        assert!(
            of_servers[0].starts_with("served:striped, our fastest strategy, runs at")
                && of_servers[0].contains("start:memcached, the fastest peer"),
            "{of_servers:?}"
        );
        let [a, b, ..] = cells.clone();
        let tables = [a, b, Cell::peer("papaya", 200.0), Cell::peer("scc", 210.0)];
        let both = texts(&[&tables[..], &cells[2..]].concat());
        assert!(
            both[0].starts_with("striped, our fastest strategy, runs at")
                && both[0].contains("papaya, the fastest peer"),
            "{both:?}"
        );
    }

    #[test]
    fn the_winner_the_best_peer_and_their_ratio_come_first() {
        // The twin says how large the noise is.
        let mut even = Vec::from(contest([100.0, 200.0], [100.0, 200.0]));
        even.push(Cell::twin("papaya", 104.0));
        let records = Synthetic::new()
            .panel("ycsb-b", 1, &contest([100.0, 150.0], [200.0, 300.0]))
            .panel("ycsb-b", 2, &contest([100.0, 150.0], [200.0, 300.0]))
            .panel("ycsb-c", 2, &contest([300.0, 290.0], [145.0, 200.0]))
            .panel("ycsb-c", 1, &even)
            .records();
        let found = findings(&Summary::of(&records));
        let texts: Vec<&str> = found.iter().map(|finding| finding.text.as_str()).collect();
        let start = "Our fastest strategy is ahead of the fastest peer in 2 of 4 panels (";
        assert!(texts[0].starts_with(start), "{texts:?}");
        assert!(texts[0].contains("behind it in 1 (0.5"), "{texts:?}");
        assert!(texts[0].contains("level with it in 1"), "{texts:?}");
        assert!(
            texts[1].starts_with("Over all panels cuckoo is first of ours (1."),
            "{texts:?}"
        );
        assert!(
            texts[1].contains(" and papaya first of the peers (1.000×)"),
            "{texts:?}"
        );
        let of_peers = found.iter().filter(|finding| finding.topic == Topic::Peers);
        assert_eq!(of_peers.count(), 2, "the charts show each panel: {texts:?}");
    }

    #[test]
    fn what_cannot_be_said_is_said() {
        let clear = contest([100.0, 150.0], [200.0, 300.0]);
        let mut records = Synthetic::new()
            .panel("ycsb-b", 1, &clear)
            .panel("ycsb-c", 1, &contest([100.0, 200.0], [100.0, 200.0]))
            .panel("ycsb-b", 2, &clear)
            .records();
        records
            .slices
            .retain(|slice| slice.panel != 2 || slice.round < 2);
        let found = findings(&Summary::of(&records));
        let text = &found[0].text;
        // Without a twin nothing is known of the noise, so that nothing is level.
        let start = "Our fastest strategy is ahead of the fastest peer in 1 of 3 panels (";
        assert!(text.starts_with(start), "{text}");
        let rest = ", not told apart from it in 1 and undecided for lack of pairs in 1 (ycsb-b with 2 threads).";
        assert!(text.ends_with(rest), "{text}");
        let text = &found[1].text;
        assert!(
            text.starts_with("Over the decided panels cuckoo is first of ours ("),
            "{text}"
        );
        records.manifest.panels.drain(..2);
        records.manifest.cells.retain(|cell| cell.panel == 2);
        let text = &findings(&Summary::of(&records))[0].text;
        let wanted = "Our fastest strategy against the fastest peer is undecided for lack of pairs in 1 \
                      (ycsb-b with 2 threads).";
        assert_eq!(text, wanted);
    }

    #[test]
    fn at_a_pace_nobody_is_ahead() {
        let cells = contest([100.0, 150.0], [200.0, 300.0]);
        let mut records = Synthetic::new().panel("ycsb-b", 1, &cells).records();
        let has = |records: &crate::record::Records| {
            let found = findings(&Summary::of(records));
            found.iter().any(|finding| finding.topic == Topic::Peers)
        };
        assert!(has(&records));
        records.manifest.panels[0].pace = Some(PaceEntry {
            offered_per_s: Some(100_000),
            arrival: "poisson".into(),
            speed: None,
            sweep: "ycsb-b".into(),
        });
        assert!(!has(&records));
    }

    #[test]
    fn who_lacks_a_panel_is_named_and_not_ranked() {
        let [_, dashmap, cuckoo, dash] = contest([100.0, 150.0], [200.0, 300.0]);
        let failed = [
            Cell::peer("papaya", 200.0).failing("it hung"),
            Cell::peer("flurry", 400.0),
            dashmap,
            cuckoo,
            dash,
        ];
        let [papaya, dashmap, cuckoo, dash] = contest([100.0, 150.0], [200.0, 300.0]);
        let whole = [papaya, Cell::peer("flurry", 400.0), dashmap, cuckoo, dash];
        let records = Synthetic::new()
            .panel("ycsb-b", 1, &whole)
            .panel("ycsb-b", 2, &failed)
            .records();
        let found = findings(&Summary::of(&records));
        let answer = found
            .iter()
            .find(|finding| finding.text.starts_with("Over all panels"));
        let text = &answer.unwrap().text;
        assert!(text.contains("dashmap first of the peers ("), "{text}");
        let named = "; not ranked for lack of figures: papaya (has figures in 1).";
        assert!(text.ends_with(named), "{text}");
    }

    #[test]
    fn one_contest_makes_one_sentence() {
        let cells = contest([100.0, 150.0], [200.0, 300.0]);
        let found = findings(&Summary::of(
            &Synthetic::new().panel("ycsb-b", 2, &cells).records(),
        ));
        let text = &found[0].text;
        let start = "cuckoo, our fastest strategy, runs at ";
        assert!(text.starts_with(start), "{text}");
        assert!(
            text.contains(" papaya, the fastest peer, under ycsb-b with 2 threads; then dash 1.3"),
            "{text}"
        );
        assert!(
            found
                .iter()
                .skip(1)
                .all(|finding| finding.topic != Topic::Peers)
        );
    }

    #[test]
    fn one_against_one_is_no_contest() {
        let cells = [
            Cell::peer("papaya", 100.0),
            Cell::new("cuckoo", 50.0),
            Cell::new("dash", 60.0),
        ];
        let found = findings(&Summary::of(
            &Synthetic::new().panel("w", 1, &cells).records(),
        ));
        assert!(found.iter().all(|finding| finding.topic != Topic::Peers));
    }
}
