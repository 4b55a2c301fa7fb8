//! Transcripts of requests: every command, every error, every boundary, split anywhere.

use rand::seq::IndexedRandom;
use rand::{Rng, RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::settle::Settled;
use super::words::{ENDS, EXPTIMES, FLAGS, FLUSHES, KEYS, NUMBERS, ODD, VALUES};

/// Requests in the order they are sent; one is whole within its `Vec`, and `cuts` say where sends end.
#[derive(Clone, Debug)]
pub struct Transcript {
    pub requests: Vec<Vec<u8>>,
    /// Offsets into all bytes that are sent at which a send ends and the next waits a moment.
    pub cuts: Vec<usize>,
    /// Whether it has to be played on servers that have seen nothing, and that see nothing after it.
    pub fresh: bool,
}

/// What is sent at once.
#[derive(Clone, Debug)]
pub struct Piece {
    pub bytes: Vec<u8>,
    /// Whether the next piece waits until everything up to here has been answered.
    pub settles: bool,
}

impl Transcript {
    /// What is sent, piece by piece.
    pub fn sends(&self) -> Vec<Piece> {
        let settled = Settled::of(&self.requests.concat());
        let Settled { bytes, waits, .. } = &settled;
        let mut ends: Vec<usize> = self.cuts.iter().chain(waits).copied().collect();
        ends.retain(|&end| 0 < end && end < bytes.len() && settled.may_cut(end));
        ends.push(bytes.len());
        ends.sort_unstable();
        ends.dedup();
        let mut start = 0;
        ends.into_iter()
            .map(|end| Piece {
                bytes: bytes[std::mem::replace(&mut start, end)..end].to_vec(),
                settles: waits.contains(&end),
            })
            .collect()
    }

    /// The transcript without these requests.
    pub fn without(&self, from: usize, to: usize) -> Transcript {
        let mut requests = self.requests.clone();
        requests.drain(from..to);
        Transcript {
            requests,
            ..self.clone()
        }
    }
}

/// Where all randomness of one transcript comes from.
pub struct Author {
    rng: Xoshiro256PlusPlus,
    flushes: &'static [&'static str],
}

impl Author {
    pub fn new(seed: u64) -> Author {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let kind = [0, 1, 2][rng.random_range(0..100_usize).saturating_sub(97)];
        Author {
            rng,
            flushes: FLUSHES[kind],
        }
    }

    fn one(&mut self, of: &[&'static str]) -> &'static str {
        of.choose(&mut self.rng).unwrap()
    }

    fn chance(&mut self, of: u32) -> bool {
        self.rng.random_range(0..of) == 0
    }

    fn key(&mut self) -> String {
        match self.rng.random_range(0..60) {
            0 => "k".repeat(250),
            1 => "k".repeat(251),
            2 => "\u{ff}".repeat(120),
            3 => "m".repeat(self.rng.random_range(240..260)),
            _ => self.one(KEYS).to_owned(),
        }
    }

    /// One request with its body.
    fn request(&mut self) -> Vec<u8> {
        match self.rng.random_range(0..100) {
            0..25 => self.store(),
            25..40 => self.get(),
            40..52 => self.small(),
            52..66 => self.meta_get(),
            66..78 => self.meta_set(),
            78..88 => self.meta_other(),
            88..96 => self.odd(),
            _ => self.large(),
        }
    }

    fn body(&mut self, value: &str) -> (String, Vec<u8>) {
        let length = value.len();
        match self.rng.random_range(0..40) {
            // Shorter and longer than said, and bare ends.
            0 => (
                (length + 1).to_string(),
                format!("{value}\r\n").into_bytes(),
            ),
            1 => (
                length.saturating_sub(1).to_string(),
                format!("{value}\r\n").into_bytes(),
            ),
            2 => (length.to_string(), format!("{value}\n\n").into_bytes()),
            3 => (length.to_string(), format!("{value}xx").into_bytes()),
            4 => (self.one(NUMBERS).to_owned(), Vec::new()),
            5 => (format!("+{length}"), format!("{value}\r\n").into_bytes()),
            _ => (length.to_string(), format!("{value}\r\n").into_bytes()),
        }
    }

    /// Lengths that would have to be waited for, or that only memcached takes modulo 2^32.
    fn is_endless(length: &str) -> bool {
        length.trim_start_matches(['+', '\t', '0']).len() > 3
            && length != "x"
            && !length.starts_with('-')
            && length.len() < 30
            && length
                .parse::<f64>()
                .is_ok_and(|n| !(2_147_483_646.0..=2_147_483_648.0).contains(&n))
    }

    fn store(&mut self) -> Vec<u8> {
        let verb = self.one(&[
            "set", "set", "set", "add", "replace", "append", "prepend", "cas",
        ]);
        let key = self.key();
        let (flags, exptime) = (self.one(FLAGS), self.one(EXPTIMES));
        let value = self.one(VALUES);
        let (mut length, mut body) = self.body(value);
        if Self::is_endless(&length) {
            (length, body) = ("x".to_owned(), Vec::new());
        }
        let cas = if verb == "cas" {
            format!(" {}", self.cas())
        } else {
            String::new()
        };
        let end = self.one(ENDS);
        let mut request = format!("{verb} {key} {flags} {exptime} {length}{cas}{end}").into_bytes();
        request.extend(body);
        request
    }

    fn cas(&mut self) -> String {
        if self.chance(4) {
            self.one(NUMBERS).to_owned()
        } else {
            self.rng.random_range(1..20_u32).to_string()
        }
    }

    fn get(&mut self) -> Vec<u8> {
        let verb = self.one(&["get", "get", "gets", "gat", "gats", "bget"]);
        let mut text = verb.to_owned();
        if verb.starts_with("gat") {
            text += " ";
            text += self.one(EXPTIMES);
        }
        let count = match self.rng.random_range(0..30) {
            0 => 0,
            1 => self.rng.random_range(20..30),
            2 => self.rng.random_range(100..400),
            _ => self.rng.random_range(1..5),
        };
        for _ in 0..count {
            let key = self.key();
            text += if self.chance(8) { "  " } else { " " };
            text += &key;
        }
        text += self.one(&["\r\n", "\r\n", "\n"]);
        text.into_bytes()
    }

    fn small(&mut self) -> Vec<u8> {
        let key = self.key();
        let end = self.one(ENDS);
        match self.rng.random_range(0..6) {
            0 | 1 => format!(
                "{} {key} {}{end}",
                self.one(&["incr", "decr"]),
                self.one(NUMBERS)
            ),
            2 => format!("touch {key} {}{end}", self.one(EXPTIMES)),
            3 => format!("delete {key}{end}"),
            4 => format!(
                "delete {key} {}{end}",
                self.one(&["0", "1", "noreply", "0 0"])
            ),
            _ => match self.rng.random_range(0..5) {
                0 => format!("flush_all{}\r\n", self.one(self.flushes)),
                1 => format!("verbosity {}{end}", self.one(&["0", "x", "-1", ""])),
                2 => format!(
                    "cache_memlimit {}{end}",
                    self.one(&["64", "7", "x", "1000000001", ""])
                ),
                _ => "mn\r\n".to_owned(),
            },
        }
        .into_bytes()
    }

    fn meta_key(&mut self) -> (String, &'static str) {
        match self.rng.random_range(0..12) {
            0 => ("YQ==".to_owned(), " b"),
            1 => ("bm9wZQ==".to_owned(), " b"),
            2 => (
                self.one(&["a", "Y", "YQ=", "Y===", "Y*Q==", "====", "YWJj"])
                    .to_owned(),
                " b",
            ),
            _ => (self.key(), ""),
        }
    }

    fn flags(&mut self, of: &[&'static str]) -> String {
        let mut text = String::new();
        for _ in 0..self.rng.random_range(0..6) {
            text += " ";
            text += self.one(of);
        }
        if self.chance(40) {
            text += " ";
            text += self.one(&[
                "Z",
                "z",
                "k",
                "S1",
                "E5",
                "1",
                "\u{e9}",
                "O123456789012345678901234567890",
            ]);
        }
        if self.chance(80) {
            text += &" k s v t f c".repeat(4);
        }
        text
    }

    fn meta_end(&mut self) -> &'static str {
        self.one(&["\r\n", "\r\n", "\r\n", " q\r\n", "\n", " \r\n"])
    }

    fn meta_get(&mut self) -> Vec<u8> {
        let (key, binary) = self.meta_key();
        let flags = self.flags(&[
            "v", "v", "k", "s", "t", "f", "c", "h", "u", "Oabc", "N0", "N100", "R30", "R2000",
            "T0", "T100", "T-1", "Tx", "l", "P1", "L2", "O1",
        ]);
        let end = self.meta_end();
        format!("mg {key}{binary}{flags}{end}").into_bytes()
    }

    fn meta_set(&mut self) -> Vec<u8> {
        let (key, binary) = self.meta_key();
        let value = self.one(VALUES);
        let (mut length, mut body) = self.body(value);
        if Self::is_endless(&length) {
            (length, body) = ("x".to_owned(), Vec::new());
        }
        let cas = format!("C{}", self.rng.random_range(1..20));
        let cas: &'static str = Box::leak(cas.into_boxed_str());
        let flags = self.flags(&[
            "c",
            "k",
            "Oq",
            "T0",
            "T100",
            "T-1",
            "F5",
            "F0",
            "F4294967296",
            "I",
            "MS",
            "ME",
            "MA",
            "MP",
            "MR",
            "MX",
            "MSS",
            "Fx",
            "Cx",
            "q",
            cas,
            cas,
            "Tx",
        ]);
        let end = self.meta_end();
        let mut request = format!("ms {key} {length}{binary}{flags}{end}").into_bytes();
        request.extend(body);
        request
    }

    fn meta_other(&mut self) -> Vec<u8> {
        let (key, binary) = self.meta_key();
        let end = self.meta_end();
        let cas = format!("C{}", self.rng.random_range(1..20));
        let cas: &'static str = Box::leak(cas.into_boxed_str());
        match self.rng.random_range(0..4) {
            0 => {
                let flags = self.flags(&["k", "O1", "I", "I", "T30", "T0", cas, "q", "Cx"]);
                format!("md {key}{binary}{flags}{end}")
            }
            1 | 2 => {
                let flags = self.flags(&[
                    "k",
                    "O1",
                    "v",
                    "v",
                    "t",
                    "c",
                    "N0",
                    "N90",
                    "T0",
                    "T100",
                    "T-1",
                    "J13",
                    "J18446744073709551615",
                    "Jx",
                    "D1",
                    "D0",
                    "D100",
                    "D18446744073709551615",
                    "Dx",
                    "MI",
                    "MD",
                    "M+",
                    "M-",
                    "MX",
                    cas,
                    "q",
                ]);
                format!("ma {key}{binary}{flags}{end}")
            }
            _ => format!("me {key}{}{end}", self.one(&["", "", " b", " x"])),
        }
        .into_bytes()
    }

    fn odd(&mut self) -> Vec<u8> {
        self.one(ODD).as_bytes().to_vec()
    }

    /// Values about the item limit.
    fn large(&mut self) -> Vec<u8> {
        let key = self.one(&["a", "b", "big"]);
        // 48 bytes of header, 8 of cas, key and its end, value with its end.
        let most = (1 << 20) - 48 - 8 - key.len() - 1 - 2;
        // From here on memcached keeps items in pieces, in which it does not count.
        let pieces = (512 << 10) - 48 - 8 - key.len() - 1 - 2;
        let length = match self.rng.random_range(0..9) {
            6 => pieces + 1,
            7 => pieces,
            8 => pieces - 4,
            0 => most + 1,
            1 => most,
            2 => most - 4,
            3 => 1 << 20,
            4 => 2_000_000,
            _ => self.rng.random_range(1..100_000),
        };
        let noreply = self.one(&["", "", " noreply"]);
        let head = match self.rng.random_range(0..5) {
            0 => format!("ms {key} {length}\r\n"),
            1 => format!("add {key} 0 0 {length}{noreply}\r\n"),
            2 => format!("append {key} 0 0 {length}{noreply}\r\n"),
            _ => format!(
                "set {key} {} 0 {length}{noreply}\r\n",
                self.one(&["0", "0", "7"])
            ),
        };
        let mut request = head.into_bytes();
        let end = request.len() + length;
        if self.chance(2) && length > 1 {
            request.extend(b"7 ");
        }
        request.resize(end, b'v');
        request.extend(b"\r\n");
        if self.chance(3) {
            request.extend(format!("incr {key} 1\r\n").into_bytes());
        }
        request
    }

    /// A transcript of a few to some thousand requests.
    pub fn transcript(&mut self) -> Transcript {
        let count = match self.rng.random_range(0..200) {
            0 => self.rng.random_range(1000..3000),
            1..20 => self.rng.random_range(50..200),
            _ => self.rng.random_range(1..30),
        };
        let mut requests: Vec<Vec<u8>> = (0..count).map(|_| self.request()).collect();
        let ends = |request: &Vec<u8>| request == b"quit\r\n" || request.ends_with(b"HTTP/1.0\r\n");
        if count > 50 {
            requests.retain(|request| !ends(request));
        }
        // What comes behind a body that was announced and not sent is its body; line ends for it.
        requests.push([b"\r\n".repeat(60).as_slice(), b"mn\r\n"].concat());
        let length = Settled::of(&requests.concat()).bytes.len();
        let cuts = match self.rng.random_range(0..10) {
            // One byte at a time.
            0 if length < 400 => (1..length).collect(),
            1..5 => (0..self.rng.random_range(1..6))
                .map(|_| self.rng.random_range(0..length))
                .collect(),
            _ => Vec::new(),
        };
        Transcript {
            requests,
            cuts,
            fresh: self.flushes != FLUSHES[0],
        }
    }
}

/// Draws a seed from a seed.
pub fn seed_of(base: u64, index: u64) -> u64 {
    let mut rng =
        Xoshiro256PlusPlus::seed_from_u64(base ^ index.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    rng.next_u64()
}
