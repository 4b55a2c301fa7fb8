//! Which function to use, in sentences that follow from the figures.

use super::{AvalancheFigures, HashFigures, HashSummary, USUAL_BYTES};
use crate::analysis::format::{counted, figure, listed, times_within};
use crate::base::human_integer;

/// One sentence and the chart that shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HashFinding {
    /// The sentence.
    pub text: String,
    /// The stem of the chart's file; empty for none.
    pub chart: &'static str,
}

/// The findings: which function to use first, then why.
#[must_use]
pub fn findings(summary: &HashSummary) -> Vec<HashFinding> {
    let sentences = [
        advice(summary),
        fitness(summary, "low", "buckets picked by low bits (masks)"),
        fitness(summary, "high", "shards picked by high bits"),
        cost_of_keys(summary),
        floods(summary),
        chains(summary),
        avalanche(summary),
    ];
    sentences.into_iter().flatten().collect()
}

fn said(text: String, chart: &'static str) -> HashFinding {
    HashFinding { text, chart }
}

/// Those that spread all corpora both by low and by high bits, fastest first.
fn all_round(summary: &HashSummary) -> Vec<&HashFigures> {
    let high = summary.sound("high");
    let both = |hash: &&HashFigures| high.iter().any(|other| other.entry == hash.entry);
    let measured = |hash: &&HashFigures| hash.usual_ns().is_finite();
    let low = summary.sound("low").into_iter();
    low.filter(both).filter(measured).collect()
}

fn named_with_cost(hash: &HashFigures) -> String {
    format!("{} ({} ns)", hash.entry.name, figure(hash.usual_ns()))
}

fn advice(summary: &HashSummary) -> Option<HashFinding> {
    let sound = all_round(summary);
    let fastest = sound.first()?;
    let safe = sound.iter().find(|hash| hash.entry.flood_resistant);
    let level = |hash: &&&HashFigures| {
        let ratio = hash.times(fastest, USUAL_BYTES, summary.manifest.seed);
        ratio.is_some_and(|ratio| ratio.low <= 1.0)
    };
    let level: Vec<String> = sound[1..]
        .iter()
        .filter(level)
        .map(|hash| named_with_cost(hash))
        .collect();
    let mut text = format!(
        "{} is the fastest function on keys of {USUAL_BYTES} B that spreads every corpus by low and by high \
         bits",
        named_with_cost(fastest)
    );
    if !level.is_empty() {
        text += &format!(", not told apart from {}", listed(&level));
    }
    match safe {
        Some(safe) if safe.entry == fastest.entry => text += ", and it resists flooding.",
        Some(safe) => {
            text += &format!(
                "; the fastest of them that resists flooding is {}.",
                named_with_cost(safe)
            );
        }
        None => text += "; none of them resists flooding.",
    }
    Some(said(text, "hash-speed"))
}

/// Which functions suit a use, and which corpora the others pile up.
fn fitness(summary: &HashSummary, bits: &str, what: &str) -> Option<HashFinding> {
    let measured: Vec<&HashFigures> = summary
        .hashes
        .iter()
        .filter(|hash| !hash.spread.is_empty())
        .collect();
    if measured.is_empty() {
        return None;
    }
    let corpora = summary.manifest.corpora.len() as u64;
    let buckets = &summary.manifest.buckets;
    let counts = match buckets.as_slice() {
        [] => return None,
        [one] => human_integer(*one),
        [least, .., most] => format!("{} to {}", human_integer(*least), human_integer(*most)),
    };
    let sound = summary.sound(bits);
    let which = match corpora {
        1 => format!("the keys of {}", summary.manifest.corpora[0].name),
        _ => format!("all {corpora} corpora"),
    };
    let mut text = format!(
        "{} of {} spread {which} over {counts} {what} at least as evenly as chance",
        sound.len(),
        counted(measured.len() as u64, "function"),
    );
    let bad: Vec<String> = measured
        .iter()
        .filter(|hash| !hash.piles(bits).is_empty())
        .map(|hash| match hash.piles(bits).len() as u64 {
            all if all == corpora && corpora > 1 => format!("{} (all)", hash.entry.name),
            _ => format!("{} ({})", hash.entry.name, listed(&hash.piles(bits))),
        })
        .collect();
    if !bad.is_empty() {
        text += &format!("; the exceptions are {}", listed(&bad));
    }
    text.push('.');
    Some(said(text, "hash-spread"))
}

/// What it costs to be safe from floods.
fn cost_of_keys(summary: &HashSummary) -> Option<HashFinding> {
    let by_speed = |wanted: &dyn Fn(&HashFigures) -> bool| {
        let hashes = summary.hashes.iter().filter(|hash| wanted(hash));
        let measured = hashes.filter(|hash| hash.usual_ns().is_finite());
        measured.min_by(|a, b| a.usual_ns().total_cmp(&b.usual_ns()))
    };
    let sound = all_round(summary);
    let is_sound = |hash: &HashFigures| sound.iter().any(|other| other.entry == hash.entry);
    let safe = by_speed(&|hash| hash.entry.flood_resistant)?;
    let fast = by_speed(&|hash| is_sound(hash) && !hash.entry.flood_resistant)?;
    let seed = summary.manifest.seed;
    let ratio = safe.times(fast, USUAL_BYTES, seed)?;
    let mut text = format!(
        "Resistance to floods costs {} ns on keys of {USUAL_BYTES} B, where {} takes {} as long as {}",
        figure(safe.usual_ns() - fast.usual_ns()),
        safe.entry.name,
        times_within(&ratio),
        fast.entry.name,
    );
    if let (Some(long), Some(at), Some(other)) =
        (safe.times(fast, 250, seed), safe.at(250), fast.at(250))
    {
        text += &format!(
            ", and {} ns at 250 B, where it takes {}",
            figure(at.ns.mid - other.ns.mid),
            times_within(&long)
        );
    }
    let seeded = by_speed(&|hash| hash.entry.keyed && !hash.entry.flood_resistant);
    let unkeyed = by_speed(&|hash| !hash.entry.keyed && is_sound(hash));
    if let (Some(seeded), Some(unkeyed)) = (seeded, unkeyed)
        && let Some(ratio) = seeded.times(unkeyed, USUAL_BYTES, seed)
    {
        text += &format!(
            "; with a seed alone {} takes {} as long as {}, the fastest without one that spreads every corpus",
            seeded.entry.name,
            times_within(&ratio),
            unkeyed.entry.name
        );
    }
    text.push('.');
    Some(said(text, "hash-speed"))
}

fn floods(summary: &HashSummary) -> Option<HashFinding> {
    let (mut always, mut seed_known) = (Vec::new(), Vec::new());
    let mut keys = 0;
    for hash in &summary.hashes {
        let Some(flood) = &hash.flood else { continue };
        keys = keys.max(flood.keys);
        if flood.keys > 1 && flood.longest_seed_unknown == flood.keys {
            always.push(hash.entry.name.as_str());
        } else if flood.longest_seed_known == flood.keys {
            seed_known.push(hash.entry.name.as_str());
        }
    }
    if always.is_empty() && seed_known.is_empty() {
        return None;
    }
    let mut text = String::new();
    if !always.is_empty() {
        text = format!(
            "{keys} keys made to collide fill one bucket of 2^16 whatever the seed under {}",
            listed(&always)
        );
    }
    if !seed_known.is_empty() {
        text += if text.is_empty() {
            "Under "
        } else {
            "; under "
        };
        text += &format!(
            "{} keys found by search collide only under the seed of the search",
            listed(&seed_known)
        );
    }
    text.push('.');
    Some(said(text, ""))
}

fn chains(summary: &HashSummary) -> Option<HashFinding> {
    let longest = |hash: &HashFigures| {
        let row = hash.longest()?;
        Some((
            row.longest as f64 / row.likely_longest.max(1) as f64,
            row.clone(),
        ))
    };
    let worst = summary.hashes.iter().filter_map(longest);
    let (_, row) = worst.max_by(|a, b| a.0.total_cmp(&b.0))?;
    Some(said(
        format!(
            "{} makes the longest chain: it puts {} of {} {} keys into one of {} buckets picked by {} bits, \
             where chance gives {}.",
            row.hash,
            row.longest,
            row.keys,
            row.corpus,
            human_integer(row.buckets),
            row.bits,
            row.likely_longest
        ),
        "hash-chains",
    ))
}

fn avalanche(summary: &HashSummary) -> Option<HashFinding> {
    let figures =
        |hash: &'_ HashFigures| hash.avalanche.clone().map(|a| (hash.entry.name.clone(), a));
    let all: Vec<(String, AvalancheFigures)> = summary.hashes.iter().filter_map(figures).collect();
    let limit = all.first()?.1.by_chance() * 1.25;
    let bad: Vec<String> = all
        .iter()
        .filter(|(_, avalanche)| avalanche.worst.0 > limit)
        .map(|(name, avalanche)| format!("{name} ({})", figure(avalanche.worst.0)))
        .collect();
    let good = all.len() - bad.len();
    let mut text = format!(
        "Under {good} of {} every bit of the key flips every bit of the hash half of the time, \
         as far as {} keys tell (bias up to {} is chance)",
        counted(all.len() as u64, "function"),
        all[0].1.keys,
        figure(limit)
    );
    if !bad.is_empty() {
        text += &format!("; the worst bias of the others is {}", listed(&bad));
    }
    text.push('.');
    Some(said(text, "hash-avalanche"))
}
