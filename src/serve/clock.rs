//! The server's time: seconds since it started, and what exptimes mean.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Exptimes up to this many seconds count from now, larger ones from 1970: the 30-day rule.
const RELATIVE_MAX: i32 = 60 * 60 * 24 * 30;

/// What the clock shows at the start, so that 0 can mean never and small times are in the past.
const START: u32 = 62;

/// Seconds that have passed, beginning with [`START`].
#[derive(Debug)]
pub(super) struct Clock {
    started: Instant,
    /// When the clock showed 0, in seconds since 1970.
    zero: u64,
}

impl Clock {
    pub(super) fn start() -> Clock {
        let unix = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |passed| passed.as_secs());
        Clock {
            started: Instant::now(),
            zero: unix.saturating_sub(u64::from(START)),
        }
    }

    /// The time now.
    pub(super) fn now(&self) -> u32 {
        let passed = u32::try_from(self.started.elapsed().as_secs()).unwrap_or(u32::MAX);
        START.saturating_add(passed)
    }

    /// Seconds since the start.
    pub(super) fn uptime(&self) -> u32 {
        self.now() - START
    }

    /// A time of this clock in seconds since 1970.
    pub(super) fn unix(&self, time: u32) -> u64 {
        self.zero + u64::from(time)
    }

    /// When something with this exptime ends; 0 for never. What lies in the past ends at 1.
    pub(super) fn deadline(&self, exptime: i32, now: u32) -> u32 {
        match exptime {
            0 => 0,
            ..0 => 1,
            1..=RELATIVE_MAX => now.saturating_add(exptime.unsigned_abs()),
            _ => match u64::from(exptime.unsigned_abs()).checked_sub(self.zero) {
                None | Some(0) => 1,
                Some(time) => u32::try_from(time).unwrap_or(u32::MAX),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exptimes_follow_the_thirty_day_rule() {
        let clock = Clock {
            started: Instant::now(),
            zero: 1_700_000_000,
        };
        for (exptime, deadline) in [
            (0, 0),
            (-1, 1),
            (i32::MIN, 1),
            (10, 110),
            (RELATIVE_MAX, 100 + 2_592_000),
            (RELATIVE_MAX + 1, 1),
            (1_700_000_000, 1),
            (1_700_000_500, 500),
        ] {
            assert_eq!(clock.deadline(exptime, 100), deadline, "{exptime}");
        }
    }
}
