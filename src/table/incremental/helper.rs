//! The thread that moves buckets while sessions work: asleep until the table is full, gone when the
//! table is.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

use super::growth::Growth;

/// Buckets moved between two looks at whether the table is being dropped.
const BATCH: usize = 1024;

/// The helper thread; dropping it ends and joins it, in the middle of a move if need be.
pub(super) struct Helper {
    growth: Arc<Growth>,
    thread: Option<JoinHandle<()>>,
}

impl Helper {
    pub(super) fn start(growth: &Arc<Growth>) -> io::Result<Helper> {
        let shared = Arc::clone(growth);
        let thread = std::thread::Builder::new()
            .name("table-mover".to_owned())
            .spawn(move || work(&shared))?;
        Ok(Helper {
            growth: Arc::clone(growth),
            thread: Some(thread),
        })
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        self.growth.bell.stop();
        if let Some(thread) = self.thread.take() {
            // A helper that panicked has said so on stderr; a second panic here would end the process.
            let _ = thread.join();
        }
    }
}

fn work(growth: &Growth) {
    while growth.bell.wait() {
        while growth.begin() {
            while !growth.advance(BATCH) {
                if growth.bell.stopped() {
                    return;
                }
            }
            if !growth.claim.give_up_and_look_again() {
                break;
            }
        }
    }
}
