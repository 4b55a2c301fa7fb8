//! The clock that measures, and the calendar that names runs.

use std::hint::black_box;
use std::sync::OnceLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

const SECONDS_A_DAY: u64 = 86_400;

/// Monotonic nanoseconds since the first call in this process.
#[inline]
pub fn now_ns() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    nanoseconds(START.get_or_init(Instant::now).elapsed())
}

/// What one call of [`now_ns`] costs, in picoseconds: the median of batches, so that a batch in
/// which the thread lost its core does not count. Takes a few milliseconds.
pub fn clock_cost_ps() -> u64 {
    const BATCHES: usize = 101;
    const READINGS: u32 = 1000;
    let mut costs_ps: Vec<u64> = (0..BATCHES)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..READINGS {
                black_box(now_ns());
            }
            nanoseconds(start.elapsed()) * 1000 / u64::from(READINGS)
        })
        .collect();
    *costs_ps.select_nth_unstable(BATCHES / 2).1
}

/// The time in UTC, to the second, in ISO 8601's basic format, fit for file names
/// (`20260131T123456Z`), and as RFC 3339 writes it (`2026-01-31T12:34:56Z`).
pub fn utc_now() -> (String, String) {
    // A clock set before 1970 is wrong anyway; the run is worth more than its date.
    let seconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    utc(seconds)
}

/// 64 bits hold 584 years of nanoseconds.
fn nanoseconds(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn utc(seconds: u64) -> (String, String) {
    let (year, month, day) = civil_from_days(seconds / SECONDS_A_DAY);
    let second_of_day = seconds % SECONDS_A_DAY;
    let (hour, minute, second) = (
        second_of_day / 3600,
        second_of_day / 60 % 60,
        second_of_day % 60,
    );
    (
        format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z"),
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"),
    )
}

/// Year, month and day of the Gregorian calendar, from days since 1970-01-01.
///
/// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`, for days that
/// are not negative. Its years begin in March, so that the leap day is the last day of a year, and
/// are counted in eras of 400 years, which all have 146,097 days.
fn civil_from_days(days: u64) -> (u64, u64, u64) {
    let since_march_0000 = days + 719_468;
    let (era, day_of_era) = (since_march_0000 / 146_097, since_march_0000 % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checked with `date -u -d @SECONDS`.
    #[test]
    fn dates_around_the_corners_of_the_calendar() {
        for (seconds, rfc3339) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_769_862_896, "2026-01-31T12:34:56Z"),
            (1_735_689_599, "2024-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(utc(seconds).1, rfc3339);
        }
        assert_eq!(utc(1_769_862_896).0, "20260131T123456Z");
    }

    /// An independent count, through centuries that have a leap day and centuries that have none.
    #[test]
    fn every_day_of_five_centuries_follows_the_one_before() {
        let (mut year, mut month, mut day) = (1970, 1, 1);
        for days in 0..500 * 366 {
            assert_eq!(civil_from_days(days), (year, month, day));
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let length = match month {
                2 if leap => 29,
                2 => 28,
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            day += 1;
            if day > length {
                (month, day) = (month + 1, 1);
            }
            if month > 12 {
                (year, month) = (year + 1, 1);
            }
        }
    }

    #[test]
    fn the_clock_never_steps_back_and_its_cost_is_measured() {
        let mut last = now_ns();
        for _ in 0..10_000 {
            let now = now_ns();
            assert!(now >= last);
            last = now;
        }
        assert!(clock_cost_ps() > 0);
    }
}
