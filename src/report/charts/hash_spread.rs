//! How evenly keys fall into buckets: a heat map of functions against corpora.

use super::shape::{Heat, HeatCell, Shape, log_depth};
use super::suite::Draft;
use crate::base::{counted, human_integer, things};
use crate::record::HashSpreadRow;
use crate::report::format::figure;
use crate::report::hashes::{Fall, HashFigures, HashSummary};

/// Chi-square over its degrees of freedom where the scale ends.
const DEEPEST: f64 = 100.0;

pub(super) fn chart(summary: &HashSummary) -> Option<Draft> {
    if summary.hashes.iter().all(|hash| hash.spread.is_empty()) {
        return None;
    }
    let corpora = &summary.manifest.corpora;
    let columns = ["low", "high"].iter().flat_map(|bits| {
        let head = move |name: &String| vec![format!("{bits} bits"), name.clone()];
        corpora.iter().map(move |corpus| head(&corpus.name))
    });
    let row = |hash: &HashFigures| {
        let cells = ["low", "high"].iter().flat_map(|bits| {
            corpora
                .iter()
                .map(move |corpus| cell(hash, bits, &corpus.name))
        });
        (hash.entry.name.clone(), cells.collect())
    };
    let heat = Heat {
        columns: columns.collect(),
        levels: Vec::new(),
        apart: 0,
        rows: summary.hashes.iter().map(row).collect(),
        ends: [
            "1.00: chance".into(),
            format!("{DEEPEST} and more: piled up"),
        ],
    };
    let title = "Which functions spread which keys over buckets as evenly as chance?".to_owned();
    let about = "Chi-square of the buckets' counts over its degrees of freedom: 1 is chance, 2 \
                 means twice as many collisions as chance gives, below 1 keys are spread more \
                 evenly than by chance. Bucket masks use low bits, shards use high bits. Of the \
                 bucket counts, the one with the worst standard score is shown; ! and a deeper \
                 shade mean that chance is ruled out (a score above 5). Shades are logarithmic."
        .to_owned();
    Some(Draft {
        file: "hash-spread".into(),
        panels: Vec::new(),
        title,
        about,
        shape: Shape::Heat(heat),
    })
}

fn cell(hash: &HashFigures, bits: &str, corpus: &str) -> HeatCell {
    let rows = hash.spread.iter();
    let rows = rows.filter(|row| row.bits == bits && row.corpus == corpus);
    let Some(worst) = rows.max_by(|a, b| a.score.total_cmp(&b.score)) else {
        return HeatCell::default();
    };
    let ratio = over_degrees(worst);
    let (depth, mark) = match Fall::of(worst) {
        Fall::Piled => (log_depth(ratio.max(1.0), 1.0, DEEPEST), " !"),
        Fall::Chance | Fall::Even => (0.0, ""),
    };
    HeatCell {
        depth: Some(depth),
        text: format!("{}{mark}", short(ratio)),
        best: false,
        hover: format!(
            "{}, {} of {corpus}, {} {} by {bits} bits: chi-square {} ({} × its degrees of freedom), \
             score {}, longest chain {} against {}",
            hash.entry.name,
            counted(worst.keys, "key"),
            human_integer(worst.buckets),
            things(worst.buckets, "bucket"),
            figure(worst.chi_square),
            figure(ratio),
            figure(worst.score),
            worst.longest,
            worst.likely_longest
        ),
    }
}

fn over_degrees(row: &HashSpreadRow) -> f64 {
    row.chi_square / row.buckets.saturating_sub(1).max(1) as f64
}

/// What fits a narrow cell: `0.98`, `13`, `2.0k`.
fn short(ratio: f64) -> String {
    match ratio {
        r if r >= 9_950.0 => format!("{:.0}k", r / 1e3),
        r if r >= 999.5 => format!("{:.1}k", r / 1e3),
        r if r >= 9.95 => format!("{r:.0}"),
        r => format!("{r:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_short() {
        for (ratio, text) in [
            (0.984, "0.98"),
            (13.2, "13"),
            (1999.0, "2.0k"),
            (2e5, "200k"),
        ] {
            assert_eq!(short(ratio), text);
        }
    }
}
