//! Which of several memcached servers has a key: consistent hashing as libmemcached does it.
//!
//! Each server has 160 points on a circle of 32-bit numbers, and a key belongs to the server of the first point
//! that is not below the key's own number; behind the last point the circle begins again.
//!
//! ```text
//! 0 ──┬────────┬──────┬───────────────┬─────┬── 2^32
//!     b        a      b     key ──▶   a     b
//! ```
//!
//! - The points of a server: its name, `-`, and 0 to 39, as `10.0.0.1-0` … `10.0.0.1-39`. Each text's MD5 gives
//!   four points, its four little-endian words.
//! - The name of a server: `HOST:PORT` as it was given, no address looked up, and `HOST` alone where the port is
//!   11211.
//! - The number of a key: the first of those words of its MD5.
//!
//! This is `MEMCACHED_BEHAVIOR_KETAMA_WEIGHTED` with servers of one weight: what PHP calls
//! `Memcached::OPT_LIBKETAMA_COMPATIBLE` and pylibmc `ketama_weighted`. `MEMCACHED_BEHAVIOR_KETAMA` is another thing:
//! `memcached_behavior(3)` says that it hashes with MD5 too, but libmemcached 1.1.4 then takes Jenkins'
//! one-at-a-time hash and 100 points a server, and puts most keys elsewhere.
//!
//! libmemcached computes a server's share of the points from its weight in single precision and rounds down, so that
//! among 25, 47, 50 and some other numbers of servers each has 156. This is kept.
//!
//! Sources: `memcached_behavior(3)` of libmemcached 1.1.4, and what that library answers, which
//! `tests/all/ketama.rs` asks; <https://github.com/rckclmbr/goketama/pull/4> found the same of both behaviours.

use md5::{Digest, Md5};

/// The port that a server's name leaves out.
const UNNAMED_PORT: u16 = 11211;
/// Texts that are hashed for a server, of four points each.
const TEXTS: u8 = 40;

/// The circle.
#[derive(Clone, Debug)]
pub struct Ring {
    /// Points and the servers that they belong to, ascending; none where there is nothing to choose.
    points: Vec<(u32, u32)>,
}

impl Ring {
    /// The circle of these hosts and ports.
    #[must_use]
    pub fn new(servers: &[(String, u16)]) -> Ring {
        if servers.len() < 2 {
            return Ring { points: Vec::new() };
        }
        let texts = texts(servers.len());
        let mut points = Vec::with_capacity(servers.len() * usize::from(texts) * 4);
        for ((host, port), server) in servers.iter().zip(0..) {
            let name = if *port == UNNAMED_PORT {
                host.clone()
            } else {
                format!("{host}:{port}")
            };
            for text in 0..texts {
                let words = words(format!("{name}-{text}").as_bytes());
                points.extend(words.map(|point| (point, server)));
            }
        }
        points.sort_unstable();
        Ring { points }
    }

    /// The index of the server that has the key; 0 where there is one server, or none.
    #[must_use]
    pub fn server_of(&self, key: &[u8]) -> usize {
        let Some(first) = self.points.first() else {
            return 0;
        };
        let [number, ..] = words(key);
        let next = self.points.partition_point(|&(point, _)| point < number);
        let (_, server) = self.points.get(next).unwrap_or(first);
        *server as usize
    }
}

/// Texts for each of so many servers, with libmemcached's rounding.
fn texts(servers: usize) -> u8 {
    let servers = servers as f32;
    let share = 1.0 / servers * f32::from(TEXTS) * servers;
    if share < f32::from(TEXTS) {
        TEXTS - 1
    } else {
        TEXTS
    }
}

/// The MD5 of a text as four little-endian numbers.
fn words(text: &[u8]) -> [u32; 4] {
    let digest: [u8; 16] = Md5::digest(text).into();
    let (words, _) = digest.as_chunks();
    [0, 1, 2, 3].map(|word| u32::from_le_bytes(words[word]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(servers: &[(&str, u16)]) -> Ring {
        let servers: Vec<(String, u16)> = servers
            .iter()
            .map(|&(host, port)| (host.to_owned(), port))
            .collect();
        Ring::new(&servers)
    }

    /// Answers of libmemcached 1.1.4.
    #[test]
    fn keys_are_where_libmemcached_has_them() {
        let two = ring(&[("127.0.0.1", 11211), ("127.0.0.1", 11212)]);
        let three = ring(&[
            ("10.0.0.1", 11211),
            ("10.0.0.2", 11211),
            ("cache.example", 2000),
        ]);
        let five: Vec<(&str, u16)> = (11211..11216).map(|port| ("127.0.0.1", port)).collect();
        let five = ring(&five);
        let long = "x".repeat(250);
        for (key, servers) in [
            ("a", [1, 1, 1]),
            ("b", [1, 1, 4]),
            ("user:1", [0, 1, 3]),
            ("user:2", [0, 1, 2]),
            ("session/42", [0, 1, 3]),
            // Behind the last point of three servers.
            ("key-789", [0, 1, 0]),
            ("key-1124", [1, 1, 1]),
            (&long[..64], [0, 1, 0]),
            (&long[..120], [1, 1, 3]),
            (&long, [0, 2, 4]),
        ] {
            let found = [&two, &three, &five].map(|ring| ring.server_of(key.as_bytes()));
            assert_eq!(found, servers, "{key}");
        }
    }

    #[test]
    fn one_server_or_none_has_all_keys() {
        for ring in [ring(&[("cache", 11211)]), ring(&[])] {
            assert_eq!((ring.server_of(b"key"), ring.server_of(b"")), (0, 0));
        }
    }

    #[test]
    fn points_are_rounded_away_as_in_libmemcached() {
        let fewer: Vec<usize> = (1..=100).filter(|&n| texts(n) != TEXTS).collect();
        assert_eq!(fewer, [25, 47, 50, 55, 61, 71, 94, 100]);
    }

    #[test]
    fn a_server_that_leaves_moves_its_own_keys_only() {
        let servers = [
            ("10.0.0.1", 11211),
            ("10.0.0.2", 11212),
            ("10.0.0.3", 11211),
        ];
        let (all, fewer) = (ring(&servers), ring(&servers[..2]));
        for key in 0..1000 {
            let key = format!("key-{key}");
            let before = all.server_of(key.as_bytes());
            let after = fewer.server_of(key.as_bytes());
            assert!(
                before == 2 || after == before,
                "{key}: {before}, then {after}"
            );
        }
    }
}
