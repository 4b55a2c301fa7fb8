//! How long a panel takes, and how often its tables are born within that time.

use super::cell::Panel;
use super::order;

/// Time for the slices of a cell by default, in seconds: ten slices of 10 ms for each of sixteen births. Copies of
/// one table differ more from birth to birth than such a time differs within one. `scripts/aa` shows what that gives: on
/// a virtual machine with two cores, the medians of 20 A/A pairs at 10^5 entries lay within 2.2 % of 1, and with
/// 0.75 s for each cell 18 of the 20 within 5 %.
const CELL_S: f64 = 1.6;

/// Such slices of a cell when no flag gives a time.
const SLICES: f64 = 3.0;

/// Seconds that the search of one target may take: a guess for the progress bar.
pub(super) const SEARCH_S: f64 = 80.0;

/// Births that a rate is searched with: of fewer there is no least and most.
pub(super) const SEARCHED_BIRTHS: u32 = 3;

/// The most births of a panel that has no time to spare, or ends by other means than time.
pub(super) const MOST_BIRTHS: u32 = 8;

/// The most births of any panel.
const ENOUGH_BIRTHS: u32 = 1000;

/// Slices of each cell for each birth from which on more time is better spent on a further birth.
const SLICES_A_BIRTH: f64 = 10.0;

/// Seconds for the slices of a cell when neither suite nor flags give a time.
pub(super) fn cell_s(panel: &Panel<'_>) -> f64 {
    match panel.workload.pace {
        None => CELL_S,
        Some(_) if panel.is_pass() => panel.pass_s(),
        Some(_) => SLICES * order::SLICE_S,
    }
}

impl Panel<'_> {
    /// How often its tables are born: a pass makes a fresh table each time anyway; otherwise as
    /// often as filling takes up to half as long as measuring, at least twice and at most
    /// `MOST_BIRTHS` times. More often, if it is time that ends it, where each birth has
    /// `SLICES_A_BIRTH` all the same.
    #[must_use]
    pub fn births(&self) -> u32 {
        if self.is_pass() {
            return 1;
        }
        let cells = self.cells.len() as f64;
        // Of long slices there may be fewer than births.
        let paced_s = self.workload.pace.map_or(0.0, |_| cells * order::SLICE_S);
        let affordable = |births: &u32| {
            f64::from(*births) * self.one_filling_s() <= self.time_s / 2.0
                && f64::from(*births) * paced_s <= self.time_s
        };
        let sampled_s = if self.latency { order::SLICE_S } else { 0.0 };
        let birth_s = cells * (SLICES_A_BIRTH * self.cut_ns() as f64 / 1e9 + sampled_s);
        let by_time = self.time_s.is_finite() && self.precision.is_none();
        let births = (2..=ENOUGH_BIRTHS)
            .take_while(|&births| {
                births <= MOST_BIRTHS || by_time && f64::from(births) * birth_s <= self.time_s
            })
            .filter(affordable)
            .last()
            // An interval over one birth would know nothing of a table's place in memory.
            .unwrap_or(if paced_s > 0.0 { 1 } else { 2 });
        births.min(self.trials.unwrap_or(u32::MAX))
    }

    /// Seconds that starting children and filling their tables may take in all. A child is checked before it is filled, and its stream is drawn.
    fn filling_s(&self) -> f64 {
        let each = self.cells.iter().map(|cell| match cell.target.server() {
            Some(_) => self.server_s(),
            None => 0.1 + self.filled() * 0.65e-6,
        });
        let births = match self.search {
            Some(_) => SEARCHED_BIRTHS,
            None => self.births(),
        };
        each.sum::<f64>() * f64::from(births)
    }

    /// Seconds that the panel may take, births and slices together: a guess, for the progress bar.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        // Of its own kind, before the slices of each birth.
        let sampled_s = if self.latency { order::SLICE_S } else { 0.0 };
        let sampled_s = sampled_s * self.cells.len() as f64 * f64::from(self.births());
        self.slices_s() + self.filling_s() + sampled_s
    }

    /// Seconds of its slices: what it is given, or what so many trials may take. Between the slices
    /// of a pass streams are drawn, and each pass begins with a fresh table.
    fn slices_s(&self) -> f64 {
        let paced = self.workload.pace.is_some();
        let streams = if self.is_pass() && !paced { 2.0 } else { 1.05 };
        let most_s = streams * self.time_s;
        let Some(trials) = self.trials.filter(|_| self.search.is_none()) else {
            return most_s;
        };
        let trial_s = match (self.is_pass(), paced) {
            (false, _) => 1.05 * f64::from(self.slices()) * self.cut_ns() as f64 / 1e9,
            (true, true) => self.pass_s(),
            (true, false) => {
                let ops = self.workload.ops.unwrap_or(self.workload.entries) as f64;
                let op_s = if self.workload.clocked {
                    1.6e-6
                } else {
                    1.2e-6
                };
                0.1 + ops * op_s
            }
        };
        (f64::from(trials) * self.cells.len() as f64 * trial_s).min(most_s)
    }

    /// The least that filling its tables once takes, by which births are rationed: what others do to
    /// the machine is no reason for fewer.
    fn one_filling_s(&self) -> f64 {
        let each = self.cells.iter().map(|cell| match cell.target.server() {
            Some(_) => self.server_s(),
            None => 0.03 + self.filled() * 0.4e-6,
        });
        each.sum()
    }

    /// Seconds that a server takes to start and to be filled over its connections.
    fn server_s(&self) -> f64 {
        0.3 + self.filled() * 4e-6
    }

    /// Entries that a table has before it is measured.
    fn filled(&self) -> f64 {
        let filled = self.workload.prefill.then_some(self.workload.entries);
        filled.unwrap_or(0) as f64
    }
}
