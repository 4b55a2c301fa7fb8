//! What a table would do at a size and with a number of threads that were not measured.
//!
//! Two models, each fitted only where the run can carry it. The time of an operation by the number of entries is that
//! of the miss model (`fit`); it needs three numbers of entries under one workload. The rate by the number of threads
//! is that of the Universal Scalability Law (Gunther 2008), which needs four thread counts within the machine's
//! cores. What cannot be predicted is said, with what a run would have to measure.
//!
//! **What the figures are worth** is seen where it can be: each number of entries, and each thread count, is left out
//! of the fit in turn and predicted from the others, its memory's latency included. The largest of these errors is the
//! half-width of the interval, and beyond the largest size it grows with the distance on a logarithmic scale, in steps
//! as long as that from the second largest size to the largest.

mod fit;
mod growth;
mod held_out;
mod point;
#[cfg(test)]
mod tests;
mod threads;

use super::structure::structures;
use super::summary::Summary;
use crate::record::Records;
use crate::stats::Interval;

pub use growth::Buckets;
pub use held_out::{HeldOut, errors_in_words};

use growth::{Growth, growths};
use threads::{by_law, law_in_words, law_of, left_out_of_law, why_no_law};

/// Quarters of a server's memory that tables may take.
const MEMORY_QUARTERS: f64 = 3.0;

/// What is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Question {
    /// Entries over all servers; the most that were measured, where it is `None`.
    pub entries: Option<u64>,
    /// Threads of a server; the most that were measured, each with a core, where it is `None`.
    pub threads: Option<u32>,
    /// Memory of a server in bytes; that of the run's machine, where it is `None`.
    pub memory_bytes: Option<u64>,
    /// Operations a second over all servers that are wanted.
    pub rate: Option<f64>,
}

/// What a target would do under a workload.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// The target as people read it.
    pub target: String,
    /// The workload.
    pub workload: String,
    /// Entries of one server.
    pub entries_per_server: u64,
    /// Threads that the rate is for: those asked for, or the most that were measured where nothing is known of
    /// more.
    pub threads: u32,
    /// Operations a second of one server, or why they are not known.
    pub rate: Result<Interval, String>,
    /// Bytes of all entries over all servers, or why they are not known.
    pub bytes: Result<Interval, String>,
    /// Buckets of one server's table: those that it grows to, or those to choose at a load of 1; `None` for a table
    /// without them.
    pub buckets: Option<Buckets>,
    /// Servers, or why their number is not known.
    pub servers: Result<Interval, String>,
    /// The models in words, and what they could not be fitted to.
    pub notes: Vec<String>,
    /// Cells that were left out of the fit, and predicted.
    pub held_out: Vec<HeldOut>,
}

/// Predicts what each target of a run would do under each of its workloads.
#[must_use]
pub fn predict(records: &Records, summary: &Summary, asked: Question) -> Vec<Prediction> {
    let structures = structures(records);
    let growths = growths(summary, &structures);
    let mut done: Vec<(&str, &str)> = Vec::new();
    let mut predictions = Vec::new();
    for growth in &growths {
        let key = (growth.workload.as_str(), growth.target.as_str());
        if done.contains(&key) {
            continue;
        }
        done.push(key);
        let of_target = growths
            .iter()
            .filter(|other| (other.workload.as_str(), other.target.as_str()) == key);
        predictions.push(of(summary, &of_target.collect::<Vec<_>>(), asked));
    }
    predictions
}

/// What all cells that can be left out of a fit say of the models: each once.
#[must_use]
pub fn held_out(records: &Records, summary: &Summary) -> Vec<HeldOut> {
    let structures = structures(records);
    let mut all: Vec<HeldOut> = growths(summary, &structures)
        .iter()
        .flat_map(Growth::left_out)
        .collect();
    all.extend(
        summary
            .laws
            .iter()
            .flat_map(|law| left_out_of_law(summary, law)),
    );
    all
}

fn of(summary: &Summary, growths: &[&Growth<'_>], asked: Question) -> Prediction {
    // With threads that were measured, contention is in the measured times.
    let most = growths.iter().max_by_key(|growth| growth.threads());
    let fewest = growths.iter().min_by_key(|growth| growth.threads());
    let (Some(&most), Some(&fewest)) = (most, fewest) else {
        unreachable!("a target has at least one thread count");
    };
    let wanted = asked.threads.unwrap_or(most.threads());
    let measured = growths
        .iter()
        .find(|growth| growth.threads() == wanted)
        .copied();
    let law = law_of(summary, fewest);
    let mut notes = Vec::new();
    let (base, threads, law) = match (measured, law) {
        (Some(growth), _) => (growth, wanted, None),
        (None, Some(law)) => (fewest, wanted, Some(law)),
        (None, None) => {
            notes.push(format!(
                "no law of threads: {}; the rate is that of {}",
                why_no_law(summary, fewest),
                crate::analysis::format::counted(most.threads().into(), "thread")
            ));
            (most, most.threads(), None)
        }
    };
    let largest = base.points.last().map_or(0.0, |point| point.entries);
    let entries = asked.entries.unwrap_or(crate::base::whole(largest));
    let mut held_out = base.left_out();
    let of_entries = held_out.clone();
    let of_threads: Vec<HeldOut> = law.map_or_else(Vec::new, |law| left_out_of_law(summary, law));
    held_out.extend(of_threads.iter().cloned());
    let rate_at = |entries: u64| -> Result<Interval, String> {
        let ns = base.ns(entries as f64, &of_entries)?;
        let own = ns.inverse(f64::from(base.threads()) * 1e9);
        Ok(match law {
            None => own,
            Some(law) => by_law(own, law, (base.threads(), threads), &of_threads),
        })
    };
    let bytes = base.bytes(entries);
    let (mut servers, why_memory) = by_memory(summary, &bytes, asked.memory_bytes);
    let shared = |servers: &Result<Interval, String>| {
        let count = servers.as_ref().map_or(1.0, |count| count.mid.max(1.0));
        crate::base::whole((entries as f64 / count).ceil())
    };
    let mut per_server = shared(&servers);
    let mut rate = rate_at(per_server);
    if let (Some(wanted), Ok(one), Ok(least)) = (asked.rate, &rate, &servers) {
        let count = |rate: f64, least: f64| (wanted / rate).ceil().max(least);
        servers = Ok(Interval {
            low: count(one.high, least.low),
            mid: count(one.mid, least.mid),
            high: count(one.low, least.high),
        });
        per_server = shared(&servers);
        rate = rate_at(per_server);
    }
    if let (Some(_), Err(why)) = (asked.rate, &rate) {
        // By memory alone would be an answer to another question.
        servers = Err(format!("no rate, so no servers for one: {why}"));
    }
    notes.extend(why_memory);
    notes.extend(base.in_words(per_server));
    notes.extend(law.map(|law| law_in_words(law, summary, threads)));
    Prediction {
        target: base.target.clone(),
        workload: base.workload.clone(),
        entries_per_server: per_server,
        threads,
        rate,
        bytes,
        buckets: base.buckets(per_server),
        servers,
        notes,
        held_out,
    }
}

/// The servers that memory asks for.
fn by_memory(
    summary: &Summary,
    bytes: &Result<Interval, String>,
    memory: Option<u64>,
) -> (Result<Interval, String>, Option<String>) {
    let own = summary.manifest.machine.get("memory_total_bytes");
    let memory = memory.or_else(|| own?.parse().ok());
    match (bytes, memory) {
        (Err(why), _) => (Err(why.clone()), None),
        (_, None) => (
            Err("the memory of a server is not known: give --memory".to_owned()),
            None,
        ),
        (Ok(bytes), Some(memory)) => {
            let usable = memory as f64 * MEMORY_QUARTERS / 4.0;
            let note = format!(
                "a server has {:.0} GiB, of which tables take three fourths at most",
                memory as f64 / (1_u64 << 30) as f64
            );
            let servers = bytes.map(|bytes| (bytes / usable).ceil().max(1.0));
            (Ok(servers), Some(note))
        }
    }
}
