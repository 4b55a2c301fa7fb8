//! What the suites of a run ask for by name: these findings come first, in the order asked.

use super::claim::{Claim, clusters, even_words, factor, finding};
use super::finding::{Finding, Topic};
use super::places::settings;
use super::{peers, values};
use crate::analysis::figures::gather;
use crate::analysis::format::listed;
use crate::analysis::summary::{CellSummary, PanelSummary, Summary};
use crate::analysis::verdict::Difference;
use crate::record::Manifest;
use std::str::FromStr;

/// One thing that a suite asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// All findings of a topic.
    Topic(Topic),
    /// Two strategies set against each other, written `A / B`: the first one's rate over the second's.
    Pair(String, String),
    /// The fastest target, and what each value of a parameter costs beside it, written `PARAM=`.
    Param(String),
}

impl FromStr for Ask {
    type Err = String;

    fn from_str(text: &str) -> Result<Ask, String> {
        if let Some((a, b)) = text.split_once('/') {
            let (a, b) = (a.trim(), b.trim());
            if a.is_empty() || b.is_empty() || a == b {
                return Err(format!("'{text}' does not name two strategies: A / B"));
            }
            return Ok(Ask::Pair(a.to_owned(), b.to_owned()));
        }
        if let Some(param) = text.strip_suffix('=').filter(|param| !param.is_empty()) {
            return Ok(Ask::Param(param.to_owned()));
        }
        let topic = Topic::ASKED.iter().find(|topic| topic.word() == text);
        topic.map(|topic| Ask::Topic(*topic)).ok_or_else(|| {
            let words: Vec<&str> = Topic::ASKED.iter().map(|topic| topic.word()).collect();
            format!(
                "'{text}' is no topic of findings: {}, or A / B for two strategies, or PARAM= for the values of a \
                 parameter",
                listed(&words)
            )
        })
    }
}

/// What the suites of a run ask for. What cannot be read, of another version of this program
/// perhaps, is passed over: a report is still one without it.
pub(crate) fn asks(manifest: &Manifest) -> Vec<Ask> {
    let mut asks: Vec<Ask> = Vec::new();
    let lists = manifest
        .suites
        .iter()
        .filter_map(|suite| suite.get("first")?.as_array());
    for ask in lists.flatten().filter_map(|ask| ask.as_str()?.parse().ok()) {
        if !asks.contains(&ask) {
            asks.push(ask);
        }
    }
    asks
}

/// The findings that come first; those of topics are taken out of what was proposed. How peers compare
/// comes before all, whether asked for or not: a run that has both kinds of tables asks it.
pub(crate) fn first(summary: &Summary, asks: &[Ask], proposed: &mut Vec<Finding>) -> Vec<Finding> {
    let mut first = peers::peers(summary);
    let by_default = [Ask::Topic(Topic::Batch)];
    let asks = if asks.is_empty() && !first.is_empty() {
        &by_default
    } else {
        asks
    };
    for ask in asks {
        match ask {
            Ask::Topic(topic) => {
                first.extend(proposed.extract_if(.., |finding| finding.topic == *topic));
            }
            Ask::Param(param) => first.extend(values::values(summary, param)),
            Ask::Pair(a, b) => first.extend(pair(summary, a, b)),
        }
    }
    first
}

/// Both strategies at their fastest, in each panel that has them.
fn pair(summary: &Summary, a: &str, b: &str) -> Option<Finding> {
    let mut claims = Vec::new();
    let mut several = false;
    for panel in &summary.panels {
        let ranking = panel.ranking();
        let of = |name: &str| -> Vec<&CellSummary> {
            let of_it = ranking.iter().filter(|cell| cell.entry.strategy == name);
            of_it.copied().collect()
        };
        let (cells, others) = (of(a), of(b));
        let (Some(&cell), Some(&over)) = (cells.first(), others.first()) else {
            continue;
        };
        several |= cells.len() > 1 || others.len() > 1;
        claims.extend(Claim::of(panel, cell, over));
    }
    let each = if several {
        ", each with its fastest parameters,"
    } else {
        ""
    };
    let mut by_workload = Vec::new();
    for (answer, claim) in &claims {
        gather(
            &mut by_workload,
            claim.panel.entry.workload.as_str(),
            (*answer, *claim),
        );
    }
    let clauses: Vec<String> = by_workload
        .into_iter()
        .map(|(workload, claims)| format!("{} under {workload}", listed(&clauses(summary, claims))))
        .collect();
    if clauses.is_empty() {
        return None;
    }
    let text = format!(
        "The rate of {a} over that of {b}{each} is {}.",
        clauses.join("; ")
    );
    let claims: Vec<Claim<'_>> = claims.into_iter().map(|(_, claim)| claim).collect();
    Some(finding(text, Topic::Asked, &claims))
}

/// `1.31× [1.28–1.35] (1 and 2 threads)`: a factor, or that there is none, and where.
fn clauses(summary: &Summary, claims: Vec<(Difference, Claim<'_>)>) -> Vec<String> {
    let mut by_verdict = Vec::new();
    for (answer, claim) in claims {
        gather(&mut by_verdict, answer, claim);
    }
    let mut clauses = Vec::new();
    for (answer, claims) in by_verdict {
        let clusters = if answer.is_one() {
            clusters(claims)
        } else {
            vec![claims]
        };
        for alike in clusters {
            let panels: Vec<&PanelSummary> = alike.iter().map(|claim| claim.panel).collect();
            let what = if answer.is_one() {
                factor(&alike)
            } else {
                even_words(answer, &alike)
            };
            clauses.push(format!("{what} ({})", settings(summary, &panels)));
        }
    }
    clauses
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::findings;
    use crate::analysis::synthetic::{Cell, Synthetic};

    #[test]
    fn asks_are_topics_or_pairs() {
        assert_eq!("scaling".parse(), Ok(Ask::Topic(Topic::Scaling)));
        assert_eq!("a / b".parse(), Ok(Ask::Pair("a".into(), "b".into())));
        assert_eq!("stripes=".parse(), Ok(Ask::Param("stripes".into())));
        let error = "speed".parse::<Ask>().unwrap_err();
        assert!(
            error.starts_with("'speed' is no topic of findings: batch, sweep,"),
            "{error}"
        );
        for bad in ["a /", "/ b", "a/a", "="] {
            assert!(bad.parse::<Ask>().is_err(), "{bad}");
        }
    }

    fn run(first: &[&str]) -> Vec<String> {
        let cells = |two: f64| {
            [
                Cell::new("mutex", 100.0 * two),
                Cell::new("rw:stripes=1", 150.0),
                Cell::new("rw:stripes=16", 120.0),
                Cell::new("rw:stripes=256", 125.0),
                Cell::new("quick", 1.0),
            ]
        };
        let mut records = Synthetic::new()
            .panel("w", 1, &cells(1.0))
            .panel("w", 2, &cells(3.0))
            .records();
        let first: toml::Value = first
            .iter()
            .map(|ask| (*ask).to_owned())
            .collect::<Vec<_>>()
            .into();
        records.manifest.suites = vec![toml::Table::from_iter([("first".to_owned(), first)])];
        findings(&Summary::of(&records))
            .into_iter()
            .map(|finding| finding.text)
            .collect()
    }

    #[test]
    fn what_is_asked_comes_first() {
        let texts = run(&["rw / mutex", "scaling", "from another version"]);
        let pair = "The rate of rw over that of mutex, each with its fastest parameters, is 0.8";
        assert!(texts[0].starts_with(pair), "{texts:?}");
        assert!(texts[0].contains("(1 thread) and 2."), "{}", texts[0]);
        assert!(
            texts[1].starts_with("From 1 to 2 threads the rate of "),
            "{texts:?}"
        );
        assert!(
            texts[1].contains("rw with the best of 3 stripes"),
            "{texts:?}"
        );
        let unasked = run(&[]);
        assert!(unasked[0].contains("quick runs at"), "{unasked:?}");
    }

    #[test]
    fn a_pair_that_is_not_there_is_not_spoken_of() {
        let texts = run(&["rw / spin"]);
        assert!(!texts.iter().any(|text| text.contains("spin")), "{texts:?}");
    }
}
