//! Histograms of latencies while a slice runs, and their way to the parent.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer, V2DeflateSerializer};
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Serialize};

use crate::record::{WINDOW_NS, empty_histogram};

/// A histogram of nanoseconds on its way to the parent: compressed, in Base64.
#[derive(Clone, Debug, PartialEq)]
pub struct SentHistogram(pub Histogram<u64>);

impl Serialize for SentHistogram {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut bytes = Vec::new();
        V2DeflateSerializer::new()
            .serialize(&self.0, &mut bytes)
            .map_err(|error| S::Error::custom(format!("{error:?}")))?;
        serializer.serialize_str(&BASE64_STANDARD.encode(bytes))
    }
}

impl<'de> Deserialize<'de> for SentHistogram {
    fn deserialize<D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> Result<SentHistogram, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = BASE64_STANDARD.decode(text).map_err(D::Error::custom)?;
        Deserializer::new()
            .deserialize(&mut bytes.as_slice())
            .map(SentHistogram)
            .map_err(|error| D::Error::custom(format!("{error:?}")))
    }
}

/// What a thread did in a window of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// The child's clock at its start, in nanoseconds.
    pub at_ns: u64,
    /// Operations that ended in it.
    pub ops: u64,
    /// The longest of them, from the intended start where there is one.
    pub longest_ns: u64,
    /// How much time it covers, in nanoseconds: less than others where the slice ends.
    pub elapsed_ns: u64,
}

/// An operation that took long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LongOp {
    /// The child's clock at its end, in nanoseconds.
    pub ended_ns: u64,
    /// What it took, in nanoseconds.
    pub took_ns: u64,
}

/// The most operations of a slice that are kept one by one.
const MOST_LONG: usize = 1 << 14;

/// Operations that took less are never kept one by one, in nanoseconds: until there is a percentile.
const LONG_NS: u64 = 2_000;

/// The latencies of one thread in one slice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Latencies {
    /// From the intended start; `None` in a closed loop.
    pub response: Option<SentHistogram>,
    /// From the real start.
    pub service: SentHistogram,
    /// Operations whose intended start lay within the slice: more than were done where the table
    /// fell so far behind that the slice was given up.
    pub scheduled: u64,
    /// What the schedule covers, in nanoseconds.
    pub scheduled_ns: u64,
    /// Windows of time, in order; empty where operations are sampled.
    pub windows: Vec<Window>,
    /// The longest thousandth of the operations, as far as it was known when they ended; only where
    /// each operation of a closed loop is clocked.
    #[serde(default)]
    pub long: Vec<LongOp>,
}

/// Where the timed loop puts latencies: made before a slice, with every page touched.
pub(crate) struct Recorder {
    response: Histogram<u64>,
    service: Histogram<u64>,
    window: Window,
    windows: Vec<Window>,
    long: Vec<LongOp>,
    /// What the longest thousandth of the operations took at least, by the slices before.
    tail_ns: u64,
    /// When the last operation ended.
    last_ns: u64,
}

impl Recorder {
    pub(crate) fn new() -> Recorder {
        Recorder {
            response: empty_histogram(),
            service: empty_histogram(),
            window: Window::default(),
            windows: Vec::new(),
            long: Vec::with_capacity(MOST_LONG),
            tail_ns: LONG_NS,
            last_ns: 0,
        }
    }

    /// Empties it, with room for the windows of so long a slice.
    pub(crate) fn prepare(&mut self, slice_ns: u64) {
        if self.service.len() >= 1_000 {
            self.tail_ns = self.service.value_at_quantile(0.999).max(LONG_NS);
        }
        // Writes to every page of both, so that none is missing while the clock runs.
        self.response.reset();
        self.service.reset();
        self.windows.clear();
        let windows = usize::try_from(slice_ns / WINDOW_NS)
            .unwrap_or(0)
            .min(1 << 16);
        self.windows.reserve(3 * windows + 16);
        self.window = Window::default();
        self.long.clear();
    }

    /// The first window begins.
    pub(crate) fn start(&mut self, now_ns: u64) {
        self.window.at_ns = now_ns;
        self.last_ns = now_ns;
    }

    /// An operation that ended at `end_ns`.
    #[inline]
    pub(crate) fn open(&mut self, response_ns: u64, service_ns: u64, end_ns: u64) {
        self.response.saturating_record(response_ns);
        self.service.saturating_record(service_ns);
        self.in_window(response_ns, end_ns);
    }

    /// An operation of a closed loop in which each is clocked.
    #[inline]
    pub(crate) fn clocked(&mut self, service_ns: u64, ended_ns: u64) {
        self.service.saturating_record(service_ns);
        self.in_window(service_ns, ended_ns);
        if service_ns > self.tail_ns && self.long.len() < MOST_LONG {
            self.long.push(LongOp {
                ended_ns,
                took_ns: service_ns,
            });
        }
    }

    #[inline]
    fn in_window(&mut self, took_ns: u64, end_ns: u64) {
        if end_ns - self.window.at_ns >= WINDOW_NS {
            self.next_window(end_ns);
        }
        self.window.ops += 1;
        self.window.longest_ns = self.window.longest_ns.max(took_ns);
        self.last_ns = end_ns;
    }

    /// A sample of a closed loop.
    #[inline]
    pub(crate) fn closed(&mut self, service_ns: u64) {
        self.service.saturating_record(service_ns);
    }

    /// Closes the window; the next one begins at a multiple of its length from the first.
    #[cold]
    fn next_window(&mut self, end_ns: u64) {
        let passed = (end_ns - self.window.at_ns) / WINDOW_NS * WINDOW_NS;
        self.window.elapsed_ns = passed;
        self.windows.push(self.window);
        self.window = Window {
            at_ns: self.window.at_ns + passed,
            ..Window::default()
        };
    }

    /// What an open loop measured.
    pub(crate) fn take_open(&mut self, scheduled: u64, scheduled_ns: u64) -> Latencies {
        Latencies {
            response: Some(SentHistogram(self.response.clone())),
            scheduled,
            scheduled_ns,
            ..self.take_clocked()
        }
    }

    /// What a closed loop measured in which each operation was clocked.
    pub(crate) fn take_clocked(&mut self) -> Latencies {
        self.window.elapsed_ns = self.last_ns.saturating_sub(self.window.at_ns);
        self.windows.push(self.window);
        Latencies {
            windows: self.windows.iter().copied().filter(|w| w.ops > 0).collect(),
            long: self.long.clone(),
            ..self.take_sampled()
        }
    }

    /// What a closed loop measured in which some operations were clocked.
    pub(crate) fn take_sampled(&mut self) -> Latencies {
        Latencies {
            response: None,
            service: SentHistogram(self.service.clone()),
            scheduled: 0,
            scheduled_ns: 0,
            windows: Vec::new(),
            long: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_come_back_as_they_were_sent() {
        let mut recorder = Recorder::new();
        recorder.prepare(1_000_000_000);
        recorder.start(5_000);
        // The second window is empty: the table stood still.
        for (response, end) in [
            (90, 6_000),
            (100, 7_000),
            (WINDOW_NS * 2, WINDOW_NS * 2 + 6_000),
        ] {
            recorder.open(response, 50, end);
        }
        let latencies = recorder.take_open(4, 1_000);
        let windows = [
            Window {
                at_ns: 5_000,
                ops: 2,
                longest_ns: 100,
                elapsed_ns: 2 * WINDOW_NS,
            },
            Window {
                at_ns: 5_000 + 2 * WINDOW_NS,
                ops: 1,
                longest_ns: 2 * WINDOW_NS,
                elapsed_ns: 1_000,
            },
        ];
        assert_eq!(latencies.windows, windows);
        let sent = serde_json::to_string(&latencies).unwrap();
        assert!(
            !sent.contains('\n') && sent.len() < 10_000,
            "{}",
            sent.len()
        );
        assert_eq!(serde_json::from_str::<Latencies>(&sent).unwrap(), latencies);
        assert_eq!(latencies.response.unwrap().0.len(), 3);
        assert!(serde_json::from_str::<SentHistogram>("\"AAAA\"").is_err());
        recorder.prepare(0);
        recorder.closed(7);
        let closed = recorder.take_sampled();
        assert_eq!((closed.response, closed.service.0.len()), (None, 1));

        // The longest thousandth of one slice says what is kept one by one of the next.
        recorder.prepare(0);
        recorder.start(0);
        for op in 1..=10_000 {
            recorder.clocked(op, op);
        }
        let first = recorder.take_clocked();
        assert_eq!(first.long.len(), 10_000 - 2_000);
        recorder.prepare(0);
        recorder.start(0);
        recorder.clocked(9_000, 9_000);
        recorder.clocked(20_000, 29_000);
        let long = recorder.take_clocked().long;
        let one = LongOp {
            ended_ns: 29_000,
            took_ns: 20_000,
        };
        assert_eq!(long, [one]);
    }
}
