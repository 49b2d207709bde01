//! The clock: one of the two ambient sources of the house.

use std::time::{SystemTime, UNIX_EPOCH};

/// Returns the wall clock's time in milliseconds since the Unix epoch; zero before it.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the wall clock"
)]
pub fn now_ms() -> i64 {
    let elapsed = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_clock_stands_after_the_day_this_was_written() {
        assert!(super::now_ms() > 1_760_000_000_000);
    }
}
