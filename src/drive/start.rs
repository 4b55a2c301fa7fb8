//! Servers that are started for a cell, and end with it: an installed program, or our own.

use std::ffi::OsString;
use std::io::Read;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tempfile::TempDir;

use super::socket::blocking;
use super::target::{Address, Program, Way};
use crate::machine;

/// How long a server may take until it accepts connections.
const STARTING: Duration = Duration::from_secs(10);

/// How long it may take to end after it was told to.
const ENDING: Duration = Duration::from_secs(2);

/// The most of what it says that is kept, in bytes of each stream.
const WORDS: usize = 8192;

/// What a server is started with.
pub(super) struct Wanted<'w> {
    /// Bytes for items.
    pub(super) memory: u64,
    /// Bytes of the largest value.
    pub(super) largest: u64,
    pub(super) connections: usize,
    /// The processors that it is kept to.
    pub(super) cpus: &'w [usize],
    /// Whether it makes room when it is full; otherwise it refuses.
    pub(super) evicts: bool,
}

/// A server that runs.
pub(super) struct Running {
    child: Child,
    words: Vec<JoinHandle<String>>,
    pub(super) address: Address,
    /// The command that started it.
    pub(super) command: String,
    /// Its socket and files; gone with it.
    _directory: Option<TempDir>,
}

/// Starts an installed server.
pub(super) fn program(program: &Program, wanted: &Wanted<'_>) -> anyhow::Result<Running> {
    let port = free_port()?;
    let directory = tempfile::tempdir().context("no temporary directory can be made")?;
    let words = if program.redis {
        redis(program.name, port, directory.path(), wanted)
    } else {
        memcached(port, wanted)?
    };
    let address = Address::Tcp("127.0.0.1".to_owned(), port);
    run(
        Path::new(program.name),
        &words,
        address,
        Some(directory),
        wanted,
    )
}

/// Starts a strategy of ours behind the memcached protocol.
pub(super) fn served(
    executable: &Path,
    (spec, hash): (&str, &str),
    way: Way,
    wanted: &Wanted<'_>,
) -> anyhow::Result<Running> {
    let mut words: Vec<OsString> = ["serve", spec, "--hash", hash].map(OsString::from).into();
    let (address, directory) = if way == Way::Unix {
        let directory = tempfile::tempdir().context("no temporary directory can be made")?;
        let path = directory.path().join("socket");
        words.extend(["-s".into(), path.clone().into()]);
        (Address::Unix(path), Some(directory))
    } else {
        let port = free_port()?;
        words.extend([
            "-l".into(),
            "127.0.0.1".into(),
            "-p".into(),
            port.to_string().into(),
        ]);
        (Address::Tcp("127.0.0.1".to_owned(), port), None)
    };
    words.extend(common(wanted)?);
    run(executable, &words, address, directory, wanted)
}

/// The least memory that memcached starts with: twice the smallest limit of an item that it takes.
const LEAST_MIB: u64 = 2;

/// Memory that Dragonfly wants for each of its threads, in bytes: it ends with "256.00MiB are required" below.
const DRAGONFLY_THREAD: u64 = 256 << 20;

/// The memory in MiB, which is how memcached and our own server take it.
///
/// # Errors
/// A budget that is no whole number of them, or too small.
fn mebibytes(wanted: &Wanted<'_>) -> anyhow::Result<u64> {
    let mib = wanted.memory.div_ceil(1 << 20);
    if wanted.evicts && (!wanted.memory.is_multiple_of(1 << 20) || mib < LEAST_MIB) {
        bail!(
            "a budget of {} B is not valid for it: whole MiB, at least {LEAST_MIB}, such as --budget {}MiB",
            wanted.memory,
            mib.max(LEAST_MIB)
        );
    }
    Ok(mib)
}

/// Flags that memcached and our own server share.
fn common(wanted: &Wanted<'_>) -> anyhow::Result<Vec<OsString>> {
    let mib = mebibytes(wanted)?;
    let mut words = vec![
        "-m".to_owned(),
        mib.to_string(),
        "-t".to_owned(),
        wanted.cpus.len().max(1).to_string(),
        "-c".to_owned(),
        (wanted.connections + 16).max(1024).to_string(),
    ];
    // An item is more than its value, and its limit at most half of the memory.
    let item_kib = (wanted.largest + 4096).div_ceil(1024).min(mib * 512);
    if item_kib > 1024 {
        words.extend(["-I".to_owned(), format!("{item_kib}k")]);
    }
    if !wanted.evicts {
        words.push("-M".to_owned());
    }
    Ok(words.into_iter().map(OsString::from).collect())
}

fn memcached(port: u16, wanted: &Wanted<'_>) -> anyhow::Result<Vec<OsString>> {
    let port = port.to_string();
    let mut words: Vec<OsString> = ["-l", "127.0.0.1", "-p", &port, "-U", "0"]
        .map(OsString::from)
        .into();
    if machine::is_root() {
        // It refuses to run as root unless it is told to.
        words.extend(["-u".into(), "root".into()]);
    }
    words.extend(common(wanted)?);
    Ok(words)
}

/// Nothing is written to disk: a cache is measured.
fn redis(name: &str, port: u16, directory: &Path, wanted: &Wanted<'_>) -> Vec<OsString> {
    let memory = wanted.memory.to_string();
    let connections = (wanted.connections + 16).max(1024).to_string();
    if name == "dragonfly" {
        let threads = wanted.cpus.len().max(1) as u64;
        // Without a budget its memory is no part of what is measured.
        let memory = if wanted.evicts {
            wanted.memory
        } else {
            wanted.memory.max(threads * DRAGONFLY_THREAD)
        };
        return vec![
            "--bind=127.0.0.1".into(),
            format!("--port={port}").into(),
            format!("--maxmemory={memory}").into(),
            format!("--proactor_threads={threads}").into(),
            "--dbfilename=".into(),
            format!("--cache_mode={}", wanted.evicts).into(),
        ];
    }
    let policy = if wanted.evicts {
        "allkeys-lru"
    } else {
        "noeviction"
    };
    let port = port.to_string();
    let words = [
        ["--bind", "127.0.0.1"],
        ["--port", &port],
        ["--save", ""],
        ["--appendonly", "no"],
        ["--maxmemory", &memory],
        ["--maxmemory-policy", policy],
        ["--maxclients", &connections],
    ];
    let mut words: Vec<OsString> = words.iter().flatten().map(OsString::from).collect();
    words.extend(["--dir".into(), directory.into()]);
    words
}

fn run(
    executable: &Path,
    words: &[OsString],
    address: Address,
    directory: Option<TempDir>,
    wanted: &Wanted<'_>,
) -> anyhow::Result<Running> {
    let name = executable
        .file_name()
        .unwrap_or(executable.as_os_str())
        .to_string_lossy()
        .into_owned();
    let mut command = Command::new(executable);
    command
        .args(words)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let spawned = machine::spawn_kept(&mut command, wanted.cpus);
    let mut child = spawned.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => anyhow::anyhow!("{name} is not installed"),
        _ => anyhow::Error::new(error).context(format!("{name} cannot be started")),
    })?;
    let unread = "what it says cannot be read";
    let stdout = child.stdout.take().context(unread)?;
    let stderr = child.stderr.take().context(unread)?;
    let said: Vec<String> = words
        .iter()
        .map(|word| quoted(&word.to_string_lossy()))
        .collect();
    let mut running = Running {
        child,
        words: vec![
            thread::spawn(move || first_words(stderr)),
            // Redis tells its log, and what is wrong, on the other stream.
            thread::spawn(move || first_words(stdout)),
        ],
        address,
        command: format!("{name} {}", said.join(" ")),
        _directory: directory,
    };
    running.await_start(&name)?;
    Ok(running)
}

fn quoted(word: &str) -> String {
    if word.is_empty() {
        "''".to_owned()
    } else {
        word.to_owned()
    }
}

impl Running {
    /// Waits until it accepts connections.
    fn await_start(&mut self, name: &str) -> anyhow::Result<()> {
        let began = Instant::now();
        loop {
            let accepts = blocking(&self.address).is_ok();
            // Another process may listen on a port that was free.
            if let Some(status) = self.child.try_wait()? {
                bail!("{name} ended as it was started ({status}): {}", self.said());
            }
            if accepts {
                return Ok(());
            }
            if began.elapsed() > STARTING {
                bail!(
                    "{name} accepts no connections {} s after it was started",
                    STARTING.as_secs()
                );
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// What a server that has ended has said: the line that tells most of it.
    fn said(&mut self) -> String {
        let said = self.words.drain(..).filter_map(|words| words.join().ok());
        let lines: Vec<String> = said
            .flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>())
            .collect();
        let tells = |line: &&String| {
            let line = line.to_lowercase();
            [
                "error",
                "fail",
                "fatal",
                "cannot",
                "could not",
                "required",
                "***",
            ]
            .iter()
            .any(|word| line.contains(word))
        };
        let first = || lines.iter().find(|line| !line.trim().is_empty());
        let line = lines.iter().find(tells).or_else(first);
        line.map_or_else(
            || "without a word".to_owned(),
            |line| line.trim().to_owned(),
        )
    }

    /// CPU time of its threads, in nanoseconds.
    pub(super) fn cpu_ns(&self) -> u64 {
        machine::cpu_ns_of(self.child.id())
    }

    /// Its resident memory, in bytes.
    pub(super) fn resident_bytes(&self) -> Option<u64> {
        machine::resident_bytes_of(self.child.id())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(None)) {
            // Its number may be another process's by now.
            return;
        }
        machine::end_process(self.child.id());
        let told = Instant::now();
        while told.elapsed() < ENDING {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(Duration::from_millis(5));
        }
        // An error means that it is gone.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port of the loopback address that is free now.
fn free_port() -> anyhow::Result<u16> {
    let listener =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port of 127.0.0.1 is free")?;
    Ok(listener.local_addr()?.port())
}

fn first_words(mut pipe: impl Read) -> String {
    let (mut kept, mut buffer) = (Vec::new(), [0; 1024]);
    while let Ok(count @ 1..) = pipe.read(&mut buffer) {
        let room = WORDS.saturating_sub(kept.len()).min(count);
        kept.extend_from_slice(&buffer[..room]);
    }
    String::from_utf8_lossy(&kept).into_owned()
}

/// The processors that are left to a server when each thread of the load has one of its own; all, where none is.
pub(super) fn cpus_left(threads: u32, pin_offset: usize) -> Vec<usize> {
    let all = machine::allowed_cpus();
    let taken: Vec<usize> = (0..threads as usize)
        .filter(|_| threads as usize <= all.len())
        .map(|thread| all[(thread + pin_offset) % all.len()])
        .collect();
    let left: Vec<usize> = all
        .iter()
        .copied()
        .filter(|cpu| !taken.contains(cpu))
        .collect();
    if left.is_empty() { all } else { left }
}
