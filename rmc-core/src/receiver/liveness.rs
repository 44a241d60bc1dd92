//! When a stream's next packet is expected, and how often it failed to come (S22, S23, S26, F22; RMC-LIVE-1, RMC-LIVE-3
//! to RMC-LIVE-5).

use core::time::Duration;

use crate::config::Config;
use crate::time::Instant;

/// The least tolerance: on time is a little late on any network.
const MIN_TOLERANCE: Duration = Duration::from_millis(10);

/// What one stream has promised.
#[derive(Clone, Copy, Default)]
pub(crate) struct Liveness {
    /// What is expected: by when, and the interval that was promised. `None`: nothing is.
    expected: Option<Expected>,
    missed: u32,
}

#[derive(Clone, Copy)]
struct Expected {
    deadline: Instant,
    interval: Duration,
    /// The interval and its tolerance.
    wait: Duration,
}

impl Liveness {
    /// A packet came that promises the next one within `interval` (`None`: promises nothing). Returns whether one had
    /// been missed.
    #[inline]
    pub(crate) fn touch(&mut self, now: Instant, interval: Option<Duration>, config: &Config) -> bool {
        self.expected = interval.map(|interval| {
            // Most packets promise what the one before did.
            let wait = match self.expected {
                Some(expected) if expected.interval == interval => expected.wait,
                _ => interval + tolerance(interval, config),
            };
            Expected { deadline: now + wait, interval, wait }
        });
        core::mem::take(&mut self.missed) > 0
    }

    /// No packet need come. What was missed stays missed until one does.
    pub(crate) fn expect_nothing(&mut self) {
        self.expected = None;
    }

    /// Starts the wait afresh (S30).
    pub(crate) fn restart(&mut self, now: Instant, config: &Config) {
        let interval = self.expected.map(|expected| expected.interval);
        self.touch(now, interval, config);
    }

    /// When the next packet is overdue.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.expected.map(|expected| expected.deadline)
    }

    /// How many intervals in a row were missed.
    pub(crate) const fn missed(&self) -> u32 {
        self.missed
    }

    /// How long the sender may be silent before another epoch takes its place (S37): the promise in use, at most
    /// `bound`.
    pub(crate) fn patience(&self, bound: Duration) -> Duration {
        self.expected.map_or(bound, |expected| expected.wait.min(bound))
    }

    /// How long the sender may be silent before a newer epoch takes its place: the promise in use; `otherwise` where
    /// nothing is promised.
    pub(crate) fn promise(&self, otherwise: Duration) -> Duration {
        self.expected.map_or(otherwise, |expected| expected.wait)
    }

    /// Counts the intervals that have passed without a packet; `Some(how many in all)` if there is a new one.
    pub(crate) fn check(&mut self, now: Instant) -> Option<u32> {
        let expected = self.expected.as_mut().filter(|expected| expected.deadline <= now)?;
        let late = now.saturating_since(expected.deadline).as_nanos();
        let interval = expected.interval.as_nanos().max(1);
        let intervals = u32::try_from(late / interval).unwrap_or(u32::MAX - 1) + 1;
        self.missed = self.missed.saturating_add(intervals);
        expected.deadline = expected.deadline + expected.interval.saturating_mul(intervals);
        Some(self.missed)
    }
}

/// How late a packet may be: as configured, else half its interval, at least 10 ms (F22).
fn tolerance(interval: Duration, config: &Config) -> Duration {
    config.heartbeat_tolerance.unwrap_or_else(|| (interval / 2).max(MIN_TOLERANCE))
}

#[cfg(feature = "sim")]
crate::fingerprint::state! {
    Liveness { expected, missed }
    Expected { deadline, interval, wait }
}
