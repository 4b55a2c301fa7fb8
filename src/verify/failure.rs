//! What a table did wrong, from the expectation that was not met to the failure that is reported.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What a table did wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The number of the operation, from 1; nothing if it was not one of the sequence, as when the
    /// table was opened or counted.
    pub step: Option<u64>,
    /// Which thread of several did it.
    pub thread: Option<u32>,
    /// What was asked of the table.
    pub operation: String,
    /// The key, escaped and shortened.
    pub key: Option<String>,
    /// What the model says.
    pub expected: String,
    /// What the table did.
    pub got: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.operation)?;
        if let Some(key) = &self.key {
            write!(f, " of key {key}")?;
        }
        if let Some(step) = self.step {
            write!(f, " at step {step}")?;
        }
        if let Some(thread) = self.thread {
            write!(f, " of thread {thread}")?;
        }
        write!(f, ": expected {}, got {}", self.expected, self.got)
    }
}

impl std::error::Error for Failure {}

/// An expectation that was not met, before it is known by which operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) expected: String,
    pub(super) got: String,
}

impl Wrong {
    pub(super) fn new(expected: &str, got: &str) -> Wrong {
        Wrong {
            expected: expected.to_owned(),
            got: got.to_owned(),
        }
    }

    /// The failure of something that is not one of a sequence of steps.
    pub(super) fn during(self, operation: &str) -> Failure {
        Failure {
            step: None,
            thread: None,
            operation: operation.to_owned(),
            key: None,
            expected: self.expected,
            got: self.got,
        }
    }
}

/// Demands that the table did what the model says.
pub(super) fn expect<T: PartialEq + fmt::Debug>(expected: &T, got: &T) -> Result<(), Wrong> {
    if expected == got {
        return Ok(());
    }
    Err(Wrong::new(&format!("{expected:?}"), &format!("{got:?}")))
}

/// Does a part of a check, and turns a panic inside the table into what went wrong.
///
/// What a panic may leave inconsistent is the table and the model, and after it neither is used but
/// to be dropped.
pub(super) fn caught<T>(work: impl FnOnce() -> Result<T, Wrong>) -> Result<T, Wrong> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| Err(panicked(payload.as_ref())))
}

pub(super) fn panicked(payload: &(dyn Any + Send)) -> Wrong {
    let message = payload
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| payload.downcast_ref::<&str>().copied());
    let message = message.unwrap_or("without a message");
    Wrong::new("no panic", &format!("the panic '{message}'"))
}

/// [`caught`] for a whole check: opening, dropping and what else is not a step.
pub(super) fn caught_whole<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|payload| Err(panicked(payload.as_ref()).during("opening or closing")))
}
