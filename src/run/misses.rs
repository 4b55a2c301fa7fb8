//! What exact LRU and Belady's rule would miss under the budgets of a run: simulated before anything
//! is measured, over the requests of each workload in the order of one thread.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use xxhash_rust::xxh3::xxh3_128;

use super::cell::Panel;
use crate::record::MissRow;
use crate::stats::{Access, Request, belady_misses, lru_misses, lru_needs_one_walk};
use crate::workload::{Filled, Kind, Prefill, Segment, Stream, Workload};

/// More requests are not simulated: they take 12 bytes each, and Belady's rule as many again.
const MOST_REQUESTS: usize = 1 << 25;

/// Up to so many requests Belady's rule is simulated for points of a curve, not only for the budgets
/// of the run: each point is a walk of its own.
const FEW_REQUESTS: usize = 1 << 20;

/// Points of a curve between the smallest and the largest budget, and a little beyond: LRU's, which
/// come for one walk together, and Belady's.
const LRU_POINTS: u32 = 48;
const BELADY_POINTS: u32 = 12;

/// The rows of all workloads with a budget, and why there are none of some.
pub(super) fn simulate(
    panels: &[Panel<'_>],
    seed: u64,
) -> anyhow::Result<(Vec<MissRow>, Vec<String>)> {
    let mut groups: Vec<(&Panel<'_>, Vec<u64>)> = Vec::new();
    for panel in panels {
        let Some(budget) = panel.workload.budget else {
            continue;
        };
        let same = |other: &Panel<'_>| {
            other.suite == panel.suite && plain_name(&other.workload) == plain_name(&panel.workload)
        };
        match groups.iter_mut().find(|(other, _)| same(other)) {
            Some((_, budgets)) => budgets.push(budget.0),
            None => groups.push((panel, vec![budget.0])),
        }
    }
    let (mut rows, mut reasons) = (Vec::new(), Vec::new());
    for (panel, budgets) in groups {
        let workload = plain_name(&panel.workload);
        match requests(&panel.workload, seed)? {
            Ok(requests) => rows.extend(curves(&panel.suite, &workload, &requests, budgets)),
            Err(why) => reasons.push(format!("what {workload} must miss: {why}")),
        }
    }
    Ok((rows, reasons))
}

/// The name of a workload without its budget.
pub(super) fn plain_name(workload: &Workload) -> String {
    let budget = workload.budget.map(|budget| format!("@{budget}"));
    let name = workload.name.as_str();
    let plain = budget.and_then(|budget| name.strip_suffix(&budget));
    plain.unwrap_or(name).to_owned()
}

/// The requests, or why they are not simulated.
fn requests(workload: &Workload, seed: u64) -> anyhow::Result<Result<Vec<Request>, String>> {
    let mut numbers: HashMap<u128, u32, FixedState> = HashMap::default();
    let mut requests = Vec::new();
    let mut request = |key: &[u8], value_len: u32, access| {
        let fresh = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
        let number = *numbers.entry(xxh3_128(key)).or_insert(fresh);
        let key_len = u32::try_from(key.len()).unwrap_or(u32::MAX);
        requests.push(Request {
            key: number,
            bytes: key_len.saturating_add(value_len),
            access,
        });
        requests.len() <= MOST_REQUESTS
    };
    let too_many = || Ok(Err(format!("it has more than {MOST_REQUESTS} requests")));
    if workload.prefill {
        let mut fits = true;
        Prefill::new(workload)
            .for_each(|key, value_len| fits = fits && request(key, value_len, Access::Write));
        if !fits {
            return too_many();
        }
    }
    let mut stream = Stream::open(workload, seed, 0, 1)?;
    let mut segment = Segment::default();
    while stream.refill(&mut segment)? == Filled::Part {
        for op in &segment.ops {
            let access = match op.kind {
                Kind::GetFill | Kind::Rmw => Access::Fill,
                Kind::Get => Access::Read,
                Kind::Set | Kind::Insert => Access::Write,
                Kind::Add => Access::Add,
                Kind::Replace | Kind::Cas => Access::Update,
                Kind::Incr | Kind::Decr => Access::Touch,
                Kind::Remove => Access::Remove,
                Kind::Append | Kind::Prepend => {
                    let why = "the simulation does not support appends, which make values larger";
                    return Ok(Err(why.into()));
                }
            };
            if !request(segment.key(op), op.value_len, access) {
                return too_many();
            }
        }
    }
    Ok(Ok(requests))
}

fn curves(
    suite: &str,
    workload: &str,
    requests: &[Request],
    mut budgets: Vec<u64>,
) -> Vec<MissRow> {
    let row = |policy: &str, budget_bytes, misses| MissRow {
        suite: suite.to_owned(),
        workload: workload.to_owned(),
        policy: policy.to_owned(),
        budget_bytes,
        requests: requests
            .iter()
            .filter(|request| request.access.is_lookup())
            .count() as u64,
        misses,
    };
    let mut belady_at = budgets.clone();
    let (least, most) = (
        budgets.iter().min().copied().unwrap_or(1) / 2,
        budgets.iter().max().copied().unwrap_or(1).saturating_mul(2),
    );
    let are_few = requests.len() <= FEW_REQUESTS;
    if are_few || lru_needs_one_walk(requests) {
        budgets.extend(between(least, most, LRU_POINTS));
    }
    if are_few {
        belady_at.extend(between(least, most, BELADY_POINTS));
    }
    for budgets in [&mut budgets, &mut belady_at] {
        budgets.sort_unstable();
        budgets.dedup();
    }
    let lru = lru_misses(requests, &budgets);
    let lru = budgets
        .iter()
        .zip(lru)
        .map(|(&budget, misses)| row("lru", budget, misses));
    let belady = belady_at
        .iter()
        .map(|&budget| row("belady", budget, belady_misses(requests, budget)));
    lru.chain(belady).collect()
}

/// So many budgets at equal ratios.
fn between(least: u64, most: u64, points: u32) -> impl Iterator<Item = u64> {
    let (from, to) = ((least.max(1) as f64).ln(), (most.max(1) as f64).ln());
    (0..=points).map(move |point| {
        let at = from + (to - from) * f64::from(point) / f64::from(points);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "positive, and saturates"
        )]
        let budget = at.exp().round() as u64;
        budget
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ByteCount;
    use crate::workload::{OnMiss, Size, TraceSource, find_preset};

    fn workload(name: &str) -> Workload {
        let mut workload = (find_preset(name).unwrap().build)();
        workload.resize(1_000);
        workload.budget = Some(ByteCount(20_000));
        workload
    }

    #[test]
    fn each_request_is_one_and_keys_have_one_number() {
        let cache = workload("cache-aside");
        let requests = requests(&cache, 1).unwrap().unwrap();
        assert_eq!(requests.len() as u64, cache.ops.unwrap());
        assert!(
            requests
                .iter()
                .all(|request| request.access == Access::Fill && request.key < 1_000)
        );
        let rows = curves("s", "w", &requests, vec![20_000, 1 << 30]);
        let misses = |policy: &str, budget| {
            let row = |row: &&MissRow| row.policy == policy && row.budget_bytes == budget;
            rows.iter().find(row).unwrap().misses
        };
        let distinct = 1 + u64::from(requests.iter().map(|r| r.key).max().unwrap());
        assert_eq!(
            (misses("lru", 1 << 30), misses("belady", 1 << 30)),
            (distinct, distinct)
        );
        assert!(misses("belady", 20_000) < misses("lru", 20_000));
        assert!(misses("lru", 20_000) < requests.len() as u64);
        assert!(rows.len() > 40);
    }

    #[test]
    fn prefills_are_written_and_reads_do_not_fill() {
        let mut read_only = workload("ycsb-c");
        let reads = requests(&read_only, 1).unwrap().unwrap();
        assert!(
            reads[1_000..]
                .iter()
                .all(|request| request.access == Access::Read)
        );
        read_only.on_miss = OnMiss::Fill;
        let requests = requests(&read_only, 1).unwrap().unwrap();
        let prefilled = requests
            .iter()
            .filter(|request| request.access == Access::Write)
            .count();
        assert_eq!((prefilled, requests.len()), (1_000, 2_000));
        let mut named = workload("cache-aside");
        named.name += "@20000";
        assert_eq!(plain_name(&named), "cache-aside");
    }

    #[test]
    fn sizes_that_change_are_simulated_as_they_are_stored() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sizes.oracleGeneral");
        let mut bytes = Vec::new();
        for (id, size) in [(101_u64, 10_u32), (102, 3_000), (102, 5), (101, 10)] {
            bytes.extend(7_u32.to_le_bytes());
            bytes.extend(id.to_le_bytes());
            bytes.extend(size.to_le_bytes());
            bytes.extend((-1_i64).to_le_bytes());
        }
        std::fs::write(&path, bytes).unwrap();
        let source = TraceSource::parse(path.to_str().unwrap(), false).unwrap();
        let requests = requests(&Workload::replay(source, 4, 2), 1)
            .unwrap()
            .unwrap();
        let rows = curves("s", "w", &requests, vec![3_010]);
        for policy in ["lru", "belady"] {
            let row = |row: &&MissRow| row.policy == policy && row.budget_bytes == 3_010;
            assert_eq!(rows.iter().find(row).unwrap().misses, 3, "{policy}");
        }
        // Writes that draw their size anew.
        let mut resized = workload("ycsb-a");
        resized.resize_values = true;
        resized.value = Size::Uniform {
            min: 100,
            max: 1_000,
        };
        let requests = super::requests(&resized, 1).unwrap().unwrap();
        assert!(!lru_needs_one_walk(&requests));
    }
}
