//! A child process that holds one table, and the requests to it.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGINT, SIGTERM};

use crate::bench::{Reply, Request};
use crate::machine::Heap;

/// The hidden verb that makes the program a child.
pub const CHILD_VERB: &str = "child";

/// What a child gets beyond twenty times the expected length of a request.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a child may take to end when its pipe closes.
const ENDING: Duration = Duration::from_millis(500);

/// How much of a child's last words is kept, in bytes.
const LAST_WORDS: usize = 4096;

/// Why a request has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The table can give no figures; the reason.
    Cell(String),
    /// The run is being interrupted.
    Interrupted,
}

/// A running child.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    requests: Option<ChildStdin>,
    replies: Receiver<std::io::Result<Reply>>,
    last_words: Option<JoinHandle<String>>,
    /// What it was asked for last, in words.
    doing: &'static str,
    /// What it may take to end when its pipe closes.
    ending: Duration,
}

impl Process {
    /// Starts a child with this heap in a process group of its own, so that a Ctrl-C at the terminal reaches the
    /// parent alone.
    pub(super) fn start(executable: &Path, heap: Heap) -> std::io::Result<Process> {
        let mut child = Command::new(executable)
            .arg(CHILD_VERB)
            .envs(heap.environment())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()?;
        let requests = child.stdin.take();
        let stdout = child.stdout.take().expect("stdout is piped");
        let stderr = child.stderr.take().expect("stderr is piped");
        let (sender, replies) = channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines() {
                let reply = line.and_then(|line| Ok(serde_json::from_str(&line)?));
                if sender.send(reply).is_err() {
                    return;
                }
            }
        });
        let last_words = Some(thread::spawn(move || tail_of(stderr)));
        Ok(Process {
            child,
            requests,
            replies,
            last_words,
            doing: "starting",
            ending: ENDING,
        })
    }

    /// Gives it more time to end when its pipe closes: it has to leave a server as it found it.
    pub(super) fn give_time_to_end(&mut self, ending: Duration) {
        self.ending = ending;
    }

    /// Sends a request and waits for the answer, for 10 s + 20 × what is expected.
    pub(super) fn ask(
        &mut self,
        request: &Request,
        expected: Duration,
        interrupted: &AtomicBool,
    ) -> Result<Reply, Failure> {
        self.send(request)?;
        self.answer(expected, interrupted)
    }

    /// Sends a request without waiting for the answer.
    pub(super) fn send(&mut self, request: &Request) -> Result<(), Failure> {
        self.doing = request.phase();
        let mut line = serde_json::to_string(request).expect("plain data");
        line.push('\n');
        let sent = self
            .requests
            .as_mut()
            .map(|pipe| pipe.write_all(line.as_bytes()));
        match sent {
            Some(Ok(())) => Ok(()),
            _ => Err(self.why_it_ended()),
        }
    }

    /// Waits for the answer to what was sent, for 10 s + 20 × what is expected.
    pub(super) fn answer(
        &mut self,
        expected: Duration,
        interrupted: &AtomicBool,
    ) -> Result<Reply, Failure> {
        let patience = PATIENCE + expected * 20;
        let asked = Instant::now();
        loop {
            match self.replies.recv_timeout(Duration::from_millis(50)) {
                Ok(Ok(Reply::Failed(why))) => return Err(Failure::Cell(why)),
                Ok(Ok(reply)) => return Ok(reply),
                Ok(Err(error)) => {
                    self.kill();
                    return Err(Failure::Cell(format!(
                        "the child's answer cannot be read: {error}"
                    )));
                }
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(self.why_it_ended());
                }
                Err(RecvTimeoutError::Timeout) => {
                    if interrupted.load(Ordering::Relaxed) {
                        // One that has to leave a server as it found it ends when its pipe closes.
                        if self.ending == ENDING {
                            self.kill();
                        }
                        return Err(Failure::Interrupted);
                    }
                    if asked.elapsed() > patience {
                        self.kill();
                        let waited = asked.elapsed().as_secs_f64();
                        return Err(Failure::Cell(format!(
                            "hangs while {}: no answer within {waited:.1} s, killed",
                            self.doing
                        )));
                    }
                }
            }
        }
    }

    fn kill(&mut self) {
        // An error means that it is gone already.
        let _ = self.child.kill();
    }

    /// The exit status and the last words of a child that has closed its end. One that was told to stop, before it
    /// could leave that to its parent, is no table that failed.
    fn why_it_ended(&mut self) -> Failure {
        self.requests = None;
        let status = match self.child.wait() {
            Ok(status) if matches!(status.signal(), Some(SIGINT | SIGTERM)) => {
                return Failure::Interrupted;
            }
            Ok(status) => describe(status),
            Err(error) => format!("ended, and its exit status is unknown: {error}"),
        };
        let words = self
            .last_words
            .take()
            .and_then(|words| words.join().ok())
            .unwrap_or_default();
        Failure::Cell(with_last_words(status, &words))
    }
}

/// How a child ended, with what of its last words says most: the first line of a panic and of an abort.
pub(super) fn with_last_words(status: String, words: &str) -> String {
    let words: Vec<&str> = words
        .lines()
        .map(str::trim)
        .filter(|l| !l.is_empty())
        .collect();
    let telling = words.iter().position(|line| line.contains("panicked at"));
    let words = match telling {
        Some(at) => words[at..]
            .iter()
            .take(2)
            .copied()
            .collect::<Vec<_>>()
            .join(" "),
        None => words.first().copied().unwrap_or_default().to_owned(),
    };
    if words.is_empty() {
        status
    } else {
        format!("{status}: {words}")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A child that is idle ends when its pipe closes; one that is not is of no use any more.
        self.requests = None;
        let patience = Instant::now();
        while patience.elapsed() < self.ending {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(Duration::from_millis(1));
        }
        self.kill();
        let _ = self.child.wait();
    }
}

/// An exit status in words.
pub(super) fn describe(status: ExitStatus) -> String {
    match (status.signal(), status.code()) {
        (Some(9), _) => "killed by signal 9 (the kernel, when memory runs out, or a person)".into(),
        (Some(6), _) => "aborted (signal 6)".into(),
        (Some(11), _) => "crashed (signal 11, invalid memory reference)".into(),
        (Some(signal), _) => format!("killed by signal {signal}"),
        (None, Some(code)) => format!("exited with {code}"),
        (None, None) => "ended".into(),
    }
}

/// Reads a pipe to its end and keeps its last part.
pub(super) fn tail_of(mut pipe: impl Read) -> String {
    let (mut kept, mut buffer) = (Vec::new(), [0; 1024]);
    loop {
        match pipe.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => kept.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => break,
        }
        if kept.len() > 2 * LAST_WORDS {
            kept.drain(..kept.len() - LAST_WORDS);
        }
    }
    String::from_utf8_lossy(&kept).into_owned()
}
