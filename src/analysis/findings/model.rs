//! Whether the cost model of chains explains a sweep over bucket counts, and where it does not.

use super::finding::{Finding, Topic, panel_numbers};
use super::places::places;
use super::sweep::{self, Sweep};
use crate::analysis::format::{change, counted, figure, listed};
use crate::analysis::model::{FLAGGED, Model};
use crate::analysis::summary::{PanelSummary, Summary};
use crate::base::{Value, human_integer};

/// Points from which on a fit of one parameter says something.
const POINTS: usize = 4;

/// A sentence on all sweeps over bucket counts of chained tables, strategy by strategy.
pub(crate) fn models(summary: &Summary) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for panel in &summary.panels {
        for sweep in sweep::of_panel(panel) {
            findings.extend(of_sweep(summary, panel, &sweep));
        }
    }
    findings
}

fn of_sweep(summary: &Summary, panel: &PanelSummary, sweep: &Sweep<'_>) -> Option<Finding> {
    let chained = sweep.points.iter().all(|p| p.cell.mean_walk.is_some());
    if sweep.param != "buckets" || sweep.points.len() < POINTS || !chained {
        return None;
    }
    let points: Option<Vec<(u64, f64)>> = sweep
        .points
        .iter()
        .map(|point| match point.value {
            Value::Integer(buckets) if buckets > 0 => Some((buckets, point.cell.ns_per_op?.mid)),
            _ => None,
        })
        .collect();
    let points = points?;
    let base_ns = panel.harness.as_ref().map_or(0.0, |floor| floor.floor_ns);
    let pairs = points.iter().map(|(buckets, ns)| (*buckets as f64, *ns));
    let model = Model::fit(panel.entry.entries as f64, base_ns, pairs)?;
    let mut off: Vec<(u64, f64)> = points
        .iter()
        .map(|(buckets, ns)| (*buckets, model.residual(*buckets as f64, *ns)))
        .filter(|(_, residual)| residual.abs() > FLAGGED)
        .collect();
    off.sort_by_key(|(buckets, _)| *buckets);
    let verdict = if off.is_empty() {
        format!("at all {} bucket counts", points.len())
    } else {
        let exceptions: Vec<String> = off
            .iter()
            .map(|(buckets, residual)| {
                let count = human_integer(*buckets);
                format!("{} at {count}", change(1.0 + residual))
            })
            .collect();
        format!(
            "at {} of {} (it is off by {})",
            points.len() - off.len(),
            counted(points.len() as u64, "bucket count"),
            listed(&exceptions)
        )
    };
    Some(Finding {
        text: format!(
            "The cost model predicts the cost of {} within {:.0} % {verdict} under {}, with α/2 + 1 steps of \
             {} ns over the harness's {} ns.",
            sweep.strategy,
            FLAGGED * 100.0,
            places(summary, &[panel]),
            figure(model.step_ns),
            figure(base_ns)
        ),
        topic: Topic::Model,
        panels: panel_numbers([panel]),
        cells: sweep
            .points
            .iter()
            .map(|p| p.cell.entry.cell_id.clone())
            .collect(),
        effect: off
            .iter()
            .map(|(_, r)| (1.0 + r).ln().abs())
            .fold(0.0, f64::max),
    })
}

#[cfg(test)]
mod tests {
    use crate::analysis::Summary;
    use crate::analysis::synthetic::{Cell, Synthetic};

    fn texts(ns: [f64; 4]) -> Vec<String> {
        let targets = [256, 1024, 4096, 16384].map(|buckets| format!("fixed:buckets={buckets}"));
        let cells: Vec<Cell<'_>> = targets
            .iter()
            .zip(ns)
            .map(|(target, ns)| Cell::new(target, ns).jitter(0.0).chains(&[(1, 10)]))
            .collect();
        let records = Synthetic::new().panel("ycsb-c", 1, &cells).records();
        let found = super::models(&Summary::of(&records));
        found.into_iter().map(|finding| finding.text).collect()
    }

    /// Steps of 10 ns over 100,000 entries.
    fn obedient(buckets: f64) -> f64 {
        10.0 * (100_000.0 / buckets / 2.0 + 1.0)
    }

    #[test]
    fn a_sweep_that_obeys_is_said_to() {
        let texts = texts([256.0, 1024.0, 4096.0, 16384.0].map(obedient));
        let wanted = "predicts the cost of fixed within 25 % at all 4 bucket counts";
        assert!(texts.iter().any(|text| text.contains(wanted)), "{texts:?}");
    }

    #[test]
    fn what_does_not_obey_is_named() {
        let mut ns = [256.0, 1024.0, 4096.0, 16384.0].map(obedient);
        ns[3] *= 3.0;
        let texts = texts(ns);
        let named = |text: &String| text.contains("off by") && text.contains("at 2^14");
        assert!(texts.iter().any(named), "{texts:?}");
    }
}
