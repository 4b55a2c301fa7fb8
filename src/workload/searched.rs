//! Keys of a flood that one process searches for and others are handed: a search takes a second, and
//! each child of a run would make it anew.

use super::floods;
use super::naming::Naming;
use super::plan::Workload;

/// The keys that a workload has to search for, one a record; none where they are made at once. A
/// run finds them once and hands them to each child, to be [`handed`] over there.
#[must_use]
pub fn searched(workload: &Workload) -> Vec<String> {
    let Naming::Flood(name) = workload.corpus else {
        return Vec::new();
    };
    if !floods::is_searched(name) {
        return Vec::new();
    }
    let keys = floods::keys_of(name, workload.records());
    // A search tries ASCII keys only.
    let text = |key: &Vec<u8>| String::from_utf8(key.clone()).ok();
    keys.iter().filter_map(text).collect()
}

/// Takes what [`searched`] found for this workload in another process, before the first stream or
/// prefill of it here.
pub fn handed(workload: &Workload, keys: &[String]) {
    if let Naming::Flood(name) = workload.corpus
        && workload.records() == keys.len() as u64
    {
        let keys = keys.iter().map(|key| key.clone().into_bytes()).collect();
        floods::take_over(name, keys);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Written;
    use crate::workload::{Prefill, find_preset};

    /// A second process has the keys of the first without a search of its own.
    #[test]
    fn what_was_searched_for_can_be_handed_over() {
        let mut workload = (find_preset("uniform").unwrap().build)();
        workload.corpus = Naming::read("flood:djb2").unwrap();
        workload.resize(10);
        assert_eq!(searched(&workload), [""; 0], "these are made, not found");

        workload.corpus = Naming::read("flood:rapidhash").unwrap();
        let found = searched(&workload);
        assert_eq!(found.len(), 10);
        // Told other keys, it takes these.
        let mut told = found.clone();
        told[3] = "user-of-a-test".to_owned();
        handed(&workload, &told);
        let mut filled = Vec::new();
        Prefill::new(&workload).for_each(|key, _| filled.push(key.to_vec()));
        assert!(filled.contains(&told[3].clone().into_bytes()));
        // Those of another number of records are not this workload's.
        handed(&workload, &found[..9]);
        assert_eq!(searched(&workload), told);
        handed(&workload, &found);
    }
}
