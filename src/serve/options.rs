//! What a server is started with.

use std::path::PathBuf;

/// The version that is announced: that of the memcached whose protocol is spoken, then our own. Clients
/// decide by the first numbers what they may ask for, and libmemcached takes a major version of 0 for
/// an error.
pub const VERSION: &str = concat!("1.6.18-bucketlab-", env!("CARGO_PKG_VERSION"));

/// What a server is started with; the names of fields are those of memcached's own settings where it
/// has one.
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
pub struct Options {
    /// Addresses to listen on, with their ports; none with a unix socket.
    pub listen: Vec<(String, u16)>,
    /// Unix socket to listen on instead.
    pub unix: Option<(PathBuf, u32)>,
    /// Worker threads.
    pub threads: usize,
    /// Bytes of items.
    pub memory_bytes: u64,
    /// Whether a full server evicts, or refuses.
    pub evict: bool,
    /// Connections at a time.
    pub connections: usize,
    /// Bytes of the largest item, as memcached counts an item.
    pub item_max: usize,
    /// Requests that a connection may have served before others get their turn.
    pub requests_per_event: u32,
    /// Connections that may wait to be accepted.
    pub backlog: i32,
    /// Seconds after which an idle connection is closed; 0 for never.
    pub idle_timeout: u32,
    /// Verbosity, 0 to 3.
    pub verbosity: u32,
    /// Whether clients may end the server.
    pub shutdown_enabled: bool,
    /// Whether `flush_all` is allowed.
    pub flush_enabled: bool,
    /// Whether keys may be listed.
    pub dump_enabled: bool,
    /// User and group to run as once everything is listened on.
    pub user: Option<(u32, u32)>,
    /// Name of the hash function, for `stats`.
    pub hash: String,
}
