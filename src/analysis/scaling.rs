//! Targets at several thread counts, and the law that their rates follow.

use super::summary::{CellSummary, PanelSummary, ScalingLaw};
use crate::record::Manifest;
use crate::stats::{CONFIDENCE, Interval, RESAMPLES, Resampled, Usl, quantile};

/// Thread counts that the law needs: three coefficients, and one more to be wrong.
pub(crate) const COUNTS_FOR_A_LAW: usize = 4;

/// Panels that differ in nothing but their threads.
pub(crate) struct Group<'s> {
    /// By threads, rising.
    pub panels: Vec<&'s PanelSummary>,
}

/// The groups of panels with at least two thread counts.
pub(crate) fn groups<'s>(panels: impl Iterator<Item = &'s PanelSummary>) -> Vec<Group<'s>> {
    let mut groups: Vec<(_, Vec<&PanelSummary>)> = Vec::new();
    for panel in panels.filter(|panel| panel.entry.pace.is_none()) {
        let entry = &panel.entry;
        let key = (
            &entry.suite,
            &entry.workload,
            (entry.batch, entry.asked()),
            entry.between,
            entry.entries,
            &entry.corpus,
            entry.pass,
        );
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, panels)) => panels.push(panel),
            None => groups.push((key, vec![panel])),
        }
    }
    let mut scaled = Vec::new();
    for (_, mut panels) in groups {
        panels.sort_by_key(|panel| (panel.entry.threads, panel.entry.panel));
        let several = panels
            .iter()
            .any(|p| p.entry.threads != panels[0].entry.threads);
        if several {
            scaled.push(Group { panels });
        }
    }
    scaled
}

/// A target over thread counts: its label, and a cell with figures for each, rising.
pub(crate) type Target<'s> = (String, Vec<(&'s PanelSummary, &'s CellSummary)>);

impl<'s> Group<'s> {
    /// The ranked cells by target; a target that is in several panels of one thread count (the baseline
    /// of a panel that was split) is taken from the first.
    pub fn targets(&self) -> Vec<Target<'s>> {
        let mut targets: Vec<Target<'s>> = Vec::new();
        for &panel in &self.panels {
            let measured = panel.cells.iter().filter(|cell| cell.ranked());
            for cell in measured.filter(|cell| cell.rate.is_some_and(|rate| rate.low > 0.0)) {
                let place = (panel, cell);
                let same =
                    |points: &[(&PanelSummary, &CellSummary)]| points[0].1.is_target_of(cell);
                match targets.iter_mut().find(|(_, points)| same(points)) {
                    Some((_, points)) => {
                        let threads = panel.entry.threads;
                        if points
                            .iter()
                            .all(|(known, _)| known.entry.threads != threads)
                        {
                            points.push(place);
                        }
                    }
                    None => targets.push((panel.label(cell), vec![place])),
                }
            }
        }
        targets.retain(|(_, points)| points.len() > 1);
        targets
    }

    /// The most threads of its panels.
    pub fn most_threads(&self) -> u32 {
        self.panels.last().map_or(0, |panel| panel.entry.threads)
    }

    /// Why the law is not fitted to any of its targets; `None` where nothing stands against it.
    pub fn why_no_law(&self, manifest: &Manifest) -> Option<String> {
        let mut counts: Vec<u32> = self
            .panels
            .iter()
            .map(|panel| panel.entry.threads)
            .collect();
        counts.dedup();
        let Some(cores) = cores(manifest) else {
            return Some("how many cores the machine has is not known".to_owned());
        };
        let within = counts.iter().filter(|&&count| count <= cores).count();
        (within < COUNTS_FOR_A_LAW).then(|| {
            let cores = super::format::counted(u64::from(cores), "core");
            format!(
                "it needs {COUNTS_FOR_A_LAW} thread counts within the machine's {cores}, and {within} {} measured",
                if within == 1 { "was" } else { "were" }
            )
        })
    }
}

/// The cores that the run could use.
pub(crate) fn cores(manifest: &Manifest) -> Option<u32> {
    manifest.machine.get("cpus_usable")?.parse().ok()
}

/// The laws of a run: of each target that was measured at enough thread counts within the cores.
pub(crate) fn laws(panels: &[PanelSummary], manifest: &Manifest) -> Vec<ScalingLaw> {
    let Some(cores) = cores(manifest) else {
        return Vec::new();
    };
    groups(panels.iter().filter(|panel| !panel.is_about_hashes()))
        .iter()
        .flat_map(Group::targets)
        .filter_map(|(label, mut points)| {
            points.retain(|(panel, _)| panel.entry.threads <= cores);
            law(label, &points, manifest.seed)
        })
        .collect()
}

fn law(label: String, points: &[(&PanelSummary, &CellSummary)], seed: u64) -> Option<ScalingLaw> {
    if points.len() < COUNTS_FOR_A_LAW {
        return None;
    }
    let threads: Vec<u32> = points
        .iter()
        .map(|(panel, _)| panel.entry.threads)
        .collect();
    let fit_of = |rate_of: &dyn Fn(usize) -> f64| {
        let workers = threads.iter().map(|&count| f64::from(count));
        Usl::fit(
            &workers
                .enumerate()
                .map(|(at, n)| (n, rate_of(at)))
                .collect::<Vec<_>>(),
        )
    };
    // Panels were not measured together: each is drawn for itself.
    let rates: Vec<Resampled> = points
        .iter()
        .zip(&threads)
        .map(|((_, cell), &count)| {
            let seed = seed.wrapping_add(u64::from(count));
            Resampled::median(&cell.rates.by_birth(), seed, RESAMPLES)
        })
        .collect::<Option<_>>()?;
    let fit = fit_of(&|at| rates[at].mid)?;
    let drawn: Vec<Usl> = (0..RESAMPLES as usize)
        .filter_map(|draw| fit_of(&|at| rates[at].drawn()[draw]))
        .collect();
    let interval = |of: fn(&Usl) -> f64| {
        let values: Vec<f64> = drawn.iter().map(of).collect();
        let mid = of(&fit);
        let tail = (1.0 - CONFIDENCE) / 2.0;
        Some(Interval {
            low: quantile(&values, tail)?.min(mid),
            mid,
            high: quantile(&values, 1.0 - tail)?.max(mid),
        })
    };
    Some(ScalingLaw {
        label,
        panels: points.iter().map(|(panel, _)| panel.entry.panel).collect(),
        cells: points
            .iter()
            .map(|(_, cell)| cell.entry.cell_id.clone())
            .collect(),
        threads,
        fit,
        sigma: interval(|law| law.sigma)?,
        kappa: interval(|law| law.kappa)?,
    })
}
