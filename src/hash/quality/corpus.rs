//! Keys to measure hash functions with.

use super::split_mix;
use crate::base::{BadInput, unknown_name};

/// A kind of keys. All keys of a corpus differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Corpus {
    /// `user` and 16 decimal digits, counting up: what YCSB and this lab's workloads use.
    User,
    /// Integers counting up, eight bytes each, little-endian.
    Sequential,
    /// The same in decimal, without leading zeros.
    Decimal,
    /// Addresses of web pages: long common parts, numbers here and there.
    Url,
    /// Random UUIDs, version 4, as text.
    Uuid,
    /// 64 bytes of which one differs from all the others' at the same place.
    OneByte,
}

/// Bytes of a [`Corpus::OneByte`] key.
const ONE_BYTE_LENGTH: usize = 64;

impl Corpus {
    /// All of them.
    pub const ALL: [Corpus; 6] = [
        Corpus::User,
        Corpus::Sequential,
        Corpus::Decimal,
        Corpus::Url,
        Corpus::Uuid,
        Corpus::OneByte,
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Corpus::User => "user",
            Corpus::Sequential => "sequential",
            Corpus::Decimal => "decimal",
            Corpus::Url => "url",
            Corpus::Uuid => "uuid",
            Corpus::OneByte => "one-byte",
        }
    }

    /// One sentence for `list`.
    #[must_use]
    pub fn about(self) -> &'static str {
        match self {
            Corpus::User => "'user' and 16 decimal digits, counting up",
            Corpus::Sequential => "integers counting up, 8 bytes little-endian",
            Corpus::Decimal => "integers counting up, in decimal",
            Corpus::Url => "web addresses with long common parts",
            Corpus::Uuid => "random UUIDs, version 4, as text",
            Corpus::OneByte => "64 bytes of which one changes; 16321 keys at most",
        }
    }

    /// Finds a corpus by name.
    ///
    /// # Errors
    /// An unknown name, answered with the nearest valid one.
    pub fn find(name: &str) -> Result<Corpus, BadInput> {
        let found = Corpus::ALL.into_iter().find(|corpus| corpus.name() == name);
        found.ok_or_else(|| unknown_name("corpus", name, Corpus::ALL.map(Corpus::name)))
    }

    /// The first `count` keys under a seed, the same on every machine; fewer where the corpus has
    /// no more.
    #[must_use]
    pub fn keys(self, count: usize, seed: u64) -> Vec<Vec<u8>> {
        (0..self.most().min(count as u64))
            .map(|n| self.key(n, seed))
            .collect()
    }

    /// How many keys it has.
    #[must_use]
    pub fn most(self) -> u64 {
        match self {
            Corpus::OneByte => 1 + 255 * ONE_BYTE_LENGTH as u64,
            _ => u64::MAX,
        }
    }

    /// Bytes that no key of it exceeds, of the first 2^53.
    #[must_use]
    pub fn longest(self) -> usize {
        match self {
            Corpus::User => 20,
            Corpus::Sequential => 8,
            Corpus::Decimal => 16,
            Corpus::Url => 80,
            Corpus::Uuid => 36,
            Corpus::OneByte => ONE_BYTE_LENGTH,
        }
    }

    /// Its `n`th key under a seed.
    ///
    /// # Panics
    /// If it has no more than `n` keys.
    #[must_use]
    pub fn key(self, n: u64, seed: u64) -> Vec<u8> {
        match self {
            Corpus::User => format!("user{n:016}").into_bytes(),
            Corpus::Sequential => n.to_le_bytes().to_vec(),
            Corpus::Decimal => n.to_string().into_bytes(),
            Corpus::Url => url(n, seed),
            Corpus::Uuid => uuid(n, seed),
            Corpus::OneByte => one_byte(n),
        }
    }
}

/// A page of one of a hundred sites; its number makes it differ.
fn url(n: u64, seed: u64) -> Vec<u8> {
    const SECTIONS: [&str; 6] = [
        "products", "articles", "users", "images", "search", "archive",
    ];
    const LANGUAGES: [&str; 4] = ["en", "de", "fr", "ja"];
    let random = split_mix(seed, n);
    let site = random % 100;
    let section = SECTIONS[(random >> 8) as usize % SECTIONS.len()];
    let language = LANGUAGES[(random >> 16) as usize % LANGUAGES.len()];
    let page = random >> 56;
    format!("https://www.site{site}.example/{language}/{section}/item-{n}?page={page}").into_bytes()
}

/// RFC 9562, version 4. 122 random bits: of fewer than 2^40 no two are expected to be the same.
fn uuid(n: u64, seed: u64) -> Vec<u8> {
    let high = split_mix(seed, 2 * n) & !0xf000 | 0x4000;
    let low = split_mix(seed, 2 * n + 1) & !(0b11 << 62) | 0b10 << 62;
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    )
    .into_bytes()
}

/// Key 0 is the common one; then each byte in turn takes each of its 255 other values.
fn one_byte(n: u64) -> Vec<u8> {
    let mut key = vec![b'k'; ONE_BYTE_LENGTH];
    if let Some(change) = n.checked_sub(1) {
        let at = usize::try_from(change).expect("keys are counted in memory");
        key[at % ONE_BYTE_LENGTH] ^=
            u8::try_from(1 + at / ONE_BYTE_LENGTH).expect("capped by keys");
    }
    key
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn keys_differ_and_depend_on_nothing_but_the_seed() {
        for corpus in Corpus::ALL {
            let keys = corpus.keys(20_000, 7);
            let expected = if corpus == Corpus::OneByte {
                16_321
            } else {
                20_000
            };
            assert_eq!(
                keys.iter().collect::<HashSet<_>>().len(),
                expected,
                "{corpus:?}"
            );
            assert_eq!(corpus.keys(100, 7), keys[..100]);
            let last = corpus.key(corpus.most().min(1 << 53) - 1, 7);
            let longest = keys.iter().chain([&last]).map(Vec::len).max().unwrap();
            assert!(longest <= corpus.longest(), "{corpus:?}: {longest}");
            assert_eq!(Corpus::find(corpus.name()).unwrap(), corpus);
        }
        assert_ne!(Corpus::Uuid.keys(3, 1), Corpus::Uuid.keys(3, 2));
        assert!(
            Corpus::find("urls")
                .unwrap_err()
                .0
                .contains("did you mean 'url'")
        );
    }

    #[test]
    fn keys_look_as_they_should() {
        let text = |corpus: Corpus| String::from_utf8(corpus.keys(43, 7).remove(42)).unwrap();
        assert_eq!(text(Corpus::User), "user0000000000000042");
        let uuid = text(Corpus::Uuid);
        let groups: Vec<usize> = uuid.split('-').map(str::len).collect();
        assert_eq!(groups, [8, 4, 4, 4, 12]);
        assert!(
            uuid.as_bytes()[14] == b'4' && b"89ab".contains(&uuid.as_bytes()[19]),
            "{uuid}"
        );
        let url = text(Corpus::Url);
        assert!(
            url.starts_with("https://www.site") && url.contains("/item-42?page="),
            "{url}"
        );
        let one_byte = Corpus::OneByte.keys(2000, 7);
        let differing = |a: &[u8], b: &[u8]| a.iter().zip(b).filter(|(a, b)| a != b).count();
        assert!(
            one_byte[1..]
                .iter()
                .all(|key| differing(key, &one_byte[0]) == 1)
        );
    }
}
