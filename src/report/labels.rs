//! Targets as readers tell them apart: without the parameters that all of them have.

use super::summary::{CellSummary, PanelSummary};

/// The parameters that every ranked target spells out alike.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Shared {
    params: Vec<String>,
}

impl Shared {
    /// What the ranked targets of these panels share; nothing where there is one target only.
    pub fn of<'s>(panels: impl Iterator<Item = &'s PanelSummary>) -> Shared {
        let cells = panels.flat_map(|panel| panel.cells.iter().filter(|cell| cell.ranked()));
        let mut targets: Vec<&str> = cells
            .map(|cell: &CellSummary| cell.entry.target.as_str())
            .collect();
        targets.sort_unstable();
        targets.dedup();
        let [first, rest @ ..] = targets.as_slice() else {
            return Shared::default();
        };
        if rest.is_empty() {
            return Shared::default();
        }
        let everywhere = |param: &&str| rest.iter().all(|other| params(other).any(|p| p == *param));
        let params = params(first)
            .filter(everywhere)
            .map(str::to_owned)
            .collect();
        Shared { params }
    }

    /// A label without them; what follows the target stays: `fixed:buckets=2^17 (sip13)` becomes
    /// `fixed (sip13)`.
    pub fn without(&self, label: &str) -> String {
        let (target, rest) = match label.find(' ') {
            Some(at) => label.split_at(at),
            None => (label, ""),
        };
        let Some((name, _)) = target.split_once(':') else {
            return label.to_owned();
        };
        let own: Vec<&str> = params(target)
            .filter(|param| !self.params.iter().any(|shared| shared == param))
            .collect();
        if own.is_empty() {
            return format!("{name}{rest}");
        }
        format!("{name}:{}{rest}", own.join(","))
    }

    /// `buckets=2^17 and capacity=1000`; `None` where nothing is shared.
    pub fn in_words(&self) -> Option<String> {
        (!self.params.is_empty()).then(|| super::format::listed(&self.params))
    }
}

fn params(target: &str) -> impl Iterator<Item = &str> {
    let params = target.split_once(':').map_or("", |(_, params)| params);
    params.split(',').filter(|param| !param.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Summary;
    use crate::report::synthetic::{Cell, Synthetic};

    fn shared(targets: &[&str]) -> Shared {
        let cells: Vec<Cell<'_>> = targets
            .iter()
            .map(|target| Cell::new(target, 9.0))
            .collect();
        let summary = Summary::of(&Synthetic::new().panel("w", 1, &cells).records());
        Shared::of(summary.panels.iter())
    }

    #[test]
    fn what_all_have_is_left_out() {
        let shared = shared(&[
            "a:buckets=2^17",
            "b:buckets=2^17,stripes=1",
            "b:buckets=2^17,stripes=16",
        ]);
        assert_eq!(shared.in_words().as_deref(), Some("buckets=2^17"));
        assert_eq!(shared.without("a:buckets=2^17 (sip13)"), "a (sip13)");
        assert_eq!(shared.without("b:buckets=2^17,stripes=16"), "b:stripes=16");
        assert_eq!(shared.without("null"), "null");
    }

    #[test]
    fn what_one_has_not_is_kept() {
        for targets in [&["a:buckets=2^17", "b"][..], &["a:buckets=2^17"]] {
            let shared = shared(targets);
            assert_eq!(shared.in_words(), None);
            assert_eq!(shared.without("a:buckets=2^17"), "a:buckets=2^17");
        }
    }
}
