//! What is asked of a server beside the load: its version, what it holds, the prefill, and that it is left as it was.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};

use anyhow::{Context, bail};

use super::ring::Ring;
use super::socket::{PATIENCE, Stream, blocking};
use super::target::Address;
use crate::base::counted;
use crate::wire::client::{Dialect, Storing, Unit};

/// Requests that are sent together where nothing is timed.
const TOGETHER: usize = 256;

/// The longest INFO that is read, in bytes.
const MOST_INFO: usize = 16 << 20;

/// Connections that block, one to each of the servers that share the keys.
pub(super) struct Control {
    dialect: Dialect,
    ring: Ring,
    talks: Vec<Talk>,
}

/// What servers hold, all of them together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Holds {
    pub(super) items: u64,
    /// Bytes of items by the servers' own account: memcached's `bytes`, Redis's `used_memory`.
    pub(super) bytes: u64,
    /// Entries that have gone to make room, ever.
    pub(super) evicted: u64,
}

/// One connection.
struct Talk {
    stream: Box<dyn Stream>,
    out: Vec<u8>,
    inbox: Vec<u8>,
    at: usize,
    /// Requests that are not answered.
    waiting: usize,
}

impl Control {
    /// Connects to each.
    ///
    /// # Errors
    /// One of them does not answer.
    pub(super) fn connect(
        dialect: Dialect,
        addresses: &[Address],
        ring: &Ring,
    ) -> anyhow::Result<Control> {
        let talks = addresses.iter().map(|address| {
            Ok(Talk {
                stream: blocking(address)?,
                out: Vec::new(),
                inbox: Vec::new(),
                at: 0,
                waiting: 0,
            })
        });
        Ok(Control {
            dialect,
            ring: ring.clone(),
            talks: talks.collect::<anyhow::Result<_>>()?,
        })
    }

    /// Name and version, as the server says them; of several, each once.
    ///
    /// # Errors
    /// The server wants what is not sent (a password), is one of a cluster, or says what is not of its protocol.
    pub(super) fn version(&mut self) -> anyhow::Result<String> {
        let mut versions: Vec<String> = Vec::new();
        for talk in &mut self.talks {
            let version = if self.dialect == Dialect::Resp {
                redis_version(&talk.info()?)?
            } else {
                let line = talk.line("version")?;
                let Some(version) = line.strip_prefix("VERSION ") else {
                    bail!("it does not speak memcached's protocol: '{line}' to 'version'");
                };
                format!("memcached {version}")
            };
            if !versions.contains(&version) {
                versions.push(version);
            }
        }
        Ok(versions.join(", "))
    }

    /// What they hold.
    ///
    /// # Errors
    /// A server does not say.
    pub(super) fn holds(&mut self) -> anyhow::Result<Holds> {
        let mut all = Holds::default();
        for talk in &mut self.talks {
            let one = if self.dialect == Dialect::Resp {
                let info = talk.info()?;
                let items = talk.command(&[b"DBSIZE"])?;
                let Some(items) = items.strip_prefix(':').and_then(|n| n.parse().ok()) else {
                    bail!("the server says to DBSIZE: {items}");
                };
                Holds {
                    items,
                    bytes: field(&info, "used_memory")?,
                    evicted: field(&info, "evicted_keys")?,
                }
            } else {
                let stats = talk.stats()?;
                Holds {
                    items: field(&stats, "curr_items")?,
                    bytes: field(&stats, "bytes")?,
                    evicted: field(&stats, "evictions")?,
                }
            };
            all.items += one.items;
            all.bytes += one.bytes;
            all.evicted += one.evicted;
        }
        Ok(all)
    }

    /// Stores an entry; its answer is looked at later.
    ///
    /// # Errors
    /// The server refuses, or the connection broke.
    pub(super) fn store(&mut self, key: &[u8], value: &[u8]) -> anyhow::Result<()> {
        self.check_key(key)?;
        let talk = &mut self.talks[self.ring.server_of(key)];
        self.dialect.store(&mut talk.out, Storing::Set, key, value);
        talk.asked(self.dialect)
    }

    /// Removes an entry, if there is one; its answer is looked at later.
    ///
    /// # Errors
    /// Like [`Control::store`].
    pub(super) fn remove(&mut self, key: &[u8]) -> anyhow::Result<()> {
        if !self.dialect.carries(key) {
            return Ok(());
        }
        let talk = &mut self.talks[self.ring.server_of(key)];
        self.dialect.delete(&mut talk.out, key);
        talk.asked(self.dialect)
    }

    /// Waits for the answers to all that was stored or removed.
    ///
    /// # Errors
    /// Like [`Control::store`].
    pub(super) fn finish(&mut self) -> anyhow::Result<()> {
        self.talks
            .iter_mut()
            .try_for_each(|talk| talk.answers(self.dialect))
    }

    fn check_key(&self, key: &[u8]) -> anyhow::Result<()> {
        if self.dialect.carries(key) {
            return Ok(());
        }
        bail!(
            "memcached's protocol does not carry the key '{}': keys have 1 to 250 bytes, without spaces and control \
             characters; redis:// takes any",
            key[..key.len().min(40)].escape_ascii()
        )
    }
}

impl Talk {
    fn asked(&mut self, dialect: Dialect) -> anyhow::Result<()> {
        self.waiting += 1;
        if self.waiting >= TOGETHER {
            self.answers(dialect)?;
        }
        Ok(())
    }

    /// Sends what waits and takes an answer for each request.
    fn answers(&mut self, dialect: Dialect) -> anyhow::Result<()> {
        self.send()?;
        while self.waiting > 0 {
            let next = dialect.next(&self.inbox[self.at..]);
            let next = next.map_err(|garbled| {
                anyhow::anyhow!("an answer that is none of the protocol: '{}'", garbled.0)
            })?;
            match next {
                None => self.receive()?,
                Some((Unit::Refused(words), _)) => {
                    bail!("the server says: {}", String::from_utf8_lossy(words))
                }
                Some((_, used)) => {
                    self.at += used;
                    self.waiting -= 1;
                }
            }
        }
        Ok(())
    }

    fn send(&mut self) -> anyhow::Result<()> {
        self.stream.write_all(&self.out).map_err(broke)?;
        self.out.clear();
        Ok(())
    }

    fn receive(&mut self) -> anyhow::Result<()> {
        self.inbox.drain(..self.at);
        self.at = 0;
        let mut room = [0; 16 << 10];
        loop {
            match self.stream.read(&mut room) {
                Ok(0) => bail!("the server closed the connection before it had answered"),
                Ok(count) => {
                    self.inbox.extend_from_slice(&room[..count]);
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(broke(error)),
            }
        }
    }

    /// The next line of an answer, without its end.
    fn next_line(&mut self) -> anyhow::Result<String> {
        loop {
            let rest = &self.inbox[self.at..];
            if let Some(end) = memchr::memchr(b'\n', rest) {
                let line = String::from_utf8_lossy(&rest[..end])
                    .trim_end_matches('\r')
                    .to_owned();
                self.at += end + 1;
                return Ok(line);
            }
            self.receive()?;
        }
    }

    fn line(&mut self, command: &str) -> anyhow::Result<String> {
        self.out.extend_from_slice(command.as_bytes());
        self.out.extend_from_slice(b"\r\n");
        self.send()?;
        self.next_line()
    }

    /// The `STAT` lines of memcached.
    fn stats(&mut self) -> anyhow::Result<BTreeMap<String, String>> {
        let mut stats = BTreeMap::new();
        let mut line = self.line("stats")?;
        while line != "END" {
            let mut words = line.splitn(3, ' ');
            let (Some("STAT"), Some(name), Some(value)) =
                (words.next(), words.next(), words.next())
            else {
                bail!("the server says to stats: {line}");
            };
            stats.insert(name.to_owned(), value.to_owned());
            line = self.next_line()?;
        }
        Ok(stats)
    }

    /// The first line of Redis's answer to a command.
    fn command(&mut self, words: &[&[u8]]) -> anyhow::Result<String> {
        write!(self.out, "*{}\r\n", words.len())?;
        for word in words {
            write!(self.out, "${}\r\n", word.len())?;
            self.out.extend_from_slice(word);
            self.out.extend_from_slice(b"\r\n");
        }
        self.send()?;
        let line = self.next_line()?;
        match line.strip_prefix('-') {
            Some(words) if words.starts_with("NOAUTH") => bail!(
                "the server wants a password ({words}): passwords are not sent; a server without one, such as one on a \
                 loopback address, works"
            ),
            Some(words) if words.starts_with("NOPROTO") => bail!(
                "the server speaks RESP3 only ({words}): one that speaks RESP2, such as Redis by default, works"
            ),
            Some(words) => bail!("the server says: {words}"),
            None => Ok(line),
        }
    }

    /// The fields of Redis's `INFO`.
    fn info(&mut self) -> anyhow::Result<BTreeMap<String, String>> {
        let line = self.command(&[b"INFO"])?;
        let length = line.strip_prefix('$').and_then(|n| n.parse::<usize>().ok());
        let Some(length) = length.filter(|&length| length <= MOST_INFO) else {
            bail!(
                "it does not speak RESP2: '{line}' to INFO; Redis, Valkey, KeyDB and Dragonfly do, as long as no client \
                 asks for RESP3"
            );
        };
        while self.inbox.len() - self.at < length + 2 {
            self.receive()?;
        }
        let text = String::from_utf8_lossy(&self.inbox[self.at..self.at + length]).into_owned();
        self.at += length + 2;
        let fields = text.lines().filter_map(|line| line.split_once(':'));
        Ok(fields
            .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
            .collect())
    }
}

fn broke(error: std::io::Error) -> anyhow::Error {
    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) {
        return anyhow::anyhow!("no answer within {} s", PATIENCE.as_secs());
    }
    anyhow::Error::new(error).context("the connection broke")
}

/// Name and version of a server that speaks RESP.
fn redis_version(info: &BTreeMap<String, String>) -> anyhow::Result<String> {
    if info
        .get("cluster_enabled")
        .is_some_and(|enabled| enabled == "1")
    {
        bail!(
            "the server is one of a cluster, which sends clients elsewhere: a server that stands alone works"
        );
    }
    let known = [
        ("dragonfly_version", "dragonfly"),
        ("valkey_version", "valkey"),
        ("redis_version", "redis"),
    ];
    let version = known
        .iter()
        .find_map(|(field, name)| Some(format!("{name} {}", info.get(*field)?)));
    version.context("the server's INFO names no version")
}

fn field(fields: &BTreeMap<String, String>, name: &str) -> anyhow::Result<u64> {
    let value = fields.get(name).and_then(|value| value.parse().ok());
    value.with_context(|| format!("the server does not say its {name}"))
}

/// What keeps a server from being written to: it holds keys, which are not ours.
pub(super) fn check_empty(holds: Holds, overwrite: bool) -> anyhow::Result<()> {
    if holds.items == 0 || overwrite {
        return Ok(());
    }
    bail!(
        "the server holds {} already: give an empty one, or --yes to write beside them. What a run stores it removes, \
         and keys of the workload's own names (such as user1234…) are overwritten and removed too",
        counted(holds.items, "key")
    )
}
