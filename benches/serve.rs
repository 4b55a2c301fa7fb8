//! This server beside Debian's memcached: `cargo bench --bench serve`.
//!
//! Both run with one thread on the first allowed core; the load, a small pipelining generator, on
//! another. Rounds of both alternate, and medians are compared. The generator answers for itself:
//! how busy its core was stands beside each figure; where it is at 100 %, it is the bottleneck.
//!
//! Environment: `ROUNDS` (5), `SECONDS` a round (1), `ITEMS` (1000000), `TARGET` (optimistic, as `serve`).

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bucketlab::machine::{allowed_cpus, pin_thread, thread_cpu_ns};
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

const KEY: usize = 16;
const VALUE: usize = 64;

/// A kind of load.
struct Load {
    name: &'static str,
    connections: usize,
    /// Requests on their way on a connection at a time.
    depth: usize,
    /// Keys of a request.
    keys: usize,
    kind: Kind,
    /// What is aimed at, ours over theirs.
    goal: f64,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Get,
    MetaGet,
    Set,
}

const LOADS: &[Load] = &[
    Load {
        name: "get, 50 connections",
        connections: 50,
        depth: 1,
        keys: 1,
        kind: Kind::Get,
        goal: 1.0,
    },
    Load {
        name: "get, depth 64",
        connections: 4,
        depth: 64,
        keys: 1,
        kind: Kind::Get,
        goal: 5.0,
    },
    Load {
        name: "mg, depth 64",
        connections: 4,
        depth: 64,
        keys: 1,
        kind: Kind::MetaGet,
        goal: 1.3,
    },
    Load {
        name: "get of 50 keys",
        connections: 4,
        depth: 1,
        keys: 50,
        kind: Kind::Get,
        goal: 1.3,
    },
    Load {
        name: "set, depth 64",
        connections: 4,
        depth: 64,
        keys: 1,
        kind: Kind::Set,
        goal: 1.2,
    },
];

struct Server {
    name: &'static str,
    child: Child,
    address: SocketAddr,
    empty: u64,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("its number").port()
}

impl Server {
    /// Starts a server on the calling thread's core, which it inherits.
    fn start(name: &'static str, mut command: Command, port: u16, ready: bool) -> Server {
        let out = if ready { Stdio::piped() } else { Stdio::null() };
        let mut child = command
            .stdout(out)
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{name} cannot be started: {error}"));
        if let Some(out) = child.stdout.take() {
            let mut line = String::new();
            BufReader::new(out)
                .read_line(&mut line)
                .expect("the server says that it is ready");
        }
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let begun = Instant::now();
        while TcpStream::connect(address).is_err() {
            assert!(
                begun.elapsed() < Duration::from_secs(10),
                "{name} does not listen"
            );
            std::thread::sleep(Duration::from_millis(10));
        }
        let mut server = Server {
            name,
            child,
            address,
            empty: 0,
        };
        server.empty = server.resident();
        server
    }

    fn resident(&self) -> u64 {
        let text =
            std::fs::read_to_string(format!("/proc/{}/statm", self.child.id())).expect("statm");
        text.split(' ')
            .nth(1)
            .and_then(|pages| pages.parse::<u64>().ok())
            .expect("pages")
            * 4096
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("a connection");
        stream.set_nodelay(true).expect("no delay");
        stream
    }
}

fn key(index: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(format!("k{index:015}").as_bytes());
}

/// Appends one request; the bytes that its answer has, as every key is there.
fn request(load: &Load, rng: &mut Xoshiro256PlusPlus, items: u64, out: &mut Vec<u8>) -> usize {
    match load.kind {
        Kind::Get => {
            out.extend_from_slice(b"get");
            for _ in 0..load.keys {
                out.push(b' ');
                key(rng.random_range(0..items), out);
            }
            out.extend_from_slice(b"\r\n");
            load.keys * ("VALUE ".len() + KEY + " 0 64\r\n".len() + VALUE + 2) + "END\r\n".len()
        }
        Kind::MetaGet => {
            out.extend_from_slice(b"mg ");
            key(rng.random_range(0..items), out);
            out.extend_from_slice(b" v\r\n");
            "VA 64\r\n".len() + VALUE + 2
        }
        Kind::Set => {
            out.extend_from_slice(b"set ");
            key(rng.random_range(0..items), out);
            out.extend_from_slice(b" 0 0 64\r\n");
            out.resize(out.len() + VALUE, b'v');
            out.extend_from_slice(b"\r\n");
            "STORED\r\n".len()
        }
    }
}

/// Stores every item, and reads each twice, so that both servers have marked what they mark.
fn fill(server: &Server, items: u64) {
    let mut stream = server.connect();
    let (mut out, mut answer) = (Vec::new(), Vec::new());
    for from in (0..items).step_by(500) {
        let to = (from + 500).min(items);
        for pass in 0..3 {
            out.clear();
            let mut length = 0;
            for index in from..to {
                out.extend_from_slice(if pass == 0 { b"set " } else { b"mg " });
                key(index, &mut out);
                if pass == 0 {
                    out.extend_from_slice(b" 0 0 64\r\n");
                    out.resize(out.len() + VALUE, b'v');
                }
                out.extend_from_slice(b"\r\n");
                length += if pass == 0 {
                    "STORED\r\n".len()
                } else {
                    "HD\r\n".len()
                };
            }
            stream.write_all(&out).expect("requests");
            answer.resize(length, 0);
            stream.read_exact(&mut answer).expect("answers");
        }
    }
}

/// Keys a second, and the share of its core that the generator took.
fn measure(server: &Server, load: &Load, items: u64, seconds: f64) -> (f64, f64) {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(7);
    // Requests are made before the clock starts; a ring of them is sent over and over.
    let batches_to_send: Vec<(Vec<u8>, usize)> = (0..256)
        .map(|_| {
            let mut bytes = Vec::new();
            let mut length = 0;
            for _ in 0..load.depth {
                length += request(load, &mut rng, items, &mut bytes);
            }
            (bytes, length)
        })
        .collect();
    let mut streams: Vec<TcpStream> = (0..load.connections).map(|_| server.connect()).collect();
    let mut answer = vec![0; 1 << 20];
    let (begun, cpu) = (Instant::now(), thread_cpu_ns());
    let (mut at, mut batches) = (0, 0_u64);
    while begun.elapsed().as_secs_f64() < seconds {
        let first = at;
        for stream in &mut streams {
            stream
                .write_all(&batches_to_send[at % batches_to_send.len()].0)
                .expect("requests");
            at += 1;
        }
        for (index, stream) in streams.iter_mut().enumerate() {
            let length = batches_to_send[(first + index) % batches_to_send.len()].1;
            stream.read_exact(&mut answer[..length]).expect("answers");
        }
        batches += streams.len() as u64;
    }
    let elapsed = begun.elapsed().as_secs_f64();
    let busy = (thread_cpu_ns() - cpu) as f64 / 1e9 / elapsed;
    let keys = batches * (load.depth * load.keys) as u64;
    (keys as f64 / elapsed, busy)
}

fn number<T: std::str::FromStr>(name: &str, default: T) -> T {
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(default)
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

fn main() {
    // `cargo test --benches` asks whether this runs at all: it does, with next to nothing.
    let test = std::env::args().any(|argument| argument == "--test")
        || !std::env::args().any(|a| a == "--bench");
    let rounds = number("ROUNDS", if test { 1 } else { 5 });
    let seconds = number("SECONDS", if test { 0.02 } else { 1.0 });
    let items = number("ITEMS", if test { 1000 } else { 1_000_000 });
    let target: String = number("TARGET", "optimistic".to_owned());
    let cpus = allowed_cpus();
    let (server_cpu, load_cpu) = (cpus.first().copied(), cpus.last().copied());
    if let Some(cpu) = server_cpu {
        let _ = pin_thread(cpu);
    }
    let (our_port, their_port) = (port(), port());
    let mut ours = Command::new(env!("CARGO_BIN_EXE_bucketlab"));
    ours.args([
        "serve",
        &target,
        "-t",
        "1",
        "-m",
        "1024",
        "-p",
        &our_port.to_string(),
    ]);
    let mut theirs = Command::new("memcached");
    theirs.args(["-u", "root", "-l", "127.0.0.1", "-t", "1", "-m", "1024"]);
    theirs.args(["-p", &their_port.to_string()]);
    let servers = [
        Server::start("bucketlab", ours, our_port, true),
        Server::start("memcached", theirs, their_port, false),
    ];
    if let Some(cpu) = load_cpu {
        let _ = pin_thread(cpu);
    }
    let mut per_item = Vec::new();
    for server in &servers {
        fill(server, items);
        per_item.push((server.resident() - server.empty) as f64 / items as f64);
    }
    println!(
        "{:<22} {:>12} {:>12} {:>7} {:>6}  load's core",
        "keys a second", servers[0].name, servers[1].name, "ratio", "goal"
    );
    for load in LOADS {
        let mut rates = [Vec::new(), Vec::new()];
        let mut busiest = [0.0_f64; 2];
        for round in 0..rounds {
            // In turns, and the one that begins in turns.
            for step in 0..2 {
                let which = (round + step) % 2;
                let (rate, busy) = measure(&servers[which], load, items, seconds);
                rates[which].push(rate);
                busiest[which] = busiest[which].max(busy);
            }
        }
        let [ours, theirs] = rates.map(median);
        println!(
            "{:<22} {ours:>12.0} {theirs:>12.0} {:>6.2}x {:>5.1}x  {:.0} %, {:.0} %",
            load.name,
            ours / theirs,
            load.goal,
            100.0 * busiest[0],
            100.0 * busiest[1]
        );
    }
    let (ours, theirs) = (per_item[0], per_item[1]);
    println!(
        "{:<22} {ours:>12.1} {theirs:>12.1} {:>6.2}x   1.0x",
        "resident bytes an item",
        ours / theirs
    );
}
