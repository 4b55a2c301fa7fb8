//! The stages of `bucketlab verify`, and the shapes of a differential round.

use super::plan::{Plan, Values};
use crate::hash::HashRow;

/// One kind of check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// One session against a model map.
    Differential,
    /// Several sessions, each against a model of its own keys, and shared keys that prove themselves.
    Ownership,
    /// What walks show, mark and remove.
    Walk,
    /// Histories of shared keys, each searched for an order that explains it.
    Linearizability,
    /// What a table says of its bytes and entries, and what is left of it.
    Census,
}

impl Stage {
    /// All of them, in the order in which they run.
    pub const ALL: &'static [Stage] = &[
        Stage::Differential,
        Stage::Ownership,
        Stage::Walk,
        Stage::Linearizability,
        Stage::Census,
    ];

    /// Those that `run` asks of a table before it measures it, within a second.
    pub const BRIEF: &'static [Stage] = &[
        Stage::Differential,
        Stage::Ownership,
        Stage::Linearizability,
    ];

    /// Its name on the command line and in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Stage::Differential => "differential",
            Stage::Ownership => "ownership",
            Stage::Walk => "walk",
            Stage::Linearizability => "linearizability",
            Stage::Census => "census",
        }
    }

    /// The stage of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Stage> {
        Stage::ALL
            .iter()
            .copied()
            .find(|stage| stage.name() == name)
    }
}

/// All keys collide in all bits: they share one bucket, whatever the table does.
pub(super) static ONE_HASH: HashRow = HashRow {
    name: "one",
    about: "one hash for all keys",
    source: "the checks",
    bits: 64,
    keyed: false,
    flood_resistant: false,
    look: 0,
    function: |_, _| 0x9e37_79b9_7f4a_7c15,
};

/// What a differential round dwells on. The seed of a round picks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A bit of everything.
    Mixed,
    /// So many keys that tables grow again and again, with removals and returns meanwhile.
    Growth,
    /// All keys in one bucket.
    OneBucket,
    /// Values of up to 1 MiB.
    LargeValues,
    /// Many operations on few keys, for what goes wrong once in 10^5 times.
    Long,
}

impl Shape {
    pub(super) const ALL: [Shape; 5] = [
        Shape::Mixed,
        Shape::Growth,
        Shape::OneBucket,
        Shape::LargeValues,
        Shape::Long,
    ];

    /// The shape of a round.
    pub(super) fn of(seed: u64) -> Shape {
        let count = Shape::ALL.len() as u64;
        Shape::ALL[usize::try_from(seed % count).expect("a small number")]
    }

    pub(super) fn plan(self, seed: u64) -> Plan {
        let (steps, key_space, values) = match self {
            Shape::Mixed => (6_000, 4_000, Values::Mixed),
            Shape::Growth => (20_000, 8_000, Values::Small),
            Shape::OneBucket => (3_000, 150, Values::Mixed),
            Shape::LargeValues => (600, 48, Values::Large),
            Shape::Long => (900_000, 120, Values::Small),
        };
        Plan {
            seed,
            steps,
            key_space,
            values,
            ..Plan::quick()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_find_their_stages_and_seeds_in_a_row_have_all_shapes() {
        for stage in Stage::ALL {
            assert_eq!(Stage::named(stage.name()), Some(*stage));
        }
        assert_eq!(Stage::named("differentail"), None);
        for first in [0, 7, u64::MAX - 4] {
            let mut shapes: Vec<Shape> = (first..=first + 4).map(Shape::of).collect();
            shapes.sort_by_key(|shape| Shape::ALL.iter().position(|one| one == shape));
            assert_eq!(shapes, Shape::ALL);
        }
    }
}
