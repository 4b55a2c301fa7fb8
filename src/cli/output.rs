//! Writing to people and pipes.

use std::io::{self, IsTerminal, Write};
use std::path::Path;

use crate::report::UNLIMITED;

/// Width of a terminal that does not say how wide it is, in columns.
const USUAL_WIDTH: usize = 100;

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

/// Shows a page in the browser that `BROWSER` names, or in the usual one. The page is written already: that no
/// browser can be started is a note.
pub(super) fn open(page: &Path) {
    if let Err(error) = opener::open_browser(page) {
        complain(&format!(
            "note: no browser could be started for the page: {error}\n"
        ));
    }
}

/// Columns that a table on stdout may take: those that `COLUMNS` asks for, or else those of the
/// terminal. A pipe or a file takes lines of any length, so that nothing is left out.
pub(super) fn width() -> usize {
    let stdout = io::stdout();
    let terminal = stdout.is_terminal().then(|| {
        let size = rustix::termios::tcgetwinsize(&stdout);
        size.map_or(0, |size| usize::from(size.ws_col))
    });
    width_of(std::env::var("COLUMNS").ok().as_deref(), terminal)
}

/// The width that was asked for, or else that of the terminal, if it is one; 0 is a width not known.
fn width_of(asked: Option<&str>, terminal: Option<usize>) -> usize {
    let asked = asked.and_then(|columns| columns.trim().parse().ok());
    match (asked, terminal) {
        (Some(columns @ 1..), _) => columns,
        (_, None) => UNLIMITED,
        (_, Some(0)) => USUAL_WIDTH,
        (_, Some(columns)) => columns,
    }
}

/// Whether colour is welcome on stdout: a terminal, and no `NO_COLOR`.
pub(super) fn colour() -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    io::stdout().is_terminal() && !refused
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_has_no_width_and_columns_is_heard() {
        for (asked, terminal, width) in [
            (None, None, UNLIMITED),
            (None, Some(72), 72),
            (None, Some(0), USUAL_WIDTH),
            (Some("60"), None, 60),
            (Some("60"), Some(72), 60),
            (Some(""), Some(72), 72),
            (Some("0"), None, UNLIMITED),
            (Some("wide"), Some(72), 72),
        ] {
            assert_eq!(width_of(asked, terminal), width, "{asked:?} {terminal:?}");
        }
    }
}
