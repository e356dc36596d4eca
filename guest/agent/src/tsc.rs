//! The frequency of the host's time stamp counter, which a guest kernel is told at boot.

use std::thread::sleep;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::sys::time_stamp_counter;

const SPAN: Duration = Duration::from_millis(200);
const READS: usize = 50;

/// Counter and clock at one moment
struct Reading {
    ticks: u64,
    nanoseconds: i128,
    uncertainty: u64,
}

/// The frequency in kHz, measured against the raw monotonic clock.
pub fn frequency_khz() -> u64 {
    let begin = read();
    sleep(SPAN);
    let end = read();
    let ticks = i128::from(end.ticks) - i128::from(begin.ticks);
    let nanoseconds = (end.nanoseconds - begin.nanoseconds).max(1);
    u64::try_from((ticks * 1_000_000 + nanoseconds / 2) / nanoseconds).unwrap_or(0)
}

/// Reads both, and keeps the reading with the clock bracketed most tightly.
fn read() -> Reading {
    let readings = (0..READS).map(|_| {
        let before = time_stamp_counter();
        let now = clock_gettime(ClockId::MonotonicRaw);
        let after = time_stamp_counter();
        let uncertainty = after.saturating_sub(before);
        let nanoseconds = i128::from(now.tv_sec) * 1_000_000_000 + i128::from(now.tv_nsec);
        Reading { ticks: before + uncertainty / 2, nanoseconds, uncertainty }
    });
    readings.min_by_key(|reading| reading.uncertainty).unwrap_or(Reading {
        ticks: 0,
        nanoseconds: 0,
        uncertainty: u64::MAX,
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn two_measurements_agree() {
        let (first, second) = (super::frequency_khz(), super::frequency_khz());
        assert!(first > 100_000, "{first}");
        assert!(first.abs_diff(second) < first / 100, "{first} {second}");
    }
}
