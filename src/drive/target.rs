//! Servers as targets: how they are named, and what of the name is left to a strategy.
//!
//! | text | what it is |
//! |---|---|
//! | `memcached://127.0.0.1:11211` | a server that is there, over the text protocol; `?proto=meta` for meta commands |
//! | `memcached://10.0.0.1:11211,10.0.0.2:11211` | several, which keys are spread over by ketama |
//! | `memcached:///run/cache.socket` | the same over a unix socket |
//! | `redis://127.0.0.1:6379` | a server that speaks RESP2: Redis, Valkey, KeyDB, Dragonfly |
//! | `start:memcached`, `start:redis-server` | an installed server, started for the cell and stopped after it |
//! | `served:striped` | a strategy behind our own server over loopback TCP, `served-unix:striped` over a unix socket |
//! | `parsed:striped` | the same requests and answers without a socket, within the load's own thread |
//! | `null-server` | the control: answers as soon as it has read, and stores nothing |

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use crate::base::{BadInput, unknown_name};

/// How a server is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// memcached's text commands: `get`, `set`, `delete`.
    Classic,
    /// memcached's meta commands: `mg`, `ms`, `md`.
    Meta,
    /// The second version of Redis's protocol.
    Resp,
}

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A host, by name or address, and its port.
    Tcp(String, u16),
    /// The file of a unix socket.
    Unix(PathBuf),
}

/// How the requests for one of our own strategies reach it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Over loopback TCP.
    Tcp,
    /// Over a unix socket.
    Unix,
    /// Through parser and answers, without a socket.
    Parsed,
}

/// A server as a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Server {
    /// It is there already; several share the keys.
    There(Protocol, Vec<Address>),
    /// An installed program, started for the cell.
    Started(&'static Program, Protocol),
    /// A strategy of ours.
    Served(Way, Protocol),
    /// The control.
    Null,
}

/// A server that can be started here.
#[derive(Debug, PartialEq, Eq)]
pub struct Program {
    /// The name of its executable.
    pub name: &'static str,
    /// What it speaks.
    pub(super) redis: bool,
    /// Index of its colour and marker in charts.
    pub look: u32,
}

/// The programs that `start:` knows.
pub const PROGRAMS: &[Program] = &[
    program("memcached", false, 60),
    program("redis-server", true, 61),
    program("valkey-server", true, 62),
    program("keydb-server", true, 63),
    program("dragonfly", true, 64),
];

const fn program(name: &'static str, redis: bool, look: u32) -> Program {
    Program { name, redis, look }
}

/// Ports where a URL names none.
const MEMCACHED_PORT: u16 = 11211;
const REDIS_PORT: u16 = 6379;

impl Server {
    /// Reads the name of a target. With a way to serve a strategy comes the rest of the text, which names it;
    /// `None` where the whole text names a strategy.
    ///
    /// # Errors
    /// A scheme, option, program or address that is not valid, with what would be.
    pub fn read(text: &str) -> Result<Option<(Server, Option<&str>)>, BadInput> {
        if text == "null-server" {
            return Ok(Some((Server::Null, None)));
        }
        for (prefix, way) in WAYS {
            if let Some(rest) = text.strip_prefix(prefix).and_then(|r| r.strip_prefix(':')) {
                let (rest, protocol) = options(text, rest, false)?;
                return Ok(Some((Server::Served(way, protocol), Some(rest))));
            }
        }
        if let Some(rest) = text.strip_prefix("start:") {
            return Ok(Some((started(text, rest)?, None)));
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return Ok(None);
        };
        let redis = match scheme {
            "memcached" => false,
            "redis" => true,
            other => {
                return Err(BadInput(format!(
                    "target '{text}': '{other}://' is not valid: memcached://HOST:PORT or redis://HOST:PORT"
                )));
            }
        };
        let (places, protocol) = options(text, rest, redis)?;
        let addresses = addresses(text, places, redis)?;
        Ok(Some((Server::There(protocol, addresses), None)))
    }

    /// How it is spoken to.
    #[must_use]
    pub fn protocol(&self) -> Protocol {
        match self {
            Server::There(protocol, _)
            | Server::Started(_, protocol)
            | Server::Served(_, protocol) => *protocol,
            Server::Null => Protocol::Classic,
        }
    }

    /// Whether it is the control.
    #[must_use]
    pub fn is_control(&self) -> bool {
        matches!(self, Server::Null)
    }

    /// The address that is not on this machine, where there is one.
    #[must_use]
    pub fn remote(&self) -> Option<&str> {
        let Server::There(_, addresses) = self else {
            return None;
        };
        addresses.iter().find_map(|address| match address {
            Address::Tcp(host, _) if !is_loopback(host) => Some(host.as_str()),
            _ => None,
        })
    }

    /// The address that two servers which are there already have both.
    #[must_use]
    pub fn shares(&self, other: &Server) -> Option<&Address> {
        let (Server::There(_, own), Server::There(_, others)) = (self, other) else {
            return None;
        };
        own.iter().find(|address| others.contains(address))
    }

    /// What it is called in records, without address and options.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Server::There(Protocol::Resp, _) => "redis",
            Server::There(..) => "memcached",
            Server::Started(program, _) => program.name,
            Server::Served(way, _) => way.word(),
            Server::Null => "null-server",
        }
    }

    /// Index of its colour and marker in charts; `None` where those of its strategy go before.
    #[must_use]
    pub fn look(&self) -> Option<u32> {
        match self {
            Server::There(Protocol::Resp, _) => Some(65),
            Server::There(..) => Some(66),
            Server::Started(program, _) => Some(program.look),
            Server::Served(..) => None,
            Server::Null => Some(67),
        }
    }
}

const WAYS: [(&str, Way); 3] = [
    ("served-unix", Way::Unix),
    ("served", Way::Tcp),
    ("parsed", Way::Parsed),
];

impl Way {
    /// The word in front of the strategy.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Way::Tcp => "served",
            Way::Unix => "served-unix",
            Way::Parsed => "parsed",
        }
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

fn started(text: &str, rest: &str) -> Result<Server, BadInput> {
    let (name, _) = rest.split_once('?').unwrap_or((rest, ""));
    let Some(program) = PROGRAMS.iter().find(|program| program.name == name) else {
        let known = PROGRAMS.iter().map(|program| program.name);
        return Err(unknown_name("server to start", name, known));
    };
    let (_, protocol) = options(text, rest, program.redis)?;
    Ok(Server::Started(program, protocol))
}

/// What stands before `?`, and the protocol that the options behind it ask for.
fn options<'t>(text: &str, rest: &'t str, redis: bool) -> Result<(&'t str, Protocol), BadInput> {
    let (rest, options) = rest.split_once('?').unwrap_or((rest, ""));
    let mut protocol = if redis {
        Protocol::Resp
    } else {
        Protocol::Classic
    };
    for option in options.split('&').filter(|option| !option.is_empty()) {
        protocol = match option {
            "proto=text" if !redis => Protocol::Classic,
            "proto=meta" if !redis => Protocol::Meta,
            _ => {
                let valid = if redis {
                    "a server that speaks RESP has no options: it is spoken to in RESP2"
                } else {
                    "proto=text or proto=meta"
                };
                return Err(BadInput(format!(
                    "target '{text}': option '{option}' is not valid: {valid}"
                )));
            }
        };
    }
    Ok((rest, protocol))
}

fn addresses(text: &str, places: &str, redis: bool) -> Result<Vec<Address>, BadInput> {
    let bad = |why: String| Err(BadInput(format!("target '{text}': {why}")));
    if places.starts_with('/') {
        return Ok(vec![Address::Unix(places.into())]);
    }
    let (scheme, default) = if redis {
        ("redis", REDIS_PORT)
    } else {
        ("memcached", MEMCACHED_PORT)
    };
    if let Some((_, host)) = places.split_once('@') {
        return bad(format!(
            "user names and passwords are not sent; a server without a password works: {scheme}://{host}"
        ));
    }
    let mut addresses = Vec::new();
    for place in places.split(',') {
        let place = place.strip_suffix('/').unwrap_or(place);
        let (host, port) = match place
            .strip_prefix('[')
            .and_then(|rest| rest.split_once(']'))
        {
            Some((host, port)) => (host, port.strip_prefix(':')),
            None => match place.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (place, None),
            },
        };
        if host.is_empty() || host.contains('/') {
            return bad(format!(
                "'{place}' is not valid: HOST:PORT, or a path that begins with /"
            ));
        }
        let port = match port.map(str::parse) {
            None => default,
            Some(Ok(port)) if port > 0 => port,
            Some(_) => return bad(format!("the port of '{place}' is not valid: 1 to 65535")),
        };
        addresses.push(Address::Tcp(host.to_owned(), port));
    }
    if redis && addresses.len() > 1 {
        return bad("several servers are spread over for memcached only; name one".to_owned());
    }
    Ok(addresses)
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Tcp(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Address::Tcp(host, port) => write!(f, "{host}:{port}"),
            Address::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

impl fmt::Display for Server {
    /// As it is read; a strategy that is served stands behind it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Server::There(protocol, addresses) => {
                let scheme = if *protocol == Protocol::Resp {
                    "redis"
                } else {
                    "memcached"
                };
                let places: Vec<String> = addresses.iter().map(ToString::to_string).collect();
                write!(f, "{scheme}://{}", places.join(","))?;
            }
            Server::Started(program, _) => write!(f, "start:{}", program.name)?,
            Server::Served(way, _) => f.write_str(way.word())?,
            Server::Null => f.write_str("null-server")?,
        }
        f.write_str(self.suffix())
    }
}

impl Server {
    /// The options behind the name, where they are not the default.
    #[must_use]
    pub fn suffix(&self) -> &'static str {
        if self.protocol() == Protocol::Meta {
            "?proto=meta"
        } else {
            ""
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_read_and_written() {
        for text in [
            "memcached://127.0.0.1:11211",
            "memcached://127.0.0.1:11211?proto=meta",
            "memcached://10.0.0.1:11211,10.0.0.2:11212",
            "memcached:///run/cache.socket",
            "redis://localhost:6379",
            "redis://[::1]:6379",
            "start:memcached",
            "start:redis-server",
            "start:memcached?proto=meta",
            "null-server",
        ] {
            let (server, rest) = Server::read(text).unwrap().unwrap();
            assert_eq!((server.to_string().as_str(), rest), (text, None));
        }
        let (server, rest) = Server::read("redis://localhost").unwrap().unwrap();
        assert_eq!(
            (server.to_string().as_str(), rest),
            ("redis://localhost:6379", None)
        );
        for (text, way, strategy) in [
            ("served:striped:buckets=4", Way::Tcp, "striped:buckets=4"),
            ("served-unix:inline", Way::Unix, "inline"),
            ("parsed:striped", Way::Parsed, "striped"),
        ] {
            let expected = (Server::Served(way, Protocol::Classic), Some(strategy));
            assert_eq!(Server::read(text).unwrap().unwrap(), expected);
        }
        let (server, rest) = Server::read("served:striped?proto=meta").unwrap().unwrap();
        assert_eq!((server.suffix(), rest), ("?proto=meta", Some("striped")));
        assert_eq!(Server::read("striped:buckets=4").unwrap(), None);
    }

    #[test]
    fn what_is_not_valid_is_answered_with_what_is() {
        for (text, word) in [
            ("http://localhost", "memcached://"),
            ("start:memcahced", "did you mean 'memcached'"),
            ("memcached://localhost:0", "1 to 65535"),
            ("memcached://localhost:11211?proto=binary", "proto=meta"),
            ("redis://localhost?proto=meta", "RESP2"),
            ("redis://:secret@localhost", "password"),
            ("redis://a:1,b:2", "memcached only"),
            ("memcached://", "HOST:PORT"),
        ] {
            let error = Server::read(text).unwrap_err();
            assert!(error.0.contains(word), "{text}: {error}");
        }
    }

    #[test]
    fn other_machines_are_told_from_this_one() {
        let remote = |text: &str| {
            Server::read(text)
                .unwrap()
                .unwrap()
                .0
                .remote()
                .map(str::to_owned)
        };
        assert_eq!(remote("memcached://127.0.0.1,localhost:1"), None);
        assert_eq!(remote("redis://[::1]:6379"), None);
        assert_eq!(remote("memcached:///run/a"), None);
        assert_eq!(
            remote("memcached://127.0.0.1,10.0.0.2").as_deref(),
            Some("10.0.0.2")
        );
    }
}
