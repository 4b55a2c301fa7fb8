//! The target that a panel's ratios are taken against.

use super::rates::{PAIRS_FOR_A_VERDICT, Ratio};
use super::summary::{PanelSummary, is_copy};

/// Where the baseline failed, the first target with figures takes its part, so that the others are still
/// compared. Its place in the entry is the summary's alone: the manifest keeps what was planned.
pub(super) fn hand_over(panel: &mut PanelSummary) {
    let failed = panel.baseline().is_some_and(|cell| cell.error.is_some());
    let mut measured = panel.cells.iter().filter(|cell| cell.ranked());
    let next = measured.find(|cell| cell.error.is_none() && cell.rate.is_some());
    if let Some(next) = next.filter(|_| failed) {
        panel.entry.baseline = next.entry.cell_id.clone();
    }
}

/// Takes each cell's ratio to the baseline, and from the twin's the noise floor. The twin of a baseline that
/// failed is no copy of the one in its place.
pub(super) fn compare(panel: &mut PanelSummary) {
    let Some(baseline) = panel.baseline() else {
        return;
    };
    let (full, baseline) = (baseline.entry.clone(), baseline.rates.clone());
    for cell in &mut panel.cells {
        let copied = !cell.entry.twin || is_copy(&cell.entry, &full);
        if cell.entry.cell_id != panel.entry.baseline && !cell.entry.control && copied {
            cell.ratio = cell.rates.ratio_to(&baseline, panel.seed);
        }
    }
    let twin = panel.cells.iter().find(|cell| cell.entry.twin);
    panel.noise_floor = twin
        .and_then(|twin| twin.ratio)
        .filter(|ratio| ratio.pairs >= PAIRS_FOR_A_VERDICT)
        .map(|Ratio { interval, .. }| interval.low.ln().abs().max(interval.high.ln().abs()));
}
