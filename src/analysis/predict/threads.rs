//! Rates at thread counts that were not measured: along the Universal Scalability Law.

use super::growth::{Growth, workload};
use super::held_out::{HeldOut, worst};
use crate::analysis::format;
use crate::analysis::scaling::{cores, groups};
use crate::analysis::summary::{PanelSummary, ScalingLaw, Summary};
use crate::stats::{Interval, Usl};

/// The law of a target, at the most entries that have one.
pub(super) fn law_of<'s>(summary: &'s Summary, growth: &Growth<'_>) -> Option<&'s ScalingLaw> {
    let laws = summary.laws.iter().filter_map(|law| {
        let panel = summary
            .panels
            .iter()
            .find(|panel| Some(&panel.entry.panel) == law.panels.first())?;
        let cell = panel
            .cells
            .iter()
            .find(|cell| law.cells.contains(&cell.entry.cell_id))?;
        let same = cell.is_target_of(growth.cell) && workload(panel) == growth.workload;
        same.then_some((panel.entry.entries, law))
    });
    laws.max_by_key(|(entries, _)| *entries).map(|(_, law)| law)
}

pub(super) fn why_no_law(summary: &Summary, growth: &Growth<'_>) -> String {
    let own = |panel: &&PanelSummary| workload(panel) == growth.workload;
    let groups = groups(summary.panels.iter().filter(own));
    let why = groups
        .iter()
        .find_map(|group| group.why_no_law(&summary.manifest));
    let needs = "it needs 4 thread counts within the machine's cores";
    let why = why.unwrap_or_else(|| format!("{needs}, and 1 was measured"));
    match cores(&summary.manifest) {
        Some(cores @ 1..4) => format!(
            "{} give no law of threads ({why})",
            format::counted(cores.into(), "core")
        ),
        _ => why,
    }
}

/// A rate of some threads, taken along a law to others.
pub(super) fn by_law(
    own: Interval,
    law: &ScalingLaw,
    (from, to): (u32, u32),
    held_out: &[HeldOut],
) -> Interval {
    let factor = |usl: Usl| usl.rate(to.into()) / usl.rate(from.into());
    let of = |sigma: f64, kappa: f64| {
        factor(Usl {
            sigma,
            kappa,
            ..law.fit
        })
    };
    let most = f64::from(*law.threads.last().unwrap_or(&1));
    let before = law
        .threads
        .iter()
        .rev()
        .nth(1)
        .map_or(1.0, |&count| f64::from(count));
    let steps = (f64::from(to) / most).ln() / (most / before).ln();
    let missed = worst(held_out) * steps.max(1.0);
    let mid = own.mid * factor(law.fit);
    let low = own.low * of(law.sigma.high, law.kappa.high) * (-missed).exp();
    let high = own.high * of(law.sigma.low, law.kappa.low) * missed.exp();
    Interval {
        low: low.min(mid),
        mid,
        high: high.max(mid),
    }
}

/// Each thread count of a law, predicted from the others.
pub(super) fn left_out_of_law(summary: &Summary, law: &ScalingLaw) -> Vec<HeldOut> {
    let rate = |panel: u32, id: &String| {
        let panel = summary
            .panels
            .iter()
            .find(|known| known.entry.panel == panel)?;
        let cell = panel.cells.iter().find(|cell| cell.entry.cell_id == *id)?;
        Some(cell.rate?.mid)
    };
    let points: Vec<(f64, f64)> = law
        .panels
        .iter()
        .zip(&law.cells)
        .zip(&law.threads)
        .filter_map(|((panel, id), &threads)| Some((f64::from(threads), rate(*panel, id)?)))
        .collect();
    let one = |at: usize| {
        let mut others = points.clone();
        let (threads, measured) = others.remove(at);
        Some(HeldOut {
            target: law.label.clone(),
            what: format!("{threads} threads"),
            unit: "ops_per_s",
            measured,
            predicted: Usl::fit(&others)?.rate(threads),
        })
    };
    (0..points.len()).filter_map(one).collect()
}

pub(super) fn law_in_words(law: &ScalingLaw, summary: &Summary, threads: u32) -> String {
    let cores = cores(&summary.manifest).unwrap_or(0);
    let beyond = if threads > cores {
        format!(", on a machine like this one with as many cores ({cores} here)")
    } else {
        String::new()
    };
    let peak = law.fit.peak().map_or(String::new(), |peak| {
        format!("; the rate is highest at {peak:.0} threads")
    });
    format!(
        "threads: Universal Scalability Law with σ {:.3} and κ {:.5}, fitted to {} thread counts{beyond}{peak}",
        law.fit.sigma,
        law.fit.kappa,
        law.threads.len()
    )
}
