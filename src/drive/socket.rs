//! What requests go out on and answers come in by: TCP, a unix socket, or our own parser in this thread.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use mio::{Interest, Registry, Token};

use super::target::Address;
use crate::serve::Voice;

/// How long a server may take to accept a connection.
const CONNECTING: Duration = Duration::from_secs(3);

/// How long an answer to one request may take before the server counts as hanging.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// One connection; reads and writes say `WouldBlock` where they would wait.
pub(super) enum Socket<'s> {
    Tcp(mio::net::TcpStream),
    Unix(mio::net::UnixStream),
    /// Answers are there as soon as requests are written, from the first number on.
    Parsed(Box<Voice<'s, 's>>, Vec<u8>, usize),
}

impl Socket<'_> {
    /// Connects without blocking afterwards.
    pub(super) fn connect(address: &Address) -> anyhow::Result<Socket<'static>> {
        Ok(match address {
            Address::Tcp(..) => {
                let stream = tcp(address)?;
                stream.set_nonblocking(true)?;
                Socket::Tcp(mio::net::TcpStream::from_std(stream))
            }
            Address::Unix(_) => {
                let stream = unix(address)?;
                stream.set_nonblocking(true)?;
                Socket::Unix(mio::net::UnixStream::from_std(stream))
            }
        })
    }

    /// Has events of it told under this token; none come for what needs no waiting.
    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        let both = Interest::READABLE | Interest::WRITABLE;
        match self {
            Socket::Tcp(stream) => registry.register(stream, token, both),
            Socket::Unix(stream) => registry.register(stream, token, both),
            Socket::Parsed(..) => Ok(()),
        }
    }

    /// Whether its answers are there without waiting.
    pub(super) fn is_parsed(&self) -> bool {
        matches!(self, Socket::Parsed(..))
    }
}

impl Read for Socket<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Socket::Tcp(stream) => stream.read(buffer),
            Socket::Unix(stream) => stream.read(buffer),
            Socket::Parsed(_, answers, at) => {
                let count = buffer.len().min(answers.len() - *at);
                if count == 0 {
                    return Err(ErrorKind::WouldBlock.into());
                }
                buffer[..count].copy_from_slice(&answers[*at..*at + count]);
                *at += count;
                Ok(count)
            }
        }
    }
}

impl Write for Socket<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Socket::Tcp(stream) => stream.write(bytes),
            Socket::Unix(stream) => stream.write(bytes),
            Socket::Parsed(voice, answers, at) => {
                answers.drain(..*at);
                *at = 0;
                voice.exchange(bytes, answers)?;
                Ok(bytes.len())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A connection that blocks, for what is not timed.
pub(super) trait Stream: Read + Write + Send {}

impl<T: Read + Write + Send> Stream for T {}

/// Connects; reads and writes give up after [`PATIENCE`].
pub(super) fn blocking(address: &Address) -> anyhow::Result<Box<dyn Stream>> {
    Ok(match address {
        Address::Tcp(..) => {
            let stream = tcp(address)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_write_timeout(Some(PATIENCE))?;
            Box::new(stream)
        }
        Address::Unix(_) => {
            let stream = unix(address)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_write_timeout(Some(PATIENCE))?;
            Box::new(stream)
        }
    })
}

fn tcp(address: &Address) -> anyhow::Result<TcpStream> {
    let Address::Tcp(host, port) = address else {
        anyhow::bail!("{address} is no address of TCP");
    };
    let found = (host.as_str(), *port).to_socket_addrs();
    let found =
        found.map_err(|error| anyhow::anyhow!("the name {host} has no address: {error}"))?;
    let mut why = None;
    for place in found {
        match TcpStream::connect_timeout(&place, CONNECTING) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => why = Some(error),
        }
    }
    match why {
        Some(error) => anyhow::bail!("no server answers at {address}: {error}"),
        None => anyhow::bail!("the name {host} has no address"),
    }
}

fn unix(address: &Address) -> anyhow::Result<UnixStream> {
    let Address::Unix(path) = address else {
        anyhow::bail!("{address} is no path of a socket");
    };
    UnixStream::connect(path)
        .map_err(|error| anyhow::anyhow!("no server answers at {address}: {error}"))
}
