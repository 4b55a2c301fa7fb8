//! The client's side: requests out, answers in, for memcached's text and meta commands and for RESP2.
//!
//! [`Dialect`] writes requests; [`Dialect::next`] takes the first unit off the bytes that have come: a value, an end,
//! an outcome. Units know nothing of requests: which answer belongs to which is the caller's, by their order.
//!
//! Formats: memcached's `doc/protocol.txt`, and Redis's serialization protocol as <https://redis.io/docs/latest/develop/reference/protocol-spec/>
//! describes its second version.

mod classic;
mod meta;
mod parts;
mod resp;

pub use parts::{Garbled, Next, Storing, Unit};

/// What a server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// memcached's text commands.
    Classic,
    /// memcached's meta commands.
    Meta,
    /// The second version of Redis's protocol.
    Resp,
}

impl Dialect {
    /// Asks for the values of keys.
    pub fn get<'k>(self, out: &mut Vec<u8>, keys: impl ExactSizeIterator<Item = &'k [u8]>) {
        match self {
            Dialect::Classic => classic::get(out, keys),
            Dialect::Meta => meta::get(out, keys),
            Dialect::Resp => resp::get(out, keys),
        }
    }

    /// Stores a value.
    pub fn store(self, out: &mut Vec<u8>, how: Storing, key: &[u8], value: &[u8]) {
        match self {
            Dialect::Classic => classic::store(out, how, key, value),
            Dialect::Meta => meta::store(out, how, key, value),
            Dialect::Resp => resp::store(out, how, key, value),
        }
    }

    /// Removes a key.
    pub fn delete(self, out: &mut Vec<u8>, key: &[u8]) {
        match self {
            Dialect::Classic => classic::delete(out, key),
            Dialect::Meta => meta::delete(out, key),
            Dialect::Resp => resp::delete(out, key),
        }
    }

    /// Takes the first unit off what has come.
    ///
    /// # Errors
    /// Bytes that begin no answer of this dialect.
    #[inline]
    pub fn next(self, buffer: &[u8]) -> Next<'_> {
        match self {
            Dialect::Classic => classic::next(buffer),
            Dialect::Meta => meta::next(buffer),
            Dialect::Resp => resp::next(buffer),
        }
    }

    /// Whether the answer to a get of several keys names those that it has and then ends; otherwise there is a unit
    /// for each key.
    #[must_use]
    pub fn ends_gets(self) -> bool {
        self == Dialect::Classic
    }

    /// Whether such an answer begins with how many units follow.
    #[must_use]
    pub fn counts_gets(self) -> bool {
        self == Dialect::Resp
    }

    /// Whether a key can be sent: memcached's hold neither spaces nor control characters, and have at most
    /// 250 bytes.
    #[must_use]
    pub fn carries(self, key: &[u8]) -> bool {
        self == Dialect::Resp
            || (1..=super::KEY_MAX).contains(&key.len())
                && key.iter().all(|&byte| byte > b' ' && byte != 0x7f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Dialect; 3] = [Dialect::Classic, Dialect::Meta, Dialect::Resp];

    /// All units of what came, and that no part of it is taken for another answer.
    fn units(dialect: Dialect, bytes: &[u8]) -> Vec<Unit<'_>> {
        let (mut units, mut at) = (Vec::new(), 0);
        while at < bytes.len() {
            let (unit, used) = dialect.next(&bytes[at..]).unwrap().unwrap();
            for end in at..at + used {
                assert_eq!(
                    dialect.next(&bytes[at..end]),
                    Ok(None),
                    "{}",
                    bytes[at..end].escape_ascii()
                );
            }
            units.push(unit);
            at += used;
        }
        units
    }

    #[test]
    fn requests_are_written_as_servers_read_them() {
        let written = |dialect: Dialect| {
            let mut out = Vec::new();
            dialect.get(&mut out, [b"a".as_slice(), b"bc"].into_iter());
            dialect.store(&mut out, Storing::Set, b"a", b"hello");
            dialect.store(&mut out, Storing::Add, b"a", b"");
            dialect.store(&mut out, Storing::Replace, b"a", b"x");
            dialect.delete(&mut out, b"a");
            String::from_utf8(out).unwrap()
        };
        assert_eq!(
            written(Dialect::Classic),
            "get a bc\r\nset a 0 0 5\r\nhello\r\nadd a 0 0 0\r\n\r\nreplace a 0 0 1\r\nx\r\ndelete a\r\n"
        );
        assert_eq!(
            written(Dialect::Meta),
            "mg a v\r\nmg bc v\r\nms a 5\r\nhello\r\nms a 0 ME\r\n\r\nms a 1 MR\r\nx\r\nmd a\r\n"
        );
        assert_eq!(
            written(Dialect::Resp),
            "*3\r\n$4\r\nMGET\r\n$1\r\na\r\n$2\r\nbc\r\n*3\r\n$3\r\nSET\r\n$1\r\na\r\n$5\r\nhello\r\n\
             *4\r\n$3\r\nSET\r\n$1\r\na\r\n$0\r\n\r\n$2\r\nNX\r\n*4\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nx\r\n$2\r\nXX\r\n\
             *2\r\n$3\r\nDEL\r\n$1\r\na\r\n"
        );
        let mut one = Vec::new();
        Dialect::Resp.get(&mut one, [b"a".as_slice()].into_iter());
        assert_eq!(one, b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n");
    }

    #[test]
    fn our_own_parser_reads_the_requests() {
        let limits = super::super::Limits {
            item_max: 1 << 20,
            flush: true,
        };
        for dialect in [Dialect::Classic, Dialect::Meta] {
            let mut out = Vec::new();
            dialect.get(&mut out, [b"a".as_slice(), b"bc"].into_iter());
            dialect.store(&mut out, Storing::Add, b"a", b"hello");
            dialect.delete(&mut out, b"a");
            let mut at = 0;
            while at < out.len() {
                match super::super::next(&out[at..], &limits) {
                    super::super::Step::Request(_, used) => at += used,
                    other => panic!("{dialect:?}: {other:?} at {}", out[at..].escape_ascii()),
                }
            }
        }
    }

    #[test]
    fn answers_come_apart_into_units() {
        let classic = b"VALUE a 0 5\r\nhe\r\no\r\nVALUE bc 7 0 99\r\n\r\nEND\r\nSTORED\r\nNOT_STORED\r\nDELETED\r\n\
            NOT_FOUND\r\nEXISTS\r\nSERVER_ERROR out of memory storing object\r\nERROR\r\n";
        assert_eq!(
            units(Dialect::Classic, classic),
            [
                Unit::Value(Some(b"a"), b"he\r\no"),
                Unit::Value(Some(b"bc"), b""),
                Unit::End,
                Unit::Done,
                Unit::NotDone,
                Unit::Done,
                Unit::NotDone,
                Unit::NotDone,
                Unit::Refused(b"SERVER_ERROR out of memory storing object"),
                Unit::Refused(b"ERROR"),
            ]
        );
        let meta =
            b"VA 5 f0\r\nhe\r\no\r\nVA 0\r\n\r\nEN\r\nHD\r\nNS\r\nNF\r\nCLIENT_ERROR bad\r\n";
        assert_eq!(
            units(Dialect::Meta, meta),
            [
                Unit::Value(None, b"he\r\no"),
                Unit::Value(None, b""),
                Unit::Miss,
                Unit::Done,
                Unit::NotDone,
                Unit::NotDone,
                Unit::Refused(b"CLIENT_ERROR bad"),
            ]
        );
        let resp = b"$5\r\nhe\r\no\r\n$-1\r\n*2\r\n$0\r\n\r\n+OK\r\n:1\r\n:-3\r\n-ERR unknown\r\n";
        assert_eq!(
            units(Dialect::Resp, resp),
            [
                Unit::Value(None, b"he\r\no"),
                Unit::Miss,
                Unit::Units(2),
                Unit::Value(None, b""),
                Unit::Done,
                Unit::Count(1),
                Unit::Count(-3),
                Unit::Refused(b"ERR unknown"),
            ]
        );
    }

    #[test]
    fn what_is_no_answer_is_named() {
        for (dialect, bytes) in [
            (Dialect::Classic, b"HTTP/1.1 400 Bad Request\r\n".as_slice()),
            (Dialect::Classic, b"VALUE a 0 many\r\n"),
            (Dialect::Classic, b"VALUE a 0 1\r\nxyz"),
            (Dialect::Meta, b"VA -1\r\n"),
            (Dialect::Resp, b"STORED\r\n"),
            (Dialect::Resp, b"$x\r\n"),
            (Dialect::Resp, b"$1\r\nxyz"),
        ] {
            assert!(dialect.next(bytes).is_err(), "{}", bytes.escape_ascii());
        }
        assert_eq!(
            Dialect::Classic.next(b"HTTP/1.1 400\r\n"),
            Err(Garbled("HTTP/1.1 400\\r\\n".to_owned()))
        );
    }

    #[test]
    fn a_line_without_an_end_is_given_up() {
        for dialect in ALL {
            assert!(dialect.next(&[b'E'; 4096]).is_err() || dialect == Dialect::Resp);
            assert!(dialect.next(&[b'+'; 4096]).is_err());
        }
    }

    #[test]
    fn keys_that_a_protocol_cannot_carry_are_told() {
        assert!(Dialect::Classic.carries(b"user1") && !Dialect::Classic.carries(b"a b"));
        assert!(!Dialect::Meta.carries(&[b'a'; 251]) && Dialect::Resp.carries(&[b'a'; 251]));
        assert!(Dialect::Resp.carries(b"a b") && !Dialect::Classic.carries(b""));
    }
}
