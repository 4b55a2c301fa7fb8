//! Servers that tests start and stop, and connections to them.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long anything may take before it counts as not happening.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A server that is killed when it goes out of scope.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
}

impl Server {
    /// Starts `bucketlab serve` with these arguments on a port of its own.
    pub fn start(args: &[&str]) -> Server {
        let mut child = Command::new(env!("CARGO_BIN_EXE_bucketlab"))
            .args(["serve", "-p", "0"])
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let out = child.stdout.take().unwrap();
        BufReader::new(out).read_line(&mut line).unwrap();
        let address = line.rsplit("tcp:").next().unwrap().trim().parse();
        let address = address.unwrap_or_else(|_| panic!("the server said: {line}"));
        Server { child, address }
    }

    /// Starts Debian's memcached with one thread, for comparison: without the log that `watch` shows, which there
    /// is none of here, and without the thread that sorts its items: what that holds just then is counted up
    /// in a copy, which shows in spaces and marks.
    pub fn memcached() -> Server {
        let quiet = ["-W", "-o", "no_lru_maintainer"];
        Server::memcached_with(&[&["-t", "1", "-m", "1024"], &quiet[..]].concat())
    }

    /// Starts Debian's memcached with these arguments on a port of its own.
    pub fn memcached_with(args: &[&str]) -> Server {
        // A port that was free just now; if somebody takes it, another is tried.
        for _ in 0..10 {
            let port = TcpListener::bind("127.0.0.1:0")
                .unwrap()
                .local_addr()
                .unwrap()
                .port();
            let child = Command::new("memcached")
                .args(["-u", "root", "-l", "127.0.0.1", "-p", &port.to_string()])
                .args(args)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn();
            let mut child = child.expect("memcached is installed (Debian: memcached)");
            let address = SocketAddr::from(([127, 0, 0, 1], port));
            let begun = Instant::now();
            while begun.elapsed() < PATIENCE && child.try_wait().unwrap().is_none() {
                match TcpStream::connect(address) {
                    Ok(stream) if is_process(&stream, child.id()) => {
                        return Server { child, address };
                    }
                    // Another test's server was given the port in the meantime.
                    Ok(_) => break,
                    Err(_) => {}
                }
                std::thread::sleep(Duration::from_millis(2));
            }
            let _ = child.kill();
            let _ = child.wait();
        }
        panic!("memcached does not start");
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Resident bytes.
    pub fn resident(&self) -> u64 {
        let path = format!("/proc/{}/statm", self.child.id());
        let text = std::fs::read_to_string(path).unwrap();
        let pages: u64 = text.split(' ').nth(1).unwrap().parse().unwrap();
        pages * 4096
    }

    /// Sends a signal, which has been delivered then.
    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let status = Command::new("kill").args(["-s", name, &id]).status();
        assert!(status.unwrap().success());
    }

    /// Sends SIGTERM and returns the exit code.
    pub fn end(mut self) -> Option<i32> {
        self.signal("TERM");
        self.wait()
    }

    /// Waits until it has ended and returns the exit code.
    pub fn wait(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends bytes and reads an answer of so many bytes.
pub fn ask(stream: &mut TcpStream, request: &[u8], length: usize) -> Vec<u8> {
    stream.write_all(request).unwrap();
    let mut answer = vec![0; length];
    stream.read_exact(&mut answer).unwrap();
    answer
}

/// Sends one request and reads one line.
pub fn line(stream: &mut TcpStream, request: &[u8]) -> String {
    stream.write_all(request).unwrap();
    let mut answer = Vec::new();
    let mut byte = [0];
    while !answer.ends_with(b"\r\n") {
        stream.read_exact(&mut byte).unwrap();
        answer.push(byte[0]);
    }
    String::from_utf8(answer).unwrap()
}

/// Reads what is there, 0 bytes at the end. A socket with a timeout reports a signal that has passed (a process that was
/// stopped and continued) as an error, whatever the handler asks for (signal(7)): that read is tried again.
pub fn read(stream: &mut TcpStream, part: &mut [u8]) -> usize {
    loop {
        match stream.read(part) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            count => return count.unwrap(),
        }
    }
}

/// Whether the memcached at the other end is this process.
fn is_process(mut stream: &TcpStream, id: u32) -> bool {
    let pid = format!("STAT pid {id}\r\n");
    let mut answer = Vec::new();
    let asked = stream
        .set_read_timeout(Some(PATIENCE))
        .and_then(|()| stream.write_all(b"stats\r\nquit\r\n"))
        .and_then(|()| stream.read_to_end(&mut answer));
    asked.is_ok() && String::from_utf8_lossy(&answer).contains(&pid)
}
