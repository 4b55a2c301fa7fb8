//! What a table promises beside its speed: each strategy states it, and tests hold what they can to it.

use crate::hash::HASHES;

/// The mark of what rests on the author's word alone.
pub const WORD: &str = "†";

/// What a strategy promises, each with whether a check of this repository shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guarantees {
    /// Whether each operation on a key takes effect at one moment between its call and its return.
    pub linearizable: Promise<bool>,
    /// What of a [`get_many`](super::Session::get_many) is of one moment.
    pub batch: Promise<Batch>,
    /// What a lookup holds while `read` looks at the value.
    pub read: Promise<Holds>,
    /// Which operations wait while the table grows, for longer than a few entries take to be moved. Of the
    /// defaults: parameters may keep a table from growing.
    pub growth: Promise<Waits>,
    /// When the memory of a removed entry is given back to the allocator.
    pub memory: Promise<Freed>,
    /// What many keys with one hash do to it. No table needs to bear them under a hash function that is keyed.
    pub floods: Promise<Floods>,
}

/// Something promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Promise<T> {
    /// What.
    pub says: T,
    /// Whether a check shows it; otherwise it is the author's word.
    pub shown: bool,
}

impl<T: Copy> Promise<T> {
    /// What a check shows.
    pub const fn shown(says: T) -> Promise<T> {
        Promise { says, shown: true }
    }

    /// The author's word.
    pub const fn word(says: T) -> Promise<T> {
        Promise { says, shown: false }
    }
}

/// What of a batch of lookups is of one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Batch {
    /// All of it: it holds what it reads under locks that it has taken before.
    Whole,
    /// Groups of so many keys.
    Groups(usize),
    /// Each key by itself.
    Keys,
}

/// What a lookup holds while the value is read, and of which part of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// No lock: others read and write that very key meanwhile.
    Nothing,
    /// A lock that other readers share, and writers wait for.
    Shared(&'static str),
    /// A lock that all others wait for.
    Exclusive(&'static str),
}

/// Which operations wait for a growth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waits {
    /// The table never grows.
    Never,
    /// All of them, until all entries have been moved.
    All,
    /// Those on the part of this name that grows.
    Part(&'static str),
    /// All that write.
    Writers,
    /// The one that makes the table grow, and no other.
    Grower,
    /// None.
    Nobody,
}

/// When the memory of a removed entry is given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freed {
    /// Before the removal returns.
    AtOnce,
    /// When every thread that may be reading it has moved on, some operations later.
    Unread,
    /// When the table is dropped; until then it is kept for other entries, or lent to the system.
    Kept,
}

/// What many keys with one hash do to a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Floods {
    /// Its answers stay right, and take time in proportion to those keys.
    Slow,
    /// Its answers stay right, and take the logarithm of that.
    Logarithm,
    /// It stops to work.
    Fails,
}

/// The guarantees in words, in the order of [`Guarantees::COLUMNS`].
pub type Told = [String; Guarantees::COLUMNS.len()];

impl Guarantees {
    /// What is told of each strategy.
    pub const COLUMNS: [&'static str; 7] = [
        "linearizable",
        "batch of one moment",
        "a walk sees",
        "held during read",
        "waits while it grows",
        "memory given back",
        "resists floods",
    ];

    /// In words, with [`WORD`] behind what no check shows. `walks` is the strategy's.
    #[must_use]
    pub fn told(&self, walks: bool) -> Told {
        let walk = if walks {
            "what stays, at least once"
        } else {
            "no walk"
        };
        let keyed = HASHES.iter().filter(|hash| hash.flood_resistant);
        let keyed: Vec<&str> = keyed.map(|hash| hash.name).collect();
        [
            self.linearizable
                .told(|says| if says { "yes" } else { "no" }.to_owned()),
            self.batch.told(Batch::words),
            walk.to_owned(),
            self.read.told(Holds::words),
            self.growth.told(Waits::words),
            self.memory.told(Freed::words),
            self.floods
                .told(|says| format!("under {}; {}", keyed.join(", "), says.words())),
        ]
    }
}

impl<T: Copy> Promise<T> {
    fn told(self, words: impl Fn(T) -> String) -> String {
        let mark = if self.shown { "" } else { WORD };
        format!("{}{mark}", words(self.says))
    }
}

impl Batch {
    fn words(self) -> String {
        match self {
            Batch::Whole => "yes".to_owned(),
            Batch::Groups(keys) => format!("in groups of {keys}"),
            Batch::Keys => "no".to_owned(),
        }
    }
}

impl Holds {
    fn words(self) -> String {
        match self {
            Holds::Nothing => "nothing".to_owned(),
            Holds::Shared(of) => format!("lock of the {of}, shared by readers"),
            Holds::Exclusive(of) => format!("lock of the {of}"),
        }
    }
}

impl Waits {
    fn words(self) -> String {
        match self {
            Waits::Never => "never grows".to_owned(),
            Waits::All => "all".to_owned(),
            Waits::Part(part) => format!("those of one {part}"),
            Waits::Writers => "writers".to_owned(),
            Waits::Grower => "the one that grows it".to_owned(),
            Waits::Nobody => "none".to_owned(),
        }
    }
}

impl Freed {
    fn words(self) -> String {
        match self {
            Freed::AtOnce => "at once",
            Freed::Unread => "when no reader is left",
            Freed::Kept => "at the drop; reused before",
        }
        .to_owned()
    }
}

impl Floods {
    fn words(self) -> &'static str {
        match self {
            Floods::Slow => "slow under others",
            Floods::Logarithm => "a tree under others",
            Floods::Fails => "fails under others",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_check_shows_is_marked() {
        let guarantees = Guarantees {
            linearizable: Promise::shown(true),
            batch: Promise::word(Batch::Groups(16)),
            read: Promise::shown(Holds::Shared("stripe")),
            growth: Promise::word(Waits::Part("segment")),
            memory: Promise::shown(Freed::AtOnce),
            floods: Promise::shown(Floods::Fails),
        };
        let told = guarantees.told(true);
        assert_eq!(told[0], "yes");
        assert_eq!(told[1], "in groups of 16†");
        assert_eq!(told[3], "lock of the stripe, shared by readers");
        assert_eq!(told[4], "those of one segment†");
        assert!(told[6].contains("sip13") && told[6].ends_with("fails under others"));
        assert_eq!(guarantees.told(false)[2], "no walk");
    }
}
