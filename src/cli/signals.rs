//! What stops a verb before its end.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::Context;

/// What a program that a signal ended exits with.
const INTERRUPTED: i32 = 130;

/// A flag that the first signal to stop raises. The second one ends the program at once, with 130.
pub(super) fn raised_by_signals() -> anyhow::Result<Arc<AtomicBool>> {
    raised_by_signals_or(INTERRUPTED)
}

/// The same, where the program ends with `code`.
pub(super) fn raised_by_signals_or(code: i32) -> anyhow::Result<Arc<AtomicBool>> {
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register_conditional_shutdown(signal, code, Arc::clone(&interrupted))
            .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&interrupted)))
            .context("signals cannot be caught")?;
    }
    Ok(interrupted)
}

/// Leaves signals to stop to the parent process: some schedulers send them to every process of a job, and a child
/// that ended by one would look like a table that crashed. The parent ends its children.
pub(super) fn left_to_parent() {
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        // One that cannot be caught ends the child, which the parent takes for an interrupt.
        let _ = signal_hook::flag::register(signal, Arc::default());
    }
}
