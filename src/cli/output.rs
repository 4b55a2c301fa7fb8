//! Writing to people and pipes.

use std::io::{self, IsTerminal, Write};
use std::path::Path;

/// Width of what is printed where no terminal says another, in columns.
const PIPE_WIDTH: usize = 100;

/// Writes to stdout; a closed pipe is an error that the caller passes on, never a panic.
pub(super) fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// The same where the exit code says more than that the reader has gone away.
pub(super) fn print_if_read(text: &str) -> io::Result<()> {
    match print(text) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Writes the path that a verb ends with, byte for byte: it need not be UTF-8.
pub(super) fn print_path(path: &Path) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(path.as_os_str().as_encoded_bytes())?;
    out.write_all(b"\n")?;
    out.flush()
}

/// The same where the exit code says more than that the reader has gone away.
pub(super) fn print_path_if_read(path: &Path) -> io::Result<()> {
    match print_path(path) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// The same to stderr, as far as anyone listens.
pub(super) fn complain_path(path: &Path) {
    let mut err = io::stderr().lock();
    let _ = err
        .write_all(path.as_os_str().as_encoded_bytes())
        .and_then(|()| err.write_all(b"\n"));
}

/// Writes to stderr, as far as anyone listens.
pub(super) fn complain(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Columns that a table on stdout may take.
pub(super) fn width() -> usize {
    let stdout = io::stdout();
    if !stdout.is_terminal() {
        return PIPE_WIDTH;
    }
    match rustix::termios::tcgetwinsize(&stdout) {
        Ok(size) if size.ws_col > 0 => usize::from(size.ws_col),
        _ => PIPE_WIDTH,
    }
}

/// Whether colour is welcome on stdout: a terminal, and no `NO_COLOR`.
pub(super) fn colour() -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    io::stdout().is_terminal() && !refused
}
