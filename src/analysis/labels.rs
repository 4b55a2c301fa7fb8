//! Targets as readers tell them apart: without the parameters that all of them have.

use super::format::counted;
use super::summary::{CellSummary, PanelSummary, Summary};
use crate::base::{Between, asked_in_words};
use crate::machine::Heap;
use crate::record::PanelEntry;

/// A panel's workload by what tells it from those of other panels: `ycsb-c of 1000000 entries in batches of 16`.
pub(crate) fn workload_among<'s>(
    entry: &PanelEntry,
    panels: impl Iterator<Item = &'s PanelSummary> + Clone,
) -> String {
    let mut name = entry.workload.clone();
    let differs = |of: fn(&PanelEntry) -> u32| {
        let mut others = panels.clone();
        others.any(|other| of(&other.entry) != of(entry))
    };
    let (connections, depth) = entry.asked();
    let connections = differs(|one| one.connections).then_some(connections);
    let depth = differs(|one| one.depth).then_some(depth);
    let is_mixed = panels
        .clone()
        .any(|other| other.entry.between != entry.between);
    let mut others = panels.filter(|other| other.entry.workload == entry.workload);
    if others
        .clone()
        .any(|other| other.entry.entries != entry.entries)
    {
        name = format!("{name} of {}", counted(entry.entries, "entry"));
    }
    // The keys that most workloads have need no name.
    if !entry.corpus.is_empty() && others.any(|other| other.entry.corpus != entry.corpus) {
        name = format!("{name} on {} keys", entry.corpus);
    }
    if entry.batch > 1 {
        name = format!("{name} in batches of {}", entry.batch);
    }
    match connections {
        Some(0) => name += " over a connection a thread",
        Some(count) => name += &format!(" over {}", counted(count.into(), "connection")),
        None => {}
    }
    if let Some(depth) = depth {
        name += &format!(" at depth {depth}");
    }
    if is_mixed {
        name = format!("{name} {}", entry.between.words());
    }
    name
}

/// The parameters that every ranked target spells out alike.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shared {
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
        let (target, rest) = split(label);
        let own = params(target).filter(|param| !self.params.iter().any(|shared| shared == param));
        name_with(target, &own.collect::<Vec<_>>(), rest)
    }

    /// `buckets=2^17 and capacity=1000`; `None` where nothing is shared.
    pub fn in_words(&self) -> Option<String> {
        (!self.params.is_empty()).then(|| super::format::listed(&self.params))
    }
}

/// A cell's target as people read it, with what else tells it from the others among these cells: the
/// hash function, the allocator and the page mode where they have several.
pub(crate) fn label_among<'s>(
    cells: &(impl Iterator<Item = &'s CellSummary> + Clone),
    cell: &CellSummary,
) -> String {
    let own = &cell.entry;
    let mut rest = Vec::new();
    if cells.clone().any(|cell| cell.entry.hash != own.hash) {
        rest.push(own.hash.clone());
    }
    if cells
        .clone()
        .any(|cell| cell.entry.allocator != own.allocator)
    {
        rest.push(own.allocator.word().to_owned());
    }
    if cells.clone().any(|cell| cell.entry.pages != own.pages) {
        rest.push(format!("{} pages", own.pages.word()));
    }
    if rest.is_empty() {
        return own.target.clone();
    }
    format!("{} ({})", own.target, rest.join(", "))
}

/// Takes the heap out of the names of targets where all cells of a run have the same: [`common`] says it.
pub(super) fn say_heap_once(panels: &mut [PanelSummary]) {
    let heap = |cell: &CellSummary| Heap {
        allocator: cell.entry.allocator,
        pages: cell.entry.pages,
    };
    let mut heaps = panels.iter().flat_map(|panel| &panel.cells).map(heap);
    let Some(first) = heaps
        .next()
        .filter(|first| heaps.all(|heap| heap == *first))
    else {
        return;
    };
    let suffix = first.suffix();
    let shorten = |name: &mut String| {
        let length = name.strip_suffix(&suffix).unwrap_or(name).len();
        name.truncate(length);
    };
    for panel in panels {
        for cell in &mut panel.cells {
            shorten(&mut cell.entry.target);
        }
        if let Some(floor) = &mut panel.harness {
            shorten(&mut floor.target);
        }
    }
}

/// What all ranked cells of a run share, said once so that no name has to: `All cells: 100000 entries, chained, hash
/// sip13, system allocator, default pages.` Empty where they share none of these.
pub(crate) fn common(summary: &Summary) -> Option<String> {
    let cells = || {
        let panels = summary.panels.iter();
        panels.flat_map(|panel| panel.cells.iter().filter(|cell| cell.ranked()))
    };
    let first = &cells().next()?.entry;
    let entries = summary.panels.first()?.entry.entries;
    let mut shared = Vec::new();
    let panels = || summary.panels.iter();
    if entries > 0 && panels().all(|panel| panel.entry.entries == entries) {
        shared.push(counted(entries, "entry"));
    }
    let between = summary.panels.first()?.entry.between;
    if panels().all(|panel| panel.entry.between == between) {
        shared.push(between.words());
    } else if panels().any(|panel| panel.entry.between == Between::Chained) {
        // Findings speak of these.
        shared.push("chained where nothing else is said".to_owned());
    }
    let asked = summary.panels.first()?.entry.asked();
    let words = asked_in_words(asked.0, asked.1);
    if !words.is_empty() && panels().all(|panel| panel.entry.asked() == asked) {
        shared.push(words.trim_start_matches(", ").to_owned());
    }
    if cells().all(|cell| cell.entry.hash == first.hash) {
        shared.push(format!("hash {}", first.hash));
    }
    if cells().all(|cell| cell.entry.allocator == first.allocator) {
        shared.push(format!("{} allocator", first.allocator.word()));
    }
    if cells().all(|cell| cell.entry.pages == first.pages) {
        shared.push(format!("{} pages", first.pages.word()));
    }
    (!shared.is_empty()).then(|| format!("All cells: {}.", shared.join(", ")))
}

impl PanelSummary {
    /// A cell's target as people read it, with the hash function, the allocator and the page mode
    /// where the panel has several.
    #[must_use]
    pub fn label(&self, cell: &CellSummary) -> String {
        label_among(&self.cells.iter(), cell)
    }
}

/// Threads in words, and the cores that they take turns on: `2 threads`, `8 threads on 2 cores`.
pub(crate) fn threads(panel: &PanelSummary) -> String {
    on_cores(
        counted(u64::from(panel.entry.threads), "thread"),
        panel.crowded_on(),
    )
}

/// The cores behind threads that outnumber them.
pub(crate) fn on_cores(threads: String, crowded_on: Option<u32>) -> String {
    match crowded_on {
        Some(cores) => format!("{threads} on {}", counted(u64::from(cores), "core")),
        None => threads,
    }
}

/// Where cells are measured together: `ycsb-c, 100000 entries, 8 threads on 2 cores, batch 16,
/// chained`. A rate means little without what stands between two operations, so that is always said.
pub(crate) fn place_of(panel: &PanelSummary) -> String {
    let entry = &panel.entry;
    let mut text = entry.workload.clone();
    if entry.entries > 0 {
        text += &format!(", {}", counted(entry.entries, "entry"));
    }
    text += &format!(", {}", threads(panel));
    if entry.batch > 1 {
        text += &format!(", batch {}", entry.batch);
    }
    text += &asked_in_words(entry.connections, entry.depth);
    text += &format!(", {}", entry.between.words());
    if !entry.corpus.is_empty() {
        text += &format!(", keys {}", entry.corpus);
    }
    text
}

/// How many slices of a cell are not among its rates, and why; `None` where all are, or none.
pub(crate) fn without_rate(panel: &PanelSummary, cell: &CellSummary) -> Option<String> {
    let rated = cell.spread?.of;
    let what = if panel.entry.pass { "pass" } else { "slice" };
    let all = (rated + cell.idle) as u64;
    let twin = if cell.entry.twin { " (twin)" } else { "" };
    let es = if panel.entry.pass { "es" } else { "s" };
    (cell.idle > 0).then(|| {
        format!(
            "{}{twin}: {} of {all} {what}{es} have no rate, a thread did nothing in them that counts",
            panel.label(cell),
            cell.idle
        )
    })
}

/// A label without one parameter, whatever its value.
pub(crate) fn without_param(label: &str, param: &str) -> String {
    let (target, rest) = split(label);
    let other = |own: &&str| own.split_once('=').is_none_or(|(name, _)| name != param);
    let own: Vec<&str> = params(target).filter(other).collect();
    name_with(target, &own, rest)
}

/// The target, and what follows it: options of a server, and what is in brackets.
fn split(label: &str) -> (&str, &str) {
    label
        .find([' ', '?'])
        .map_or((label, ""), |at| label.split_at(at))
}

/// The name of a target, and its parameters: a colon stands between them, and colons stand in names of servers too.
fn name_and_params(target: &str) -> (&str, &str) {
    let is_word = |text: &str| {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        !text.is_empty() && text.bytes().all(plain)
    };
    let begins_params = |(at, _): &(usize, &str)| {
        let first = target[at + 1..].split_once('=');
        first.is_some_and(|(name, _)| is_word(name))
    };
    match target.match_indices(':').find(begins_params) {
        Some((at, _)) => (&target[..at], &target[at + 1..]),
        None => (target, ""),
    }
}

fn name_with(target: &str, params: &[&str], rest: &str) -> String {
    let (name, _) = name_and_params(target);
    if params.is_empty() {
        return format!("{name}{rest}");
    }
    format!("{name}:{}{rest}", params.join(","))
}

fn params(target: &str) -> impl Iterator<Item = &str> {
    let (_, params) = name_and_params(target);
    params.split(',').filter(|param| !param.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::Summary;
    use crate::analysis::synthetic::{Cell, Synthetic};

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
    fn one_parameter_is_left_out_whatever_its_value() {
        let cut = |label| without_param(label, "stripes");
        assert_eq!(
            cut("b:buckets=4,stripes=2^4 (sip13)"),
            "b:buckets=4 (sip13)"
        );
        assert_eq!(cut("b:stripes=1"), "b");
        assert_eq!(cut("b:buckets=4"), "b:buckets=4");
        assert_eq!(cut("b"), "b");
    }

    #[test]
    fn servers_have_colons_in_their_names() {
        let cut = |label| without_param(label, "stripes");
        for (label, without) in [
            ("served:b:stripes=4", "served:b"),
            (
                "served:b:buckets=4,stripes=4?proto=meta (sip13)",
                "served:b:buckets=4?proto=meta (sip13)",
            ),
            ("memcached://127.0.0.1:11211", "memcached://127.0.0.1:11211"),
            ("start:memcached?proto=meta", "start:memcached?proto=meta"),
            (
                "memcached://[::1]:1,b:2?proto=meta",
                "memcached://[::1]:1,b:2?proto=meta",
            ),
        ] {
            assert_eq!(cut(label), without);
        }
    }

    #[test]
    fn allocators_and_pages_are_named_where_there_are_several() {
        let cells = ["a", "a:x=1", "a:x=2", "a:x=3"].map(|target| Cell::new(target, 9.0));
        let mut records = Synthetic::new().panel("w", 1, &cells).records();
        let entries = &mut records.manifest.cells;
        entries[1].allocator = crate::machine::Allocator::Mimalloc;
        let labels = |records: &crate::record::Records| -> Vec<String> {
            let summary = Summary::of(records);
            let panel = &summary.panels[0];
            panel.cells.iter().map(|cell| panel.label(cell)).collect()
        };
        let wanted = ["a (system)", "a:x=1 (mimalloc)", "a:x=2 (system)"];
        assert_eq!(labels(&records)[..3], wanted);
        records.manifest.cells[2].pages = crate::machine::Pages::Huge;
        let wanted = [
            "a (system, default pages)",
            "a:x=1 (mimalloc, default pages)",
            "a:x=2 (system, huge pages)",
        ];
        assert_eq!(labels(&records)[..3], wanted);
    }

    #[test]
    fn a_heap_that_all_have_is_in_no_name() {
        let cells = ["a (huge pages)", "b (huge pages)"].map(|target| Cell::new(target, 9.0));
        let mut records = Synthetic::new().panel("w", 1, &cells).records();
        for cell in &mut records.manifest.cells {
            cell.pages = crate::machine::Pages::Huge;
        }
        let names = |records: &crate::record::Records| -> Vec<String> {
            let panel = &Summary::of(records).panels[0];
            panel
                .cells
                .iter()
                .map(|cell| cell.entry.target.clone())
                .collect()
        };
        assert_eq!(names(&records)[..2], ["a", "b"]);
        records.manifest.cells[0].pages = crate::machine::Pages::Default;
        assert_eq!(names(&records)[..2], ["a (huge pages)", "b (huge pages)"]);
    }

    #[test]
    fn what_one_has_not_is_kept() {
        for targets in [&["a:buckets=2^17", "b"][..], &["a:buckets=2^17"]] {
            let shared = shared(targets);
            assert_eq!(shared.in_words(), None);
            assert_eq!(shared.without("a:buckets=2^17"), "a:buckets=2^17");
        }
    }

    #[test]
    fn what_all_cells_share_is_said_once() {
        let cells = [Cell::new("fixed", 400.0), Cell::new("resizable", 200.0)];
        let run = Synthetic::new().panel("a", 1, &cells).panel("b", 1, &cells);
        let mut records = run.records();
        let words = |records: &crate::record::Records| common(&Summary::of(records));
        let all =
            "All cells: 100000 entries, chained, hash sip13, system allocator, default pages.";
        assert_eq!(words(&records).as_deref(), Some(all));
        records.manifest.cells[1].hash = "xxh3".into();
        records.manifest.panels[1].entries = 5;
        let rest = "All cells: chained, system allocator, default pages.";
        assert_eq!(words(&records).as_deref(), Some(rest));
        records.manifest.panels[1].between = Between::NONE;
        let mixed =
            "All cells: chained where nothing else is said, system allocator, default pages.";
        assert_eq!(words(&records).as_deref(), Some(mixed));
    }
}
