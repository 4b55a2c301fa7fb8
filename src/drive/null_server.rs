//! The control: a server that stores nothing and answers as soon as it has read. What the load reaches with it is
//! the most that the load can show of any server.
//!
//! A get is answered with a value of the workload's size that begins as the check of values wants it; a write with
//! `STORED`, a removal with `DELETED`.

use std::io::{ErrorKind, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::Context;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token, Waker};

use super::target::Address;
use crate::machine;

const LISTENER: Token = Token(usize::MAX);
const WAKE: Token = Token(usize::MAX - 1);

/// Bytes that are read at a time.
const ROOM: usize = 64 << 10;

/// How often it looks whether it is to end.
const TICK: Duration = Duration::from_millis(500);

/// The control while it runs: a thread with a port of its own for each processor that it may use.
pub(super) struct NullServer(Vec<Answering>);

/// One of its threads.
struct Answering {
    address: Address,
    stop: Arc<AtomicBool>,
    waker: Waker,
    thread: Option<JoinHandle<()>>,
}

impl NullServer {
    /// Starts it on free ports of the loopback address, on these processors, with values of so many bytes.
    pub(super) fn start(value: usize, cpus: &[usize]) -> anyhow::Result<NullServer> {
        let answering = cpus.iter().map(|&cpu| Answering::start(value, cpu));
        Ok(NullServer(answering.collect::<anyhow::Result<_>>()?))
    }

    /// Where it answers: connections are to be shared out.
    pub(super) fn addresses(&self) -> Vec<Address> {
        self.0.iter().map(|one| one.address.clone()).collect()
    }
}

impl Answering {
    fn start(value: usize, cpu: usize) -> anyhow::Result<Answering> {
        let poll = Poll::new()?;
        let any = ([127, 0, 0, 1], 0).into();
        let mut listener = TcpListener::bind(any).context("no port of 127.0.0.1 is free")?;
        let address = Address::Tcp("127.0.0.1".to_owned(), listener.local_addr()?.port());
        poll.registry()
            .register(&mut listener, LISTENER, Interest::READABLE)?;
        let waker = Waker::new(poll.registry(), WAKE)?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            // A refusal leaves it where the scheduler puts it.
            let _ = machine::pin_thread(cpu);
            serve(poll, &listener, value, &stopped);
        });
        Ok(Answering {
            address,
            stop,
            waker,
            thread: Some(thread),
        })
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.waker.wake();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// One connection: what has come and is not answered, and answers that have not left.
struct Guest {
    stream: TcpStream,
    inbox: Vec<u8>,
    out: Vec<u8>,
    /// Bytes of a value that are passed over.
    skip: usize,
}

fn serve(mut poll: Poll, listener: &TcpListener, value: usize, stop: &AtomicBool) {
    let mut events = Events::with_capacity(1024);
    let mut guests: Vec<Option<Guest>> = Vec::new();
    let (mut room, filler) = (vec![0; ROOM], vec![b'x'; value]);
    while !stop.load(Ordering::Relaxed) {
        match poll.poll(&mut events, Some(TICK)) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return,
            _ => {}
        }
        for event in &events {
            if event.token() == LISTENER {
                while let Ok((mut stream, _)) = listener.accept() {
                    let _ = stream.set_nodelay(true);
                    let token = Token(guests.len());
                    let both = Interest::READABLE | Interest::WRITABLE;
                    if poll.registry().register(&mut stream, token, both).is_ok() {
                        guests.push(Some(Guest {
                            stream,
                            inbox: Vec::new(),
                            out: Vec::new(),
                            skip: 0,
                        }));
                    }
                }
            } else if event.token() != WAKE {
                let place = &mut guests[event.token().0];
                if place
                    .as_mut()
                    .is_some_and(|guest| guest.turn(&mut room, &filler).is_err())
                {
                    *place = None;
                }
            }
        }
    }
}

impl Guest {
    /// Reads all there is, answers it, and sends what the socket takes.
    fn turn(&mut self, room: &mut [u8], filler: &[u8]) -> std::io::Result<()> {
        loop {
            match self.stream.read(room) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => {
                    self.inbox.extend_from_slice(&room[..count]);
                    self.answer(filler);
                    self.send()?;
                    if count < room.len() {
                        return Ok(());
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return self.send(),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn send(&mut self) -> std::io::Result<()> {
        let mut sent = 0;
        while sent < self.out.len() {
            match self.stream.write(&self.out[sent..]) {
                Ok(count) => sent += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.out.drain(..sent);
        Ok(())
    }

    /// Answers the whole lines that have come.
    fn answer(&mut self, filler: &[u8]) {
        let mut at = 0;
        loop {
            let passed = self.skip.min(self.inbox.len() - at);
            self.skip -= passed;
            at += passed;
            let Some(length) = memchr::memchr(b'\n', &self.inbox[at..]) else {
                break;
            };
            let line = &self.inbox[at..at + length];
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            at += length + 1;
            let mut words = line.split(|&byte| byte == b' ');
            match words.next() {
                Some(b"get") => {
                    for key in words {
                        value(&mut self.out, key, filler);
                    }
                    self.out.extend_from_slice(b"END\r\n");
                }
                Some(b"delete") => self.out.extend_from_slice(b"DELETED\r\n"),
                _ => {
                    let length = std::str::from_utf8(words.nth(3).unwrap_or_default());
                    self.skip = length
                        .ok()
                        .and_then(|n| n.parse::<usize>().ok())
                        .unwrap_or(0)
                        + 2;
                    self.out.extend_from_slice(b"STORED\r\n");
                }
            }
        }
        self.inbox.drain(..at);
    }
}

/// A value as the workload's check wants it: it begins with the end of its key.
fn value(out: &mut Vec<u8>, key: &[u8], filler: &[u8]) {
    out.extend_from_slice(b"VALUE ");
    out.extend_from_slice(key);
    out.extend_from_slice(b" 0 ");
    out.extend_from_slice(filler.len().to_string().as_bytes());
    out.extend_from_slice(b"\r\n");
    let mark = key.len().min(8).min(filler.len());
    out.extend_from_slice(&key[key.len() - mark..]);
    out.extend_from_slice(&filler[mark..]);
    out.extend_from_slice(b"\r\n");
}
