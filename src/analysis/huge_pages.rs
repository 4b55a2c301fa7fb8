//! How much of the tables that asked for huge pages lies in them.

use std::collections::BTreeMap;

use super::format::counted;
use crate::machine::Pages;
use crate::record::Records;

/// The least part of a table's memory in huge pages with which a birth is like the others: allocators have a few
/// megabytes elsewhere.
const WHOLE: f64 = 0.9;

/// Smaller tables are not judged: what a process has beside them weighs as much.
const JUDGED_BYTES: u64 = 32 << 20;

/// The births of tables in huge pages.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HugePages {
    /// Births that were judged.
    pub births: u64,
    /// Those with less than nine tenths of their memory in huge pages.
    pub short: u64,
    /// The least part of a birth's memory that lies in huge pages.
    pub least: f64,
}

impl HugePages {
    /// `None` where nothing asked for them, or nothing was counted.
    pub(super) fn of(records: &Records) -> Option<HugePages> {
        let cells = records.manifest.cells.iter();
        let asked: Vec<(u32, &str)> = cells
            .filter(|cell| cell.pages == Pages::Huge && !cell.control)
            .map(|cell| (cell.panel, cell.cell_id.as_str()))
            .collect();
        let mut births = BTreeMap::new();
        for row in &records.trials {
            let cell = (row.panel, row.cell_id.as_str());
            if let (Some(huge), Some(rss)) = (row.huge_page_bytes, row.rss_bytes)
                && rss >= JUDGED_BYTES
                && asked.contains(&cell)
            {
                births.insert((cell, row.birth), huge as f64 / rss as f64);
            }
        }
        let least = births.values().copied().reduce(f64::min)?;
        Some(HugePages {
            births: births.len() as u64,
            short: births.values().filter(|part| **part < WHOLE).count() as u64,
            least,
        })
    }

    /// A sentence, where births are short of them.
    pub(crate) fn sentence(&self) -> Option<String> {
        (self.short > 0).then(|| {
            format!(
                "{} of {} have less than {:.0} % of their memory in huge pages, the worst {:.0} %: their tables may wait \
                 longer for each entry",
                self.short,
                counted(self.births, "birth"),
                WHOLE * 100.0,
                self.least * 100.0
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::synthetic::{Cell, Synthetic};

    #[test]
    fn births_that_are_short_of_huge_pages_are_counted() {
        let cells = [Cell::new("fixed", 400.0), Cell::new("striped", 80.0)];
        let mut records = Synthetic::new().panel("ycsb-c", 1, &cells).records();
        for row in &mut records.trials {
            row.birth = row.trial % 3;
            row.rss_bytes = Some(100 << 20);
            row.huge_page_bytes = Some(if row.birth == 1 { 50 << 20 } else { 99 << 20 });
        }
        assert_eq!(HugePages::of(&records), None, "nothing asked for them");
        for cell in &mut records.manifest.cells {
            cell.pages = Pages::Huge;
        }
        let seen = HugePages::of(&records).unwrap();
        assert_eq!((seen.births, seen.short), (6, 2));
        let said = seen.sentence().unwrap();
        let start =
            "2 of 6 births have less than 90 % of their memory in huge pages, the worst 50 %";
        assert!(said.starts_with(start), "{said}");
        for row in &mut records.trials {
            row.huge_page_bytes = row.rss_bytes;
        }
        assert_eq!(HugePages::of(&records).unwrap().sentence(), None);
        for row in &mut records.trials {
            row.rss_bytes = Some(1 << 20);
        }
        assert_eq!(HugePages::of(&records), None, "all are small");
    }
}
