//! A plan as the tasks of a sweep: what a scheduler hands to machines.
//!
//! The unit is the panel, because ratios are paired within it: it is never split, whatever memory it needs. A panel
//! is identified by what it is, a hash over the ids of its cells, so that the same suites and flags give the same
//! ids on every machine. Panels are shared out to a number of tasks by the rule of the longest first (Graham 1969,
//! "Bounds on multiprocessing timing anomalies"), which takes at most a third longer than the best possible. What panels
//! take is estimated as on a machine where each thread has a core, so that all machines share them out in the same way.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use super::cell::Panel;
use super::plan::Plan;
use crate::base::BadInput;
use crate::record::{SweepPanel, TaskEntry, place_in_words, task_id};

/// Quarters of the memory at hand that a task may take, as in any run.
const MEMORY_QUARTERS: u64 = 3;

/// The most tasks that panels are shared out to: more than schedulers take.
pub const MOST_SHARDS: u32 = 1_000_000;

/// Seconds that the checks of a target take at most.
const CHECK_S: f64 = 1.0;

/// Task `number` of `of`, counted from 1, as test runners count their shards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Which one, from 1.
    pub number: u32,
    /// How many there are.
    pub of: u32,
}

impl FromStr for Shard {
    type Err = BadInput;

    fn from_str(text: &str) -> Result<Shard, BadInput> {
        let parts = text.split_once('/');
        let parsed = parts.and_then(|(k, n)| Some((k.parse().ok()?, n.parse().ok()?)));
        match parsed {
            Some((number, of)) if of <= MOST_SHARDS && (1..=of).contains(&number) => {
                Ok(Shard { number, of })
            }
            _ => Err(BadInput(format!(
                "'{text}' is no shard: K/N is the Kth of N, counted from 1 (1/8 to 8/8)"
            ))),
        }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

/// Panels that one machine measures, one after the other.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// A hash over the ids of its cells; that of its panel, where it has one.
    pub id: String,
    /// Which of how many it is, where panels were shared out.
    pub shard: Option<Shard>,
    /// Its panels, as places in the plan.
    pub panels: Vec<usize>,
    /// Processors that its threads want, one each.
    pub cores: u32,
    /// Bytes of memory that its largest panel is estimated to take.
    pub memory_bytes: u64,
    /// Seconds that it may take, checks of its targets included: a guess, infinite where a panel ends by its trials
    /// alone and nothing says how long they take.
    pub seconds: f64,
}

impl Plan<'_> {
    /// A task for each panel, in the plan's order.
    #[must_use]
    pub fn tasks(&self) -> Vec<Task> {
        let one = |at| self.task(vec![at], None);
        (0..self.panels.len()).map(one).collect()
    }

    /// The panels shared out to so many tasks, the longest first, each to the task that has least to do. Tasks are
    /// without panels where there are more of them than panels.
    #[must_use]
    pub fn shared_out(&self, of: u32) -> Vec<Task> {
        let mut longest: Vec<(usize, f64)> = self.panels.iter().map(seconds).enumerate().collect();
        longest.sort_by(|a, b| b.1.total_cmp(&a.1));
        let mut shares: Vec<(f64, Vec<usize>)> =
            vec![(0.0, Vec::new()); longest.len().min(of as usize)];
        for (at, seconds) in longest {
            let least = shares
                .iter_mut()
                .min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.len().cmp(&b.1.len())));
            if let Some((sum, panels)) = least {
                *sum += seconds;
                panels.push(at);
            }
        }
        let task = |(number, (_, mut panels)): (u32, (f64, Vec<usize>))| {
            panels.sort_unstable();
            self.task(panels, Some(Shard { number, of }))
        };
        shares.resize(of as usize, (0.0, Vec::new()));
        (1..).zip(shares).map(task).collect()
    }

    /// The task of a shard, as [`Plan::shared_out`] makes it.
    #[must_use]
    pub fn share(&self, shard: Shard) -> Task {
        let mut tasks = self.shared_out(shard.of);
        tasks.swap_remove(shard.number as usize - 1)
    }

    fn task(&self, panels: Vec<usize>, shard: Option<Shard>) -> Task {
        let own = || panels.iter().map(|&at| &self.panels[at]);
        let checked = own().flat_map(|panel| &panel.cells);
        let checked = checked.filter(|cell| self.verify && cell.is_checked());
        let checked: BTreeSet<String> = checked.map(|cell| cell.target.full()).collect();
        Task {
            id: task_id(own().flat_map(ids)),
            shard,
            cores: own().map(|panel| panel.threads).max().unwrap_or(0),
            memory_bytes: own().map(|panel| panel.bytes).max().unwrap_or(0),
            seconds: own().map(seconds).sum::<f64>() + CHECK_S * checked.len() as f64,
            panels,
        }
    }

    /// The task of one panel, by its id.
    ///
    /// # Errors
    /// No panel has this id.
    pub fn task_of(&self, id: &str) -> Result<Task, BadInput> {
        let mut tasks = self.tasks();
        if let Some(at) = tasks.iter().position(|task| task.id == id) {
            return Ok(tasks.swap_remove(at));
        }
        let known: Vec<&str> = tasks.iter().take(3).map(|task| task.id.as_str()).collect();
        Err(BadInput(format!(
            "no panel of these suites and flags has the id '{id}'; it has {}, such as {}: \
             `bucketlab plan` with the same suites and flags lists them; tasks of several panels \
             (plan --tasks N) are run with --shard K/N",
            crate::base::counted(tasks.len() as u64, "panel"),
            known.join(", "),
        )))
    }

    /// Leaves the panels of a task alone in the plan.
    pub fn keep(&mut self, task: &Task) {
        let sweep = self.panels.iter().map(|panel| SweepPanel {
            id: panel.id(),
            label: panel.words(),
        });
        self.task = Some(TaskEntry {
            id: task.id.clone(),
            sweep: sweep.collect(),
        });
        let mut at = 0..;
        self.panels
            .retain(|_| at.next().is_some_and(|at| task.panels.contains(&at)));
        self.bytes = task.memory_bytes;
        self.bytes_available = crate::machine::available_bytes();
    }

    /// Whether there is memory for the task that the plan is.
    ///
    /// # Errors
    /// [`BadInput`] if the task needs more than may be used here.
    pub fn check_memory(&self) -> Result<(), BadInput> {
        let id = self.task.as_ref().map_or("", |task| task.id.as_str());
        if let Some(available) = self.bytes_available
            && self.bytes > available / 4 * MEMORY_QUARTERS
        {
            let mib = |bytes: u64| bytes.div_ceil(1 << 20);
            return Err(BadInput(format!(
                "task {id} needs about {} MiB of memory, and {} MiB of the {} MiB available may be used; a panel is \
                 not split, so give the task a machine with more, or give fewer targets or entries",
                mib(self.bytes),
                mib(available / 4 * MEMORY_QUARTERS),
                mib(available),
            )));
        }
        Ok(())
    }
}

impl Panel<'_> {
    /// What identifies it in a sweep: a hash over the ids of its cells.
    #[must_use]
    pub fn id(&self) -> String {
        task_id(ids(self))
    }

    /// What tells it from the other panels of a sweep, in words: workload, entries, threads and how operations come.
    #[must_use]
    pub fn words(&self) -> String {
        let workload = &self.workload;
        place_in_words(
            &workload.name,
            (workload.entries, self.threads),
            (workload.batch, workload.between),
            (workload.connections, workload.depth),
        )
    }
}

/// Seconds of a panel on a machine where each thread has a core.
fn seconds(panel: &Panel<'_>) -> f64 {
    let mut alone = panel.clone();
    alone.crowd = 1;
    alone.seconds()
}

fn ids<'p>(panel: &'p Panel<'_>) -> impl Iterator<Item = &'p str> {
    panel.cells.iter().map(|cell| cell.id.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::ROWS;
    use crate::run::suite::Suite;

    fn plan() -> Plan<'static> {
        Plan::within(ROWS, vec![Suite::load("quick").unwrap()], None).unwrap()
    }

    #[test]
    fn every_panel_is_in_one_task_and_ids_are_those_of_the_cells() {
        let plan = plan();
        let single = plan.tasks();
        assert_eq!(single.len(), plan.panels.len());
        let ids: BTreeSet<&str> = single.iter().map(|task| task.id.as_str()).collect();
        assert_eq!(ids.len(), single.len(), "no two panels have one id");
        for of in [1, 2, 3, 100] {
            let tasks = plan.shared_out(of);
            assert_eq!(tasks.len(), of as usize);
            let mut all: Vec<usize> = tasks.iter().flat_map(|task| task.panels.clone()).collect();
            all.sort_unstable();
            assert_eq!(all, (0..plan.panels.len()).collect::<Vec<_>>());
            for task in tasks.iter().filter(|task| task.panels.len() == 1) {
                assert_eq!(task.id, single[task.panels[0]].id);
            }
        }
        assert_eq!(self::plan().shared_out(3), plan.shared_out(3));
    }

    #[test]
    fn the_longest_go_first_and_none_has_much_more_than_another() {
        let plan = plan();
        let tasks = plan.shared_out(3);
        let all: f64 = plan.panels.iter().map(seconds).sum();
        let longest = plan.panels.iter().map(seconds).fold(0.0, f64::max);
        let of_panels = |task: &Task| -> f64 {
            let panels = task.panels.iter();
            panels.map(|&at| seconds(&plan.panels[at])).sum()
        };
        for task in &tasks {
            assert!(of_panels(task) <= all / 3.0 + longest, "{task:?}");
            assert!(of_panels(task) < task.seconds, "checks take time too");
            assert_eq!(task.shard.unwrap().of, 3);
        }
    }

    #[test]
    fn a_task_is_a_part_of_the_plan_that_knows_the_whole() {
        let mut part = plan();
        let whole = part.tasks();
        part.keep(&whole[1]);
        assert_eq!(part.panels.len(), 1);
        let entry = part.task.as_ref().unwrap();
        assert_eq!(entry.id, whole[1].id);
        let ids: Vec<&str> = entry.sweep.iter().map(|panel| panel.id.as_str()).collect();
        let wanted: Vec<&str> = whole.iter().map(|task| task.id.as_str()).collect();
        assert_eq!(ids, wanted);
        let error = plan().task_of("0123").unwrap_err();
        assert!(
            error.0.contains("'0123'") && error.0.contains(&whole[0].id),
            "{error}"
        );
        let mut huge = whole[0].clone();
        huge.memory_bytes = u64::MAX;
        let mut part = plan();
        part.keep(&huge);
        assert!(part.check_memory().unwrap_err().0.contains("is not split"));
    }

    #[test]
    fn shards_count_from_1() {
        let shard = |text: &str| text.parse::<Shard>();
        assert_eq!(shard("3/8").unwrap(), Shard { number: 3, of: 8 });
        assert_eq!(shard("3/8").unwrap().to_string(), "3/8");
        for bad in ["", "3", "0/8", "9/8", "1/0", "a/b", "-1/2", "1/2/3"] {
            assert!(
                shard(bad).unwrap_err().0.contains("counted from 1"),
                "{bad}"
            );
        }
    }
}
