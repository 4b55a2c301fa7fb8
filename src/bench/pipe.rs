//! The child's end of the pipe.

use std::io::{self, BufRead, Write};

use super::protocol::{Reply, Request};

/// How a child hears its parent. A trait, so that tests can hold the other end in the same process.
pub trait Pipe {
    /// The next request; `None` when the parent has closed the pipe.
    ///
    /// # Errors
    /// The pipe is broken or carries something that is no request.
    fn next(&mut self) -> io::Result<Option<Request>>;

    /// Answers.
    ///
    /// # Errors
    /// The pipe is broken.
    fn reply(&mut self, reply: &Reply) -> io::Result<()>;
}

/// Standard input and output.
#[derive(Debug, Default)]
pub struct StdPipe;

impl Pipe for StdPipe {
    fn next(&mut self) -> io::Result<Option<Request>> {
        let mut line = String::new();
        if io::stdin().lock().read_line(&mut line)? == 0 {
            return Ok(None);
        }
        Ok(Some(serde_json::from_str(&line)?))
    }

    fn reply(&mut self, reply: &Reply) -> io::Result<()> {
        let mut line = serde_json::to_string(reply)?;
        line.push('\n');
        let mut out = io::stdout().lock();
        out.write_all(line.as_bytes())?;
        out.flush()
    }
}
