//! Accepting connections and dealing them out to the workers.

use std::io::{self, ErrorKind, Read, Write};
use std::net::ToSocketAddrs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::Sender;
use std::time::Duration;

use mio::net::{TcpListener, UnixListener, UnixStream};
use mio::{Events, Interest, Poll, Token, Waker};
use rustix::net::{AddressFamily, SocketType, bind, listen, sockopt};

use super::connection::Connection;
use super::options::Options;
use super::shared::{Guest, Shared};
use super::socket::Socket;

const SIGNAL: Token = Token(usize::MAX - 1);

/// How long to wait where no descriptor is free, and at most for anything.
const PAUSE: Duration = Duration::from_millis(50);

/// One address that is listened on.
#[derive(Debug)]
pub(super) struct Listener {
    kind: Kind,
    /// As `stats conns` shows it.
    pub(super) address: String,
}

#[derive(Debug)]
enum Kind {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// Opens everything that is to be listened on.
///
/// # Errors
/// An address that is not one, is taken, or is not this process's to take.
pub(super) fn open(options: &Options) -> anyhow::Result<Vec<Listener>> {
    if let Some((path, mask)) = &options.unix {
        use anyhow::Context;
        // A socket that was left behind is replaced; anything else in its place is not.
        if path.symlink_metadata().is_ok_and(|old| {
            use std::os::unix::fs::FileTypeExt;
            old.file_type().is_socket()
        }) {
            std::fs::remove_file(path).with_context(|| path.display().to_string())?;
        }
        let listener = UnixListener::bind(path)
            .with_context(|| format!("cannot listen on {}", path.display()))?;
        let permissions = std::fs::Permissions::from_mode(*mask);
        std::fs::set_permissions(path, permissions).with_context(|| path.display().to_string())?;
        return Ok(vec![Listener {
            kind: Kind::Unix(listener),
            address: format!("unix:{}", path.display()),
        }]);
    }
    let mut listeners = Vec::new();
    for (host, port) in &options.listen {
        use anyhow::Context;
        let what = || format!("cannot listen on {host}:{port}");
        for address in (host.as_str(), *port)
            .to_socket_addrs()
            .with_context(what)?
        {
            let listener = tcp(&address, options.backlog).with_context(what)?;
            let address = listener.local_addr()?;
            listeners.push(Listener {
                kind: Kind::Tcp(TcpListener::from_std(listener)),
                address: format!("tcp:{address}"),
            });
        }
    }
    Ok(listeners)
}

fn tcp(address: &std::net::SocketAddr, backlog: i32) -> io::Result<std::net::TcpListener> {
    let family = if address.is_ipv4() {
        AddressFamily::INET
    } else {
        AddressFamily::INET6
    };
    let socket = rustix::net::socket(family, SocketType::STREAM, None)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    if address.is_ipv6() {
        sockopt::set_ipv6_v6only(&socket, true)?;
    }
    bind(&socket, address)?;
    listen(&socket, backlog)?;
    let listener = std::net::TcpListener::from(socket);
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// A worker, as the listener sees it.
pub(super) struct Desk {
    pub(super) arrivals: Sender<Connection>,
    pub(super) waker: Arc<Waker>,
}

/// Accepts until the server ends or a byte comes out of `signals`.
///
/// # Errors
/// Polling failed.
pub(super) fn accept(
    shared: &Shared<'_>,
    listeners: &mut [Listener],
    signals: std::os::unix::net::UnixStream,
    desks: &[Desk],
    mut poll: Poll,
) -> io::Result<()> {
    signals.set_nonblocking(true)?;
    let mut signals = UnixStream::from_std(signals);
    poll.registry()
        .register(&mut signals, SIGNAL, Interest::READABLE)?;
    for (index, listener) in listeners.iter_mut().enumerate() {
        let token = Token(index);
        match &mut listener.kind {
            Kind::Tcp(socket) => poll
                .registry()
                .register(socket, token, Interest::READABLE)?,
            Kind::Unix(socket) => poll
                .registry()
                .register(socket, token, Interest::READABLE)?,
        }
    }
    let mut events = Events::with_capacity(64);
    let mut reception = Reception {
        shared,
        desks,
        // Listeners have the first numbers.
        count: listeners.len() as u64,
    };
    let mut again = false;
    while !shared.stopping() {
        let pause = if again { PAUSE } else { Duration::from_secs(1) };
        match poll.poll(&mut events, Some(pause)) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            other => other?,
        }
        let ends = signals.read(&mut [0; 8]).is_ok();
        again = false;
        // Connections from before the signal, too: what they have sent is answered.
        for listener in &*listeners {
            // Out of descriptors or memory: waiting connections are kept.
            again |= reception.accept_all(listener).is_err();
        }
        if ends {
            shared.end();
            break;
        }
    }
    Ok(())
}

struct Reception<'a, 't> {
    shared: &'a Shared<'t>,
    desks: &'a [Desk],
    count: u64,
}

impl Reception<'_, '_> {
    fn accept_all(&mut self, listener: &Listener) -> io::Result<()> {
        loop {
            let accepted = match &listener.kind {
                Kind::Tcp(socket) => socket.accept().map(|(socket, peer)| {
                    // Answers leave at once; a socket that does not know this is no worse off.
                    let _ = socket.set_nodelay(true);
                    (Socket::Tcp(socket), format!("tcp:{peer}"))
                }),
                Kind::Unix(socket) => socket
                    .accept()
                    .map(|(socket, _)| (Socket::Unix(socket), "unix".to_owned())),
            };
            match accepted {
                Ok((socket, peer)) => self.seat(socket, peer, listener),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                // One that vanished before it was accepted.
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::ConnectionAborted | ErrorKind::Interrupted
                    ) => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn seat(&mut self, mut socket: Socket, peer: String, listener: &Listener) {
        let connections = &self.shared.connections;
        connections.total.fetch_add(1, Ordering::Relaxed);
        if connections.now.load(Ordering::Relaxed) >= self.shared.options.connections {
            connections.rejected.fetch_add(1, Ordering::Relaxed);
            // A fresh socket has room for this; if not, being hung up on says it too.
            let _ = socket.write(b"ERROR Too many open connections\r\n");
            return;
        }
        connections.now.fetch_add(1, Ordering::Relaxed);
        let id = self.count;
        self.count += 1;
        let guest = Arc::new(Guest {
            peer,
            listener: listener.address.clone(),
            last_command: AtomicU32::new(self.shared.clock.now()),
        });
        self.shared.guests().insert(id, Arc::clone(&guest));
        #[expect(clippy::cast_possible_truncation, reason = "a remainder of a length")]
        let desk = &self.desks[(id % self.desks.len() as u64) as usize];
        let connection = Connection::new(socket, id, guest);
        // A worker that is gone has ended with the server.
        let _ = desk.arrivals.send(connection);
        let _ = desk.waker.wake();
    }
}
