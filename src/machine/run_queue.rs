//! How long a thread stood ready without a processor: the kernel keeps it for each thread.

use std::fs::File;
use std::os::unix::fs::FileExt;

/// The run-queue delay of the thread that opened it, from `/proc/thread-self/schedstat`.
#[derive(Debug)]
pub struct RunQueue(File);

impl RunQueue {
    /// Opens the calling thread's statistics; `None` where the kernel keeps none.
    #[must_use]
    pub fn of_this_thread() -> Option<RunQueue> {
        // The link names the thread that opens it, once and for all.
        let queue = RunQueue(File::open("/proc/thread-self/schedstat").ok()?);
        queue.waited_ns().map(|_| queue)
    }

    /// Nanoseconds so far in which the thread was ready and another ran in its place. Reading costs
    /// about a microsecond and allocates nothing.
    #[must_use]
    pub fn waited_ns(&self) -> Option<u64> {
        let mut text = [0; 96];
        let length = self.0.read_at(&mut text, 0).ok()?;
        parse(&text[..length])
    }
}

/// The second of three numbers: time on a processor, time waiting for one, time slices.
fn parse(text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?;
    text.split_ascii_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_number_is_the_wait() {
        assert_eq!(parse(b"12345 678 9\n"), Some(678));
        assert_eq!(parse(b"12345"), None);
        assert_eq!(parse(b""), None);
    }

    #[test]
    fn waits_never_shrink() {
        if let Some(queue) = RunQueue::of_this_thread() {
            let before = queue.waited_ns().unwrap();
            std::thread::yield_now();
            assert!(queue.waited_ns().unwrap() >= before);
        }
    }
}
