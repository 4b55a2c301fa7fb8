//! Which of the servers of a target has a key.

use super::ketama;
use super::target::Address;

/// Servers that share the keys, as libmemcached spreads them.
#[derive(Clone, Debug)]
pub(super) struct Ring {
    servers: usize,
    circle: ketama::Ring,
}

impl Ring {
    /// One server, which has them all.
    pub(super) fn of_one() -> Ring {
        Ring::new(&[])
    }

    /// Of these servers; unix sockets stand alone.
    pub(super) fn new(addresses: &[Address]) -> Ring {
        let named = addresses.iter().filter_map(|address| match address {
            Address::Tcp(host, port) => Some((host.clone(), *port)),
            Address::Unix(_) => None,
        });
        Ring {
            servers: addresses.len().max(1),
            circle: ketama::Ring::new(&named.collect::<Vec<_>>()),
        }
    }

    pub(super) fn servers(&self) -> usize {
        self.servers
    }

    #[inline]
    pub(super) fn server_of(&self, key: &[u8]) -> usize {
        if self.servers == 1 {
            return 0;
        }
        self.circle.server_of(key)
    }
}
